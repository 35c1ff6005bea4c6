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

from simulators.simaccess_model import simpy_engine
from simulators.simpy_model import resources
from simulators.works import WORKS

TARGETS = (7.0, 3.5, 2.5)
"""How many times as fast as plain SimPy each work is to be."""


def measure(rounds: int) -> dict[str, dict[str, float]]:
    """Return the median ratio of each work, with the extremes."""
    results = {}
    for (name, work), target in zip(WORKS.items(), TARGETS, strict=True):
        ratios = []
        for _ in range(rounds):
            quick, slow = simpy_engine(work), resources(work)
            if quick.end != slow.end:
                raise SystemExit(
                    f"{name}: ends at {quick.end} ps, the plain model at {slow.end} ps"
                )
            ratios.append(slow.seconds / quick.seconds)
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
    print(f"{'times as fast as plain SimPy':50} median  lowest  highest  target")
    for name, row in results.items():
        print(
            f"{name:50} {row['ratio']:6.2f}  {row['lowest']:6.2f}  {row['highest']:7.2f}"
            f"  {row['target']:6.1f}"
        )


if __name__ == "__main__":
    main()
