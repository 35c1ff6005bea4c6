from __future__ import annotations

import shutil
import subprocess
import sys

import pytest

from simaccess.cli import main
from tests.wan_box.conftest import needs_root


def test_a_wrong_quantity_ends_in_one_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: "/usr/bin/nbdkit")
    assert main(["box", "--rtt", "20", "--rate", "1 Mbit/s", "--", "true"]) == 2
    assert capsys.readouterr().err.startswith("simaccess: error: rtt = '20': missing unit")
    code = main(["box", "--rtt", "2 ms", "--rate", "1 Mbit/s", "--size", "x", "--", "true"])
    assert code == 2
    assert "--size = 'x': not a number with a unit" in capsys.readouterr().err


def test_without_nbdkit_it_says_what_to_install(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    assert main(["box", "--rtt", "2 ms", "--rate", "1 Mbit/s", "--", "true"]) == 2
    assert "apt install nbdkit" in capsys.readouterr().err


@needs_root
@pytest.mark.skipif(shutil.which("nbdkit") is None, reason="needs nbdkit (apt install nbdkit)")
def test_a_command_reaches_the_server() -> None:
    program = (
        "import socket, sys\n"
        "c = socket.create_connection(('192.0.2.2', 10809), timeout=10)\n"
        "sys.exit(7 if c.recv(8) == b'NBDMAGIC' else 1)\n"
    )
    options = "--rtt 2ms --rate 10Mbit/s --emulator python".split()
    done = subprocess.run(
        [sys.executable, "-m", "simaccess", "box", *options, "--", sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7, done.stderr
    assert "nbd://192.0.2.2/" in done.stderr
    assert "0 found the buffer full, 0 were lost" in done.stderr
