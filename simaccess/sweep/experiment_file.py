"""Read an experiment's file, and check whatever it names."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path

from pydantic import ValidationError

from simaccess.embedded_file import embedded_names, find, read_toml
from simaccess.errors import InputError
from simaccess.figures import Scalar, leaves_of
from simaccess.kinds import kind_named
from simaccess.parameters import Section
from simaccess.path import pair
from simaccess.refusal import did_you_mean, foremost, refusal
from simaccess.registry import make, parameters
from simaccess.scenario import ProducerParameters
from simaccess.sweep.axis import AxisEntry, Sample
from simaccess.sweep.drawing import Lines, Map, Points, Regimes
from simaccess.sweep.entry import ModelEntry, WorkloadEntry
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.grid import Grid
from simaccess.sweep.settings import SECTIONS, split
from simaccess.sweep.task import ModelRef, Run

__all__ = ["experiment_names", "load_experiment"]


def experiment_names() -> list[str]:
    """Return the names of the experiments that simaccess brings along."""
    return embedded_names("experiments")


def load_experiment(name_or_path: str | os.PathLike[str]) -> Experiment:
    """Read an experiment.

    Parameters
    ----------
    name_or_path : str or path-like
        The name of an experiment that simaccess brings along, or the path of a file; text is a
        path if it ends in ``.toml`` or has a directory in it.

    Raises
    ------
    InputError
        If there is no such experiment or file, or anything in it is wrong.
    """
    file = find("experiments", "experiment", name_or_path)
    document = read_toml(file)
    try:
        experiment = Experiment.model_validate(document)
    except ValidationError as error:
        raise _refused(error, file) from None
    experiment = _resolved(experiment, file.parent)
    try:
        _load_all(experiment)
    except InputError as error:
        where = error.file or file
        raise InputError(error.problem, where, error.key, error.value, error.allowed) from None
    return experiment


def _resolved(experiment: Experiment, folder: Path) -> Experiment:
    """Return the experiment with its relative paths started at its folder."""

    def path(text: str) -> str:
        return str(folder / text) if Path(text).name != text or Path(text).suffix else text

    models = [entry.model_copy(update={"model": path(entry.model)}) for entry in experiment.models]
    models = [
        entry.model_copy(update={"label": before.title})
        for entry, before in zip(models, experiment.models, strict=True)
    ]
    workloads = []
    for entry in experiment.workloads:
        given = dict(entry.set)
        if isinstance(given.get("capture"), str):
            given["capture"] = str(folder / str(given["capture"]))
        changed = {"workload": path(entry.workload), "label": entry.title, "set": given}
        workloads.append(entry.model_copy(update=changed))
    fixed, axes = dict(experiment.set), dict(experiment.axes)
    capture = "workload.capture"
    if capture in fixed:
        fixed[capture] = str(folder / str(fixed[capture]))
    if capture in axes:
        values: list[Scalar] = [str(folder / str(value)) for value in axes[capture].values or ()]
        axes[capture] = AxisEntry(values=values)
    memory = None if experiment.memory is None else path(experiment.memory)
    changes = {"models": models, "workloads": workloads, "set": fixed, "axes": axes}
    return experiment.model_copy(update={**changes, "memory": memory})


def _load_all(experiment: Experiment) -> None:
    """Load whatever the experiment names, so that what is wrong is found before it is run."""
    for key, values in _given(experiment):
        for kind in _having(experiment, key, values):
            leaf = leaves_of(kind)[key.partition(".")[2]]
            for value in values:
                leaf.accept(value, key)
    if experiment.memory is not None:
        memory = ModelRef(experiment.memory).load("memory")
        for entry in experiment.models:
            pair(entry.ref.load(), memory)
    if experiment.figure is not None:
        ModelRef(experiment.figure.link).load("figure.link")
    if experiment.axes:
        _try_sweep(experiment)
        return
    for model, asked, method in product(
        experiment.models, experiment.workloads, experiment.methods
    ):
        producer = tuple(model.producer.items())
        _try(experiment.base(model.ref, asked.ref, method, producer=producer))


def _try_sweep(experiment: Experiment) -> None:
    """Make what the first allowed cell of a sweep takes, and the panels of its figures."""
    grid = Grid(experiment)
    first = next(iter(grid.cells()), None)
    if first is None:
        given = " and ".join(experiment.constraints)
        raise InputError("no point is left", key="constraints", value=given)
    for method in grid.methods(first):
        _try(grid.run(first, method))
    for wanted in experiment.figures:
        grid.panels(wanted)
        if isinstance(wanted, Regimes):
            grid.require_full(wanted)


def _try(run: Run) -> None:
    """Make all that a run takes, but for its simulation."""
    scenario = run.scenario()
    make(run.method, scenario.workload.blocks, scenario.settings)


def _given(experiment: Experiment) -> Iterator[tuple[str, Sequence[Scalar]]]:
    """Return each fixed setting and axis that is of a section, with its values."""
    every: dict[str, Sequence[Scalar]] = {key: (value,) for key, value in experiment.set.items()}
    every |= {each.key: each.values for each in Grid(experiment).axes}
    for key, values in every.items():
        if key.partition(".")[0] in SECTIONS:
            yield key, values
        else:
            for value in values:
                split({key: value})


def _having(experiment: Experiment, key: str, values: Sequence[Scalar]) -> list[type[Section]]:
    """Return the parameters that a key is one of: of each model or workload, of some method.

    Raises
    ------
    InputError
        If one of them lacks it, or every method does.
    """
    section, _, name = key.partition(".")
    kinds: dict[str, type[Section]]
    if section == "model":
        models = [each.ref.load() for each in experiment.models]
        kinds = {each.name: kind_named(each.kind).load_parameters() for each in models}
    elif section == "workload":
        workloads = [each.ref.load() for each in experiment.workloads]
        kinds = {each.name: type(each.parameters) for each in workloads}
    elif section == "method":
        kinds = {each: parameters(each) for each in experiment.methods}
        if any(name in leaves_of(kind) for kind in kinds.values()):
            kinds = {each: kind for each, kind in kinds.items() if name in leaves_of(kind)}
    else:
        kinds = {"producer": ProducerParameters}
    for of, kind in kinds.items():
        known = leaves_of(kind)
        if name not in known:
            problem = f"no such parameter of {of}" + did_you_mean(name, known)
            given = values[0] if len(values) == 1 else list(values)
            raise InputError(problem, None, key, given, list(known) or "none")
    return list(kinds.values())


def _refused(error: ValidationError, file: Path) -> InputError:
    """Return the first thing that is wrong as the user's error."""
    first = foremost(error)
    place = first["loc"]
    named = (*place[:2], *place[3:]) if place[:1] == ("figures",) else place  # less its kind
    key = ".".join(str(part) for part in named)
    if first["type"] == "extra_forbidden":
        known = _section_at(place[:-1]).model_fields
        problem = "unknown key" + did_you_mean(str(place[-1]), known)
        return InputError(problem, file, key, first["input"], known)
    section = _section_at(place[:-1]) if first["type"] == "missing" else None
    return refusal(error, key or None, first["input"], file, section)


def _section_at(place: tuple[int | str, ...]) -> type[Section]:
    """Return the section that a place in an experiment file belongs to."""
    sections: dict[str, type[Section]] = {
        "models": ModelEntry,
        "workloads": WorkloadEntry,
        "figure": Map,
        "axes": AxisEntry,
        "sample": Sample,
        "lines": Lines,
        "points": Points,
        "regimes": Regimes,
    }
    if not place:
        return Experiment
    return sections[str(place[2] if place[0] == "figures" else place[0])]
