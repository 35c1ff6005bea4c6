"""The rule that names cells on a loss threshold, fixed before anything is measured.

At the edge of a buffer a little more or less decides between a transfer without loss and one that
waits for a repair, so the times of such a cell are of two sorts, and no model is right about both.
With B the bottleneck's rate, R the round trip and Q the buffer in bytes, two bursts matter:

* Q: a burst that reaches the bottleneck faster than it drains, such as a window that was kept from
  the request before, overflows the buffer if it is larger;
* min(2 Q, Q + B R): in slow start a window is sent at twice the rate at which it drains, so that
  half of it queues, and a path holds no more than its product of rate and round trip and its
  buffer.

A cell is on a threshold where the bytes that it may have under way at once, those of all its
consumers together, are within a factor of `FACTOR` of one of the two. A cell that can have more
under way certainly loses, one that can have less certainly does not.
"""

from __future__ import annotations

from dataclasses import dataclass

from simaccess.errors import InputError
from simaccess.measured import Cell, assignments
from simaccess.quantities import parse_size

__all__ = ["FACTOR", "Path", "burst", "on_threshold"]

FACTOR = 1.5
"""How near to a threshold a cell is on it, as a ratio."""


@dataclass(frozen=True, slots=True)
class Path:
    """What is known of a path.

    Attributes
    ----------
    rate : float
        Bytes a second of its bottleneck.
    rtt : float
        Seconds of a round trip without a queue.
    buffer : int
        Bytes that may queue at the bottleneck.
    """

    rate: float
    rtt: float
    buffer: int

    @property
    def thresholds(self) -> tuple[float, float]:
        """The bursts in bytes at which losses begin."""
        return self.buffer, min(2 * self.buffer, self.buffer + self.rate * self.rtt)


def burst(cell: Cell) -> int:
    """Return the bytes that a cell may have under way at once.

    Raises
    ------
    InputError
        If the cell's settings are no sizes.
    """
    if cell.operation != "method":
        return cell.size * min(cell.depth, cell.count) * cell.consumers
    settings = assignments(cell.settings)[1]
    try:
        block = parse_size(settings["block"]) if "block" in settings else cell.size
        depth = int(settings.get("depth", "1"))
    except ValueError as error:
        raise InputError(str(error), key="settings", value=cell.settings) from None
    return block * depth * cell.consumers


def on_threshold(cell: Cell, path: Path) -> bool:
    """Say whether a cell is on one of a path's loss thresholds."""
    most = burst(cell)
    return any(edge / FACTOR <= most <= edge * FACTOR for edge in path.thresholds if edge)
