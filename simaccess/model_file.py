"""Model files: a kind's parameters in TOML, each with its source, its status and its range.

A model file has a `title`, a `kind`, and a table for each parameter::

    [bus.clock]
    value = "33 MHz"
    source = "PCI 2.1"
    status = "verified"
    range = ["33 MHz", "33.33 MHz"]

Every number has a range; a choice and a boolean have none. A parameter for which the kind has a
default may be left out. A table ``[calibration]`` says what a fitted model was fitted to: plain
entries, for `simaccess.validate` and for people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit

from simaccess.embedded_file import read_toml
from simaccess.errors import InputError
from simaccess.figures import Figure, Leaf, Scalar, leaves_of, section_of
from simaccess.kinds import kind_named
from simaccess.parameters import Section
from simaccess.refusal import did_you_mean
from simaccess.whole_file import writing

__all__ = ["ModelFile", "read_model_file", "write_model_file"]

_STATUSES = ("verified", "derived", "unverified")
_NUMBER = ("value", "source", "status", "range")
_CHOICE = ("value", "source", "status")
_CALIBRATION = "calibration"


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a model file says, each parameter checked by itself.

    Attributes
    ----------
    title, kind : str
        As the file has them.
    figures : mapping of str to Figure
        By dotted key, in the kind's order; those that the file leaves out are ``default``.
    calibration : mapping of str to scalar
        What the figures were fitted to; empty where they were not.
    """

    title: str
    kind: str
    figures: Mapping[str, Figure]
    calibration: Mapping[str, Scalar] = field(default_factory=dict)


def read_model_file(file: Path) -> ModelFile:
    """Read a model file.

    Raises
    ------
    InputError
        If there is no such file, or anything in it is wrong.
    """
    document = read_toml(file)
    if not {"title", "kind"} <= document.keys():
        _require_tables(document, file)  # one of them may be misspelt
    title, kind = _text(document, "title", file), _text(document, "kind", file)
    try:
        parameters_class = kind_named(kind).load_parameters()
    except InputError as error:
        raise InputError(error.problem, file, "kind", kind, error.allowed) from None
    calibration = _plain(document.pop(_CALIBRATION, {}), file)
    sections = {key: value for key, value in document.items() if key not in {"title", "kind"}}
    given = dict(_tables(parameters_class, sections, "", file))
    figures = {}
    for key, leaf in leaves_of(parameters_class).items():
        if key in given:
            figures[key] = _figure(given[key], leaf, key, file)
            continue
        if leaf.within is not None and not any(
            other.startswith(f"{leaf.within}.") for other in given
        ):
            continue  # its whole section is left out
        if leaf.required:
            allowed = f"a table [{key}] with {', '.join(_NUMBER if leaf.numeric else _CHOICE)}"
            raise InputError("missing", file, key, allowed=allowed)
        if isinstance(leaf.default, str | int | float):
            figures[key] = Figure(leaf.default, f"default of {kind}", "default")
    return ModelFile(title, kind, figures, calibration)


def write_model_file(file: Path, model: ModelFile) -> None:
    """Write a model file, by the rule of `simaccess.whole_file`.

    Raises
    ------
    InputError
        If it cannot be written.
    """
    document = tomlkit.document()
    document["title"] = model.title
    document["kind"] = model.kind
    if model.calibration:
        document[_CALIBRATION] = dict(model.calibration)
    for key, figure in model.figures.items():
        if figure.status == "default":
            continue
        entry: dict[str, Any] = {"value": figure.value, "source": figure.source}
        entry["status"] = figure.status if figure.status in _STATUSES else "unverified"
        if figure.range is not None:
            entry["range"] = list(figure.range)
        *sections, name = key.split(".")
        table: Any = document
        for section in sections:
            if section not in table:
                table[section] = tomlkit.table(is_super_table=True)
            table = table[section]
        table[name] = entry
    text = tomlkit.dumps(document)
    with writing(file) as whole:
        whole.write_text(text, encoding="utf-8")
        read_model_file(whole)  # what cannot be read back must not be written


def _require_tables(document: Mapping[str, object], file: Path) -> None:
    """Refuse what is neither title, kind nor a section."""
    names = ["title", "kind"]
    for name, entry in document.items():
        if name not in names and not isinstance(entry, dict):
            problem = "unknown key" + did_you_mean(name, names)
            raise InputError(problem, file, name, entry, [*names, "sections"])


def _plain(table: object, file: Path) -> dict[str, Scalar]:
    """Check the table of what the figures were fitted to."""
    if not isinstance(table, dict):
        raise InputError("not a table", file, _CALIBRATION, table, "plain entries")
    for name, entry in table.items():
        if not isinstance(entry, str | int | float | bool):
            problem = "neither text, number nor boolean"
            raise InputError(problem, file, f"{_CALIBRATION}.{name}", entry)
    return table


def _tables(
    section_class: type[Section], table: object, prefix: str, file: Path
) -> Iterator[tuple[str, object]]:
    """Yield the dotted key and the table of each parameter in a section."""
    fields = section_class.model_fields
    if not isinstance(table, dict):
        raise InputError("not a section", file, prefix.rstrip("."), table, fields)
    for name, entry in table.items():
        key = prefix + name
        if name not in fields:
            names = fields if prefix else ["title", "kind", *fields]
            raise InputError("unknown key" + did_you_mean(name, names), file, key, entry, names)
        inner = section_of(fields[name].annotation)
        if inner is None:
            yield key, entry
        else:
            yield from _tables(inner, entry, f"{key}.", file)


def _figure(entry: object, leaf: Leaf, key: str, file: Path) -> Figure:
    """Check the table of one parameter."""
    entries = _NUMBER if leaf.numeric else _CHOICE
    if not isinstance(entry, dict):
        raise InputError("no source", file, key, entry, f"a table with {', '.join(entries)}")
    if "range" in entry and not leaf.numeric:
        problem = "only a number has a range"
        raise InputError(problem, file, f"{key}.range", entry["range"], entries)
    for name, given in entry.items():
        if name not in entries:
            problem = "unknown key" + did_you_mean(name, entries)
            raise InputError(problem, file, f"{key}.{name}", given, entries)
    for name in entries:
        if name not in entry:
            allowed = f"a table with {', '.join(entries)}"
            raise InputError(f"{name} is missing", file, key, allowed=allowed)
    value = leaf.check(entry["value"], key, file)
    status = entry["status"]
    if status not in _STATUSES:
        raise InputError("no such status", file, f"{key}.status", status, _STATUSES)
    limits = _range(entry["range"], value, leaf, key, file) if leaf.numeric else None
    return Figure(entry["value"], _text(entry, "source", file, f"{key}."), status, limits)


def _range(entry: object, value: float, leaf: Leaf, key: str, file: Path) -> tuple[Scalar, Scalar]:
    """Check the range of a number."""
    place = f"{key}.range"
    if not isinstance(entry, list) or len(entry) != 2:
        raise InputError("not a range", file, place, entry, "two values, [low, high]")
    low, high = (leaf.check(end, place, file) for end in entry)
    if not low <= value <= high:
        raise InputError("does not hold the value", file, place, entry, "low <= value <= high")
    return entry[0], entry[1]


def _text(table: Mapping[str, Any], name: str, file: Path, prefix: str = "") -> str:
    if name not in table:
        raise InputError("missing", file, prefix + name, allowed="text")
    text = table[name]
    if not isinstance(text, str) or not text.strip():
        raise InputError("no text", file, prefix + name, text, "text that is not empty")
    return text
