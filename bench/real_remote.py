"""Copy-once over HTTP against plain clients: sequential range requests of the same blocks.

    python bench/real_remote.py [--size MIB] [--rounds N] [--json]

An nginx on loopback serves a file. Each round reads all of it by each client in turn, in an order
that is drawn, so that drift hits all alike; what is printed is the median over rounds of the time
by copy-once over that of the plain client in the same round, with the quartiles. The plain clients
are fsspec's `cat_file`, aiohttp in an event loop of its own, and the standard library's http.client
into memory that is used again: from what a user has at hand to what does least. At last copy-once
is taken at the block that is best for it, against each plain client at the block that is best for
that one.
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
from http.client import HTTPConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

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
PLAIN = ("fsspec", "aiohttp", "http.client")

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
def by_http_client(url: str, size: int, block: int) -> Iterator[Reader]:
    parts = urlsplit(url)
    connection = HTTPConnection(parts.netloc)
    memory = memoryview(bytearray(block))

    def body() -> None:
        for offset in range(0, size, block):
            headers = {"Range": f"bytes={offset}-{offset + block - 1}"}
            connection.request("GET", parts.path, headers=headers)
            answer = connection.getresponse()
            rest = memory
            while rest:
                count = answer.readinto(rest)
                assert count
                rest = rest[count:]
            assert not answer.read()  # the end, so that the connection is kept

    yield body
    connection.close()


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
    "fsspec": by_fsspec,
    "aiohttp": by_aiohttp,
    "http.client": by_http_client,
    "copy-once": by_copy_once,
    "prefetch": by_prefetch,
}


Choice = tuple[str, int]
"""A client, and bytes of a block."""


def measure(url: str, size: int, choices: list[Choice], rounds: int) -> dict[Choice, list[float]]:
    """Return the seconds that each client takes with its block in each round."""
    took: dict[Choice, list[float]] = {choice: [] for choice in choices}
    draws = random.Random(size)
    with ExitStack() as stack:
        readers = {
            (name, block): stack.enter_context(CLIENTS[name](url, size, block))
            for name, block in choices
        }
        for number in range(rounds + 1):
            for choice in draws.sample(choices, len(choices)):
                begin = time.perf_counter()
                readers[choice]()
                if number:  # the first round warms up
                    took[choice].append(time.perf_counter() - begin)
    return took


def compared(took: dict[Choice, list[float]], size: int) -> dict[str, object]:
    """Return how copy-once compares with each plain client, and what each read in a second."""
    row: dict[str, object] = {}
    by_name = {name: (block, seconds) for (name, block), seconds in took.items()}
    ours = by_name["copy-once"][1]
    for plain in PLAIN:
        ratios = [a / b for a, b in zip(ours, by_name[plain][1], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        row[f"over {plain}"] = {"median": middle, "quartiles": [low, high]}
    row["blocks"] = {name: block for name, (block, _) in by_name.items()}
    row["MB/s"] = {
        name: size / statistics.median(each) / 1e6 for name, (_, each) in by_name.items()
    }
    return row


def best_blocks(url: str, size: int, blocks: list[int]) -> list[Choice]:
    """Return each client with the block that is best for it, by the median of three rounds."""
    choices = []
    for name in CLIENTS:
        took = measure(url, size, [(name, block) for block in blocks], 3)
        choices.append(min(took, key=lambda choice: statistics.median(took[choice])))
    return choices


def rows(url: str, whole: int, rounds: int) -> Iterator[dict[str, object]]:
    """Compare block by block, and at last each client at its best."""
    blocks = []
    for block in BLOCKS:
        size = min(whole, 400 * block)
        if size < 16 * block:  # a shadow could hold it all
            continue
        blocks.append(block)
        took = measure(url, size, [(name, block) for name in CLIENTS], rounds)
        yield {"block": block, **compared(took, size)}
    if blocks:
        size = min(whole, 400 * blocks[-1])
        took = measure(url, size, best_blocks(url, size, blocks[-3:]), rounds)
        yield {"block": None, **compared(took, size)}


def line(row: dict[str, Any]) -> str:
    """Return a row for readers."""
    block = row["block"]
    ratios = [
        f"{found['median']:.3f} ({found['quartiles'][0]:.2f}-{found['quartiles'][1]:.2f}) of {plain}"
        for plain, found in ((plain, row[f"over {plain}"]) for plain in PLAIN)
    ]
    rates = [
        f"{name} {rate:.0f}" + ("" if block else f" with {row['blocks'][name] >> 10} KiB")
        for name, rate in row["MB/s"].items()
    ]
    head = "each at its best" if block is None else f"{block >> 10:5} KiB"
    return f"{head}: {', '.join(ratios)}; {', '.join(rates)} MB/s"


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
    found = []
    for row in rows(url, whole, given.rounds):
        found.append(row)
        if not given.json:
            print(line(row), flush=True)
    if given.json:
        print(json.dumps(found, indent=2))
    else:
        print(f"The aim is at most {TARGET} of a plain client's time.")


if __name__ == "__main__":
    main()
