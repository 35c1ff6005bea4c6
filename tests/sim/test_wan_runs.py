"""A WAN link is simulated alike by rounds and by packets, at once and step by step."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sim.wan import (
    MS,
    Run,
    senders,
)

steps = st.lists(
    st.one_of(
        st.tuples(st.sampled_from(["load", "store", "fetch", "flush"]), st.integers(1, 150_000)),
        st.tuples(st.just("work"), st.integers(0, 400 * MS)),
        st.tuples(st.just("await"), st.integers(1, 4)),
    ),
    min_size=1,
    max_size=8,
)
settings_of_link = st.fixed_dictionaries(
    {
        "tcp__congestion_control": st.sampled_from(["reno", "cubic", "bbr"]),
        "tcp__connections": st.integers(1, 3),
        "tcp__receive_window": st.sampled_from(["20000 B", "200 kB", "10 MB"]),
        "tcp__hystart": st.booleans(),
        "path__buffer": st.sampled_from(["15 kB", "60 kB", "10 MB"]),
        "path__upstream_buffer": st.sampled_from(["15 kB", "10 MB"]),
        "path__rtt": st.sampled_from(["1200 us", "20 ms"]),
        "path__loss": st.sampled_from([0, 0, 0.02]),
        "path__upstream_loss": st.sampled_from([0, 0, 0.02]),
        "path__jitter": st.sampled_from(["0 s", "0 s", "1 ms"]),
        "cross__rate": st.sampled_from(["0 Mbit/s", "0 Mbit/s", "30 Mbit/s"]),
        "tcp__host_time": st.sampled_from(["0 s", "1500 ns", "50 us", "150 us"]),
        "tcp__delayed_ack": st.sampled_from([False, False, True]),
        "tcp__offload": st.sampled_from([False, False, True]),
    }
)


def state(run: Run) -> list[int]:
    """Everything that the past leaves behind."""
    state = [run.link.down.station.waited, run.link.up.station.waited]
    for sender in senders(run):
        state += [sender.control.cwnd, sender.control.ssthresh, sender.rtt.smoothed]
        state += [sender.congestion_events, sender.retransmissions, sender.timeouts]
    return state


@settings(max_examples=60, deadline=None)
@given(changes=settings_of_link, users=st.lists(steps, min_size=1, max_size=3))
def test_any_scenario_is_the_same_however_it_is_run(
    changes: dict[str, Any], users: list[list[tuple[str, int]]]
) -> None:
    outcomes = []
    for mode in ({}, {"run_ahead": 0}, {"rounds": False}, {"run_ahead": 10**6, "rounds": False}):
        run = Run(**mode, **changes)
        for scenario in users:
            run.user(*scenario)
        run.go()
        outcomes.append(run)
        end = max(agent.time for agent in run.agents)
        for agent in run.agents:
            spent = agent.compute + agent.stall + agent.copy + agent.issue + agent.wait
            assert spent == agent.time - agent.start
        down = run.link.use(max(end, int(run.env.now)))["down"]
        assert down.utilisation <= 1 + 1e-12
        reads = sum(n for user in users for name, n in user if name in ("load", "fetch"))
        writes = sum(1 for user in users for name, _ in user if name in ("store", "flush"))
        assert run.link.down.station.bytes == reads + 48 * writes
        assert all(sender.flight == 0 == sender._recovery.missing for sender in senders(run))
    for other in outcomes[1:]:
        assert other.times == outcomes[0].times
        assert state(other) == state(outcomes[0])


def test_a_cold_transfer_costs_work_by_rounds_not_by_packets(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = {}
    for size in (1_000_000, 100_000_000):
        run = Run(tcp__hystart=True)
        run.user(("load", size))
        count = 0
        sender = run.ports[0].connections[0].down
        acknowledge = sender._acknowledge

        def counting(*args: Any, acknowledge: Any = acknowledge) -> None:
            nonlocal count
            count += 1
            acknowledge(*args)

        monkeypatch.setattr(sender, "_acknowledge", counting)
        run.go()
        steps[size] = count
    assert steps[1_000_000] < 60
    assert steps[100_000_000] < 10_000  # of 69,000 packets
