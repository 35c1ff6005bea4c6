"""The subcommand ``compare``: the access methods on one link for one workload."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, replace
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simaccess.cli.asking import require
from simaccess.cli.interrupt import at_once
from simaccess.cli.notes import note_arrivals
from simaccess.cli.options import Json, Set, examples, parse_settings
from simaccess.cli.output import Ended, print_json
from simaccess.cli.progress import looking, progress

if TYPE_CHECKING:
    from simaccess.pool import Pool
    from simaccess.progress import Count
    from simaccess.result import Result
    from simaccess.scenario import Scenario
    from simaccess.verdict import Verdict

__all__ = ["EPILOG", "compare"]

EPILOG = examples(
    "simaccess compare --model pci-64-66 --workload filter --tune",
    "simaccess compare --model my-link.toml --workload sequential --set link.latency='5 us'",
    "simaccess compare --model pci-32-33 --workload header-payload \\",
    "    --set workload.payload_probability=0.3 --set method.block='4 KiB' --json",
    "simaccess compare --model shared-memory-ddr4 --workload traffic.pcap --consumers 4 \\",
    "    --set producer.arrivals=poisson --set producer.rate='100 kHz'",
)

MODEL = typer.Option("--model", metavar="NAME|FILE", help="The link: see 'simaccess models list'.")
MEMORY = typer.Option(
    "--memory",
    metavar="NAME|FILE",
    help="The host's memory behind a PCI bus, which DMA crosses too: a model of kind memory-bus.",
)
WORKLOAD = typer.Option(
    "--workload",
    metavar="NAME|FILE",
    help="sequential, strided, skip, random, zipf, header-only, header-payload, filter; or a"
    " packet capture, or an access log.",
)
METHOD = typer.Option(
    "--method", metavar="NAME", help="An access method; may be repeated. Default: all four."
)
TUNE = typer.Option("--tune", help="Give each method its own best block size and depth.")
CONSUMERS = typer.Option(
    "--consumers",
    metavar="N",
    help="How many share the link. Each makes a contiguous part of the requests; where they arrive,"
    " through a ring or at a log's times, they are dealt in turn.",
)
SHARED = typer.Option("--shared-shadow", help="Let the consumers share one shadow.")
SEED = typer.Option("--seed", metavar="N", help="Of everything that is drawn.")
ENGINE = typer.Option(
    "--engine",
    metavar="auto|simpy|replay",
    help="Who simulates; the figures are the same. auto replays what can be and pays.",
)
REPLICATIONS = typer.Option(
    "--replications",
    metavar="N",
    help="Judge the best over so many seeds, the same for all methods.",
)
DRAWS = typer.Option(
    "--draws",
    metavar="N",
    help="Judge the best over so many models drawn from the ranges of the link's parameters.",
)
JOBS = typer.Option(
    "--jobs",
    metavar="N",
    help="Processes that simulate replications and draws; default: one a processor.",
)
WIDTH = 100
KINDS = ("requested", "moved", "wasted")
"""The sorts of bytes that are shown, in their order."""


def compare(  # noqa: PLR0917  # typer passes them by name
    model: Annotated[str, MODEL],
    workload: Annotated[str, WORKLOAD],
    method: Annotated[list[str] | None, METHOD] = None,
    memory: Annotated[str | None, MEMORY] = None,
    settings: Set = None,
    tune: Annotated[bool, TUNE] = False,
    consumers: Annotated[int, CONSUMERS] = 1,
    shared_shadow: Annotated[bool, SHARED] = False,
    seed: Annotated[int, SEED] = 0,
    engine: Annotated[str, ENGINE] = "auto",
    replications: Annotated[int, REPLICATIONS] = 1,
    draws: Annotated[int, DRAWS] = 0,
    jobs: Annotated[int | None, JOBS] = None,
    json: Json = False,
) -> None:
    """Simulate a workload on a link with each access method, and compare them.

    Keys of --set that begin with 'workload.', 'method.' or 'producer.' go there, all others to
    the model. A parameter of a method goes to each method that has it. With any 'producer.' key,
    records come into a ring. Every shadow has 4 MiB unless 'method.shadow' or 'method.slots'
    tells otherwise.
    """
    from simaccess.compare import METHODS, scenarios
    from simaccess.questions.judgement import judge
    from simaccess.workload.filter import Filter
    from simaccess.workload.registry import names

    made = scenarios(
        model,
        workload,
        method or METHODS,
        settings=parse_settings(settings),
        consumers=consumers,
        shared=shared_shadow,
        seed=seed,
        memory=memory,
        engine=engine,  # type: ignore[arg-type]  # any text; it is checked there
    )
    require("replications", replications, 1)
    require("draws", draws, 0)
    require("jobs", jobs, 1)
    note_arrivals(made)
    judged = None
    asked_more = replications > 1 or draws > 0
    with _simulating(jobs if asked_more else 1) as (pool, count):
        results = _simulated(made, count, tune=tune)
        if asked_more:
            tuned = [
                replace(each, settings=result.settings)
                for each, result in zip(made, results, strict=True)
            ]
            judged = judge(tuned, pool, count, replications=replications, draws=draws)
    given = parse_settings(settings)
    behind, filtered = made[0].memory, made[0].workload
    asked = {
        "file": given.get("workload.capture", None if workload in names() else workload),
        "consumers": consumers,
        "memory": None if behind is None else behind.name,
        "model_file": _file(model),
        "memory_file": None if memory is None else _file(memory),
        "set": given,
        "unjudged": filtered.unjudged if isinstance(filtered, Filter) else None,
    }
    if json:
        print_json(_document(results, asked, judged))
    else:
        _print(results, asked, count.done, judged, tuned=tune)


def _file(model: str) -> str | None:
    """Return the file of a model as it was given; None for one that simaccess brings along."""
    from simaccess.model import model_names

    return None if model in model_names() else model


@contextmanager
def _simulating(jobs: int | None) -> Iterator[tuple[Pool, Count]]:
    """Provide processes that simulate, and what counts simulations; a terminal shows the count."""
    from simaccess.pool import WorkerDied, available, processes
    from simaccess.progress import Count

    try:
        with progress("simulations") as report:
            count = Count(report)
            wanted = available() if jobs is None else jobs
            with (
                looking(count),
                processes(wanted, count.did, preload="simaccess.questions.judgement") as pool,
                at_once() if wanted == 1 else nullcontext(),
            ):
                yield pool, count
    except WorkerDied as error:
        raise Ended(f"error: {error}", 1) from None


def _simulated(made: Iterable[Scenario], count: Count, *, tune: bool) -> list[Result]:
    """Simulate scenarios, each with its own best settings if `tune`, and count simulations."""
    from simaccess.afoot import Afoot
    from simaccess.compare import final
    from simaccess.simulate import simulate
    from simaccess.tune import most
    from simaccess.tune import tune as search

    def counted(scenario: Scenario) -> Result:
        afoot = Afoot()
        count.begun(afoot)
        result = simulate(scenario, afoot)
        count.did()
        return result

    made = list(made)
    count.expect(len(made))
    if tune:
        expected = [most(each) for each in made]
        count.expect(sum(expected))
        for index, each in enumerate(made):
            found = search(each, run=counted)
            count.expect(len(found.tried) - expected[index])
            made[index] = replace(each, settings=found.settings)
    return [counted(final(each)) for each in made]


def _document(
    results: Sequence[Result], asked: dict[str, Any], judged: Verdict | None
) -> dict[str, Any]:
    keys = ("method", "settings", "throughput_bytes_per_s", "latency_s", "bytes", "round_trips")
    entries = []
    for result in results:
        plain = result.to_dict()
        entry = {key: plain[key] for key in (*keys, "processor_s", "dropped", "matched")}
        entry["links"] = {name: use.utilisation for name, use in result.links.items()}
        entries.append(entry)
    first = results[0]
    return {
        "model": first.model,
        "workload": first.workload,
        "seed": first.seed,
        **asked,
        "verdict": None if judged is None else asdict(judged),
        "results": entries,
    }


def _print(
    results: Sequence[Result],
    asked: dict[str, Any],
    simulations: int,
    judged: Verdict | None,
    *,
    tuned: bool,
) -> None:
    """Print a row a figure and a column a method."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    from simaccess.tune import searched

    console = Console(highlight=False, width=None if sys.stdout.isatty() else WIDTH)
    first = results[0]
    given, unjudged, consumers = asked["set"], asked["unjudged"], asked["consumers"]
    told = asked["file"] is None or "workload.capture" in given
    workload = first.workload if told else f"{first.workload} of {asked['file']}"
    sharing = "" if consumers == 1 else f", {consumers} consumers"
    heading = Text(first.model, style="bold")
    heading.append(f", {workload}{sharing}, seed {first.seed}", style="not bold")
    for key, value in given.items():
        heading.append(f", {key}={value}", style="not bold")
    console.print(heading, soft_wrap=True)
    made = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="bold")
    made.add_column("")
    for result in results:
        made.add_column(result.method, justify="right")
    for label, shown in _rows(results):
        made.add_row(label, *shown)
    if judged is not None and judged.draws:
        for label, shown in _shares(results, judged):
            made.add_row(label, *shown)
    console.print(made)
    if unjudged:
        one = unjudged == 1
        console.print(
            f"{unjudged:,} {'packet was' if one else 'packets were'} cut in the capture before what"
            f" decides, could not be judged and {'counts' if one else 'count'} as not chosen.",
            soft_wrap=True,
        )
    if verdict := _best(results) if judged is None else _judged(judged):
        console.print(verdict, soft_wrap=True)
    if tuned:
        console.print("\n".join(wrap(searched(), console.width)), style="dim", soft_wrap=True)
    what = "simulation" if simulations == 1 else "simulations"
    console.print(f"{simulations} {what}{_served(results)}.", style="dim")


def _served(results: Sequence[Result]) -> str:
    """Say which engines served, if it was not SimPy alone."""
    engines = sorted({result.engine for result in results})
    return "" if engines == ["simpy"] else f"; engine: {', '.join(engines)}"


def _rows(results: Sequence[Result]) -> Iterable[tuple[str, list[str]]]:
    from simaccess import present
    from simaccess.tune import shown_settings

    def row(label: str, shown: Callable[[Result], str]) -> tuple[str, list[str]]:
        return label, [shown(result) for result in results]

    def latency(name: str) -> Callable[[Result], str]:
        def shown(result: Result) -> str:
            value = getattr(result.latency_s, name)
            return "n/a" if value is None else present.seconds(value)

        return shown

    volumes = [getattr(result.bytes, kind) for result in results for kind in KINDS]

    def volume(kind: str) -> Callable[[Result], str]:
        return lambda result: present.size_beside(getattr(result.bytes, kind), volumes)

    def processor(kind: str) -> Callable[[Result], str]:
        def shown(result: Result) -> str:
            spent = result.processor_s
            kinds = (spent.compute, spent.stall, spent.copy, spent.issue, spent.wait)
            return present.percentage(getattr(spent, kind) / (sum(kinds) or 1.0))

        return shown

    def use(link: str) -> Callable[[Result], str]:
        return lambda result: present.percentage(result.links[link].utilisation)

    yield row("block x depth", shown_settings)
    yield row("throughput", lambda result: present.rate(result.throughput_bytes_per_s))
    yield row("latency p50", latency("p50"))
    yield row("        p99", latency("p99"))
    for kind in KINDS:
        yield row(f"bytes {kind}", volume(kind))
    yield row("round trips", lambda result: f"{result.round_trips:,}")
    for kind in ("compute", "stall", "copy", "issue", "wait"):
        yield row(f"processor {kind}", processor(kind))
    for link in results[0].links:
        yield row(f"use of {link}", use(link))
    yield from _records(results)


def _records(results: Sequence[Result]) -> Iterable[tuple[str, list[str]]]:
    if any(result.matched is not None for result in results):
        shown = [f"{result.matched:,} of {_requests(result):,}" for result in results]
        yield "packets chosen", shown
    if any(result.dropped for result in results):
        yield "records dropped", [f"{result.dropped:,}" for result in results]


def _shares(results: Sequence[Result], judged: Verdict) -> Iterable[tuple[str, list[str]]]:
    """Yield how often each method is best where parameters lie anywhere in their ranges."""
    from simaccess.present import percentage

    methods = [result.method for result in results]
    yield "best or level", [percentage(judged.shares[method]) for method in methods]
    ends = [judged.intervals[method] for method in methods]
    yield "  95 % interval", [f"{100 * low:.0f} to {100 * high:.0f} %" for low, high in ends]


def _judged(judged: Verdict) -> str:
    from simaccess.sweep.table import verdict_shown
    from simaccess.verdict import LEGEND

    return f"Throughput: {verdict_shown(judged, seeded=True)}.\n{LEGEND}"


def _best(results: Sequence[Result]) -> str:
    from simaccess.verdict import LEAD, verdict

    found = verdict({result.method: [result.throughput_bytes_per_s] for result in results})
    if found.lead is None:
        return ""
    second = found.rivals[0]
    if not found.decided:
        close = ", ".join((found.best, *found.close))
        return f"Best throughput: too close to call between {close} (within {100 * LEAD:.0f} %)."
    ahead = f"{100 * second.lead:.1f} % more than {second.method}"
    if second.lead >= 1:
        ahead = f"{second.lead + 1:.3g} times that of {second.method}"
    return f"Best throughput: [bold]{found.best}[/], {ahead}. One seed, the model as it stands."


def _requests(result: Result) -> int:
    return sum(consumer.requests for consumer in result.consumers)
