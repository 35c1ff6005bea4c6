"""What an agent that raises leaves behind."""

from __future__ import annotations

import pytest

from simaccess.sim.environment import Agent, Environment


@pytest.mark.parametrize("run_ahead", [0, 10**10])
def test_nobody_is_running_after_an_agent_has_raised(run_ahead: int) -> None:
    env = Environment(run_ahead)

    async def fails(agent: Agent) -> None:
        await agent.work(1000)
        raise ValueError("told to fail")

    async def works(agent: Agent) -> None:
        await agent.work(5000)
        await env.turn

    env.start(fails)
    other = env.start(works)
    with pytest.raises(ValueError, match="told to fail"):
        env.run()
    assert env.current is None
    assert env.horizon == 0
    late = env.start(works)
    assert late.start == env.now < 1000  # not the local time of the one that failed
    env.run()
    assert (other.end, late.end) == (5000, late.start + 5000)
