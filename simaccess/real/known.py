"""What is known of a link within one machine before a ``fifo-link`` is fitted to it.

Who moves the bytes follows from the link's URL. The rest are figures of the machine that was
measured, which its header tells, of the kernel, and of this library's own code; and where a fit
begins, which is no more than a guess. Each figure has its source here, once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from simaccess.errors import InputError
from simaccess.real.file import FileOptions
from simaccess.real.nbd_link import NbdOptions
from simaccess.real.shared_memory import SharedMemoryOptions
from simaccess.real.urls import options

__all__ = ["Known", "known"]


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a link.

    Attributes
    ----------
    name : str
        What it is.
    facts : mapping of str to str
        Parameters that are known, by dotted key.
    guesses : mapping of str to str
        Where those begin that are to be fitted and have no measured value.
    fitted : tuple of str
        The parameters that are to be fitted.
    cools : bool
        Whether cold cells of this link go by what a ``fifo-link`` has not: a disk.
    """

    name: str
    facts: Mapping[str, str]
    guesses: Mapping[str, str]
    fitted: tuple[str, ...]
    cools: bool = False

    @property
    def settings(self) -> Mapping[str, str]:
        """All of the parameters."""
        return {**self.facts, **self.guesses}


# A hit in the shadow is a view, whatever its bytes; no cell tells the end of a copy from its start.
_HERE = {"local.rate": "1000 GB/s", "dma.channels": "1", "dma.completion": "0 us"}
_SOFTWARE = {
    "local.latency": "400 ns",
    "client.access": "400 ns",
    "client.miss": "1.5 us",
    "client.step": "1.7 us",
}
_CLIENT = ("local.latency", "client.access", "client.miss", "client.step")
_COMMON = ("link.rate", "link.latency", "dma.issue")

# The GNU C library's memmove copies by `rep movsb` up to this size on AMD, by vectors beyond
# (`rep_movsb_stop_threshold` in its sysdeps/x86/dl-cacheinfo.h): that of the L2.
_LONG_RATE = {"link.long_rate": "40 GB/s"}
# Of a core: its L2, and what the machine's other users leave it of the L3. Tried, not looked up: of
# 1 to 6 MiB, on two sets of one machine (L2 1 MiB, L3 32 MiB), 3 and 4 left the least in both.
_NEAR = {"cache.size": "4 MiB"}
_NEAR_RATE = {"cache.rate": "60 GB/s"}

# A unix socket hands over at most this at once, what `unix_stream_sendmsg` puts into one buffer
# (32 KiB of pages and one of its head); and has room for this (`SO_SNDBUF` by default, 212992
# bytes, and what is in the receiver's hands).
_SOCKET = {"link.piece": "36 KiB", "link.window": "219264 B"}
# Of `simaccess.real.nbd`, timed apart: 16 requests of 64 bytes, after which the client slept until
# all had been answered.
_REQUEST = {"dma.issue": "3.3 us"}
_TAKING = {"dma.handling": "6 us", "dma.take_rate": "8 GB/s", "link.load_wait": "10 us"}


def known(link: str, machine: Mapping[str, Any] | None = None) -> Known | None:
    """Return what is known of a link by its URL; None of one that leads elsewhere.

    Parameters
    ----------
    link : str
        The URL.
    machine : mapping, optional
        What the measured set's header tells of the machine.
    """
    scheme = link.partition(":")[0].lower()
    try:
        if scheme == "shm":
            return _shared(options(link, SharedMemoryOptions)[1], machine or {})
        if scheme == "file":
            return _file(options(link, FileOptions)[1])
        if scheme == "nbd+unix":
            options(link, NbdOptions)
            return _served("NBD over a unix socket", _SOCKET)
        if scheme == "nbd" and urlsplit(link).hostname in {"localhost", "127.0.0.1", "::1"}:
            return _served("NBD over the loopback", {})
    except InputError:  # a header that somebody else has written
        return None
    return None


def _shared(chosen: SharedMemoryOptions, machine: Mapping[str, Any]) -> Known:
    if chosen.mover == "engine":
        return _helped("shared memory, copied by a helper process")
    facts = {"dma.mover": chosen.mover, **_HERE}
    guesses = dict(_SOFTWARE)
    fitted = [*_COMMON, *_CLIENT]
    second = machine.get("caches", {}).get("L2", "")
    if "AMD" in str(machine.get("cpu", "")) and second.endswith("K"):
        facts["link.long"] = f"{second[:-1]} KiB"
        guesses |= _LONG_RATE
        fitted += _LONG_RATE
    return Known("shared memory, copied by the consumer", facts, guesses, tuple(fitted))


def _file(chosen: FileOptions) -> Known:
    name = f"a file, {chosen.mode}"
    if chosen.mover == "engine":
        return _helped(f"{name}, copied by a helper process", cools=chosen.mode != "direct")
    facts = {"dma.mover": chosen.mover, **_HERE, **_NEAR}
    guesses = {**_SOFTWARE, **_NEAR_RATE}
    if chosen.mover == "waiter":
        guesses["dma.issue_rate"] = "60 GB/s"
    fitted = (*_COMMON, *guesses)
    return Known(f"{name}, read by the consumer", facts, guesses, fitted, chosen.mode != "direct")


def _helped(name: str, *, cools: bool = False) -> Known:
    """Return what is known where a helper process copies, and the consumer loads by itself."""
    facts = {"dma.mover": "engine", **_HERE}
    guesses = {"link.load_rate": "40 GB/s", **_SOFTWARE}
    return Known(name, facts, guesses, (*_COMMON, "dma.start", *guesses), cools)


def _served(name: str, socket: Mapping[str, str]) -> Known:
    facts = {"dma.mover": "engine", **_HERE, **_REQUEST, **socket}
    guesses = {**_TAKING, **_SOFTWARE}
    if socket:
        guesses["link.wake"] = "7 us"
    return Known(name, facts, guesses, ("link.rate", "link.latency", "dma.start", *guesses))
