"""The code that decides a result, by a digest of its sources.

A result depends on the modules that its simulation goes through: those that `simaccess.simulate`
imports, and theirs, and those of its kind of link, its method and its workload. Tables that choose
among kinds, methods or workloads by name are not followed, so that a change of one method leaves
the results of the others as they are.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

__all__ = ["closure", "digest", "where"]

CHOOSERS = frozenset(
    {"simaccess.kinds", "simaccess.path", "simaccess.registry", "simaccess.workload.registry"}
)
"""Modules that choose by name; what they choose is asked for beside them."""

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
        made.update(f"{name}\0{_source(name)[1]}\0".encode())
    for name in LIBRARIES:
        made.update(f"{name} {version(name)}\0".encode())
    return made.hexdigest()


def where(what: type) -> str:
    """Return the module of a class; of one that was written in a notebook, its own source."""
    if _there(what.__module__):
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
            left += _imported(name)
    return frozenset(found)


@cache
def _imported(module: str) -> tuple[str, ...]:
    """Return the modules of its own package and of simaccess that a module imports."""
    path, _ = _source(module)
    if path.suffix != ".py":
        return ()
    packages = {module.partition(".")[0], "simaccess"}
    tree = ast.parse(path.read_bytes())
    names = dict.fromkeys(name for node in ast.walk(tree) for name in _named(node))
    return tuple(name for name in names if name.partition(".")[0] in packages and _there(name))


def _named(node: ast.AST) -> Iterator[str]:
    """Return what an import names: modules, and names in them that may be modules."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        inside = [f"{node.module}.{alias.name}" for alias in node.names]
        modules = [name for name in inside if _there(name)]
        yield from modules
        if len(modules) < len(inside):
            yield node.module


@cache
def _there(name: str) -> bool:
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, ValueError):  # no package, or a script
        return False
    return spec is not None and spec.origin is not None


@cache
def _source(name: str) -> tuple[Path, str]:
    """Return a module's file and a digest of its content."""
    spec = find_spec(name)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(name)
    path = Path(spec.origin)
    return path, sha256(path.read_bytes()).hexdigest()
