"""Run a work in every simulator, round by round: a machine that drifts does so for all."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from simulators.child import Child, SimulatorError
from simulators.registry import REFERENCE, Simulator
from simulators.state import State
from simulators.works import Work

__all__ = ["Field", "race"]

_SHORTEST = 0.05
"""A round's figure of a simulator is the median of as many runs as fit into so many seconds."""
_MOST = 15


def _check(name: str, title: str, got: dict[str, Any], expected: dict[str, Any]) -> None:
    """Refuse a model that does not do the work: its end, its accesses, or how long they took."""
    same = got["end"] == expected["end"] and got["count"] == expected["count"]
    # One simulator tells the mean of its latencies, a double, and not their sum.
    if not same or not math.isclose(got["total"], expected["total"], rel_tol=1e-12):
        told = [
            f"ends at {each['end']} ps after {each['count']} accesses of {each['total']} ps together"
            for each in (got, expected)
        ]
        raise SystemExit(f"{name}: {title} {told[0]}; plain SimPy {told[1]}")


class Field:
    """The simulators that race, each in a process of its own from its first work to its last."""

    def __init__(self, simulators: list[Simulator]) -> None:
        self._simulators = simulators
        self._children: dict[str, Child] = {}

    def first(self, work: Work) -> tuple[list[Child], dict[str, Any]]:
        """Run a work once in each, and return those that can, and what they gave or why not.

        The first run in a process is a figure of its own: there compilers compile.
        """
        able, answers = [], {}
        for simulator in self._simulators:
            key = simulator.key
            if simulator.reason(work) is not None:
                continue
            try:
                if key not in self._children:
                    self._children[key] = Child(simulator)
                answers[key] = self._children[key].run(work)
                answers[key]["import"] = self._children[key].start["import"]
                able.append(self._children[key])
            except SimulatorError as error:
                if key == REFERENCE:
                    raise
                answers[key] = {"failed": str(error)}
                if child := self._children.pop(key, None):
                    child.close()
        return able, answers

    def close(self) -> None:
        """End the processes."""
        for child in self._children.values():
            child.close()


def race(
    name: str,
    work: Work,
    field: Field,
    *,
    rounds: int,
    state: State,
    report: Callable[[str], None],
) -> None:
    """Run the rounds of a work that the state does not have yet.

    Parameters
    ----------
    name : str
        What the work is called.
    work : Bus or Engines
        The work.
    field : Field
        Those who race.
    rounds : int
        How many.
    state : State
        Gets a step for the first runs and one for every round.
    report : callable
        Is told what is done.
    """
    wanted = [number for number in range(rounds) if f"{name}: round {number}" not in state.steps]
    if not wanted:
        return
    children, first = field.first(work)
    expected = first[REFERENCE]
    repeats = {}
    for child in children:
        simulator = child.simulator
        _check(name, f"{simulator.title}, {simulator.idiom},", first[simulator.key], expected)
        warm = child.run(work)["seconds"]
        repeats[simulator.key] = max(1, min(_MOST, int(_SHORTEST / max(warm, 1e-6))))
    if f"{name}: first" not in state.steps:
        state.keep(f"{name}: first", first)
    for number in wanted:
        times = {}
        turn = number % len(children)
        for child in children[turn:] + children[:turn]:
            key = child.simulator.key
            answer = child.run(work, repeats[key])
            _check(name, key, answer, expected)
            times[key] = answer["seconds"]
        state.keep(f"{name}: round {number}", times)
        report(f"{name}: round {number + 1} of {rounds}")
