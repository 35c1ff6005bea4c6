"""Compile a model in C++ and run it, as users of such a simulator do."""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from simulators.works import Bus, Measured, Work

__all__ = ["run"]


@cache
def _folder() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="simaccess-bench-")


@cache
def _program(source: Path, options: tuple[str, ...]) -> Path:
    """Compile a source, once in a process."""
    program = Path(_folder().name) / source.stem
    command = ["g++", "-O3", str(source), "-o", str(program), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source.name} does not compile: {done.stderr.strip()[:500]}")
    return program


def run(source: Path, options: Sequence[str], idiom: str, work: Work) -> Measured:
    """Run a work in a compiled model, which times itself.

    Raises
    ------
    RuntimeError
        If it does not compile or fails.
    """
    if isinstance(work, Bus):
        words = ["bus", work.clients, work.accesses, work.service]
    else:
        words = ["engines", work.clients, work.accesses, work.start, work.service, work.local]
    command = [str(_program(source, tuple(options))), idiom, *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{source.name}: {done.stderr.strip()[:500]}")
    seconds, end, count, total = done.stdout.split()
    return Measured(float(seconds), int(end), lambda: (int(count), int(total)))
