"""The measures of a result by name, with their units: the columns of a sweep's results."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import fields
from typing import Any

from simaccess.result import Bytes, Latency, ProcessorTime, Result, StationUse

__all__ = ["known_measure", "measured", "static_measures", "unit_of"]

_NESTED: Mapping[str, type] = {"latency_s": Latency, "bytes": Bytes, "processor_s": ProcessorTime}
_NO_MEASURES = (
    *("model", "workload", "method", "settings", "seed", "links", "consumers"),
    *("engine", "why"),
)

_UNITS = (
    (r".*_bytes_per_s", "B/s"),
    (r".*_per_s", "1/s"),
    (r"bytes\..*|.*_bytes", "B"),
    (r"(latency_s|processor_s)\..*|.*_s", "s"),
)


def static_measures() -> list[str]:
    """Return the measures that every result has; those of its links (``links.*``) are apart."""
    names = []
    for each in fields(Result):
        if each.name in _NESTED:
            names += [f"{each.name}.{inner.name}" for inner in fields(_NESTED[each.name])]
        elif each.name not in _NO_MEASURES:
            names.append(each.name)
    return names


def known_measure(name: str) -> bool:
    """Return whether a result may have a measure of a name."""
    if name in static_measures():
        return True
    links, _, use = name.rpartition(".")
    return links.startswith("links.") and use in {each.name for each in fields(StationUse)}


def unit_of(name: str) -> str:
    """Return a measure's unit; 1 for shares and counts."""
    return next((unit for pattern, unit in _UNITS if re.fullmatch(pattern, name)), "1")


def measured(text: str) -> dict[str, Any]:
    """Return the measures of a result's text, and its method's settings as ``settings.*``."""
    plain: dict[str, Any] = json.loads(text)
    for name in ("model", "workload", "method", "seed", "consumers"):
        del plain[name]
    plain["links"] = {
        name: {"utilisation": use["payload"] + use["overhead"] + use["other"], **use}
        for name, use in plain["links"].items()
    }
    return dict(_flat(plain, ""))


def _flat(nested: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value
