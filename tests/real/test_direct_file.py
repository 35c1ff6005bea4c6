"""A file past the page cache: whole blocks by the helper, others by the consumer, mixed."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from tests.real.local_links import file_link

SIZE = 40_000  # not in whole blocks


def made(name: str, block: int) -> AccessMethod:
    if name == "copy-once":
        return CopyOnce(FixedBlocks(block), 3)
    if name == "hybrid":
        return Hybrid(FixedBlocks(block), 3, 512)
    return Prefetch(FixedBlocks(block), depth=2)


places = st.one_of(st.integers(0, SIZE - 1), st.integers(0, SIZE // 512).map(lambda n: n * 512))


@pytest.mark.parametrize("query", ["?mode=direct", "?mode=direct&copier=inline"])
@settings(max_examples=25, deadline=None)
@given(
    name=st.sampled_from(["copy-once", "hybrid", "prefetch"]),
    block=st.sampled_from([512, 1024, 4096, 1000]),
    asked=st.lists(
        st.tuples(st.booleans(), places, st.sampled_from([1, 100, 512, 5000])), max_size=25
    ),
)
def test_whole_blocks_and_others(
    query: str, name: str, block: int, asked: list[tuple[bool, int, int]]
) -> None:
    now = bytearray((7 * i + (i >> 8)) % 251 for i in range(SIZE))
    with file_link(bytes(now), query) as (link, contents):
        buffer = Buffer(Shadow(made(name, block), link.local), link.attach(), link.clock)
        for step, (write, offset, length) in enumerate(asked):
            place = slice(offset, min(offset + length, SIZE))
            fresh = bytes([step + 1]) * len(now[place])
            if write:
                now[place] = fresh
                run(buffer.write(offset, len(fresh), memoryview(fresh)))
            else:
                view = run(buffer.read(offset, len(fresh)))
                assert view is not None
                assert bytes(view) == now[place]
        run(buffer.sync())
        assert contents() == now
