"""A process that runs works in one simulator, one at a time, for as long as it is wanted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

from simaccess.closing import Closing
from simulators.registry import Simulator
from simulators.serve import written
from simulators.works import Work

__all__ = ["Child", "SimulatorError"]

BENCH = Path(__file__).parents[1]


class SimulatorError(Exception):
    """A simulator ended without an answer; its text is the last line that it wrote."""


class Child(Closing):
    """Runs works in a simulator, in a process of its own.

    Attributes
    ----------
    simulator : Simulator
        Which.
    start : dict
        How long its import took, in seconds, and the memory in use after it, in bytes.
    """

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        self._begin()

    def _begin(self) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        self._process = subprocess.Popen(
            [sys.executable, "-m", "simulators.serve", self.simulator.key],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            cwd=BENCH,
            env=os.environ | {"PYTHONPATH": str(BENCH)},
        )
        self._used = False
        self.start = self._answer()

    def run(self, work: Work, repeats: int = 1) -> dict[str, Any]:
        """Run a work and return what it gave, with the median of the times.

        Raises
        ------
        SimulatorError
            If the process ended.
        """
        if self.simulator.once:
            repeats = 1
            if self._used:
                self.close()
                self._begin()
        self._used = True
        assert self._process.stdin is not None
        with suppress(BrokenPipeError):  # then the answer is missing, too
            print(written(work, repeats), file=self._process.stdin, flush=True)
        return self._answer()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            answer: dict[str, Any] = json.loads(line)
            return answer
        self._process.wait()
        self._errors.seek(0)
        last = self._errors.read().strip().splitlines()[-1:]
        raise SimulatorError(*(last or [f"ended with code {self._process.returncode}"]))

    def close(self) -> None:
        """End the process, if it has not ended."""
        if self._errors.closed:
            return
        for stream in (self._process.stdin, self._process.stdout):
            assert stream is not None
            with suppress(BrokenPipeError):
                stream.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._errors.close()
