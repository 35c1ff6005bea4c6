"""Copy-once over HTTP against plain clients: sequential range requests of the same blocks.

    python bench/real_remote.py [--size MIB] [--rounds N] [--json]

An nginx on loopback serves a file. Each round reads all of it by each client in turn, in an order
that is drawn, so that drift hits all alike; what is printed is the median over rounds of the time
by copy-once over that of the plain client in the same round, with the quartiles. The plain clients
are aiohttp in an event loop of its own, and fsspec's `cat_file`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import aiohttp
import fsspec

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from simaccess.buffer import Buffer, Shadow
from simaccess.methods.blocks import FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.prefetch import Prefetch
from simaccess.operations import AccessMethod
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from tests.real.servers import nginx_if_installed

BLOCKS = (4 << 10, 16 << 10, 64 << 10, 256 << 10, 1 << 20, 4 << 20)
TARGET = 1.15


Reader = Callable[[], None]
"""Reads the whole file once, over connections that are open."""


@contextmanager
def by_aiohttp(url: str, size: int, block: int) -> Iterator[Reader]:
    async def body() -> None:
        for offset in range(0, size, block):
            headers = {"Range": f"bytes={offset}-{offset + block - 1}"}
            async with session.get(url, headers=headers) as answer:
                assert len(await answer.read()) == block

    async def client() -> aiohttp.ClientSession:
        return aiohttp.ClientSession()

    loop = asyncio.new_event_loop()
    session = loop.run_until_complete(client())
    yield lambda: loop.run_until_complete(body())
    loop.run_until_complete(session.close())
    loop.close()


@contextmanager
def by_fsspec(url: str, size: int, block: int) -> Iterator[Reader]:
    fs = fsspec.filesystem("http", skip_instance_cache=True)

    def body() -> None:
        for offset in range(0, size, block):
            assert len(fs.cat_file(url, start=offset, end=offset + block)) == block

    yield body


@contextmanager
def by_method(url: str, size: int, block: int, method: AccessMethod) -> Iterator[Reader]:
    with open_link(url) as link:
        buffer = Buffer(Shadow(method, link.local), link.attach(), link.clock)

        def body() -> None:
            for offset in range(0, size, block):
                view = run(buffer.read(offset, block))
                assert view is not None
                assert len(view) == block

        yield body


def by_copy_once(url: str, size: int, block: int) -> AbstractContextManager[Reader]:
    return by_method(url, size, block, CopyOnce(FixedBlocks(block), 2))


def by_prefetch(url: str, size: int, block: int) -> AbstractContextManager[Reader]:
    return by_method(url, size, block, Prefetch(FixedBlocks(block), depth=4))


CLIENTS: dict[str, Callable[[str, int, int], AbstractContextManager[Reader]]] = {
    "aiohttp": by_aiohttp,
    "fsspec": by_fsspec,
    "copy-once": by_copy_once,
    "prefetch": by_prefetch,
}


def measure(url: str, size: int, block: int, rounds: int) -> dict[str, list[float]]:
    """Return the seconds of each client in each round."""
    took: dict[str, list[float]] = {name: [] for name in CLIENTS}
    draws = random.Random(block)
    with ExitStack() as stack:
        readers = {
            name: stack.enter_context(client(url, size, block)) for name, client in CLIENTS.items()
        }
        for number in range(rounds + 1):
            for name in draws.sample(list(CLIENTS), len(CLIENTS)):
                begin = time.perf_counter()
                readers[name]()
                if number:  # the first round warms up
                    took[name].append(time.perf_counter() - begin)
    return took


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--size", type=int, default=64, help="MiB of the file (default 64)")
    parser.add_argument("--rounds", type=int, default=11, help="rounds (default 11)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    server = nginx_if_installed()
    if server is None:
        sys.exit("needs nginx (Debian: nginx-light)")
    whole = given.size << 20
    url = server.put(os.urandom(whole))
    rows = []
    for block in BLOCKS:
        size = min(whole, 400 * block)
        if size < 16 * block:  # a shadow could hold it all
            continue
        took = measure(url, size, block, given.rounds)
        row: dict[str, object] = {"block": block}
        for plain in ("aiohttp", "fsspec"):
            ratios = [a / b for a, b in zip(took["copy-once"], took[plain], strict=True)]
            low, middle, high = statistics.quantiles(ratios, n=4)
            row[f"over {plain}"] = {"median": middle, "quartiles": [low, high]}
        for name, seconds in took.items():
            row[f"{name} MB/s"] = size / statistics.median(seconds) / 1e6
        rows.append(row)
        if not given.json:
            print(
                f"{block >> 10:5} KiB:",
                *(
                    f"{row[f'over {plain}']['median']:.3f}"  # type: ignore[index]  # a dict, above
                    f" ({row[f'over {plain}']['quartiles'][0]:.2f}"  # type: ignore[index]
                    f"-{row[f'over {plain}']['quartiles'][1]:.2f}) of {plain}'s time;"  # type: ignore[index]
                    for plain in ("aiohttp", "fsspec")
                ),
                ", ".join(f"{name} {row[f'{name} MB/s']:.0f}" for name in CLIENTS),
                "MB/s",
            )
    if given.json:
        print(json.dumps(rows, indent=2))
    else:
        print(f"The aim is at most {TARGET} of a plain client's time.")


if __name__ == "__main__":
    main()
