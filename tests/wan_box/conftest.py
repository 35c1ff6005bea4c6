"""What a box needs, and where it is missing, why its tests are skipped."""

from __future__ import annotations

from pathlib import Path

import pytest

from simaccess.wan_box import compiled, namespaces


def _lacking() -> str | None:
    lacking = namespaces.missing()
    if lacking is None and not Path("/dev/net/tun").exists():
        return "/dev/net/tun"
    return lacking


needs_root = pytest.mark.skipif(_lacking() is not None, reason=f"a WAN in a box needs {_lacking()}")
needs_compiler = pytest.mark.skipif(
    compiled.compiler() is None, reason="needs a C compiler (on Debian: apt install gcc libc6-dev)"
)
EMULATORS = [pytest.param("c", marks=needs_compiler), "python"]
