"""TOML files that come with the package by name, or are the user's by path."""

from __future__ import annotations

import os
import tomllib
from pathlib import Path
from typing import Any

from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.refusal import did_you_mean
from simaccess.regular_file import require_regular

__all__ = ["embedded_names", "find", "read_toml"]


def embedded_names(folder: str) -> list[str]:
    """Return the names of the embedded files of a folder, without their suffix."""
    return sorted(path.stem for path in embedded(folder).glob("*.toml"))


def find(
    folder: str, noun: str, name_or_path: str | os.PathLike[str], key: str | None = None
) -> Path:
    """Return where a file is that was named, or the path that was given.

    Parameters
    ----------
    folder : str
        Where the embedded ones are, e.g. ``models``.
    noun : str
        What such a file is called, e.g. ``model``.
    name_or_path : str or path-like
        Text is a path if it ends in ``.toml`` or has a directory in it, else an embedded name.
    key : str, optional
        What named it; `noun` by default.

    Raises
    ------
    InputError
        If there is no embedded file of that name.
    """
    path = Path(name_or_path)
    if not isinstance(name_or_path, str) or path.suffix == ".toml" or path.name != name_or_path:
        return path
    known = embedded_names(folder)
    if name_or_path not in known:
        raise InputError(
            f"no such {noun}" + did_you_mean(name_or_path, known),
            key=noun if key is None else key,
            value=name_or_path,
            allowed=[*known, "or a file that ends in .toml"],
        )
    return embedded(folder, f"{name_or_path}.toml")


def read_toml(file: Path) -> dict[str, Any]:
    """Read a TOML file.

    Raises
    ------
    InputError
        If it cannot be read, is no regular file, or is no TOML.
    """
    try:
        require_regular(file, "a TOML file")
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror}", file) from None
    except UnicodeDecodeError:
        raise InputError("not text in UTF-8", file) from None
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"not TOML: {error}", file) from None
