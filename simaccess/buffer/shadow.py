"""A shadow: near copies of blocks of a segment, what decides about them, and what is under way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterable
from typing import TYPE_CHECKING, Any

from simaccess.counters import Coverage
from simaccess.operations import AccessMethod
from simaccess.segment import Gate, Local, Transfer

if TYPE_CHECKING:
    from simaccess.buffer.buffer import Buffer

__all__ = ["Flight", "Shadow"]


class Flight:
    """What others may await in a shared shadow: a request being issued, or a write under way.

    Parameters
    ----------
    owner : object
        Whose it is.
    gate : Gate
        Where others wait until it has been issued or written, or that has failed.

    Attributes
    ----------
    transfer : Transfer or None
        What was issued.
    lost : bool
        Whether it failed or was withdrawn, and a call was told. Others who await it are let
        through: they find that its bytes are not there, and ask again.
    """

    __slots__ = ("gate", "lost", "owner", "transfer")

    def __init__(self, owner: object, gate: Gate) -> None:
        self.owner = owner
        self.gate: Gate | None = gate
        self.transfer: Transfer | None = None
        self.lost = False

    def open(self) -> None:
        """Let everybody pass, as far as the transfer."""
        gate, self.gate = self.gate, None
        if gate is not None:
            gate.open()

    async def cancel(self) -> bool:
        """Withdraw the transfer if it has not begun."""
        return self.transfer is not None and await self.transfer.cancel()

    def __await__(self) -> Generator[Any, Any, None]:
        if self.gate is not None:
            yield from self.gate.__await__()
        if self.transfer is None or self.lost:
            return
        try:
            yield from self.transfer.__await__()
        except Exception:
            if not self.lost:
                self.lost = True
                raise


class Shadow:
    """A method, the memory of its shadow, and what is in flight: common to a shadow's clients.

    Parameters
    ----------
    method : AccessMethod
        Who decides.
    memory : callable
        ``memory(size)`` returns `size` bytes of local memory.
    """

    __slots__ = ("clients", "memory", "method", "shared", "under_way", "unflushed", "unread")

    def __init__(self, method: AccessMethod, memory: Callable[[int], Local]) -> None:
        self.method = method
        self.memory = memory(method.slots * method.slot_bytes)
        # By slot, each made when it is first asked for: most shadows are never filled.
        self.under_way: defaultdict[int, list[Transfer | Flight]] = defaultdict(list)
        self.shared = False
        self.unread = Coverage()  # since they were fetched
        self.unflushed = Coverage()  # since they were written
        self.clients: list[Buffer] = []

    @property
    def flights(self) -> Iterable[Iterable[Transfer | Flight]]:
        """What is under way in each slot that has been used."""
        return self.under_way.values()

    def share(self) -> None:
        """Prepare for several calls under way at once."""
        self.shared = True
        self.method.share()
        for client in self.clients:
            client.take_turns()
