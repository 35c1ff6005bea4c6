"""A store that a command fills, and what it says of it if it ends before its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from simaccess.cli.interrupt import first_interrupt, stands
from simaccess.cli.output import Ended

if TYPE_CHECKING:
    from simaccess.sweep.store import Store

__all__ = ["keeping"]


@contextmanager
def keeping(folder: Path | None, what: str) -> Iterator[Store]:
    """Provide the store of a folder, or one in memory.

    An interrupt ends the command with how much is kept and how to go on; another one that comes
    while it ends changes nothing.

    Parameters
    ----------
    folder : Path, optional
        Where to; made if it is not there.
    what : str
        What is kept, in the plural.

    Raises
    ------
    Ended
        After a worker's death, with how much is kept and how to go on.
    InputError
        If the store cannot be opened or written.
    """
    from simaccess.pool import WorkerDied
    from simaccess.sweep.store import NAME, Store

    path = None if folder is None else folder / NAME
    with first_interrupt():
        if path is not None:
            stands(lambda: _kept(path, what))
        with Store(path) as store:
            try:
                yield store
            except WorkerDied as error:
                kept = "" if path is None else f"; {_kept(path, what)}"
                raise Ended(f"error: {error}{kept}", 1) from None


def _kept(path: Path, what: str) -> str:
    """Return how much is in a store that is no longer written to, if there is one."""
    from simaccess.errors import InputError
    from simaccess.sweep.store import Store

    try:
        with Store(path, reading=True) as store:
            count = len(store)
    except InputError:  # it was not made yet
        return "nothing was written"
    return f"{count:,} {what} are in {path}, and the same command goes on from there"
