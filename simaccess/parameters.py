"""The base of every kind's parameters: sections of figures, checked, frozen, no unknown keys."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

__all__ = ["Parameters", "Section"]


class Section(BaseModel):
    """A named group of figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Parameters(Section):
    """All figures of one kind of interconnect, in sections."""

    def remembers(self) -> tuple[int, ...] | None:
        """Return how many bytes of earlier requests each part of the link remembers.

        Between two of these sizes any long series of equal requests in sequence takes the same
        time for each. None where that is not so, as where a connection's window grows on.
        """
        return None

    def draws(self) -> bool | None:
        """Return whether whatever crosses the link meets chance; None where that is not known."""
        return None
