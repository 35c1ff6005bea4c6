"""Fuzz the parsers of the NBD protocol: a program, whose arguments are libFuzzer's."""

from __future__ import annotations

import sys

import atheris

# Nothing else is watched: to instrument all that is loaded takes longer than fuzzing does.
with atheris.instrument_imports(include=["simaccess.real", "tests.real"]):
    from tests.real.nbd_far_end import greeting, one_handshake, one_input


def one(data: bytes) -> None:
    """Try one input: the first byte says which parser is to have the others."""
    if data[:1] == b"h":
        one_handshake(data[1:])
        one_handshake(greeting() + data[1:])
    else:
        one_input(data)


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
