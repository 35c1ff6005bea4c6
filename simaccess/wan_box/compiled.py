"""The emulator in C: built with the system's compiler when it is first needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from simaccess.errors import InputError

__all__ = ["compiler", "emulator"]

_SOURCE = Path(__file__).with_name("emulator.c")
_OPTIONS = ["-O2", "-std=gnu11"]


def compiler() -> str | None:
    """Return the path of the C compiler: what CC names, else cc, gcc or clang; None if none is."""
    names = [os.environ.get("CC", ""), "cc", "gcc", "clang"]
    return next((path for name in names if name and (path := shutil.which(name))), None)


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "simaccess"


def emulator() -> Path:
    """Return the path of the built emulator.

    It is kept in ``$XDG_CACHE_HOME/simaccess`` (``~/.cache/simaccess``) under the digest of its
    source, so that a new version of the source is built anew.

    Raises
    ------
    InputError
        If there is no compiler, it fails, or the cache cannot be written.
    """
    source = _SOURCE.read_bytes()
    digest = hashlib.sha256(source + " ".join(_OPTIONS).encode()).hexdigest()[:16]
    built = _cache() / f"wan-emulator-{digest}"
    if built.exists():
        return built
    cc = compiler()
    if cc is None:
        raise InputError(
            "no C compiler found (on Debian: apt install gcc libc6-dev)",
            key="emulator",
            value="c",
            allowed="c with a compiler; python up to about 200 Mbit/s",
        )
    try:
        built.parent.mkdir(parents=True, exist_ok=True)
        # Built beside and moved, so that nobody runs half a program.
        with tempfile.TemporaryDirectory(dir=built.parent) as folder:
            program = Path(folder) / "emulator"
            command = [cc, *_OPTIONS, "-o", str(program), str(_SOURCE)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                first = next(iter(done.stderr.splitlines()), f"exit code {done.returncode}")
                raise InputError(f"{cc} cannot build the emulator: {first}", key="emulator")
            program.replace(built)
    except OSError as error:
        raise InputError(
            f"cannot write the built emulator: {error.strerror}", built.parent, "emulator"
        ) from None
    return built
