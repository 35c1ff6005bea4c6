"""Real links by URL: which backend opens which scheme, and the options in its query."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar
from urllib.parse import parse_qsl, urlsplit, urlunsplit

from pydantic import ValidationError

from simaccess.errors import UNSET, InputError
from simaccess.parameters import Section
from simaccess.quantities import PositiveDuration
from simaccess.real.link import RealLink
from simaccess.refusal import did_you_mean, refusal

__all__ = ["LinkOptions", "open_link", "options", "scheme_of"]

# By scheme, the module that opens it: `open_link(url)` there. Any other is for fsspec.
_BACKENDS: Mapping[str, str] = {
    "shm": "simaccess.real.shared_memory",
    "file": "simaccess.real.file",
    "nbd": "simaccess.real.nbd",
    "nbd+unix": "simaccess.real.nbd",
}
_OTHERS = "simaccess.real.remote_file"

_Options = TypeVar("_Options", bound="LinkOptions")


class LinkOptions(Section):
    """Options that every backend has.

    Attributes
    ----------
    timeout : float
        Seconds after which an operation that gets no answer fails.
    """

    timeout: PositiveDuration = 30.0


def scheme_of(url: str) -> str:
    """Return the scheme of a URL.

    Raises
    ------
    InputError
        If it has none.
    """
    scheme, colon, _ = url.partition(":")
    if not colon or not scheme:
        raise InputError(
            "not a link",
            key="URL",
            value=url,
            allowed="shm:NAME, file:PATH, nbd://HOST:PORT/EXPORT, nbd+unix:///EXPORT?socket=PATH,"
            " or what fsspec opens, such as https://HOST/PATH",
        )
    return scheme.lower()


def options(url: str, kind: type[_Options]) -> tuple[str, _Options]:
    """Take the options that `kind` knows out of a URL's query.

    Returns
    -------
    str
        The URL without its query.
    LinkOptions
        The options.

    Raises
    ------
    InputError
        If an option is unknown, comes twice or has a value that is not allowed.
    """
    parts = urlsplit(url)
    given: dict[str, Any] = {}
    for key, value in parse_qsl(parts.query, keep_blank_values=True):
        if key in given:
            raise InputError("given twice", key=key, value=url, allowed="one value an option")
        given[key] = value
    try:
        found = kind.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        key = str(first["loc"][0]) if first["loc"] else "URL"
        if first["type"] == "extra_forbidden":
            problem = "no such option of this link" + did_you_mean(key, kind.model_fields)
            raise InputError(problem, key=key, value=url, allowed=kind.model_fields) from None
        raise refusal(error, key, given.get(key, UNSET)) from None
    return urlunsplit(parts._replace(query="")), found


def open_link(url: str) -> RealLink:
    """Open a real link.

    Parameters
    ----------
    url : str
        What to open; its query holds options, as in ``file:/data/x?mode=direct&timeout=2 s``.

    Raises
    ------
    InputError
        If there is no such thing, or an option is wrong.
    LinkError
        If the far end does not answer as it should.
    """
    module = import_module(_BACKENDS.get(scheme_of(url), _OTHERS))
    opener: Callable[[str], RealLink] = module.open_link
    return opener(url)
