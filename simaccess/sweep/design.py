"""What a store's readers need to know of an experiment: its question and its dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Dimension
from simaccess.sweep.sources import digest

__all__ = ["described", "design_of"]


def described(experiment: Experiment, dimensions: Sequence[Dimension] = ()) -> dict[str, Any]:
    """Return an experiment as plain data.

    Parameters
    ----------
    experiment : Experiment
        The experiment.
    dimensions : sequence of Dimension
        Those of its axes.
    """
    models, workloads = experiment.titles
    return {
        "question": experiment.question,
        "objective": experiment.objective,
        "methods": experiment.methods,
        "measures": experiment.measures,
        "models": models,
        "workloads": workloads,
        "draws": experiment.draws,
        "dimensions": [
            {
                "name": dimension.name,
                "axes": [
                    {
                        "key": axis.key,
                        "unit": axis.unit,
                        "values": [axis.shown(index) for index in range(len(dimension))],
                    }
                    for axis in dimension.axes
                ],
            }
            for dimension in dimensions
        ],
    }


def design_of(experiment: Experiment) -> str:
    """Return a digest of all that decides which points there are, and of the code behind them."""
    text = experiment.model_dump_json(exclude={"question", "measures", "figures"})
    kinds = ("fifo_link", "memory_bus", "pci_bus", "wan_link")
    code = digest(
        "simaccess.simulate",
        "simaccess.tune",
        "simaccess.registry",
        "simaccess.statistics.seeds",
        "simaccess.statistics.stopping",
        *(f"simaccess.sim.{kind}" for kind in kinds),
    )
    return sha256(f"{text} {code}".encode()).hexdigest()
