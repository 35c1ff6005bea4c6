"""One method of a plain class as a function that numba compiles."""

from __future__ import annotations

import ast
import copy
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NoReturn

from simaccess.replay.class_table import ClassTable, Method, is_text, parameters
from simaccess.replay.layout import NOTHING, Layout

__all__ = ["Body"]

_QUEUES: Final[Mapping[str, str]] = {
    name: name
    for name in (
        *("append", "popleft", "pop", "clear", "remove", "add"),
        *("get", "move_to_end", "bit_count", "bit_length"),
    )
} | {"discard": "remove", "popitem": "drop_first"}
"""The methods of deques, lists, sets, dicts and ints, and the functions that stand for them."""


def is_none(value: ast.expr | None) -> bool:
    return isinstance(value, ast.Constant) and value.value is None


def named(name: str) -> ast.Name:
    return ast.Name(name, ast.Load())


def call(name: str, arguments: Sequence[ast.expr]) -> ast.Call:
    return ast.Call(named(name), list(arguments), [])


def _built_in(name: str, arguments: Sequence[ast.expr]) -> ast.Call:
    """Return a call of a function of `simaccess.replay.queues`."""
    return call(f"queues__{name}", arguments)


def nothing_as(value: ast.expr, annotation: str) -> ast.expr:
    """Return an expression; None as what the annotation says."""
    if not is_none(value) or not annotation:
        return value
    kind = annotation.split(" | ", maxsplit=1)[0]
    if kind in ("int", "bool"):
        return named("NOTHING")
    return call(f"no_{kind}", [])


def _is_whole(value: ast.expr) -> bool:
    """Say whether an argument is an int that is written out, a named one or a truth value."""
    if isinstance(value, ast.Name):
        return value.id.isupper()
    return isinstance(value, ast.Constant) and isinstance(value.value, int)


class Body(ast.NodeTransformer):
    """Translates one method.

    Parameters
    ----------
    known : ClassTable
        All classes.
    method : Method
        What to translate.

    Attributes
    ----------
    constants : dict of str to object
        Names that the function knows beside those of its module.
    """

    def __init__(self, known: ClassTable, method: Method) -> None:
        self._known = known
        self._given = known.given
        self._method = method
        self._tree = copy.deepcopy(method.tree)
        self._loops = 0
        self.constants: dict[str, object] = {"NOTHING": NOTHING}

    def refuse(self, node: ast.AST, why: str) -> NoReturn:
        """Say what cannot be translated."""
        raise NotImplementedError(f"{self._method.name}: {why}: {ast.unparse(node)}")

    def translate(self) -> ast.FunctionDef:
        """Return the method as a function."""
        tree = self._tree
        arguments = [ast.arg(each.arg) for each in parameters(tree.args)]
        body = [statement for each in tree.body for statement in self._statements(each)]
        tree.name = self._method.name
        tree.args = ast.arguments([], arguments, None, [], [], None, [])
        tree.body = body or [ast.Pass()]
        tree.decorator_list = []
        tree.returns = None
        return tree

    def _statements(self, statement: ast.stmt) -> list[ast.stmt]:
        if is_text(statement):
            return []
        made = self.visit(statement)
        return made if isinstance(made, list) else [made]

    # -- of which class something is ---------------------------------------------------------------

    def _class(self, node: ast.expr) -> str | None:
        if isinstance(node, ast.Name):
            return self._method.owner if node.id == "self" else self._given.names.get(node.id)
        if isinstance(node, ast.Attribute):
            return self._given.names.get(node.attr)
        if isinstance(node, ast.Subscript):
            of = self._class(node.value)
            return of[1:-1] if of is not None and of[0] in "[{" else None
        if isinstance(node, ast.IfExp):
            return self._class(node.body)
        return None

    # -- statements --------------------------------------------------------------------------------

    def visit_Assert(self, _: ast.Assert) -> list[ast.stmt]:
        """Leave out what only says what is known."""
        return []

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.stmt:
        """Leave out the annotation, but for None."""
        assert node.value is not None
        value = node.value
        if isinstance(node.target, ast.Name):
            value = nothing_as(value, ast.unparse(node.annotation))
        return self.visit_Assign(ast.Assign([node.target], value))  # type: ignore[no-any-return]

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Write None as the field has it, items of tables, and empty lists."""
        target = node.targets[0]
        if any(isinstance(each, ast.Subscript) for each in node.targets):
            return self._put(node)
        if isinstance(node.value, ast.List) and not node.value.elts:
            assert isinstance(target, ast.Attribute)
            queue = ast.Attribute(target.value, target.attr, ast.Load())
            return ast.Expr(_built_in("clear", [self.visit(queue)]))
        if is_none(node.value) and isinstance(target, ast.Attribute):
            kinds = {of[target.attr][1] for of in self._given.layouts.values() if target.attr in of}
            if kinds <= {"int"}:
                node.value = named("NOTHING")
            elif all(kind[0] == "[" for kind in kinds):  # a queue that is not there is an empty one
                queue = ast.Attribute(target.value, target.attr, ast.Load())
                return ast.Expr(_built_in("clear", [self.visit(queue)]))
            return node
        return self.generic_visit(node)

    def _put(self, node: ast.Assign) -> list[ast.stmt]:
        """Put a value into a table, perhaps under a name as well."""
        made: list[ast.stmt] = []
        value = self.visit(node.value)
        names = [each for each in node.targets if isinstance(each, ast.Name)]
        if names:
            made.append(ast.Assign([*names], value))
            value = named(names[0].id)
        for each in node.targets:
            if isinstance(each, ast.Subscript):
                made.append(ast.Expr(_built_in("put", [*self._place(each), value])))
            elif not isinstance(each, ast.Name):
                self.refuse(node, "an item and something else")
        return made

    def _place(self, node: ast.Subscript) -> list[ast.expr]:
        return [self.visit(node.value), self.visit(node.slice)]

    def visit_Delete(self, node: ast.Delete) -> list[ast.stmt]:
        """Take items out."""
        made: list[ast.stmt] = []
        for each in node.targets:
            if not isinstance(each, ast.Subscript):
                self.refuse(node, "no item")
            made.append(ast.Expr(_built_in("drop", self._place(each))))
        return made

    def visit_For(self, node: ast.For) -> Any:
        """Go through a queue by its places."""
        if isinstance(node.iter, ast.Call) and ast.unparse(node.iter.func) == "range":
            return self.generic_visit(node)
        self._loops += 1
        number, queue = f"number_{self._loops}", f"queue_{self._loops}"
        iterated = self.visit(node.iter)
        body = [made for each in node.body for made in self._statements(each)]
        taken = ast.Assign([node.target], _built_in("at", [named(queue), named(number)]))
        count = ast.Attribute(named(queue), "count", ast.Load())
        return [
            ast.Assign([ast.Name(queue, ast.Store())], iterated),
            ast.For(
                target=ast.Name(number, ast.Store()),
                iter=call("range", [count]),
                body=[taken, *body],
                orelse=[made for each in node.orelse for made in self._statements(each)],
            ),
        ]

    def visit_If(self, node: ast.If) -> Any:
        """Ask whether something counts as true."""
        node.test = self._asked(node.test)
        node.body = [made for each in node.body for made in self._statements(each)]
        node.orelse = [made for each in node.orelse for made in self._statements(each)]
        return node

    def visit_While(self, node: ast.While) -> Any:
        """Ask as `visit_If` does."""
        return self.visit_If(node)  # type: ignore[arg-type]  # it has the same parts

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        """Ask as `visit_If` does."""
        node.test = self._asked(node.test)
        node.body, node.orelse = self.visit(node.body), self.visit(node.orelse)
        return node

    def _asked(self, node: ast.expr) -> ast.expr:
        """Return an expression of which only its truth counts."""
        if isinstance(node, ast.BoolOp):
            node.values = [self._asked(each) for each in node.values]
            return node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            node.operand = self._asked(node.operand)
            return node
        made: ast.expr = self.visit(node)
        if isinstance(node, ast.Compare):
            return made
        return _built_in("true", [made])

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        """Ask as `visit_If` does what is negated."""
        return self._asked(node) if isinstance(node.op, ast.Not) else self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        """Ask as `visit_If` does, but for the last value, which may count."""
        *first, last = node.values
        if all(self._decides(each) for each in first):
            node.values = [*(self._asked(each) for each in first), self.visit(last)]
            return node
        return self.generic_visit(node)

    def _decides(self, node: ast.expr) -> bool:
        """Say whether an expression is a truth value."""
        if isinstance(node, ast.BoolOp):
            return all(self._decides(each) for each in node.values)
        return isinstance(node, ast.Compare) or (
            isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)
        )

    # -- expressions -------------------------------------------------------------------------------

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        """Put numbers for strings, and for None where an int may be."""
        if isinstance(node.value, str):
            if node.value not in self._given.tags:
                self.refuse(node, "no tag")
            return ast.Constant(self._given.tags[node.value])
        return named("NOTHING") if node.value is None else node

    def visit_Compare(self, node: ast.Compare) -> Any:
        """Put functions for ``is None`` and for ``in``; a named constant is what equals it."""
        (operator, *more), (right, *_) = node.ops, node.comparators
        if isinstance(operator, ast.Is | ast.IsNot) and is_none(right):
            made: ast.expr = _built_in("absent", [self.visit(node.left)])
            if isinstance(operator, ast.IsNot):
                made = ast.UnaryOp(ast.Not(), made)
            return made
        if isinstance(operator, ast.Is) and isinstance(right, ast.Name) and right.id.isupper():
            node.ops = [ast.Eq()]
        if isinstance(operator, ast.In | ast.NotIn) and not more:
            if isinstance(right, ast.Tuple):
                made = ast.BoolOp(
                    ast.Or(),
                    [
                        ast.Compare(self.visit(node.left), [ast.Eq()], [self.visit(each)])
                        for each in right.elts
                    ],
                )
            else:
                made = _built_in("contains", [self.visit(right), self.visit(node.left)])
            return made if isinstance(operator, ast.In) else ast.UnaryOp(ast.Not(), made)
        return self.generic_visit(node)

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        """Divide as Python does."""
        self.generic_visit(node)
        return (
            _built_in("quotient", [node.left, node.right]) if isinstance(node.op, ast.Div) else node
        )

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        """Take an item of a queue."""
        inner = isinstance(node.value, ast.Subscript)
        self.generic_visit(node)
        return node if inner else _built_in("item", [node.value, node.slice])

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        """Call properties, and put constants for those of a class."""
        of = self._class(node.value)
        value = self.visit(node.value)
        if isinstance(node.ctx, ast.Load) and of is not None:
            if self._known.has_property(of, node.attr):
                return self._called(of, node.attr, [value], node)
            if node.attr not in self._layout(of):
                for each in self._known.lineage(of):
                    if node.attr in self._known.constants[each]:
                        name = f"{each}__{node.attr}"
                        self.constants[name] = self._known.constants[each][node.attr]
                        return named(name)
        return ast.Attribute(value, node.attr, node.ctx)

    def _layout(self, of: str) -> Layout:
        return self._given.layouts.get(self._known.unions.get(of, of), {})

    def visit_Call(self, node: ast.Call) -> Any:  # noqa: PLR0911  # one for each way
        """Call functions in place of methods."""
        function = node.func
        if isinstance(function, ast.Attribute):
            return self._method_call(node, function)
        assert isinstance(function, ast.Name)
        name = function.id
        if name == "len":
            return _built_in("length", [self.visit(node.args[0])])
        if name == "next":
            return self._next(node.args[0])
        if name == "insort":
            return _built_in("insert_by_original", [self.visit(each) for each in node.args])
        if name == "min" and len(node.args) == 1:
            return _built_in("least", [self.visit(node.args[0])])
        if name == "bool":
            return _built_in("true", [self.visit(node.args[0])])
        if name in self._given.makers:
            method = self._known.methods[name]["__init__"]
            arena = ast.parse(self._given.makers[name], mode="eval").body
            arguments = self._passed(method.bound(node))
            return call(f"{name}__new", [arena, *arguments])
        if name in self._known.functions:
            return call(name, self._passed(self._known.functions[name].bound(node)))
        return self.generic_visit(node)

    def _next(self, of: ast.expr) -> ast.expr:
        """Return what comes next: a number that was drawn, or the first of a table."""
        if not (isinstance(of, ast.Call) and ast.unparse(of.func) == "iter"):
            return _built_in("draw", [self.visit(of)])
        (over,) = of.args
        if isinstance(over, ast.Call) and isinstance(over.func, ast.Attribute):
            if over.func.attr != "items":
                self.refuse(of, "neither keys nor items")
            return _built_in("first_item", [self.visit(over.func.value)])
        return _built_in("first_key", [self.visit(over)])

    def _method_call(self, node: ast.Call, function: ast.Attribute) -> ast.expr:
        key, on = function.attr, function.value
        if ast.unparse(on) == "super()":
            for parent in self._known.parents[self._method.owner]:
                if key in self._known.methods.get(parent, {}):
                    method = self._known.methods[parent][key]
                    arguments = self._passed(method.bound(node))
                    return call(method.name, [named("self"), *arguments])
            self.refuse(node, "no such method above")
        of = self._class(on)
        receiver = self.visit(on)
        kept = self._given.kept.get(f"{of}.{key}")
        if kept is not None:
            return call(kept, [receiver, *(self.visit(each) for each in node.args)])
        if of is not None and of[0] not in "[{":
            found = self._signature(of, key)
            if found is None:
                self.refuse(node, f"{of} has no such method")
            arguments = self._passed(found.bound(node))
            return self._called(of, key, [receiver, *arguments], node)
        if key not in _QUEUES:
            self.refuse(node, "of no known class")
        if key == "pop" and node.args:
            if len(node.args) > 1:
                return _built_in("take", [receiver, self.visit(node.args[0])])
            if ast.unparse(node.args[0]) != "0":
                self.refuse(node, "neither end")
            return _built_in("popleft", [receiver])
        return _built_in(_QUEUES[key], [receiver, *(self.visit(each) for each in node.args)])

    def _signature(self, of: str, key: str) -> Method | None:
        union = self._known.unions.get(of, of)
        if union in self._given.unions:
            found = self._known.of_union(union, key)
            return found[0][1] if found else None
        return self._known.find(of, key)

    def _passed(self, arguments: Iterable[tuple[ast.expr, str]]) -> list[ast.expr]:
        """Return arguments; numba would compile a function anew for each constant."""
        made: list[ast.expr] = [self.visit(nothing_as(*each)) for each in arguments]
        return [_built_in("whole", [each]) if _is_whole(each) else each for each in made]

    def _called(self, of: str, key: str, arguments: Sequence[ast.expr], node: ast.AST) -> ast.expr:
        union = self._known.unions.get(of, of)
        if union in self._given.unions:
            return call(f"{union}__{key}", arguments)
        method = self._known.find(of, key)
        if method is None:
            self.refuse(node, f"{of} has no {key}")
        return call(method.name, arguments)
