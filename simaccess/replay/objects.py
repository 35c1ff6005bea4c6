"""Objects of plain classes in compiled code.

In Python a class has its own slots; here an object is the address of a block whose fields are
where its layout (`simaccess.replay.layout`) says, so that a method compiles as it stands.

This module needs numba.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, cast

from llvmlite import ir
from numba import extending
from numba.core import typeconv, types
from numba.core.typing.templates import AttributeTemplate
from numba.extending import (
    infer_getattr,
    models,
    register_model,
)

from simaccess.replay.layout import (
    ARENA,
    QUEUE,
    TABLE,
    WIDTHS,
    Field,
    Layout,
    layout,
)

__all__ = [
    "Object",
    "Queue",
    "Table",
    "address_of",
    "element",
    "fields_of",
    "native",
    "number_at",
    "put_element",
    "put_word",
    "register",
    "seen_as",
    "type_of",
    "width_of",
    "word",
]

_WORD = ir.IntType(64)
_typeconv: Any = typeconv
_types: Any = types  # of which numba tells too little
_numba: Any = extending
_LAYOUTS: dict[str, Layout] = {"Arena": ARENA}


def native(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that says what code to emit, as numba calls it."""
    return cast("Callable[..., Any]", extending.intrinsic(function))


class Object(types.Type):
    """An object of a class: its address, 0 for none."""

    def __init__(self, cls: str) -> None:
        super().__init__(name=f"Object({cls})")
        self.cls = cls

    def can_convert_from(self, _context: Any, other: Any) -> Any:
        """None is an object, too."""
        return _typeconv.Conversion.safe if isinstance(other, types.NoneType) else None

    def unify(self, _context: Any, other: Any) -> Any:
        """As above."""
        return self if isinstance(other, types.NoneType) else None


class Queue(Object):
    """A queue, a list or a set of items of one kind."""

    def __init__(self, item: Field) -> None:
        super().__init__(f"[{item}]")
        self.item = item
        self.width = WIDTHS.get(item, 1)


class Table(Object):
    """A dict or a set, by ints."""

    def __init__(self, item: Field) -> None:
        super().__init__(f"{{{item}}}")
        self.item = item
        self.width = 1


def register(layouts: dict[str, Layout]) -> None:
    """Make classes known by their layouts."""
    _LAYOUTS.update(layouts)


def fields_of(cls: str) -> Layout:
    """Return the layout of a class."""
    return _LAYOUTS[cls]


def type_of(kind: Field) -> Any:
    """Return the type of a field."""
    if kind == "int":
        return types.int64
    if kind == "float":
        return types.float64
    if kind[0] == "{":
        return Table(kind[1:-1])
    return Queue(kind[1:-1]) if kind[0] == "[" else Object(kind)


@register_model(Object)
@register_model(Queue)
@register_model(Table)
class _Model(models.PrimitiveModel):
    """A word."""

    def __init__(self, manager: Any, of: Any) -> None:
        super().__init__(manager, of, _WORD)  # type: ignore[no-untyped-call]  # numba's own


_QUEUE: Final = layout(QUEUE[:4], arena="Arena")
_TABLE: Final = layout(TABLE[:5], arena="Arena")


def _field(of: Object, name: str) -> tuple[int, Field] | None:
    if isinstance(of, Table):
        return _TABLE.get(name)
    return (_QUEUE if isinstance(of, Queue) else _LAYOUTS[of.cls]).get(name)


@infer_getattr
class _Attributes(AttributeTemplate):
    """The types of fields."""

    key = Object

    def generic_resolve(  # type: ignore[override]  # as numba calls it
        self, of: Object, name: str
    ) -> Any:
        """Return the type of a field."""
        field = _field(of, name)
        return None if field is None else type_of(field[1])


def _pointer(context: Any, builder: Any, of: Any, address: Any, kind: Any) -> Any:
    del of
    return builder.inttoptr(address, context.get_value_type(kind).as_pointer())


def _slot(context: Any, builder: Any, of: Object, address: Any, name: str) -> tuple[Any, Any]:
    field = _field(of, name)
    assert field is not None
    place, kind = field
    there = builder.add(address, ir.Constant(_WORD, 8 * place))
    return _pointer(context, builder, of, there, type_of(kind)), type_of(kind)


def _get(context: Any, builder: Any, of: Any, address: Any, name: str) -> Any:
    return builder.load(_slot(context, builder, of, address, name)[0])


def _set(context: Any, builder: Any, signature: Any, arguments: Any, name: str) -> Any:
    of, given = signature.args
    address, value = arguments
    pointer, kind = _slot(context, builder, of, address, name)
    builder.store(context.cast(builder, value, given, kind), pointer)
    return context.get_dummy_value()


def _none(_context: Any, _builder: Any, _given: Any, _wanted: Any, _value: Any) -> Any:
    return ir.Constant(_WORD, 0)


_numba.lower_getattr_generic(Object)(_get)
_numba.lower_setattr_generic(Object)(_set)
_numba.lower_cast(types.NoneType, Object)(_none)


# -- memory by its address -------------------------------------------------------------------------


def _same(_context: Any, _builder: Any, _signature: Any, arguments: Any) -> Any:
    return arguments[0]


def seen_as(kind: Field) -> Callable[[int], Any]:
    """Return the compiled function that sees an object of some class at an address."""

    @native
    def see(_context: Any, address: Any) -> Any:  # noqa: ARG001  # numba looks at names
        return type_of(kind)(types.int64), _same

    return see


@native
def address_of(_context: Any, thing: Any) -> Any:
    """Return the address of an object."""
    return types.int64(thing), _same


def _loads(kind: Any) -> Any:
    def load(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load(_pointer(context, builder, None, arguments[0], kind))

    return load


@native
def word(_context: Any, address: Any) -> Any:  # noqa: ARG001  # numba looks at names
    """Return the word at an address."""
    return types.int64(types.int64), _loads(types.int64)


@native
def number_at(_context: Any, address: Any) -> Any:  # noqa: ARG001  # numba looks at names
    """Return the float at an address."""
    return types.float64(types.int64), _loads(types.float64)


@native
def put_word(_context: Any, address: Any, value: Any) -> Any:  # noqa: ARG001  # as above
    """Write the word at an address."""

    def store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        builder.store(arguments[1], _pointer(context, builder, None, arguments[0], types.int64))
        return context.get_constant_generic(builder, signature.return_type, None)

    return types.none(types.int64, types.int64), store


def _parts(queue: Queue) -> Any:
    """Return the type of a queue's items."""
    if queue.item == "pair":
        return _types.UniTuple(types.int64, 2)
    if queue.item == "batch":
        return _types.UniTuple(types.int64, 4)
    if queue.item == "rate":
        return _types.Tuple((types.int64, types.float64))
    return type_of(queue.item)


@native
def element(_context: Any, queue: Any, address: Any) -> Any:  # noqa: ARG001  # as above
    """Return the item of a queue at an address."""
    kind: Any = _parts(queue)

    def load(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        address = arguments[1]
        if queue.width == 1:
            return builder.load(_pointer(context, builder, None, address, kind))
        values = []
        for part in kind:
            values.append(builder.load(_pointer(context, builder, None, address, part)))
            address = builder.add(address, ir.Constant(_WORD, 8))
        return context.make_tuple(builder, kind, values)

    return kind(queue, types.int64), load


@native
def put_element(_context: Any, queue: Any, address: Any, value: Any) -> Any:  # noqa: ARG001
    """Write the item of a queue at an address."""
    kind: Any = _parts(queue)

    def store(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        _, address, value = arguments
        if queue.width > 1:
            for place, part in enumerate(kind):
                each = builder.extract_value(value, place)
                builder.store(each, _pointer(context, builder, None, address, part))
                address = builder.add(address, ir.Constant(_WORD, 8))
        else:
            builder.store(value, _pointer(context, builder, None, address, kind))
        return context.get_constant_generic(builder, signature.return_type, None)

    return types.none(queue, types.int64, kind), store


@native
def width_of(_context: Any, queue: Any) -> Any:
    """Return the words of a queue's items."""

    def width(_: Any, _builder: Any, _signature: Any, _arguments: Any) -> Any:
        return ir.Constant(_WORD, queue.width)

    return types.int64(queue), width
