"""What an experiment gave."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from simaccess.analytic import Conditions
from simaccess.objective import OBJECTIVES, Objective, figure
from simaccess.result import Result
from simaccess.tune import Tuning
from simaccess.verdict import Verdict

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Cell", "MapPanel", "MapPoint", "Outcome"]


@dataclass(frozen=True, slots=True)
class Cell:
    """One model and one workload.

    Attributes
    ----------
    model, workload : str
        Their labels.
    tunings : mapping of str to Tuning
        Each method's search; empty without tuning.
    replications : mapping of str to tuple of Result
        Each method's results on the model as it stands, one a seed.
    draws : mapping of str to tuple of Result
        Each method's results on the models drawn from the ranges; none of a method far behind.
    seeded : bool
        Whether anything is drawn from the seed.
    verdicts : mapping of str to Verdict
        Which method is best, by objective.
    conditions : Conditions
        What decides between the methods.
    """

    model: str
    workload: str
    tunings: Mapping[str, Tuning]
    replications: Mapping[str, tuple[Result, ...]]
    draws: Mapping[str, tuple[Result, ...]]
    seeded: bool
    verdicts: Mapping[Objective, Verdict]
    conditions: Conditions

    def mean(self, method: str, objective: Objective) -> float:
        """Return the mean over a method's replications."""
        figures = [figure(result, objective) for result in self.replications[method]]
        return math.fsum(figures) / len(figures)


@dataclass(frozen=True, slots=True)
class MapPoint:
    """A point of the map: where it lies, and what the simulation gave there.

    Attributes
    ----------
    ratio : float
        t / T.
    p : float
        Share of the records whose payload was read.
    swept : bool
        Whether it is one of the link whose latency is swept.
    analytic : str
        The method that the closed forms prefer.
    verdict : Verdict
        The simulated winner.
    margin : float
        By which share the closed form of the best method is less than that of the second.
    """

    ratio: float
    p: float
    swept: bool
    analytic: str
    margin: float
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class MapPanel:
    """The map for one link: points, and the conditions that its borders follow from."""

    model: str
    conditions: Conditions
    points: tuple[MapPoint, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """The answer to an experiment's question.

    Attributes
    ----------
    question : str
        As the experiment has it.
    objective : str
        What the best is best in.
    methods : tuple of str
        Those that competed.
    cells : tuple of Cell
        Model by model, and workload by workload.
    panels : tuple of MapPanel
        The figure; empty without one.
    """

    question: str
    objective: Objective
    methods: tuple[str, ...]
    cells: tuple[Cell, ...]
    panels: tuple[MapPanel, ...]

    @property
    def simulations(self) -> int:
        """How many were run, apart from those that measured conditions."""
        kinds = [kind for cell in self.cells for kind in (cell.replications, cell.draws)]
        tunings = [tuning for cell in self.cells for tuning in cell.tunings.values()]
        points = [point for panel in self.panels for point in panel.points]
        return (
            sum(len(results) for kind in kinds for results in kind.values())
            + sum(len(tuning.tried) for tuning in tunings)
            + sum(1 + len(point.verdict.rivals) for point in points)
        )

    def frame(self) -> pd.DataFrame:
        """Return one row a simulation of the cells, the searches' apart."""
        import pandas as pd  # noqa: PLC0415  # takes as long to import as a small run

        rows = []
        for cell in self.cells:
            for part, results in (("seed", cell.replications), ("draw", cell.draws)):
                for method, each in results.items():
                    for index, result in enumerate(each):
                        place = {"link": cell.model, "pattern": cell.workload, "varied": part}
                        rows.append({**place, "index": index, **result.row()})
                        assert result.method == method
        return pd.DataFrame(rows)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers, ready for JSON."""
        return {
            "question": self.question,
            "objective": self.objective,
            "simulations": self.simulations,
            "cells": [_cell(cell) for cell in self.cells],
            "map": [asdict(panel) for panel in self.panels],
        }


def _cell(cell: Cell) -> dict[str, Any]:
    methods = {
        method: {
            "settings": dict(results[0].settings),
            **{f"mean_{objective}": cell.mean(method, objective) for objective in OBJECTIVES},
            "tried": [
                {"settings": dict(point.settings), "figure": point.figure}
                for point in (cell.tunings[method].tried if method in cell.tunings else ())
            ],
            "replications": [result.to_dict() for result in results],
            "draws": [result.to_dict() for result in cell.draws.get(method, ())],
        }
        for method, results in cell.replications.items()
    }
    return {
        "model": cell.model,
        "workload": cell.workload,
        "seeded": cell.seeded,
        "verdicts": {objective: asdict(found) for objective, found in cell.verdicts.items()},
        "conditions": asdict(cell.conditions),
        "closed_forms_s": cell.conditions.times(),
        "methods": methods,
    }
