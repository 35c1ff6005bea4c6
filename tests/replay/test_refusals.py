"""What cannot be replayed says so, and goes to SimPy."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from simaccess.errors import InputError
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.model import load_model
from simaccess.parameters import Parameters
from simaccess.replay import allowed
from simaccess.replay.allowed import can_replay
from simaccess.replay.engine import replay, replay_lanes
from simaccess.replay.fifo_figures import figures_along
from simaccess.replay.record import Recording
from simaccess.replay.recorder import NotReplayableError
from simaccess.replay.shelf import record
from simaccess.scenario import ProducerParameters, Scenario
from simaccess.sim.fifo_link import FifoParameters
from simaccess.sim.near_cache import NearCacheSection
from simaccess.simulate import simulate
from simaccess.workload.registry import workload


def scenario(**changes: Any) -> Scenario:
    asked = workload("sequential", {"size": "64 KiB"})
    return Scenario(load_model("example-link"), asked, "copy-once", **changes)


class Timed(ZeroCopy):
    """Zero-copy that wants to know how long its operations take."""

    timed = True


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        (scenario(consumers=2, shared=True), "share a shadow"),
        (scenario(producer=ProducerParameters()), "through a ring"),
    ],
)
def test_a_reason_is_given_and_simpy_serves(asked: Scenario, reason: str) -> None:
    assert reason in (can_replay(asked) or "")
    assert simulate(asked).engine == "simpy"
    with pytest.raises(InputError, match=f"engine = 'replay': .*{reason}.*; allowed: auto, simpy"):
        simulate(replace(asked, engine="replay"))


def test_without_numba_simpy_serves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(allowed, "have_compiler", lambda: False)
    assert "numba" in (can_replay(scenario()) or "")
    assert simulate(scenario()).engine == "simpy"


def test_a_timed_method_is_not_recorded() -> None:
    with pytest.raises(NotReplayableError, match="time"):
        Recording(64).follow(Timed(), [])


@pytest.mark.parametrize("asks", ["mark", "waited", "instant", "spawn", "gate", "handle"])
def test_a_consumer_that_asks_for_the_time_is_not_recorded(asks: str) -> None:
    async def body(clock: Any, *_: Any) -> None:
        getattr(clock, asks)()

    with pytest.raises(NotReplayableError, match="what time it is"):
        Recording(64).run(ZeroCopy(), body)


def test_a_consumer_that_waits_for_another_is_not_recorded() -> None:
    class Other:
        def __await__(self) -> Iterable[None]:
            yield

    async def body(*_: Any) -> None:
        await Other()  # type: ignore[misc]

    with pytest.raises(NotReplayableError, match="beside its link"):
        Recording(64).run(ZeroCopy(), body)


def test_what_64_bits_do_not_hold_goes_to_simpy() -> None:
    pytest.importorskip("numba")
    slow = replace(scenario(), model=load_model("example-link", {"link.latency": "1000000 s"}))
    assert simulate(slow).engine == "simpy"
    with pytest.raises(InputError, match="64 bits"):
        simulate(replace(slow, engine="replay"))


def test_a_record_is_a_table_of_16_bytes_a_row() -> None:
    recording = Recording(1 << 20)
    offsets = range(0, 6400, 64)
    recording.follow(ZeroCopy(), [(offsets, [64] * 100, None, None, None, None)])
    made = recording.record()
    (track,) = made.tracks
    assert track.rows.itemsize == 16
    assert track.rows.tolist() == [(8, 0, 0, 100), (7, 0, 0, 0)]  # a hundred loads; the end
    assert made.lengths.tolist() == [64]
    assert made.accesses == 100


def test_reads_at_any_lengths_keep_their_order() -> None:
    recording = Recording(1 << 20)
    lengths = np.random.default_rng(1).choice([1, 2], 200_000).tolist()  # several chunks
    recording.follow(ZeroCopy(), [([0] * len(lengths), lengths, None, None, None, None)])
    made = recording.record()
    rows = made.tracks[0].rows[:-1]
    found = np.repeat(made.lengths[rows["item"]], rows["extra"])
    assert found.tolist() == lengths


def test_parameters_of_another_kind_are_refused() -> None:
    recording = Recording(64)
    recording.follow(ZeroCopy(), [])
    with pytest.raises(NotReplayableError, match="Parameters are of no link"):
        replay(recording.record(), Parameters())


def test_a_fifo_link_whose_copies_a_processor_makes_goes_to_simpy() -> None:
    model = load_model("example-link", {"dma.mover": "issuer"})
    assert "a processor makes the copies" in (can_replay(replace(scenario(), model=model)) or "")
    cache = NearCacheSection.model_validate({"size": "64 KiB", "rate": "1 GB/s"})
    model = load_model("example-link")
    model = replace(model, parameters=model.parameters.model_copy(update={"cache": cache}))
    assert "through its cache" in (can_replay(replace(scenario(), model=model)) or "")
    model = load_model("example-link", {"dma.take_rate": "1 GB/s"})
    assert "out of a buffer" in (can_replay(replace(scenario(), model=model)) or "")
    for key in ("client.seek", "client.layer", "client.look"):
        model = load_model("example-link", {key: "1 us"})
        assert "where it looks" in (can_replay(replace(scenario(), model=model)) or "")
    model = load_model("example-link", {"link.rouse": "1 us"})
    assert "sleep" in (can_replay(replace(scenario(), model=model)) or "")
    model = load_model("example-link", {"link.long": "1 MiB", "link.long_rate": "1 GB/s"})
    assert "long copies" in (can_replay(replace(scenario(), model=model)) or "")


def test_what_64_bits_do_not_hold_of_a_wan_goes_to_simpy() -> None:
    pytest.importorskip("numba")
    for setting in (
        {"path.rtt": "5 s"},
        {"tcp.initial_window": "4000"},
        {"tcp.rto_minimum": "20000 s"},
        {"cross.rate": "1 B/s"},
    ):
        model = load_model("wan-20ms-100mbit", setting)
        assert "64 bits" in (can_replay(replace(scenario(), model=model)) or "")
    for key in ("cross.rate", "cross.upstream_rate"):
        model = load_model("wan-20ms-100mbit", {key: "100 Mbit/s"})
        assert "drawn ahead" in (can_replay(replace(scenario(), model=model)) or "")
    slow = load_model("wan-20ms-100mbit", {"request.service": "1000000 s"})
    assert simulate(replace(scenario(), model=slow)).engine == "simpy"
    with pytest.raises(InputError, match="64 bits"):
        simulate(replace(scenario(), model=slow, engine="replay"))


def test_a_memory_bus_and_only_that_wants_shadows_in_its_memory() -> None:
    pytest.importorskip("numba")
    memory, link = load_model("shared-memory-ddr4"), load_model("example-link").parameters
    assert isinstance(link, FifoParameters)
    shared = record(replace(scenario(), model=memory))
    with pytest.raises(NotReplayableError, match="shadows in shared memory"):
        replay(shared, link)
    with pytest.raises(NotReplayableError, match="shadows in shared memory"):
        replay_lanes(shared, figures_along(link))
    with pytest.raises(NotReplayableError, match="where shadows are reached"):
        replay(record(scenario()), memory.parameters)


def test_what_64_bits_do_not_hold_of_a_memory_bus_goes_to_simpy() -> None:
    pytest.importorskip("numba")
    asked = replace(scenario(), model=load_model("shared-memory-ddr4"))
    assert can_replay(asked) is None
    large = load_model("shared-memory-ddr4", {"pages.size": "2 TiB"})
    assert "pages.size" in (can_replay(replace(asked, model=large)) or "")
    slow = replace(asked, model=load_model("shared-memory-ddr4", {"pages.walk": "1000000 s"}))
    assert simulate(slow).engine == "simpy"
    with pytest.raises(InputError, match="64 bits"):
        simulate(replace(slow, engine="replay"))


def test_a_record_without_the_clients_software_is_no_record_for_one_that_takes_time() -> None:
    pytest.importorskip("numba")
    recording = Recording(64)
    recording.follow(ZeroCopy(), [([0], [64], None, None, None, None)])
    charged = load_model("example-link", {"client.access": "1 us"}).parameters
    with pytest.raises(NotReplayableError, match="software"):
        replay(recording.record(), charged)
