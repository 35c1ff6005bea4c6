"""Measure the conditions of a link and a workload in the model: t, w, T, p of the closed forms.

Each is the mean of a short simulation of its own through the whole stack, so they hold for a lone
consumer that does one thing at a time; the closed forms (`simaccess.analytic`) assume the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from simaccess.analytic import Conditions
from simaccess.methods.blocks import Blocks
from simaccess.model import Model
from simaccess.parameters import Section
from simaccess.quantities import parse_size
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from simaccess.workload.accesses import Accesses, parts
from simaccess.workload.workload import Workload

__all__ = ["REQUESTS", "conditions", "payload_share"]

REQUESTS = 256
"""Requests of the workload that are looked at, from its first on."""

LINE = 64
"""Bytes of whose multiples the places of single in-place reads are."""

SAME = 0.01
"""Reads whose times differ by less than this share count as one in-place read."""


@dataclass(frozen=True)
class _Reads:
    """Given reads of a workload's segment: a workload."""

    size: int
    blocks: Blocks
    header: int
    offset: NDArray[np.int64]
    length: NDArray[np.int64]
    last: NDArray[np.bool_]
    name: str = "micro"
    parameters: Section = field(default_factory=Section)
    arrivals: None = None

    def content(self, seed: int = 0) -> None:
        """Return None: only time passes."""

    def accesses(self, seed: int) -> Accesses:  # noqa: ARG002  # the interface's
        """Return the reads."""
        return Accesses(
            size=self.size,
            offset=self.offset,
            length=self.length,
            write=np.zeros(len(self.offset), np.bool_),
            last=self.last,
        )


class _Probe:
    """Times of some reads of a workload's segment on a model."""

    def __init__(self, model: Model, workload: Workload, seed: int) -> None:
        self._model = model
        self._workload = workload
        self._seed = seed

    def singles(
        self,
        offset: NDArray[np.int64],
        length: int,
        method: str = "zero-copy",
        settings: Mapping[str, str] | None = None,
    ) -> float:
        """Return the mean seconds of reads of one length, each a request."""
        inside = offset[offset + length <= self._workload.size]
        size = np.full(len(inside), length, np.int64)
        return self.seconds(inside, size, np.ones(len(inside), np.bool_), method, settings or {})

    def seconds(
        self,
        offset: NDArray[np.int64],
        length: NDArray[np.int64],
        last: NDArray[np.bool_],
        method: str = "zero-copy",
        settings: Mapping[str, str] | None = None,
    ) -> float:
        """Return the mean seconds of requests; 0 if there are none."""
        if not len(offset):
            return 0.0
        whole = self._workload
        reads = _Reads(whole.size, whole.blocks, whole.header, offset, length, last)
        scenario = Scenario(self._model, reads, method, settings or {}, seed=self._seed)
        result = simulate(scenario)
        return result.elapsed_s / result.consumers[0].requests


_COPIERS = ("copy-once", "hybrid")
"""The methods whose bulk copies are synchronous."""


def conditions(
    model: Model,
    workload: Workload,
    seed: int = 0,
    settings: Mapping[str, Mapping[str, str]] = MappingProxyType({}),
) -> Conditions:
    """Measure what decides between the methods.

    Parameters
    ----------
    model : Model
        The link.
    workload : Workload
        Its records are what is copied; where it has none, its blocks.
    seed : int
        Of the workload's and the link's draws.
    settings : mapping of str to mapping of str to str
        By method, with which blocks copy-once and hybrid run beside; others are passed over.

    Returns
    -------
    Conditions
        `w` is the largest power of two whose in-place read takes as long as that of one byte,
        within 1 %, and is no longer than a record. These reads are spread over the segment in
        random order; all others are the workload's, in its order. `n_h` and `n_p` are the time of
        the in-place reads that a request makes of the header, and that it makes more where it
        reads the payload, over t: that is ceil(bytes / w), less what the link overlaps. T
        includes the read of one byte of the shadow. `copies` are those of the first blocks that
        the workload touches, in the order in which it does.
    """
    asked = workload.accesses(seed)
    stop = int(np.flatnonzero(asked.last)[:REQUESTS][-1]) + 1
    offset, length = asked.offset[:stop], asked.length[:stop]
    request = np.cumsum(np.r_[False, asked.last[: stop - 1]])
    record = _records(workload.blocks, offset)
    payload = offset - record[:, 0] >= workload.header
    probe = _Probe(model, workload, seed)

    t, w = _in_place(probe, workload, seed)
    beyond = np.isin(request, request[payload])  # accesses of the requests that read payload
    whole_s, header_s, part_s = (
        probe.seconds(offset[part], length[part], _ends(request[part]))
        for part in (beyond, ~payload, beyond & ~payload)
    )
    T, T_payload = _in_bulk(probe, workload, record)
    return Conditions(
        t=t,
        w=w,
        T=T,
        T_payload=T_payload,
        p=payload_share(workload, seed),
        n_h=header_s / t,
        n_p=max(0.0, whole_s - part_s) / t,
        copies=_copies(probe, workload, asked, settings),
    )


def _in_place(probe: _Probe, workload: Workload, seed: int) -> tuple[float, int]:
    """Return t and w: the seconds and the bytes of the widest read that counts as one."""
    # Far from each other and in no order, so that no read profits by another.
    longest = workload.blocks.longest
    step = -(-max(workload.size // REQUESTS, 2 * longest) // LINE) * LINE
    places = np.arange(0, max(1, workload.size - longest), step)
    apart = np.random.default_rng(seed).permutation(places)
    t = shortest = probe.singles(apart, 1)
    w = 1
    while 2 * w <= longest:
        longer = probe.singles(apart, 2 * w)
        if longer > (1 + SAME) * shortest:
            break
        w, t = 2 * w, longer
    return t, w


def _in_bulk(probe: _Probe, workload: Workload, record: NDArray[np.int64]) -> tuple[float, float]:
    """Return T and T': the mean seconds of a copy of a record, whole and without its header.

    Of `record`, where the record of each access begins and ends, each one is copied once.
    """
    begin, end = record[np.sort(np.unique(record[:, 0], return_index=True)[1])].T
    small = {"shadow": f"{2 * workload.blocks.longest} B"}
    whole = probe.singles(begin, 1, "copy-once", small)
    payload = begin + workload.header
    payload = payload[payload < end]
    if not workload.header or not len(payload):
        return whole, whole
    threshold = {"threshold": f"{workload.header} B"}
    return whole, probe.singles(payload, 1, "hybrid", {**small, **threshold})


def _copies(
    probe: _Probe,
    workload: Workload,
    asked: Accesses,
    settings: Mapping[str, Mapping[str, str]],
) -> dict[str, float]:
    """Return the mean seconds of a copy of the blocks that a workload touches first, by method."""
    copies = {}
    for method in _COPIERS:
        told = settings.get(method, {})
        if "block" not in told:
            continue
        block, threshold = parse_size(told["block"]), 0
        given = {"block": f"{block} B", "shadow": f"{2 * block} B"}
        if method == "hybrid":
            given["threshold"] = told.get("threshold", f"{workload.header} B")
            threshold = parse_size(given["threshold"])
        if threshold >= block:
            continue  # all of it is read in place
        number, first = np.unique(asked.offset // block, return_index=True)
        begin = number[np.argsort(first)][:REQUESTS] * block
        copies[method] = probe.singles(begin + threshold, 1, method, given)
    return copies


def payload_share(workload: Workload, seed: int = 0) -> float:
    """Return the share of a workload's requests that read beyond the header of a record."""
    asked = workload.accesses(seed)
    count, newest, ended = 0, -1, 0  # requests beyond it, the newest of them, all that ended
    for part in parts(len(asked)):
        last = asked.last[part]
        request = ended + np.cumsum(last) - last
        record = _records(workload.blocks, asked.offset[part])
        beyond = request[asked.offset[part] - record[:, 0] >= workload.header]
        if len(beyond):
            count += len(np.unique(beyond)) - int(beyond[0] == newest)
            newest = int(beyond[-1])
        ended += int(np.count_nonzero(last))
    return count / ended


def _records(blocks: Blocks, offset: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return where the block that each offset lies in begins and ends."""
    return np.array([blocks.bounds(blocks.find(int(place))) for place in offset], np.int64)


def _ends(request: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return whether each access is the last of its request, given each one's request."""
    last: NDArray[np.bool_] = np.r_[request[1:] != request[:-1], True][: len(request)]
    return last
