"""Time the replay of a record against plain SimPy models of the same work, interleaved.

The works, and the plain models of them, are those of `engine.py`. A replay is of a record that is
there already; it gives the end, all counters, and each latency, and must end at the same simulated
time as SimPy. What the record costs is told apart, as the share of a run of our own SimPy engine
that a record with one replay of it takes. All times are the process's own, since a replay may take
less than the turn that a shared machine gives to others. Run it as ``make bench``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import engine
import numpy as np

from simaccess.compare import scenarios
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.model import load_model
from simaccess.operations import AccessMethod
from simaccess.replay.engine import replay, replay_lanes
from simaccess.replay.fifo_figures import figures_along
from simaccess.replay.record import Record, Recording
from simaccess.replay.shelf import record as record_of
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.simulate import simulate

KIB = 1 << 10

Method = Callable[[], AccessMethod]


def recorded(consumers: int, accesses: int, length: int, method: Method) -> Record:
    """Record what `engine.ours` runs."""
    recording = Recording(accesses * length)
    offsets, lengths = range(0, accesses * length, length), [length] * accesses
    for _ in range(consumers):
        recording.follow(method(), [(offsets, lengths, None, None, None, None)])
    return recording.record()


WORKS: dict[str, tuple[Callable[[], Record], float, float]] = {
    "one reader without contention": (
        partial(recorded, 1, 100_000, 64, ZeroCopy),
        300.0,
        1.1,
    ),
    "eight consumers, saturated FIFO bus": (
        partial(recorded, 8, 12_500, 64, ZeroCopy),
        120.0,
        0.7,
    ),
    "eight streams of 1 MB, two DMA engines": (
        partial(recorded, 8, 4_000, engine.MIB, lambda: CopyOnce(FixedBlocks(engine.MIB), 2)),
        80.0,
        0.7,
    ),
}


def timed(work: Callable[[], Any]) -> tuple[float, Any]:
    """Return the seconds of the processor that a call took, and what it returned."""
    begin = time.process_time()
    result = work()
    return time.process_time() - begin, result


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return the median ratios of each work, with the extremes."""
    results = {}
    for name, (make, target, most) in WORKS.items():
        simpy, plain, _ = engine.WORKS[name]
        replay(make(), engine.LINK)  # compiled, or loaded from the disk
        ratios, shares, records = [], [], []
        for _ in range(rounds):
            ours, (_, end) = timed(simpy)
            recording, record = timed(make)
            first, _ = timed(partial(replay, record, engine.LINK))
            repeats = [timed(partial(replay, record, engine.LINK)) for _ in range(5)]
            slow, (_, plain_end) = timed(plain)
            ends = {int(replayed.agents["time"].max()) for _, replayed in repeats}
            if ends != {plain_end} or end != plain_end:
                raise SystemExit(f"{name}: ends at {ends} ps, the plain model at {plain_end} ps")
            ratios.append(slow / statistics.median(seconds for seconds, _ in repeats))
            shares.append((recording + first) / ours)
            records.append(recording / ours)
        results[name] = {
            "ratio": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "target": target,
            "record and replay / SimPy engine": statistics.median(shares),
            "record / SimPy engine": statistics.median(records),
            "at most": most,
        }
    return results


LINKS: dict[str, dict[str, str]] = {
    "pci-64-66": {},
    "wan-20ms-100mbit": {},
    "wan-20ms-100mbit, as Linux, loss 1 in 1,000": {
        "path.loss": "0.001",
        "tcp.delayed_ack": "true",
        "tcp.offload": "true",
    },
    "wan-20ms-100mbit, bbr": {"tcp.congestion_control": "bbr"},
    "shared-memory-ddr3": {},
    "shared-memory-ddr3, others 20 GB/s": {"background.rate": "20 GB/s"},
}
"""Links that are replayed beside our SimPy engine, and what is set of them."""

WORKLOADS: dict[str, dict[str, str]] = {
    "random": {"workload.requests": "2000"},
    "sequential": {"workload.size": "4 MiB"},
}
"""What is done on them; sequential reads in shared memory only, whose copies are of lines."""


def measure_links(link: str, workload: str, rounds: int) -> dict[str, dict[str, float]]:
    """Return how much faster than our SimPy engine one of `LINKS` is replayed, by method."""
    results: dict[str, dict[str, float]] = {}
    model = load_model(link.partition(",")[0], LINKS[link])
    for consumers in (1, 8):
        settings = WORKLOADS[workload]
        for asked in scenarios(model.name, workload, settings=settings, consumers=consumers):
            scenario = replace(asked, model=model)
            made = record_of(scenario)
            replay(made, model.parameters)  # compiled, or loaded from the disk
            ratios, shares = [], []
            for _ in range(rounds):
                ours, simulated = timed(partial(simulate, replace(scenario, engine="simpy")))
                recording, _ = timed(partial(record_of, scenario))
                repeats = [timed(partial(replay, made, model.parameters)) for _ in "123"]
                end = int(repeats[-1][1].agents["time"].max()) / TICKS_PER_SECOND
                if end != simulated.elapsed_s:
                    raise SystemExit(f"{scenario.method} ends at {end} s")
                ratios.append(ours / statistics.median(seconds for seconds, _ in repeats))
                shares.append(recording / ours)
            results[f"{scenario.method}, consumers: {consumers}"] = {
                "ratio": statistics.median(ratios),
                "record / SimPy engine": statistics.median(shares),
            }
    return results


def lane_works() -> dict[str, Record]:
    """Return records of 10,000 accesses, from the most alike to the least."""
    generator = np.random.default_rng(1)

    def made(method: AccessMethod, offsets: Sequence[int], lengths: Sequence[int]) -> Record:
        recording = Recording(64 << 20)
        recording.follow(method, [(offsets, lengths, None, None, None, None)])
        return recording.record()

    count = 10_000
    zipf = (generator.zipf(1.3, count) % 16_384 * 4 * KIB).tolist()
    mixed = generator.integers(1, 4 * KIB, count).tolist()
    return {
        "loads of 64 B": made(ZeroCopy(), range(0, 64 * count, 64), [64] * count),
        "loads of 1 B to 4 KiB": made(ZeroCopy(), [0] * count, mixed),
        "copy-once, 64 B each, 64 KiB blocks": made(
            CopyOnce(FixedBlocks(64 * KIB), 64), range(0, 64 * count, 64), [64] * count
        ),
        "copy-once, zipf, 4 KiB blocks": made(
            CopyOnce(FixedBlocks(4 * KIB), 64), zipf, [4 * KIB] * count
        ),
    }


def measure_lanes(rounds: int, lanes: int = 1_000) -> dict[str, dict[str, float]]:
    """Return simulated accesses a second of one core, over many links, with percentiles or not."""
    axes = {
        "link.latency": np.geomspace(1e-7, 1e-2, lanes),
        "link.rate": np.geomspace(1e8, 1e11, lanes),
    }
    results = {}
    for name, record in lane_works().items():
        rates: dict[str, list[float]] = {"plain": [], "percentiles": []}
        for _ in range(rounds):
            for kind, shares in (("plain", ()), ("percentiles", (50.0, 99.0))):
                begin = time.process_time()
                replay_lanes(record, figures_along(engine.LINK, axes), shares)
                seconds = time.process_time() - begin
                rates[kind].append(lanes * record.accesses / seconds)
        results[name] = {kind: statistics.median(found) for kind, found in rates.items()}
        results[name]["rows"] = len(record.flat.rows)
    return results


def main() -> None:
    """Print the ratios and rates."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="interleaved runs of each work")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    rounds = max(7, arguments.rounds)
    works, lanes = measure(rounds), measure_lanes(rounds)
    links = {
        f"{link}, {workload}": measure_links(link, workload, rounds)
        for link in LINKS
        for workload in WORKLOADS
        if workload == "random" or link == "shared-memory-ddr3"
    }
    if arguments.json:
        print(json.dumps({"works": works, "lanes": lanes, "links": links}, indent=2))
        return
    print(f"{'replays as fast as plain SimPy':40} median  lowest  highest  target")
    for name, row in works.items():
        print(
            f"{name:40} {row['ratio']:6.0f}  {row['lowest']:6.0f}  {row['highest']:7.0f}"
            f"  {row['target']:6.0f}"
        )
    print(f"\n{'share of a run of our SimPy engine':40} record  with one replay  at most")
    for name, row in works.items():
        both = row["record and replay / SimPy engine"]
        record, most = row["record / SimPy engine"], row["at most"]
        print(f"{name:40} {record:6.2f}  {both:15.2f}  {most:7.1f}")
    print(f"\n{'accesses a second, 1,000 links x 10,000':40}   rows    plain  percentiles")
    for name, row in lanes.items():
        print(f"{name:40} {row['rows']:6.0f}  {row['plain']:7.1e}  {row['percentiles']:11.1e}")
    for link, buses in links.items():
        print(f"\n{link}\n{'our SimPy engine / replay':48} ratio  record / run")
        for name, row in buses.items():
            print(f"{name:48} {row['ratio']:5.0f}  {row['record / SimPy engine']:12.2f}")


if __name__ == "__main__":
    main()
