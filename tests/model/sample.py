"""A kind of link with one figure of each sort, and a good model file of it."""

import copy
from typing import Any, Literal

from pydantic import model_validator

from simaccess.errors import InputError
from simaccess.parameters import Parameters, Section
from simaccess.quantities import Count, Duration, Frequency, Share, Size

__all__ = ["GOOD", "Document", "SampleParameters", "changed", "choice", "number", "toml"]


class BusSection(Section):
    clock: Frequency
    width: Literal[4, 8]
    order: Literal["strict", "relaxed"]
    burst: bool
    shortest: Duration
    longest: Duration
    share: Share = 0.5
    gain: float = 1.0

    @model_validator(mode="after")
    def _check(self) -> "BusSection":
        if self.shortest > self.longest:
            raise ValueError("shortest is longer than longest; allowed: at most longest")
        return self


class CacheSection(Section):
    size: Size
    ways: Count


class InnerSection(Section):
    cache: CacheSection


class SampleParameters(Parameters):
    bus: BusSection
    near: InnerSection
    far: CacheSection | None = None

    @model_validator(mode="after")
    def _check(self) -> "SampleParameters":
        if self.far is not None and self.far.ways > 99:
            raise InputError("too many", key="far.ways", value=self.far.ways, allowed="up to 99")
        return self


def number(value: object, low: object, high: object) -> dict[str, object]:
    return {"value": value, "source": "a book", "status": "verified", "range": [low, high]}


def choice(value: object) -> dict[str, object]:
    return {"value": value, "source": "a book", "status": "derived"}


Document = dict[str, Any]

GOOD: Document = {
    "title": "A sample",
    "kind": "sample",
    "bus": {
        "clock": number("33 MHz", "30 MHz", "0.04 GHz"),
        "width": choice(4),
        "order": choice("strict"),
        "burst": choice(True),
        "shortest": number("1 us", "10 ns", "3 us"),
        "longest": number("2 us", "1 us", "3 us"),
    },
    "near": {"cache": {"size": number("64 KiB", "16 KiB", "4 MiB"), "ways": number(4, 4, 4)}},
}


def toml(document: Document, prefix: str = "") -> str:
    lines, tables = [], []
    for key, value in document.items():
        if isinstance(value, dict):
            tables.append(f"[{prefix}{key}]\n{toml(value, f'{prefix}{key}.')}")
        else:
            text = repr(value).replace("True", "true").replace("False", "false")
            lines.append(f"{key} = {text}\n")
    return "".join([*lines, *tables])


def changed(path: str, *values: Any) -> Document:
    """Return the good document with an entry replaced, or removed if there is no value."""
    document = copy.deepcopy(GOOD)
    *parents, last = path.split("/")
    table = document
    for parent in parents:
        table = table.setdefault(parent, {})
    if values:
        (table[last],) = values
    else:
        del table[last]
    return document
