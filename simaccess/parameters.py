"""The base of every kind's parameters: sections of figures, checked, frozen, no unknown keys."""

from __future__ import annotations

from functools import reduce
from typing import Any, get_args

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

from simaccess.errors import InputError

__all__ = ["Parameters", "Section"]


def _may_be_true(annotation: Any) -> bool:
    """Say whether a type has true and false among its values."""
    return annotation in (bool, Any, object) or any(map(_may_be_true, get_args(annotation)))


class Section(BaseModel):
    """A named group of figures."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: object, info: ValidationInfo) -> object:
        """Refuse true and false where a number belongs; Python takes them for 1 and 0."""
        field = None if info.field_name is None else cls.model_fields[info.field_name]
        if isinstance(value, bool) and field is not None and not _may_be_true(field.annotation):
            raise InputError("not allowed", value=value, allowed="a number, not true or false")
        return value

    def unfit(self, key: str, problem: str, allowed: str) -> InputError:
        """Return the refusal of a figure that does not fit with others, for a validator to raise.

        Parameters
        ----------
        key : str
            Its dotted name within this section.
        problem : str
            What is wrong with it; it should name the others.
        allowed : str
            What may stand there beside the others.
        """
        return InputError(problem, key=key, value=self.value_of(key), allowed=allowed)

    def both_or_none(self, one: str, other: str, within: str = "") -> None:
        """Refuse one of two figures that is above 0 without the other.

        Parameters
        ----------
        one, other : str
            Their dotted names within this section.
        within : str
            What the section's own name puts before them.

        Raises
        ------
        InputError
            If it is.
        """
        for key, beside in ((one, other), (other, one)):
            if self.value_of(key) and not self.value_of(beside):
                needed = within + beside
                raise self.unfit(key, f"without {needed}", f"0, or with {needed} above 0")

    def value_of(self, key: str) -> Any:
        """Return the figure of a dotted name within this section."""
        return reduce(getattr, key.split("."), self)


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
