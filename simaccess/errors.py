"""The errors that a user's wrong input, and a failing link, end in."""

import enum
import os
import reprlib
from collections.abc import Iterable

__all__ = ["UNSET", "GivenUpError", "InputError", "LinkError", "Unset"]


class Unset(enum.Enum):
    """The type of `UNSET`, which tells "no value was given" from every value, None included."""

    UNSET = enum.auto()


UNSET = Unset.UNSET

_shown = reprlib.Repr()
_shown.maxstring = _shown.maxother = _shown.maxlong = 80


class InputError(ValueError):
    """Say in one line what is wrong with a file, an option or an argument, and what is allowed.

    Parameters
    ----------
    problem : str
        What is wrong, without the parts that follow.
    file : path-like, optional
        The file that holds the input.
    key : str, optional
        The dotted name of the entry in the file, the option or the parameter.
    value : object, optional
        What was given there; its representation is shown, shortened if it is long.
    allowed : str or iterable of str, optional
        What may stand there: a phrase, or the names to choose from.

    Notes
    -----
    `args` holds all the parts, so that pickling and ``type(error)(*error.args)``, by which SimPy
    copies a failure, both rebuild the whole error. The value must be picklable for the former.

    Examples
    --------
    >>> print(InputError("not a frequency", key="bus.clock", value="33", allowed="as in '33 MHz'"))
    bus.clock = '33': not a frequency; allowed: as in '33 MHz'
    """

    def __init__(
        self,
        problem: str,
        file: str | os.PathLike[str] | None = None,
        key: str | None = None,
        value: object = UNSET,
        allowed: str | Iterable[str] | None = None,
    ) -> None:
        if allowed is not None and not isinstance(allowed, str):
            allowed = ", ".join(allowed)
        self.problem = problem
        self.file = None if file is None else os.fspath(file)
        self.key = key
        self.value = value
        self.allowed = allowed
        super().__init__(problem, self.file, key, value, allowed)

    def __str__(self) -> str:
        entry = [] if self.key is None else [self.key]
        if self.value is not UNSET:
            entry.append(_shown.repr(self.value))
        parts = [self.file, " = ".join(entry), self.problem]
        line = ": ".join(part for part in parts if part)
        if self.allowed is not None:
            line += f"; allowed: {self.allowed}"
        return " ".join(line.splitlines())


class GivenUpError(InputError):
    """Say in one line that a simulated link does not get its bytes through, and why."""


class LinkError(Exception):
    """Say in one line what went wrong on a real link.

    Parameters
    ----------
    problem : str
        What went wrong.
    link : str
        The link's URL.

    Examples
    --------
    >>> print(LinkError("no answer within 5 s", "nbd://127.0.0.1:10809"))
    nbd://127.0.0.1:10809: no answer within 5 s
    """

    def __init__(self, problem: str, link: str) -> None:
        self.problem = problem
        self.link = link
        super().__init__(problem, link)

    def __str__(self) -> str:
        return " ".join(f"{self.link}: {self.problem}".splitlines())
