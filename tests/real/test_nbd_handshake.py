"""The handshake against every sort of server's side of it."""

from __future__ import annotations

from struct import pack

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.real.nbd_handshake import Export, NoExportError, handshake
from simaccess.real.nbd_request import ProtocolError
from tests.real.nbd_far_end import greeting, one_handshake, option_reply

EXPORT_NAME, GO, STRUCTURED = 1, 7, 8
ACK, INFO = 1, 3
UNSUPPORTED, POLICY, INVALID, TLS, UNKNOWN = (2**31 + n for n in (1, 2, 3, 5, 6))
EXPORT = pack(">HQH", 0, 4096, 0x101)


def shake_hands(*parts: bytes, name: str = "") -> tuple[Export, bytes]:
    """Return the outcome when a server sends these bytes, and what the client sends."""
    stream = b"".join(parts)
    sent = b""
    steps = handshake(name)
    try:
        step = next(steps)
        while True:
            if isinstance(step, bytes):
                sent += step
                step = next(steps)
            else:
                assert step <= len(stream), "it wants more"
                part, stream = stream[:step], stream[step:]
                step = steps.send(part)
    except StopIteration as end:
        assert not stream
        export: Export = end.value
        return export, sent


def sizes(least: int, greatest: int) -> bytes:
    return option_reply(GO, INFO, pack(">HIII", 3, least, 4096, greatest))


def go(*infos: bytes) -> bytes:
    return b"".join(infos) + option_reply(GO, INFO, EXPORT) + option_reply(GO, ACK)


YES = option_reply(STRUCTURED, ACK)
NO = option_reply(STRUCTURED, UNSUPPORTED)


def test_a_server_that_knows_everything() -> None:
    other = option_reply(GO, INFO, pack(">H", 1) + b"a name")
    export, sent = shake_hands(greeting(), YES, go(other, sizes(512, 8192)), name="a/é")
    assert export == Export(4096, 0x101, structured=True, least=512, greatest=8192)
    name = "a/é".encode()
    assert sent == (
        pack(">I", 3)
        + pack(">8sII", b"IHAVEOPT", STRUCTURED, 0)
        + pack(">8sII", b"IHAVEOPT", GO, 4 + len(name) + 4)
        + pack(">I", len(name))
        + name
        + pack(">HH", 1, 3)
    )


def test_a_server_without_structured_replies() -> None:
    export, _ = shake_hands(greeting(), NO, go())
    assert export == Export(4096, 0x101)
    assert (export.writable, export.flushes, export.coherent) == (True, False, True)


@pytest.mark.parametrize("structured", [YES, NO])
def test_a_server_that_knows_only_names(structured: bytes) -> None:
    old = option_reply(GO, UNSUPPORTED, b"no")
    export, sent = shake_hands(greeting(), structured, old, pack(">QH", 4096, 7), name="it")
    assert export == Export(4096, 7, structured is YES)
    assert (export.writable, export.flushes, export.coherent) == (False, True, False)
    assert sent.endswith(pack(">8sII", b"IHAVEOPT", EXPORT_NAME, 2) + b"it")


@pytest.mark.parametrize(("flags", "zeros"), [(0, 124), (1, 124), (2, 0)])
def test_servers_without_options_or_with_zeros(flags: int, zeros: int) -> None:
    answers = NO + option_reply(GO, UNSUPPORTED) if flags & 1 else b""
    export, sent = shake_hands(greeting(flags), answers, pack(">QH", 4096, 1), bytes(zeros))
    assert export == Export(4096, 1)
    assert sent[:4] == pack(">I", flags)


def test_what_does_not_fill_a_block_is_left_out() -> None:
    export, _ = shake_hands(greeting(), YES, go(sizes(1024, 2**32 - 1)))
    assert (export.size, export.greatest) == (4096, 2**30)
    odd = option_reply(GO, INFO, pack(">HQH", 0, 5000, 1)) + option_reply(GO, ACK)
    export, _ = shake_hands(greeting(), YES, sizes(1024, 3000), odd)
    assert (export.size, export.greatest) == (4096, 2048)


@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (b"SSH-2.0-", "no NBD server"),
        (b"NBDMAGICelse....", "no NBD server"),
        (b"NBDMAGIC" + bytes.fromhex("0000420281861253"), "oldstyle handshake only"),
        (greeting() + option_reply(STRUCTURED, TLS), "demands TLS"),
        (greeting() + NO + option_reply(GO, TLS), "demands TLS"),
        (greeting() + NO + option_reply(GO, UNKNOWN, b"not here"), "no such export: not here"),
        (greeting() + NO + option_reply(GO, UNKNOWN), "no such export: reply 6"),
        (greeting() + NO + option_reply(GO, POLICY, b"go\naway"), r"refused the export: go\?away"),
        (greeting() + NO + option_reply(GO, 77), "refused the export: reply 77"),
        (greeting() + NO + option_reply(GO, ACK), "did not tell the export's size"),
        (greeting() + NO + option_reply(GO, INFO), "malformed description of the export: 0 bytes"),
        (greeting() + NO + option_reply(GO, INFO, EXPORT[:-1]), "description of the export: 11 "),
        (greeting() + NO + option_reply(GO, INFO, EXPORT) * 64, "does not end its description"),
        (greeting() + NO + sizes(0, 4096) + go(), "a least block of 0 bytes"),
        (greeting() + NO + sizes(3, 4096) + go(), "a least block of 3 bytes"),
        (greeting() + NO + sizes(2**17, 2**20) + go(), "a least block of 131072 bytes"),
        (greeting() + NO + sizes(512, 256) + go(), "a greatest request of 256 bytes"),
        (greeting() + option_reply(GO, ACK), "malformed reply in the handshake"),
        (greeting() + bytes(20), "malformed reply in the handshake"),
        (greeting() + option_reply(STRUCTURED, ACK, length=1 << 17), "malformed reply"),
        (greeting(0) + pack(">QH", 2**64 - 1, 1) + bytes(124), "an export of 18446744073709551615"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_no_handshake_is_refused(sent: bytes, problem: str) -> None:
    with pytest.raises(ProtocolError, match=problem) as caught:
        shake_hands(sent)
    assert isinstance(caught.value, NoExportError) == ("no such export" in problem)


@given(st.binary(max_size=200), st.sampled_from([b"", greeting(), greeting() + YES]))
@settings(max_examples=300, deadline=None)
def test_any_bytes_end_well(data: bytes, begin: bytes) -> None:
    one_handshake(begin + data)
