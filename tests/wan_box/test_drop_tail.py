from __future__ import annotations

import subprocess
import sys
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.wan_box import compiled
from simaccess.wan_box.drop_tail import CARRIED, FULL, LOSS_SCALE, LOST, DropTail

GBIT = 125_000_000

ARRIVALS = st.lists(
    st.tuples(st.integers(0, 30_000_000), st.integers(20, 1500)), min_size=1, max_size=60
)
WAYS: st.SearchStrategy[dict[str, int]] = st.builds(
    dict,
    rate=st.integers(1000, 1_250_000_000),
    buffer=st.integers(1500, 100_000),
    delay=st.integers(0, 10**9),
    loss=st.sampled_from([0, LOSS_SCALE // 200, LOSS_SCALE // 3]),
    seed=st.integers(0, 2**64 - 1),
)


def times(gaps: list[tuple[int, int]], start: int) -> list[tuple[int, int]]:
    arrivals = []
    now = start
    for gap, size in gaps:
        now += gap
        arrivals.append((now, size))
    return arrivals


def reference(
    arrivals: list[tuple[int, int]], rate: int, buffer: int, delay: int
) -> list[Fraction | None]:
    """When each packet is there, in exact fractions: a list of packets that are being served."""
    free = Fraction(0)
    found: list[Fraction | None] = []
    for now, size in arrivals:
        waiting = max(Fraction(0), free - now) * rate / 10**9
        if waiting + size > buffer:
            found.append(None)
            continue
        free = max(free, Fraction(now)) + Fraction(size * 10**9, rate)
        found.append(free + delay)
    return found


@given(gaps=ARRIVALS, way=WAYS, start=st.integers(0, 2**60))
def test_the_queue_is_that_of_exact_fractions(
    gaps: list[tuple[int, int]], way: dict[str, int], start: int
) -> None:
    plain = {key: way[key] for key in ("rate", "buffer", "delay")}
    arrivals = times(gaps, start)
    queue = DropTail(**plain)
    for (now, size), there in zip(arrivals, reference(arrivals, **plain), strict=True):
        fate, due = queue.admit(now, size)
        if there is None:
            assert (fate, due) == (FULL, 0)
        else:
            assert fate == CARRIED
            assert due - 1 < there <= due  # rounded up to the nanosecond


def test_a_buffer_takes_what_fits_to_the_byte() -> None:
    queue = DropTail(GBIT, 15_000, 0)
    fates = [queue.admit(0, 1500)[0] for _ in range(12)]
    assert fates == [CARRIED] * 10 + [FULL] * 2
    assert queue.admit(11_999, 1500)[0] == FULL  # a packet takes 12 us; a part of it is left
    assert queue.admit(12_000, 1500) == (CARRIED, 132_000)


def test_packets_come_a_packets_time_apart_and_the_delay_later() -> None:
    queue = DropTail(GBIT, 100_000, 5_000_000)
    assert [queue.admit(7, 1500)[1] for _ in range(3)] == [5_012_007, 5_024_007, 5_036_007]


def test_a_lost_packet_uses_the_queues_time() -> None:
    queue = DropTail(GBIT, 100_000, 0, LOSS_SCALE)  # all are lost
    assert [queue.admit(0, 1500)[0] for _ in range(3)] == [LOST] * 3
    queue.loss = 0
    assert queue.admit(0, 1500) == (CARRIED, 48_000)


def test_losses_are_the_outputs_of_splitmix64() -> None:
    # The first outputs from the state 1234567, as published with the generator.
    outputs = [6457827717110365317, 3203168211198807973, 9817491932198370423]
    for limit in outputs:
        queue = DropTail(GBIT, 10**6, 0, (limit >> 11) + 1, 1234567)
        expected = [LOST if output >> 11 <= limit >> 11 else CARRIED for output in outputs]
        assert [queue.admit(0, 100)[0] for _ in outputs] == expected


def test_losses_have_their_share_and_their_seed() -> None:
    def lost(seed: int) -> list[int]:
        queue = DropTail(GBIT, 10**9, 0, LOSS_SCALE // 100, seed)
        return [index for index in range(100_000) if queue.admit(0, 100)[0] == LOST]

    assert len(lost(1)) == pytest.approx(1000, abs=130)  # four standard deviations
    assert lost(1) == lost(1)
    assert lost(1) != lost(2)


def _replay(program: list[str], way: DropTail, arrivals: list[tuple[int, int]]) -> list[str]:
    text = "".join(f"{now} {size}\n" for now, size in arrivals)
    command = [*program, "--replay", *way.words()]
    done = subprocess.run(command, input=text, capture_output=True, text=True, check=True)
    return done.stdout.split()


def _words(way: DropTail, arrivals: list[tuple[int, int]]) -> list[str]:
    words = {FULL: "full", LOST: "lost"}
    return [words.get(fate, str(due)) for fate, due in (way.admit(*each) for each in arrivals)]


@pytest.mark.skipif(compiled.compiler() is None, reason="needs a C compiler (apt install gcc)")
@settings(max_examples=40, deadline=None)
@given(gaps=ARRIVALS, way=WAYS, start=st.integers(0, 2**60))
def test_the_program_in_c_does_the_same(
    gaps: list[tuple[int, int]], way: dict[str, int], start: int
) -> None:
    arrivals = times(gaps, start)
    replayed = _replay([str(compiled.emulator())], DropTail(**way), arrivals)
    assert replayed == _words(DropTail(**way), arrivals)


@pytest.mark.skipif(compiled.compiler() is None, reason="needs a C compiler (apt install gcc)")
def test_the_program_in_c_fills_the_buffer_to_the_byte() -> None:
    way = {"rate": GBIT, "buffer": 15_000, "delay": 0}
    arrivals = [(0, 1500)] * 12 + [(11_999, 1500), (12_000, 1500)]
    words = _words(DropTail(**way), arrivals)
    assert words[9:] == ["120000", "full", "full", "full", "132000"]
    assert _replay([str(compiled.emulator())], DropTail(**way), arrivals) == words


def test_the_program_in_python_does_the_same() -> None:
    way = {"rate": GBIT, "buffer": 30_000, "delay": 5_000, "loss": LOSS_SCALE // 5, "seed": 9}
    arrivals = times([(2_000, 1500)] * 200, 10**12)
    words = _words(DropTail(**way), arrivals)
    assert {"full", "lost"} < set(words)
    program = [sys.executable, "-m", "simaccess.wan_box.emulator"]
    assert _replay(program, DropTail(**way), arrivals) == words
