"""Whether this machine has the memory that something takes: if not, it is not even begun."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from simaccess.errors import InputError
from simaccess.present import size

__all__ = ["memory", "require_room"]

# Where Linux says what a container may have: version 2 of its control groups, and version 1.
_LIMITS = (
    Path("/sys/fs/cgroup/memory.max"),
    Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"),
)


def memory() -> int | None:
    """Return the bytes of memory that a process here may have at most; None if nothing tells."""
    known = []
    with suppress(AttributeError, ValueError, OSError):  # not on every system
        known.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for file in _LIMITS:
        try:
            known.append(int(file.read_text(encoding="ascii")))
        except (OSError, ValueError):  # no such file, or no limit
            continue
    return min(known, default=None)


def require_room(count: int, each: int, what: str, *, key: str, value: object) -> None:
    """Refuse what takes more memory than there is.

    Parameters
    ----------
    count : int
        How many there are.
    each : int
        Bytes that one of them takes at least.
    what : str
        What they are, in the plural.
    key, value
        What asks for them.

    Raises
    ------
    InputError
        If they take more than `memory`.
    """
    have = memory()
    if have is not None and count * each > have:
        problem = (
            f"{count:,} {what} take {size(count * each)} of memory or more, and there are"
            f" {size(have)}"
        )
        raise InputError(problem, key=key, value=value, allowed=f"at most {have // each:,} {what}")
