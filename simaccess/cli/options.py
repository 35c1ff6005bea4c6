"""Options that several subcommands take."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, TypeAlias

import typer

from simaccess.errors import InputError

__all__ = ["Jobs", "Json", "Measured", "Set", "examples", "parse_settings"]

Set: TypeAlias = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Another value for a parameter, as in bus.clock='66 MHz'; may be repeated.",
    ),
]
"""Values that replace those of a file."""

Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON.")]
"""Whether the result is for a program."""

Jobs: TypeAlias = Annotated[
    int | None,
    typer.Option("--jobs", metavar="N", help="Processes that simulate; default: one a processor."),
]
"""How many processes simulate."""

Measured: TypeAlias = Annotated[
    str, typer.Argument(metavar="MEASURED.csv", help="What 'simaccess measure' wrote.")
]
"""A measured set."""


def examples(*lines: str) -> str:
    """Return the end of a help text: example commands, one a line."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def parse_settings(settings: Iterable[str] | None, option: str = "--set") -> dict[str, str]:
    """Return the values of a repeated option ``KEY=VALUE``, such as ``--set``, by key.

    Raises
    ------
    InputError
        If one has no ``=`` or no key, or a key comes twice.
    """
    values: dict[str, str] = {}
    for setting in settings or ():
        key, equals, value = setting.partition("=")
        key = key.strip()
        if not equals or not key or key.endswith("."):
            raise InputError("not a setting", key=option, value=setting, allowed="KEY=VALUE")
        if key in values:
            raise InputError("set twice", key=option, value=setting, allowed="one value a key")
        values[key] = value.strip()
    return values
