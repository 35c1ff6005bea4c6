"""Catalogues: things by name, built in, added in this process, or offered by other packages."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from functools import lru_cache
from importlib.metadata import entry_points
from typing import Generic, TypeGuard, TypeVar

from simaccess.errors import InputError
from simaccess.refusal import did_you_mean

__all__ = ["Catalogue"]

_Thing = TypeVar("_Thing")


@lru_cache(maxsize=8)
def _offered(group: str, _path: tuple[str, ...]) -> Mapping[str, str]:
    """Return what packages on a path offer in a group: names, and where the things are."""
    return {entry.name: entry.value for entry in entry_points(group=group)}


class Catalogue(Generic[_Thing]):
    """Things of one sort by name.

    Parameters
    ----------
    key : str
        By what key a user names one.
    noun : str
        What they are, for errors.
    group : str
        The entry-point group in which other packages offer more: a name, and the thing.
    built_in : mapping of str to thing
        Those that are always there, and never replaced.
    fits : callable
        ``fits(found)`` says whether what a package offers is such a thing.
    allowed : str
        What such a thing is, for the error of a package that offers something else.

    Attributes
    ----------
    added : dict of str to thing
        Those that were added in this process.
    """

    def __init__(
        self,
        key: str,
        noun: str,
        *,
        group: str,
        built_in: Mapping[str, _Thing],
        fits: Callable[[object], TypeGuard[_Thing]],
        allowed: str,
    ) -> None:
        self._key = key
        self._noun = noun
        self._group = group
        self._built_in = built_in
        self._fits = fits
        self._allowed = allowed
        self.added: dict[str, _Thing] = {}

    def names(self) -> list[str]:
        """Return all names, the built-in ones first."""
        offered = sorted(entry_points(group=self._group).names)
        return list(dict.fromkeys([*self._built_in, *self.added, *offered]))

    def add(self, name: str, thing: _Thing) -> None:
        """Make a thing known in this process, in place of an earlier one that was added.

        Raises
        ------
        InputError
            If a built-in one has that name.
        """
        if name in self._built_in:
            problem = f"a built-in {self._key}"
            raise InputError(problem, key=self._key, value=name, allowed="another name")
        self.added[name] = thing

    def named(self, name: str) -> _Thing:
        """Return the thing of a name; other packages are loaded only for the last ones.

        Raises
        ------
        InputError
            If there is none, if its package cannot be loaded or offers something else, or if a
            package offers one by the name of a built-in one.
        """
        if name in self._built_in:
            if (other := _offered(self._group, tuple(sys.path)).get(name)) is not None:
                raise InputError(
                    f"a built-in {self._noun} has that name",
                    key=f"entry point {name}",
                    value=other,
                    allowed="another name, in the package that offers it",
                )
            return self._built_in[name]
        if name in self.added:
            return self.added[name]
        entries = entry_points(group=self._group, name=name)
        if not entries:
            names = self.names()
            problem = f"no such {self._noun}{did_you_mean(name, names)}"
            raise InputError(problem, key=self._key, value=name, allowed=names)
        entry = next(iter(entries))
        try:
            found = entry.load()
        except Exception as error:  # a foreign package's, whatever it does when it is imported
            reason = " ".join(f"{type(error).__name__}: {error}".split())
            raise InputError(
                f"cannot be loaded: {reason}",
                key=f"entry point {name}",
                value=entry.value,
                allowed=self._allowed,
            ) from error
        if not self._fits(found):
            raise InputError(
                f"no {self._noun}",
                key=f"entry point {name}",
                value=entry.value,
                allowed=self._allowed,
            )
        return found
