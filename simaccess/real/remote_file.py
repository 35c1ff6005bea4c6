"""Remote files: whatever fsspec opens, such as HTTP ranges and S3 objects, as a segment.

A copy is a range request that goes on beside the consumer's work. Its bytes go
into the shadow when all of them have arrived, once, and only if it has not been withdrawn.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from concurrent.futures import Future, wait
from threading import Lock
from time import perf_counter_ns
from typing import Any, ClassVar, TypeVar

from pydantic import PositiveInt

from simaccess.errors import InputError
from simaccess.quantities import PositiveDuration
from simaccess.real.http_ranges import HttpReader
from simaccess.real.http_requests import HttpRequests
from simaccess.real.link import RealLink
from simaccess.real.passed_loop import PassedLoop
from simaccess.real.remote_ranges import Pieces, Requests, failure
from simaccess.real.remote_threads import ThreadRequests
from simaccess.real.switching import SwitchInterval
from simaccess.real.urls import LinkOptions, options
from simaccess.segment import Data, Local, Transfer

__all__ = ["RemoteFile", "RemoteOptions", "open_link"]

_EXTRA = "pip install 'simaccess[remote]'"

_Result = TypeVar("_Result")


class RemoteOptions(LinkOptions):
    """Options of a remote file.

    Attributes
    ----------
    connections : int
        Most requests at a time.
    switch : float
        Seconds after which a busy consumer lets the thread of the requests run, while the link
        is open; Python's own 5 ms would let a copy progress only in steps of that.
    """

    connections: PositiveInt = 64
    switch: PositiveDuration = 100e-6


def open_link(url: str) -> RemoteFile:
    """Open a file that fsspec knows.

    Parameters
    ----------
    url : str
        As fsspec takes it, such as ``https://host/path?query``. Options follow the last ``#``,
        as a query is the server's: ``https://host/path#timeout=5 s&connections=4``.

    Raises
    ------
    InputError
        If there is no such file, protocol or option, or if a package is missing.
    LinkError
        If the far end does not answer as it should.
    """
    place, _, fragment = url.rpartition("#") if "#" in url else (url, "", "")
    _, given = options(f"remote:?{fragment}", RemoteOptions)
    if "://" not in place and "::" not in place:
        raise InputError("not a URL that fsspec opens", key="URL", value=url, allowed="X://…")
    requests: Requests
    if place.startswith(("http://", "https://")):
        passed = PassedLoop()
        try:
            fs, _ = _file_system(place, loop=passed.loop)
        except BaseException:
            passed.end()
            raise
        requests = HttpRequests(
            HttpReader(fs, place),
            passed,
            url=url,
            timeout=given.timeout,
            connections=given.connections,
        )
    else:
        fs, path = _file_system(place)
        requests = ThreadRequests(fs, path, url=url, connections=given.connections)
    try:
        size = _opened(requests.size(), url, given.timeout)
        writable = isinstance(requests, ThreadRequests) and requests.writes_ranges()
    except BaseException:
        requests.close()
        raise
    return RemoteFile(url, size, requests, given, writable=writable)


def _file_system(url: str, **more: object) -> tuple[Any, str]:
    """Return fsspec's file system for a URL, not one that others use, and the path in it."""
    try:
        from fsspec.core import url_to_fs  # noqa: PLC0415  # an extra, which may be missing
    except ImportError:
        raise InputError("fsspec is not installed", key="URL", value=url, allowed=_EXTRA) from None
    try:
        fs, path = url_to_fs(url, skip_instance_cache=True, use_listings_cache=False, **more)
    except ImportError as error:
        problem = f"a package that fsspec needs for it is missing ({error})"
        allowed = f"{_EXTRA} for https: and s3:, else that package"
        raise InputError(problem, key="URL", value=url, allowed=allowed) from error
    except ValueError as error:
        from fsspec import available_protocols  # noqa: PLC0415  # see above

        known = sorted(available_protocols())
        raise InputError(str(error), key="URL", value=url, allowed=known) from error
    except Exception as error:  # file systems that connect at once raise whatever they like
        raise failure(error, url, 0) from error
    return fs, path


def _opened(size: Future[int], url: str, timeout: float) -> int:
    """Return the size of the file, or say why it cannot be had."""
    try:
        return size.result(timeout)
    except FileNotFoundError as error:
        raise InputError("no such file", key="URL", value=url) from error
    except PermissionError as error:
        raise InputError("reading it is not allowed", key="URL", value=url) from error
    except Exception as error:
        size.cancel()
        raise failure(error, url, timeout) from error


class RemoteFile(RealLink):
    """A link to a remote file.

    Parameters
    ----------
    url, size
        As for `RealLink`.
    requests : Requests
        Who asks for ranges.
    given : RemoteOptions
        The options.
    writable : bool
        Whether ranges can be written.
    """

    MEANING: ClassVar[Mapping[str, str]] = {
        "load": "one range request, from sending it to its last byte",
        "fetch": "over HTTP a range request, sent when it is issued over a connection that is open;"
        " otherwise a call in another thread, issued by handing it over",
        "clock": "the monotonic clock; what the other thread takes of the processor is not told"
        " apart from what the consumer is doing meanwhile",
        "overlap": "requests go on in a thread while the consumer works, over HTTP in one that"
        " takes over once the consumer has made no call for a millisecond or two, otherwise in one"
        " each, as far as Python's lock lets two threads run",
    }

    def __init__(
        self, url: str, size: int, requests: Requests, given: RemoteOptions, *, writable: bool
    ) -> None:
        super().__init__(url, size, given.timeout)
        self.requests = requests
        self.writable = writable
        self._switch: SwitchInterval | None = SwitchInterval(given.switch)

    def attach(self) -> RemoteSegment:
        """Return the access to the file."""
        return RemoteSegment(self)

    def cool(self) -> bool:
        """Drop the connections, of which none may be in use."""
        return self.requests.cool()

    def close(self) -> None:
        """Withdraw what is under way and drop the connections."""
        if self._switch is not None:
            self._switch.give_back()
            self._switch = None
            self.requests.close()

    def result(self, future: Future[_Result]) -> _Result:
        """Wait for a request, at most for the link's timeout; what failed is withdrawn."""
        try:
            return future.result(self.timeout)
        except Exception as error:
            future.cancel()
            raise failure(error, self.url, self.timeout) from error
        except BaseException:
            future.cancel()
            raise


class RemoteSegment:
    """The consumer's access to a `RemoteFile`."""

    posted = False

    def __init__(self, link: RemoteFile) -> None:
        self.size = link.size
        self.moved = 0
        self._link = link
        self._clock = link.clock

    async def load(self, offset: int, length: int) -> Data:
        """Read in place: a request, and the wait for its answer."""
        begin = perf_counter_ns()
        self.moved += length
        try:
            pieces = self._link.result(self._link.requests.read(offset, length, None))
        finally:
            self._clock.stall += perf_counter_ns() - begin
        return memoryview(pieces[0] if len(pieces) == 1 else b"".join(pieces))

    async def store(self, offset: int, length: int, data: Data) -> None:
        """Write in place, and wait until it is written."""
        begin = perf_counter_ns()
        self._require_writable()
        assert data is not None
        self.moved += length
        try:
            self._link.result(self._link.requests.write(offset, bytes(data)))
        finally:
            self._clock.stall += perf_counter_ns() - begin

    async def fetch(self, offset: int, length: int, into: Local, at: int) -> Transfer:
        """Start a request."""
        begin = perf_counter_ns()
        view = into.view(at, length)
        assert view is not None
        landing = _Landing(view)
        self.moved += length
        future = self._link.requests.read(offset, length, landing.land)
        self._clock.issue += perf_counter_ns() - begin
        return _RangeTransfer(self._link, future, landing)

    async def flush(self, offset: int, length: int, source: Local, at: int) -> Transfer:
        """Start writing."""
        begin = perf_counter_ns()
        self._require_writable()
        view = source.view(at, length)
        assert view is not None
        self.moved += length
        future = self._link.requests.write(offset, bytes(view))
        self._clock.issue += perf_counter_ns() - begin
        return _RangeTransfer(self._link, future, None)

    def _require_writable(self) -> None:
        if not self._link.writable:
            raise InputError("ranges of it cannot be written", key="URL", value=self._link.url)


class _Landing:
    """Where the bytes of a request go, unless it has been withdrawn before they came."""

    __slots__ = ("_lock", "_view")

    def __init__(self, view: memoryview) -> None:
        self._lock = Lock()
        self._view: memoryview | None = view

    def land(self, pieces: Pieces) -> None:
        """Take the bytes, all of them."""
        with self._lock:
            if self._view is not None:
                at = 0
                for piece in pieces:
                    self._view[at : at + len(piece)] = piece
                    at += len(piece)
                self._view = None

    def withdraw(self) -> bool:
        """Take none from now on; say whether they have not come yet."""
        with self._lock:
            withdrawn = self._view is not None
            self._view = None
            return withdrawn


class _RangeTransfer:
    """A range request under way."""

    __slots__ = ("_future", "_landing", "_link")

    def __init__(self, link: RemoteFile, future: Future[Any], landing: _Landing | None) -> None:
        self._link = link
        self._future = future
        self._landing = landing

    def __await__(self) -> Generator[Any, Any, None]:
        begin = 0 if self._future.done() else perf_counter_ns()
        try:
            self._link.result(self._future)
        except BaseException:
            if self._landing is not None:
                self._landing.withdraw()
            raise
        finally:
            if begin:
                self._link.clock.wait += perf_counter_ns() - begin
        yield from ()

    async def poll(self) -> bool:
        """Say whether the request has ended."""
        if not self._future.done():
            self._link.requests.go_on()
        return self._future.done()

    async def cancel(self) -> bool:
        """Withdraw the request; from now on it writes nothing."""
        withdrawn = self._future.cancel()
        if self._landing is not None:
            return self._landing.withdraw()
        if not withdrawn:  # what is being written must not overtake what is written next
            wait([self._future], self._link.timeout)
        return withdrawn
