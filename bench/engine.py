"""Time the engine against plain SimPy models of the same work, run interleaved with it.

The plain models use what SimPy's documentation shows: a `Resource`, a request in a ``with``
block, a timeout, and the release at its end; like ours they record each latency in 8 bytes. Ours
run through the whole stack: a consumer, a buffer with all its counters, an access method, and a
simulated link, in timing-only mode. Both must end at the same simulated time. Ratios, not times:
machines drift. Run it as ``make bench``; `peers.py` runs the same works in other simulators.
"""

from __future__ import annotations

import argparse
import json
import statistics
from collections.abc import Callable
from functools import partial

from simulators.simaccess_model import LINK, simpy_engine
from simulators.simpy_model import resources
from simulators.works import MIB, Model, Work
from simulators.works import WORKS as SIZES

__all__ = ["LINK", "MIB", "WORKS", "measure"]

Measured = tuple[float, int]
"""Seconds of processor time for a run, and the simulated time at which it ended."""


def run(model: Model, work: Work) -> Measured:
    """Run a work."""
    result = model(work)
    return result.seconds, result.end


WORKS: dict[str, tuple[Callable[[], Measured], Callable[[], Measured], float]] = {
    name: (partial(run, simpy_engine, work), partial(run, resources, work), target)
    for (name, work), target in zip(SIZES.items(), (7.0, 3.5, 2.5), strict=True)
}
"""The works: ours, plain SimPy's, and how many times as fast as that ours is to be."""


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return the median ratio of each work, with the extremes."""
    results = {}
    for name, (fast, plain, target) in WORKS.items():
        ratios = []
        for _ in range(rounds):
            (quick, end), (slow, plain_end) = fast(), plain()
            if end != plain_end:
                raise SystemExit(f"{name}: ends at {end} ps, the plain model at {plain_end} ps")
            ratios.append(slow / quick)
        results[name] = {
            "ratio": statistics.median(ratios),
            "lowest": min(ratios),
            "highest": max(ratios),
            "target": target,
        }
    return results


def main() -> None:
    """Print the ratios."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=9, help="interleaved runs of each work")
    parser.add_argument("--json", action="store_true", help="print JSON")
    arguments = parser.parse_args()
    results = measure(max(7, arguments.rounds))
    if arguments.json:
        print(json.dumps(results, indent=2))
        return
    print(f"{'times as fast as plain SimPy':40} median  lowest  highest  target")
    for name, row in results.items():
        print(
            f"{name:40} {row['ratio']:6.2f}  {row['lowest']:6.2f}  {row['highest']:7.2f}"
            f"  {row['target']:6.1f}"
        )


if __name__ == "__main__":
    main()
