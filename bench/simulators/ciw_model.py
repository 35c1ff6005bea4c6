"""The works in Ciw: customers that are there from the start and are routed back to the same node.

Latencies are those of the data records that Ciw keeps of every service, less what it does not need
for these works. Its clock is a double, in which picoseconds are exact up to 2**53 of them.

No node of Ciw keeps its server while a customer queues at the next one and is served there, so the
two DMA engines are a node of two servers whose service time says, by busy-until arithmetic, how
long the link needs to come round.
"""

from __future__ import annotations

import time
from typing import Any

import ciw

from simulators.works import Bus, Engines, Measured, Work


class _Engine(ciw.dists.Distribution):
    """For how long a transfer holds its engine."""

    def __init__(self, work: Engines) -> None:
        self.start, self.service = work.start, work.service
        self.free = 0.0

    def sample(self, t: float, ind: Any = None) -> float:
        del ind
        self.free = max(self.free, t + self.start) + self.service
        return self.free - t


def _crowd(clients: int) -> dict[str, list[Any]]:
    """Everyone arrives at the beginning, and nobody after."""
    return {
        "arrival_distributions": [ciw.dists.Sequential([0.0, float("inf")])],
        "batching_distributions": [ciw.dists.Sequential([clients, 1])],
    }


def _network(work: Work) -> Any:
    if isinstance(work, Bus):
        return ciw.create_network(
            **_crowd(work.clients),
            service_distributions=[ciw.dists.Deterministic(float(work.service))],
            routing=ciw.routing.ProcessBased(lambda *_: [1] * (work.accesses - 1)),
            number_of_servers=[1],
        )
    crowd = _crowd(work.clients)
    return ciw.create_network(
        arrival_distributions=[*crowd["arrival_distributions"], None],
        batching_distributions=[*crowd["batching_distributions"], None],
        service_distributions=[_Engine(work), ciw.dists.Deterministic(float(work.local))],
        routing=ciw.routing.ProcessBased(lambda *_: [2, 1] * (work.accesses - 1) + [2]),
        number_of_servers=[2, float("inf")],
    )


def resources(work: Work) -> Measured:
    """Run a work with nodes, customers and routes."""
    ciw.seed(1)
    simulation = ciw.Simulation(_network(work))
    begin = time.process_time()
    simulation.simulate_until_max_customers(work.clients, method="Finish")
    seconds = time.process_time() - begin
    records = simulation.get_all_records()
    stays = [record.exit_date - record.arrival_date for record in records]
    count = len(stays) if isinstance(work, Bus) else len(stays) // 2
    end = int(max(record.exit_date for record in records))
    return Measured(seconds, end, lambda: (count, int(sum(stays))))
