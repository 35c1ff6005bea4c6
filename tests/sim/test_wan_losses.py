"""Losses on a WAN link: whose they are, and what a long flow reaches."""

from __future__ import annotations

import math
from itertools import islice

import pytest

from simaccess.sim.environment import TICKS_PER_SECOND
from tests.sim.wan import (
    MSS,
    Run,
    lose,
    senders,
)


def reno_throughput(settling: int, losses: int, every: int, *, periodic: bool) -> float:
    """Throughput of a long Reno flow over Mathis' bound, after `settling` losses."""
    run = Run(
        tcp__congestion_control="reno",
        path__loss=0 if periodic else 1 / every,
        path__rate="10 Gbit/s",
    )
    run.user(("load", settling * every * MSS), ("load", losses * every * MSS))
    if periodic:
        lose(run, *range(every, 2 * (settling + losses) * every, every))
    sender = run.ports[0].connections[0].down
    seconds = run.go().spans()[1] / TICKS_PER_SECOND
    assert sender.timeouts == 0
    p = sender.congestion_events / ((settling + losses) * every)
    assert p == pytest.approx(1 / every, rel=0.1)
    return losses * every * MSS / seconds / (1.22 * MSS / (0.020 * math.sqrt(p)))


def test_every_sender_has_losses_of_its_own_that_follow_from_the_seed() -> None:
    def gaps(seed: int) -> list[list[int]]:
        run = Run(seed=seed, path__loss=0.01, path__upstream_loss=0.01, tcp__connections=2)
        run.user()
        run.user()
        run.go()
        return [list(islice(sender._losses or [], 20)) for sender in senders(run)]

    first = gaps(1)
    assert first == gaps(1)
    assert len({tuple(gap) for gap in first + gaps(2)}) == 16


@pytest.mark.parametrize(("down", "up"), [(0.3, 0.0), (0.0, 0.3)])
def test_each_direction_has_losses_of_its_own(down: float, up: float) -> None:
    """Of a hundred small requests and their answers a third is sent again, in one direction."""
    run = Run(seed=3, path__loss=down, path__upstream_loss=up)
    run.user(*[("load", 64)] * 100)
    run.go()
    sent = [sender.retransmissions for sender in senders(run)]
    lossy, other = sent if up else reversed(sent)
    assert lossy > 20
    assert other == 0


@pytest.mark.parametrize(("every", "losses"), [(500, 100), (2000, 50), (8000, 20)])
def test_reno_meets_the_bound_of_mathis_for_periodic_losses(every: int, losses: int) -> None:
    # The bound counts only rounds of growth from w to 2w packets, 3/2 w^2 = 1/p in all; to the
    # packet they are 3/2 w^2 - w/2. Each loss adds a round of w packets to mend it, in which the
    # window does not grow. Half of an odd window is rounded down, so that it takes half a round of
    # 2w packets more to come back. The difference vanishes as sqrt(p). 1.22 itself stands for
    # sqrt(3/2) = 1.2247.
    ratio = reno_throughput(12, losses, every, periodic=True)
    w = (-1.5 + (2.25 + 6 * every) ** 0.5) / 3  # 3/2 w^2 + 3/2 w = 1/p
    expected = every / (w + 1.5) / (1.22 * every**0.5)
    assert ratio == pytest.approx(expected, rel=0.02)
    assert 0.9 < ratio < 1.01


def test_reno_meets_the_bound_of_mathis_for_random_losses() -> None:
    # Independent losses raise the constant to at most 1.31 (Ott, Kempermann and Mathis 1996), 7 %;
    # the rounds of recovery take 8 % off; 400 cycles leave 3 % to the seed.
    assert 0.9 < reno_throughput(20, 400, 500, periodic=False) < 1.1


def test_two_reno_flows_share_fairly() -> None:
    run = Run(tcp__congestion_control="reno", path__buffer="125 kB", path__jitter="100 us")
    ends = []
    for _ in range(2):
        run.user(("load", 40_000_000))
    run.go()
    ends = [times[-1] for times in run.times]
    assert min(ends) > 0.75 * max(ends)
    use = run.link.use(max(ends))["down"]
    assert use.payload_bytes == 80_000_000
    assert 0.8 < use.utilisation <= 1
