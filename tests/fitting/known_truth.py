"""Links whose truth is known: simulated ones, measured with noise."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simaccess.calibrate import Fit
from simaccess.measured import Cell, MeasuredSet
from simaccess.model import Model
from simaccess.pool import Pool
from simaccess.predict import predict

SEGMENT = 8 << 20
HERE = Pool(None, lambda: None)

SIZES = [64, 512, 4096, 16384, 65536, 262144, 1 << 20]
SINGLE = [Cell(operation, size) for operation in ("load", "fetch") for size in SIZES]
PIPED = [Cell("fetch", size, depth=4, count=16) for size in (4096, 65536)]


def method(name: str, settings: str = "", size: int = 0) -> Cell:
    work = "sequential size=256 KiB length=4 KiB"
    return Cell("method", size, workload=work, method=name, settings=settings, count=64)


METHODS = [
    method("zero-copy"),
    *(
        method(name, f"block={block} KiB", block << 10)
        for name in ("copy-once", "hybrid", "prefetch")
        for block in (8, 64)
    ),
]


def measure(
    truth: Model, cells: Sequence[Cell], noise: float = 0.0, count: int = 10, seed: int = 7
) -> MeasuredSet:
    generator = np.random.default_rng(seed)
    rows = []
    for cell in cells:
        seconds = predict(truth, cell, segment=SEGMENT)
        factors = np.exp(noise * generator.standard_normal(count))
        rows += [(cell, i, seconds * factor, False, "") for i, factor in enumerate(factors)]
    return MeasuredSet.of({"link": "simulated", "segment": SEGMENT, "machine": "none"}, rows)


def fitted(fit: Fit) -> dict[str, float]:
    return {one.key: one.value for one in fit.fitted}


TRUTH = {
    "link.rate": "240 MB/s",
    "link.latency": "31 us",
    "dma.issue": "4 us",
    "dma.start": "55 us",
    "dma.completion": "1 us",
    "local.latency": "700 ns",
    "local.rate": "5 GB/s",
}


class Impatient(Pool):
    """Interrupts after some rounds of simulations."""

    def __init__(self, rounds: int) -> None:
        super().__init__(None, lambda: None)
        self.rounds = rounds

    def run(self, tasks, ended=None):  # type: ignore[no-untyped-def]  # as there
        self.rounds -= 1
        if self.rounds < 0:
            raise KeyboardInterrupt
        return super().run(tasks, ended)
