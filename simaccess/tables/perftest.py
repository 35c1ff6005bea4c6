"""Output of perftest's latency tests: ``ib_send_lat``, ``ib_write_lat`` and ``ib_read_lat``.

The figure is ``t_typical``, the median in us. A read is a fetch. Sends and writes are timed as
half a round trip in which both sides send the size, so a fetch of that size takes a message of the
smallest size measured there, the request, and one of its own size back: that sum is the cell's
time, and the header says so. Sizes are those of one run with ``-a``, or of runs one after another.
There are no options.
"""

from __future__ import annotations

import re
from pathlib import Path

from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet
from simaccess.tables.found import Found, number, options, text_of

__all__ = ["read"]

_TITLE = re.compile(r"^\s*(\S.*?) Latency Test\s*$")
_FACT = re.compile(r"([A-Z][\w*. /]*?)\s*:\s*(\S+)")
_KEPT = ("Device", "Mtu", "Link type", "Connection type", "Transport type")


def read(path: Path, given: dict[str, str]) -> MeasuredSet:
    """Read the output of a latency test.

    Raises
    ------
    InputError
        If it is not one.
    """
    options(given, ())
    test = ""
    one_way: list[tuple[int, float]] = []
    both: list[tuple[int, float]] = []
    place: int | None = None
    found = Found("median latency (t_typical)")
    for line, text in enumerate(text_of(path).splitlines(), 1):
        title = _TITLE.match(text)
        fields = text.split()
        if title:
            test = title[1]
        elif fields[:2] == ["#bytes", "#iterations"]:
            names = re.sub(r"% percentile", "%_percentile", text).split()
            if "t_typical[usec]" not in names:
                raise InputError(
                    "no latencies", path, f"line {line}", text.strip(), "t_typical[usec]"
                )
            place = names.index("t_typical[usec]")
        elif place is not None and fields and fields[0].isdigit():
            if len(fields) <= place:
                raise InputError("cut off", path, f"line {line}", text.strip())
            seconds = number(fields[place], path, f"line {line}: t_typical") * 1e-6
            (both if "Read" in test else one_way).append((int(fields[0]), seconds))
        elif place is None:
            facts = {key: value for key, value in _FACT.findall(text) if key in _KEPT}
            found.facts |= {key.lower().replace(" ", "_"): value for key, value in facts.items()}
    if place is None:
        raise InputError("no output of perftest", path, allowed="a line '#bytes #iterations ...'")
    found.facts["test"] = test or "unknown"
    if one_way:
        size, request = min(one_way)
        found.facts["derived"] = (
            f"a fetch is a message of {size} bytes one way and one of its own size back"
        )
        both += [(each, seconds + request) for each, seconds in one_way]
    for each, seconds in both:
        if each:
            found.add(Cell("fetch", each), seconds)
    return found.measured("perftest", path)
