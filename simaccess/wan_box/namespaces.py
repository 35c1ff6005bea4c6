"""Network namespaces: made and removed by iproute2, entered by the calling thread."""

from __future__ import annotations

import ctypes
import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from simaccess.errors import InputError

__all__ = [
    "enter",
    "entered",
    "ip",
    "make",
    "missing",
    "names",
    "remove",
    "remove_leftovers",
    "set_sysctl",
    "sysctl",
    "tun",
]

_FOLDER = Path("/run/netns")
_PREFIX = "simaccess"
_SYSCTL = Path("/proc/sys")
_TUN = "/dev/net/tun"
_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
_numbers = count()


def missing() -> str | None:
    """Return what this machine lacks for a box, or None."""
    if not hasattr(os, "geteuid") or not Path("/proc/self/ns/net").exists():
        return "network namespaces, which Linux has"
    if os.geteuid() != 0:
        return "root's rights, to make network namespaces"
    if shutil.which("ip") is None:
        return "the command ip (on Debian: apt install iproute2)"
    return None


def ip(*words: str) -> str:
    """Run iproute2's ``ip`` and return what it prints.

    Raises
    ------
    InputError
        If it fails.
    """
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        problem = done.stderr.strip() or f"exit code {done.returncode}"
        raise InputError(f"'ip {' '.join(words)}' failed: {problem}")
    return done.stdout


def names() -> tuple[str, str]:
    """Return names for a near and a far namespace that tell which process they belong to."""
    stem = f"{_PREFIX}-{os.getpid()}-{next(_numbers)}"
    return f"{stem}-near", f"{stem}-far"


def make(name: str) -> None:
    """Make a namespace in which the loopback device is up, without IPv6's chatter."""
    ip("netns", "add", name)
    ip("-netns", name, "link", "set", "lo", "up")
    with entered(name):
        if (_SYSCTL / "net/ipv6").exists():
            set_sysctl("net.ipv6.conf.all.disable_ipv6", "1")
            set_sysctl("net.ipv6.conf.default.disable_ipv6", "1")


def remove(name: str) -> None:
    """Remove a namespace's name; it is gone once the last process in it is."""
    subprocess.run(["ip", "netns", "delete", name], capture_output=True, check=False)


def remove_leftovers() -> list[str]:
    """Remove the namespaces of processes that are no more; return their names."""
    left = []
    for path in sorted(_FOLDER.glob(f"{_PREFIX}-*-*-*")):
        owner = path.name.split("-")[1]
        if owner.isdecimal() and not Path("/proc", owner).exists():
            for process in ip("netns", "pids", path.name).split():
                os.kill(int(process), 9)
            remove(path.name)
            left.append(path.name)
    return left


def _setns(descriptor: int) -> None:
    if hasattr(os, "setns"):  # Python 3.12
        os.setns(descriptor, _CLONE_NEWNET)
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(descriptor, _CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


def enter(name: str) -> None:
    """Move the calling thread into a namespace for good."""
    inside = os.open(_FOLDER / name, os.O_RDONLY)
    try:
        _setns(inside)
    finally:
        os.close(inside)


@contextmanager
def entered(name: str) -> Iterator[None]:
    """Move the calling thread into a namespace, and back at the end.

    Sockets stay for life in the namespace in which they were made. Other threads do not move;
    threads and processes that are started meanwhile begin there.
    """
    before = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        enter(name)
        try:
            yield
        finally:
            _setns(before)
    finally:
        os.close(before)


def sysctl(key: str) -> str | None:
    """Return a setting of the kernel as the calling thread's namespace has it, or None."""
    try:
        return (_SYSCTL / key.replace(".", "/")).read_text(encoding="ascii").strip()
    except OSError:
        return None


def set_sysctl(key: str, value: str) -> None:
    """Change a setting of the kernel for the calling thread's namespace."""
    (_SYSCTL / key.replace(".", "/")).write_text(value, encoding="ascii")


def tun(name: str, device: str) -> int:
    """Make a TUN device in a namespace and return its descriptor, which does not block.

    The device carries plain IP packets. Since it claims no offloads, the kernel cuts what TCP
    hands down into packets of its MTU.

    Raises
    ------
    InputError
        If there is no TUN driver.
    """
    with entered(name):  # the device is made in the namespace in which the file was opened
        try:
            descriptor = os.open(_TUN, os.O_RDWR | os.O_NONBLOCK)
        except OSError as error:
            raise InputError(
                f"no TUN devices here: {error.strerror} ({_TUN})",
                key="emulator",
                allowed="netem, where the kernel has it",
            ) from None
        request = struct.pack("16sH22x", device.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(descriptor, _TUNSETIFF, request)
    return descriptor
