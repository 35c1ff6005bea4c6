"""Result folders of pcie-bench: a device's DMA to a host's memory.

A folder such as those of https://github.com/pcie-bench/data (Neugebauer et al., "Understanding
PCIe performance for end host networking", SIGCOMM 2018) has a CSV file a benchmark, of which these
are read: ``lat_dma_sizes`` and ``lat_cmd_sizes`` (one request at a time; the median in ns) and
``bw_dma_sz_sweep`` (many in flight; transactions a second). Tables of several systems, with a
column ``system``, are read too. The consumer is the device: its reads are fetches (by its DMA
engine) or loads (by its commands), its writes flushes. A write followed by a read, and reads mixed
with writes, are no cells.

Options: ``system`` names the one to take of several; ``depth`` is how many requests the device has
in flight in a bandwidth test, which the tables do not tell (64 unless given).
"""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from pathlib import Path

from simaccess.errors import UNSET, InputError
from simaccess.measured import Cell, MeasuredSet
from simaccess.tables.found import Found, number, options, text_of

__all__ = ["read"]

FILES = ("lat_dma_sizes.csv", "lat_cmd_sizes.csv", "bw_dma_sz_sweep.csv")

DEPTH, COUNT = 64, 1024

_OPERATIONS = {"LAT_DMA_RD": "fetch", "LAT_CMD_RD": "load", "BW_DMA_RD": "fetch"}
_WRITES = {"BW_DMA_WR": "flush"}
_PATTERNS = {"Seq": "sequential", "Rand": "random"}


def read(path: Path, given: dict[str, str]) -> MeasuredSet:
    """Read a folder.

    Raises
    ------
    InputError
        If it holds none of the files, or what is in them is not of the format.
    """
    options(given, ("system", "depth"))
    depth = int(number(given.get("depth", str(DEPTH)), path, "depth"))
    found = Found("median latency of one request; mean rate of many in flight", 8192)
    found.facts["depth"] = depth
    files = [path / name for name in FILES if (path / name).is_file()]
    if not files:
        raise InputError("holds no results of pcie-bench", file=path, allowed=", ".join(FILES))
    for file in files:
        for line, row in _chosen(file, given.get("system")):
            _add(found, row, f"line {line}", file, depth)
    found.facts["system"] = given.get("system", path.name)
    return found.measured("pcie-bench", path)


def _chosen(file: Path, system: str | None) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the lines of one system, with their numbers."""
    rows = list(enumerate(csv.DictReader(text_of(file).splitlines()), 2))
    if rows and "system" in rows[0][1]:
        systems = dict.fromkeys(row["system"] for _, row in rows)
        if system is None and len(systems) == 1:
            (system,) = systems
        if system not in systems:
            problem = "no such system" if system else "several systems; name one"
            raise InputError(problem, file, "system", system or UNSET, list(systems))
        rows = [(line, row) for line, row in rows if row["system"] == system]
    elif system is not None:
        raise InputError("a folder of one system", file, "system", system, allowed="no such option")
    yield from rows


def _add(found: Found, row: dict[str, str], line: str, file: Path, depth: int) -> None:
    """Add a line's cell."""
    test = row.get("Test") or row.get("test")
    if test is None:
        raise InputError("no table of pcie-bench", file, line, allowed="columns Test, SZ, ...")
    operation = _OPERATIONS.get(test) or _WRITES.get(test)
    if operation is None:
        found.skip(test)
        return

    def value(*names: str) -> float:
        for name in names:
            if row.get(name) is not None:
                return number(row[name], file, f"{line}: {name}")
        raise InputError("a column is missing", file, line, allowed=names)

    size = int(value("SZ", "bytes"))
    pattern = _PATTERNS.get(row.get("PAT", ""), "random" if test.startswith("BW") else "sequential")
    found.segment = max(found.segment, int(number(row.get("WinSZ", "8192"), file, line)))
    state = "cold" if row.get("Cache", "").endswith("Cold") else "steady"
    many = test.startswith("BW")
    make: Callable[..., Cell] = Cell
    cell = make(
        operation,
        size,
        depth if many else 1,
        state,
        pattern=pattern,
        count=COUNT if many else 1,
    )
    if many:
        found.add(cell, COUNT / value("Trans/s", "transactions_per_s"))
    else:
        found.add(cell, value("Med(ns)", "median_ns") * 1e-9)
