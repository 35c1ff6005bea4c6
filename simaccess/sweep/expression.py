"""Constraints between axes: comparisons and arithmetic, and nothing that could do anything else.

``method.threshold <= method.block and model != 'WAN'`` is parsed by Python's own parser, and each
node of the tree must be one of those below; it is never compiled or evaluated as Python. Dotted
names are axes. Text that is a quantity, as in ``workload.length < '4 KiB'``, is its number in
seconds, hertz, bytes or bytes a second; other text is itself.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, TypeAlias

from simaccess.errors import InputError
from simaccess.refusal import did_you_mean
from simaccess.sweep.quantity import number_of

__all__ = ["Constraint", "constraint"]

Values: TypeAlias = Mapping[str, Any]
"""The number or the text of each name."""

_Node: TypeAlias = Callable[[Values], Any]

_ALLOWED = "names of axes, numbers, quoted quantities, + - * / // %, comparisons, and, or, not, in, min, max, abs"

_ARITHMETIC: dict[type[ast.AST], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_COMPARISONS: dict[type[ast.AST], Callable[[Any, Any], bool]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.In: lambda one, many: one in many,
    ast.NotIn: lambda one, many: one not in many,
}
_SIGNS: dict[type[ast.AST], Callable[[Any], Any]] = {
    ast.UAdd: operator.pos,
    ast.USub: operator.neg,
    ast.Not: operator.not_,
}
_FUNCTIONS: dict[str, Callable[..., Any]] = {"min": min, "max": max, "abs": abs}


class Constraint:
    """A constraint, ready to be asked.

    Attributes
    ----------
    text : str
        As it was written.
    names : frozenset of str
        The names in it.
    """

    def __init__(self, text: str, names: frozenset[str], node: _Node) -> None:
        self.text = text
        self.names = names
        self._node = node

    def __call__(self, values: Values) -> bool:
        """Return whether it holds.

        Raises
        ------
        InputError
            If it cannot be said, as of text divided by a number.
        """
        try:
            return bool(self._node(values))
        except (TypeError, ArithmeticError) as error:
            used = ", ".join(f"{name} = {values[name]!r}" for name in sorted(self.names))
            problem = f"cannot be told ({error})" + (f" of {used}" if used else "")
            allowed = "what can be told at every point"
            raise InputError(problem, None, "constraints", self.text, allowed) from None


def constraint(text: str, names: Iterable[str], truths: Collection[str] = ()) -> Constraint:
    """Read a constraint.

    Parameters
    ----------
    text : str
        What is to hold.
    names : iterable of str
        What it may name.
    truths : collection of str
        Those of them that are true or false.

    Raises
    ------
    InputError
        If it is no expression, has anything in it that is not allowed, or is a number or a text,
        of which nothing says whether it holds.
    """
    reader = _Reader(text, list(names))
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise reader.refused("not an expression") from None
    try:
        node = reader.read(tree.body)
        unclear = _unclear(tree.body, truths)
    except RecursionError:
        raise reader.refused("too deep") from None
    if unclear is not None:
        problem = f"{ast.unparse(unclear)} is neither true nor false"
        raise reader.refused(problem, "a comparison, as in 'workload.length <= method.block'")
    return Constraint(text, frozenset(reader.found), node)


def _unclear(node: ast.AST, truths: Collection[str]) -> ast.AST | None:
    """Return the part of a condition that is neither true nor false, if there is one."""
    match node:
        case ast.Compare() | ast.Constant(value=bool()):
            return None
        case ast.BoolOp(values=nodes):
            parts = (_unclear(each, truths) for each in nodes)
            return next((each for each in parts if each is not None), None)
        case ast.UnaryOp(op=ast.Not(), operand=inner):
            return _unclear(inner, truths)
    return None if ast.unparse(node) in truths else node


class _Reader:
    """Makes functions of the nodes of a tree."""

    def __init__(self, text: str, names: list[str]) -> None:
        self._text = text
        self._names = names
        self.found: set[str] = set()

    def refused(self, problem: str, allowed: object = _ALLOWED) -> InputError:
        return InputError(problem, key="constraints", value=self._text, allowed=str(allowed))

    def read(self, node: ast.AST) -> _Node:  # noqa: PLR0911  # one a sort of node
        match node:
            case ast.Constant(value=bool() | int() | float() as value):
                return lambda _values: value
            case ast.Constant(value=str() as text):
                quantity = number_of(text)
                given = text if quantity is None else quantity.number
                return lambda _values: given
            case ast.Name() | ast.Attribute():
                return self._name(node)
            case ast.BoolOp(op=op, values=nodes):
                parts = [self.read(each) for each in nodes]
                every = all if isinstance(op, ast.And) else any
                return lambda values: every(part(values) for part in parts)
            case ast.UnaryOp(op=op, operand=inner) if type(op) in _SIGNS:
                sign, of = _SIGNS[type(op)], self.read(inner)
                return lambda values: sign(of(values))
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _ARITHMETIC:
                do, one, other = _ARITHMETIC[type(op)], self.read(left), self.read(right)
                return lambda values: do(one(values), other(values))
            case ast.Compare():
                return self._compare(node)
            case ast.Tuple(elts=nodes) | ast.List(elts=nodes):
                many = [self.read(each) for each in nodes]
                return lambda values: [each(values) for each in many]
            case ast.Call(func=ast.Name(id=name), args=nodes, keywords=[]) if name in _FUNCTIONS:
                function, given_to = _FUNCTIONS[name], [self.read(each) for each in nodes]
                return lambda values: function(*(each(values) for each in given_to))
        raise self.refused(f"{ast.unparse(node)!r} is not allowed")

    def _name(self, node: ast.AST) -> _Node:
        name = ast.unparse(node)
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            raise self.refused(f"{name!r} is not allowed")
        if name not in self._names:
            problem = f"{name} is no axis" + did_you_mean(name, self._names)
            raise self.refused(problem, ", ".join(self._names))
        self.found.add(name)
        return lambda values: values[name]

    def _compare(self, node: ast.Compare) -> _Node:
        if any(type(op) not in _COMPARISONS for op in node.ops):
            raise self.refused(f"{ast.unparse(node)!r} is not allowed")
        sides = [self.read(each) for each in (node.left, *node.comparators)]
        steps = [_COMPARISONS[type(op)] for op in node.ops]

        def holds(values: Values) -> bool:
            left = sides[0](values)
            for step, side in zip(steps, sides[1:], strict=True):
                right = side(values)
                if not step(left, right):
                    return False
                left = right
            return True

        return holds
