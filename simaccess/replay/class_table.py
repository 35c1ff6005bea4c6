"""What a translation knows of plain classes: their methods, properties, constants and lineage."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from types import FunctionType, ModuleType
from typing import Any

from simaccess.replay.layout import Layout

__all__ = ["ClassTable", "Classes", "Method", "is_text", "parameters"]


@dataclass(frozen=True)
class Classes:
    """What there is to translate.

    Attributes
    ----------
    classes : tuple of type
        The classes, those that inherit behind what they inherit from.
    functions : tuple of callable
        Functions of modules that they call.
    names : mapping of str to str
        The class of whatever has a name; of a queue, ``[item]``.
    layouts : mapping of str to Layout
        The fields of objects, by class.
    unions : mapping of str to tuple of type
        Classes that are laid out as one, whose ``kind`` says which of them an object is of.
    tags : mapping of str to int
        The numbers that stand for strings.
    makers : mapping of str to str
        For each class of which objects are made: where a method finds the arena.
    kept : mapping of str to str
        ``Class.method`` that are not translated, and the functions that are called instead;
        ``[item].method`` is of queues of such items.
    """

    classes: tuple[type, ...]
    functions: tuple[Callable[..., Any], ...]
    names: Mapping[str, str]
    layouts: Mapping[str, Layout]
    unions: Mapping[str, tuple[type, ...]]
    tags: Mapping[str, int]
    makers: Mapping[str, str]
    kept: Mapping[str, str]


def parameters(arguments: ast.arguments) -> list[ast.arg]:
    """Return parameters, those by keyword only among them."""
    return [*arguments.args, *arguments.kwonlyargs]


def is_text(statement: ast.stmt) -> bool:
    """Say whether a statement is a documentation string."""
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _tree(function: Callable[..., Any]) -> ast.FunctionDef:
    (tree,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(tree, ast.FunctionDef)
    ast.increment_lineno(tree, function.__code__.co_firstlineno - 1)
    return tree


@dataclass(frozen=True)
class Method:
    """A method of a class, or a function.

    Attributes
    ----------
    owner : str
        The class; empty for a function.
    function : callable
        Itself.
    tree : ast.FunctionDef
        Its source.
    """

    owner: str
    function: Callable[..., Any]
    tree: ast.FunctionDef

    @property
    def name(self) -> str:
        """The name of its translation."""
        return f"{self.owner}__{self.tree.name}" if self.owner else self.tree.name

    @property
    def only_raises(self) -> bool:
        """Whether it only says that it is to be overridden."""
        body = [each for each in self.tree.body if not is_text(each)]
        return bool(body) and isinstance(body[0], ast.Raise)

    def bound(self, call: ast.Call) -> list[tuple[ast.expr, str]]:
        """Return a call's arguments by place, defaults among them, and their annotations."""
        arguments = self.tree.args
        names = [each.arg for each in arguments.args]
        if self.owner:
            names = names[1:]
        given = dict(zip(names, call.args, strict=False))
        given |= {each.arg: each.value for each in call.keywords if each.arg is not None}
        defaults = dict(zip(reversed(names), reversed(arguments.defaults), strict=False))
        defaults |= {
            each.arg: value
            for each, value in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if value is not None
        }
        annotations = {each.arg: each.annotation for each in parameters(arguments)}
        named = {name: given.get(name, defaults.get(name)) for name in names}
        named |= {
            each.arg: given.get(each.arg, defaults.get(each.arg)) for each in arguments.kwonlyargs
        }
        bound = []
        for name, value in named.items():
            if value is None:
                raise NotImplementedError(f"{self.name}: no {name} in {ast.unparse(call)}")
            annotation = annotations[name]
            bound.append((value, "" if annotation is None else ast.unparse(annotation)))
        return bound


class ClassTable:
    """Everything that is known of some classes.

    Parameters
    ----------
    given : Classes
        The classes.

    Attributes
    ----------
    given : Classes
        As above.
    methods, properties, constants : dict
        By class.
    parents : dict of str to list of str
        What a class inherits from, nearest first.
    modules : dict of str to ModuleType
        Where it is defined.
    unions : dict of str to str
        The union that it is of.
    functions : dict of str to Method
        The functions of modules.
    """

    def __init__(self, given: Classes) -> None:
        self.given = given
        self.parents: dict[str, list[str]] = {}
        self.methods: dict[str, dict[str, Method]] = {}
        self.properties: dict[str, set[str]] = {}
        self.constants: dict[str, dict[str, Any]] = {}
        self.modules: dict[str, ModuleType] = {}
        for each in given.classes:
            self._learn(each)
        self.unions = {
            name: union
            for union, members in given.unions.items()
            for member in members
            for name in self.lineage(member.__name__)
        } | {union: union for union in given.unions}
        self.functions = {each.__name__: Method("", each, _tree(each)) for each in given.functions}

    def _learn(self, each: type) -> None:
        name = each.__name__
        self.parents[name] = [base.__name__ for base in each.__mro__[1:]]
        self.methods[name], self.properties[name], self.constants[name] = {}, set(), {}
        module = inspect.getmodule(each)
        assert module is not None
        self.modules[name] = module
        for key, value in vars(each).items():
            function = value.fget if isinstance(value, property) else value
            if isinstance(function, FunctionType) and not inspect.iscoroutinefunction(function):
                self.methods[name][key] = Method(name, function, _tree(function))
                if isinstance(value, property):
                    self.properties[name].add(key)
            elif not key.startswith("__") and isinstance(value, int | float | tuple):
                self.constants[name][key] = value

    def lineage(self, name: str) -> Iterable[str]:
        """Return a class and what it inherits from, as far as they are known."""
        return [each for each in (name, *self.parents.get(name, ())) if each in self.methods]

    def find(self, name: str, key: str) -> Method | None:
        """Return a method of a class, perhaps inherited."""
        for each in self.lineage(name):
            if key in self.methods[each]:
                return self.methods[each][key]
        return None

    def has_property(self, name: str | None, key: str) -> bool:
        """Say whether a class has such a property."""
        found = name is not None and self.find(name, key)
        return bool(found) and key in self.properties[found.owner]  # type: ignore[union-attr]

    def of_union(self, union: str, key: str) -> list[tuple[int, Method]]:
        """Return a method of each kind of a union that has it."""
        found = []
        for kind, member in enumerate(self.given.unions[union]):
            method = self.find(member.__name__, key)
            if method is not None and not method.only_raises:
                found.append((kind, method))
        return found
