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
    "client.seek": "300 ns",
    "client.layer": "60 ns",
    "client.look": "600 ns",
    "client.step": "1.7 us",
}
_COMMON = ("link.rate", "link.latency", "dma.issue")

# The GNU C library's memmove copies by `rep movsb` up to this size on AMD, by vectors beyond
# (`rep_movsb_stop_threshold` in its sysdeps/x86/dl-cacheinfo.h): that of the L2.
_LONG_RATE = {"link.long_rate": "40 GB/s"}
# Where bytes are that a processor copies. What the machine's other users leave of its L3 is not
# known.
_NEAR_RATES = {"cache.rate": "100 GB/s"}
_SHARED_RATES = {"cache.shared_rate": "60 GB/s"}
_COLD = {"client.cold": "5 us"}

# A unix socket hands over at most this at once, what `unix_stream_sendmsg` puts into one buffer
# (32 KiB of pages and one of its head); and has room for this (`SO_SNDBUF` by default, 212992
# bytes, and what is in the receiver's hands).
_SOCKET = {"link.piece": "36 KiB", "link.window": "219264 B"}
# Of `simaccess.real.nbd`, timed apart: 16 requests of 64 bytes, after which the client slept until
# all had been answered.
_REQUEST = {"dma.issue": "3.3 us"}
_TAKING = {"dma.handling": "5 us", "dma.take_rate": "8 GB/s", "link.load_wait": "10 us"}
# A request to a server that sleeps took 6 us longer to hand over, as `RealClock.issue` told of
# copy-once beside prefetch.
_ROUSING = {"link.rouse": "6 us"}
# What computed between the calls of NBD's client (`RealClock.compute`) took longer than beside
# copies within memory, since it comes after a stretch in the kernel. Of whole methods, those that
# tell a step or a layer are prefetch's, and they go by what is in a socket's buffer, too: so these
# are known, the rest of them from shared memory, where nothing comes between.
_MISS = {"client.miss": "2.7 us"}
_DECIDING = {key: _SOFTWARE[key] for key in ("client.seek", "client.layer", "client.look")}
_DECIDING |= {"client.step": "3.2 us"}
# Servers send a reply's header by a call of its own.
_ANNOUNCED = {"link.announced": "true"}


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
            return _file(options(link, FileOptions)[1], machine or {})
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
    near, rates = _caches(machine)
    facts = {"dma.mover": chosen.mover, **_HERE, **near}
    guesses = {**_SOFTWARE, **rates}
    if "AMD" in str(machine.get("cpu", "")) and "cache.size" in near:
        facts["link.long"] = near["cache.size"]
        guesses |= _LONG_RATE
    fitted = (*_COMMON, *guesses)
    return Known("shared memory, copied by the consumer", facts, guesses, fitted)


def _file(chosen: FileOptions, machine: Mapping[str, Any]) -> Known:
    name = f"a file, {chosen.mode}"
    if chosen.mover == "engine":
        return _helped(f"{name}, copied by a helper process", cools=chosen.mode != "direct")
    near, rates = _caches(machine)
    facts = {"dma.mover": chosen.mover, **_HERE, **near}
    guesses = {**_SOFTWARE, **rates}
    if chosen.mover == "waiter":
        guesses["dma.issue_rate"] = "60 GB/s"
    fitted = (*_COMMON, *guesses)
    return Known(f"{name}, read by the consumer", facts, guesses, fitted, chosen.mode != "direct")


def _caches(machine: Mapping[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the sizes of a processor's caches, and where the rates of copies in them begin.

    A header has the kernel's text, such as 1024K; without the L2 there is no telling what is near.
    """
    told = machine.get("caches")
    sizes = {
        level: f"{size[:-1]} KiB"
        for level, size in (told if isinstance(told, Mapping) else {}).items()
        if isinstance(size, str) and size.endswith("K") and size[:-1].isdecimal()
    }
    if "L2" not in sizes:
        return {}, {}
    facts, guesses = {"cache.size": sizes["L2"]}, {**_NEAR_RATES, **_COLD}
    if "L3" in sizes:
        facts["cache.shared"] = sizes["L3"]
        guesses |= _SHARED_RATES
    return facts, guesses


def _helped(name: str, *, cools: bool = False) -> Known:
    """Return what is known where a helper process copies, and the consumer loads by itself."""
    facts = {"dma.mover": "engine", **_HERE}
    guesses = {"link.load_rate": "40 GB/s", **_SOFTWARE}
    return Known(name, facts, guesses, (*_COMMON, "dma.start", *guesses), cools)


def _served(name: str, socket: Mapping[str, str]) -> Known:
    facts = {"dma.mover": "engine", **_HERE, **_REQUEST, **_DECIDING, **_ANNOUNCED, **socket}
    software = {key: value for key, value in _SOFTWARE.items() if key not in _DECIDING}
    guesses = {**_TAKING, **_ROUSING, **software, **_MISS}
    if socket:
        guesses["link.wake"] = "7 us"
    return Known(name, facts, guesses, ("link.rate", "link.latency", "dma.start", *guesses))
