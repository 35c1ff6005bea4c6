"""Files that are written whole or not at all, wherever their path leads.

A file is made beside its place and moved there in one step. A symbolic link is followed, and what
it leads to is replaced. What is there and is no regular file, such as a pipe or a device, cannot be
replaced without a loss: the bytes go into it. So do those for the file that is this process's
standard output or error, which others still write to.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from simaccess.errors import InputError

__all__ = ["check", "is_standard_output", "put", "writing"]

_OUTPUT, _ERROR = 1, 2


@contextmanager
def writing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Provide a file to make, which takes its place when it is made.

    Parameters
    ----------
    path : path-like
        Its place.

    Yields
    ------
    Path
        A file of the same name in a folder of its own, which goes whatever happens.

    Raises
    ------
    InputError
        If it cannot be written, or its place is a folder.
    """
    path = Path(path)
    try:
        there = _mode(path)
        direct = there is not None and (not stat.S_ISREG(there) or _descriptor(path) is not None)
        target = Path(os.path.realpath(path))
        beside = None if direct else target.parent  # on the same file system
        with tempfile.TemporaryDirectory(prefix=".writing-", dir=beside) as scratch:
            whole = Path(scratch) / path.name
            yield whole
            if direct:
                _pour(whole, path)
            else:
                if there is not None:
                    whole.chmod(stat.S_IMODE(there))
                whole.replace(target)
    except OSError as error:
        raise InputError(f"cannot be written: {error.strerror}", path) from None


def put(made: Path, path: Path) -> Path:
    """Move a file that is made to its place, by the rule of `writing`; return the place.

    Parameters
    ----------
    made : Path
        The file, on the file system of the place.
    path : Path
        Its place.

    Raises
    ------
    InputError
        If it cannot be written, or its place is a folder.
    OSError
        If it cannot be moved.
    """
    if path.is_symlink() or path.exists():
        with writing(path) as whole:
            shutil.copyfile(made, whole)
        return path
    return made.replace(path)


def check(path: Path, option: str) -> None:
    """Check that a file can be written, before hours are spent on what it shall hold.

    Parameters
    ----------
    path : Path
        The file.
    option : str
        What named it.

    Raises
    ------
    InputError
        If it cannot, or is a folder.
    """
    try:
        there = _mode(path)
        if there is None or stat.S_ISREG(there):
            # Only a trial tells: permissions say nothing of a read-only file system.
            beside = Path(os.path.realpath(path)).parent
            with tempfile.TemporaryDirectory(prefix=".trial-", dir=beside):
                pass
    except InputError as error:
        raise InputError(error.problem, None, option, str(path), error.allowed) from None
    except OSError as error:
        problem = f"cannot be written: {error.strerror}"
        raise InputError(problem, key=option, value=str(path)) from None


def is_standard_output(path: Path) -> bool:
    """Say whether a path leads to where this process prints, as ``/dev/stdout`` does."""
    return _descriptor(path) == _OUTPUT


def _mode(path: Path) -> int | None:
    """Return the type and permissions of what is at a place; None if nothing is."""
    try:
        there = path.stat().st_mode
    except FileNotFoundError:
        return None
    if stat.S_ISDIR(there):
        raise InputError("is a folder", path, allowed="a file")
    return there


def _descriptor(path: Path) -> int | None:
    """Return the standard descriptor that is open on a file; None if neither is."""
    for descriptor in (_OUTPUT, _ERROR):
        with suppress(OSError):  # closed, or no such file
            if os.path.samestat(path.stat(), os.fstat(descriptor)):
                return descriptor
    return None


def _pour(whole: Path, path: Path) -> None:
    """Copy a file into what is there."""
    descriptor = _descriptor(path)
    sys.stdout.flush()
    with (
        whole.open("rb") as made,
        path.open("wb") if descriptor is None else os.fdopen(os.dup(descriptor), "wb") as stream,
    ):
        shutil.copyfileobj(made, stream)
