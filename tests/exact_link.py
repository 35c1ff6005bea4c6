"""A link on which the closed forms of the methods are exact, and runs of one consumer."""

from __future__ import annotations

from collections.abc import Mapping

from simaccess.model import Model, load_model
from simaccess.result import Result
from simaccess.scenario import ProducerParameters, Scenario
from simaccess.simulate import simulate
from simaccess.workload.registry import workload

__all__ = ["plain", "run"]


def plain(latency_ns: int, rate: int, start_ns: int) -> Model:
    """Return a plain link whose local memory costs nothing; `rate` is in MB/s."""
    return load_model("example-link").with_values(
        {
            "link.rate": f"{rate} MB/s",
            "link.latency": f"{latency_ns} ns",
            "dma.issue": "100 ns",
            "dma.start": f"{start_ns} ns",
            "dma.completion": "50 ns",
            "local.latency": "0 s",
            "local.rate": "1e9 TB/s",
            "local.copy_rate": "1e9 TB/s",
        }
    )


def run(
    model: str | Model,
    work: str,
    of_work: Mapping[str, str],
    method: str,
    settings: Mapping[str, str] | None = None,
    *,
    changes: Mapping[str, str] | None = None,
    producer: Mapping[str, str] | None = None,
) -> Result:
    """Simulate, for one consumer."""
    made = load_model(model) if isinstance(model, str) else model
    if changes:
        made = made.with_values(changes)
    ring = None if producer is None else ProducerParameters.model_validate(producer)
    work_made = workload(work, dict(of_work))
    return simulate(Scenario(made, work_made, method, settings or {}, producer=ring))
