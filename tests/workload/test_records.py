"""Header inspection over records of one size and over packets, and how packets lie in a segment."""

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.workload.capture import Capture, read_capture
from simaccess.workload.registry import workload
from simaccess.workload.stream import PacketStream

CAPTURE = str(embedded("experiments", "data", "traffic.pcap"))


def capture_of(lengths: list[int], times: list[int] | None = None) -> Capture:
    length = np.array(lengths, np.int64)
    return Capture(
        time_ns=np.array(times or [0] * len(lengths), np.int64),
        offset=np.cumsum(length) - length,
        length=length,
        wire_length=length,
        data=(np.arange(length.sum()) % 255 + 1).astype(np.uint8),
    )


@given(
    st.lists(st.integers(0, 200), min_size=1, max_size=20), st.integers(1, 100), st.integers(1, 4)
)
def test_stream_holds_each_packet_padded_lap_after_lap(
    lengths: list[int], alignment: int, laps: int
) -> None:
    capture = capture_of(lengths)
    stream = PacketStream(capture, alignment, laps)
    assert len(stream.content()) == stream.lap_size
    content = stream.content() * laps
    at = 0
    for number in range(laps * len(capture)):
        start, end = stream.blocks.bounds(number)
        packet = capture.packet(number % len(capture)).tobytes()
        assert start == at
        assert start % alignment == end % alignment == 0
        assert end - start - max(len(packet), 1) < alignment
        assert content[start:end] == packet.ljust(end - start, b"\0")
        at = end
    assert at == stream.size


def test_arrivals_are_the_time_stamps_and_never_go_back() -> None:
    times = [0, 4_000_000_000, 3_000_000_000, 6_000_000_000]
    stream = PacketStream(capture_of([1] * 4, times), 1, 2)
    assert stream.arrivals.tolist() == [0, 4, 4, 6, 8, 12, 12, 14]
    assert PacketStream(capture_of([1], [0]), 1, 3).arrivals.tolist() == [0, 0, 0]
    assert PacketStream(capture_of([1, 1], [0, -5]), 1, 1).arrivals.tolist() == [0, 0]


def test_header_only_reads_one_header_a_record() -> None:
    source = workload("header-only", {"size": "10 KiB", "record": "1514 B", "requests": "8"})
    accesses = source.accesses(0)
    assert accesses.offset.tolist() == [i % 6 * 1536 for i in range(8)]
    assert set(accesses.length.tolist()) == {54}
    assert source.blocks == FixedBlocks(1536)
    assert (source.header, source.arrivals) == (54, None)
    assert len(workload("header-only", {"size": "10 KiB"}).accesses(0)) == 6


def test_payload_follows_its_header_and_ends_the_request() -> None:
    source = workload("header-payload", {"payload_probability": "0.5", "work": "1 us"})
    accesses = source.accesses(3)
    rows = list(accesses.rows())
    followed = 0
    for (offset, length, _, last, work, _), after in pairwise([*rows, (0, 54, False, True, 0, 0)]):
        if length == 54:
            assert offset % 1536 == 0
            if not last:
                followed += 1
                assert after[:2] == (offset + 54, 1514 - 54)
                assert after[3]
                assert work == 0
                assert after[4] == 1e-6
        else:
            assert last
    assert accesses.requests == 16 * 1024**2 // 1536
    assert len(rows) == accesses.requests + followed


@pytest.mark.parametrize("probability", [0, 0.1, 0.5, 1])
@pytest.mark.parametrize("seed", [1, 2])
def test_payload_probability(probability: float, seed: int) -> None:
    accesses = workload(
        "header-payload", {"payload_probability": str(probability), "requests": "50000"}
    ).accesses(seed)
    read = len(accesses) - accesses.requests
    assert accesses.requests == 50_000
    assert stats.binomtest(read, 50_000, probability).pvalue > 1e-3


def test_headers_of_a_capture() -> None:
    capture = read_capture(CAPTURE)
    settings = {"capture": CAPTURE, "laps": "2", "payload_probability": "1"}
    source = workload("header-payload", settings)
    accesses = source.accesses(0)
    assert accesses.requests == 2 * len(capture)
    number = 0
    asked = 0
    for offset, length, _, last, _, _ in accesses.rows():
        start, end = source.blocks.bounds(number)
        assert offset == start + asked
        asked += length
        assert offset + length <= end
        if last:
            assert asked == capture.length[number % len(capture)]
            number, asked = number + 1, 0
    content = source.content()
    assert content is not None
    assert 2 * len(content) == source.size
    arrivals = source.arrivals
    assert arrivals is not None
    assert len(arrivals) == 2 * len(capture)
    assert (np.diff(arrivals) >= 0).all()


def test_header_only_of_a_capture_reads_no_more_than_a_packet_has() -> None:
    capture = read_capture(CAPTURE)
    accesses = workload("header-only", {"capture": CAPTURE, "header": "60 B"}).accesses(0)
    assert accesses.length.tolist() == np.minimum(capture.length, 60).tolist()
    assert (capture.length < 60).any()


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"capture": CAPTURE, "size": "1 MiB"}, "not for a capture"),
        ({"capture": CAPTURE, "requests": "5"}, "not for a capture"),
        ({"laps": "2"}, "laps are for a capture"),
        ({"size": "1 KiB"}, "a padded record takes 1536 bytes"),
        ({"header": "0 B"}, "at least 1 byte"),
        ({"payload_probability": "0.5"}, "unknown key"),
        ({"capture": "absent.pcap"}, "absent.pcap: cannot be read"),
    ],
)
def test_refusals(wrong: dict[str, str], told: str) -> None:
    with pytest.raises(InputError) as caught:
        workload("header-only", wrong)
    assert told in str(caught.value)
