"""Output of fio in JSON (``--output-format=json``): a cell for each job that only reads or writes.

Reads are fetches and writes flushes, of the job's block size, with its ``iodepth`` in flight (1 for
engines that do one request at a time) and ``numjobs`` consumers. One request at a time has the
median of its completion latency and the mean of its submission; several have the mean rate. Jobs
that mix reads and writes, or have requests of several sizes, are no cells. There are no options.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet
from simaccess.tables.found import Found, options, text_of

__all__ = ["read"]

_ONE_BY_ONE = ("sync", "psync", "vsync", "pvsync", "pvsync2", "mmap")

COUNT = 64
"""Requests of a cell, at least; its seconds are for so many."""


def read(path: Path, given: dict[str, str]) -> MeasuredSet:
    """Read the output.

    Raises
    ------
    InputError
        If it is not fio's.
    """
    options(given, ())
    text = text_of(path)
    try:
        # Warnings may stand before the document.
        document = json.loads(text[max(text.find("{"), 0) :])
        jobs = document["jobs"]
        found = Found("median latency of one request; mean rate of several in flight")
        found.facts["version"] = str(document.get("fio version", "unknown"))
        base = document.get("global options", {})
        names = Counter(_numbered(job, {**base, **job.get("job options", {})}) for job in jobs)
        for job in jobs:
            asked = {**base, **job.get("job options", {})}
            _add(found, job, asked, names[_numbered(job, asked)])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        if isinstance(error, InputError):
            raise
        problem = f"no output of fio in JSON ({type(error).__name__}: {error})"
        raise InputError(problem, path, allowed="that of --output-format=json") from None
    return found.measured("fio", path)


def _numbered(job: Mapping[str, Any], asked: Mapping[str, Any]) -> tuple[str, str]:
    """Return what the jobs of one ``numjobs`` have in common."""
    return str(job["jobname"]), json.dumps(asked, sort_keys=True)


def _add(found: Found, job: Mapping[str, Any], asked: Mapping[str, Any], entries: int) -> None:
    """Add a job, one of so many entries of its sort."""
    used = [side for side in ("read", "write") if job[side]["total_ios"]]
    if job.get("error"):
        found.skip("a job with an error")
        return
    if len(used) != 1:
        found.skip("a job that mixes reads and writes" if used else "a job without requests")
        return
    result = job[used[0]]
    size, rest = divmod(result["io_bytes"], result["total_ios"])
    if rest or not size:
        found.skip("a job with requests of several sizes")
        return
    consumers = int(asked.get("numjobs", 1))
    depth = int(asked.get("iodepth", 1))
    if asked.get("ioengine", "psync") in _ONE_BY_ONE:
        depth = 1
    count = max(COUNT, 4 * depth)
    cell = Cell(
        "fetch" if used[0] == "read" else "flush",
        size,
        depth,
        pattern="random" if str(asked.get("rw", "read")).startswith("rand") else "sequential",
        consumers=consumers,
        count=count,
    )
    middle = result.get("clat_ns", {}).get("percentile", {}).get("50.000000")
    if depth == consumers == 1 and middle:
        found.add(cell, count * (middle + result["slat_ns"]["mean"]) * 1e-9)
        return
    # Where jobs are reported together, the rate is that of all of them.
    together = consumers if entries < consumers else 1
    found.add(cell, count * together / result["iops"])
