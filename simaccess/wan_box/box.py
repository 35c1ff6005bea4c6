"""The box: two namespaces, the link between them, and what runs in them."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

import numpy as np
from pydantic import ValidationError

from simaccess.closing import Closing
from simaccess.errors import UNSET, InputError
from simaccess.refusal import refusal
from simaccess.wan_box import compiled, guard, namespaces, netem
from simaccess.wan_box.drop_tail import LOSS_SCALE
from simaccess.wan_box.packet_log import RECORD, Lateness, PacketLog
from simaccess.wan_box.parameters import MTU, BoxParameters, Congestion, Emulator
from simaccess.wan_box.priority import give
from simaccess.wan_box.probe import round_trips
from simaccess.wan_box.server import Server

__all__ = ["WanBox"]

_DEVICE = "wan0"
_NEAR, _FAR = "192.0.2.1", "192.0.2.2"  # TEST-NET-1 (RFC 5737): nobody's
_QUEUE = 20_000
"""Packets that a device holds: it must never be the one that drops."""
_SPIN = {"c": 20_000, "python": 60_000}
# This package and no other of its name, which may stand in the working directory.
_PYTHON = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from simaccess.wan_box.emulator import main; main(sys.argv[2:])"
)
_PYTHON_LIMIT = 25_000_000
"""Bytes a second up to which the Python emulator keeps its times."""
_SYSCTLS = """
net.ipv4.tcp_congestion_control net.ipv4.tcp_available_congestion_control
net.ipv4.tcp_slow_start_after_idle net.ipv4.tcp_no_metrics_save net.ipv4.tcp_timestamps
net.ipv4.tcp_sack net.ipv4.tcp_window_scaling net.ipv4.tcp_rmem net.ipv4.tcp_wmem
net.ipv4.tcp_moderate_rcvbuf net.ipv4.tcp_recovery net.ipv4.tcp_early_retrans
net.ipv4.tcp_limit_output_bytes net.ipv4.tcp_notsent_lowat net.ipv4.tcp_ecn
net.ipv4.tcp_pacing_ss_ratio net.ipv4.tcp_pacing_ca_ratio net.ipv4.tcp_rto_min_us
""".split()


class WanBox(Closing):
    """Two network namespaces, near and far, joined by an emulated link.

    In each direction IP packets pass a FIFO queue that is emptied at a constant rate and drops what
    its buffer has no room for, then random loss, then a delay of half the round-trip time. No
    packet overtakes another. It needs root's rights, on Linux.

    It exists within ``with``. At the end of that, and also when the process dies, its namespaces,
    servers and emulator go.

    Parameters
    ----------
    rtt : str
        Round-trip time without queueing and without the time of the bytes, such as ``'20 ms'``.
    rate, upstream_rate : str
        Bytes of IP packets a second towards the near end, such as ``'100 Mbit/s'``, and away from
        it; the latter by default the same.
    buffer, upstream_buffer : str
        Bytes that wait or are being sent, at most; by default what the path holds, rate times
        round-trip time, and 10 full packets at least.
    loss, upstream_loss : float
        Probability that a packet gets lost behind the queue; upstream by default the same.
    seed : int
        Of the losses.
    congestion : {'reno', 'cubic', 'bbr'}, optional
        Congestion control of new connections at both ends; by default the machine's.
    socket_buffers : str, optional
        Bytes of a TCP socket's buffers, to receive and to send, from its beginning on, such as
        ``'8 MiB'``. By default the kernel finds sizes, which takes several round trips and may, at
        short ones, stop at a window of 56 packets (see ``docs/wan-box.md``).
    emulator : {'auto', 'netem', 'c', 'python'}
        What emulates the link: the kernel, a program in C that is built on demand, or one in
        Python. By default the kernel if it can, then Python up to 200 Mbit/s where there is no
        compiler, and C otherwise.
    cpu : int, optional
        The processor that the emulator shall run on.
    records : int
        Packets that the log holds.

    Attributes
    ----------
    address : str
        IPv4 address of the far end.
    near_address : str
        That of the near end.
    emulator : str
        The emulator in use.

    Raises
    ------
    InputError
        If a value is not allowed; on entering, if the machine cannot make such a box.
    """

    address = _FAR
    near_address = _NEAR

    def __init__(self, *, records: int = 1 << 18, **parameters: Any) -> None:
        try:
            self.parameters = BoxParameters.model_validate(parameters)
        except ValidationError as error:
            first = error.errors()[0]
            key = str(first["loc"][0]) if first["loc"] else None
            if first["type"] == "extra_forbidden":
                allowed = BoxParameters.model_fields
                raise InputError("no such parameter", None, key, first["input"], allowed) from None
            value = parameters.get(key, UNSET) if key else UNSET
            raise refusal(error, key, value) from None
        self.down, self.up = self.parameters.directions()
        self.emulator: Emulator = self.parameters.emulator
        self._records = records
        self._congestion: Congestion | None = None
        self._names = ("", "")
        self._guard: subprocess.Popen[str] | None = None
        self._log: PacketLog | None = None
        self._servers: list[Server] = []

    # -- making and ending ---------------------------------------------------------------------

    def __enter__(self) -> Self:
        lacking = namespaces.missing()
        if lacking is not None:
            raise InputError(f"a WAN in a box needs {lacking}")
        namespaces.remove_leftovers()
        self.emulator = self._choose()
        self._names = near, far = namespaces.names()
        try:
            namespaces.make(near)
            namespaces.make(far)
            if self.emulator == "netem":
                self._guard = guard.start(near, far, os.getpid(), guard.KERNEL)
                netem.lay(f"{near}-path", near, far, self.down, self.up)
            else:
                self._emulate(near, far)
            guard.await_ready(self._guard_running())
            for end in self._ends():
                self._address(*end)
            if self.parameters.congestion is not None:
                self.set_congestion(self.parameters.congestion)
            if self.emulator == "netem":
                self._check()
        except BaseException:
            self.close()
            raise
        return self

    def close(self) -> None:
        """Take everything away; harmless when called again."""
        while self._servers:
            self._servers.pop().end()
        guarding, self._guard = self._guard, None
        if guarding is not None:
            guard.end(guarding)
        for name in self._names:
            if name:
                namespaces.remove(name)
        self._names = ("", "")
        if self._log is not None:
            self._log.close()
            self._log = None

    def _choose(self) -> Emulator:
        wanted = self.parameters.emulator
        if wanted == "netem" and not netem.available():
            allowed = "auto, c, python"
            raise InputError("this kernel has no netem", None, "emulator", wanted, allowed)
        if wanted != "auto":
            return wanted
        if netem.available():
            return "netem"
        slow = max(self.down.rate, self.up.rate) <= _PYTHON_LIMIT
        return "python" if slow and compiled.compiler() is None else "c"

    def _emulate(self, near: str, far: str) -> None:
        """Make the devices and start the emulator between them."""
        if self.emulator == "c":
            program = [str(compiled.emulator())]
        else:
            program = [sys.executable, "-c", _PYTHON, str(Path(__file__).parents[2])]
        self._log = PacketLog(self._records)
        devices: list[int] = []
        try:
            devices += [namespaces.tun(near, _DEVICE), namespaces.tun(far, _DEVICE)]
            inherited = [*devices, self._log.descriptor]
            cpu = -1 if self.parameters.cpu is None else self.parameters.cpu
            numbers = [*inherited, self._records, _SPIN[self.emulator], cpu]
            command = [*program, *map(str, numbers), *self.down.words(), *self.up.words()]
            self._guard = guard.start(near, far, os.getpid(), command, inherited)
        finally:
            for device in devices:
                os.close(device)

    def _address(self, name: str, own: str, other: str) -> None:
        namespaces.ip(
            *("-netns", name, "link", "set", "dev", _DEVICE),
            *("mtu", str(MTU), "txqueuelen", str(_QUEUE), "up"),
        )
        namespaces.ip("-netns", name, "address", "add", own, "peer", other, "dev", _DEVICE)
        with namespaces.entered(name):
            # No connection shall begin with what another one has learnt.
            namespaces.set_sysctl("net.ipv4.tcp_no_metrics_save", "1")
            size = self.parameters.socket_buffers
            if size is not None:
                for key in ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"):
                    # Least, default and most.
                    namespaces.set_sysctl(key, f"4096 {size} {max(size, 1 << 22)}")

    def _check(self) -> None:
        """See that the kernel's link has the round-trip time that it was asked for."""
        wanted = 2 * self.down.delay / 1e9
        times = self.ping(10)
        if not times or not wanted * 0.98 <= min(times) <= wanted * 1.02 + 1e-3:
            found = f"{min(times) * 1e3:.3g} ms" if times else "endless"
            raise InputError(
                f"netem's round-trip time here is {found}, not {wanted * 1e3:.3g} ms",
                key="emulator",
                allowed="c, python",
            )

    def _ends(self) -> tuple[tuple[str, str, str], tuple[str, str, str]]:
        """Return of each end its namespace, its address and the other's."""
        near, far = self._names
        return (near, _NEAR, _FAR), (far, _FAR, _NEAR)

    def _guard_running(self) -> subprocess.Popen[str]:
        if self._guard is None:
            raise InputError("the box is not open; use it in a with statement")
        return self._guard

    # -- what runs in it -----------------------------------------------------------------------

    @property
    def near_namespace(self) -> str:
        """The name of the near namespace, for other processes (`namespaces.enter`)."""
        self._guard_running()
        return self._names[0]

    def near(self) -> AbstractContextManager[None]:
        """Move the calling thread into the near namespace for the length of a ``with``.

        A socket that is made there stays there for life, so a link that was opened there goes on
        over the emulated link afterwards.
        """
        self._guard_running()
        return namespaces.entered(self._names[0])

    def far(self) -> AbstractContextManager[None]:
        """Move the calling thread into the far namespace for the length of a ``with``."""
        self._guard_running()
        return namespaces.entered(self._names[1])

    def server(
        self,
        command: Sequence[str],
        *,
        port: int,
        timeout: float = 10.0,
        real_time: bool = False,
    ) -> subprocess.Popen[bytes]:
        """Start a server in the far namespace and wait until it listens.

        Parameters
        ----------
        command : sequence of str
            The program and its arguments; it must stay in the foreground.
        port : int
            The TCP port at which it will listen.
        timeout : float
            Seconds to wait.
        real_time : bool
            Whether it runs at real-time priority, as far as that is allowed, so that others do
            not hold it up; see `simaccess.wan_box.real_time` for the client.

        Returns
        -------
        subprocess.Popen
            The process; the box ends it.

        Raises
        ------
        InputError
            If it ends or does not listen in time.
        """
        self._guard_running()
        server = Server(self._names[1], command)
        if real_time:
            give(server.process.pid)
        self._servers.append(server)
        server.await_listening(port, timeout)
        return server.process

    def run(self, command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[Any]:
        """Run a command in the near namespace; options are those of `subprocess.run`."""
        self._guard_running()
        inside = ["ip", "netns", "exec", self._names[0], *command]
        return subprocess.run(inside, check=options.pop("check", False), **options)

    # -- settings and facts --------------------------------------------------------------------

    def set_congestion(self, congestion: Congestion) -> None:
        """Choose the congestion control of connections made or accepted from now on, both ends.

        Raises
        ------
        InputError
            If the kernel does not have it.
        """
        known = namespaces.sysctl("net.ipv4.tcp_available_congestion_control")
        if congestion not in (known or "").split():
            problem, allowed = "this kernel does not have it", (known or "").split()
            raise InputError(problem, None, "congestion", congestion, allowed)
        self._guard_running()
        for name, own, other in self._ends():
            # By the route: a namespace's own sysctl refuses what the machine does not allow to all.
            route = f"route replace {other} dev {_DEVICE} src {own} congctl {congestion}"
            namespaces.ip("-netns", name, *route.split())
        self._congestion = congestion

    def connections(self) -> str:
        """Return what ``ss -ti`` says of the TCP connections at the far end."""
        self._guard_running()
        command = ["ss", "--net", self._names[1], "-tinH"]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout

    def ping(self, number: int = 1, timeout: float | None = None) -> list[float]:
        """Return the seconds of datagrams there and back, without those that got lost."""
        patience = timeout if timeout is not None else 1.0 + 2 * self.parameters.rtt
        return round_trips(self.near, self.far, _FAR, number, patience)

    def lateness(self) -> Lateness | None:
        """Return how late packets have left since the last call; None with netem.

        What still is under way does not count; call it when the link is idle.
        """
        return None if self._log is None else self._log.lateness()

    def packet_count(self) -> int:
        """Return how many packets have come to the emulator; 0 with netem."""
        return 0 if self._log is None else self._log.count

    def packets(self, first: int = 0) -> np.ndarray[Any, np.dtype[np.void]]:
        """Return the log of packets from number `first` on (`simaccess.wan_box.packet_log.RECORD`).

        It holds the latest ones only; with netem none.
        """
        log = self._log
        return np.empty(0, RECORD) if log is None else log.since(first)

    def facts(self) -> dict[str, Any]:
        """Return what a measurement over this box should record of it."""
        with self.far():
            settings = {key: namespaces.sysctl(key) for key in _SYSCTLS}
        shown = {
            name: {"rate_bytes_per_s": way.rate, "buffer_bytes": way.buffer}
            | {"delay_ns": way.delay, "loss": way.loss / LOSS_SCALE}
            for name, way in (("down", self.down), ("up", self.up))
        }
        return {
            "emulator": self.emulator,
            "real_time": self._log is not None and self._log.real_time,
            "cpu": self.parameters.cpu,
            "processors": os.cpu_count(),
            "kernel": platform.release(),
            "mtu_bytes": MTU,
            "congestion": self._congestion,
            "seed": self.parameters.seed,
            **shown,
            "sysctl": {key: value for key, value in settings.items() if value is not None},
        }
