"""Ranges of any file system of fsspec: each request a blocking call in a thread of a pool.

What is asynchronous within fsspec, such as S3, offers blocking calls too. fsspec's file objects and
caches are not used for reading; of what comes only the length can be checked.
"""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

from simaccess.errors import LinkError
from simaccess.real.remote_ranges import Land, Pieces, check_length, told_size

__all__ = ["ThreadRequests"]


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
        return self._pool.submit(lambda: told_size(self._fs.info(self._path), self._url))

    def writes_ranges(self) -> bool:
        """Say whether the file can be opened for writing ranges of it."""
        try:
            with self._fs.open(self._path, "r+b") as file:
                return bool(file.seekable() and file.writable())
        except (OSError, NotImplementedError, ValueError, AttributeError):
            return False

    def go_on(self) -> None:
        """Do nothing: the threads go on alone."""

    def cool(self) -> bool:
        """Keep the connections: fsspec has no common way to drop them."""
        return False

    def close(self) -> None:
        """Withdraw what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _read(self, offset: int, length: int, land: Land | None) -> Pieces:
        pieces = [self._fs.cat_file(self._path, start=offset, end=offset + length)]
        check_length(pieces, length, self._url)
        if land is None:
            return pieces
        land(pieces)
        return ()

    def _write(self, offset: int, data: bytes) -> None:
        with self._writing, self._fs.open(self._path, "r+b") as file:
            file.seek(offset)
            if (written := file.write(data)) != len(data):
                raise LinkError(f"{written} of {len(data)} bytes were written", self._url)
