"""docs/parameters.md and docs/sweeps.md have every key, with the default that it has in code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
from pydantic import create_model

from simaccess import registry
from simaccess.cli.options import parse_settings
from simaccess.compare import scenarios
from simaccess.parameters import Section
from simaccess.registry import ShadowParameters
from simaccess.scenario import ProducerParameters
from simaccess.sweep.axis import AxisEntry, Sample
from simaccess.sweep.drawing import Lines, Map, Points, Regimes
from simaccess.sweep.entry import ModelEntry, WorkloadEntry
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.experiment_file import load_experiment
from simaccess.workload.log import LogParameters, read_log
from simaccess.workload.patterns import PatternParameters
from simaccess.workload.registry import names, workload
from simaccess.workload.workload import Load, WithWrites
from tests.docs.pages import page, section, shown

README = page("README.md")
PAGE = "\n".join(map(page, ("docs/parameters.md", "docs/sweeps.md")))

WORKLOADS: dict[str, type[Section]] = {
    "Every workload": Load,
    "Workloads that may write": WithWrites,
    "Patterns": PatternParameters,
    **{f"`{name}`": type(workload(name).parameters) for name in names()},
    "An access log": LogParameters,
}
METHODS: dict[str, type[Section]] = {
    "Methods that keep a shadow": ShadowParameters,
    **{f"`{name}`": registry.parameters(name) for name in list(registry.names())[:4]},
}
EXPERIMENT: dict[str, type[Section]] = {
    "The top of the file": Experiment,
    "`[[models]]`": ModelEntry,
    "`[[workloads]]`": WorkloadEntry,
    "Axes": AxisEntry,
    "`[sample]`": Sample,
    "`[[figures]]` of lines": Lines,
    "`[[figures]]` of points": Points,
    "`[[figures]]` of regimes": Regimes,
    "`[figure]`": Map,
}
PARTS: list[tuple[str, dict[str, type[Section]]]] = [
    ("workload.", WORKLOADS),
    ("method.", METHODS),
    ("producer.", {"Producer: `producer.*`": ProducerParameters}),
    ("", EXPERIMENT),
]
SECTIONS = [
    pytest.param(prefix, heading, part, id=f"{prefix}{heading}")
    for prefix, part in PARTS
    for heading in part
]


def rows(heading: str, prefix: str) -> dict[str, str]:
    """Return the default of each key in a section's table."""
    cells = [
        line.split("|") for line in section(PAGE, heading).splitlines() if line.startswith("| `")
    ]
    assert all(len(row) == 6 and all(cell.strip() for cell in row[1:5]) for row in cells)
    keys = [row[1].strip().strip("`") for row in cells]
    assert len(set(keys)) == len(keys)
    assert all(key.startswith(prefix) for key in keys)
    return {key.removeprefix(prefix): row[3].strip() for key, row in zip(keys, cells, strict=True)}


def base(kind: type[Section], part: dict[str, type[Section]]) -> type[Section] | None:
    """Return the nearest class above one that has a section in the same part."""
    return next((above for above in kind.__mro__[1:] if above in part.values()), None)


def default(kind: type[Section], key: str) -> object:
    field = kind.model_fields[key]
    return "required" if field.is_required() else field.get_default(call_default_factory=True)


def parsed(kind: type[Section], key: str, shown: str, *, toml: bool) -> object:
    """Return the default that the page shows, as the class reads it."""
    if shown == "required":
        return shown
    if shown == "none":
        return None
    text: Any = shown.strip("`")
    given = tomllib.loads(f"value = {text}")["value"] if toml else text
    field = kind.model_fields[key]
    parts: dict[str, Any] = {key: (field.annotation, field)}
    return getattr(create_model("One", **parts).model_validate({key: given}), key)


@pytest.mark.parametrize(("prefix", "heading", "part"), SECTIONS)
def test_a_section_has_the_keys_of_its_class(
    prefix: str, heading: str, part: dict[str, type[Section]]
) -> None:
    kind = part[heading]
    above = base(kind, part)
    own = {
        key
        for key in kind.model_fields
        if above is None
        or key not in above.model_fields
        or default(kind, key) != default(above, key)
    }
    assert set(rows(heading, prefix)) == own


@pytest.mark.parametrize(("prefix", "heading", "part"), SECTIONS)
def test_a_section_names_the_one_whose_keys_hold_too(
    prefix: str, heading: str, part: dict[str, type[Section]]
) -> None:
    above = base(part[heading], part)
    if above is not None:
        told = next(name for name, kind in part.items() if kind is above)
        words = " ".join(section(PAGE, heading).split())
        assert f"keys of {told[0].lower()}{told[1:]}" in words, prefix


@pytest.mark.parametrize(("prefix", "heading", "part"), SECTIONS)
def test_defaults_are_those_of_the_class(
    prefix: str, heading: str, part: dict[str, type[Section]]
) -> None:
    kind = part[heading]
    for key, told in rows(heading, prefix).items():
        expected = default(kind, key)
        found = parsed(kind, key, told, toml=part is EXPERIMENT)
        assert found == (None if expected in ({}, []) else expected), key


def test_the_example_log_is_read(tmp_path: Path) -> None:
    file = tmp_path / "example.csv"
    file.write_text(shown(PAGE, "log", "csv"), encoding="utf-8")
    log = read_log(file)
    assert log.time.tolist() == [0, 15e-6, 40e-6]
    assert log.offset.tolist() == [0, 4096, 64]
    assert log.length.tolist() == [4096, 4096, 8]
    assert log.write.tolist() == [False, False, True]
    assert workload(str(file), {"timed": "true"}).size == 8192


def test_the_example_experiment_is_accepted(tmp_path: Path) -> None:
    file = tmp_path / "example.toml"
    file.write_text(shown(PAGE, "experiment", "toml"), encoding="utf-8")
    asked = load_experiment(file)
    assert asked.figure is not None
    assert asked.settings == {"hybrid": {"threshold": "64 B"}}
    plain, fast = (entry.ref.load() for entry in asked.models)
    assert plain.value("link.rate") == 1e9
    assert fast.value("link.rate") == 2e9


def test_settings_in_the_readme_are_accepted() -> None:
    given = re.findall(r"`((?:bus|workload|method|producer)\.\w+=[^`]+)`", README)
    settings = parse_settings(text.replace('"', "") for text in given)
    assert {key.partition(".")[0] for key in settings} == {"bus", "workload", "method", "producer"}
    made = scenarios("pci-64-66", "header-payload", settings=settings)
    assert all(each.producer is not None and each.producer.rate for each in made)
