"""The books and the bytes of a memory bus, whatever its users do."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.sim.caches import Caches, PrivateCaches, sectors
from simaccess.sim.environment import RUN_AHEAD, Agent, Environment
from simaccess.sim.local_memory import LocalMemory, LocalSection, LocalTicks
from simaccess.sim.memory_bus import MemoryBus
from tests.sim.bus import LINE, Body, parameters, run


@settings(deadline=None)
@given(
    accesses=st.lists(st.tuples(st.integers(0, 9999), st.integers(1, 3000)), max_size=30),
    prefetch=st.booleans(),
)
def test_moved_is_the_lines_asked_for_less_what_caches_held(
    accesses: list[tuple[int, int]], prefetch: bool
) -> None:
    size = 10_000
    env = Environment()
    bus = MemoryBus(env, parameters(prefetcher__enabled=prefetch), size)
    port = bus.attach()
    touched: set[int] = set()

    async def body(_: Agent) -> None:
        for offset, length in accesses:
            end = min(offset + length, size)
            touched.update(range(offset // LINE, (end - 1) // LINE + 1))
            await port.load(offset, end - offset)

    run(env, body)
    assert port.moved == bus.channel.bytes
    if prefetch:
        assert len(touched) * LINE <= port.moved <= -(-size // LINE) * LINE
    else:
        assert port.moved == len(touched) * LINE


Step = tuple[str, int, int, int]
steps = st.lists(
    st.tuples(
        st.sampled_from(["load", "store", "fetch", "flush", "shadow", "write", "work"]),
        st.integers(0, 20_000),
        st.integers(1, 9_000),
        st.integers(0, 3_000),
    ),
    max_size=10,
)


def scenario(
    plans: list[list[Step]], changes: dict[str, object], run_ahead: int
) -> tuple[list[tuple[int, ...]], list[int | None], tuple[object, ...], bytes]:
    """Run users that share a segment; check what they read; return all times and figures."""
    size = 24_000
    env = Environment(run_ahead)
    data = bytearray(np.random.default_rng(1).bytes(size))
    bus = MemoryBus(env, parameters(**changes), size, memoryview(data), seed=5)
    marks: list[tuple[int, ...]] = []

    def body(index: int, plan: list[Step]) -> Body:
        async def use(agent: Agent) -> None:
            port = bus.attach()
            shadow = bus.local(12_000)
            for kind, offset, most, at in plan:
                length = min(most, size - offset)
                if kind == "load":
                    seen = await port.load(offset, length)
                    assert seen is not None
                    assert seen == data[offset : offset + length]
                elif kind == "store":
                    new = bytes([index + 1]) * length
                    await port.store(offset, length, memoryview(new))
                elif kind == "fetch":
                    await (await port.fetch(offset, length, shadow, at))
                elif kind == "flush":
                    await (await port.flush(offset, length, shadow, at))
                elif kind == "shadow":
                    await shadow.load(at, min(length, 12_000 - at))
                elif kind == "write":
                    await shadow.store(at, 50, memoryview(bytes([at % 251]) * 50))
                else:
                    await agent.work(length)
                marks.append((index, agent.time, agent.stall, agent.copy, port.moved))

        return use

    agents = run(env, *(body(index, plan) for index, plan in enumerate(plans)))
    end = max(agent.end or 0 for agent in agents)
    use = bus.use(end)["memory"]
    assert use.utilisation <= 1 + 1e-12
    marks.sort()
    return marks, [agent.end for agent in agents], (use, bus.caches.lines()), bytes(data)


@settings(max_examples=60, deadline=None)
@given(
    plans=st.lists(steps, min_size=1, max_size=4),
    prefetch=st.booleans(),
    non_temporal=st.booleans(),
    background=st.sampled_from(["0 GB/s", "10 GB/s"]),
    small=st.booleans(),
    granule=st.sampled_from([3, 16]),
)
def test_running_ahead_changes_nothing(
    *,
    plans: list[list[Step]],
    prefetch: bool,
    non_temporal: bool,
    background: str,
    small: bool,
    granule: int,
) -> None:
    changes: dict[str, object] = {
        "prefetcher__enabled": prefetch,
        "core__non_temporal": non_temporal,
        "background__rate": background,
        "memory__granule": granule,
        "pages__walk": "7 ns",
        "pages__tlb_entries": 3,
        "pages__first_touch": "500 ns",
        "coherence__sockets": 2,
    }
    if small:
        changes |= {"caches__l1": "256 B", "caches__l2": "512 B", "caches__l3": "4 KiB"}
    assert scenario(plans, changes, 0) == scenario(plans, changes, RUN_AHEAD)


@settings(deadline=None)
@given(
    requests=st.lists(
        st.tuples(
            st.integers(0, 3),
            st.sampled_from(["read", "write", "discard", "inject"]),
            st.integers(0, 400),
            st.integers(1, 100),
        ),
        max_size=80,
    )
)
def test_caches_keep_their_capacities_and_inclusion(
    requests: list[tuple[int, str, int, int]],
) -> None:
    caches = Caches(128)
    caches.cores.extend(PrivateCaches(index, index % 2, 8, 32) for index in range(4))
    for index, kind, first, count in requests:
        core = caches.cores[index]
        for sector, bits in sectors(first, count):
            if kind == "read":
                caches.read(core, sector, bits)
            elif kind == "write":
                caches.write(core, sector, bits)
            elif kind == "discard":
                caches.discard(sector, bits)
            else:
                caches.inject(sector, bits)
        written: dict[int, int] = {}
        for core in caches.cores:
            assert sum(lines.bit_count() for lines in core.l1.values()) == 8 - core.l1_free <= 8
            assert sum(lines.bit_count() for lines in core.l2.values()) == 32 - core.l2_free <= 32
            for sector, lines in core.l1.items():
                assert not lines & ~core.l2[sector]
            for sector, lines in core.l2.items():
                assert caches.snoop(sector, lines) == lines
            for sector, lines in core.modified.items():
                assert not lines & ~core.l2[sector]
                assert not lines & written.get(sector, 0)  # modified in one core alone
                written[sector] = written.get(sector, 0) | lines
        assert caches.lines() <= 128
        owned = {sector: shared.owned for sector, shared in caches._l3.items() if shared.owned}
        assert owned == written
        for shared in caches._l3.values():
            assert not shared.owned & ~shared.dirty
            assert not shared.dirty & ~shared.lines


def test_copies_to_and_from_memory_elsewhere_cross_the_bus_once() -> None:
    size = 1 << 16
    env = Environment()
    data = bytearray(np.random.default_rng(2).bytes(size))
    bus = MemoryBus(env, parameters(), size, memoryview(data))
    port = bus.attach()
    plain = {"latency": "0 s", "rate": "1 GB/s", "copy_rate": "1 GB/s"}
    other = LocalMemory(env, size, LocalTicks(LocalSection.model_validate(plain)), real=True)

    async def use(_: Agent) -> None:
        await (await port.fetch(0, size, other, 0))
        view = other.view(0, size)
        assert view is not None
        assert view == data
        await port.load(0, 8)  # which is in the cache
        assert port.moved == size
        view[:] = bytes(size)
        await (await port.flush(0, size, other, 0))

    run(env, use)
    assert data == bytes(size)
    assert bus.channel.bytes == size
    assert port.moved == 2 * size
