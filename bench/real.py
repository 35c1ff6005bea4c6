"""Time real links beside the same without the library, interleaved, and say which aims are met.

Parts: shared memory (zero-copy against slices and bare copies), NBD (loads and prefetch against
bare clients) and HTTP (copy-once against plain clients). Each is a script of its own with options
of its own. A ratio is how long ours takes for each second of the other's: the median over the
rounds, each of which runs both. An aim is met if the median is at most its limit. What a part needs
and the machine lacks (nbdkit, nginx) is said, and the other parts run.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

NBD_LIMIT, HTTP_LIMIT = 1.10, 1.15
"""Of prefetch to the best client of as many requests, and of copy-once to the plain client."""


@dataclass(frozen=True)
class Row:
    """A ratio, and the limit that is its aim.

    Attributes
    ----------
    name : str
        What is compared.
    ratio, low, high : float
        The median over the rounds, and between what they lie: quartiles, or extremes for memory.
    limit : float or None
        The most that the median may be; None where there is no aim.
    met : bool or None
        Whether it is.
    """

    name: str
    ratio: float
    low: float
    high: float
    limit: float | None
    met: bool | None


def row(name: str, ratio: float, low: float, high: float, limit: float | None) -> Row:
    """Return a ratio held against its aim."""
    return Row(name, ratio, low, high, limit, None if limit is None else ratio <= limit)


def memory(rounds: int | None) -> Iterator[Row]:
    """Compare on shared memory."""
    measures: Mapping[str, Callable[[int], Mapping[str, float]]]
    measures = import_module("real_memory").MEASURES  # beside this script
    for name, measure in measures.items():
        found = measure(rounds or 101)
        yield row(name, found["ratio"], found["lowest"], found["highest"], found["target"])


def nbd(rounds: int | None) -> Iterator[Row]:
    """Compare over NBD; loads have no aim."""
    for line in _told("real_nbd.py", rounds).splitlines():
        found = json.loads(line)
        limit = NBD_LIMIT if "prefetch" in found["name"] else None
        yield row(found["name"], found["ratio"], found["low"], found["high"], limit)


def http(rounds: int | None) -> Iterator[Row]:
    """Compare over HTTP, from the client that users have at hand to the one that does least."""
    for found in json.loads(_told("real_remote.py", rounds)):
        for plain in ("fsspec", "aiohttp", "http.client"):
            ratio, blocks = found[f"over {plain}"], found["blocks"]
            low, high = ratio["quartiles"]
            name = f"HTTP, copy-once of {blocks['copy-once'] >> 10} KiB, to {plain}"
            if found["block"] is None:
                name = f"HTTP, each at its best, copy-once of {blocks['copy-once'] >> 10} KiB, to"
                name += f" {plain} of {blocks[plain] >> 10} KiB"
            yield row(name, ratio["median"], low, high, HTTP_LIMIT)


PARTS: Mapping[str, Callable[[int | None], Iterator[Row]]] = {
    "memory": memory,
    "nbd": nbd,
    "http": http,
}


class MissingError(Exception):
    """A part cannot run here."""


def _told(script: str, rounds: int | None) -> str:
    """Run a part's script; return what it prints for programs."""
    more = [] if rounds is None else ["--rounds", str(rounds)]
    command = [sys.executable, str(Path(__file__).with_name(script)), "--json", *more]
    done = subprocess.run(command, check=False, stdout=subprocess.PIPE, text=True)
    if done.returncode:  # it has said why
        raise MissingError(script)
    return done.stdout


def main() -> int:
    """Run the parts that are asked for; return 1 if one of them could not run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--part", choices=PARTS, action="append", help="run this one alone; may be repeated"
    )
    parser.add_argument("--rounds", type=int, help="rounds of each comparison; default: the part's")
    parser.add_argument("--json", action="store_true", help="print JSON")
    asked = parser.parse_args()
    if asked.rounds is not None and asked.rounds < 2:
        parser.error("--rounds: two at least")
    rows: list[Row] = []
    missing = []
    for part in asked.part or PARTS:
        try:
            for found in PARTS[part](asked.rounds):
                rows.append(found)
                if not asked.json:
                    print(_line(found), flush=True)
        except MissingError:
            missing.append(part)
    if asked.json:
        print(json.dumps({"rows": [asdict(each) for each in rows], "missing": missing}, indent=2))
    else:
        aims = [each for each in rows if each.met is not None]
        missed = [each.name for each in aims if not each.met]
        print(f"\n{len(aims) - len(missed)} of {len(aims)} aims are met")
        for name in missed:
            print(f"missed: {name}")
        for part in missing:
            print(f"not measured: {part}")
    return 1 if missing and asked.part else 0


def _line(found: Row) -> str:
    aim = "no aim"
    if found.limit is not None:
        aim = f"at most {found.limit:.2f}: {'met' if found.met else 'MISSED'}"
    ratio = f"{found.ratio:.2f} ({found.low:.2f} to {found.high:.2f})"
    return f"{ratio:21}  {aim:21}  {found.name}"


if __name__ == "__main__":
    sys.exit(main())
