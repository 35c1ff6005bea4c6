"""Output of Intel's Memory Latency Checker: a run without arguments, or its parts.

* ``Measuring idle latencies``: the latency of a node to itself is a load of a line anywhere, which
  depends on the one before; each node is a repetition. MLC turns the prefetchers off, so that this
  is so also where it goes in order.
* ``Peak Injection Memory Bandwidths``: ``ALL Reads`` is what all threads read at once, in order; a
  cell needs to know how many they are (option ``threads``). Other mixes are no cells.
* ``Memory Bandwidths between nodes``: no cell, since the threads are those of a node.
* ``Loaded Latencies``: no cell either, for nobody else can inject such a load. They stand in the
  header as ``loaded``: delays in cycles, latencies in seconds, rates in bytes a second.

MB/sec are 10^6 bytes a second.
"""

from __future__ import annotations

import re
from pathlib import Path

from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet
from simaccess.tables.found import Found, number, options, text_of

__all__ = ["read"]

LINE, COUNT = 64, 1000
READ, READS = 65_536, 64

_SECTIONS = {
    "idle": re.compile(r"Measuring idle latenc"),
    "peak": re.compile(r"Measuring Peak Injection Memory Bandwidth"),
    "between": re.compile(r"Measuring Memory Bandwidths between nodes"),
    "loaded": re.compile(r"Measuring Loaded Latenc"),
    "": re.compile(r"^Measuring "),
}
_LOADED = re.compile(r"^\s*(\d{5})\s+([\d.]+)\s+([\d.]+)\s*$")
_ROW = re.compile(r"^\s*(\d+)((?:\s+(?:[\d.]+|-))+)\s*$")
_VERSION = re.compile(r"Memory Latency Checker.*?v([\w.]+)")


def read(path: Path, given: dict[str, str]) -> MeasuredSet:
    """Read the output.

    Raises
    ------
    InputError
        If it is not MLC's.
    """
    options(given, ("threads",))
    threads = int(number(given["threads"], path, "threads")) if "threads" in given else None
    found = Found("mean")
    loaded: list[list[float]] = []
    section = version = ""
    for line, text in enumerate(text_of(path).splitlines(), 1):
        about = _VERSION.search(text)
        version = about[1] if about else version
        section = next((name for name, each in _SECTIONS.items() if each.search(text)), section)
        where = f"line {line}"
        if section == "idle" and (row := _ROW.match(text)):
            _idle(found, int(row[1]), row[2].split(), path, where)
        elif section == "peak" and text.strip().startswith("ALL Reads"):
            _reads(found, number(text.partition(":")[2], path, where) * 1e6, threads)
        elif section == "peak" and ":" in text:
            found.skip(text.partition(":")[0].strip())
        elif section == "loaded" and (row := _LOADED.match(text)):
            values = [number(each, path, where, -1.0) for each in row.groups()]
            loaded.append([values[0], values[1] * 1e-9, values[2] * 1e6])
    if not version:
        raise InputError("no output of MLC", path, allowed="'Intel(R) Memory Latency Checker'")
    found.facts["version"] = version
    if loaded:
        names = ("delay_cycles", "latency_s", "rate_bytes_per_s")
        columns = zip(*loaded, strict=True)
        found.facts["loaded"] = {
            name: list(column) for name, column in zip(names, columns, strict=True)
        }
    return found.measured("mlc", path)


def _idle(found: Found, node: int, latencies: list[str], path: Path, where: str) -> None:
    """Add the latency of a node to itself."""
    for other, text in enumerate(latencies):
        if other != node:
            found.skip("idle latency of another node")
            continue
        seconds = number(text, path, where) * 1e-9
        found.add(Cell("load", LINE, pattern="random", count=COUNT), seconds * COUNT)


def _reads(found: Found, rate: float, threads: int | None) -> None:
    """Add what all threads read at once."""
    if threads is None:
        found.skip("ALL Reads, without the option threads")
        return
    cell = Cell("load", READ, consumers=threads, count=READS)
    found.add(cell, threads * READS * READ / rate)
