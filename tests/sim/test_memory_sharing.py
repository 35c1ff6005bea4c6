"""A memory bus shared: lines that others wrote, stores, sockets, and devices."""

import pytest

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_port import MemoryPort
from tests.sim.bus import LINE, NS, PAGE, parameters, random_lines, run, timed, walk


def handed_over(produce: str, consumer_socket: int = 0, **changes: object) -> list[int]:
    """Return what each step of a producer's and a consumer's exchange of 256 lines took."""
    env = Environment()
    bus = MemoryBus(env, parameters(**changes), 1 << 20)
    producer, consumer = bus.producer(), bus.attach(consumer_socket)
    order = random_lines(256, 256)
    times: list[int] = []

    async def step(agent: Agent, name: str) -> None:
        before = agent.time
        for line in order:
            if name == "store":
                await producer.store(line * LINE, LINE, None)
            else:
                await (producer if name == "own" else consumer).load(line * LINE, 8)
        times.append(agent.time - before)

    async def produces(agent: Agent) -> None:
        await step(agent, produce)
        await agent.sleep_until(200_000 * NS)
        await step(agent, "store")

    async def consumes(agent: Agent) -> None:
        await agent.sleep_until(100_000 * NS)
        await step(agent, "load")
        await step(agent, "load")

    run(env, produces, consumes)
    return times


def test_lines_that_another_core_wrote_cost_its_latency() -> None:
    assert handed_over("store")[1:3] == [256 * 50 * NS, 256 * 1 * NS]
    assert handed_over("store", consumer_socket=1)[1:3] == [256 * 120 * NS, 256 * NS]
    # Lines that it only read come from the L3.
    assert handed_over("own")[1] == 256 * 20 * NS


def test_producer_pays_to_regain_lines_that_the_consumer_read() -> None:
    env = Environment()
    times: list[int] = []
    bus = MemoryBus(env, parameters(core__store_buffer=1), 1 << 20)
    producer, consumer = bus.attach(), bus.attach()

    async def write(agent: Agent) -> None:
        before = agent.time
        for line in range(100):
            await producer.store(line * LINE, LINE, None)
        times.append(agent.time - before)

    async def produces(agent: Agent) -> None:
        await write(agent)
        await agent.sleep_until(50_000 * NS)
        await write(agent)  # still its own
        await agent.sleep_until(150_000 * NS)
        await write(agent)  # the consumer has read them

    async def consumes(agent: Agent) -> None:
        await agent.sleep_until(100_000 * NS)
        await walk(consumer, 100 * LINE, LINE)

    run(env, produces, consumes)
    mine, regained = times[1], times[2]
    assert mine <= 100 * NS
    assert regained == pytest.approx(100 * 50 * NS, rel=0.02)


def test_a_store_invalidates_the_consumers_copy_of_that_line_alone() -> None:
    env = Environment()
    bus = MemoryBus(env, parameters(), 1 << 20)
    producer, consumer = bus.attach(), bus.attach()
    times: list[int] = []

    async def consumes(agent: Agent) -> None:
        await walk(consumer, 4 * LINE, LINE)
        await agent.sleep_until(10_000 * NS)
        for line in range(4):
            before = agent.time
            await consumer.load(line * LINE, 8)
            times.append((agent.time - before) // NS)

    async def produces(agent: Agent) -> None:
        await agent.sleep_until(5_000 * NS)
        await producer.store(2 * LINE + 8, 8, None)

    run(env, consumes, produces)
    assert times == [1, 1, 50, 1]


def test_posted_stores_stall_only_when_the_store_buffer_is_full() -> None:
    async def store(port: MemoryPort, count: int) -> None:
        for line in random_lines(count, 1 << 16):
            await port.store(line * LINE, 8, None)

    assert timed(lambda _, port: store(port, 40))[0] == 40 * NS
    # In the long run 10 lines are under way, a latency of 80 ns each.
    ticks, _ = timed(lambda _, port: store(port, 2000), core__store_buffer=10)
    assert ticks / 2000 == pytest.approx(8 * NS, rel=0.03)


def test_stores_leave_the_store_buffer_in_order() -> None:
    times: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        agent = bus.env.agent
        await port.store(PAGE, 8, None)
        await agent.sleep_until(1000 * NS)
        for offset in (0, PAGE, PAGE):  # a miss, and two that only wait behind it
            await port.store(offset, 8, None)
            times.append((agent.time - 1000 * NS) // NS)

    timed(use, core__store_buffer=2)
    assert times == [1, 2, 81]


def test_users_of_another_socket_pay_its_latency() -> None:
    async def use(bus: MemoryBus, _: MemoryPort) -> None:
        await bus.attach().load(0, 8)

    assert timed(use, coherence__sockets=2)[0] == 130 * NS
    assert timed(use)[0] == 80 * NS


def test_large_requests_do_not_block_every_line_behind_them() -> None:
    def slowest(granule: int) -> int:
        env = Environment()
        bus = MemoryBus(
            env, parameters(memory__granule=granule, core__outstanding=granule), 1 << 24
        )
        reader, prober = bus.attach(), bus.attach()
        times: list[int] = []

        async def reads(_: Agent) -> None:
            await reader.load(0, 1 << 20)

        async def probes(agent: Agent) -> None:
            for line in random_lines(200, 1 << 17):
                before = agent.time
                await prober.load((1 << 23) + line * LINE, 8)
                times.append(agent.time - before)

        run(env, reads, probes)
        return max(times)

    assert slowest(8) <= 80 * NS + 8 * 4 * NS
    assert 80 * NS + 8 * 4 * NS < slowest(256) <= 80 * NS + 256 * 4 * NS


@pytest.mark.parametrize("allocate", [True, False])
def test_device_writes_reach_the_consumer_from_where_they_went(allocate: bool) -> None:
    times: list[int] = []

    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        agent = bus.env.agent
        await port.load(0, 8)
        end = bus.dma(agent.time, 0, 128, write=True)
        assert end == agent.time + (20 if allocate else 16) * NS
        await agent.sleep_until(agent.time + 1000 * NS)
        before = agent.time
        await port.load(0, 8)
        times.append(agent.time - before)

    _, bus = timed(use, dma__allocate=allocate)
    assert times == [(20 if allocate else 80) * NS]
    assert bus.channel.bytes == (LINE if allocate else 4 * LINE)


def test_device_reads_take_what_caches_hold_from_there() -> None:
    async def use(bus: MemoryBus, port: MemoryPort) -> None:
        agent = bus.env.agent
        await port.load(0, 8)
        await agent.sleep_until(1000 * NS)
        assert bus.dma(agent.time, 0, 64, write=False) == agent.time + 20 * NS
        assert bus.dma(agent.time, 0, 192, write=False) == agent.time + 84 * NS

    _, bus = timed(use)
    assert bus.channel.bytes == 3 * LINE
