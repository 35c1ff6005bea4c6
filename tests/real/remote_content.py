"""The bytes of remote files."""

from __future__ import annotations

__all__ = ["CONTENT"]

CONTENT = bytes((7 * i + (i >> 8)) % 251 for i in range(20_000))
