"""How results reach a terminal, a file or a program."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from shutil import get_terminal_size
from textwrap import wrap
from typing import Any

__all__ = ["Ended", "print_json", "print_rows"]


class Ended(Exception):  # noqa: N818  # says what happened
    """End the command with a line and an exit code, after what could be done was done.

    Parameters
    ----------
    line : str
        What happened, and what stands.
    code : int
        The exit code.
    """

    def __init__(self, line: str, code: int) -> None:
        self.line = line
        self.code = code
        super().__init__(line, code)

    def __str__(self) -> str:
        return self.line


def print_json(document: Any) -> None:
    """Print an object as JSON, which has no NaN."""
    sys.stdout.write(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_rows(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in aligned columns; on a terminal the last one is wrapped to its width.

    Otherwise a row is one line, as other programs like to read it.
    """
    lines = [heading, *rows]
    widths = [max(len(line[column]) for line in lines) for column in range(len(heading) - 1)]
    indent = sum(widths) + 2 * len(widths)
    room = get_terminal_size().columns - indent if sys.stdout.isatty() else sys.maxsize
    for *cells, last in lines:
        start = "".join(f"{cell:{width}}  " for cell, width in zip(cells, widths, strict=True))
        wrapped = wrap(last, max(room, 20)) or [""]
        for number, part in enumerate(wrapped):
            sys.stdout.write(f"{' ' * indent if number else start}{part}".rstrip() + "\n")
