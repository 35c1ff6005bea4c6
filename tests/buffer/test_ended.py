"""A simulation may be ended at any time, whatever its clients are in the middle of."""

from __future__ import annotations

import pytest

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.model import load_model
from simaccess.path import make_path
from simaccess.registry import make
from simaccess.sim.environment import Agent, Environment
from simaccess.sim.link import Link

SIZE = 1 << 16


@pytest.mark.parametrize("method", ["copy-once", "hybrid", "prefetch"])
@pytest.mark.parametrize("model", ["example-link", "pci-64-66", "shared-memory-ddr4"])
def test_clients_of_one_shadow_may_be_ended_anywhere(model: str, method: str) -> None:
    for end in range(10**5, 2 * 10**7, 10**6):
        env = Environment()
        link = make_path(env, load_model(model), None, SIZE, None, seed=0)
        shadow = Shadow(make(method, FixedBlocks(4096), {}), link.local)
        shadow.share()

        async def client(clock: Agent, link: Link = link, shadow: Shadow = shadow) -> None:
            buffer = Buffer(shadow, link.attach(), clock)
            for offset in range(0, SIZE, 64):
                await buffer.write(offset, 64)
                await buffer.read(offset, 64)

        for _ in range(2):
            env.start(client)
        env.run(until=end)
        env.close()
