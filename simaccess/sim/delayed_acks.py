"""When a receiver acknowledges packets, as Linux does.

In order, it acknowledges every second packet. Out of order, the first three packets after each
advance are acknowledged at once, so that the sender learns of a loss; those that follow are held
back for up to a millisecond and acknowledged together (``tcp_comp_sack_delay_ns``; RFC 8985, 6.2
step 3, counts packets and not acknowledgements). The rules were read off packet logs over the WAN
in a box, Linux 6.18: ``docs/decisions.md``.
"""

from __future__ import annotations

from collections import deque

from simaccess.sim.environment import TICKS_PER_SECOND
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.receiver import Gaps
from simaccess.sim.train import Place, Train

__all__ = ["DelayedAcks"]

_MILLISECOND = TICKS_PER_SECOND // 1000
_ACTIVE = 40 * _MILLISECOND
_DELAY = rings_after(_ACTIVE)
_QUICK = 500
"""Packets of a connection at whose arrival Linux still raises its receive window, and acknowledges
each at once: 400 to 740 were measured."""
_DUPLICATES = 3
_COMPRESS = _MILLISECOND
_COMPRESS_SHARE = 20
"""That part of a round trip, if it is less."""
_SLACK = _MILLISECOND // 10
"""By which the kernel lets the timer for them be late (``tcp_comp_sack_slack_ns``)."""
_COMPRESSED = 44
"""Packets of one such acknowledgement at most (``tcp_comp_sack_nr``)."""


class DelayedAcks:
    """A receiver that acknowledges every second packet, and those after a loss by the millisecond.

    It acknowledges each of the first 500 packets of a connection, unless it is in a dialogue: from
    when it sends something within 40 ms of data, until an acknowledgement waits in vain. An odd
    packet waits for the next one, for 40 ms, or until the receiver itself sends. So a packet's
    acknowledgement is decided when those before it have come: the receiver may send in between.

    Parameters
    ----------
    acks : deque of Train
        Packets whose acknowledgements have not come, each a train of its own. When that of the
        first one comes is kept up to date; what those behind it say is not.
    back : int
        Ticks of an acknowledgement's way.
    round_trip : int
        Ticks of a round trip.

    Attributes
    ----------
    open : bool
        Whether the first acknowledgement may come earlier than it is now due.
    """

    __slots__ = (
        "_acks",
        "_back",
        "_compress",
        "_dialogue",
        "_due",
        "_duplicates",
        "_quick",
        "open",
    )

    def __init__(self, acks: deque[Train], back: int, round_trip: int) -> None:
        self.open = False
        self._acks = acks
        self._back = back
        self._compress = min(_COMPRESS, round_trip // _COMPRESS_SHARE) + _SLACK
        self._dialogue = False
        self._due = 0  # when the last packet could have been acknowledged
        self._duplicates = 0
        self._quick = _QUICK

    def arrive(self, train: Train, arrival: int, gaps: Gaps) -> None:
        """Take note of when the last of the trains arrives, and of what is missing then."""
        acks = self._acks
        before = acks[-2].due if len(acks) > 1 else self._due
        due = arrival + self._back
        train.due = max(before, due)  # packets do not overtake
        if gaps.missing or train.repairs is not None:
            train.place = _place(train, gaps.missing)
        if self.open or len(acks) == 1:
            self._decide()

    def took(self, train: Train) -> None:
        """Take note that the acknowledgement of the first train has come."""
        self._due = train.due
        if train.place != "in order" or self._duplicates:
            self._duplicates = self._counted(train, self._duplicates)
        if self._quick:
            self._quick -= 1
        if train.ack >= train.due + _DELAY:
            self._dialogue = False
        if not train.joined:
            self._decide()

    def sends(self, heard: int, now: int) -> None:
        """Take note that what the receiver has sent arrived at the other end.

        Parameters
        ----------
        heard : int
            When it did.
        now : int
            When that is known, and acknowledgements that it carried are taken.
        """
        latest = self._due
        covered: Train | None = None
        for train in self._acks:
            if train.due > heard:
                break
            latest = train.due
            if train.ack > now:
                train.ack = now
                train.joined = True
                covered = train
        if heard - latest < _ACTIVE:
            self._dialogue = True
        if covered is not None:
            covered.joined = False
            self.open = False
        else:
            self._decide()

    def _decide(self) -> None:
        """Decide when the first packets are acknowledged, by those that have left."""
        acks = self._acks
        self.open = False
        if not acks:
            return
        first = acks[0]
        if first.place != "in order":
            self._decide_behind()
            return
        first.joined = False
        first.ack = first.due
        if self._quick and not self._dialogue:
            return
        timer = first.due + _DELAY
        if len(acks) == 1:
            self.open = True
        else:
            second = acks[1]  # wherever it stands, it is acknowledged at once
            if second.due <= timer:
                first.joined = True
                second.joined = False
                second.ack = timer = second.due
        first.ack = timer

    def _decide_behind(self) -> None:
        """Decide when the first packets are acknowledged, where data is missing."""
        acks = self._acks
        duplicates = self._duplicates
        held = 0  # packets that are acknowledged together
        timer = 0
        hold = 1
        while hold and held < len(acks):
            train = acks[held]
            if held and train.due > timer:
                break
            duplicates = self._counted(train, duplicates)
            hold = self._hold(train, held, duplicates)
            if not hold:
                timer = train.due
            elif not held:
                timer = train.due + hold
            held += 1
        else:
            self.open = bool(hold)
        for number in range(held):
            acks[number].ack = timer
            acks[number].joined = number + 1 < held

    def _counted(self, train: Train, duplicates: int) -> int:
        """Return the packets out of order since the last advance, this one among them."""
        if train.place == "beyond":
            return duplicates + 1
        # As Linux counts: an advance by a lone packet is the first of the three.
        return 1 if train.place == "fills" else 0

    def _hold(self, train: Train, held: int, duplicates: int) -> int:
        """Return for how long a packet's acknowledgement may be held back, behind others."""
        if train.place != "beyond" or duplicates <= _DUPLICATES or held >= _COMPRESSED:
            return 0
        return self._compress


def _place(train: Train, missing: list[int]) -> Place:
    """Return where a packet stands among the data that has come, by what is missing then."""
    repairs = train.repairs
    if not missing:
        return "leaps" if repairs is not None else "in order"
    if not train.advances:
        return "beyond"
    assert repairs is not None
    return "fills" if missing[0] == repairs.original + 1 else "leaps"
