"""From methods of plain classes to functions that numba compiles: the code stays the classes' own.

numba compiles functions of numbers; the methods of `simaccess.sim.sender` and the like are that but
for what is written as Python has it: calls of methods, deques, None, properties, keywords. Here
their source is read and those are put into functions' calls: ``self._use.note(control, held=held)``
becomes ``WindowUse__note(self._use, control, held)``. Nothing else changes, no arithmetic and no
order, so that what a replay does to a packet is written once.

Which class an expression is of is told by names: `Classes.names` says that whatever is called
``control`` or ``_control`` is a congestion control, and so on; the classes keep to such names. What
cannot be told, or is not known, is an error when the module is loaded.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterable
from dataclasses import dataclass, field
from types import FunctionType, ModuleType

from simaccess.replay.class_table import Classes, ClassTable, Method, parameters
from simaccess.replay.method_body import Body

__all__ = ["Translation", "translated"]


@dataclass(frozen=True)
class Translation:
    """A function as numba takes it.

    Attributes
    ----------
    name : str
        Its name, ``Class__method``.
    source : ast.FunctionDef
        Its code.
    module : ModuleType
        Whose global names it knows.
    constants : dict of str to object
        Further names.
    """

    name: str
    source: ast.FunctionDef
    module: ModuleType
    constants: dict[str, object] = field(default_factory=dict)

    def function(self) -> FunctionType:
        """Return the function, whose global names are its own."""
        module = ast.fix_missing_locations(ast.Module([self.source], []))
        known = {**vars(self.module), **self.constants}
        exec(compile(module, self.module.__file__ or "", "exec"), known)
        function = known[self.name]
        assert isinstance(function, FunctionType)
        return function


def _parsed(source: str) -> ast.FunctionDef:
    (tree,) = ast.parse(source).body
    assert isinstance(tree, ast.FunctionDef)
    return tree


class _Translator:
    """Translates all methods that a table knows."""

    def __init__(self, table: ClassTable) -> None:
        self._table = table

    def all(self) -> Iterable[Translation]:
        """Translate everything."""
        for name, methods in self._table.methods.items():
            for method in methods.values():
                key = method.tree.name
                made = key == "__init__" and name in self._table.given.makers
                if f"{name}.{key}" in self._table.given.kept or (key.startswith("__") and not made):
                    continue
                if method.only_raises:
                    continue
                yield self._translate(method, self._table.modules[name])
                if made:
                    yield self._maker(method, self._table.modules[name])
        for method in self._table.functions.values():
            module = inspect.getmodule(method.function)
            assert module is not None
            yield self._translate(method, module)
        for union in self._table.given.unions:
            yield from self._choices(union)

    def _translate(self, method: Method, module: ModuleType) -> Translation:
        body = Body(self._table, method)
        return Translation(method.name, body.translate(), module, body.constants)

    def _maker(self, method: Method, module: ModuleType) -> Translation:
        """Return the function that makes an object: its room, then ``__init__``."""
        names = [each.arg for each in parameters(method.tree.args)][1:]
        owner = method.owner
        source = (
            f"def {owner}__new(arena, {', '.join(names)}):\n"
            f"    self = {owner}__room(arena)\n"
            f"    {method.name}(self, {', '.join(names)})\n"
            "    return self\n"
        )
        return Translation(f"{owner}__new", _parsed(source), module)

    def _choices(self, union: str) -> Iterable[Translation]:
        """Return the functions that ask for an object's kind."""
        keys = {
            key
            for member in self._table.given.unions[union]
            for owner in self._table.lineage(member.__name__)
            for key in self._table.methods[owner]
            if not key.startswith("__")
        }
        for key in sorted(keys):
            found = self._table.of_union(union, key)
            if not found:
                continue
            names = [each.arg for each in parameters(found[0][1].tree.args)]
            lines = [f"def {union}__{key}({', '.join(names)}):"]
            by_method: dict[str, list[int]] = {}
            for kind, method in found:
                by_method.setdefault(method.name, []).append(kind)
            *first, last = by_method
            for name in first:
                asked = " or ".join(f"self.kind == {kind}" for kind in by_method[name])
                lines.append(f"    if {asked}:")
                lines.append(f"        return {name}({', '.join(names)})")
            lines.append(f"    return {last}({', '.join(names)})")
            yield Translation(
                f"{union}__{key}",
                _parsed("\n".join(lines)),
                self._table.modules[found[0][1].owner],
            )


def translated(classes: Classes) -> list[Translation]:
    """Translate everything."""
    return list(_Translator(ClassTable(classes)).all())
