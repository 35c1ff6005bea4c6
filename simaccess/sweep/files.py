"""Write an answer into a folder; each file appears whole or not at all."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

from simaccess.errors import InputError
from simaccess.sweep.outcome import Outcome
from simaccess.sweep.table import as_text

__all__ = ["FIGURES", "write"]

FIGURES = ("map.png", "map.svg")


def write(
    outcome: Outcome, folder: Path, figure: Callable[[Path], None] | None = None
) -> list[Path]:
    """Write ``results.csv`` (one row a simulation), ``results.json``, ``table.txt`` and a figure.

    Parameters
    ----------
    outcome : Outcome
        The answer.
    folder : Path
        Where to; made if it is not there. Files of these names are replaced.
    figure : callable, optional
        ``figure(path)`` draws into a file, in the format of its suffix.

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

    files: dict[str, Callable[[Path], None]] = {
        "results.csv": lambda path: outcome.frame().to_csv(path, index=False),
        "results.json": text(document + "\n"),
        "table.txt": text(as_text(outcome)),
    }
    if figure is not None:
        files |= dict.fromkeys(FIGURES, figure)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # A folder of their own beside their place: on the same file system, and removed with all
        # that is in it whatever happens.
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=folder) as scratch:
            for name, produce in files.items():
                produce(Path(scratch) / name)
            return [(Path(scratch) / name).replace(folder / name) for name in files]
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key="--out", value=str(folder)) from None


def _text(path: Path, content: str) -> None:
    path.write_text(content, encoding="utf-8")
