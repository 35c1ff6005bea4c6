"""Synthetic patterns: their arithmetic, their laws, and what their numbers depend on."""

from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy import stats

from simaccess.errors import InputError
from simaccess.workload.accesses import Accesses
from simaccess.workload.draws import generator
from simaccess.workload.patterns import placement
from simaccess.workload.registry import workload

KEYS = {
    "sequential": {"length"},
    "strided": {"length", "stride"},
    "skip": {"length", "skip_read", "skip_jump"},
    "random": {"length"},
    "zipf": {"item", "exponent"},
    "header-only": {"record", "header", "alignment"},
    "header-payload": {"record", "header", "alignment", "payload_probability"},
}


def made(name: str, seed: int = 0, /, **settings: object) -> Accesses:
    return workload(name, sizes(settings)).accesses(seed)


def sizes(settings: Mapping[str, object]) -> dict[str, str]:
    plain = {"requests", "exponent", "writes", "payload_probability", "work", "work_per_byte"}
    return {k: str(v) if k in plain else f"{v} B" for k, v in settings.items()}


@st.composite
def settings(draw: st.DrawFn, name: str) -> dict[str, object]:
    size = draw(st.integers(1, 20_000))
    chosen: dict[str, object] = {"size": size, "requests": draw(st.integers(1, 300))}
    length = draw(st.integers(1, size))
    values = {
        "length": length,
        "item": length,
        "record": length,
        "stride": draw(st.integers(1, 30_000)),
        "skip_read": length * draw(st.integers(1, size // length)),
        "skip_jump": draw(st.integers(1, 30_000)),
        "exponent": draw(st.floats(0, 3)),
        "header": draw(st.integers(1, 100)),
        "alignment": 1,
        "payload_probability": draw(st.floats(0, 1)),
    }
    chosen |= {key: values[key] for key in KEYS[name]}
    return chosen | {"writes": draw(st.floats(0, 1))}


@pytest.mark.parametrize("name", KEYS)
@given(st.data(), st.integers(0, 2**64))
def test_accesses_lie_within_and_depend_on_the_seed_alone(
    name: str, data: st.DataObject, seed: int
) -> None:
    chosen = data.draw(settings(name))
    one, other = made(name, seed, **chosen), made(name, seed, **chosen)
    assert one.requests == chosen["requests"]
    size = chosen["size"]
    for offset, length, *_ in one.rows():
        assert 0 <= offset < offset + length <= size  # type: ignore[operator]  # it is an int
    assert list(one.rows()) == list(other.rows())
    # Whether accesses write is drawn apart: where they go stays.
    reading = made(name, seed, **{**chosen, "writes": 0})
    assert (reading.offset == one.offset).all()
    assert not reading.write.any()


whole = st.integers(1, 500)


@given(st.integers(1, 5000), whole, whole)
def test_sequential_covers_the_segment_in_order(size: int, length: int, requests: int) -> None:
    assume(length <= size)
    once = made("sequential", size=size, length=length)
    assert once.offset.tolist() == list(range(0, size, length))
    assert (once.offset[1:] == (once.offset + once.length)[:-1]).all()
    assert once.bytes == size
    places = len(once)
    again = made("sequential", size=size, length=length, requests=requests)
    assert again.offset.tolist() == [(i % places) * length for i in range(requests)]


@given(st.integers(1, 5000), whole, whole)
def test_strided_goes_to_the_end_of_the_segment(size: int, length: int, stride: int) -> None:
    assume(length <= size)
    asked = made("strided", size=size, length=length, stride=stride)
    ends = [min(at + length, size) for at in asked.offset.tolist()]
    assert asked.offset.tolist() == list(range(0, size, stride))[: len(asked)]
    assert (asked.offset + asked.length).tolist() == ends
    assert size not in ends[:-1]
    # Nothing is left but what a whole stride jumps over.
    assert ends[-1] == size or asked.offset[-1] + stride >= size


@given(st.integers(1, 5000), st.integers(1, 50), st.integers(1, 10), whole)
def test_skip_reads_runs_and_jumps(size: int, length: int, requests: int, jump: int) -> None:
    run = length * requests
    assume(run <= size)
    keys = {"size": size, "length": length, "skip_read": run, "skip_jump": jump}
    offsets = made("skip", **keys).offset.tolist()
    expected: list[int] = []
    at = 0
    while at + run <= size:
        expected += range(at, at + run, length)
        at += run + jump
    assert offsets == expected
    twice = made("skip", **keys, requests=2 * len(expected))
    assert twice.offset.tolist() == 2 * expected


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_random_is_uniform(seed: int) -> None:
    accesses = made("random", seed, size=64 * 100 + 63, length=64, requests=100_000)
    counts = np.bincount(accesses.offset // 64, minlength=100)
    assert len(counts) == 100
    assert (accesses.offset % 64 == 0).all()
    assert stats.chisquare(counts).pvalue > 1e-3


@pytest.mark.parametrize("exponent", [0, 0.5, 0.99, 2])
def test_zipf_follows_its_law(exponent: float) -> None:
    items, requests, seed = 50, 200_000, 7
    accesses = made("zipf", seed, size=items * 64, item=64, exponent=exponent, requests=requests)
    counts = np.bincount(accesses.offset // 64, minlength=items)[placement(items, seed)]

    def pvalue(s: float) -> float:
        law = np.arange(1, items + 1) ** -float(s)
        return float(stats.chisquare(counts, requests * law / law.sum()).pvalue)

    assert pvalue(exponent) > 1e-3
    assert pvalue(exponent + 0.05) < 1e-6


def test_popular_items_lie_anywhere() -> None:
    ranks = placement(10_000, 1)
    assert sorted(ranks.tolist()) == list(range(10_000))
    assert abs(stats.spearmanr(ranks, np.arange(10_000)).statistic) < 0.05
    assert (ranks != placement(10_000, 2)).any()


@pytest.mark.parametrize("share", [0, 0.03, 0.5, 1])
def test_share_of_writes(share: float) -> None:
    accesses = made("sequential", 5, writes=share, requests=100_000)
    writes = int(accesses.write.sum())
    assert stats.binomtest(writes, 100_000, share).pvalue > 1e-3


def test_work_follows_each_access() -> None:
    accesses = made("sequential", work="2 us", work_per_byte="3 ns", length=100, requests=4)
    assert accesses.work is not None
    assert accesses.work.tolist() == pytest.approx([2.3e-6] * 4, rel=1e-12)
    assert made("sequential").work is None
    assert accesses.time is None


def test_content_depends_on_seed_and_name() -> None:
    one = workload("sequential", {"size": "1000 B", "length": "10 B"})
    other = workload("random", {"size": "1000 B"})
    content = one.content(3)
    assert content is not None
    assert len(content) == 1000
    assert content == one.content(3)
    assert len({content, one.content(4), other.content(3), one.content()}) == 4


def test_names_of_draws_are_kept_apart() -> None:
    keys = [("a", "bc"), ("ab", "c"), ("abc",), ("a", "b", "c"), ()]
    assert len({generator(1, *names).bytes(16) for names in keys}) == len(keys)


@pytest.mark.parametrize(
    ("name", "wrong", "told"),
    [
        ("sequential", {"length": "32 MiB"}, "workload.length = '32 MiB': more than"),
        ("sequential", {"length": "0 B"}, "workload.length = '0 B'"),
        (
            "sequential",
            {"stride": "1 KiB"},
            "workload.stride = '1 KiB': unknown key (did you mean 'size'?); allowed: ",
        ),
        ("strided", {"stride": "64"}, "workload.stride = '64': missing unit"),
        ("skip", {"skip_read": "65 KiB"}, "multiple of workload.length, 4096 bytes"),
        ("skip", {"skip_read": "32 MiB"}, "workload.skip_read = '32 MiB': more than the segment"),
        ("zipf", {"exponent": "-1"}, "workload.exponent = '-1'"),
        ("zipf", {"item": "1 GiB"}, "workload.item = '1 GiB': more than"),
        ("random", {"requests": "0"}, "workload.requests = '0'"),
        ("random", {"requests": "many"}, "workload.requests = 'many'"),
        ("random", {"writes": "1.5"}, "workload.writes = '1.5'"),
        ("random", {"size": "-1 B"}, "workload.size = '-1 B'"),
        ("random", {"work": "1 B"}, "workload.work = '1 B': unknown or unfitting unit"),
    ],
)
def test_refusals(name: str, wrong: dict[str, str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        workload(name, wrong)
    assert told in str(caught.value)
