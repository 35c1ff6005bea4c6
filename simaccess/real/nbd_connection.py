"""One connection to an NBD server: its handshake, and bytes in and out.

A failure of the connection, or what the far end must not send, raises `Broken`; then nothing
that was under way on it can end any more. `Broken` is for the link, which tells its user.

Sending never blocks: what does not fit into the socket's buffer is queued. Receiving blocks if
asked to, after having looked for a while, within the kernel and not in `poll`, which saves half of
the system calls of a stream.
"""

from __future__ import annotations

import math
import socket
from collections import deque
from collections.abc import Sequence
from operator import itemgetter
from struct import Struct
from time import perf_counter

from simaccess.real.looking import Looking
from simaccess.real.nbd_handshake import Export, handshake
from simaccess.real.nbd_protocol import Replies
from simaccess.real.nbd_request import DISCONNECT, HEADER, WRITE, ProtocolError, Request

__all__ = ["Address", "Broken", "Connection"]

_AT_ONCE = socket.MSG_DONTWAIT
_NOW = (_AT_ONCE,)  # flags, for `map`
_ANY = (0,)  # no flags, and no ancillary data nor limit
_WHOLE = 1 << 16  # a payload beyond this, which is more than is staged, is waited for on its own
_COARSE = 0.2  # seconds: an eighth of less is no more than a few of the kernel's ticks
_COUNT = itemgetter(0)  # of what recvmsg_into returns
_TIMEVAL = Struct("@ll")  # seconds and microseconds

Address = tuple[str, int] | str
"""Host and port, or the path of a unix socket."""


class Broken(Exception):  # noqa: N818  # a state of the connection
    """A connection is of no more use; says why."""


class Connection:
    """A connection in the transmission phase.

    Parameters
    ----------
    address : tuple or str
        Where the server listens.
    name : str
        The export.
    timeout : float
        Seconds within which it must be open.

    Attributes
    ----------
    export : Export
        What the server offers.
    replies : Replies
        What is under way.
    patience : float
        Seconds for which `receive` blocks at most when asked to; infinite where it must not be
        asked to.
    queue : deque
        What could not be sent yet.
    whole : bool
        False while bytes are on their way between the socket and the books. Seen from outside it
        means that a signal handler's exception came between: where in the stream we are is lost.
    """

    def __init__(self, address: Address, name: str, timeout: float) -> None:
        deadline = perf_counter() + timeout
        self.whole = True
        self.queue: deque[tuple[Request, memoryview]] = deque()
        # The kernel counts a receive's timeout in its own ticks, of up to 10 ms, and rounds it up.
        # Where that is too coarse `poll` waits in its place, which is exact to a millisecond.
        self.patience = timeout / 8 if timeout >= _COARSE else math.inf
        self._got: list[int] = []
        self._looking = Looking()
        try:
            self.socket = _connect(address, deadline)
        except TimeoutError:
            raise Broken(f"cannot connect: no answer within {timeout:g} s") from None
        except OSError as error:
            raise Broken(f"cannot connect: {error.strerror or error}") from None
        try:
            self.export = self._shake_hands(name, deadline)
            self.socket.setblocking(True)
            if self.patience < math.inf:
                seconds, part = divmod(self.patience, 1)
                patience = _TIMEVAL.pack(int(seconds), int(part * 1e6))
                self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, patience)
        except TimeoutError:
            self.socket.close()
            raise Broken(f"no answer within {timeout:g} s in the handshake") from None
        except OSError as error:
            self.socket.close()
            raise Broken(f"the handshake failed: {error.strerror or error}") from None
        except BaseException:
            self.socket.close()
            raise
        self.replies = Replies(self.export.structured)
        self._receive = self.socket.recv_into
        self._receive_scattered = self.socket.recvmsg_into
        self._send = self.socket.send

    def _shake_hands(self, name: str, deadline: float) -> Export:
        steps = handshake(name)
        answer = b""
        try:
            step = next(steps)
            while True:
                self.socket.settimeout(_left(deadline))
                if isinstance(step, bytes):
                    self.socket.sendall(step)
                    step = next(steps)
                    continue
                part = self.socket.recv(step - len(answer))
                if not part:
                    raise ProtocolError("the server closed the connection in the handshake")
                answer += part
                if len(answer) == step:
                    step, answer = steps.send(answer), b""
        except StopIteration as end:
            export: Export = end.value
            return export

    def issue(self, request: Request, payload: memoryview | None = None) -> None:
        """Send a request, or as much of it as can be sent now."""
        self.whole = False
        header = self.replies.expect(request)
        sent = 0
        if not self.queue:
            try:
                if payload is None:
                    sent = self._send(header, _AT_ONCE)
                    if sent == HEADER:
                        self.whole = True
                        return
                else:
                    sent = self.socket.sendmsg((header, payload), (), _AT_ONCE)
            except BlockingIOError:
                pass
            except OSError as error:
                raise Broken(f"the connection was lost: {error.strerror or error}") from None
        if sent < HEADER:
            self.queue.append((request, memoryview(header)[sent:]))
            sent = HEADER
        if payload is not None and sent < HEADER + len(payload):
            self.queue.append((request, payload[sent - HEADER :]))
        self.whole = True

    def send_queued(self) -> None:
        """Send as much as can be sent of what could not be sent before."""
        queue = self.queue
        while queue:
            self.whole = False
            request, part = queue[0]
            try:
                sent = self.socket.send(part, _AT_ONCE)
            except BlockingIOError:
                self.whole = True
                return
            except OSError as error:
                raise Broken(f"the connection was lost: {error.strerror or error}") from None
            if sent == len(part):
                queue.popleft()
            else:
                queue[0] = request, part[sent:]
            self.whole = True

    def receive(self, until: Request | None = None) -> None:
        """Receive what is there; or block until a request is over, for `patience` at most."""
        replies = self.replies
        while replies.under_way:
            targets = replies.targets()
            first, room = len(targets[0]), replies.room
            self.whole = False
            try:
                if until is None:
                    self._receive_once(targets, _NOW)
                elif first > _WHOLE:
                    self._receive_piecewise(targets)
                else:
                    self._receive_soon(targets)
            except BlockingIOError:
                self._enter()
                return
            except OSError as error:
                raise Broken(f"the connection was lost: {error.strerror or error}") from None
            except BaseException:
                self._enter()
                raise
            count = self._enter()
            if until is None:
                if count < room:
                    return  # that was all
            elif until.over or count < first:
                return

    def _receive_once(self, targets: Sequence[memoryview], flags: tuple[int]) -> None:
        """Receive what is there; note how much before a signal's handler runs and may raise."""
        if len(targets) == 1:
            self._got.extend(map(self._receive, targets, _ANY, flags))
        else:
            scattered = map(self._receive_scattered, (targets,), _ANY, flags)
            self._got.extend(map(_COUNT, scattered))

    def _receive_soon(self, targets: Sequence[memoryview]) -> None:
        """Receive what is there; if nothing is, look again for a while before blocking."""
        try:
            self._receive_once(targets, _NOW)
        except BlockingIOError:
            pass
        else:
            return
        end = self._looking.until()
        if perf_counter() < end:
            while perf_counter() < end:
                try:
                    self._receive_once(targets, _NOW)
                except BlockingIOError:
                    continue
                self._looking.ended(True)
                return
            self._looking.ended(False)
        self._receive_once(targets, _ANY)

    def _receive_piecewise(self, targets: Sequence[memoryview]) -> None:
        """Block until the first target is full, for `patience` at most; take each piece at once.

        One call that waits for all (MSG_WAITALL) sleeps whenever it has caught up with the far
        end, who then wakes it up for each piece, and pays for that. Here a few more pieces come
        between two calls.
        """
        rest, *more = targets
        end = perf_counter() + self.patience
        while True:
            self._receive_soon((rest, *more))
            count = self._got[-1]
            if not 0 < count < len(rest) or perf_counter() > end:
                return
            rest = rest[count:]

    def _enter(self) -> int:
        """Enter what came into the books, and return how much that was."""
        got = self._got
        if got:
            count, ended = got[0] if len(got) == 1 else sum(got), not got[-1]
            got.clear()
            if ended:
                raise Broken("the server closed the connection with requests under way")
            try:
                self.replies.received(count)
            except ProtocolError as error:
                raise Broken(f"protocol error: {error}") from None
        else:
            count = 0
        self.whole = True
        return count

    def withdraw(self, request: Request) -> bool:
        """See to it that a request no longer touches its memory; say whether it was never sent."""
        request.view = None
        request.fail(f"the {request.describe()} was withdrawn")
        mine = [(index, part) for index, (owner, part) in enumerate(self.queue) if owner is request]
        if not mine:
            return False
        self.whole = False
        whole = len(mine[0][1]) == len(request.header()) and len(mine) == 1 + (
            request.command == WRITE
        )
        if whole:
            self.queue = deque(entry for entry in self.queue if entry[0] is not request)
            self.replies.forget(request)
        else:  # what has begun must go on, or the server takes what follows for its payload
            for index, part in mine:
                self.queue[index] = request, memoryview(bytes(part))
        self.whole = True
        return request.over

    def close(self) -> None:
        """Take leave of the server if that can be done at once, and close."""
        try:
            if self.whole and not self.queue:
                self.socket.send(Request(DISCONNECT, 0, 0).header(), _AT_ONCE)
        except OSError:
            pass
        finally:
            self.queue.clear()
            self.socket.close()


def _left(deadline: float) -> float:
    left = deadline - perf_counter()
    if left <= 0:
        raise TimeoutError
    return left


def _connect(address: Address, deadline: float) -> socket.socket:
    if isinstance(address, str):
        return _open(socket.AF_UNIX, address, deadline)
    host, port = address
    problem: OSError = OSError("no address")
    for family, _, _, _, found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        try:
            return _open(family, found, deadline)
        except OSError as error:
            problem = error
    raise problem


def _open(family: int, address: object, deadline: float) -> socket.socket:
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(_left(deadline))
        opened.connect(address)  # type: ignore[arg-type]  # what getaddrinfo gave for the family
        if family != socket.AF_UNIX:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    except BaseException:
        opened.close()
        raise
    return opened
