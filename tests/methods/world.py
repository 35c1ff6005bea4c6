"""A segment, a shadow and transfers that complete late, for methods driven without simulation.

A byte is modelled as the pair (its offset, the write that made it), so that a wrong place, an
old lap and an old value all show. Every operation takes effect at once or at the last moment.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, field
from typing import Any

from simaccess.operations import AWAIT, FETCH, FLUSH, LOAD, LOCAL, STORE, AccessMethod, Operation

Byte = tuple[int, int]
GARBAGE: Byte = (-1, -1)


@dataclass(eq=False)
class Copy:
    """A transfer, or a write of the shadow, under way."""

    kind: int
    slot: int
    offset: int
    length: int
    at: int
    late: bool


@dataclass(eq=False)
class Write:
    value: int
    begin: int
    end: int | None = None


@dataclass(eq=False)
class Call:
    """A client's call under way: its generator, its operation, what it waits for."""

    kind: str
    offset: int
    length: int
    steps: Iterator[Operation]
    limit: int
    begin: int
    write: Write | None = None
    operation: Operation | None = None
    late: bool = False
    waits: list[Copy] = field(default_factory=list)
    writing: Copy | None = None
    served: list[Byte] = field(default_factory=list)
    done: int = 0

    @property
    def place(self) -> int:
        return self.offset + self.done


class World:
    """What a method's operations act upon."""

    def __init__(self, method: AccessMethod, ring: int, limit: int) -> None:
        self.method = method
        self.ring = ring
        self.limit = limit
        self.released = 0
        self.now = 0
        self.far: list[Byte] = [(i if i < limit else -1, 0) for i in range(ring)]
        self.shadow: list[Byte] = [GARBAGE] * (method.slots * method.slot_bytes)
        self.origin: dict[int, int] = {}  # where each slot's block would begin if `at` were 0
        self.present: dict[int, set[int]] = {}  # offsets in each slot, there or under way
        self.dirty: dict[int, set[int]] = {}  # offsets written, not in the segment yet
        self.copies: list[Copy] = []
        self.calls: list[Call] = []
        self.writes: dict[int, list[Write]] = {}
        self.operations: list[Operation] = []

    # -- clients ---------------------------------------------------------------------------------

    def call(self, kind: str, offset: int = 0, length: int = 0) -> Call:
        """Begin a client's call; `step` goes on with it."""
        self.now += 1
        method = self.method
        write = None
        if kind == "read":
            steps = method.read(offset, length, self.limit)
        elif kind == "write":
            write = Write(self.now, self.now)
            for place in range(offset, offset + length):
                self.writes.setdefault(place, []).append(write)
            steps = method.write(offset, length, self.limit)
        elif kind == "release":
            steps = method.release(offset)
        else:
            steps = method.sync()
        call = Call(kind, offset, length, iter(steps), self.limit, self.now, write)
        self.calls.append(call)
        return call

    def blocked(self, call: Call) -> bool:
        return any(copy in self.copies for copy in call.waits)

    def step(self, call: Call, late: bool = False) -> None:
        """End the call's operation and begin its next one; `late` is when that takes effect."""
        assert not self.blocked(call)
        self.now += 1
        if call.operation is not None:
            if call.late:
                self._effect(call)
            self._ended(call)
        try:
            call.operation = next(call.steps)
        except StopIteration:
            self._finish(call)
            return
        call.late = late
        self.operations.append(call.operation)
        self._begin(call)
        if not late:
            self._effect(call)

    def land(self, copy: Copy) -> None:
        """Complete a transfer."""
        self.now += 1
        if copy.late:
            self._move(copy)
        if copy.kind == FLUSH:
            again = {
                other.offset + i
                for other in self.copies
                if other is not copy and other.slot == copy.slot and other.kind == FLUSH
                for i in range(other.length)
            }
            assert not again & set(range(copy.offset, copy.offset + copy.length))
        self.copies.remove(copy)

    def publish(self, end: int) -> None:
        """Let a producer overwrite released bytes with the next ones of the stream."""
        assert end - self.ring <= self.released
        for place in range(self.limit, end):
            self.far[place % self.ring] = (place, 0)
        self.limit = max(self.limit, end)

    def drain(self) -> None:
        """Complete everything that is under way."""
        while self.calls:
            ready = [call for call in self.calls if not self.blocked(call)]
            assert ready or any(c.kind != LOCAL for c in self.copies), "a deadlock"
            for call in ready:
                self.step(call)
            for copy in [copy for copy in self.copies if copy.kind != LOCAL]:
                self.land(copy)

    def run(self, kind: str, offset: int = 0, length: int = 0) -> list[Operation]:
        """Make one call from beginning to end; transfers end when they are awaited."""
        before = len(self.operations)
        call = self.call(kind, offset, length)
        while call in self.calls:
            for copy in call.waits:
                if copy in self.copies:
                    self.land(copy)
            self.step(call)
        return self.operations[before:]

    # -- operations ------------------------------------------------------------------------------

    def _begin(self, call: Call) -> None:
        operation = call.operation
        assert operation is not None
        kind = operation[0]
        call.waits = []
        if kind == AWAIT:
            call.waits = [c for c in self.copies if c.slot == operation[1]]
        elif kind in (FETCH, FLUSH):
            _, slot, offset, length, at = operation
            assert length > 0
            self._within(slot, at, length)
            places = set(range(offset, offset + length))
            if kind == FETCH:
                assert call.kind in ("read", "write")
                assert offset + length <= call.limit, "copied beyond what is readable"
                assert offset >= self.released, "copied what has been given back"
                self._hold(slot, offset - at)
                for held in self.present.values():
                    assert not held & places, "fetched what is there or on its way"
                self.present[slot] |= places
            else:
                assert self.origin[slot] == offset - at
                self._undisturbed(slot, places)
            copy = Copy(kind, slot, offset, length, at, call.late)
            self.copies.append(copy)
            call.late = False
        elif kind == LOCAL:
            _, slot, at, length = operation
            self._within(slot, at, length)
            if call.kind == "write":
                self._hold(slot, call.place - at)
                places = set(range(call.place, call.place + length))
                self.present[slot] |= places
                self.dirty[slot] |= places
                call.writing = Copy(LOCAL, slot, call.place, length, at, late=False)
                moving: set[int] = set()
                for copy in self.copies:
                    if copy.slot == slot:
                        moving |= set(range(copy.offset, copy.offset + copy.length))
                assert not places & moving, "wrote what a transfer was moving"
                self.copies.append(call.writing)
            else:
                assert self.origin[slot] == call.place - at
        else:
            assert operation[1] == call.place
            assert kind == (LOAD if call.kind == "read" else STORE)

    def _effect(self, call: Call) -> None:
        operation = call.operation
        assert operation is not None
        kind = operation[0]
        if kind in (FETCH, FLUSH):
            copy = self.copies[-1]
            if not copy.late:
                self._move(copy)
        elif kind == LOCAL:
            _, _, at, length = operation
            if call.kind == "read":
                call.served += self.shadow[at : at + length]
            else:
                assert call.write is not None
                for i in range(length):
                    self.shadow[at + i] = (call.place + i, call.write.value)
        elif kind == LOAD:
            _, offset, length = operation
            call.served += [self.far[i % self.ring] for i in range(offset, offset + length)]
        elif kind == STORE:
            _, offset, length = operation
            assert call.write is not None
            for i in range(offset, offset + length):
                self.far[i % self.ring] = (i, call.write.value)

    def _ended(self, call: Call) -> None:
        operation = call.operation
        assert operation is not None
        if operation[0] in (LOAD, STORE, LOCAL):
            call.done += operation[-1]
        if call.writing is not None:
            self.copies.remove(call.writing)
            call.writing = None

    def _move(self, copy: Copy) -> None:
        for i in range(copy.length):
            if copy.kind == FETCH:
                self.shadow[copy.at + i] = self.far[(copy.offset + i) % self.ring]
            else:
                byte = self.shadow[copy.at + i]
                assert byte[0] == copy.offset + i, "brought back what was never there"
                self.far[(copy.offset + i) % self.ring] = byte
        if copy.kind == FLUSH:
            self.dirty[copy.slot] -= set(range(copy.offset, copy.offset + copy.length))

    def _hold(self, slot: int, origin: int) -> None:
        if self.origin.get(slot) != origin:
            assert not any(copy.slot == slot for copy in self.copies), "slot in use by a transfer"
            assert not self.dirty.get(slot), "written bytes lost"
            self.origin[slot] = origin
            self.present[slot] = set()
            self.dirty[slot] = set()

    def _undisturbed(self, slot: int, places: set[int]) -> None:
        for other in self.copies:
            if other.slot == slot and other.kind != FETCH:
                moved = set(range(other.offset, other.offset + other.length))
                assert not places & moved, "brought back what was being moved"

    def _within(self, slot: int, at: int, length: int) -> None:
        base = slot * self.method.slot_bytes
        assert 0 <= slot < self.method.slots
        assert base <= at
        assert at + length <= base + self.method.slot_bytes

    # -- what reads may see ------------------------------------------------------------------------

    def _finish(self, call: Call) -> None:
        self.calls.remove(call)
        if call.write is not None:
            call.write.end = self.now
        if call.kind in ("read", "write"):
            assert call.done == call.length
        if call.kind == "read":
            for place, byte in zip(
                range(call.offset, call.offset + call.length), call.served, strict=True
            ):
                assert byte[0] == place, f"byte {byte[0]} in place of {place}"
                assert byte[1] in self.visible(place, call.begin), f"stale byte at {place}"
        if call.kind == "release":
            self.released = max(self.released, call.offset)
            self.check_far(0, call.offset)

    def visible(self, place: int, begin: int) -> set[int]:
        """Return the writes of a byte that a read which began at `begin` may see by now."""
        writes = [Write(0, -1, -1), *self.writes.get(place, [])]
        over = [w for w in writes if w.end is not None and w.end < begin]
        latest = max(w.begin for w in over)
        return {w.value for w in writes if w.end is None or w.end >= latest}

    def check_far(self, begin: int, end: int) -> None:
        """Check that what was written in a range is in the segment, where that still holds it."""
        for place in range(max(begin, self.limit - self.ring), end):
            byte = self.far[place % self.ring]
            assert byte[0] == place
            assert byte[1] in self.visible(place, self.now), f"write at {place} is lost"

    def check_idle(self) -> None:
        """Check that no call left a pin behind."""
        shadow: Any = getattr(self.method, "shadow", None)
        if shadow is not None:
            assert all(slot.pins == 0 for slot in shadow.held.values())
            assert not shadow.in_place
            made = [*shadow.held.values(), *shadow._free]
            assert sorted(slot.index for slot in made) == list(range(len(made)))
            assert len(made) <= shadow.slots


def flying(operations: list[Operation]) -> Generator[int, None, None]:
    """Yield after each operation how many slots have a bulk copy that was not awaited yet."""
    slots: set[int] = set()
    for operation in operations:
        if operation[0] == FETCH:
            slots.add(operation[1])
        elif operation[0] == AWAIT:
            slots.discard(operation[1])
        yield len(slots)
