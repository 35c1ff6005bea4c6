"""The emulated link by the kernel's own means, where it has them.

A third namespace lies between the two and is the path: what leaves it towards an end passes a
token bucket there (`tbf`: the bottleneck's rate and its buffer in bytes), then, behind one more
pair of virtual devices, `netem` with the loss and the delay, which so strike behind the queue.
"""

from __future__ import annotations

import subprocess

from simaccess.errors import InputError
from simaccess.wan_box.drop_tail import LOSS_SCALE, DropTail
from simaccess.wan_box.namespaces import ip, make, remove

__all__ = ["available", "commands", "lay"]

_ETHERNET = 14  # bytes of an Ethernet header, which a rate of IP bytes does not count
_MTU = 1500


def available() -> bool:
    """Return whether the kernel has netem: by trying it in a namespace of its own."""
    name = "simaccess-0-probe-netem"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, check=False)
    try:
        words = "qdisc add dev lo root netem delay 1ms".split()
        done = subprocess.run(["tc", "-netns", name, *words], capture_output=True, check=False)
    except FileNotFoundError:
        return False
    finally:
        remove(name)
    return not made.returncode and not done.returncode


def commands(path: str, near: str, far: str, down: DropTail, up: DropTail) -> list[list[str]]:
    """Return the commands that lay a link between two namespaces through a third.

    Each end is joined to a bridge in the path by two pairs of devices: ``wan0`` with ``in``, and
    ``shape`` with ``delay``. Towards an end, packets leave by ``shape``, then by ``delay``.
    """
    lines: list[str] = []
    for end, name, way in (("near", near, down), ("far", far, up)):
        lines += [
            f"ip -netns {path} link add {end}-in type veth peer name wan0 netns {name}",
            f"ip -netns {path} link add {end}-shape type veth peer name {end}-delay",
            f"ip -netns {path} link add {end}-bridge type bridge",
            f"ip -netns {path} link set {end}-in master {end}-bridge",
            f"ip -netns {path} link set {end}-delay master {end}-bridge",
        ]
        # The bottleneck: a burst of one packet, a limit in bytes, sizes without Ethernet's header.
        lines.append(
            f"tc -netns {path} qdisc add dev {end}-shape root stab overhead -{_ETHERNET} "
            f"tbf rate {way.rate * 8}bit burst {_MTU + _ETHERNET} limit {way.buffer}"
        )
        loss = f" loss {100 * way.loss / LOSS_SCALE:.9f}%" if way.loss else ""
        lines.append(
            f"tc -netns {path} qdisc add dev {end}-in root netem delay {way.delay}ns{loss} "
            f"limit {10_000 + way.rate * way.delay // 40_000_000_000}"
        )
    lines += [
        f"ip -netns {path} link add middle type bridge",
        f"ip -netns {path} link set near-shape master middle",
        f"ip -netns {path} link set far-shape master middle",
    ]
    for device in [
        *(f"{end}-{part}" for end in ("near", "far") for part in ("in", "shape", "delay")),
        *("near-bridge", "far-bridge", "middle"),
    ]:
        lines.append(f"ip -netns {path} link set dev {device} up")
    # No packets beyond the MTU: a queue in bytes is to see what a wire would.
    lines += [f"ip -netns {name} link set dev wan0 gso_max_segs 1" for name in (near, far)]
    return [line.split() for line in lines]


def lay(path: str, near: str, far: str, down: DropTail, up: DropTail) -> None:
    """Make the namespace `path` and lay the link through it.

    Raises
    ------
    InputError
        If a command fails.
    """
    make(path)
    for command in commands(path, near, far, down, up):
        if command[0] == "ip":
            ip(*command[1:])
            continue
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            problem = done.stderr.strip()
            raise InputError(f"'{' '.join(command)}' failed: {problem}", key="emulator")
