"""Write an answer into a folder: all of its files or, if one cannot be made, none."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from simaccess.errors import InputError
from simaccess.sweep.outcome import Outcome
from simaccess.sweep.table import as_text
from simaccess.whole_file import put

__all__ = ["FIGURES", "TEXTS", "check", "write"]

TEXTS = ("results.csv", "results.json", "table.txt")
FIGURES = ("map.png", "map.svg")


def check(folder: Path, names: Iterable[str]) -> None:
    """Check that files of some names can be written into a folder, which need not be there yet.

    Raises
    ------
    InputError
        If the folder cannot be made or written to, or a folder has the name of a file.
    """
    there = next(path for path in (folder, *folder.absolute().parents) if os.path.lexists(path))
    if not there.is_dir():
        problem = f"{there} is not a folder"
        raise InputError(problem, key="--out", value=str(folder), allowed="a folder")
    for name in names:
        if (folder / name).is_dir():
            problem = f"{folder / name} is a folder; a file of that name is to be written"
            raise InputError(problem, key="--out", value=str(folder))
    try:
        # Only a trial tells: permissions say nothing of a read-only file system.
        with tempfile.TemporaryDirectory(prefix=".trial-", dir=there):
            pass
    except OSError as error:
        problem = f"{there} cannot be written to: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def write(
    outcome: Outcome,
    folder: Path,
    figure: Callable[[Path], None] | None = None,
    made: Callable[[], None] = lambda: None,
) -> list[Path]:
    """Write ``results.csv`` (one row a simulation), ``results.json``, ``table.txt`` and a figure.

    Parameters
    ----------
    outcome : Outcome
        The answer.
    folder : Path
        Where to; made if it is not there. Files of these names are replaced, by the rule of
        `simaccess.whole_file`.
    figure : callable, optional
        ``figure(path)`` draws into a file, in the format of its suffix.
    made : callable
        Is called when all files are made, just before the first of them gets to its place.

    Returns
    -------
    list of Path
        What was written.

    Raises
    ------
    InputError
        If something cannot be written.
    """
    document = json.dumps(outcome.to_dict(), indent=1, ensure_ascii=False, allow_nan=False)

    def text(content: str) -> Callable[[Path], None]:
        return lambda path: _text(path, content)

    contents: tuple[Callable[[Path], None], ...] = (
        lambda path: outcome.frame().to_csv(path, index=False),
        text(document + "\n"),
        text(as_text(outcome)),
    )
    files = dict(zip(TEXTS, contents, strict=True))
    if figure is not None:
        files |= dict.fromkeys(FIGURES, figure)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A folder of their own beside their place: on the same file system, and removed with all
        # that is in it whatever happens.
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
            for name, produce in files.items():
                produce(Path(scratch) / name)
            check(folder, files)  # again: a simulation may take hours
            made()
            return [put(Path(scratch) / name, folder / name) for name in files]
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def _text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
