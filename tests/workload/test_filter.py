"""The workload ``filter``: the recorded columns are what a run through bytes does."""

from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import numpy as np
import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.segment import Data
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simaccess.workload.accesses import Accesses
from simaccess.workload.filter import Filter
from simaccess.workload.packet import Reads
from simaccess.workload.predicate import decide_through
from simaccess.workload.registry import workload
from simaccess.workload.repeated import bytes_of

METHODS: dict[str, Callable[[Filter], AccessMethod]] = {
    "zero-copy": lambda _: ZeroCopy(),
    "copy-once": lambda source: CopyOnce(source.blocks, 8),
    "hybrid": lambda source: Hybrid(source.blocks, 8, source.header),
    "prefetch": lambda source: Prefetch(source.blocks, depth=8),
}
PARAMETERS = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "500 ns"},
        "dma": {"channels": 2, "issue": "100 ns", "start": "200 ns", "completion": "1 us"},
        "local": {"latency": "10 ns", "rate": "10 GB/s", "copy_rate": "5 GB/s"},
    }
)


def made(**settings: str) -> Filter:
    source = workload("filter", settings)
    assert isinstance(source, Filter)
    return source


def recorded(accesses: Accesses) -> list[tuple[int, int]]:
    return list(zip(accesses.offset.tolist(), accesses.length.tolist(), strict=True))


def run(coroutine: Coroutine[Any, Any, bool]) -> bool:
    """Run a coroutine that never suspends."""
    with pytest.raises(StopIteration) as stop:
        coroutine.send(None)
    return bool(stop.value.value)


def reading(
    read: Callable[[int, int], Awaitable[Data]], log: list[tuple[int, int]]
) -> Callable[[int, int], Awaitable[Data]]:
    def note(offset: int, length: int) -> Awaitable[Data]:
        log.append((offset, length))
        return read(offset, length)

    return note


SETTINGS: list[dict[str, str]] = [
    {},
    {"laps": "3", "alignment": "1 B"},
    {"protocol": "udp", "port": "53", "pattern": "www", "laps": "2"},
    {"address": "2001:db8::/32", "alignment": "4 KiB"},
]


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("consumers", [1, 3])
@pytest.mark.parametrize("in_turn", [False, True])
def test_columns_are_the_reads_of_a_run_in_memory(
    settings: dict[str, str], consumers: int, in_turn: bool
) -> None:
    source = made(**settings)
    content = bytes_of(source.content(), source.size, written=False)

    async def read(offset: int, length: int) -> Data:
        return content[offset : offset + length]

    matches = 0
    for index in range(consumers):
        log: list[tuple[int, int]] = []
        ends = []
        for base, program in source.programs(index, consumers, in_turn=in_turn):
            matches += run(decide_through(program, base, reading(read, log)))
            ends.append(len(log))
        shard = source.accesses(0).shard(index, consumers, in_turn=in_turn)
        assert log == recorded(shard)
        assert ends == (np.flatnonzero(shard.last) + 1).tolist()
    assert matches == int(source.matches.sum()) * source.stream.laps
    assert 0 < matches < len(source.arrivals)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("settings", [{}, {"port": "80", "pattern": "GET /"}])
def test_columns_are_the_reads_of_a_run_through_a_method(
    method: str, settings: dict[str, str]
) -> None:
    source = made(**settings)
    env = Environment()
    content = bytearray(source.content())
    link = FifoLink(env, PARAMETERS, source.size, memoryview(content))
    log: list[tuple[int, int]] = []
    matches: list[bool] = []

    async def consume(clock: Agent) -> None:
        buffer = Buffer(Shadow(METHODS[method](source), link.local), link.attach(), clock)
        read = reading(buffer.read, log)
        for base, program in source.programs():
            matches.append(await decide_through(program, base, read))

    agent = env.start(consume)
    env.run()
    assert agent.end is not None
    assert log == recorded(source.accesses(0))
    assert matches == source.matches.tolist()


@pytest.mark.parametrize("method", METHODS)
def test_timing_only_mode_takes_as_long_as_a_run_with_bytes(method: str) -> None:
    source = made()
    ends = []
    for real in (True, False):
        env = Environment()
        content = memoryview(bytearray(source.content())) if real else None
        link = FifoLink(env, PARAMETERS, source.size, content)

        async def consume(clock: Agent, real: bool = real, link: FifoLink = link) -> None:
            buffer = Buffer(Shadow(METHODS[method](source), link.local), link.attach(), clock)
            if real:
                for base, program in source.programs():
                    await decide_through(program, base, buffer.read)
            else:
                for offset, length, *_ in source.accesses(0).rows():
                    await buffer.read(offset, length)

        agent = env.start(consume)
        env.run()
        ends.append(agent.end)
    assert ends[0] == ends[1]
    assert ends[0]


def test_a_decision_without_bytes_is_an_error() -> None:
    async def read(offset: int, length: int) -> Data:  # noqa: ARG001  # as a buffer's
        return None

    base, program = next(made().programs())
    with pytest.raises(TypeError, match="timing-only"):
        decide_through(program, base, read).send(None)


def test_default_filter_reads_few_bytes() -> None:
    source = made()
    accesses = source.accesses(0)
    packets = len(source.stream.capture)
    assert accesses.requests == packets == 2682
    assert int(source.matches.sum()) == 962  # README: HTTP (TCP port 80)
    ends = np.flatnonzero(accesses.last)
    bytes_read = np.diff(np.cumsum(accesses.length)[ends], prepend=0)
    # Ethernet type 2, IPv4's fragment field to protocol 4, header length 1, ports 4, VLAN tag 2.
    assert bytes_read.max() == 13
    assert accesses.bytes / packets == pytest.approx(10.29, abs=0.01)
    assert len(accesses) / packets == pytest.approx(3.85, abs=0.01)


def test_work_comes_after_each_decision() -> None:
    accesses = made(work="1 us", work_per_byte="1 ns").accesses(0)
    assert accesses.work is not None
    expected = accesses.length * 1e-9 + accesses.last * 1e-6
    np.testing.assert_allclose(accesses.work, expected, rtol=1e-12)


def test_a_condition_replaces_the_default_filter() -> None:
    udp = made(protocol="udp").predicate
    assert (udp.protocol, udp.port) == (17, None)
    assert made(port="80").predicate.protocol is None
    assert made(pattern="0x474554").predicate.pattern == b"GET"
    assert made(laps="2").predicate == made(protocol="tcp", port="80").predicate


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (
            {"protocol": "icmp", "port": "80"},
            "'icmp': has no ports, and a port is given; allowed: tcp, udp, sctp",
        ),
        ({"protocol": "TCP/IP"}, "workload.protocol = 'TCP/IP'"),
        ({"port": "65536"}, "workload.port = '65536'"),
        ({"pattern": ""}, "workload.pattern = ''"),
        ({"pattern": "0x123"}, "workload.pattern = '0x123'"),
        ({"address": "300.1.1.1"}, "workload.address = '300.1.1.1'"),
        ({"laps": "0"}, "workload.laps = '0'"),
        ({"payload_read": "0 B"}, "workload.payload_read = '0 B'"),
        ({"writes": "0.5"}, "workload.writes = '0.5': unknown key"),
    ],
)
def test_refusals(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        workload("filter", wrong)
    assert told in str(caught.value)


def test_programs_are_generators_anew_each_time() -> None:
    source = made()
    first: list[tuple[int, Reads[bool]]] = [next(source.programs()) for _ in range(2)]
    assert first[0][0] == first[1][0] == 0
    assert first[0][1] is not first[1][1]
