"""The transmission phase of the NBD protocol, without a socket: what comes back.

Written against the protocol's public description, doc/proto.md of
https://github.com/NetworkBlockDevice/nbd. Bytes from the far end go where `Replies.targets`
says: headers into a small staging area, payload straight into the memory of whoever asked for
it. Only so much is taken from the far end as its replies to the requests under way can hold, so
that nothing it sends makes the parser loop or allocate; whatever is not such a reply raises
`ProtocolError`, after which the connection is of no more use.
"""

from __future__ import annotations

from collections.abc import Sequence

from simaccess.real.nbd_guess import Guess
from simaccess.real.nbd_reply import (
    CHUNK,
    CHUNK_MAGIC,
    DATA,
    DATA_CHUNK,
    DONE,
    FAILED,
    HOLE,
    HOLES,
    OFFSET,
    SIMPLE,
    SIMPLE_MAGIC,
    ahead_of_payload,
    refuse,
)
from simaccess.real.nbd_request import READ, ProtocolError, Request

__all__ = ["Replies"]

_HEADER = DATA_CHUNK.size  # read at once: what stands before a chunk's payload
_SMALL = 8192
_WHOLE = 1 << 18  # a payload from here on is followed by the next header, at most, in one call
_STAGING = 1 << 16
_SCRATCH = 1 << 16  # where payload goes that nobody waits for any more

_COOKIES = (1 << 64) - 1
_ZEROS = memoryview(bytes(1 << 16))


class Replies:
    """What comes back on one connection in the transmission phase.

    Parameters
    ----------
    structured : bool
        Whether structured replies were agreed upon.
    small : int
        A payload up to this is copied once more: cheaper than a call of its own.

    Attributes
    ----------
    under_way : dict of int to Request
        The requests without a whole reply, by cookie.
    room : int
        Bytes that the last targets have room for.
    """

    def __init__(self, structured: bool, small: int = _SMALL) -> None:
        self.structured = structured
        self.under_way: dict[int, Request] = {}
        self.room = 0  # bytes of the last targets
        self._cookie = 0
        self._expected = 0  # bytes that their replies have, at most
        self._small = _HEADER + small
        self._staging = memoryview(bytearray(_STAGING))
        self._header = self._staging[:_HEADER]
        self._guess = Guess(self._staging, _HEADER)
        self._begin = self._end = 0  # of what is in the staging area and not yet understood
        self._need = SIMPLE.size  # bytes there with which something can be understood
        self._scratch: memoryview | None = None
        # The chunk or simple reply that is being received.
        self._request: Request | None = None
        self._kind = DATA
        self._done = False
        self._size = 0  # of the chunk's own part before its payload
        # Its payload, as places in the export.
        self._place = self._stop = 0
        self._piece = 0  # bytes of it that the last targets had room for

    def expect(self, request: Request) -> bytes:
        """Give a request that is about to be sent its cookie; return what is to be sent."""
        self._cookie = cookie = request.cookie = (self._cookie + 1) & _COOKIES
        self.under_way[cookie] = request
        self._expected += _HEADER + request.left
        return request.header()

    def forget(self, request: Request) -> None:
        """Take note that a request is over, or was not sent after all."""
        del self.under_way[request.cookie]
        self._expected -= _HEADER + (request.length if request.command == READ else 0)
        request.over = True

    def targets(self) -> Sequence[memoryview]:
        """Return where the next bytes from the far end go, one memory after the other."""
        if self._guess.requests:  # nothing of it had come
            self._guess.over()
        left = self._stop - self._place
        if left:
            request = self._request
            piece = None if request is None else request.view
            if (
                request is None
                or piece is None
                or len(piece) != left
                or not request.at == request.offset == self._place
            ):
                piece = self._target(left)
            self._piece = size = len(piece)
            if size < left or (self._done and len(self.under_way) == 1):
                self.room = size
                return (piece,)
            if size > _WHOLE:
                self.room = size + _HEADER
                return piece, self._header  # by the same system call
            more = self._behind(request)
            self.room += size
            return piece, *more
        self._piece = 0
        if self._request is None:
            return self._behind(None)
        ahead = max(self._need, _HEADER)
        self.room = ahead - self._end
        return (self._staging[self._end : ahead],)

    def _behind(self, request: Request | None) -> Sequence[memoryview]:
        """Return where goes what follows the end of a reply, or of a chunk, to a request."""
        ahead, expected = _HEADER, self._expected
        if expected <= len(self.under_way) * self._small:  # all is copied: as much as there is
            if request is not None:
                expected -= _HEADER + request.length
            ahead = min(max(expected, _HEADER), _STAGING)
        elif self.structured and not self._end and (request is None or self._done):
            self.room = self._guess.make(self.under_way, request)
            if self.room:
                return self._guess.targets
        self.room = ahead - self._end
        return (self._staging[self._end : ahead],)

    def received(self, count: int) -> None:
        """Take note of `count` bytes that were put into the targets, in their order.

        Raises
        ------
        ProtocolError
            If they are not such a reply as a request under way can have.
        """
        piece = self._piece
        if piece:
            if count < piece:
                self._place += count
                self._piece = 0
                return
            count -= piece
            self._place += piece
            self._piece = 0
            if self._place == self._stop:
                self._end_chunk()
            if not count:
                return
        if self._guess.requests:
            try:
                self._take_guessed(count)
            finally:
                self._guess.over()
            return
        self._end += count
        if self._end == _HEADER and self._request is None and self._read_whole():
            self._begin = self._end = 0  # a header alone, of a large payload
        else:
            self._understand_all()

    def _understand_all(self) -> None:
        """Understand as much as can be of what is in the staging area."""
        if self._end > _HEADER and self.structured and self._request is None:
            self._take_whole_replies()
        while self._begin < self._end and self._understand():
            pass
        if self._begin:
            left = self._end - self._begin
            if left:
                self._staging[:left] = bytes(self._staging[self._begin : self._end])
            self._begin, self._end = 0, left

    def _take_guessed(self, count: int) -> None:
        """Take note of `count` bytes that were put where the next replies were thought to go."""
        guess = self._guess
        begin = 0  # of the next header
        for number, request in enumerate(guess.requests):
            if count < _HEADER:
                break
            if self._announced(begin) is not request:
                wrong = guess.wrong(number, count)
                while wrong:
                    part = wrong[: _STAGING - self._end]
                    wrong = wrong[len(part) :]
                    self._staging[self._end : self._end + len(part)] = part
                    self._end += len(part)
                    self._understand_all()
                return
            begin += _HEADER
            count -= _HEADER
            request.left = 0
            if count < request.length:
                self._request = request
                self._done = True
                self._place = request.offset + count
                self._stop = request.offset + request.length
                return
            count -= request.length
            self.forget(request)
            request.view = None
        if count:
            self._begin, self._end = begin, begin + count
            self._understand_all()

    def _target(self, most: int) -> memoryview:
        """Return where the payload at the present place goes, up to `most` bytes."""
        request, place = self._request, self._place
        view = None if request is None else request.view
        if request is not None and view is not None:
            begin = request.at
            end = begin + len(view)
            if begin <= place < end:
                if place == begin and len(view) <= most:
                    return view
                return view[place - begin : place - begin + most]
            if place < begin:
                most = min(most, begin - place)
        if self._scratch is None:
            self._scratch = memoryview(bytearray(_SCRATCH))
        return self._scratch[:most]

    def _understand(self) -> bool:
        """Go one step on with what is in the staging area; say whether there may be another."""
        available = self._end - self._begin
        if self._place < self._stop:
            if not available:
                return False
            piece = self._target(min(available, self._stop - self._place))
            size = len(piece)
            piece[:] = self._staging[self._begin : self._begin + size]
            self._begin += size
            self._place += size
            if self._place == self._stop:
                self._end_chunk()
            return True
        if available < self._need:
            return False
        if self._request is not None:
            self._begin_chunk(self._request)
        elif available < _HEADER or not self._read_whole():
            self._read_header(available)
        return True

    def _take_whole_replies(self) -> None:
        """Take replies that are one chunk of data and have come to their end, a usual case."""
        staging, begin, end = self._staging, self._begin, self._end
        while end - begin > _HEADER:
            request = self._announced(begin)
            if request is None:
                break
            start = begin + _HEADER
            stop = start + request.length
            if stop > end:
                break
            view = request.view
            if view is not None:
                if len(view) != request.length or request.at != request.offset:
                    break  # only a part of it is wanted
                view[:] = staging[start:stop]
                request.view = None
            request.left = 0
            self.forget(request)
            begin = stop
            self._need = SIMPLE.size
        self._begin = begin

    def _announced(self, begin: int) -> Request | None:
        """Return the request that is answered by one chunk of data, if such a header is there."""
        magic, flags, kind, cookie, length, place = DATA_CHUNK.unpack_from(self._staging, begin)
        request = self.under_way.get(cookie)
        if (
            request is not None
            and magic == CHUNK_MAGIC
            and kind == DATA
            and length == request.length + OFFSET.size
            and request.left == request.length > 0
            and place == request.offset
            and flags & DONE
        ):
            return request
        return None

    def _read_whole(self) -> bool:
        """Read the header of a reply that is one chunk of data, if it is one."""
        request = self._announced(self._begin) if self.structured else None
        if request is None:
            return False
        self._request = request
        self._done = True
        self._begin += _HEADER
        self._place = request.offset
        self._stop = request.offset + request.length
        request.left = 0
        return True

    def _read_header(self, available: int) -> None:
        magic, error, cookie = SIMPLE.unpack_from(self._staging, self._begin)
        if magic == SIMPLE_MAGIC:
            self._begin += SIMPLE.size
            self._read_simple(self._find(cookie), error)
        elif magic == CHUNK_MAGIC and self.structured:
            if available < CHUNK.size:
                self._need = CHUNK.size
                return
            _, flags, kind, cookie, length = CHUNK.unpack_from(self._staging, self._begin)
            self._begin += CHUNK.size
            self._read_chunk(self._find(cookie), flags, kind, length)
        else:
            raise ProtocolError(f"a reply that begins with 0x{magic:08x}")

    def _find(self, cookie: int) -> Request:
        try:
            return self.under_way[cookie]
        except KeyError:
            raise ProtocolError(f"a reply to a request that was not made: {cookie}") from None

    def _read_simple(self, request: Request, error: int) -> None:
        if request.command == READ and self.structured:
            raise ProtocolError(f"the {request.describe()} has no structured reply, as was agreed")
        self._request = request
        self._done = True
        if error:
            request.refuse(error)
            self._end_chunk()
        elif request.command == READ:
            request.announce(request.offset, request.length)
            self._place = request.offset
            self._stop = request.offset + request.length
        else:
            self._end_chunk()

    def _read_chunk(self, request: Request, flags: int, kind: int, length: int) -> None:
        request.count()
        self._request = request
        self._kind = kind
        self._done = bool(flags & DONE)
        self._size = length
        self._need = ahead_of_payload(request, kind, length, self._done)
        if not self._need:
            self._begin_chunk(request)

    def _begin_chunk(self, request: Request) -> None:
        """Understand what a chunk has before its payload."""
        staging, begin = self._staging, self._begin
        self._begin += self._need
        if self._kind == DATA:
            (place,) = OFFSET.unpack_from(staging, begin)
            request.announce(place, self._size - OFFSET.size)
            self._place = place
            self._stop = place + self._size - OFFSET.size
            return
        if self._kind == HOLES:
            place, size = HOLE.unpack_from(staging, begin)
            request.announce(place, size)
            self._place, self._stop = place, place + size
            while self._place < self._stop:
                piece = self._target(min(self._stop - self._place, len(_ZEROS)))
                piece[:] = _ZEROS[: len(piece)]
                self._place += len(piece)
        elif self._kind & FAILED:
            refuse(request, staging[begin : begin + self._need])
        self._end_chunk()

    def _end_chunk(self) -> None:
        request, self._request = self._request, None
        self._need = SIMPLE.size
        if request is None or not self._done:
            return
        if request.left and not request.problem:
            raise ProtocolError(f"{request.left} bytes are missing in the {request.describe()}")
        self.forget(request)
        request.view = None
