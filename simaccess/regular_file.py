"""Files that are read must be regular ones: a pipe would be waited for, and could be read once."""

from __future__ import annotations

import stat
from collections.abc import Iterable
from pathlib import Path

from simaccess.errors import UNSET, InputError

__all__ = ["require_regular"]


def require_regular(
    file: Path, allowed: str | Iterable[str], key: str | None = None, value: object = UNSET
) -> None:
    """Refuse what is there and is neither a regular file nor a folder, before it is opened.

    Parameters
    ----------
    file : Path
        What is to be read. A folder passes, since opening it fails at once and says what it is.
    allowed : str or iterable of str
        What may stand there.
    key, value
        What named it, as for `InputError`, which names the file where there is no key.

    Raises
    ------
    InputError
        If it is a pipe, a device or a socket.
    OSError
        If nothing is there, or it cannot be told.
    """
    mode = file.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        named = file if key is None else None
        raise InputError("not a regular file", named, key, value, allowed)
