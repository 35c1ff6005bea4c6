"""The data that comes with the package: model files and experiments."""

from __future__ import annotations

from pathlib import Path

from simaccess.errors import InputError

__all__ = ["embedded"]

_PACKAGE = Path(__file__).parent
_FOLDERS = ("models", "experiments")


def embedded(*parts: str) -> Path:
    """Return the path of an embedded file or folder.

    Parameters
    ----------
    *parts : str
        Its path from ``models`` or ``experiments`` on, e.g. ``"experiments", "data"``.

    Returns
    -------
    Path
        Within ``simaccess/data`` of an installed wheel, or within the root of a checkout.

    Raises
    ------
    InputError
        If there is no such file or folder.
    """
    name = Path(*parts)
    if name.is_absolute() or ".." in name.parts or not parts or name.parts[0] not in _FOLDERS:
        raise InputError("not an embedded path", file=name, allowed=_FOLDERS)
    installed = _PACKAGE / "data"
    # Beside an installed package may stand a foreign folder of the same name: no second look there.
    path = (installed if installed.is_dir() else _PACKAGE.parent) / name
    if not path.exists():
        raise InputError("no such embedded file", file=name)
    return path
