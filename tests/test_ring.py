"""A ring: records pass in order, none is overwritten early, and signals tell of them in time."""

from __future__ import annotations

import random
from array import array
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import accumulate, pairwise
from typing import cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from simaccess.buffer import Buffer, Shadow
from simaccess.consumer import follow
from simaccess.errors import InputError
from simaccess.kinds import KINDS
from simaccess.methods.blocks import FixedBlocks, Records
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.model import load_model
from simaccess.operations import AccessMethod
from simaccess.producer import produce
from simaccess.real.clock import run
from simaccess.ring import Ring, RingSegment, Signals
from simaccess.segment import Local, Segment
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.fifo_link import FifoLink, FifoParameters
from simaccess.sim.link import Link

NS = 1000  # picoseconds

PARAMETERS = FifoParameters.model_validate(
    {
        "link": {"rate": "1 GB/s", "latency": "100 ns"},
        "dma": {"channels": 2, "issue": "50 ns", "start": "200 ns", "completion": "0 s"},
        "local": {"latency": "5 ns", "rate": "10 GB/s", "copy_rate": "5 GB/s"},
    }
)

EACH = Signals()

METHODS: dict[str, Callable[[list[int]], AccessMethod]] = {
    "zero-copy": lambda _: ZeroCopy(),
    "copy-once": lambda _: CopyOnce(FixedBlocks(48), 3),
    "hybrid": lambda lengths: Hybrid(Records(lengths), 2, threshold=5),
    "prefetch": lambda _: Prefetch(FixedBlocks(32), depth=4),
}


class Run:
    """A producer and consumers that check every byte that they read.

    They read by a method, perhaps stacked on another one `below` it, from shadows of their own or
    from `shared` ones, over a plain link or that of a shipped `model`.
    """

    def __init__(
        self,
        lengths: Sequence[int],
        capacity: int,
        *,
        method: str = "zero-copy",
        below: str | None = None,
        shared: bool = False,
        model: str | None = None,
        consumers: int = 1,
        signals: Signals = EACH,
        arrivals: Sequence[int] | None = None,
        drop: bool = False,
        think: int = 0,
        run_ahead: int = 10**10,
    ) -> None:
        content = random.Random(1).randbytes(sum(lengths))
        ends = list(accumulate(lengths))
        env = Environment(run_ahead)
        data = memoryview(bytearray(capacity))
        if model is None:
            link: Link = FifoLink(env, PARAMETERS, capacity, data)
        else:
            given = load_model(model)
            link = KINDS[given.kind].make_link(env, given.parameters, capacity, data)
        self.ring = Ring(capacity, ends, consumers, signals)
        self.read: list[int] = []
        self.latencies = [array("q") for _ in range(consumers)]
        self.agents = []

        def shadows() -> list[Shadow]:
            stack = [method] if below is None else [below, method]
            return [Shadow(METHODS[name](list(lengths)), link.local) for name in stack]

        common = shadows()
        for shadow in common:
            shadow.share()

        def body(clock: Agent, index: int) -> object:
            segment: Segment = RingSegment(link.attach(), capacity)
            for shadow in common if shared else shadows():
                segment = buffer = Buffer(shadow, segment, clock)

            async def serve(record: int) -> bool:
                begin, end = ends[record] - lengths[record], ends[record]
                middle = min(begin + 7, end)
                for low, high in pairwise(sorted({begin, middle, end})):
                    data = await buffer.read(low, high - low)
                    assert data is not None
                    assert bytes(data) == content[low:high]
                self.read.append(record)
                await clock.work(think)
                return True

            mine = range(index, len(lengths), consumers)
            return follow(
                clock,
                buffer,
                self.ring,
                index,
                served=serve,
                asked=((record, record) for record in mine),
                latencies=self.latencies[index],
                chosen=array("q"),
            )

        for index in range(consumers):
            self.agents.append(env.start(partial(body, index=index)))  # type: ignore[arg-type]
        self.producer = env.start(
            partial(
                produce,
                ring=self.ring,
                segment=RingSegment(link.producer(), capacity),
                arrivals=arrivals,
                content=memoryview(content),
                drop=drop,
            )
        )
        env.run()
        assert all(agent.end is not None for agent in [*self.agents, self.producer])

    def outcome(self) -> object:
        return [list(one) for one in self.latencies], [agent.end for agent in self.agents]


@settings(deadline=None, max_examples=150)
@given(st.data())
@pytest.mark.parametrize("method", METHODS)
def test_every_record_is_read_as_published_or_dropped(method: str, data: st.DataObject) -> None:
    lengths = data.draw(st.lists(st.integers(1, 90), min_size=1, max_size=40))
    capacity = data.draw(st.integers(max(lengths), 300))
    gaps = data.draw(st.none() | st.lists(st.integers(0, 900 * NS), min_size=len(lengths)))
    drop = data.draw(st.booleans())
    make = partial(
        Run,
        lengths,
        capacity,
        method=method,
        consumers=data.draw(st.integers(1, 3)),
        signals=Signals(
            batch=data.draw(st.integers(1, 5)),
            timeout=data.draw(st.none() | st.integers(0, 2000 * NS)),
            cost=data.draw(st.sampled_from([0, 10 * NS])),
            latency=data.draw(st.sampled_from([0, 300 * NS])),
        ),
        arrivals=None if gaps is None else list(accumulate(gaps))[: len(lengths)],
        drop=drop,
        think=data.draw(st.sampled_from([0, 100 * NS])),
    )
    run = make()
    left = [record for record in range(len(lengths)) if not run.ring.dropped[record]]
    assert sorted(run.read) == left
    assert drop or len(left) == len(lengths)
    assert all(latency >= 0 for one in run.latencies for latency in one)
    assert make(run_ahead=0).outcome() == run.outcome()
    for agent in [*run.agents, run.producer]:
        spent = agent.compute + agent.stall + agent.copy + agent.issue + agent.wait
        assert spent == agent.time - agent.start


@settings(deadline=None, max_examples=8)
@given(st.data())
@pytest.mark.parametrize(
    "model", [None, "pci-64-66", "pci-x-133", "shared-memory-ddr4", "lan-1gbit"]
)
@pytest.mark.parametrize("method", METHODS)
def test_rings_through_stacked_and_shared_shadows(
    method: str, model: str | None, data: st.DataObject
) -> None:
    lengths = data.draw(st.lists(st.integers(1, 90), min_size=1, max_size=20))
    make = partial(
        Run,
        lengths,
        data.draw(st.integers(max(lengths), 300)),
        method=method,
        below=data.draw(st.none() | st.sampled_from(sorted(METHODS))),
        shared=data.draw(st.booleans()),
        model=model,
        consumers=data.draw(st.integers(1, 3)),
        signals=Signals(
            batch=data.draw(st.integers(1, 5)),
            timeout=data.draw(st.none() | st.integers(0, 2000 * NS)),
        ),
        think=data.draw(st.sampled_from([0, 100 * NS])),
    )
    run = make()
    assert sorted(run.read) == list(range(len(lengths)))
    assert make(run_ahead=0).outcome() == run.outcome()


def test_a_signal_waits_for_its_batch_or_the_timeout() -> None:
    one = 64 * NS + 100 * NS  # a record by zero-copy: 7 bytes, then 57, each with the latency
    service = one + 100 * NS
    arrivals = [0, 10_000 * NS, 20_000 * NS]
    batched = Run([64] * 3, 256, signals=Signals(batch=2), arrivals=arrivals)
    # The first waits for the second; the third, the last, is signalled at once.
    assert list(batched.latencies[0]) == [10_000 * NS + service, 2 * service, service]
    timed = Run([64] * 3, 256, signals=Signals(batch=2, timeout=500 * NS), arrivals=arrivals)
    assert list(timed.latencies[0]) == [500 * NS + service] * 2 + [service]


def test_a_signal_has_a_cost_and_a_latency() -> None:
    service = 264 * NS
    signals = Signals(cost=20 * NS, latency=300 * NS)
    run = Run([64], 64, signals=signals, arrivals=[0])
    assert list(run.latencies[0]) == [320 * NS + service]
    assert run.agents[0].issue == 20 * NS
    assert run.producer.issue == 20 * NS


def test_a_full_ring_waits_or_drops() -> None:
    arrivals = [0, 0, 0, 0]
    waited = Run([64] * 4, 128, arrivals=arrivals)
    assert not any(waited.ring.dropped)
    assert list(waited.latencies[0]) == [264 * NS * (i + 1) for i in range(4)]
    dropped = Run([64] * 4, 128, arrivals=arrivals, drop=True)
    assert list(dropped.ring.dropped) == [0, 0, 1, 1]


def test_a_record_must_fit() -> None:
    with pytest.raises(InputError, match=r"producer\.ring = 63.*at least 64 bytes"):
        Ring(63, [64], 1, Signals())


@pytest.mark.slow
def test_open_loop_latency_is_that_of_m_d_1() -> None:
    """Mean waiting time rho s / (2 (1 - rho)), Pollaczek and Khinchine for a fixed service."""
    service, rho, records, runs = 264 * NS, 0.7, 6000, 12
    waits = []
    for seed in range(runs):
        gaps = np.random.default_rng(seed).exponential(service / rho, records)
        run = Run([64] * records, 64 * records, arrivals=np.cumsum(gaps).astype(int).tolist())
        settled = np.frombuffer(run.latencies[0], np.int64)[records // 10 :]
        waits.append(float(settled.mean()) - service)
    expected = rho * service / (2 * (1 - rho))
    low, high = stats.t.interval(0.999, runs - 1, loc=np.mean(waits), scale=stats.sem(waits))
    assert low < expected < high
    assert (high - low) / expected < 0.25


class Half:
    """A transfer that may have begun already."""

    def __init__(self, begun: bool) -> None:
        self.begun = begun
        self.withdrawn = False

    def __await__(self) -> Iterator[None]:
        yield from ()

    async def poll(self) -> bool:
        return False

    async def cancel(self) -> bool:
        self.withdrawn = True
        return not self.begun


class Halves:
    """A segment that starts transfers which have begun or not, and then no more."""

    size = 100
    moved = 0
    posted = True

    def __init__(self, *begun: bool) -> None:
        self.left = [Half(each) for each in begun]
        self.started: list[Half] = []
        self.asked: list[tuple[int, int, int]] = []

    async def fetch(self, offset: int, length: int, _: object, at: int) -> Half:
        self.asked.append((offset, length, at))
        if not self.left:
            raise OSError("refused")
        self.started.append(self.left.pop(0))
        return self.started[-1]


@pytest.mark.parametrize("begun", [(False, False), (True, False), (False, True), (True, True)])
def test_a_copy_around_the_end_is_withdrawn_whole(begun: tuple[bool, bool]) -> None:
    halves = Halves(*begun)
    ring = RingSegment(cast("Segment", halves), 100)
    both = run(ring.fetch(190, 30, cast("Local", None), 7))
    assert halves.asked == [(90, 10, 7), (0, 20, 17)]
    assert run(both.cancel()) is not any(begun)
    assert all(each.withdrawn for each in halves.started)


def test_of_a_copy_around_the_end_that_is_refused_nothing_goes_on() -> None:
    halves = Halves(True)
    ring = RingSegment(cast("Segment", halves), 100)
    with pytest.raises(OSError, match="refused"):
        run(ring.fetch(190, 30, cast("Local", None), 0))
    assert halves.started[0].withdrawn
