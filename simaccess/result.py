"""Results: what a run of one method on one link gave, frozen, and frames of many."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "Bytes",
    "ConsumerResult",
    "EngineName",
    "Latency",
    "ProcessorTime",
    "Result",
    "StationUse",
    "frame",
]

EngineName: TypeAlias = Literal["simpy", "replay"]
"""The engines, which give the same bits."""


@dataclass(frozen=True, slots=True)
class Latency:
    """Percentiles of the latency of requests, in seconds; None if there was none."""

    p50: float | None
    p90: float | None
    p99: float | None
    p999: float | None


@dataclass(frozen=True, slots=True)
class Bytes:
    """Bytes by what became of them.

    Attributes
    ----------
    requested : int
        Asked for by the client.
    used : int
        Moved over the link and then used, each moved instance counted once.
    moved : int
        Moved over the link.
    wasted : int
        Moved and not used.
    """

    requested: int
    used: int
    moved: int
    wasted: int


@dataclass(frozen=True, slots=True)
class ProcessorTime:
    """Seconds of a consumer's processor by kind; they sum to its run."""

    compute: float
    stall: float
    copy: float
    issue: float
    wait: float


@dataclass(frozen=True, slots=True)
class ConsumerResult:
    """What one consumer saw.

    Attributes
    ----------
    elapsed_s : float
        From its start to its end.
    throughput_bytes_per_s : float
        Requested bytes over `elapsed_s`.
    requests : int
        Requests that it completed.
    loads, stores, bulk_requests, round_trips, shadow_hits : int
        See `simaccess.counters.Counters`.
    """

    elapsed_s: float
    throughput_bytes_per_s: float
    requests: int
    latency_s: Latency
    bytes: Bytes
    loads: int
    stores: int
    bulk_requests: int
    round_trips: int
    shadow_hits: int
    processor_s: ProcessorTime


@dataclass(frozen=True, slots=True)
class StationUse:
    """How a station of a link was used from the start of a run to its end.

    Attributes
    ----------
    utilisation : float
        Share of the time in which it was busy: the sum of the next three.
    payload, overhead, other : float
        Shares of the time in which it served payload, overhead and other masters.
    payload_bytes, overhead_bytes, other_bytes : int
        Bytes that it moved for each purpose.
    mean_queue : float
        Requests that waited for it, on average over time.
    """

    utilisation: float = field(init=False)
    payload: float
    overhead: float
    other: float
    payload_bytes: int
    overhead_bytes: int
    other_bytes: int
    mean_queue: float

    def __post_init__(self) -> None:
        # It is stored for the sake of asdict, which shows it beside its parts.
        object.__setattr__(self, "utilisation", self.payload + self.overhead + self.other)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run gave, over all its consumers and for each.

    Attributes
    ----------
    model, workload, method : str
        Names.
    settings : mapping of str to str
        The method's parameters.
    seed : int
        Of the workload's and the link's draws.
    elapsed_s : float
        From the start to the end of the last consumer.
    throughput_bytes_per_s : float
        Useful bytes: all that consumers requested, over `elapsed_s`.
    requests_per_s : float
        Requests completed, over `elapsed_s`.
    dropped : int
        Records that found no room in the ring.
    matched : int or None
        Requests that the workload's predicate chose, where it has one and read real bytes.
    engine : str
        Which engine served. It is left out of comparisons, since results do not depend on it.
    why : str
        Why SimPy served, if it did; left out like that.
    """

    model: str
    workload: str
    method: str
    settings: Mapping[str, str]
    seed: int
    elapsed_s: float
    throughput_bytes_per_s: float
    requests_per_s: float
    latency_s: Latency
    bytes: Bytes
    loads: int
    stores: int
    bulk_requests: int
    round_trips: int
    shadow_hits: int
    processor_s: ProcessorTime
    links: Mapping[str, StationUse]
    consumers: tuple[ConsumerResult, ...]
    dropped: int = 0
    matched: int | None = None
    engine: EngineName = field(default="simpy", compare=False)
    why: str = field(default="", compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain dicts, lists and numbers, ready for JSON.

        But for the engine and why it served: nothing depends on it.
        """
        plain = asdict(self)
        del plain["engine"], plain["why"]
        plain["settings"] = dict(self.settings)
        plain["links"] = {name: asdict(use) for name, use in self.links.items()}
        plain["consumers"] = [asdict(consumer) for consumer in self.consumers]
        return plain

    def row(self) -> dict[str, Any]:
        """Return the figures over all consumers as one flat row, nested names joined by dots."""
        plain = self.to_dict()
        del plain["consumers"]
        return dict(_flat(plain))

    def _repr_html_(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(name)}</th><td>{html.escape(_shown(value))}</td></tr>"
            for name, value in self.row().items()
        )
        return f"<table>{rows}</table>"


def frame(results: Iterable[Result]) -> pd.DataFrame:
    """Return a row a result, its figures over all consumers in columns.

    Parameters
    ----------
    results : iterable of Result
        Results, of any methods and links.
    """
    import pandas as pd  # noqa: PLC0415  # takes as long to import as a small run

    return pd.DataFrame([result.row() for result in results])


def _flat(nested: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in nested.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield prefix + key, value


def _shown(value: object) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
