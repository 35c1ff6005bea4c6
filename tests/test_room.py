"""What takes more memory than there is is refused in a line, before anything of it is made."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess import cli, room
from simaccess.errors import InputError

HERE = ("compare", "--model", "example-link", "--workload")
LOG = "time,offset,length,operation\n0,0,1000000000000,read\n"

TOO_MUCH = [
    (
        ("sequential", "--consumers", "100000000"),
        "100,000,000 consumers take 410 GB of memory or more, and there are 1.00 GB; allowed: at most",
    ),
    (
        ("zipf", "--set", "workload.requests=1000000000"),
        "workload.requests = 1000000000: 1,000,000,000 requests take 16.0 GB",
    ),
    (("random", "--set", "workload.requests=1000000000"), "workload.requests = 1000000000"),
    (("zipf", "--set", "workload.size=1 TiB"), "workload.size = 1099511627776: "),
    (("sequential", "--set", "workload.size=1 TiB"), "268,435,456 requests take"),
    (("strided", "--set", "workload.requests=1000000000"), "workload.requests"),
    (("header-only", "--set", "workload.requests=1000000000"), "workload.requests"),
    (("header-only", "--set", "workload.size=1 TiB"), "workload.size"),
    (("filter", "--set", "workload.laps=100000000"), "100,000,000 laps take"),
    (("huge.csv",), "method.block = '4096 B': 244,140,625 blocks of one access take 46.9 GB"),
    (("huge.csv", "--engine", "replay"), "method.block = '4096 B': 244,140,625 blocks"),
]


@pytest.mark.parametrize(("asked", "said"), TOO_MUCH)
def test_what_does_not_fit_is_refused_in_a_line(
    asked: tuple[str, ...],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(room, "memory", lambda: 1_000_000_000)
    Path("huge.csv").write_text(LOG, encoding="ascii")
    assert cli.main((*HERE, *asked, "--method", "copy-once")) == 2
    out, err = capsys.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert said in line


def test_the_same_fits_where_there_is_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "memory", lambda: 1000)
    room.require_room(10, 100, "things", key="things", value=10)
    with pytest.raises(InputError, match="allowed: at most 10 things"):
        room.require_room(11, 100, "things", key="things", value=11)
    monkeypatch.setattr(room, "memory", lambda: None)
    room.require_room(1 << 60, 1 << 60, "things", key="things", value="many")


@pytest.mark.parametrize(("told", "limited"), [("2000000", True), ("max\n", False), (None, False)])
def test_a_containers_limit_counts(
    told: str | None, limited: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "memory.max"
    if told is not None:
        file.write_text(told, encoding="ascii")
    monkeypatch.setattr(room, "_LIMITS", (file,))
    found: Callable[[], int | None] = room.memory
    assert (found() == 2_000_000) is limited
