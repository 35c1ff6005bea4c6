"""The server that forks workers, and what an interrupt of the whole process group does to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

BOUND = 60.0  # seconds; far more than anything here takes

SLOW = """
import os, time
with open(os.environ["MARK"], "w") as mark:
    mark.write("importing")
time.sleep(0.3)
"""

SCRIPT = """
import multiprocessing, os, signal, sys, time
from simaccess.workers import Workers

def handler():
    with open(os.environ["HEARD"], "w") as file:
        file.write(str(signal.getsignal(signal.SIGINT) is signal.default_int_handler))
        file.write(str(signal.getsignal(signal.SIGHUP) == signal.SIG_DFL))

if __name__ == "__main__":
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: print("interrupted", flush=True))
    with Workers(2, "slow") as workers:
        print("begun", flush=True)
        print(workers.submit(os.getenv, "PYTHONPATH").result(), flush=True)
        print(workers.submit(signal.getsignal, signal.SIGTERM).result(), flush=True)
        other = multiprocessing.get_context("forkserver").Process(target=handler)
        other.start()
        other.join()
"""


@pytest.fixture
def script(tmp_path: Path) -> Path:
    """Return a script that starts workers, whose server takes a while to import a module."""
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    path = tmp_path / "script.py"
    path.write_text(SCRIPT, encoding="utf-8")
    return path


def start(script: Path, folder: Path) -> subprocess.Popen[str]:
    """Start the script in a process group of its own, as a shell does."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    places = {"MARK": str(script.parent / "mark"), "HEARD": str(script.parent / "heard")}
    return subprocess.Popen(
        [sys.executable, str(script)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        cwd=folder,
        env=environment | places,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=lambda each: each.name)
def test_an_interrupt_of_the_group_while_it_imports_is_the_parents(
    script: Path, number: signal.Signals
) -> None:
    """A closing terminal sends SIGHUP, which must not end what tracks resources, either."""
    with start(script, script.parent) as process:
        end = time.monotonic() + BOUND
        while not (script.parent / "mark").exists() and time.monotonic() < end:
            time.sleep(0.005)
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=BOUND)
    assert err == ""
    assert process.returncode == 0
    begun, *said = out.splitlines()
    assert begun == "begun"
    # Nothing of how it was started is left in the workers.
    assert said == ["interrupted", "None", str(signal.Handlers.SIG_IGN)]
    assert (script.parent / "heard").read_text() == "TrueTrue"


def test_it_imports_from_where_its_parent_does(script: Path, tmp_path: Path) -> None:
    """And not from the current folder, where there may be another version."""
    folder = tmp_path / "elsewhere"
    (folder / "simaccess").mkdir(parents=True)
    for name in ("simaccess/__init__.py", "slow.py"):
        (folder / name).write_text("raise SystemExit('from the current folder')", encoding="utf-8")
    with start(script, folder) as process:
        _, err = process.communicate(timeout=BOUND)
    assert (process.returncode, err) == (0, "")
    assert (script.parent / "mark").exists()


INTERRUPTED = """
import sys
import time

class Interrupted:
    def find_spec(self, name, *_):
        if name == "simaccess.cli":
            raise KeyboardInterrupt

sys.meta_path.insert(0, Interrupted())
from simaccess.__main__ import main
sys.exit(main())
"""


def test_an_interrupt_while_the_command_is_loaded_ends_it_in_a_line() -> None:
    made = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        capture_output=True,
        text=True,
        timeout=BOUND,
        check=False,
    )
    said = "simaccess: interrupted; nothing was written\n"
    assert (made.returncode, made.stdout, made.stderr) == (130, "", said)
