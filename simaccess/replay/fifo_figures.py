"""The figures of a ``fifo-link`` as a replay takes them, for one link or for many at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simaccess.errors import InputError
from simaccess.replay.state import STATION
from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.fifo_link import FifoParameters

__all__ = ["FIGURES", "KEYS", "LINK", "figures_along", "figures_of", "is_charged", "why_not"]

FIGURES: Final = np.dtype(
    [
        ("per_byte", "f8"),
        ("latency", "i8"),
        ("posted", "i8"),
        ("channels", "i8"),
        ("issue", "i8"),
        ("start", "i8"),
        ("completion", "i8"),
        ("local_per_byte", "f8"),
        ("local_latency", "i8"),
        ("copy_per_byte", "f8"),
        ("load_per_byte", "f8"),
        ("load_wait", "i8"),
        ("piece", "i8"),  # bytes
        ("window", "i8"),
        ("wake", "i8"),
        ("handling", "i8"),
        ("issue_per_byte", "f8"),
        ("access", "i8"),  # the client's software
        ("miss", "i8"),
        ("step", "i8"),
    ]
)
"""The figures of a link in ticks."""

LINK: Final = np.dtype(
    [
        *((name, "i8") for name in STATION),
        ("posted", "i8"),
        ("start", "i8"),
        ("handling", "i8"),  # ticks that whoever awaits a transfer spends on its end
        ("keep", "i8"),  # what becomes of latencies
        ("interval", "i8"),  # 0: the end of a transfer is seen at once
        ("running", "i8"),  # consumers that have not ended
        ("last", "i8"),  # when the last of the others did
        ("ready", "i8"),  # consumers in the heap
        ("first_free", "i8"),  # the channel that is free first, and how many are or will be
        ("free_channels", "i8"),
        ("first_queued", "i8"),  # transfers without a channel: the first, the last
        ("last_queued", "i8"),
        ("first_coming", "i8"),  # transfers that have one: the first, the last
        ("last_coming", "i8"),
    ]
)
"""A link at work. It is its own station, of which it has all attributes."""

KEYS: Final = {
    "link.rate": "per_byte",
    "link.latency": "latency",
    "link.posted": "posted",
    "dma.channels": "channels",
    "dma.issue": "issue",
    "dma.start": "start",
    "dma.completion": "completion",
    "local.latency": "local_latency",
    "local.rate": "local_per_byte",
    "local.copy_rate": "copy_per_byte",
    "link.load_wait": "load_wait",
    "link.piece": "piece",
    "link.window": "window",
    "link.wake": "wake",
    "dma.handling": "handling",
    "client.access": "access",
    "client.miss": "miss",
    "client.step": "step",
}
"""The figure that each parameter becomes."""

_DURATIONS: Final = (
    "latency",
    "issue",
    "start",
    "completion",
    "local_latency",
    "load_wait",
    "wake",
    "handling",
    "access",
    "miss",
    "step",
)


def why_not(parameters: FifoParameters) -> str | None:
    """Return why a link cannot be replayed, None if it can."""
    own, dma, client = parameters.link, parameters.dma, parameters.client
    reasons = {
        "the consumer's processor copies through its cache": parameters.cache is not None,
        "a processor makes the copies, and no engine": dma.mover != "engine",
        "the consumer takes the bytes out of a buffer": dma.take_rate,
        "the client's software takes time by where it looks": (
            client.seek or client.layer or client.look
        ),
        "the far end sleeps, and whoever asks wakes it": own.rouse,
        "long copies have a rate of their own": own.long,
    }
    return next((reason for reason, holds in reasons.items() if holds), None)


def is_charged(parameters: FifoParameters) -> bool:
    """Say whether the client's software takes time, so that a record must tell where it runs."""
    client = parameters.client
    return client.access > 0 or client.miss > 0 or client.step > 0


def _require_axis(key: str, values: NDArray[Any], count: int) -> None:
    """Refuse an axis that no links can have."""
    if key not in KEYS:
        raise InputError("no axis of a fifo-link", key=key, allowed=KEYS)
    if values.shape != (count,):
        raise InputError(
            "of another length", key=key, value=values.shape, allowed=f"{count} values"
        )
    least = (
        0 if KEYS[key] in (*_DURATIONS, "posted", "piece", "window") else np.finfo(np.float64).tiny
    )
    fine = (values >= least) & (values < np.inf)
    if KEYS[key] == "channels":
        fine &= (values >= 1) & (values <= 1024) & (values == np.floor(values))
    if not fine.all():
        value = values[np.argmin(fine)].item()
        raise InputError("no such value", key=key, value=value, allowed="as in the model file")


def figures_along(
    parameters: FifoParameters, axes: Mapping[str, ArrayLike] | None = None
) -> NDArray[np.void]:
    """Return the figures of links that differ in some parameters.

    Parameters
    ----------
    parameters : FifoParameters
        Those that they have in common.
    axes : mapping of str to array-like of shape (links,), optional
        Values by dotted key (`KEYS`), in seconds, bytes a second, or whole numbers.

    Returns
    -------
    ndarray of FIGURES, shape (links,)
        One link without axes.

    Raises
    ------
    InputError
        If the link cannot be replayed, there is no such parameter, or an axis has another length or
        no such values.
    """
    reason = why_not(parameters)
    if reason is not None:
        raise InputError(reason, key="parameters", allowed="a link that can be replayed")
    given = {key: np.atleast_1d(np.asarray(values)) for key, values in (axes or {}).items()}
    count = len(next(iter(given.values()))) if given else 1
    for key, values in given.items():
        _require_axis(key, values, count)
    figures = np.zeros(count, FIGURES)
    for key, name in KEYS.items():
        section, _, field = key.partition(".")
        figure: Any = given.get(key, getattr(getattr(parameters, section), field))
        if name.endswith("per_byte"):
            figure = 1 / figure * TICKS_PER_SECOND
        elif name in _DURATIONS:
            figure = np.floor(np.asarray(figure) * float(TICKS_PER_SECOND) + 0.5)
        figures[name] = figure
    own, dma = parameters.link, parameters.dma
    figures["load_per_byte"] = figures["per_byte"]
    if own.load_rate:
        figures["load_per_byte"] = 1 / own.load_rate * TICKS_PER_SECOND
    if dma.issue_rate:
        figures["issue_per_byte"] = 1 / dma.issue_rate * TICKS_PER_SECOND
    return figures


def figures_of(parameters: FifoParameters) -> NDArray[np.void]:
    """Return the figures of one link, as an array of one."""
    return figures_along(parameters)
