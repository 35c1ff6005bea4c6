"""Methods of plain classes do compiled what they do in Python."""

from __future__ import annotations

import ast
import inspect
from collections import OrderedDict, deque
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from simaccess.replay import memory_layout
from simaccess.replay.class_table import Classes
from simaccess.replay.compiled import compiled
from simaccess.replay.layout import ARENA, NOTHING, Image, layout
from simaccess.replay.translation import translated
from simaccess.replay.wan_layout import CLASSES, LAYOUTS


class Item:
    """Something in a queue."""

    def __init__(self, size: int) -> None:
        self.size = size


class Counter:
    """Written as the senders are."""

    step = 2.5

    def __init__(self) -> None:
        self.items: deque[Item] = deque()
        self.since: int | None = None

    @property
    def total(self) -> int:
        """All sizes."""
        total = 0
        for item in self.items:
            total += item.size
        return total

    def take(self, most: int, *, since: int | None = None) -> float:
        """Take an item out if it is not too large."""
        if not self.items or self.items[-1].size > most:
            return 0.0
        self.since = since
        assert self.items
        return self.items.popleft().size / 3 * self.step + self.total

    def old(self) -> bool:
        """Say whether it has been used."""
        return self.since is not None and self.take(0, since=7) >= 0


def _given(**changes: Any) -> Classes:
    standard = {
        "classes": (Item, Counter),
        "functions": (),
        "names": {"items": "[Item]", "item": "Item"},
        "layouts": {"Item": layout(("size",)), "Counter": layout(("since",), items="[Item]")},
        "unions": {},
        "tags": {},
        "makers": {},
        "kept": {},
    }
    return Classes(**{**standard, **changes})


def test_calls_go_to_functions_and_none_is_a_number() -> None:
    made = {each.name: each for each in translated(_given())}
    source = {name: _text(each.source) for name, each in made.items()}
    assert "queues__quotient(queues__popleft(self.items).size, 3)" in source["Counter__take"]
    assert "Counter__total(self)" in source["Counter__take"]
    assert made["Counter__take"].constants["Counter__step"] == 2.5
    assert "not queues__absent(self.since) and Counter__take(self" in source["Counter__old"]
    assert "assert" not in source["Counter__take"]
    assert list(inspect.signature(made["Counter__take"].function()).parameters) == [
        "self",
        "most",
        "since",
    ]


def _text(tree: ast.AST) -> str:
    return ast.unparse(ast.fix_missing_locations(tree))


def test_what_is_of_no_known_class_is_refused() -> None:
    class Odd:
        def go(self) -> None:
            self.unknown.run()  # type: ignore[attr-defined]

    with pytest.raises(NotImplementedError, match=r"Odd__go: of no known class: self.unknown.run"):
        translated(_given(classes=(Odd,)))


def test_all_slots_of_the_senders_have_a_place() -> None:
    for cls in CLASSES.classes:
        slots = set(vars(cls).get("__slots__", ())) - {"__dict__", "_ring", "_generator", "_mean"}
        name = {"Transmission": "Sender", "Batches": "Sender"}.get(cls.__name__, cls.__name__)
        assert slots <= set(LAYOUTS.get(name, slots)), cls


def test_an_image_holds_shared_objects_once() -> None:
    item, counter = Item(5), Counter()
    counter.items.extend((item, item))
    layouts = _given().layouts
    image = Image(layouts, lambda each: type(each).__name__, getattr, {})
    arena = Item(1)
    place = image.put(counter, arena)
    memory = image.memory()
    assert memory[place] == NOTHING
    queue = (memory[place + 1] - memory.ctypes.data) // 8
    first, second = memory[(memory[queue] - memory.ctypes.data) // 8 :][:2]
    assert first == second
    assert memory[queue + 3] == 2
    assert memory[(first - memory.ctypes.data) // 8] == 5


@settings(deadline=None)
@given(st.integers(0, (1 << 62) - 1), st.integers(1, 1 << 61))
@example(0, 1 << 61)
def test_quotients_are_those_of_python(one: int, other: int) -> None:
    queues = pytest.importorskip("simaccess.replay.queues")
    assert queues._quotient(one, other) == one / other


class Arena:
    """Where more room comes from."""

    def __init__(self) -> None:
        self.retired: list[tuple[int, int]] = []


class Holder:
    """Something that has a queue."""

    def __init__(self) -> None:
        self.items: deque[int] = deque()


def test_queues_are_deques() -> None:
    numba = pytest.importorskip("numba")
    arenas = pytest.importorskip("simaccess.replay.arena")
    objects = pytest.importorskip("simaccess.replay.objects")
    queues = pytest.importorskip("simaccess.replay.queues")
    see = objects.seen_as("[int]")

    def play(there: int, steps: Any, found: Any) -> int:
        queue = see(there)
        for number in range(len(steps)):
            if steps[number] >= 0:
                queues.append(queue, steps[number])
            elif queue.count:
                found[number] = queues.popleft(queue)
        left = queue.count
        arenas.discard(queue.arena)
        return int(left)

    layouts = {"Arena": ARENA, "Holder": layout((), items="[int]")}
    image = Image(
        layouts, lambda each: type(each).__name__, lambda each, name: getattr(each, name, 0), {}
    )
    place = image.put(Holder(), Arena())
    memory = image.memory()
    steps = np.random.default_rng(1).integers(-3, 5, 5000)
    found = np.zeros(len(steps), np.int64)
    left = numba.njit(play)(int(memory[place]), steps, found)
    expected: deque[int] = deque()
    for number, step in enumerate(steps):
        if step >= 0:
            expected.append(int(step))
        elif expected:
            assert found[number] == expected.popleft()
    assert left == len(expected)


class Keeper:
    """Written as caches are, with a table of numbers and one of objects."""

    def __init__(self) -> None:
        self.kept: OrderedDict[int, int] = OrderedDict()
        self.items: dict[int, Item] = {}

    def number(self, what: int, key: int, value: int) -> int:
        """Do something to the table of numbers; return what tells of it."""
        kept = self.kept
        if what == 0:
            kept[key] = value
        elif what == 1:
            return kept.get(key, -1)
        elif what == 2 and key in kept:
            del kept[key]
        elif what == 3 and key in kept:
            kept.move_to_end(key)
        elif what == 4 and len(kept) > 9:
            kept.popitem(last=False)
        elif what == 5 and kept:
            return next(iter(kept)) + kept[next(iter(kept))]
        return len(kept)

    def item(self, what: int, key: int, value: int) -> int:
        """Do something to the table of objects; return what tells of it."""
        items = self.items
        if what == 0:
            item = items[key] = Item(value)
            return item.size
        if what == 1:
            found = items.get(key)
            return -1 if found is None else found.size
        if what == 2 and key not in items:
            return -2
        if what == 2:
            del items[key]
        elif what == 3:
            taken = items.pop(key, None)
            if taken is not None:
                items[key] = taken
        elif what == 4 and items:
            first, found = next(iter(items.items()))
            return first + found.size
        return len(items)


def test_tables_are_ordered_dicts() -> None:
    numba = pytest.importorskip("numba")
    arenas = pytest.importorskip("simaccess.replay.arena")
    objects = pytest.importorskip("simaccess.replay.objects")
    queues = pytest.importorskip("simaccess.replay.queues")
    layouts = {
        "Arena": ARENA,
        "Item": layout(("size",)),
        "Keeper": layout((), kept="{int}", items="{Item}", arena="Arena"),
    }
    objects.register(layouts)
    given = _given(
        classes=(Item, Keeper), layouts=layouts, makers={"Item": "self.items.arena"}, names={}
    )
    made = {each.name: each.function() for each in translated(given)}
    names = {f"queues__{name}": getattr(queues, name) for name in queues.__all__}
    names |= {name: compiled(function, inline=False) for name, function in made.items()}
    names["Item__room"] = arenas.maker("Item")
    for function in made.values():
        function.__globals__.update(names)
    see, number, item = objects.seen_as("Keeper"), names["Keeper__number"], names["Keeper__item"]

    def play(there: int, steps: Any, found: Any) -> None:
        keeper = see(there)
        for place in range(len(steps)):
            what, key, value = steps[place]
            found[place, 0] = number(keeper, what, key, value)
            found[place, 1] = item(keeper, what, key, value)
        arenas.discard(keeper.arena)

    keeper, arena = Keeper(), Arena()
    image = Image(
        layouts,
        lambda each: type(each).__name__,
        lambda each, name: arena if name == "arena" else getattr(each, name, 0),
        {},
    )
    place = image.put(keeper, arena)
    memory = image.memory()
    generator = np.random.default_rng(1)
    steps = generator.choice([0, 0, 0, 1, 2, 3, 4, 5], (9000, 3))
    steps[:, 1] = generator.integers(-3, 60, 9000) << generator.choice([0, 40], 9000)
    found = np.zeros((len(steps), 2), np.int64)
    numba.njit(play)(memory.ctypes.data + 8 * place, steps, found)
    expected = [(keeper.number(*step), keeper.item(*step)) for step in steps.tolist()]
    assert found.tolist() == [list(pair) for pair in expected]


def test_all_slots_of_a_memory_bus_have_a_place() -> None:
    left_out = {"_generator", "_gap", "__dict__"}
    for cls in memory_layout.CLASSES.classes:
        slots = set(vars(cls).get("__slots__", ())) - left_out
        name = {"PrivateCaches": "Core", "FifoStation": "MemoryChannel"}.get(
            cls.__name__, cls.__name__
        )
        assert slots <= set(memory_layout.LAYOUTS[name]), cls
