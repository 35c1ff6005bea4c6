"""Ranges over HTTP, and what is checked of an answer.

fsspec makes the session, with what it was told of headers, credentials and proxies. Its file
objects and caches are not used, and neither is its `cat_file`, which takes any body for the range:
here a server that ignores ranges, or answers with another one, is found out.
"""

from __future__ import annotations

import re
from typing import Any

from simaccess.errors import LinkError
from simaccess.real.remote_ranges import Pieces

__all__ = ["HttpReader"]

_BUFFERED = 1 << 18  # bytes of an answer that the client library holds before it stops reading
_ONE_RANGE = re.compile(r"bytes (\d+)-(\d+)/(\d+|\*)")
_NO_RANGE = re.compile(r"bytes \*/(\d+)")


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
        self._target = fs.encode_url(url)
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

    async def drop(self) -> None:
        """Close the session; the next request makes another."""
        session, self._fs._session = self._fs._session, None  # noqa: SLF001  # no public way
        if session is not None:
            await session.close()

    async def _ask(self, offset: int, length: int) -> Any:
        session = await self._fs.set_session()
        headers = {
            "Range": f"bytes={offset}-{offset + length - 1}",
            "Accept-Encoding": "identity",
        }
        return await session.get(self._target, headers=headers, read_bufsize=_BUFFERED)

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
