"""The base of every kind's parameters: sections of figures, checked, frozen, no unknown keys."""

from __future__ import annotations

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
