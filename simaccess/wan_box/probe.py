"""Round trips of single datagrams, to see that a link is what it was asked to be."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from contextlib import AbstractContextManager

__all__ = ["round_trips"]

_End = Callable[[], AbstractContextManager[None]]


def round_trips(near: _End, far: _End, address: str, number: int, timeout: float) -> list[float]:
    """Send small datagrams there and back, one after the other; return their times in seconds.

    Parameters
    ----------
    near, far : callable
        Enter the namespaces.
    address : str
        Of the far end.
    number : int
        How many.
    timeout : float
        Seconds after which a datagram counts as lost; such are left out.
    """
    with far():
        echo = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        echo.bind((address, 0))
    with near():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sender.connect(echo.getsockname())
    times = []
    with echo, sender:
        echo.settimeout(timeout)
        sender.settimeout(timeout)
        for index in range(number):
            ours = index.to_bytes(8, "big")
            began = time.monotonic()
            sender.send(ours)
            try:
                while (got := echo.recvfrom(64))[0] != ours:
                    pass
                echo.sendto(*got)
                while sender.recv(64) != ours:
                    pass
            except TimeoutError:
                continue
            times.append(time.monotonic() - began)
    return times
