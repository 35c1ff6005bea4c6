"""What calls of a shared shadow do after another one has failed among its operations."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.operations import AWAIT, FETCH, FLUSH, LOCAL, Operation

SIZE = 1000


def shared() -> CopyOnce:
    method = CopyOnce(FixedBlocks(100), 4)
    method.share()
    return method


def started(operations: Any) -> Generator[Operation, None, None]:
    """Return a call's operations, as the generator that they are for a shared shadow."""
    assert isinstance(operations, Generator)
    return operations


def fail(method: CopyOnce, call: Generator[Operation, None, None], operation: Operation) -> None:
    call.close()
    method.abandon(operation[1:2])


def test_a_copy_back_that_failed_is_made_again_by_whoever_waited_for_it() -> None:
    method = shared()
    list(method.write(0, 10, SIZE))
    first, second = started(method.sync()), started(method.sync())
    flush = next(first)
    assert flush == (FLUSH, 0, 0, 10, 0)
    assert next(second) == (AWAIT, 0)
    fail(method, first, flush)
    assert [operation for operation in second if operation[0] != AWAIT] == [flush]
    assert list(method.sync()) == []


def test_a_write_under_way_outlives_the_failure_of_a_copy_beside_it() -> None:
    method = shared()
    writer = started(method.write(50, 10, SIZE))
    assert next(writer) == (LOCAL, 0, 50, 10)
    reader = started(method.read(0, 5, SIZE))
    fetch = next(reader)
    assert fetch == (FETCH, 0, 0, 50, 0)
    fail(method, reader, fetch)
    assert list(writer) == []
    operations = [*method.read(50, 10, SIZE), *method.read(0, 100, SIZE)]
    fetched = [operation for operation in operations if operation[0] == FETCH]
    assert fetched
    assert all(offset + length <= 50 or offset >= 60 for _, _, offset, length, _ in fetched)
    assert next(operation for operation in method.sync() if operation[0] == FLUSH)[2:4] == (50, 10)


def test_a_call_that_fails_lets_go_of_what_it_had_pinned_and_of_nothing_else() -> None:
    method = shared()
    reader, other = (started(method.read(50, 200, SIZE)) for _ in range(2))
    first, second = next(reader), next(reader)
    assert (first[0], second[0]) == (FETCH, FETCH)
    next(other)
    assert [slot.pins for slot in method.shadow.held.values()] == [2, 2, 1]
    fail(method, reader, second)
    assert [slot.pins for slot in method.shadow.held.values()] == [1, 1, 1]
    assert sum(operation[-1] for operation in other if operation[0] == LOCAL) == 200
    assert not any(slot.pins for slot in method.shadow.held.values())
