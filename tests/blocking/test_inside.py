"""Inside of a running simulation nothing may block."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest
import simpy

import simaccess
from simaccess.sim.environment import Agent, Environment
from tests.blocking.content import CONTENT


@pytest.mark.parametrize("make", [simpy.Environment, Environment])
def test_inside_a_running_simulation_it_refuses(make: type[simpy.Environment], data: Path) -> None:
    url = f"sim:pci-64-66?data={data}"
    file = simaccess.open(url)
    refused = []

    def process(env: simpy.Environment) -> Generator[simpy.Event, None, None]:
        yield env.timeout(1)
        for call in (lambda: file.read(1), lambda: simaccess.open(url), lambda: file.seek(0)):
            with pytest.raises(RuntimeError, match="a simulation is running"):
                call()
            refused.append(call)

    env = make()
    env.process(process(env))
    env.run()
    assert len(refused) == 3
    assert file.read(3) == CONTENT[:3]
    file.close()


def test_an_agent_cannot_block_either(data: Path) -> None:
    async def body(_: Agent) -> None:
        simaccess.open(f"sim:pci-64-66?data={data}")

    env = Environment()
    env.start(body)
    with pytest.raises(RuntimeError, match="a simulation is running"):
        env.run()


def test_two_files_take_turns(data: Path) -> None:
    url = f"sim:wan-20ms-100mbit?data={data}"
    with simaccess.open(url) as one, simaccess.open(url) as other:
        for _ in range(10):
            assert one.read(900) == other.read(900)
        assert one.clock.time == other.clock.time
