"""Access logs that are written while their accesses are made."""

from __future__ import annotations

import os
from pathlib import Path

from simaccess.errors import InputError
from simaccess.workload.log import BEGIN, HEADER, is_log

__all__ = ["LogWriter"]


def _replaceable(path: Path) -> bool:
    """Say whether nothing is lost if a log replaces the file: there is none, or another log.

    What is no regular file, such as a pipe, loses nothing.
    """
    if not path.is_file():
        return True
    with path.open("rb") as stream:
        begin = stream.read(BEGIN)
    return not begin or is_log(begin)


class LogWriter:
    """An access log that is written while its accesses are made.

    Parameters
    ----------
    path : path-like
        The file, which is replaced.
    ticks_per_second : int
        A power of ten; times are written to the tick.

    Raises
    ------
    InputError
        If the file cannot be written.
    """

    def __init__(self, path: str | os.PathLike[str], ticks_per_second: int) -> None:
        self._second = ticks_per_second
        self._digits = len(str(ticks_per_second)) - 1
        try:
            if not _replaceable(Path(path)):
                raise InputError(
                    "holds something else", path, allowed="a new file or an access log"
                )
            self._stream = Path(path).open("w", encoding="ascii", newline="\n")  # noqa: SIM115  # see close
        except OSError as error:
            raise InputError(f"cannot be written: {error.strerror}", file=path) from error
        self._stream.write(HEADER + "\n")

    def write(self, time: int, offset: int, length: int, *, write: bool) -> None:
        """Add an access that begins at `time`, in ticks."""
        seconds, ticks = divmod(time, self._second)
        operation = "write" if write else "read"
        self._stream.write(f"{seconds}.{ticks:0{self._digits}},{offset},{length},{operation}\n")

    def close(self) -> None:
        """Write what is left."""
        self._stream.close()
