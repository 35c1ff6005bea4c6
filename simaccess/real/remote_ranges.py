"""Ranges of a remote file through fsspec: who asks for them, and what an answer must be.

fsspec's file objects and their caches are not used: each range is one request of its own. An
asynchronous file system's requests are made in fsspec's event-loop thread, another's in threads
of a pool. Over HTTP the answer itself is checked, since fsspec takes any body for the range: a
server that ignores ranges, or answers with another one, is found out.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import Any, Protocol, TypeAlias, TypeVar

from simaccess.errors import LinkError

__all__ = [
    "FileSystemReader",
    "HttpReader",
    "LoopRequests",
    "Pieces",
    "Requests",
    "ThreadRequests",
    "failure",
]

Pieces: TypeAlias = Sequence[bytes]
"""The bytes of a range, in order."""

Land: TypeAlias = Callable[[Pieces], None]
"""Takes the bytes of a range when they have all arrived."""

_ONE_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_NO_RANGE = re.compile(r"bytes \*/(\d+)")

_Result = TypeVar("_Result")


def failure(error: BaseException, url: str, timeout: float) -> LinkError:
    """Return what a request ended in as the link's error."""
    if isinstance(error, LinkError):
        return error
    if isinstance(error, TimeoutError):
        return LinkError(f"no answer within {timeout:g} s", url)
    if isinstance(error, FileNotFoundError):
        return LinkError("there is no such file any more", url)
    if isinstance(error, PermissionError):
        return LinkError("reading the file is not allowed", url)
    told = str(error)
    return LinkError(f"{type(error).__name__}: {told}" if told else type(error).__name__, url)


class Requests(Protocol):
    """Who makes requests for ranges beside the consumer."""

    def read(self, offset: int, length: int, land: Land | None) -> Future[Pieces]:
        """Start a request; `land`, called before the future is done, takes its bytes."""
        ...

    def write(self, offset: int, data: bytes) -> Future[None]:
        """Start writing a range."""
        ...

    def size(self) -> Future[int]:
        """Start asking for the size of the file, in bytes."""
        ...

    def cool(self) -> bool:
        """Drop the connections; say whether there can be any."""
        ...

    def close(self) -> None:
        """Withdraw what is under way and drop the connections."""
        ...


# -- asynchronous file systems -----------------------------------------------------------------


class Reader(Protocol):
    """How one sort of file system is asked."""

    async def size(self) -> int:
        """Return the size of the file."""
        ...

    async def read(self, offset: int, length: int) -> Pieces:
        """Return a range."""
        ...

    async def drop(self) -> bool:
        """Drop the connections, if that is possible."""
        ...


class FileSystemReader:
    """Any asynchronous file system of fsspec. Of an answer only the length can be checked.

    Parameters
    ----------
    fs : fsspec.asyn.AsyncFileSystem
        The file system.
    path : str
        The file in it.
    url : str
        The link.
    """

    def __init__(self, fs: Any, path: str, url: str) -> None:
        self._fs = fs
        self._path = path
        self._url = url

    async def size(self) -> int:
        """Return the size that the file system tells."""
        info = await self._fs._info(self._path)  # noqa: SLF001  # fsspec names its coroutines so
        return _told_size(info, self._url)

    async def read(self, offset: int, length: int) -> Pieces:
        """Return a range."""
        read = self._fs._cat_file  # noqa: SLF001  # see above
        return [await read(self._path, start=offset, end=offset + length)]

    async def drop(self) -> bool:
        """Keep the connections: fsspec has no common way to drop them."""
        return False


class HttpReader:
    """An HTTP server, by range requests whose answers are checked.

    Parameters
    ----------
    fs : fsspec.implementations.http.HTTPFileSystem
        Makes the session.
    url : str
        The file.

    Raises
    ------
    LinkError
        By `size` and `read`, if the server does not answer with the range, or if the file is
        not the one of the answers before (by its size, and its entity tag if that is a strong
        one).
    """

    def __init__(self, fs: Any, url: str) -> None:
        self._fs = fs
        self._url = url
        self._size: int | None = None
        self._tag: str | None = None

    async def size(self) -> int:
        """Return the size, as the answer to a request for the first byte tells it."""
        async with await self._ask(0, 1) as answer:
            if answer.status == 416:  # an empty file has no first byte
                none = _NO_RANGE.fullmatch(answer.headers.get("Content-Range", ""))
                if none is None or int(none[1]):
                    raise self._refused(answer)
                self._size = 0
                return 0
            if answer.status == 200 and answer.headers.get("Content-Length") == "0":
                self._size = 0
                return 0
            self._size = self._checked(answer, 0, 1)
            await answer.read()
            return self._size

    async def read(self, offset: int, length: int) -> Pieces:
        """Return a range."""
        async with await self._ask(offset, length) as answer:
            self._checked(answer, offset, length)
            pieces = []
            left = length
            while left > 0 and (piece := await answer.content.readany()):
                pieces.append(piece)
                left -= len(piece)
            if not left:
                await answer.content.readany()  # the end, so that the connection is kept
        return pieces

    async def drop(self) -> bool:
        """Close the session; the next request makes another."""
        session, self._fs._session = self._fs._session, None  # noqa: SLF001  # no public way
        if session is not None:
            await session.close()
        return True

    async def _ask(self, offset: int, length: int) -> Any:
        session = await self._fs.set_session()
        headers = {
            "Range": f"bytes={offset}-{offset + length - 1}",
            "Accept-Encoding": "identity",
        }
        return await session.get(self._fs.encode_url(self._url), headers=headers)

    def _checked(self, answer: Any, offset: int, length: int) -> int:
        """Return the size of the file; raise if the answer is not to this range of this file."""
        headers = answer.headers
        if answer.status != 206:
            raise self._refused(answer)
        told = headers.get("Content-Range", "")
        found = _ONE_RANGE.fullmatch(told)
        if found is None or found[3] == "*":
            raise LinkError(f"an answer without a usable Content-Range: {told!r}", self._url)
        if (int(found[1]), int(found[2])) != (offset, offset + length - 1):
            asked = f"{offset}-{offset + length - 1}"
            raise LinkError(f"bytes {asked} were asked for, answered is {told!r}", self._url)
        if headers.get("Content-Length", str(length)) != str(length):
            told = headers["Content-Length"]
            raise LinkError(f"{length} bytes were asked for, {told} are sent", self._url)
        if headers.get("Content-Encoding", "identity") != "identity":
            coding = headers["Content-Encoding"]
            raise LinkError(f"the range is encoded ({coding}), though that was refused", self._url)
        size = int(found[3])
        if self._size is not None and size != self._size:
            raise LinkError(
                f"the file has changed: it had {self._size} bytes and has {size}", self._url
            )
        tag = headers.get("ETag", "")
        if tag and not tag.startswith("W/"):
            if self._tag is not None and tag != self._tag:
                raise LinkError(f"the file has changed: its tag was {self._tag}", self._url)
            self._tag = tag
        return size

    def _refused(self, answer: Any) -> Exception:
        if answer.status in {404, 410}:
            return FileNotFoundError(self._url)
        if answer.status in {401, 403}:
            return PermissionError(self._url)
        if answer.status == 200:
            return LinkError("the server ignores range requests: it sends the whole", self._url)
        return LinkError(f"the server answers {answer.status} {answer.reason}", self._url)


class _TaskFuture(Future[_Result]):
    """A task of an event loop, for another thread to wait for.

    `asyncio.run_coroutine_threadsafe` does the same by way of two futures more, and so goes twice
    more through the loop before the waiting thread is told.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, body: Coroutine[Any, Any, _Result]) -> None:
        super().__init__()
        self._loop = loop
        self._task: asyncio.Task[None] | None = None
        self._body = body
        loop.call_soon_threadsafe(self._begin)

    def cancel(self) -> bool:
        """Cancel the task, unless it has ended; nobody need wait for that."""
        cancelled = super().cancel()
        if cancelled:
            self._loop.call_soon_threadsafe(self._end)
        return cancelled

    def _begin(self) -> None:
        if self.cancelled():
            self._body.close()
        else:
            self._task = self._loop.create_task(self._run())

    def _end(self) -> None:
        if self._task is not None:
            self._task.add_done_callback(lambda _: self._body.close())  # it may not have begun
            self._task.cancel()

    async def _run(self) -> None:
        try:
            result = await self._body
        except BaseException as error:
            with suppress(InvalidStateError):
                self.set_exception(error)
            if not isinstance(error, Exception):
                raise
        else:
            with suppress(InvalidStateError):
                self.set_result(result)


class LoopRequests:
    """Requests of an asynchronous file system, made in fsspec's event-loop thread.

    Parameters
    ----------
    reader : Reader
        Makes them.
    loop : asyncio.AbstractEventLoop
        Of that thread.
    url : str
        The link.
    timeout : float
        Seconds that one may take.
    connections : int
        Most of them at a time; further ones wait.
    """

    def __init__(
        self,
        reader: Reader,
        loop: asyncio.AbstractEventLoop,
        *,
        url: str,
        timeout: float,
        connections: int,
    ) -> None:
        self._reader = reader
        self._loop = loop
        self._url = url
        self._timeout = timeout
        self._room = asyncio.Semaphore(connections)
        self._under_way: set[Future[Any]] = set()

    def read(self, offset: int, length: int, land: Land | None) -> Future[Pieces]:
        """Start a request."""
        return self._start(self._read(offset, length, land))

    def write(self, offset: int, data: bytes) -> Future[None]:
        """Refuse: no asynchronous file system of fsspec writes ranges."""
        raise NotImplementedError("no asynchronous file system of fsspec writes ranges")

    def size(self) -> Future[int]:
        """Start asking for the size."""
        return self._start(self._within(self._reader.size))

    def cool(self) -> bool:
        """Drop the connections."""
        return self._start(self._within(self._reader.drop)).result()

    def close(self) -> None:
        """Withdraw what is under way and drop the connections."""
        for future in [*self._under_way]:
            future.cancel()
        self.cool()

    def _start(self, body: Coroutine[Any, Any, _Result]) -> Future[_Result]:
        made: _TaskFuture[_Result] = _TaskFuture(self._loop, body)
        self._under_way.add(made)
        made.add_done_callback(self._under_way.discard)
        return made

    async def _read(self, offset: int, length: int, land: Land | None) -> Pieces:
        async with self._room:
            pieces = await self._within(lambda: self._reader.read(offset, length))
        _check_length(pieces, length, self._url)
        if land is None:
            return pieces
        land(pieces)
        return ()

    async def _within(self, ask: Callable[[], Awaitable[_Result]]) -> _Result:
        try:
            async with asyncio.timeout(self._timeout):
                return await ask()
        except Exception as error:  # file systems raise whatever they like
            if isinstance(error, FileNotFoundError | PermissionError | LinkError):
                raise
            raise failure(error, self._url, self._timeout) from error


# -- other file systems ------------------------------------------------------------------------


class ThreadRequests:
    """Requests of a file system that blocks, made in threads.

    Parameters
    ----------
    fs : fsspec.AbstractFileSystem
        The file system.
    path : str
        The file in it.
    url : str
        The link.
    connections : int
        Threads.
    """

    def __init__(self, fs: Any, path: str, *, url: str, connections: int) -> None:
        self._fs = fs
        self._path = path
        self._url = url
        self._pool = ThreadPoolExecutor(connections, "simaccess-range")
        self._writing = Lock()  # a file system may have one place for all who write a file

    def read(self, offset: int, length: int, land: Land | None) -> Future[Pieces]:
        """Start a request."""
        return self._pool.submit(self._read, offset, length, land)

    def write(self, offset: int, data: bytes) -> Future[None]:
        """Start writing a range."""
        return self._pool.submit(self._write, offset, data)

    def size(self) -> Future[int]:
        """Start asking for the size."""
        return self._pool.submit(lambda: _told_size(self._fs.info(self._path), self._url))

    def writes_ranges(self) -> bool:
        """Say whether the file can be opened for writing ranges of it."""
        try:
            with self._fs.open(self._path, "r+b") as file:
                return bool(file.seekable() and file.writable())
        except (OSError, NotImplementedError, ValueError, AttributeError):
            return False

    def cool(self) -> bool:
        """Keep the connections: fsspec has no common way to drop them."""
        return False

    def close(self) -> None:
        """Withdraw what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, offset: int, length: int, land: Land | None) -> Pieces:
        pieces = [self._fs.cat_file(self._path, start=offset, end=offset + length)]
        _check_length(pieces, length, self._url)
        if land is None:
            return pieces
        land(pieces)
        return ()

    def _write(self, offset: int, data: bytes) -> None:
        with self._writing, self._fs.open(self._path, "r+b") as file:
            file.seek(offset)
            if (written := file.write(data)) != len(data):
                raise LinkError(f"{written} of {len(data)} bytes were written", self._url)


def _told_size(info: Any, url: str) -> int:
    if info.get("type", "file") != "file":
        raise LinkError(f"not a file but a {info['type']}", url)
    if info.get("size") is None:
        raise LinkError("the file system does not tell the size of the file", url)
    return int(info["size"])


def _check_length(pieces: Pieces, length: int, url: str) -> None:
    if (got := sum(map(len, pieces))) != length:
        raise LinkError(f"{length} bytes were asked for, {got} have come", url)
