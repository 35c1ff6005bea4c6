"""Models of interconnects: a kind's parameters, and what is known of each."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import ValidationError

from simaccess import digits
from simaccess.embedded_file import embedded_names, find
from simaccess.errors import UNSET, InputError
from simaccess.figures import Figure, Leaf, Scalar, leaves_of
from simaccess.kinds import kind_named
from simaccess.model_file import read_model_file
from simaccess.parameters import Parameters
from simaccess.refusal import as_given, did_you_mean, refusal

__all__ = ["Model", "load_model", "model_names"]

_TRIES = 1000


@dataclass(frozen=True, slots=True)
class Model:
    """An interconnect.

    Attributes
    ----------
    name : str
        The file's name without its suffix.
    title : str
        One line for people.
    kind : str
        A name of `simaccess.kinds.KINDS`.
    parameters : Parameters
        The kind's parameters, in seconds, hertz, bytes and bytes a second.
    provenance : mapping of str to Figure
        What is known of each parameter, by its dotted key, in the kind's order.
    file : Path
        Where it was read.
    calibration : mapping of str to scalar
        What a fitted model was fitted to; empty for others.
    """

    name: str
    title: str
    kind: str
    parameters: Parameters
    provenance: Mapping[str, Figure]
    file: Path
    calibration: Mapping[str, Scalar] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, Scalar], source: str = "set by the user") -> Model:
        """Return the model with other values of some parameters, which lose their ranges.

        Parameters
        ----------
        values : mapping of str to scalar
            By dotted key, written as in a file; a number or a boolean may be text too.
        source : str
            What to name as their source.

        Raises
        ------
        InputError
            If a key is unknown or a value is refused.
        """
        leaves = self._leaves()
        figures = dict(self.provenance)
        for key, value in values.items():
            if key not in leaves:
                raise _unknown(key, value, leaves)
            figures[key] = Figure(leaves[key].accept(value, key), source, "set")
        # The kind's order, also for what had no value yet.
        figures = {key: figures[key] for key in leaves if key in figures}
        return replace(
            self, parameters=_build(self.kind, figures, None, values), provenance=figures
        )

    def value(self, key: str) -> Scalar | None:
        """Return the parameter of a dotted key, in seconds, hertz, bytes or bytes a second."""
        found: Any = self.parameters
        for name in key.split("."):
            found = getattr(found, name)
        return cast("Scalar | None", found)

    def numbers(self) -> list[str]:
        """Return the dotted keys of the parameters that are numbers and have a value."""
        leaves = self._leaves()
        return [key for key in self.provenance if leaves[key].numeric]

    def durations(self) -> list[str]:
        """Return the dotted keys of the parameters that are times."""
        leaves = self._leaves()
        return [key for key in self.provenance if leaves[key].unit == "s"]

    def written(self, values: Mapping[str, float], rounding: int = 0) -> dict[str, Scalar]:
        """Return values as a file has them.

        Parameters
        ----------
        values : mapping of str to float
            By dotted key, in the unit of the parameter: seconds, hertz, bytes or bytes a second.
        rounding : int
            Where whole numbers are due: below 0 down, above 0 up, 0 to the nearest.
        """
        leaves = self._leaves()
        return {key: leaves[key].written(value, rounding) for key, value in values.items()}

    def written_between(
        self, key: str, value: float, low: float, high: float
    ) -> tuple[Scalar, tuple[Scalar, Scalar]]:
        """Return a value and its interval as a file has them, with the digits that it justifies.

        Parameters
        ----------
        key : str
            Dotted key of the parameter.
        value, low, high : float
            In the unit of the parameter: seconds, hertz, bytes or bytes a second.
        """
        leaf, finest = self._leaves()[key], digits.finest(value, low, high)
        rounded = [
            leaf.written(each, way, finest) for each, way in ((low, -1), (value, 0), (high, 1))
        ]
        try:
            for each in rounded:
                leaf.parse(each)
        except ValidationError:  # rounded to what the kind refuses, as a loss of all packets
            rounded = [leaf.written(each) for each in (low, value, high)]
        return rounded[1], (rounded[0], rounded[2])

    def bounds(self) -> dict[str, tuple[float, float]]:
        """Return the lowest and highest value of each parameter whose range is no mere point.

        They are in the unit of the parameter: seconds, hertz, bytes or bytes a second.
        """
        leaves = self._leaves()
        bounds = {}
        for key, figure in self.provenance.items():
            if figure.range is not None:
                low, high = (leaves[key].parse(end) for end in figure.range)
                if low < high:
                    bounds[key] = (low, high)
        return bounds

    def draws(self, count: int, seed: int) -> Iterator[Model]:
        """Draw models whose parameters lie anywhere in their ranges, independent of each other.

        Each parameter whose range is wider than a point is drawn uniformly, or uniformly in its
        logarithm where the range spans a factor of ten or more. A size is drawn from the
        multiples of the greatest common divisor of its value and its range's ends, so that whole
        lines and pages stay whole. A combination that the kind refuses is drawn again. What is
        drawn for a parameter depends on its key, the draw's index and the seed, and on other
        parameters only by such a refusal.

        Parameters
        ----------
        count : int
            How many to draw.
        seed : int
            Not negative; equal seeds draw equal models.

        Yields
        ------
        Model
            With the drawn values, which have the status ``drawn`` and keep their ranges.

        Raises
        ------
        InputError
            If the kind refuses every combination that was tried.
        """
        bounds = self.bounds()
        for index in range(count):
            streams = {key: np.random.default_rng([seed, index, *key.encode()]) for key in bounds}
            yield self._drawn(bounds, streams)

    def _drawn(
        self,
        bounds: Mapping[str, tuple[float, float]],
        streams: Mapping[str, np.random.Generator],
    ) -> Model:
        leaves = self._leaves()
        refused: InputError | None = None
        for _ in range(_TRIES):
            figures = dict(self.provenance)
            for key, (low, high) in bounds.items():
                value = leaves[key].quantile(streams[key].random(), low, high, self.value(key))
                figures[key] = replace(figures[key], value=value, status="drawn")
            try:
                parameters = _build(self.kind, figures, self.file, bounds)
            except InputError as error:
                refused = error
            else:
                return replace(self, parameters=parameters, provenance=figures)
        raise InputError(f"the ranges hold no accepted combination; the last one: {refused}")

    def _leaves(self) -> Mapping[str, Leaf]:
        return leaves_of(kind_named(self.kind).load_parameters())


def model_names() -> list[str]:
    """Return the names of the models that simaccess brings along."""
    return embedded_names("models")


def load_model(
    name_or_path: str | os.PathLike[str],
    settings: Mapping[str, str] | None = None,
    key: str = "model",
) -> Model:
    """Read a model and check everything in it.

    Parameters
    ----------
    name_or_path : str or path-like
        The name of a model that simaccess brings along, or the path of a file; text is a path if
        it ends in ``.toml`` or has a directory in it.
    settings : mapping of str to str, optional
        Values by dotted key that replace those of the file.
    key : str
        What named it, for the error if there is none.

    Raises
    ------
    InputError
        If there is no such model or file, or anything in it is wrong.
    """
    file = find("models", "model", name_or_path, key)
    read = read_model_file(file)
    parameters = _build(read.kind, read.figures, file, read.figures)
    model = Model(
        file.stem, read.title, read.kind, parameters, read.figures, file, read.calibration
    )
    return model.with_values(settings) if settings else model


def _build(
    kind: str, figures: Mapping[str, Figure], file: Path | None, changed: Collection[str]
) -> Parameters:
    """Make the kind's parameters; the kind checks what concerns several of them together."""
    document: dict[str, Any] = {}
    for key, figure in figures.items():
        if figure.status != "default":
            *sections, name = key.split(".")
            table = document
            for section in sections:
                table = table.setdefault(section, {})
            table[name] = figure.value
    try:
        return kind_named(kind).load_parameters().model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        if first["type"] == "missing":
            raise InputError("missing", file, place, allowed="its section whole") from None
        if isinstance(unfit := first.get("ctx", {}).get("error"), InputError) and unfit.key:
            place = ".".join((*map(str, first["loc"]), unfit.key))  # which its section names
        if place not in figures and len(changed) == 1:
            (place,) = changed
        given = {key: figure.value for key, figure in figures.items()}
        refused = refusal(error, place or None, given.get(place, UNSET), file)
        named = InputError(refused.problem, file, place or None, refused.value, refused.allowed)
        raise as_given(named, "", given) from None


def _unknown(key: str, value: object, leaves: Iterable[str]) -> InputError:
    """Return the error of a dotted key that the kind does not have."""
    keys = list(leaves)
    if within := [other for other in keys if other.startswith(f"{key}.")]:
        return InputError("a section, of which a key is set", None, key, value, within)
    section = key.rpartition(".")[0]
    beside = [other for other in keys if section and other.rpartition(".")[0] == section]
    sections = dict.fromkeys(f"{other.rpartition('.')[0]}.*" for other in keys)
    problem = "unknown key" + did_you_mean(key, keys)
    return InputError(problem, None, key, value, beside or sections)
