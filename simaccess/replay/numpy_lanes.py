"""Replaying on many links at once with NumPy, for a lone consumer that has nothing under way.

Without other consumers, and with each transfer awaited before anything else uses the link, nothing
is ever contended but by a posted store, and no order has to be found: each row is the same few
steps on every link, a lane of an array each. It serves where numba is not installed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from simaccess.replay.delays import ACCESS, COPY, LOCAL, MISS, STEP
from simaccess.replay.fifo_figures import LINK
from simaccess.replay.record import Record
from simaccess.replay.rows import (
    AWAIT,
    END,
    FETCH,
    FIRST,
    FLUSH,
    KIND,
    LOAD,
    MARK,
    SERVED,
    SETTLED,
    STORE,
    UNTIL,
)
from simaccess.replay.state import AGENT

__all__ = ["is_uncontended", "play"]

Lane = NDArray[np.int64]

_SOFTWARE = {ACCESS: "access", MISS: "miss", STEP: "step"}


def is_uncontended(record: Record) -> bool:
    """Say whether a record is of one consumer who awaits each transfer at once."""
    if len(record.tracks) > 1:
        return False
    kinds = record.tracks[0].rows["what"] & KIND
    shared = kinds[(kinds != MARK) & (kinds != UNTIL)]
    begun = np.flatnonzero((shared == FETCH) | (shared == FLUSH))
    return bool((shared[begun + 1] == AWAIT).all())


def play(record: Record, figures: NDArray[np.void]) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Replay an uncontended record.

    Parameters
    ----------
    record : Record
        The record.
    figures : ndarray of FIGURES, shape (lanes,)
        The links.

    Returns
    -------
    agents : ndarray of AGENT, shape (lanes, 1)
        How the consumer ended: its times and counts.
    links : ndarray of LINK, shape (lanes,)
        The use of each link.
    """
    lanes = _Lanes(record, figures)
    for what, delay, item, extra in record.tracks[0].rows.tolist():
        lanes.step(what, delay, item, extra)
    agents = np.zeros((len(figures), 1), AGENT)
    for name in ("time", "wait", "waits", "missed", "issue"):
        agents[name][:, 0] = getattr(lanes, name)
    links = np.zeros(len(figures), LINK)
    for name in ("free", "busy", "waited", "bytes"):
        links[name] = getattr(lanes, name)
    return agents, links


class _Lanes:
    """The consumer and the station, a lane a link."""

    def __init__(self, record: Record, figures: NDArray[np.void]) -> None:
        self._record = record
        self._figures = figures
        self._asked: dict[int, _Request] = {}
        self._delays: dict[int, Lane] = {0: np.zeros(len(figures), np.int64)}
        self._posted = figures["posted"] > 0

        def zeros() -> Lane:
            return np.zeros(len(figures), np.int64)

        self.time, self.wait, self.waits, self.missed = zeros(), zeros(), zeros(), zeros()
        self.free, self.busy, self.waited = zeros(), zeros(), zeros()
        self.bytes = 0
        self._end = zeros()  # of the transfer under way
        self.issue = zeros()
        self._pending = np.zeros(len(figures), np.bool_)
        self._called = np.zeros(len(figures), np.bool_)

    def step(self, what: int, delay: int, item: int, extra: int) -> None:
        """Do a row."""
        kind = what & KIND
        before = self._delay(delay)
        if kind == MARK:
            self.time += before * extra
        elif kind in (LOAD, STORE):
            self._in_place(kind, before, item, extra)
        elif kind in (FETCH, FLUSH):
            asked = self._request(item)
            self.time += before + asked.issue
            self.issue += asked.issue
            arrival = self.time + self._figures["start"]
            self._end = self._serve(arrival, asked.service, asked.length) + asked.after
        elif kind == AWAIT:
            self.time += before
            self._await(what)
        elif kind == UNTIL:
            self.time += before
            self._pass(np.full_like(self.time, (extra << 32) + item))
        else:
            assert kind == END
            self.time += before

    def _in_place(self, kind: int, before: Lane, item: int, extra: int) -> None:
        asked = self._request(item)
        for _ in range(extra):
            self.time += before
            end = self._serve(self.time, asked.loading, asked.length) + asked.latency
            self.time = end if kind == LOAD else np.where(self._posted, self.time, end)

    def _serve(self, arrival: Lane, service: Lane, length: int) -> Lane:
        """Do as `FifoStation.serve` does."""
        begin = np.maximum(arrival, self.free)
        self.waited += begin - arrival
        self.busy += service
        self.bytes += length
        self.free = begin + service
        return self.free.copy()

    def _pass(self, until: Lane) -> NDArray[np.bool_]:
        """Wait; return in which lanes that took time."""
        waits = self.time < until
        self.wait += np.where(waits, until - self.time, 0)
        self.time = np.maximum(self.time, until)
        return waits

    def _await(self, what: int) -> None:
        if what & FIRST:
            self._called[:] = False
        self._pending |= self._pass(self._end)
        self.time += self._figures["handling"]
        self.issue += self._figures["handling"]
        if what & SETTLED:
            self.waits += self._pending
            self._called |= self._pending
            self._pending[:] = False
        if what & SERVED:
            self.missed += self._called
            self._called[:] = False

    def _request(self, number: int) -> _Request:
        if number not in self._asked:
            self._asked[number] = _request(int(self._record.lengths[number]), self._figures)
        return self._asked[number]

    def _delay(self, delay: int) -> Lane:
        if delay not in self._delays:
            figures, delays = self._figures, self._record.delays
            total = np.full(len(figures), delays.compute[delay])
            for _, kind, length, count in delays.parts[delays.parts["delay"] == delay].tolist():
                if kind == LOCAL:
                    each = _whole(length, figures["local_per_byte"]) + figures["local_latency"]
                elif kind == COPY:
                    each = _whole(length, figures["copy_per_byte"])
                else:
                    each = figures[_SOFTWARE[kind]]
                total += count * each
            self._delays[delay] = total
        return self._delays[delay]


class _Request(NamedTuple):
    """A distinct request: bytes, and ticks as in `simaccess.replay.state.REQUEST`."""

    length: int
    service: Lane
    after: Lane
    issue: Lane
    loading: Lane
    latency: Lane


def _request(length: int, figures: NDArray[np.void]) -> _Request:
    """Return the ticks of a request, as `simaccess.replay.fifo_link.fill` does."""
    window, wake = figures["window"], figures["wake"]
    windows = np.where(window > 0, (length - 1) // np.maximum(window, 1) * wake, 0)
    woken = np.where((figures["piece"] > 0) & (figures["piece"] < length), wake, 0)
    return _Request(
        length,
        _whole(length, figures["per_byte"]) + windows,
        figures["latency"] + figures["completion"] + woken,
        _whole(length, figures["issue_per_byte"]) + figures["issue"],
        _whole(length, figures["load_per_byte"]) + windows,
        figures["latency"] + figures["load_wait"] + woken,
    )


def _whole(units: int, per_unit: Any) -> Lane:
    """Return ticks as `simaccess.sim.station.whole_ticks` does, a lane each."""
    whole: Lane = (units * per_unit + 0.5).astype(np.int64)
    return whole
