"""What an experiment's file wants drawn: the map of a table, or figures of a sweep."""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag

from simaccess.parameters import Section
from simaccess.quantities import Share
from simaccess.sweep.entry import Text, Values
from simaccess.workload.workload import Positive

__all__ = ["Drawn", "Lines", "Map", "Open", "Points", "Regimes"]

Open: TypeAlias = Annotated[float, Field(gt=0, lt=1)]
"""A number between 0 and 1, both excluded."""


class Map(Section):
    """The figure: the plane of t/T and p, with a panel for each model.

    Parameters
    ----------
    link : str
        Name of a ``fifo-link`` model; its latency is swept so that t/T covers the plane.
    ratios : list of float
        The t/T that it is swept to, each above 0 and below 1.
    probabilities : list of float
        The payload probabilities of all points.
    record, header : str
        Sizes of a record and of its header.
    records : int
        Records that each point reads.
    """

    kind: Literal["t/T-p"] = "t/T-p"
    link: Text = "example-link"
    ratios: Annotated[list[Open], Field(min_length=1)]
    probabilities: Annotated[list[Share], Field(min_length=1)]
    record: str = "1514 B"
    header: str = "54 B"
    records: Positive = 64


class Lines(Section):
    """A figure of a sweep: a measure over one axis, a line a method.

    Parameters
    ----------
    x : str
        The axis.
    y : str
        The measure.
    at : mapping of str to scalar
        Values of other axes; those that are not named have a panel for each of their values.
    """

    kind: Literal["lines"] = "lines"
    x: Text
    y: Text = "throughput_bytes_per_s"
    at: Values = Field(default_factory=dict)


class Points(Section):
    """A figure of a sweep: a measure at each point over one axis, a marker a method.

    Parameters
    ----------
    x : str
        The axis; of a sample all points are in one panel.
    y, at
        As for `Lines`; axes of the sample cannot be held.
    """

    kind: Literal["points"]
    x: Text
    y: Text = "throughput_bytes_per_s"
    at: Values = Field(default_factory=dict)


class Regimes(Section):
    """A figure of a sweep: which method is best over two axes.

    Parameters
    ----------
    x, y : str
        The axes, two values each at least; a map, or where one of them is sampled, points.
    at : mapping of str to scalar
        As for `Lines`.
    """

    kind: Literal["regimes"]
    x: Text
    y: Text
    at: Values = Field(default_factory=dict)


def _kind(figure: object) -> str:
    kind = figure.get("kind", "lines") if isinstance(figure, dict) else figure.kind  # type: ignore[attr-defined]  # one of both
    return str(kind)


Drawn: TypeAlias = Annotated[
    Annotated[Lines, Tag("lines")]
    | Annotated[Points, Tag("points")]
    | Annotated[Regimes, Tag("regimes")],
    Discriminator(_kind),
]
"""A figure of a sweep; lines unless it says its kind."""
