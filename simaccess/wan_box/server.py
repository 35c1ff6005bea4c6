"""Servers at the far end of a box."""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from simaccess.errors import InputError
from simaccess.wan_box.namespaces import entered

__all__ = ["Server"]

_LISTEN = "0A"  # state of a socket in /proc/net/tcp, as in the kernel's tcp_states.h


class Server:
    """A process in a namespace.

    Parameters
    ----------
    namespace : str
        Where it runs.
    command : sequence of str
        The program, which must stay in the foreground, and its arguments.

    Attributes
    ----------
    process : subprocess.Popen
        The process.
    """

    def __init__(self, namespace: str, command: Sequence[str]) -> None:
        self._namespace = namespace
        self._command = list(command)
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115  # closed by end()
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", namespace, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._errors,
            start_new_session=True,  # Ctrl-C is for its owner
        )

    def await_listening(self, port: int, timeout: float) -> None:
        """Wait until something in the namespace listens at a TCP port.

        Raises
        ------
        InputError
            If the server ends before, or time is over.
        """
        deadline = time.monotonic() + timeout
        while not self._listens(port):
            ended = self.process.poll() is not None
            if not ended and time.monotonic() < deadline:
                time.sleep(0.01)
                continue
            self._errors.seek(0)
            said = self._errors.read().decode(errors="replace").strip().splitlines()
            problem = f"the server {'ended' if ended else f'does not listen at port {port}'}"
            if said:
                problem += f": {said[-1]}"
            raise InputError(problem, key="command", value=" ".join(self._command))

    def _listens(self, port: int) -> bool:
        with entered(self._namespace):
            lines = [
                line
                for table in ("tcp", "tcp6")
                if (file := Path("/proc/thread-self/net", table)).exists()
                for line in file.read_text(encoding="ascii").splitlines()[1:]
            ]
        return any(
            fields[1].endswith(f":{port:04X}") and fields[3] == _LISTEN
            for fields in (line.split() for line in lines)
        )

    def end(self) -> None:
        """End the process; harmless when called again."""
        if self.process.poll() is None:
            with suppress(ProcessLookupError):
                self.process.terminate()
            try:
                self.process.wait(2)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self._errors.close()
