"""Compiling plain functions with numba, where it is installed.

Functions stay what they are for everybody else. Compiled code is cached on disk beside the source
(or where ``NUMBA_CACHE_DIR`` says), keyed by the text of all modules that it is made of: numba
itself looks only at the file of the function that is called.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from importlib import import_module
from importlib.util import find_spec
from types import FunctionType
from typing import TypeVar, cast

from simaccess.imports import file_of, imported

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

    They are those of simaccess that it imports at its head, and that its fellows among them import
    in turn. A module from outside of `simaccess.replay` is taken alone: what it imports runs in
    Python.

    Parameters
    ----------
    module : str
        Its full name.
    """
    found: set[str] = set()
    ahead = {module}
    while ahead:
        found |= ahead
        fellows = [each for each in ahead if each.startswith("simaccess.replay.")]
        ahead = {each for fellow in fellows for each in imported(fellow, anywhere=False)} - found
    return sorted(found)


def stamp_of(module: str) -> int:
    """Return a number that stands for the text of all that a module compiles; see `made_of`."""
    text = blake2b(digest_size=7)
    for each in made_of(module):
        text.update(_text(each))
    return int.from_bytes(text.digest(), "big")


def _text(module: str) -> bytes:
    return file_of(module).read_bytes()
