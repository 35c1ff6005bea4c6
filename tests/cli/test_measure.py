"""The command ``measure``: what it writes and says, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simaccess import cli, measure, plan
from simaccess.measured import Cell, MeasuredSet
from tests.real import socket_link
from tests.real.socket_link import Server, serving

Run = Callable[..., tuple[int, str, str]]

CELLS = (
    Cell("load", 64, state="cold"),
    Cell("fetch", 4096, 4, state="warm", warm=1, count=8),
    Cell("fetch", 1 << 17, state="warm", warm=1),
)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(bytearray(1 << 20)) as served:
        yield served


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command on a link over a socket, with a small plan; return what it gave."""
    monkeypatch.setattr("simaccess.real.urls.open_link", socket_link.open_link)
    monkeypatch.setattr(plan, "_single", lambda *_: CELLS)
    for section in ("_pipelined", "_shared", "_methods"):
        monkeypatch.setattr(plan, section, lambda *_: ())
    monkeypatch.setattr(measure, "load", lambda: {"average": [0.0]})

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(["measure", *arguments])
        out, err = capsys.readouterr()
        return code, out, err

    return ran


def test_it_writes_a_measured_set(run: Run, server: Server, tmp_path: Path) -> None:
    out = tmp_path / "measured.csv"
    facts = ("--fact", "rate=100 Mbit/s", "--fact", "rtt=20 ms", "--fact", "buffer=125 kB")
    code, said, err = run(server.url, "--out", str(out), "--seconds", "5", *facts)
    told = "each once untimed, then repeatedly for at most 5 s"
    assert (code, err) == (0, f"timing 3 cells on {server.url}: {told}\n")
    assert said.startswith(f"wrote {out}: 3 cells, ")
    assert "1 cells are on a loss threshold\n" in said
    measured = MeasuredSet.read(out)
    assert measured.cells != ()
    assert set(measured.cells) == set(CELLS)
    assert measured.header["plan"] == "quick"
    assert measured.header["facts"]["rtt"] == "20 ms"


def test_json_is_a_summary_by_cell(run: Run, server: Server, tmp_path: Path) -> None:
    code, said, _ = run(server.url, "--out", str(tmp_path / "a.csv"), "--json", "--plan", "full")
    assert code == 0
    summary = json.loads(said)
    assert summary["header"]["plan"] == "full"
    for cell in summary["cells"]:
        assert cell["repetitions"] >= 10
        low, high = cell["interval_s"]
        assert 0 < low <= cell["median_s"] <= high


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--plan", "quack"], "plan = 'quack': no such plan (did you mean 'quick'?)"),
        (["--seconds", "0"], "--seconds = 0.0: no time; allowed: more than 0"),
        (["--cpu", "a"], "--cpu = 'a': no processors; allowed: numbers, as in 0,1"),
        (["--cpu", "4095"], "cpu = 4095: cannot be used; allowed: "),
        (["--fact", "rtt"], "--fact = 'rtt': not a setting; allowed: KEY=VALUE"),
        (["--fact", "rtt=5"], "rtt = '5': missing unit; allowed: as in '1.2 us'"),
        (["--out", "/none/at/all.csv"], "--out = '/none/at/all.csv': cannot be written: No such"),
        (["--out", "/"], "--out = '/': is a folder; allowed: a file"),
    ],
)
def test_mistakes_end_in_one_line(
    run: Run, server: Server, tmp_path: Path, arguments: list[str], said: str
) -> None:
    code, out, err = run(server.url, "--out", str(tmp_path / "a.csv"), *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"simaccess: error: {said}")
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_link_that_cannot_be_opened_ends_in_one_line(run: Run, tmp_path: Path) -> None:
    code, _, err = run("socket://127.0.0.1:1", "--out", str(tmp_path / "a.csv"))
    assert code == 1
    assert err.startswith("simaccess: error: socket://127.0.0.1:1: no connection")
    assert err.count("\n") == 1


def test_a_link_that_fails_midway(run: Run, server: Server, tmp_path: Path) -> None:
    server.left = 80
    out = tmp_path / "measured.csv"
    code, said, err = run(server.url, "--out", str(out))
    rows = len(MeasuredSet.read(out).frame)
    assert (code, said) == (1, "")
    assert rows > 0
    told, failed, _ = err.split("\n")
    assert told.endswith(": each once untimed, then repeatedly for about 60 s")
    assert failed.startswith(f"simaccess: error: {server.url}: the ")
    assert err.endswith(f"; {out} holds the {rows} repetitions so far\n")


def test_a_simulated_link_is_not_measured(run: Run, tmp_path: Path) -> None:
    code, _, err = run("sim:example-link?data=x", "--out", str(tmp_path / "a.csv"))
    assert code == 2
    assert err.startswith("simaccess: error: URL = 'sim:example-link?data=x': a simulated link")
    assert err.count("\n") == 1


def test_a_full_disk(
    run: Run, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What could be written before stays, whole."""
    out = tmp_path / "measured.csv"
    monkeypatch.setattr(measure, "CHECKPOINT", 0.0)
    written = 0
    replace_file = Path.replace

    def full(path: Path, target: Path) -> Path:
        nonlocal written
        written += 1
        if written > 7:
            raise OSError(28, "No space left on device")
        return replace_file(path, target)

    monkeypatch.setattr(Path, "replace", full)
    code, said, err = run(server.url, "--out", str(out))
    assert (code, said) == (1, "")
    assert "cannot be written: No space left on device" in err
    assert err.endswith(f"; {out} holds the 7 repetitions so far\n")
    assert err.count("\n") == 2
    assert len(MeasuredSet.read(out).frame) == 7
    assert [each.name for each in tmp_path.iterdir()] == ["measured.csv"]


COMMAND = """
import sys
from simaccess import cli
from simaccess.real import urls
from tests.real import socket_link
urls.open_link = socket_link.open_link
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_an_interrupt_keeps_what_was_measured(server: Server, tmp_path: Path) -> None:
    out = tmp_path / "measured.csv"
    arguments = ["measure", server.url, "--out", str(out), "--plan", "quick"]
    with subprocess.Popen(
        [sys.executable, "-c", COMMAND, *arguments],
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        cwd=Path(__file__).parents[2],
        text=True,
        env={**os.environ, "PYTHONPATH": "."},
    ) as process:
        deadline = time.monotonic() + 60
        while not out.exists() and time.monotonic() < deadline:
            time.sleep(0.1)  # the first checkpoint
        process.send_signal(signal.SIGINT)
        said, err = process.communicate(timeout=60)
    rows = len(MeasuredSet.read(out).frame)
    assert (process.returncode, said) == (130, "")
    assert rows > 0
    told, ended = err.splitlines()
    assert told.startswith("timing 70 cells on ")
    assert ended == f"simaccess: interrupted; {out} holds the {rows} repetitions so far"


def test_nothing_but_a_measured_set_is_replaced(run: Run, server: Server, tmp_path: Path) -> None:
    precious = tmp_path / "own.bin"
    precious.write_bytes(b"work of years")
    code, out, err = run(server.url, "--out", str(precious), "--seconds", "1")
    assert (code, out) == (2, "")
    assert err.endswith(": holds something else; allowed: a new file or a measured set\n")
    assert precious.read_bytes() == b"work of years"
