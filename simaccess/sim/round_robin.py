"""A bus whose masters take turns in bursts, advanced by arithmetic.

Rules
-----
* A request that is made at t can be granted from ``t + arbitration`` on: arbitration runs beside
  the transaction under way, and so is hidden when the bus is busy.
* When a tenure ends, the masters that can be granted *before* that instant take turns. If there
  is none, the bus goes to the request that can be granted first, in the order of the requests.
* Several jobs of one master wait in its queue. A master that keeps order (a host bridge) goes on
  with its first job; another one (an engine with channels) alternates between them.
* A source's next job is asked for once the one before is done, at once if it is due by then. So a
  master whose source offers more than the bus carries has one job waiting, not ever more of them.
* A burst of more data phases than the latency timer guarantees goes on until it is done, or until
  the timer has expired and the grant is gone, which it is when another master can be granted.
* After a burst on a path with a gap its master *rests*: none of its jobs can be granted before the
  gap is over. Where it goes on with one then, that counts as a request made when the rest began.

Whatever happens up to ``t + arbitration`` is settled once everybody's requests up to t are known.
So the bus needs no event of its own: requests advance it to that point, burst by burst or, while
a job is alone, many bursts at once. A job that somebody waits for looks at the bus when it would
end if nobody disturbed it from then on, and again if somebody did.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from heapq import heappop, heappush

from simaccess.result import StationUse
from simaccess.sim.bus_job import Job, Source
from simaccess.sim.bus_use import BusUse
from simaccess.sim.environment import Environment
from simaccess.sim.pci_path import Path, cut

__all__ = ["RoundRobin"]

_NEVER = 1 << 200


class RoundRobin:
    """The bus and its masters.

    Parameters
    ----------
    env : Environment
        The simulation.
    clock : float
        Ticks of a clock.
    arbitration : int
        Ticks from a request to the earliest FRAME#.
    ordered : sequence of bool
        For each master, whether it keeps its jobs in order.
    lumps : bool
        Whether an undisturbed job's bursts are advanced all at once; the results are the same.

    Attributes
    ----------
    free : int
        When the tenure under way ends, as far as is known.
    """

    def __init__(
        self,
        env: Environment,
        *,
        clock: float,
        arbitration: int,
        ordered: Sequence[bool],
        lumps: bool = True,
    ) -> None:
        self.env = env
        self.number = env.arbiter()
        self.arbitration = arbitration
        self.free = 0
        self._clock = clock
        self._ordered = ordered
        self._lumps = lumps
        # Jobs that can be granted from a time on, and masters whose rest ends then.
        self._coming: list[tuple[int, int, Job | int]] = []
        self._ready: list[deque[Job]] = [deque() for _ in ordered]
        self._waiting = 0  # jobs in _ready whose masters do not rest
        self._resting = [False] * len(ordered)
        self._rested = [0] * len(ordered)  # when each master's last rest ends
        # For each master, the numbers of its first ready job and of the next that will be.
        self._first = [0] * len(ordered)
        self._next = [0] * len(ordered)
        self._paths: set[int] = set()  # ids of the paths of all jobs so far
        self._least = _NEVER  # ticks of the shortest tenure on any of them
        self._requests = 0
        self._limit = 0  # what is settled; no request to come can be granted before
        self._last = 0  # the master that had the bus last
        # The tenure under way; _size is 0 while it is the request of a delayed read.
        self._job: Job | None = None
        self._start = self._phases = self._size = 0
        self._gone = 0  # when its grant goes; 0 if that does not matter
        self._use = BusUse()

    # -- asking for the bus ----------------------------------------------------------------------

    def add(self, source: Source) -> None:
        """Let a source ask for the bus from now on."""
        following = source.following()
        if following is not None:
            time, job = following
            job.source = source
            self._come(job, time + self.arbitration)

    def request(self, job: Job, now: int) -> None:
        """Ask for the bus at the caller's turn."""
        at = now + self.arbitration
        self.advance(at)
        self._come(job, at)
        self.advance(at)

    def take(  # noqa: PLR0917  # called for every load: keywords cost time
        self, master: int, path: Path, address: int, size: int, purpose: int, now: int
    ) -> int:
        """Do a single transaction at once if the bus is idle and nothing can disturb it.

        Returns
        -------
        int
            When its last data phase ends; 0 if it has to be requested.
        """
        at = now + self.arbitration
        self.advance(at)
        phases = path.phases(address, size)
        if (
            self.free > at
            or self._job is not None
            or path.request
            or path.gap
            or phases > path.guaranteed
            or self._resting[master]
            or path.chunk(address, size) < size
        ):
            return 0
        self._last = master
        self._use.count(path, at, phases, size, purpose)
        self.free = at + path.hold(phases)
        return at + path.reach(phases)

    # -- the arithmetic --------------------------------------------------------------------------

    def advance(self, limit: int) -> None:
        """Settle everything up to `limit`, at most `arbitration` after the caller's turn."""
        if limit > self._limit:
            self._limit = limit
        while self.free <= limit:
            coming = self._coming
            self._arrive_all()
            if self._job is not None:
                self._settle(self._job)
                self._arrive_all()  # what its source wants next may be due already
            while not self._waiting:
                if not coming or coming[0][0] > limit:
                    return
                self.free = coming[0][0]
                self._arrive()
            job = self._pick()
            start = self.free
            self._use.waited += start - max(job.at, self._rested[job.master])
            self._begin(job, start, limit)

    def ending(self, job: Job) -> int:
        """Return when a job's last data phase ends at the earliest, as far as is known."""
        if job.end is not None:
            return job.end
        path = job.path
        address, remaining = job.address, job.remaining
        if job is not self._job:
            free = self._freed()
            start = max(job.at, free, self._rested[job.master])
            if job.ticket >= 0:  # each job before it has at least a tenure
                before = job.ticket - self._first[job.master]
                start = max(start, free + before * self._least)
        elif not self._size:
            start = self.free + path.delay
            return start + path.alone(address, remaining) - path.request - path.delay
        elif self._size == remaining:
            return self._start + path.reach(self._phases)
        else:
            address += self._size
            remaining -= self._size
            # A cut takes longer than what it may spare: another master's tenure comes in between.
            return self.free + path.gap + path.alone(address, remaining)
        done = 0 if job.requesting else path.request + (path.delay if path.request else 0)
        return start + path.alone(address, remaining) - done

    def _freed(self) -> int:
        """Return when the tenure under way ends at the earliest: it may yet be cut."""
        job = self._job
        if job is None or not self._gone:
            return self.free
        guaranteed = self._start + job.path.hold(min(self._phases, job.path.guaranteed))
        return min(self.free, max(guaranteed, self._limit))

    def _come(self, job: Job, at: int) -> None:
        job.at = at
        self._requests += 1
        path = job.path
        if id(path) not in self._paths:
            self._paths.add(id(path))
            self._least = min(self._least, path.hold(1), path.request or self._least)
        heappush(self._coming, (at, self._requests, job))
        current = self._job
        if current is not None and job.master != current.master:
            at = max(at, self._rested[job.master])
            if at < self._gone:
                self._cut(current, at)

    def _arrive_all(self) -> None:
        """Let everything be granted that can be before the tenure under way ends."""
        coming = self._coming
        while coming and coming[0][0] < self.free:
            self._arrive()

    def _arrive(self) -> None:
        """Let what comes next be granted."""
        what = heappop(self._coming)[2]
        if isinstance(what, int):
            self._resting[what] = False
            self._waiting += len(self._ready[what])
            return
        self._line_up(what)

    def _rest(self, master: int, until: int) -> None:
        """Grant none of a master's jobs for a while."""
        self._resting[master] = True
        self._rested[master] = until
        self._waiting -= len(self._ready[master])
        self._requests += 1
        heappush(self._coming, (until, self._requests, master))

    def _pick(self) -> Job:
        masters = len(self._ready)
        master = self._last
        for _ in range(masters):
            master = (master + 1) % masters
            if self._ready[master] and not self._resting[master]:
                break
        self._waiting -= 1
        self._first[master] += 1
        job = self._ready[master].popleft()
        job.ticket = -1
        return job

    def _line_up(self, job: Job) -> None:
        """Put a job behind its master's other ready ones."""
        master = job.master
        job.ticket = self._next[master]
        self._next[master] += 1
        self._ready[master].append(job)
        if not self._resting[master]:
            self._waiting += 1

    def _begin(self, job: Job, start: int, limit: int) -> None:
        path = job.path
        if self._lumps and not self._waiting and job.requesting == (path.request > 0):
            start = self._skip(job, start, limit)
        self._job = job
        self._last = job.master
        self._start = start
        self._gone = 0
        if job.requesting:
            self._size = 0
            self.free = start + path.request
            return
        self._size = path.chunk(job.address, job.remaining)
        self._phases = path.phases(job.address, self._size)
        self.free = start + path.hold(self._phases)
        if self._phases > path.guaranteed:
            self._gone = self.free
            if self._waiting > len(self._ready[job.master]):
                self._cut(job, start)
            else:
                rival = self._rival(job.master)
                if rival < self._gone:
                    self._cut(job, rival)

    def _rival(self, master: int) -> int:
        """Return when another master can be granted at the earliest, as far as is known."""
        first = _NEVER
        for at, _, what in self._coming:
            if isinstance(what, int):
                other = what if self._ready[what] else master
            else:
                other = what.master
            if other != master:
                first = min(first, max(at, self._rested[other]))
        return first

    def _skip(self, job: Job, start: int, limit: int) -> int:
        """Do as many bursts at once as nothing known can disturb; return the next one's start."""
        path = job.path
        count = path.alike(job.address, job.remaining) - 1
        if count < 1 or (path.completer is not None and self._resting[path.completer]):
            return start
        if self._coming and self._coming[0][0] <= limit:
            limit = self._coming[0][0] - 1
        size = path.chunk(job.address, job.remaining)
        phases = path.phases(job.address, size)
        period = path.period(phases)
        count = min(count, (limit - start) // period)
        if count < 1:
            return start
        self._use.count(path, start, phases, size, job.purpose, count)
        if path.request:
            self._use.hold(path.request, job.purpose, count)
        job.address += count * size
        job.remaining -= count * size
        return start + count * period

    def _cut(self, job: Job, at: int) -> None:
        """End the burst under way where the timer has expired and the grant, at `at`, is gone."""
        path = job.path
        self._gone = at
        size = cut(path, job.address, job.remaining, self._start, at, self._clock)
        self._size = size
        self._phases = path.phases(job.address, size)
        self.free = self._start + path.hold(self._phases)

    def _settle(self, job: Job) -> None:
        """End the tenure under way, and put its job where it waits for its next."""
        self._job = None
        path = job.path
        if not self._size:
            self._use.hold(path.request, job.purpose)
            job.requesting = False
            if path.completer is not None:
                job.master = path.completer
            self._come(job, self.free + path.delay)
            return
        self._use.count(path, self._start, self._phases, self._size, job.purpose)
        job.address += self._size
        job.remaining -= self._size
        job.master = job.home
        if not job.remaining:
            job.end = self._start + path.reach(self._phases)
            if job.source is not None:
                self.add(job.source)
        else:
            job.requesting = path.request > 0
            job.at = self.free
            self._line_up_again(job)
        if path.gap:
            self._rest(job.home, self.free + path.gap)

    def _line_up_again(self, job: Job) -> None:
        """Put a job that goes on where its master goes on."""
        master = job.master
        if not self._ordered[master]:
            self._line_up(job)
            return
        self._first[master] -= 1
        job.ticket = self._first[master]
        self._ready[master].appendleft(job)
        if not self._resting[master]:
            self._waiting += 1

    def use(self, end: int) -> StationUse:
        """Return the use of the bus up to the time `end`, which no request may precede later."""
        self.advance(end)
        job = self._job
        if job is None:
            return self._use.until(end)
        return self._use.within(
            end, job.path, self._start, self._phases, self._size, self.free, job.purpose
        )
