"""A store that a command fills, and what it says of it if it ends before its end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from simaccess.cli.output import Ended

if TYPE_CHECKING:
    from simaccess.sweep.store import Store

__all__ = ["keeping"]


@contextmanager
def keeping(folder: Path | None, what: str) -> Iterator[Store]:
    """Provide the store of a folder, or one in memory.

    Parameters
    ----------
    folder : Path, optional
        Where to; made if it is not there.
    what : str
        What is kept, in the plural.

    Raises
    ------
    Ended
        After an interrupt or a worker's death, with how much is kept and how to go on.
    InputError
        If the store cannot be opened or written.
    """
    from simaccess.pool import WorkerDied
    from simaccess.sweep.store import NAME, Store

    with Store(None if folder is None else folder / NAME) as store:

        def kept() -> str:
            return (
                f"{len(store):,} {what} are in {store.path}, and the same command goes on from"
                " there"
            )

        try:
            yield store
        except KeyboardInterrupt:
            if store.path is None:
                raise
            raise Ended(f"interrupted; {kept()}", 130) from None
        except WorkerDied as error:
            raise Ended(f"error: {error}" + (f"; {kept()}" if store.path else ""), 1) from None
