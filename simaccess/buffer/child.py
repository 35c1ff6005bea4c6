"""A bulk copy that a buffer makes beside its caller, for the buffer stacked on it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Generator
from typing import Any

from simaccess.segment import Clock

__all__ = ["Child"]


class Child:
    """A copy under way, as a `Transfer`: what it fails with is told to whoever awaits it.

    Parameters
    ----------
    clock : Clock
        The caller's clock.
    copy : callable
        ``copy()`` makes the copy.
    """

    def __init__(self, clock: Clock, copy: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._copy = copy
        self._failure: Exception | None = None
        self._running = clock.spawn(self._run)

    async def _run(self, _: Clock) -> None:
        try:
            await self._copy()
        except Exception as failure:  # noqa: BLE001  # an interrupt alone ends everything
            self._failure = failure

    def __await__(self) -> Generator[Any, Any, None]:
        yield from self._running.__await__()
        if self._failure is not None:
            raise self._failure

    async def poll(self) -> bool:
        """Say whether it has ended."""
        return await self._running.poll()

    async def cancel(self) -> bool:
        """Wait for its end: it has begun, and would write where something else may be by then."""
        await self._running
        return False
