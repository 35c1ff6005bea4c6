"""The bytes of the segment in these tests."""

from __future__ import annotations

__all__ = ["CONTENT"]

CONTENT = bytes((7 * i + (i >> 8)) % 251 for i in range(50_000))
