"""The simulated time of a reader, and the log of its accesses."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import fsspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import simaccess
from simaccess.errors import InputError
from simaccess.model import load_model
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload.registry import workload
from tests.blocking.content import CONTENT
from tests.conformance.play import NAMES
from tests.real.memory_link import MemoryLink

accesses = st.lists(
    st.tuples(
        st.integers(0, len(CONTENT) - 1),
        st.integers(1, 9000),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([0.0, 0.0, 3e-6, 0.004]),
    ),
    min_size=1,
    max_size=12,
)
sequential = st.integers(100, 9000).map(
    lambda length: [(offset, length, False, 0.0) for offset in range(0, len(CONTENT), length)]
)
MORE = {
    "wan-20ms-100mbit": ["", "tcp.congestion_control=bbr&cross.rate=20 Mbit/s"],
    "pci-64-66": ["", "memory=shared-memory-ddr4", "dma.enabled=false"],
    "pci-32-33": [""],
    "shared-memory-ddr4": [""],
}


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(
    asked=accesses | sequential,
    method=st.sampled_from(NAMES),
    block=st.integers(500, 9000),
    model=st.sampled_from([(name, more) for name in MORE for more in MORE[name]]),
    seed=st.integers(0, 3),
)
def test_times_are_those_of_the_log_simulated(  # noqa: PLR0917  # hypothesis passes them by name
    data: Path,
    tmp_path: Path,
    asked: list[tuple[int, int, bool, float]],
    method: str,
    block: int,
    model: tuple[str, str],
    seed: int,
) -> None:
    """To the tick: at the log's times, and, where nothing was computed between, without them."""
    name, more = model
    given_settings = {} if method == "zero-copy" else {"block": f"{block} B", "slots": "4"}
    if method == "prefetch":
        given_settings["depth"] = "3"
    log = tmp_path / "log.csv"
    url = f"sim:{name}?data={data}&seed={seed}&{more}"
    with simaccess.open(url, method, given_settings, mode="r+b", record=log) as file:
        for number, (offset, length, write, work) in enumerate(asked, 1):
            file.seek(offset)
            if write:
                file.write(bytes(min(length, len(CONTENT) - offset)))
            else:
                file.read(length)
            if work and number < len(asked):  # a log cannot tell of work after its last access
                file.work(work)
        file.flush()
        ticks = file.clock.time
        spent = [getattr(file.clock, kind) for kind in ("stall", "copy", "issue")]
        counters = file.counters
    changes = dict(each.split("=") for each in more.split("&") if each)
    memory = changes.pop("memory", None)
    worked = any(work for *_, work in asked[:-1])
    for timed in [True] if worked else [True, False]:
        scenario = Scenario(
            load_model(name, changes),
            workload(str(log), {"size": f"{len(CONTENT)} B", "timed": timed}),
            method,
            given_settings,
            seed=seed,
            memory=None if memory is None else load_model(memory),
        )
        result = simulate(scenario)
        assert result.elapsed_s == ticks / 10**12
        assert [
            result.processor_s.stall,
            result.processor_s.copy,
            result.processor_s.issue,
        ] == [each / 10**12 for each in spent]
        assert result.bytes.requested == counters.requested
        assert result.bulk_requests == counters.fetches + counters.flushes
        assert result.shadow_hits == counters.hits


def test_copies_ahead_go_on_while_the_reader_works(data: Path) -> None:
    """With enough work a block, prefetch hides all round trips but the first ones."""
    took = {}
    for method in ("copy-once", "prefetch"):
        with simaccess.open(
            f"sim:wan-20ms-100mbit?data={data}", method, {"block": "5000 B"}
        ) as file:
            while file.read(5000):
                file.work(0.03)
            took[method] = file.elapsed_s
    assert took["copy-once"] > 10 * (0.03 + 0.02)
    assert took["prefetch"] < 10 * 0.03 + 4 * 0.021


def test_a_call_runs_the_simulation_no_further_than_its_end(data: Path) -> None:
    with simaccess.open(
        f"sim:wan-20ms-100mbit?data={data}", "prefetch", {"block": "1 KiB"}
    ) as file:
        env = file.clock.env  # type: ignore[attr-defined]  # an agent's
        for _ in range(20):
            file.read(700)
            assert env.now <= file.clock.time
            assert all(entry[0] >= env.now for entry in env.queue)


def test_a_real_file_is_recorded_and_its_log_replays(tmp_path: Path) -> None:
    fs = fsspec.filesystem("memory")
    fs.pipe_file("/blocking", CONTENT)
    log = tmp_path / "log.csv"
    url, block = "memory://blocking", {"block": "4 KiB"}
    with simaccess.open(url, "copy-once", block, mode="r+b", record=log) as file:
        assert file.read(10_000) == CONTENT[:10_000]
        file.work(0.001)
        file.seek(20_000)
        assert file.write(b"abc") == 3
        file.seek(-5, 2)
        assert file.read() == CONTENT[-5:]
        assert file.elapsed_s > 0.001
        assert file.moved >= 3
    assert fs.cat_file("/blocking")[20_000:20_003] == b"abc"
    made = workload(str(log), {"size": f"{len(CONTENT)} B"}).accesses(0)
    assert made.offset.tolist() == [0, 20_000, len(CONTENT) - 5]
    assert made.length.tolist() == [10_000, 3, 5]
    assert made.write.tolist() == [False, True, False]
    scenario = Scenario(load_model("pci-64-66"), workload(str(log)), "copy-once")
    assert simulate(scenario).bytes.requested == 10_008
    fs.rm("/blocking")


def test_a_link_is_closed_when_the_log_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    closed = []

    class Watched(MemoryLink):
        def close(self) -> None:
            closed.append(self)

    monkeypatch.setattr("simaccess.blocking_calls.open_link", lambda _: Watched(bytearray(3)))
    with pytest.raises(InputError, match="cannot be written"):
        simaccess.open("stand-in:", record=tmp_path / "nowhere" / "log.csv")
    assert closed


def test_importing_the_package_imports_little() -> None:
    code = "import sys, simaccess; print([m for m in sys.modules if m.startswith('simaccess.')])"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout == "[]\n"
    assert callable(simaccess.open)
    with pytest.raises(AttributeError, match="no attribute 'opne'"):
        simaccess.opne  # noqa: B018  # what is tested
