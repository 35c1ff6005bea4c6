"""Compiled code on disk is that of the text that is there."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from inspect import getclosurevars
from types import FunctionType
from typing import Any

import pytest

pytest.importorskip("numba")

from simaccess.replay import compiled
from simaccess.replay.compiled import made_of, stamp_of

ENTRIES = {
    "fifo_link": "replay_lanes",
    "memory_bus": "replay_memory",
    "pci_bus": "replay_bus",
    "wan_link": "replay_wan",
}


def compiled_into(function: FunctionType) -> Iterator[FunctionType]:
    """Go through the functions that one calls, by whatever name, and those that they call."""
    seen: set[Any] = set()
    ahead: list[Any] = [function]
    while ahead:
        each = ahead.pop()
        each = getattr(each, "py_func", each)
        if not isinstance(each, FunctionType) or each in seen:
            continue
        seen.add(each)
        yield each
        names = getclosurevars(each)
        ahead += [*names.globals.values(), *names.nonlocals.values()]


@pytest.mark.parametrize(("module", "entry"), ENTRIES.items())
def test_a_stamp_covers_all_that_is_compiled(module: str, entry: str) -> None:
    name = f"simaccess.replay.{module}"
    replays = getattr(import_module(name), entry)
    covered = made_of(name)
    modules = {each.__module__ for each in compiled_into(replays.py_func)}
    assert len(modules) > 3
    assert modules <= set(covered)


@pytest.mark.parametrize("module", ["simaccess.replay.queues", "simaccess.sim.cubic_law"])
def test_a_stamp_is_another_one_where_a_text_is(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    entry = "simaccess.replay.wan_link"
    import_module(entry)
    before = stamp_of(entry)
    assert stamp_of(entry) == before
    text = compiled._text
    monkeypatch.setattr(
        compiled, "_text", lambda each: text(each) + (b"#" if each == module else b"")
    )
    assert stamp_of(entry) != before
