"""The code that decides a result, by a digest of its sources.

A result depends on the modules that its simulation goes through: those that `simaccess.simulate`
imports, and theirs, and those of its kind of link, its method and its workload. Tables that choose
among kinds, methods or workloads by name are not followed, so that a change of one method leaves
the results of the others as they are.
"""

from __future__ import annotations

import inspect
from functools import cache
from hashlib import sha256
from importlib.metadata import version

from simaccess.imports import file_of, imported, is_module

__all__ = ["closure", "digest", "where"]

CHOOSERS = frozenset(
    {"simaccess.kinds", "simaccess.path", "simaccess.registry", "simaccess.workload.registry"}
)
"""Modules that choose by name; what they choose is asked for beside them."""

ENGINE = "simaccess.replay"
"""An engine that gives what simulations give: it is followed itself, but not to every kind."""

_TEXT = "source: "

LIBRARIES = ("numpy", "simpy")
"""Packages whose versions may decide a result."""


@cache
def digest(*modules: str) -> str:
    """Return a digest of the sources of modules and of all that they import.

    Parameters
    ----------
    *modules : str
        Full names, or what `where` says of a class. Of another package than simaccess, that
        package's own modules are followed.

    Returns
    -------
    str
        64 hexadecimal digits, the same wherever the sources and the `LIBRARIES` are the same.
    """
    named = [module for module in modules if not module.startswith(_TEXT)]
    every = sorted({name for module in named for name in closure(module)})
    made = sha256()
    for text in sorted(set(modules) - set(named)):
        made.update(text.encode())
    for name in every:
        made.update(f"{name}\0{_source(name)}\0".encode())
    for name in LIBRARIES:
        made.update(f"{name} {version(name)}\0".encode())
    return made.hexdigest()


def where(what: type) -> str:
    """Return the module of a class; of one that was written in a notebook, its own source."""
    if is_module(what.__module__):
        return what.__module__
    try:
        return _TEXT + inspect.getsource(what)
    except (OSError, TypeError):  # nobody has it
        return _TEXT + what.__qualname__


@cache
def closure(module: str) -> frozenset[str]:
    """Return a module and the modules of its package that it imports, and those import."""
    found: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        if name in found:
            continue
        found.add(name)
        if name not in CHOOSERS:
            inside = ENGINE if name.startswith(ENGINE) else ""
            left += (other for other in imported(name) if other.startswith(inside))
    return frozenset(found)


@cache
def _source(name: str) -> str:
    """Return a digest of a module's content."""
    return sha256(file_of(name).read_bytes()).hexdigest()
