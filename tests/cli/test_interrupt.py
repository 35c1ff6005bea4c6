"""What an interrupt says of the files of a sweep is true whenever it comes."""

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simaccess import cli
from simaccess.cli.interrupt import at_once, first_interrupt, late_interrupts, terminations
from simaccess.cli.output import Ended
from simaccess.sweep.files import TEXTS
from simaccess.sweep.store import NAME, Store
from tests.cli.conftest import SMALL

Sweep = Callable[[], tuple[int, str, str]]


def interrupt(number: int = signal.SIGINT) -> None:
    os.kill(os.getpid(), number)


@pytest.fixture
def out(tmp_path: Path) -> Path:
    """Return a folder with results of before."""
    folder = tmp_path / "out"
    folder.mkdir()
    for name in TEXTS:
        (folder / name).write_text("before")
    return folder


@pytest.fixture
def sweep(out: Path, capsys: pytest.CaptureFixture[str]) -> Sweep:
    """Answer a small experiment; return the exit code, output and errors."""
    file = out.parent / "small.toml"
    file.write_text(SMALL, encoding="utf-8")

    def swept() -> tuple[int, str, str]:
        code = cli.main(["sweep", str(file), "--jobs", "1", "--out", str(out)])
        return code, *capsys.readouterr()

    return swept


ENDS = [
    (signal.SIGINT, 130, "interrupted"),
    (signal.SIGTERM, 143, "terminated"),
    (signal.SIGHUP, 129, "hung up"),
]


@pytest.mark.parametrize(("number", "exit_code", "word"), ENDS)
@pytest.mark.parametrize("when", [1, len(TEXTS)])
def test_an_interrupt_among_the_renames_waits_for_the_last(  # noqa: PLR0917  # pytest names them
    number: int,
    exit_code: int,
    word: str,
    when: int,
    out: Path,
    sweep: Sweep,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    replaced = []
    rename = Path.replace

    def replace(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        replaced.append(target)
        if len(replaced) == when:
            interrupt(number)
        return moved

    monkeypatch.setattr(Path, "replace", replace)
    code, printed, err = sweep()
    assert (code, err) == (exit_code, f"simaccess: {word}; everything was written\n")
    assert replaced == [out / name for name in TEXTS]
    assert printed.count("wrote") == len(TEXTS)
    assert sorted(path.name for path in out.iterdir()) == sorted((*TEXTS, NAME))
    assert all((out / name).read_text() != "before" for name in TEXTS)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


@pytest.mark.parametrize(("number", "exit_code", "word"), ENDS)
def test_an_interrupt_before_the_renames_leaves_all_as_it_was(  # noqa: PLR0917  # as above
    number: int, exit_code: int, word: str, out: Path, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    def text(*_: object) -> str:
        interrupt(number)
        return ""

    monkeypatch.setattr("simaccess.sweep.files.as_text", text)
    code, _, err = sweep()
    kept = f"2 results are in {out / NAME}, and the same command goes on from there"
    assert (code, err) == (exit_code, f"simaccess: {word}; {kept}\n")
    assert sorted(path.name for path in out.iterdir()) == sorted((*TEXTS, NAME))
    assert all((out / name).read_text() == "before" for name in TEXTS)


@pytest.mark.parametrize("again", ["close", "__len__"])
def test_interrupts_that_follow_one_change_nothing(
    again: str, out: Path, sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not while what the first one began is brought to its end, nor while what is kept is told."""
    sent: list[Callable[..., Any]] = []

    def before(call: Callable[..., Any], at_most: int) -> Callable[..., Any]:
        def interrupted(*args: Any) -> Any:
            if len(sent) < at_most:
                sent.append(call)
                interrupt()
            return call(*args)

        return interrupted

    monkeypatch.setattr("simaccess.sweep.files.as_text", before(str, 1))
    monkeypatch.setattr(Store, again, before(getattr(Store, again), 3))
    code, _, err = sweep()
    kept = f"2 results are in {out / NAME}, and the same command goes on from there"
    assert (code, err) == (130, f"simaccess: interrupted; {kept}\n")
    assert len(sent) >= 2
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_interrupt_at_the_very_end_says_that_everything_was_written(
    sweep: Sweep, monkeypatch: pytest.MonkeyPatch
) -> None:
    close = Store.close

    def interrupted(store: Store) -> None:
        close(store)
        interrupt()

    monkeypatch.setattr(Store, "close", interrupted)
    code, printed, err = sweep()
    assert (code, err) == (130, "simaccess: interrupted; everything was written\n")
    assert printed.count("wrote") == len(TEXTS)


def test_an_error_is_told_rather_than_an_interrupt_that_waits() -> None:
    def fail() -> None:
        with late_interrupts() as hold:
            hold()
            interrupt()
            raise OSError("full")

    with pytest.raises(OSError, match="full"):
        fail()


def test_whoever_handles_interrupts_goes_on_doing_so() -> None:
    seen = []
    before = signal.signal(signal.SIGINT, lambda *_: seen.append("mine"))
    try:
        with late_interrupts() as hold:
            hold()
            interrupt()
        assert seen == ["mine"]
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_thread_holds_nothing() -> None:
    ended: list[type[BaseException] | None] = []

    def run() -> None:
        try:
            with late_interrupts() as hold:
                hold()
        except (Ended, ValueError) as error:
            ended.append(type(error))
        else:
            ended.append(None)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert ended == [None]


def test_of_two_interrupts_the_first_counts() -> None:
    """Whoever answers one by keeping what it has is not interrupted in that."""
    kept = False
    with terminations(), first_interrupt():
        try:
            interrupt()
            pytest.fail("the first one comes through")
        except KeyboardInterrupt:
            interrupt()
            interrupt(signal.SIGTERM)
            kept = True
    assert kept
    with pytest.raises(KeyboardInterrupt):
        interrupt()


# The handlers do nothing, so that it makes no difference if one is called before the long step.
DEEP = """
import hashlib, signal
from simaccess.cli.interrupt import at_once
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, lambda *_: None)
with at_once():
    print("deep", flush=True)
    hashlib.pbkdf2_hmac("sha256", b"", b"", 10**8)
"""


@pytest.mark.parametrize(("number", "code", "word"), ENDS)
def test_what_python_cannot_interrupt_ends_at_once_all_the_same(
    number: int, code: int, word: str
) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", DEEP],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == "deep\n"
            process.send_signal(number)
            out, err = process.communicate(timeout=120)
        finally:
            process.kill()  # were it not for what is tested, it would go on for a minute
    assert (process.returncode, out) == (code, "")
    assert err == f"simaccess: {word}; nothing was written\n"


def test_a_hangup_that_is_ignored_stays_so() -> None:
    """As nohup has it."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with terminations() as termination:
            interrupt(signal.SIGHUP)
        assert not termination.came
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_command_that_answers_in_time_ends_in_its_own_way() -> None:
    before = signal.set_wakeup_fd(-1)
    with pytest.raises(KeyboardInterrupt), at_once():
        interrupt()
    assert signal.set_wakeup_fd(before) == -1
