"""The segment, and the links on which a file over it is opened."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess.real.link import RealLink
from tests.blocking.content import CONTENT
from tests.real.memory_link import MemoryLink

MODELS = ("pci-64-66", "wan-20ms-100mbit", "shared-memory-ddr4")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture(params=["real", *MODELS])
def url_of(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Callable[[Path], str]:
    """Return what gives the URL of a link to a file's bytes, a real one or a simulated one."""
    if request.param != "real":
        return lambda path: f"sim:{request.param}?data={path}"

    def opened(url: str) -> RealLink:
        return MemoryLink(bytearray(Path(url.removeprefix("stand-in:")).read_bytes()))

    monkeypatch.setattr("simaccess.blocking_calls.open_link", opened)
    return "stand-in:{}".format
