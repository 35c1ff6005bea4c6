"""The subcommand ``models``: what is known of each interconnect."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.options import Json, Set, examples, parse_settings
from simaccess.cli.output import print_json, print_rows

if TYPE_CHECKING:
    from simaccess.figures import Figure, Scalar
    from simaccess.model import Model

__all__ = ["app"]

app = typer.Typer(
    name="models",
    help="List, show and check models of interconnects.",
    rich_markup_mode=None,
    epilog=examples("simaccess models list", "simaccess models show pci-32-33"),
)

_WIDTHS = (26, 12, 20, 10)  # of key, value, range and status, within 80 columns
_WIDE = 120

NAME = typer.Argument(metavar="NAME|FILE", help="A model's name, or the path of a .toml file.")


@app.command(
    "list",
    epilog=examples("simaccess models list", "simaccess models list --json"),
)
def list_models(json: Json = False) -> None:
    """List the models that simaccess brings along."""
    from simaccess.model import load_model, model_names

    models = [load_model(name) for name in model_names()]
    if json:
        print_json([_heading(model) for model in models])
        return
    print_rows(["name", "kind", "title"], [(each.name, each.kind, each.title) for each in models])


@app.command(
    epilog=examples(
        "simaccess models show pci-32-33",
        "simaccess models show pci-32-33 --set bus.clock='66 MHz'",
        "simaccess models show my-link.toml --json",
    ),
)
def show(
    name: Annotated[str, NAME],
    settings: Set = None,
    json: Json = False,
) -> None:
    """Show a model's parameters: value, range, status and source of each.

    A verified figure stands in the source named, a derived one follows from others by arithmetic,
    an unverified one is from memory and has a wide range.
    """
    from simaccess.model import load_model

    model = load_model(name, parse_settings(settings))
    if json:
        figures = {
            key: {
                "value": figure.value,
                "si": model.value(key),
                "range": figure.range,
                "status": figure.status,
                "source": figure.source,
            }
            for key, figure in model.provenance.items()
        }
        print_json({**_heading(model), "parameters": figures})
        return
    if sys.stdout.isatty():
        _print_sections(model)
    else:
        rows = [(key, *_cells(figure), figure.source) for key, figure in model.provenance.items()]
        print_rows(["key", "value", "range", "status", "source"], rows)


@app.command(
    epilog=examples("simaccess models check my-link.toml", "simaccess models check models/*.toml"),
)
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="Model files.")],
    json: Json = False,
) -> None:
    """Check model files; the first mistake ends in one line and exit code 2."""
    from simaccess.model import load_model

    models = [load_model(file) for file in files]
    if json:
        print_json([_heading(model) for model in models])
        return
    for model in models:
        counts = Counter(figure.status for figure in model.provenance.values())
        known = ", ".join(f"{number} {status}" for status, number in counts.items())
        sys.stdout.write(f"{model.file}: {model.kind}, {len(model.provenance)} figures: {known}\n")


def _heading(model: Model) -> dict[str, Any]:
    return {
        "name": model.name,
        "title": model.title,
        "kind": model.kind,
        "file": str(model.file),
        "status": dict(Counter(figure.status for figure in model.provenance.values())),
    }


def _cells(figure: Figure) -> tuple[str, str, str]:
    """Return the value, the range and the status as they are shown."""
    return _shown(figure.value), _shown_range(figure.range), figure.status


def _shown(value: Scalar) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def _shown_range(ends: tuple[Scalar, Scalar] | None) -> str:
    """Return a range, its unit only once where both ends have the same."""
    if ends is None:
        return ""
    low, high = (_shown(end) for end in ends)
    if low == high:
        return "exact"
    number, _, unit = low.partition(" ")
    return f"{number if high.endswith(f' {unit}') else low} .. {high}"


def _print_sections(model: Model) -> None:
    """Print a model section by section; on a narrow terminal a source has a line of its own."""
    from rich.console import Console
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    console = Console(highlight=False)
    wide = console.width >= _WIDE
    styles = {"verified": "green", "derived": "green", "unverified": "yellow", "set": "cyan"}
    console.print(Text(model.title, style="bold"))
    console.print(Text(f"{model.name}, {model.kind}"))
    sections = dict.fromkeys(key.rpartition(".")[0] for key in model.provenance)
    for section in sections:
        console.print(Text(f"\n[{section}]", style="bold"))
        for key, figure in model.provenance.items():
            if key.rpartition(".")[0] != section:
                continue
            line = Table.grid(padding=(0, 2), expand=wide)
            for width in _WIDTHS:
                line.add_column(width=width, overflow="fold")
            value, limits, status = _cells(figure)
            row = [Text(key.rpartition(".")[2]), Text(value, style="bold"), Text(limits)]
            row.append(Text(status, style=styles.get(status, "")))
            source = Text(figure.source, style="dim")
            if wide:
                line.add_column(ratio=1, overflow="fold")
                row.append(source)
            line.add_row(*row)
            console.print(Padding(line, (0, 0, 0, 2)))
            if not wide:
                console.print(Padding(source, (0, 0, 0, 6)))
