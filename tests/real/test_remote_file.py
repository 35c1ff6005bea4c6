"""Remote files: transfers that overlap, are withdrawn or interrupted, and what they cost."""

from __future__ import annotations

import asyncio
import signal
import sys
import time

import pytest

from simaccess.errors import LinkError
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.http_faults import (
    delayed,
)
from tests.real.reading import buffer_over, read
from tests.real.remote_content import CONTENT
from tests.real.scripted_http import answer_206, scripted
from tests.real.servers import nginx


def test_prefetch_overlaps_requests_and_work() -> None:
    """Copy-once pays each delay and the work; prefetch's copies hide behind the work."""
    work = 20_000_000  # ns a block

    def seconds(method: AccessMethod) -> tuple[float, int]:
        with scripted(CONTENT, delayed(0.02)) as server, open_link(server.url) as link:
            buffer = buffer_over(link, method)
            begin = time.monotonic()
            for offset in range(0, len(CONTENT), 1000):
                assert read(buffer, offset, 1000) == CONTENT[offset : offset + 1000]
                run(link.clock.work(work))
            return time.monotonic() - begin, server.most

    once, alone = seconds(CopyOnce(FixedBlocks(1000), 16))
    ahead, together = seconds(Prefetch(FixedBlocks(1000), depth=4, initial=4))
    assert alone == 1
    assert together >= 3
    assert once >= 20 * 0.04
    assert ahead < 0.75 * once


def test_no_more_requests_than_connections() -> None:
    with scripted(CONTENT, delayed(0.01)) as server:
        with open_link(f"{server.url}#connections=2") as link:
            buffer = buffer_over(link, Prefetch(FixedBlocks(500), depth=8, initial=8))
            for offset in range(0, len(CONTENT), 500):
                assert read(buffer, offset, 500) == CONTENT[offset : offset + 500]
        assert server.most == 2


def test_a_withdrawn_transfer_writes_nothing() -> None:
    with scripted(CONTENT, delayed(0.05)) as server, open_link(server.url) as link:
        segment, memory = link.attach(), link.local(3000)
        transfers = [run(segment.fetch(1000 * i, 1000, memory, 1000 * i)) for i in range(3)]
        assert not run(transfers[1].poll())
        assert run(transfers[1].cancel())
        for transfer in (transfers[0], transfers[2]):
            run(transfer)
            assert run(transfer.poll())
            assert not run(transfer.cancel())
        time.sleep(0.1)
        view = memory.view(0, 3000)
        assert view is not None
        assert bytes(view) == CONTENT[:1000] + bytes(1000) + CONTENT[2000:3000]


def test_an_interrupted_wait_writes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted(CONTENT, delayed(0.05)) as server, open_link(server.url) as link:
        segment, memory = link.attach(), link.local(1000)
        transfer = run(segment.fetch(0, 1000, memory, 0))

        def interrupted(*_: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(type(transfer._future), "result", interrupted)  # type: ignore[attr-defined]  # the backend's own
            with pytest.raises(KeyboardInterrupt):
                run(transfer)
        time.sleep(0.1)
        assert bytes(memory.view(0, 1000) or b"") == bytes(1000)


def test_within_another_event_loop_the_thread_makes_the_requests() -> None:
    """As in a notebook, whose cells run within one."""

    async def cell() -> None:
        with open_link(server.url) as link:
            buffer = buffer_over(link, Prefetch(FixedBlocks(1000), depth=4))
            for offset in range(0, len(CONTENT), 1000):
                view = await buffer.read(offset, 1000)
                assert view is not None
                assert bytes(view) == CONTENT[offset : offset + 1000]

    with scripted(CONTENT, delayed(0.002)) as server:
        asyncio.run(cell())


def test_a_signal_in_the_midst_of_a_wait_spoils_nothing_later() -> None:
    """Whatever it interrupted, the next request has a connection of its own and the right bytes."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with scripted(CONTENT, delayed(0.05)) as server, open_link(server.url) as link:
            segment, memory = link.attach(), link.local(2000)
            transfers = [run(segment.fetch(1000 * i, 1000, memory, 1000 * i)) for i in range(2)]
            signal.setitimer(signal.ITIMER_REAL, 0.02)
            with pytest.raises(KeyboardInterrupt):
                run(transfers[0])
            time.sleep(0.1)
            assert bytes(memory.view(0, 2000) or b"") == bytes(2000)
            with pytest.raises(LinkError, match="withdrawn"):
                run(transfers[1])
            run(run(segment.fetch(500, 1000, memory, 0)))
            assert bytes(memory.view(0, 1000) or b"") == CONTENT[500:1500]
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_a_closed_link_says_so() -> None:
    with scripted(CONTENT, answer_206) as server:
        with open_link(server.url) as link:
            segment = link.attach()
        with pytest.raises(LinkError, match="the link is closed"):
            run(segment.load(0, 10))


def test_cooling_drops_the_connections() -> None:
    with scripted(CONTENT, answer_206) as server, open_link(server.url) as link:
        segment = link.attach()
        for _ in range(3):
            run(segment.load(0, 10))
        assert server.connections == 1
        assert link.cool()
        run(segment.load(0, 10))
        assert server.connections == 2


def test_links_share_the_switch_interval() -> None:
    before = sys.getswitchinterval()
    url = nginx().put(CONTENT)
    with open_link(f"{url}#switch=200 us"):
        assert sys.getswitchinterval() == pytest.approx(200e-6, abs=2e-6)
        with open_link(url):
            assert sys.getswitchinterval() == pytest.approx(100e-6, abs=2e-6)
        assert sys.getswitchinterval() == pytest.approx(200e-6, abs=2e-6)
    assert sys.getswitchinterval() == before


def test_tallies_of_the_clock_sum_to_the_run() -> None:
    with scripted(CONTENT, delayed(0.01)) as server, open_link(server.url) as link:
        buffer = buffer_over(link, CopyOnce(FixedBlocks(4096), 2))
        read(buffer, 0, len(CONTENT))
        clock = link.clock
        total = clock.time - clock.start
        assert clock.wait > 0
        assert clock.issue > 0
        tallies = (clock.compute, clock.stall, clock.copy, clock.issue, clock.wait)
        assert sum(tallies) == total
