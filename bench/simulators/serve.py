"""Run works in one simulator, in a process of its own: ``python -m simulators.serve KEY``.

A line of JSON on standard input is a work and how often to run it,
``["Bus", {"clients": 8, "accesses": 100}, 3]``; a line of JSON on standard output is what it gave,
with the median of the times. The first line out tells how long the import took. What a simulator
prints itself goes to standard error.
"""

from __future__ import annotations

import json
import os
import statistics
import sys
from dataclasses import asdict
from pathlib import Path
from resource import RUSAGE_CHILDREN, RUSAGE_SELF, getrusage
from typing import Any

from simulators.registry import by_key
from simulators.works import Bus, Engines, Work

__all__ = ["main", "written"]

KINDS: dict[str, type[Work]] = {"Bus": Bus, "Engines": Engines}


def written(work: Work, repeats: int) -> str:
    """Return a work and how often to run it as a line."""
    return json.dumps([type(work).__name__, asdict(work), repeats])


def _read(line: str) -> tuple[Work, int]:
    kind, fields, repeats = json.loads(line)
    return KINDS[kind](**fields), repeats


def _spent() -> float:
    """Return the processor time of this process and of its children that ended, in seconds."""
    return sum(
        use.ru_utime + use.ru_stime for use in map(getrusage, (RUSAGE_SELF, RUSAGE_CHILDREN))
    )


def _peak() -> int:
    """Return the most memory that this process has used, in bytes.

    As Linux keeps it for a program; `ru_maxrss` begins with what the parent held.
    """
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return 1024 * int(line.split()[1])
    raise OSError("no VmHWM in /proc/self/status: not a Linux")


def main() -> None:
    """Answer works until the input ends.

    On one processor: a simulator whose processes are threads hands over between two more slowly.
    """
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(values: dict[str, Any]) -> None:
        print(json.dumps(values), file=answers, flush=True)

    begin = _spent()
    model = by_key(sys.argv[1]).model()
    answer({"import": _spent() - begin, "peak": _peak()})
    for line in sys.stdin:
        work, repeats = _read(line)
        begin = _spent()
        result = model(work)
        whole = _spent() - begin
        peak = _peak()
        times = [result.seconds, *(model(work).seconds for _ in range(repeats - 1))]
        count, total = result.latencies()
        answer(
            {
                "seconds": statistics.median(times),
                "end": result.end,
                "count": count,
                "total": total,
                "whole": whole,
                "peak": peak,
            }
        )


if __name__ == "__main__":
    main()
