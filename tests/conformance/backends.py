"""The links that the conformance suite runs on: one line each."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

from simaccess.kinds import KINDS
from simaccess.model import load_model
from simaccess.real.link import RealLink
from simaccess.segment import Data
from simaccess.sim.environment import Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simaccess.sim.link import Link
from simaccess.sim.local_memory import LocalMemory, LocalSection, LocalTicks
from tests.real.local_links import file_link, shared_memory_link
from tests.real.memory_link import memory_link
from tests.real.nbd_backends import on_nbd_server, on_nbdkit, on_qemu_nbd
from tests.real.servers import http_link, memory_file_link

__all__ = ["REAL", "SIMULATED", "Factory", "RealFactory"]

Maker: TypeAlias = Callable[[Environment, int, memoryview | None], Link]
"""Makes a link to a segment of some bytes, or to one without bytes (timing only)."""


@dataclass(frozen=True)
class Factory:
    """A backend.

    Attributes
    ----------
    make : callable
        Makes its link.
    line : int
        Bytes that it moves at least, and may keep in a cache; 1 where it moves what is asked.
    overlaps : bool
        Whether somebody else than the consumer's processor makes bulk copies.
    """

    make: Maker
    line: int = 1
    overlaps: bool = True

    def __call__(self, env: Environment, size: int, data: memoryview | None) -> Link:
        return self.make(env, size, data)


@dataclass(frozen=True)
class RealFactory:
    """A real backend.

    Attributes
    ----------
    open : callable
        ``open(content)`` is a context: a link to a segment with these bytes, and what returns the
        segment's bytes as they are at the far end. It skips the test if a server is missing.
    writable : bool
        Whether the segment can be written.
    line : int
        As for `Factory`.
    overlaps : bool or None
        As for `Factory`; None where a copy may have ended before anybody waits for it.
    """

    open: Callable[[bytes], AbstractContextManager[tuple[RealLink, Callable[[], bytes]]]]
    writable: bool = True
    line: int = 1
    overlaps: bool | None = True


class QueuedMemory(LocalMemory):
    """Local memory that others use too, so that an access waits for its turn."""

    async def load(self, offset: int, length: int) -> Data:
        await self.env.turn
        await super().load(offset, length)
        await self.env.turn
        return self.view(offset, length)

    async def store(self, offset: int, length: int, data: Data) -> None:
        await self.env.turn
        await super().store(offset, length, None)
        await self.env.turn
        await super().store(offset, length, data)


class QueuedLink(FifoLink):
    def local(self, size: int) -> LocalMemory:
        slow = LocalSection.model_validate(
            {"latency": "2 us", "rate": "1 GB/s", "copy_rate": "1 GB/s"}
        )
        return QueuedMemory(self.env, size, LocalTicks(slow), real=self.data is not None)


def fifo(
    posted: bool, channels: int, kind: type[FifoLink] = FifoLink, mover: str = "engine"
) -> Factory:
    """Return a plain link; where a processor moves the bytes, it has a cache and dear software."""
    sections: dict[str, dict[str, object]] = {
        "link": {"rate": "100 MB/s", "latency": "1 us", "posted": posted},
        "dma": {"channels": channels, "issue": "200 ns", "start": "1 us", "completion": "1 us"},
        "local": {"latency": "5 ns", "rate": "10 GB/s", "copy_rate": "5 GB/s"},
    }
    if mover != "engine":
        sections["dma"]["mover"] = mover
        sections["cache"] = {"size": "16 KiB", "rate": "1 GB/s"}
        sections["client"] = {"access": "300 ns", "miss": "2 us", "step": "1 us"}
    parameters = FifoParameters.model_validate(sections)
    return Factory(
        lambda env, size, data: kind(env, parameters, size, data), overlaps=mover == "engine"
    )


def model(name: str, line: int = 1, overlaps: bool = True, **changes: str) -> Factory:
    """Return a shipped model's link, with some parameters changed."""
    dotted = {key.replace("__", "."): value for key, value in changes.items()}
    found = load_model(name, dotted)
    kind = KINDS[found.kind]
    return Factory(
        lambda env, size, data: kind.make_link(env, found.parameters, size, data), line, overlaps
    )


SIMULATED: dict[str, Factory] = {
    "fifo-link": fifo(posted=False, channels=1),
    "fifo-link, posted, three channels": fifo(posted=True, channels=3),
    "fifo-link, local memory with a queue": fifo(posted=False, channels=2, kind=QueuedLink),
    "fifo-link, whose issuers copy": fifo(posted=True, channels=1, mover="issuer"),
    "fifo-link, whose waiters copy": fifo(posted=False, channels=1, mover="waiter"),
    "pci-32-33": model("pci-32-33"),
    "pci-64-66": model("pci-64-66"),
    "pci-x-133": model("pci-x-133"),
    "wan-20ms-100mbit": model("wan-20ms-100mbit"),
    "lan-1gbit": model("lan-1gbit"),
    "pci-64-66, without its engine": model("pci-64-66", overlaps=False, dma__enabled="false"),
    "wan-100ms-1gbit, bbr": model("wan-100ms-1gbit", tcp__congestion_control="bbr"),
    "shared-memory-ddr4": model("shared-memory-ddr4", line=64, overlaps=False),
    "shared-memory-ddr3": model("shared-memory-ddr3", line=64, overlaps=False),
}

BLOCKS = (
    "--filter=blocksize-policy",
    "blocksize-minimum=64",
    "blocksize-preferred=512",
    "blocksize-maximum=512",
    "blocksize-error-policy=error",
)

REAL: dict[str, RealFactory] = {
    "process memory": RealFactory(memory_link),
    "nbdkit": RealFactory(on_nbdkit()),
    "nbdkit, simple replies, three connections": RealFactory(
        on_nbdkit("--no-sr", tcp=True, connections=3)
    ),
    "nbdkit, blocks of 64 to 512 bytes": RealFactory(on_nbdkit(*BLOCKS, padded=64)),
    "qemu-nbd": RealFactory(on_qemu_nbd),
    "nbd-server": RealFactory(on_nbd_server),
    "shared memory": RealFactory(shared_memory_link, overlaps=False),
    "shared memory, helper process": RealFactory(
        partial(shared_memory_link, query="?copier=process"), overlaps=None
    ),
    "file, buffered": RealFactory(file_link, overlaps=None),
    "file, mapped": RealFactory(partial(file_link, query="?mode=mapped"), overlaps=None),
    "file, direct": RealFactory(partial(file_link, query="?mode=direct"), overlaps=None),
    "file, direct, inline": RealFactory(
        partial(file_link, query="?mode=direct&copier=inline"), overlaps=None
    ),
    "http, nginx": RealFactory(http_link, writable=False, overlaps=None),
    "fsspec, memory": RealFactory(memory_file_link, overlaps=None),
}
