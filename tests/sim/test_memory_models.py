"""The shipped memory buses beside measured machines, and figures that are refused."""

import csv
import tomllib

import numpy as np
import pytest
from pydantic import ValidationError

from simaccess.sim.environment import Agent, Environment
from simaccess.sim.memory_bus import MemoryBus, MemoryBusParameters
from tests.sim.bus import (
    LINE,
    NS,
    ROOT,
    Body,
    elapsed,
    parameters,
    random_lines,
    run,
    shipped,
    walk,
)


def measured(name: str) -> list[dict[str, str]]:
    path = ROOT.parent / "shared" / "data" / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository")
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("system", ["ivybridge", "haswell", "icelake"])
def test_the_mixed_efficiency_predicts_the_other_mixes(system: str) -> None:
    (row,) = [row for row in measured("mlc_summary.csv") if row["system"] == system]
    peak = float(row["allreads_MBps"])
    memory = parameters(
        memory__efficiency=1.0, memory__efficiency_mixed=float(row["r1w1_MBps"]) / peak
    ).memory
    for reads, name in ((3, "r3w1_MBps"), (2, "r2w1_MBps")):
        predicted = (reads + 1) / (reads / memory.read_rate + 1 / memory.write_rate)
        assert predicted / memory.read_rate == pytest.approx(float(row[name]) / peak, rel=0.05)


LOADED_CORES = {"ivybridge": 20, "haswell": 20}
"""Cores of the two sockets; the source does not tell, ten a socket are usual."""


@pytest.mark.parametrize("system", ["ivybridge", "haswell"])
def test_latency_under_load_has_the_measured_shape(system: str) -> None:
    rows = [row for row in measured("mlc_loaded_latency.csv") if row["system"] == system]
    saturated = max(float(row["bandwidth_MBps"]) for row in rows) * 1e6
    idle = min(float(row["latency_ns"]) for row in rows)
    cores = LOADED_CORES[system]
    curve = []
    for delay in (0, 50, 100, 200, 400, 1600):
        env = Environment()
        bus = MemoryBus(
            env,
            parameters(
                memory__rate=f"{saturated} B/s",
                memory__latency=f"{idle} ns",
                memory__far_latency=f"{idle} ns",
                prefetcher__enabled=True,
            ),
            1 << 26,
        )
        latencies: list[int] = []
        end = 60_000 * NS

        async def probes(
            agent: Agent, bus: MemoryBus = bus, latencies: list[int] = latencies, end: int = end
        ) -> None:
            port = bus.attach()
            for line in random_lines(1 << 12, 1 << 14):
                before = agent.time
                await port.load(line * LINE, 8)
                if before > end // 4:
                    latencies.append(agent.time - before)
                if agent.time > end:
                    return

        def loads(index: int, bus: MemoryBus = bus, delay: int = delay, end: int = end) -> Body:
            async def body(agent: Agent) -> None:
                port = bus.attach()
                offset = (1 << 20) + index * (3 << 20)
                while agent.time < end:
                    await port.load(offset, 10 * LINE)
                    offset += 10 * LINE
                    await agent.work(delay * NS)

            return body

        run(env, probes, *(loads(index) for index in range(cores)))
        rate = bus.use(end)["memory"].payload_bytes / (end * 1e-12)
        curve.append((rate, float(np.mean(latencies)) / NS))
    rates, latency = zip(*curve, strict=True)
    assert list(rates) == sorted(rates, reverse=True)
    assert list(latency) == sorted(latency, reverse=True)
    assert latency[-1] == pytest.approx(idle, rel=0.1)
    assert 1.5 < latency[0] / idle < 4
    assert rates[0] == pytest.approx(saturated, rel=0.05)


@pytest.mark.parametrize("name", ["shared-memory-ddr3", "shared-memory-ddr4"])
def test_shipped_models_are_complete_and_their_values_lie_in_their_ranges(name: str) -> None:
    model = tomllib.loads((ROOT / "models" / f"{name}.toml").read_text())
    assert model["kind"] == "memory-bus"
    given_parameters = shipped(name)
    for section, keys in model.items():
        if not isinstance(keys, dict):
            continue
        for key, entry in keys.items():
            assert {"value", "source", "status"} <= entry.keys(), f"{section}.{key}"
            assert entry["status"] in {"verified", "derived", "unverified"}
            if isinstance(entry["value"], bool):
                continue
            ends = []
            for value in (*entry["range"], entry["value"]):
                changed = {
                    other: {k: e["value"] for k, e in es.items()}
                    for other, es in model.items()
                    if isinstance(es, dict)
                }
                changed[section][key] = value
                checked = MemoryBusParameters.model_validate(changed)
                ends.append(getattr(getattr(checked, section), key))
            low, high, value = ends
            assert low <= value <= high, f"{section}.{key}"
            assert value == getattr(getattr(given_parameters, section), key)


@pytest.mark.parametrize("name", ["shared-memory-ddr3", "shared-memory-ddr4"])
def test_shipped_models_beat_the_bound_without_prefetching(name: str) -> None:
    figures = shipped(name)
    env = Environment()
    size = 4 << 20
    bus = MemoryBus(env, figures, size)
    port = bus.attach()

    async def use(_: Agent) -> None:
        await walk(port, size, LINE)

    (agent,) = run(env, use)
    rate = size / (elapsed(agent) * 1e-12)
    memory = figures.memory
    assert figures.core.outstanding * LINE / memory.latency < rate <= memory.read_rate


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("caches__line", "48 B", "power of two"),
        ("caches__l2", "2 MiB", "line <= l1 <= l2 <= l3"),
        ("caches__l1_latency", 5, "missing unit"),
        ("memory__efficiency_mixed", 1.0, None),
        ("memory__efficiency", 0.5, "must not exceed"),
        ("core__outstanding", 0, "greater than or equal to 1"),
        ("background__rate", "16 GB/s", "background.rate = .*grow without end"),
        ("pages__size", "3 KiB", "power of two"),
        ("dma__channels", 2, "Extra inputs"),
    ],
)
def test_bad_figures_are_refused(key: str, value: object, words: str | None) -> None:
    if words is None:
        parameters(**{key: value})
        return
    with pytest.raises(ValidationError, match=words):
        parameters(**{key: value})
