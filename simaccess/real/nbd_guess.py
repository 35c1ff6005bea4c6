"""Where payload goes whose header has not been seen: a guess that replies come in order.

A call into the kernel for a header alone, and Python's part in it, takes half as long as the
copy of 64 KiB out of a socket. A server that is not ahead of its client answers in the order of
the requests, nearly always; so the next headers and payloads can be received by one call, each
payload into the memory of the oldest request without a reply. Where the guess was wrong, what
came is taken out again and understood in order: the memory belongs to a request under way, and
what is in there means nothing until its own reply has come.
"""

from __future__ import annotations

from collections.abc import Mapping

from simaccess.real.nbd_request import Request

__all__ = ["Guess"]

_MOST = 1 << 17  # bytes of payload by one guess: what a wrong one has copied twice
_REPLIES = 4  # at most
_DOUBT = 32  # times in which it is not guessed after a wrong one


class Guess:
    """The replies that are received next, if they come in order.

    Parameters
    ----------
    staging : memoryview
        Where their headers go, one behind the other.
    header : int
        Bytes of a header.

    Attributes
    ----------
    requests : list of Request
        Those to which these are the replies; none if nothing is guessed.
    targets : list of memoryview
        Where the replies go: a header and a payload for each, and one header more, if there may
        be another reply.
    """

    def __init__(self, staging: memoryview, header: int) -> None:
        self.requests: list[Request] = []
        self.targets: list[memoryview] = []
        self._headers = [staging[at * header : (at + 1) * header] for at in range(_REPLIES + 1)]
        self._doubt = 0

    def make(self, under_way: Mapping[int, Request], known: Request | None) -> int:
        """Guess what comes, behind the reply that is `known` to come first.

        Returns how many bytes the targets have room for, none if nothing is guessed.
        """
        if self._doubt:
            self._doubt -= 1
            return 0
        requests, targets, headers = self.requests, self.targets, self._headers
        left = _MOST
        count = 0
        for request in under_way.values():
            if request is known:
                continue
            view, size = request.view, request.length
            if (
                view is None
                or size > left
                or count == _REPLIES
                or not size == request.left == len(view)
                or request.at != request.offset
            ):
                break
            left -= size
            requests.append(request)
            targets += headers[count], view
            count += 1
        if not count:
            return 0
        if count + (known is not None) < len(under_way):
            targets.append(headers[count])
            count += 1
        return _MOST - left + count * len(headers[0])

    def wrong(self, number: int, count: int) -> bytes:
        """Return the `count` bytes that came from the header of a reply of this number on."""
        self._doubt = _DOUBT
        parts = []
        for target in self.targets[2 * number :]:
            parts.append(target[:count])
            count -= len(parts[-1])
        return b"".join(parts)

    def over(self) -> None:
        """Forget the guess."""
        self.requests.clear()
        self.targets.clear()
