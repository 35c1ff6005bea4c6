"""Compiling plain functions with numba, where it is installed.

Functions stay what they are for everybody else. Compiled code is cached on disk beside the source
(or where ``NUMBA_CACHE_DIR`` says), keyed by the text of all modules that it is made of: numba
itself looks only at the file of the function that is called.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import FunctionType
from typing import TypeVar, cast

__all__ = ["compiled", "have_compiler", "made_of", "stamp_of"]

_Function = TypeVar("_Function", bound=Callable[..., object])


def have_compiler() -> bool:
    """Say whether numba is installed."""
    return find_spec("numba") is not None


def compiled(
    function: _Function, *, cache: bool = False, inline: bool = True, **names: object
) -> _Function:
    """Return a function compiled, when it is first called.

    Parameters
    ----------
    function : callable
        A plain function of numbers and arrays.
    cache : bool
        Whether to keep it on disk: the functions that are called from Python, whose closures hold
        a `stamp_of` the others.
    inline : bool
        Whether to compile it into each of its callers.
    **names : object
        What its global names stand for: the compiled ones of other plain functions.
    """
    numba = import_module("numba")
    if names:
        function = cast(
            "_Function",
            FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__),
        )
    # Nothing is allocated in compiled code, so nothing has to be counted: counting references to
    # arrays costs more than all the rest. (numba compiles its own sorts so.)
    options = {
        "nogil": True,
        "error_model": "numpy",
        "_nrt": False,
        "forceinline": inline and not cache,
    }
    if cache:
        try:
            return cast("_Function", numba.njit(function, cache=True, **options))
        except RuntimeError:  # nowhere to write: compile each time
            pass
    if not cache:  # nobody calls them from Python or C
        options |= {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return cast("_Function", numba.njit(function, **options))


def made_of(module: str) -> list[str]:
    """Return the modules that hold what a module of `simaccess.replay` compiles, itself among them.

    They are those of simaccess that it imports, and that its fellows among them import in turn. A
    module from outside of `simaccess.replay` is taken alone: what it imports runs in Python.

    Parameters
    ----------
    module : str
        Its name; it has been imported, as far as its imports.
    """
    found: set[str] = set()
    ahead = {module}
    while ahead:
        found |= ahead
        fellows = [each for each in ahead if each.startswith("simaccess.replay.")]
        ahead = {each for fellow in fellows for each in _imported(fellow)} - found
    return sorted(found)


def _imported(module: str) -> Iterator[str]:
    """Yield the modules of simaccess that a module imports when it is imported itself."""
    for statement in ast.parse(_text(module)).body:
        if isinstance(statement, ast.ImportFrom) and statement.module is not None:
            origin = statement.module
            if origin.partition(".")[0] == "simaccess":
                for each in statement.names:
                    inside = f"{origin}.{each.name}"
                    yield inside if inside in sys.modules else origin


def _text(module: str) -> bytes:
    file = sys.modules[module].__file__
    assert file is not None
    return Path(file).read_bytes()


def stamp_of(module: str) -> int:
    """Return a number that stands for the text of all that a module compiles; see `made_of`."""
    text = blake2b(digest_size=7)
    for each in made_of(module):
        text.update(_text(each))
    return int.from_bytes(text.digest(), "big")
