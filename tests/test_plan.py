"""Plans: every cell of theirs can be run, and the link's traits decide which there are."""

from __future__ import annotations

import pytest

from simaccess.measured import held_out
from simaccess.plan import PLANS, Traits, plan
from simaccess.probe import task


@pytest.mark.parametrize("name", [*PLANS])
@pytest.mark.parametrize("segment", [1, 64, 1000, 5000, 300_001, 1 << 20, (1 << 26) + 3])
@pytest.mark.parametrize("cools", [False, True])
@pytest.mark.parametrize("patient", [False, True])
def test_every_cell_fits_the_segment(name: str, segment: int, cools: bool, patient: bool) -> None:
    cells = plan(name, Traits(segment, cools, writes=True, patient=patient)).cells
    assert len(set(cells)) == len(cells) > 0
    seen = set()
    for cell in cells:
        key = (cell.workload, cell.method, cell.settings)
        if cell.operation != "method" or key not in seen:
            seen.add(key)
            task(cell, segment)
    assert cools == any(cell.state == "cold" for cell in cells)
    assert cools == any(cell.state == "idle" for cell in cells)
    assert not any(cell.state == "steady" and cools for cell in cells if cell.depth > 1)


def test_what_the_link_cannot_do_is_not_planned() -> None:
    cells = plan("quick", Traits(1 << 24, cools=True, consumers=1)).cells
    assert {cell.operation for cell in cells} == {"load", "fetch", "method"}
    assert {cell.consumers for cell in cells} == {1}
    written = plan("quick", Traits(1 << 24, cools=True, writes=True)).cells
    assert {"store", "flush"} <= {cell.operation for cell in written}


def test_the_four_methods_compete_on_each_workload() -> None:
    for name in PLANS:
        cells = plan(name, Traits(1 << 24, cools=False)).cells
        methods: dict[str, set[str]] = {}
        for cell in cells:
            if cell.operation == "method":
                methods.setdefault(cell.workload, set()).add(cell.method)
        assert len(methods) == {"quick": 4, "full": 6}[name]
        assert all(len(each) == 4 for each in methods.values())


def test_a_plan_leaves_cells_of_each_class_to_fit_and_to_hold_out() -> None:
    cells = plan("quick", Traits(1 << 24, cools=True)).cells
    out = held_out(cells, 0.5)
    assert 0.3 < len(out) / len(cells) < 0.7
