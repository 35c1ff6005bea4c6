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


def reno_throughput(
    settling: int, losses: int, every: int, *, periodic: bool
) -> tuple[float, float]:
    """Throughput of a long Reno flow over Mathis' bound, and its packets a loss.

    Both are taken from one loss to another, `losses` later: over whole teeth of the saw.
    """
    run = Run(
        tcp__congestion_control="reno",
        path__loss=0 if periodic else 1 / every,
        path__rate="10 Gbit/s",
        # Somewhat above the highest tooth, so that slow start ends there; chance makes higher ones.
        tcp__receive_window=f"{2.4 * (every / 1.5) ** 0.5 * MSS if periodic else 1e8:.0f} B",
    )
    size = (settling + losses + 3) * every  # the first two losses may be one event
    run.user(("load", size * MSS if periodic else 2 * size * MSS))
    if periodic:
        lose(run, *range(every, 2 * size, every))
    sender = run.ports[0].connections[0].down
    halve = sender.control.lost
    seen: list[tuple[int, int]] = []

    def halved() -> int | None:
        seen.append((int(run.env.now), sender._number))
        return halve()

    sender.control.lost = halved  # type: ignore[method-assign]
    run.go()
    assert sender.timeouts == 0
    (begin, first), (end, last) = seen[settling], seen[settling + losses]
    packets = last - first
    rate = packets * MSS / (end - begin) * TICKS_PER_SECOND
    bound = math.sqrt(3 / 2) * MSS / (0.020 * math.sqrt(losses / packets))
    return rate / bound, packets / losses


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


def test_reno_approaches_the_bound_of_mathis_for_periodic_losses() -> None:
    # The bound counts only rounds of growth from w to 2w packets, 3/2 w^2 = 1/p in all; to the
    # packet they are 3/2 w^2 - w/2. Each loss adds a round of w packets to mend it, in which the
    # window does not grow. Half of an odd window is rounded down, so that it takes half a round of
    # 2w packets more to come back: 3/2 w^2 + 3/2 w = 1/p in w + 3/2 rounds, 1 / (1 + sqrt(3p/2)) of
    # the bound. A tooth takes whole rounds, which leaves 1.3 % at p = 1/2000 to chance.
    below = []
    for every, losses in ((500, 40), (2000, 20), (8000, 8), (32_000, 2)):
        ratio, packets = reno_throughput(4, losses, every, periodic=True)
        assert packets == pytest.approx(every, rel=0.001)  # one event a loss, and none missed
        assert ratio == pytest.approx(1 / (1 + math.sqrt(1.5 / every)), rel=0.02)
        below.append(1 - ratio)
    assert below == sorted(below, reverse=True)
    assert 0 < below[-1] < 0.01  # at 1/32,000
    assert below[-2] < 0.02


def test_reno_meets_the_bound_of_mathis_for_random_losses() -> None:
    # Independent losses raise the constant to at most 1.31 (Ott, Kempermann and Mathis 1996), 7 %;
    # the rounds of recovery take 5 % off; 400 cycles leave 3 % to the seed.
    ratio, packets = reno_throughput(20, 400, 500, periodic=False)
    assert packets == pytest.approx(500, rel=0.1)
    assert 0.9 < ratio < 1.1


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
