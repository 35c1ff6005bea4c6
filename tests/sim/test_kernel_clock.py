from __future__ import annotations

import pytest

from simaccess.sim.kernel_clock import JIFFY, rings_after


@pytest.mark.parametrize(
    ("jiffies", "more", "late"),
    [(10, 0, 0.5), (1.5, 2, 1.0), (62, 0, 0.5), (63, 0, 4), (503, 0, 4), (504, 0, 32)],
)
def test_a_timer_is_late_by_half_a_slot(jiffies: float, more: int, late: float) -> None:
    rings = rings_after(int(jiffies * JIFFY), more)
    assert rings == int((jiffies + more + late) * JIFFY)
