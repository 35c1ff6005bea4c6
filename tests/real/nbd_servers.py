"""NBD servers for tests: each started once a process, on loopback, and ended with it."""

from __future__ import annotations

import atexit
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from urllib.parse import quote

import pytest

from simaccess.real.link import RealLink
from simaccess.real.nbd import open_link

__all__ = [
    "Server",
    "free_port",
    "nbd_server",
    "nbd_server_file",
    "nbdkit",
    "nbdkit_file",
    "qemu_nbd",
    "qemu_nbd_file",
    "served",
    "unix_url",
]

_PACKAGES = {"nbdkit": "nbdkit", "qemu-nbd": "qemu-utils", "nbd-server": "nbd-server"}
_PATIENCE = 20.0  # seconds until a server must listen


class Server:
    """A server's process and where it listens: a port of 127.0.0.1, or the path of a socket."""

    def __init__(self, command: Sequence[str | Path], where: int | Path) -> None:
        program = _program(str(command[0]))
        self.where = where
        self.process = subprocess.Popen(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self.pid = self.process.pid
        atexit.register(self.stop)

    def await_listening(self) -> None:
        end = time.monotonic() + _PATIENCE
        while True:
            family = socket.AF_UNIX if isinstance(self.where, Path) else socket.AF_INET
            with socket.socket(family) as tried, suppress(OSError):
                tried.settimeout(1)
                if isinstance(self.where, Path):
                    tried.connect(str(self.where))
                else:
                    tried.connect(("127.0.0.1", self.where))
                return
            assert self.process.poll() in (None, 0), f"it ended: {self.process.args!r}"
            assert time.monotonic() < end, f"it does not listen: {self.process.args!r}"
            time.sleep(0.01)

    def stop(self) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGKILL)
        if self.process.poll() is None:
            self.process.wait(timeout=_PATIENCE)
        atexit.unregister(self.stop)

    def url(self, export: str = "", **options: str | int) -> str:
        if isinstance(self.where, Path):
            return unix_url(self.where, export, **options)
        query = "&".join(f"{key}={quote(str(value))}" for key, value in options.items())
        return f"nbd://127.0.0.1:{self.where}/{quote(export)}" + (query and f"?{query}")


def unix_url(path: Path, export: str = "", **options: str | int) -> str:
    given = {"socket": str(path), **options}
    query = "&".join(f"{key}={quote(str(value))}" for key, value in given.items())
    return f"nbd+unix:///{quote(export)}?{query}"


def free_port() -> int:
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
        return port


def nbdkit(*arguments: str | Path, tcp: bool = False) -> Server:
    """Start nbdkit with a plugin and its arguments."""
    options: list[str | Path] = ["nbdkit", "--foreground", "--exit-with-parent"]
    where: int | Path
    if tcp:
        where = free_port()
        options += ["--ipaddr", "127.0.0.1", "--port", str(where)]
    else:
        where = _folder() / "nbdkit.sock"
        options += ["--unix", where]
    server = Server([*options, *arguments], where)
    server.await_listening()
    return server


def qemu_nbd(file: Path, *arguments: str) -> Server:
    where = _folder() / "qemu.sock"
    options = ["--format=raw", "--persistent", "--shared=0", "--socket"]
    server = Server(["qemu-nbd", *options, where, *arguments, file], where)
    server.await_listening()
    return server


def nbd_server(file: Path, export: str) -> Server:
    """Start nbd-server, which detaches itself and writes down the number of its process."""
    folder = _folder()
    port = free_port()
    configuration = folder / "configuration"
    configuration.write_text(
        f"[generic]\nport = {port}\nlistenaddr = 127.0.0.1\n[{export}]\nexportname = {file}\n"
    )
    pid = folder / "pid"
    server = Server(["nbd-server", "-C", configuration, "-p", pid], port)
    assert server.process.wait(timeout=_PATIENCE) == 0
    server.await_listening()
    end = time.monotonic() + _PATIENCE
    while not (pid.exists() and pid.read_text().strip()):
        assert time.monotonic() < end, "nbd-server did not write down its process"
        time.sleep(0.01)
    server.pid = int(pid.read_text())
    return server


def _program(name: str) -> str:
    # Debian puts servers where users' PATH does not lead.
    found = shutil.which(name, path=os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip(f"{name} is missing: install Debian's package {_PACKAGES[name]}")
    return found


def _folder() -> Path:
    folder = tempfile.mkdtemp(prefix="simaccess-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return Path(folder)


# -- for the conformance suite: a file whose bytes each test sets anew -----------------------------


@contextmanager
def served(
    file: Path, url: str, content: bytes, padded: int = 1
) -> Iterator[tuple[RealLink, Callable[[], bytes]]]:
    """Put bytes into a file that is being served, padded to a multiple, and open a link to it."""
    file.write_bytes(content + bytes(-len(content) % padded))
    with open_link(url) as link:
        yield link, lambda: file.read_bytes()[: len(content)]


@cache
def nbdkit_file(*filters: str, tcp: bool = False) -> tuple[Server, Path]:
    file = _folder() / "content"
    file.touch()
    plain = [argument for argument in filters if "=" not in argument or argument[0] == "-"]
    keyed = [argument for argument in filters if argument not in plain]
    return nbdkit(*plain, "file", file, *keyed, tcp=tcp), file


@cache
def qemu_nbd_file(size: int) -> tuple[Server, Path]:
    file = _folder() / "content"
    file.write_bytes(bytes(size))
    return qemu_nbd(file), file


@cache
def nbd_server_file() -> tuple[Server, Path]:
    file = _folder() / "content"
    file.touch()
    return nbd_server(file, "content"), file
