"""The points of a sweep: every combination of models, workloads and axes that is allowed.

A combination is a cell; each method runs in it. Cells are gone through in an order that is fair:
stepping by the golden section through all of them, any beginning of the sweep is spread over the
whole space, so that its pace and its winners tell of the rest.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product

from simaccess.errors import InputError
from simaccess.figures import Scalar
from simaccess.sweep.axis import Axis, axis, sampled
from simaccess.sweep.drawing import Lines, Points, Regimes
from simaccess.sweep.entry import ModelEntry, WorkloadEntry
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.expression import constraint
from simaccess.sweep.task import Run

__all__ = ["PANELS", "SAMPLE", "Cell", "Dimension", "Grid", "Panel", "fair"]

SAMPLE = "sample"
"""The name of the dimension along which sampled axes vary together."""

PANELS = 12
"""Panels of a figure, at most."""

_GOLDEN = (math.sqrt(5) - 1) / 2


@dataclass(frozen=True, slots=True)
class Dimension:
    """What varies independently of all else: an axis, or the sampled axes together."""

    name: str
    axes: tuple[Axis, ...]

    def __len__(self) -> int:
        return len(self.axes[0].values)


@dataclass(frozen=True, slots=True)
class Cell:
    """A combination of model, workload and axes.

    Attributes
    ----------
    number : int
        Its number among all combinations.
    at : tuple of int
        The index of its model, its workload, and its place on each dimension.
    model, workload
        Its model and workload.
    values : mapping of str to scalar
        The values of the axes, as a file has them.
    place : mapping of str to scalar
        Model and workload by their labels, and each axis by its number or text.
    """

    number: int
    at: tuple[int, ...]
    model: ModelEntry
    workload: WorkloadEntry
    values: Mapping[str, Scalar]
    place: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Panel:
    """A part of a figure: a model, a workload, and axes by their number or text."""

    model: str
    workload: str
    values: Mapping[str, Scalar]


def fair(size: int) -> Iterator[int]:
    """Return the numbers below one, each once, in an order whose beginnings are spread over all."""
    step = max(1, round(size * _GOLDEN))
    while math.gcd(step, size) != 1:
        step += 1
    return (turn * step % size for turn in range(size))


class Grid:
    """The points of an experiment with axes.

    Parameters
    ----------
    experiment : Experiment
        The experiment.

    Raises
    ------
    InputError
        If an axis or a constraint is refused.
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        apart = {key: entry for key, entry in experiment.axes.items() if not entry.sampled}
        together = {key: entry for key, entry in experiment.axes.items() if entry.sampled}
        self.dimensions = [Dimension(key, (axis(key, entry),)) for key, entry in apart.items()]
        if experiment.sample is not None:
            self.dimensions.append(Dimension(SAMPLE, sampled(together, experiment.sample)))
        names = ["model", "workload", "method", *experiment.axes]
        truths = {each.key for each in self.axes if all(isinstance(v, bool) for v in each.values)}
        every = [constraint(text, names, truths) for text in experiment.constraints]
        self._of_cells = [each for each in every if "method" not in each.names]
        self._of_methods = [each for each in every if "method" in each.names]

    @property
    def axes(self) -> list[Axis]:
        """All axes."""
        return [each for dimension in self.dimensions for each in dimension.axes]

    @property
    def shape(self) -> tuple[int, ...]:
        """How many models, workloads, and places on each dimension there are."""
        asked = self.experiment
        return (len(asked.models), len(asked.workloads), *map(len, self.dimensions))

    def panels(self, wanted: Lines | Points | Regimes) -> list[Panel]:
        """Return the panels of a figure: models, workloads, and what it leaves open of the axes.

        All points of a sample are in one panel.

        Raises
        ------
        InputError
            If there are more than `PANELS`, or it fixes an axis at what is not on it.
        """
        across = {wanted.x, wanted.y} if isinstance(wanted, Regimes) else {wanted.x}
        models, workloads = self.experiment.titles
        panels = [Panel(model, asked, {}) for model, asked in product(models, workloads)]
        for each in self.axes:
            if each.key in across or self.experiment.axes[each.key].sampled:
                continue
            if each.key in wanted.at:
                indices = [each.nearest(wanted.at[each.key])]
            else:
                indices = list(range(len(each.values)))
            panels = [
                replace(panel, values={**panel.values, each.key: each.shown(index)})
                for panel in panels
                for index in indices
            ]
        if len(panels) > PANELS:
            problem = f"{len(panels)} panels, one for each value of what is not at a given one"
            raise InputError(problem, key="figures.at", allowed=f"at most {PANELS} panels")
        return panels

    def require_full(self, wanted: Regimes) -> None:
        """Refuse a figure of regimes some panel of which would have holes.

        Raises
        ------
        InputError
            If an axis has one value only, or constraints leave no full grid.
        """
        axes = {each.key: each for each in self.axes}
        if any(self.experiment.axes[key].sampled for key in (wanted.x, wanted.y)):
            return  # of a sample there are points, which need no grid
        along = [axes[key] for key in (wanted.x, wanted.y)]
        panels = self.panels(wanted)
        points: dict[tuple[Scalar, ...], set[tuple[Scalar, ...]]]
        points = {(each.model, each.workload, *each.values.values()): set() for each in panels}
        if self.experiment.constraints:
            for cell in self.cells():
                keys = ("model", "workload", *panels[0].values)
                panel = tuple(cell.place[key] for key in keys)
                if panel in points and self.methods(cell):
                    points[panel].add((cell.place[wanted.x], cell.place[wanted.y]))
        else:
            whole = set(
                product(*([each.shown(n) for n in range(len(each.values))] for each in along))
            )
            points = dict.fromkeys(points, whole)
        for panel, found in points.items():
            across, up = (len({point[side] for point in found}) for side in (0, 1))
            if len(found) != across * up or min(across, up) < 2:
                where = ", ".join(map(str, panel))
                problem = f"{len(found)} points of {where} do not fill a grid of {across} by {up}"
                allowed = "every value of x with every value of y, two of each at least"
                given = [wanted.x, wanted.y]
                raise InputError(problem, key="figures.x, figures.y", value=given, allowed=allowed)

    @property
    def size(self) -> int:
        """How many combinations there are, allowed or not."""
        return math.prod(self.shape)

    def cell(self, number: int) -> Cell:
        """Return the cell of a number."""
        at = []
        left = number
        for length in reversed(self.shape):
            left, index = divmod(left, length)
            at.append(index)
        at.reverse()
        model, workload = self.experiment.models[at[0]], self.experiment.workloads[at[1]]
        values: dict[str, Scalar] = {}
        place: dict[str, Scalar] = {"model": model.title, "workload": workload.title}
        for dimension, index in zip(self.dimensions, at[2:], strict=True):
            for each in dimension.axes:
                values[each.key] = each.values[index]
                place[each.key] = each.shown(index)
        return Cell(number, tuple(at), model, workload, values, place)

    def cells(self) -> Iterator[Cell]:
        """Return the cells that are allowed, in the fair order."""
        for number in fair(self.size):
            cell = self.cell(number)
            if all(each(cell.place) for each in self._of_cells):
                yield cell

    def methods(self, cell: Cell) -> list[str]:
        """Return the methods that run in a cell."""
        methods = self.experiment.methods
        if not self._of_methods:
            return methods
        return [
            method
            for method in methods
            if all(each({**cell.place, "method": method}) for each in self._of_methods)
        ]

    @cached_property
    def counts(self) -> Counter[str]:
        """How many points each method has, replications apart.

        Raises
        ------
        InputError
            If there is none at all, or a constraint cannot be told.
        """
        if not self.experiment.constraints:
            return Counter(dict.fromkeys(self.experiment.methods, self.size))
        counts: Counter[str] = Counter()
        for cell in self.cells():
            counts.update(self.methods(cell))
        if not counts:
            given = " and ".join(self.experiment.constraints)
            raise InputError("no point is left", key="constraints", value=given)
        return counts

    def run(self, cell: Cell, method: str) -> Run:
        """Return what a method runs in a cell, with the first seed and before any search."""
        asked = self.experiment
        producer = tuple(cell.model.producer.items())
        return asked.base(cell.model.ref, cell.workload.ref, method, cell.values, producer)
