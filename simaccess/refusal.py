"""What is wrong with a value or a name, in the words of a user's error."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simaccess.errors import UNSET, InputError

__all__ = ["as_given", "did_you_mean", "foremost", "refusal"]

# What is allowed, by pydantic's type of error, of whose context each takes the named part.
_ALLOWED = {
    "bool_parsing": "a boolean, true or false",
    "bool_type": "a boolean, true or false",
    "dict_type": "a table",
    "enum": "{expected}",
    "float_parsing": "a number",
    "greater_than": "greater than {gt}",
    "greater_than_equal": "greater than or equal to {ge}",
    "int_from_float": "a valid integer",
    "int_parsing": "a valid integer",
    "int_type": "a valid integer",
    "ip_any_network": "an address or a network, such as '192.0.2.0/24'",
    "less_than": "less than {lt}",
    "less_than_equal": "less than or equal to {le}",
    "list_type": "a list",
    "literal_error": "{expected}",
    "model_type": "a table",
    "string_type": "text",
    "string_too_short": "{min_length} or more characters",
    "too_short": "{min_length} or more entries",
}


def refusal(
    error: Exception,
    key: str | None,
    value: object = UNSET,
    file: Path | None = None,
    section: type[BaseModel] | None = None,
) -> InputError:
    """Return what the error of a refused value says as the user's error.

    Parameters
    ----------
    error : Exception
        A `ValueError`, pydantic's or another.
    key, value, file
        As for `InputError`.
    section : type, optional
        What has the key, to say what belongs there if it is missing.
    """
    message = str(error)
    if isinstance(error, ValidationError):
        first = foremost(error)
        given = first.get("ctx", {})
        cause = given.get("error")
        if isinstance(cause, InputError):
            return InputError(cause.problem, file, cause.key or key, cause.value, cause.allowed)
        if first["type"] == "missing":
            allowed = None if section is None else _wanted(section, str(first["loc"][-1]))
            return InputError("missing", file, key, allowed=allowed)
        message = first["msg"].removeprefix("Value error, ")
        if first["type"] in _ALLOWED:
            message = f"not allowed; allowed: {_ALLOWED[first['type']].format(**given)}"
        elif message.startswith("Input should be "):
            # What follows a comma says why it is not.
            allowed = message.removeprefix("Input should be ").partition(", ")[0]
            message = f"not allowed; allowed: {allowed}"
    problem, _, allowed = message.partition("; allowed: ")
    return InputError(problem, file, key, value, allowed or None)


# What belongs in a place, by the type that JSON Schema has for it.
_SORTS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "number": "a number",
    "object": "a table",
    "string": "text",
}


def _wanted(section: type[BaseModel], name: str) -> str | None:
    """Return what belongs in a field."""
    schema = section.model_json_schema()["properties"].get(name, {})
    if schema.get("items", {}).get("$ref"):
        return f"one or more tables [[{name}]]"
    return _SORTS.get(schema.get("type", ""))


def foremost(error: ValidationError) -> ErrorDetails:
    """Return the first thing that is wrong; an unknown key before all else.

    It may be the misspelt name of a key that is missing.
    """
    errors = error.errors()
    return next((each for each in errors if each["type"] == "extra_forbidden"), errors[0])


def as_given(refused: InputError, prefix: str, settings: Mapping[str, object]) -> InputError:
    """Return a refusal with the value of its key as it was given, with its unit.

    Parameters
    ----------
    refused : InputError
        Its value may be a parsed one, where several keys do not fit together.
    prefix : str
        What stands before the settings' names in its key.
    settings : mapping
        The values by name.
    """
    name = (refused.key or "").removeprefix(f"{prefix}.")
    value = settings.get(name, refused.value)
    return InputError(refused.problem, refused.file, refused.key, value, refused.allowed)


def did_you_mean(name: object, names: Iterable[str]) -> str:
    """Return a hint at the name that is nearest to `name`, to follow a problem; often empty.

    A name without a dot may be the end of one that has some.
    """
    if not isinstance(name, str):  # whatever a program passed
        return ""
    whole = {each: each for each in names}
    ends = {each.rpartition(".")[2]: each for each in whole} if "." not in name else {}
    known = {**ends, **whole}
    near = [known[each] for each in get_close_matches(name, known, n=1)]
    return f" (did you mean {near[0]!r}?)" if near else ""
