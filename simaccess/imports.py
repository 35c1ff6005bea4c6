"""Which modules a module imports, read from its source."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

__all__ = ["file_of", "imported", "is_module"]


@cache
def is_module(name: str) -> bool:
    """Say whether there is a module of a name that comes from a file."""
    try:
        spec = find_spec(name)
    except (ModuleNotFoundError, ValueError):  # no package, or a script
        return False
    return spec is not None and spec.origin is not None


def file_of(module: str) -> Path:
    """Return the file of a module.

    Raises
    ------
    ModuleNotFoundError
        If there is none.
    """
    spec = find_spec(module)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(module)
    return Path(spec.origin)


_BODY = re.compile(rb"^(?:@\w|(?:async )?def \w+\(|class \w+[(:])", re.MULTILINE)


@cache
def imported(module: str, *, anywhere: bool = True) -> tuple[str, ...]:
    """Return the modules of its own package and of simaccess that a module imports.

    Parameters
    ----------
    module : str
        Its full name. A module that is not written in Python imports nothing.
    anywhere : bool
        Whether imports count that stand behind its first class or function. Reading all of a
        module takes a millisecond or more, its head a tenth of that.
    """
    path = file_of(module)
    if path.suffix != ".py":
        return ()
    packages = {_package(module), "simaccess"}
    text = path.read_bytes()
    statements = _statements(ast.parse(text if anywhere else _BODY.split(text, 1)[0]))
    names = (name for each in statements for name in _named(each) if _package(name) in packages)
    return tuple(dict.fromkeys(name if is_module(name) else _parent(name) for name in names))


def _statements(of: ast.AST) -> Iterator[ast.AST]:
    """Go through the statements in a module or statement, at any depth."""
    for part in ("body", "orelse", "finalbody", "handlers", "cases"):
        for each in getattr(of, part, ()):
            yield each
            yield from _statements(each)


def _named(statement: ast.AST) -> Iterator[str]:
    """Yield what an import names: modules, or what stands in them."""
    if isinstance(statement, ast.Import):
        yield from (alias.name for alias in statement.names)
    elif isinstance(statement, ast.ImportFrom) and statement.module and not statement.level:
        yield from (f"{statement.module}.{alias.name}" for alias in statement.names)


def _package(name: str) -> str:
    return name.partition(".")[0]


def _parent(name: str) -> str:
    return name.rpartition(".")[0]
