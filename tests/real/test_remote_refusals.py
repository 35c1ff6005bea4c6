"""Remote files: what is refused in one line, and what cannot be done with them."""

from __future__ import annotations

import sys

import pytest

from simaccess.errors import InputError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.reading import buffer_over
from tests.real.remote_content import CONTENT
from tests.real.servers import nginx


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("what://x/y", "Protocol not known: what; allowed: .*https"),
        ("memory:/x", "allowed: X://"),
        ("memory://nowhere", "no such file"),
        ("memory://x#timeout=0 s", "timeout = '0 s'"),
        ("memory://x#conections=4", "did you mean 'connections'"),
        ("gs://bucket/key", r"gcsfs.*allowed: pip install 'simaccess\[remote\]'"),
    ],
)
def test_a_url_that_is_refused(url: str, told: str) -> None:
    with pytest.raises(InputError, match=told):
        open_link(url)


def test_fsspec_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.core", None)
    told = r"fsspec is not installed; allowed: pip install 'simaccess\[remote\]'"
    with pytest.raises(InputError, match=told):
        open_link("https://example.org/x")


def test_an_empty_file() -> None:
    with open_link(nginx().put(b"")) as link:
        assert link.size == 0


def test_what_cannot_be_written_is_refused() -> None:
    with open_link(nginx().put(CONTENT)) as link:
        assert not link.writable
        buffer = buffer_over(link, ZeroCopy())
        with pytest.raises(InputError, match="cannot be written"):
            run(buffer.write(0, 3, memoryview(b"abc")))
        buffer = buffer_over(link, CopyOnce(FixedBlocks(1000), 4))
        run(buffer.write(0, 3, memoryview(b"abc")))
        with pytest.raises(InputError, match="cannot be written"):
            run(buffer.sync())
