"""What every access method must do on every backend."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import InputError
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real.clock import RealClock
from simaccess.real.link import RealLink
from simaccess.sim.environment import Agent
from simaccess.sim.link import Link
from tests.conformance.backends import REAL, SIMULATED, Factory, RealFactory
from tests.conformance.play import (
    NAMES,
    SIZE,
    Access,
    Outcome,
    Setting,
    accesses,
    drive,
    play,
    settings,
)

some = hypothesis_settings(
    max_examples=30,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@pytest.fixture(params=[*SIMULATED, *REAL])
def factory(request: pytest.FixtureRequest) -> Factory | RealFactory:
    return REAL.get(request.param) or SIMULATED[request.param]


@pytest.fixture(params=SIMULATED)
def simulated(request: pytest.FixtureRequest) -> Factory:
    return SIMULATED[request.param]


def check_counters(
    outcome: Outcome, stack: list[Setting], asked: list[Access], factory: Factory | RealFactory
) -> None:
    requested = sum(access.length for access in asked)
    line = factory.line
    if line > 1:  # what the link itself moved in place comes in lines, less what a cache holds
        counts, moved = outcome.counts[-1], outcome.moved[-1]
        in_place = moved - counts["bulk"]
        asked_in_place = counts["requested"] - counts["shadow"]
        assert 0 <= in_place <= line * (2 * (counts["loads"] + counts["stores"]) + SIZE // line + 1)
        # From here on as if it had moved what was asked.
        outcome = replace(outcome, moved=[*outcome.moved[:-1], counts["bulk"] + asked_in_place])
    for setting, counts, moved in zip(stack, outcome.counts, outcome.moved, strict=True):
        assert counts["requested"] == requested
        in_place = moved - counts["bulk"]
        assert counts["shadow"] + in_place == counts["requested"]
        assert counts["used"] <= counts["bulk"] <= moved
        held = counts["loads"] + counts["answered"] + counts["waits"]
        assert counts["round_trips"] == held + counts["copies"] * counts["fetches"]
        if setting.name == "zero-copy":
            assert moved == counts["requested"]
            assert counts["bulk"] == counts["hits"] == counts["shadow"] == 0
        if setting.name == "hybrid" and setting.number == 0:
            assert in_place == 0
        requested = moved  # what this buffer asks of the one below


@some
@given(setting=settings, asked=accesses)
def test_bytes_equal_the_segments(
    factory: Factory | RealFactory, setting: Setting, asked: list[Access]
) -> None:
    (outcome,), _ = play(factory, [setting], [asked])
    assert outcome.wrong == []
    assert len(outcome.times) == len(asked) + 1
    check_counters(outcome, [setting], asked, factory)


@some
@given(setting=settings, asked=st.lists(accesses, min_size=2, max_size=4))
def test_consumers_of_one_shadow(
    factory: Factory | RealFactory, setting: Setting, asked: list[list[Access]]
) -> None:
    outcomes, _ = play(factory, [setting], asked)
    for outcome, own in zip(outcomes, asked, strict=True):
        assert outcome.wrong == []
        assert len(outcome.times) == len(own) + 1
        assert outcome.counts[0]["requested"] == sum(access.length for access in own)
    assert sum(o.counts[0]["used"] for o in outcomes) <= sum(o.counts[0]["bulk"] for o in outcomes)


@pytest.mark.parametrize(("outer", "inner"), list(product(NAMES, NAMES)))
@hypothesis_settings(some, max_examples=6)
@given(pair=st.tuples(settings, settings), asked=accesses)
def test_methods_stack(
    factory: Factory | RealFactory,
    outer: str,
    inner: str,
    pair: tuple[Setting, Setting],
    asked: list[Access],
) -> None:
    stack = [
        replace(setting, name=name) for setting, name in zip(pair, (outer, inner), strict=True)
    ]
    (outcome,), _ = play(factory, stack, [asked])
    assert outcome.wrong == []
    assert len(outcome.times) == len(asked) + 1
    check_counters(outcome, stack, asked, factory)


@pytest.mark.parametrize("middle", NAMES)
@hypothesis_settings(some, max_examples=12)
@given(stack=st.tuples(settings, settings, settings), asked=accesses)
def test_methods_stack_three_deep(
    factory: Factory | RealFactory,
    middle: str,
    stack: tuple[Setting, Setting, Setting],
    asked: list[Access],
) -> None:
    # Copies that the uppermost asks for overlap in the lowest, whatever is in between.
    stack = stack[0], replace(stack[1], name=middle), stack[2]
    (outcome,), _ = play(factory, stack, [asked])
    assert outcome.wrong == []
    assert len(outcome.times) == len(asked) + 1


@some
@given(
    stack=st.lists(settings, min_size=1, max_size=3),
    asked=st.lists(accesses, min_size=1, max_size=3),
    run_ahead=st.sampled_from([0, 1, 1000, 10**6, 10**7]),
)
def test_times_do_not_depend_on_bytes_or_run_ahead(
    simulated: Factory, stack: list[Setting], asked: list[list[Access]], run_ahead: int
) -> None:
    usual, data = play(simulated, stack, asked)
    other, same = play(simulated, stack, asked, run_ahead=run_ahead)
    assert (usual, data) == (other, same)
    assert [outcome.wrong for outcome in usual] == [[]] * len(asked)
    timing, _ = play(simulated, stack, asked, real=False)
    assert timing == usual


def test_readers_of_one_shadow_share_its_copies(factory: Factory | RealFactory) -> None:
    asked = [Access(False, offset, 50) for offset in range(0, SIZE, 50)]
    outcomes, _ = play(factory, [Setting("copy-once", 100, SIZE // 100)], [asked, asked])
    assert sum(outcome.counts[0]["fetches"] for outcome in outcomes) == SIZE // 100


def test_copy_once_reads_each_byte_once(factory: Factory | RealFactory) -> None:
    asked = [Access(False, offset, 50) for offset in range(0, SIZE, 50)]
    (outcome,), _ = play(factory, [Setting("copy-once", 100, 4)], [asked])
    counts = outcome.counts[0]
    assert counts["bulk"] == counts["used"] == counts["requested"] == SIZE
    assert counts["fetches"] == SIZE // 100
    if factory.overlaps is None:
        assert counts["waits"] <= SIZE // 100
    else:
        assert counts["waits"] == (SIZE // 100 if factory.overlaps else 0)
    assert counts["hits"] + counts["waits"] == SIZE // 50


def test_prefetch_waits_less_than_copy_once(simulated: Factory) -> None:
    asked = [Access(False, offset, 50) for offset in range(0, SIZE, 50)]
    if not simulated.overlaps:
        pytest.skip("here the consumer's processor copies, and cannot copy ahead of itself")
    (ahead,), _ = play(simulated, [Setting("prefetch", 100, 10, number=4)], [asked])
    (once,), _ = play(simulated, [Setting("copy-once", 100, 10)], [asked])
    assert ahead.times[-1] < once.times[-1]
    assert ahead.counts[0]["bulk"] == ahead.counts[0]["used"] == SIZE


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_reached_is_refused(factory: Factory | RealFactory, name: str) -> None:
    async def body(clock: Agent | RealClock, link: Link | RealLink) -> None:
        buffer = Buffer(Shadow(Setting(name).make(), link.local), link.attach(), clock)
        for offset, length in [(SIZE, 1), (SIZE - 1, 2), (-1, 1), (0, 0), (5, -1)]:
            for access in (buffer.read, buffer.write):
                with pytest.raises(InputError, match=rf"within \[0, {SIZE}\)"):
                    await access(offset, length)
        with pytest.raises(InputError, match="data of another length; allowed: 3 bytes"):
            await buffer.write(0, 3, memoryview(b"ab"))
        await buffer.release(100)
        with pytest.raises(InputError, match=rf"within \[100, {SIZE}\)"):
            await buffer.read(99, 2)
        await buffer.read(100, 2)
        assert buffer.counters.requested == 2

    drive(factory, body)


def test_a_segment_below_zero_copy_is_read_without_a_layer(factory: Factory | RealFactory) -> None:
    """The awaitable of a lone load is the segment's own."""

    async def body(clock: Agent | RealClock, link: Link | RealLink) -> None:
        buffer = Buffer(Shadow(ZeroCopy(), link.local), link.attach(), clock)
        load = buffer.read(0, 8)
        assert "Buffer" not in getattr(load, "__qualname__", "")
        await load

    drive(factory, body)
