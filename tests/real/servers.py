"""Servers that tests start on loopback, once a process, and end by their own process id."""

from __future__ import annotations

import atexit
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path

import fsspec
import pytest

from simaccess.real.link import RealLink
from simaccess.real.urls import open_link

__all__ = [
    "NginxServer",
    "end",
    "free_port",
    "http_link",
    "memory_file_link",
    "nginx",
    "nginx_if_installed",
    "nginx_program",
    "wait_for",
]

_NGINX = """
daemon off;
master_process off;
worker_processes 1;
pid {root}/nginx.pid;
error_log {root}/error.log;
events {{ worker_connections 256; }}
http {{
    access_log off;
    keepalive_requests 1000000;
    client_body_temp_path {root}/body;
    proxy_temp_path {root}/proxy;
    fastcgi_temp_path {root}/fastcgi;
    uwsgi_temp_path {root}/uwsgi;
    scgi_temp_path {root}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root}/files;
    }}
}}
"""

_numbers = count()


def free_port() -> int:
    """Return a port of loopback that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class NginxServer:
    """An nginx of a directory of its own."""

    def __init__(self, program: str, root: Path) -> None:
        self.files = root / "files"
        self.files.mkdir()
        self.port = free_port()
        config = root / "nginx.conf"
        config.write_text(_NGINX.format(root=root, port=self.port), encoding="ascii")
        self.process = subprocess.Popen(
            [program, "-e", str(root / "error.log"), "-p", str(root), "-c", str(config)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_for(self.port, self.process)

    def put(self, content: bytes, name: str | None = None) -> str:
        """Serve a file; return its URL."""
        name = f"{next(_numbers)}.bin" if name is None else name
        (self.files / name).write_bytes(content)
        return f"http://127.0.0.1:{self.port}/{name}"


def wait_for(port: int, process: subprocess.Popen[bytes], seconds: float = 20.0) -> None:
    """Wait until a server listens."""
    end = time.monotonic() + seconds
    while True:
        assert process.poll() is None, "the server has ended"
        try:
            socket.create_connection(("127.0.0.1", port), 0.2).close()
        except OSError:
            assert time.monotonic() < end, "the server does not listen"
            time.sleep(0.02)
        else:
            return


def end(process: subprocess.Popen[bytes]) -> None:
    """End a server by its process id."""
    process.terminate()
    try:
        process.wait(5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def nginx_program() -> str | None:
    """Return the path of nginx, which may be an administrator's."""
    places = os.pathsep.join((os.environ.get("PATH", ""), "/usr/sbin", "/usr/local/sbin"))
    return shutil.which("nginx", path=places)


def nginx_if_installed() -> NginxServer | None:
    """Return this process's nginx, if there is one on this machine."""
    return _nginx(os.getpid())


@cache
def _nginx(owner: int) -> NginxServer | None:  # noqa: ARG001  # one for each process
    program = nginx_program()
    if program is None:
        return None
    root = Path(tempfile.mkdtemp(prefix="simaccess-nginx-"))
    server = NginxServer(program, root)

    def stop() -> None:
        end(server.process)
        shutil.rmtree(root, ignore_errors=True)

    atexit.register(stop)
    return server


def nginx() -> NginxServer:
    """Return this process's nginx; without nginx, skip."""
    server = nginx_if_installed()
    if server is None:
        pytest.skip("needs nginx (Debian: nginx-light)")
    return server


@contextmanager
def http_link(content: bytes) -> Iterator[tuple[RealLink, Callable[[], bytes]]]:
    server = nginx()
    url = server.put(content)
    path = server.files / url.rpartition("/")[2]
    try:
        with open_link(url) as link:
            yield link, path.read_bytes
    finally:
        path.unlink()


@contextmanager
def memory_file_link(content: bytes) -> Iterator[tuple[RealLink, Callable[[], bytes]]]:
    fs = fsspec.filesystem("memory")
    path = f"/simaccess/{next(_numbers)}"
    fs.pipe_file(path, content)
    try:
        with open_link(f"memory:/{path}#connections=4") as link:
            yield link, lambda: bytes(fs.cat_file(path))
    finally:
        fs.rm(path)
