"""Several clients' calls, transfers and a producer, interleaved at random."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
)

from simaccess.methods.blocks import Blocks, FixedBlocks, Records
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import LOCAL, AccessMethod
from tests.methods.world import World

RING = 48

blocks = st.one_of(
    st.integers(1, 16).map(FixedBlocks),
    # The records of a ring divide it, so that laps begin with the first of them.
    st.sampled_from([[8, 16, 24], [1, 7, 8], [5, 3, 4], [48], [2, 2, 12]]).map(Records),
)


def make(name: str, cut: Blocks, slots: int, eviction: Any, number: int) -> AccessMethod:
    if name == "copy-once":
        return CopyOnce(cut, slots, eviction)
    if name == "hybrid":
        return Hybrid(cut, slots, number, eviction)
    return Prefetch(
        cut, depth=1 + number, initial=1, slots=slots, readers=1 + number % 3, eviction=eviction
    )


class Interleaving(RuleBasedStateMachine):
    world: World

    @initialize(
        name=st.sampled_from(["copy-once", "hybrid", "prefetch"]),
        cut=blocks,
        slots=st.integers(1, 5),
        eviction=st.sampled_from(["lru", "fifo"]),
        number=st.integers(0, 6),
        limit=st.integers(1, RING),
        clients=st.integers(1, 4),
    )
    def begin(
        self,
        *,
        name: str,
        cut: Blocks,
        slots: int,
        eviction: str,
        number: int,
        limit: int,
        clients: int,
    ) -> None:
        method = make(name, cut, slots, eviction, number)
        if clients > 1:
            method.share()
        self.clients = clients
        self.world = World(method, RING, limit)

    def idle_client(self) -> bool:
        return len(self.world.calls) < self.clients

    @precondition(idle_client)
    @rule(
        kind=st.sampled_from(["read", "read", "write"]),
        start=st.integers(0, RING - 1),
        length=st.integers(1, RING),
    )
    def access(self, kind: str, start: int, length: int) -> None:
        world = self.world
        first = max([world.released, *(c.offset for c in world.calls if c.kind == "release")])
        room = world.limit - first
        if room > 0:
            offset = first + start % room
            self.advance(world.call(kind, offset, min(length, world.limit - offset)))

    @precondition(idle_client)
    @rule()
    def sync(self) -> None:
        self.advance(self.world.call("sync"))

    @precondition(idle_client)
    @rule(length=st.integers(1, RING))
    def release(self, length: int) -> None:
        world = self.world
        busy = [call.offset for call in world.calls if call.kind != "sync"]
        end = min([world.released + length, world.limit, *busy])
        if end > world.released:
            self.advance(world.call("release", end))

    @rule(length=st.integers(1, RING))
    def publish(self, length: int) -> None:
        world = self.world
        world.publish(max(world.limit, min(world.limit + length, world.released + RING)))

    @rule(which=st.integers(0, 3), late=st.booleans(), times=st.integers(1, 6))
    def advance_one(self, which: int, late: bool, times: int) -> None:
        for _ in range(times):
            ready = [call for call in self.world.calls if not self.world.blocked(call)]
            if ready:
                self.world.step(ready[which % len(ready)], late)

    @rule(which=st.integers(0, 7))
    def land(self, which: int) -> None:
        flying = [copy for copy in self.world.copies if copy.kind != LOCAL]
        if flying:
            self.world.land(flying[which % len(flying)])

    def advance(self, call: Any) -> None:
        self.world.step(call)

    @invariant()
    def pinned_by_calls_only(self) -> None:
        world = getattr(self, "world", None)
        if world is not None and not world.calls:
            world.check_idle()

    def teardown(self) -> None:
        world = getattr(self, "world", None)
        if world is None:
            return
        world.drain()
        if world.released < world.limit:
            world.run("read", world.released, world.limit - world.released)
        world.run("sync")
        world.check_far(world.released, world.limit)
        world.check_idle()


TestInterleaving = Interleaving.TestCase
TestInterleaving.settings = settings(
    max_examples=200,
    stateful_step_count=60,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
