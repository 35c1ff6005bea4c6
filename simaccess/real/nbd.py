"""Exports of Network Block Device servers by URL: ``nbd://HOST:PORT/EXPORT`` and ``nbd+unix:``."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote, urlsplit

from simaccess.errors import InputError
from simaccess.real.nbd_link import NbdLink, NbdOptions
from simaccess.real.urls import options

__all__ = ["open_link"]

_PORT = 10809


def _is_socket(path: str) -> bool:
    try:
        return Path(path).is_socket()
    except (OSError, ValueError):  # too long, or with a null character
        return False


def open_link(url: str) -> NbdLink:
    """Open an export by its URL.

    Parameters
    ----------
    url : str
        ``nbd://HOST:PORT/EXPORT`` or ``nbd+unix:///EXPORT?socket=PATH``, with options.

    Raises
    ------
    InputError
        If the URL or an option is wrong, or there is no such export.
    LinkError
        If the server does not answer as it should.
    """
    plain, asked = options(url, NbdOptions)
    parts = urlsplit(plain)
    name = unquote(parts.path.removeprefix("/"))
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InputError("not a port", key="URL", value=url, allowed="0 to 65535") from None
    if parts.scheme.lower() == "nbd+unix":
        if asked.socket is None or parts.netloc:
            raise InputError(
                "no socket" if asked.socket is None else "a host beside a unix socket",
                key="URL",
                value=url,
                allowed="nbd+unix:///EXPORT?socket=PATH",
            )
        if not _is_socket(asked.socket):
            raise InputError(
                "no such socket",
                key="socket",
                value=asked.socket,
                allowed="the path of a unix socket at which a server listens",
            )
        return NbdLink(url, asked.socket, name, asked)
    if asked.socket is not None or not host:
        raise InputError(
            "no host" if not host else "a unix socket beside a host",
            key="URL",
            value=url,
            allowed="nbd://HOST:PORT/EXPORT",
        )
    return NbdLink(url, (host, _PORT if port is None else port), name, asked)
