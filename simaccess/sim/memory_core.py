"""What a core keeps besides its caches: translations, streams and posted stores."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from simaccess.sim.caches import PrivateCaches

__all__ = ["Core", "Stream"]

STREAMS = 16
"""Streams that a core follows at once."""

_FEW: Final = 32
"""Pages from which on an OrderedDict, three times as large as a dict, is worth its room."""


class Stream:
    """Lines that a core reads one after another, and what is fetched ahead of it.

    Attributes
    ----------
    next : int
        The line that continues it.
    run : int
        Lines read in sequence so far.
    head : int
        The last line that was fetched.
    under_way : list of (int, int, int, int)
        Batches fetched: first line, last line, when the first is there, ticks from line to line;
        None before there is one.
    """

    __slots__ = ("head", "next", "run", "under_way")

    def __init__(self, first: int) -> None:
        self.next = first
        self.run = 0
        self.head = first - 1
        self.under_way: list[tuple[int, int, int, int]] | None = None

    def ready(self, line: int) -> int:
        """Return when a line is there, 0 if it is not under way; forget what lies before it."""
        under_way = self.under_way
        while under_way and under_way[0][1] < line:
            del under_way[0]
        if under_way and under_way[0][0] <= line:
            first, _, returned, step = under_way[0]
            return returned + (line - first) * step
        return 0

    def expect(self, first: int, last: int, returned: int, step: int, now: int) -> None:
        """Note that a batch has been fetched; forget those before it that are there."""
        under_way = self.under_way
        if not under_way:
            self.under_way = under_way = []  # short, and an empty deque is not
        while under_way:
            begin, end, start, pace = under_way[0]
            if start + (end - begin) * pace > now:
                break
            del under_way[0]
        under_way.append((first, last, returned, step))


class Core(PrivateCaches):
    """The core that an agent runs on.

    Parameters
    ----------
    index, socket, l1, l2
        As for `PrivateCaches`.
    translations : int
        Pages that its TLB reaches.

    Attributes
    ----------
    taken : int
        Lines that its latest request took over the bus: from memory or from another core.
    posted : list of (int, int)
        Stores in the store buffer: when they will have been done, and their lines. They are few,
        and an empty deque takes 0.7 KiB.
    buffered : int
        Lines in the store buffer.
    page : int
        The page that was looked up last.
    """

    __slots__ = ("_streams", "_tlb", "_translations", "buffered", "page", "posted", "taken")

    def __init__(self, index: int, socket: int, l1: int, l2: int, translations: int) -> None:
        super().__init__(index, socket, l1, l2)
        self.taken = 0
        self.posted: list[tuple[int, int]] = []
        self.buffered = 0
        self._translations = translations
        self._tlb: dict[int, None] = {}
        self.page = -1
        self._streams: dict[int, Stream] = {}

    def translate(self, page: int) -> bool:
        """Look up a page; return whether that took a walk."""
        if page == self.page:
            return False
        self.page = page
        tlb = self._tlb
        if page in tlb:
            self._renew(page)
            return False
        tlb[page] = None
        if len(tlb) > self._translations:
            del tlb[next(iter(tlb))]
        elif len(tlb) == _FEW:
            self._prepare_for_many()
        return True

    def _renew(self, page: int) -> None:
        """Note that a translation has been used; replay moves it to the end, and that is all."""
        tlb = self._tlb
        if isinstance(tlb, OrderedDict):
            tlb.move_to_end(page)
        else:
            del tlb[page]
            tlb[page] = None

    def _prepare_for_many(self) -> None:
        """Keep translations so that the oldest of many is found at once; replay always does."""
        self._tlb = OrderedDict(self._tlb)

    def follow(self, first: int, last: int) -> Stream:
        """Return the stream that reading these lines continues, or a new one."""
        streams = self._streams
        stream = streams.pop(first, None)
        if stream is None:
            stream = streams.pop(first + 1, None)  # its last line once more
            if stream is None:
                stream = Stream(first)
                if len(streams) >= STREAMS:
                    del streams[next(iter(streams))]
        if last >= stream.next:
            stream.run += last + 1 - stream.next
            stream.next = last + 1
        streams[stream.next] = stream
        return stream

    def retire(self, now: int) -> None:
        """Forget the posted stores that are done."""
        posted = self.posted
        while posted and posted[0][0] <= now:
            self.buffered -= posted.pop(0)[1]

    def post(self, end: int, lines: int) -> None:
        """Put stores into the buffer that will have their lines at `end`; they leave in order."""
        self.posted.append((end, lines))
        self.buffered += lines
