"""Hold the models against real links: measure, calibrate, validate, and write what came of it.

Links: a WAN in a box in four settings under three congestion controls (root only), shared memory, a
file, and a Network Block Device on the loopback. Each is measured into a set; half of its cells are
held out of the fit, chosen by what they are; the model is validated on those, and, for the WAN, on
every other setting, with rate, round trip and buffer changed by what is known. Run it as
``make validation``, on a machine that does nothing else.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial
from itertools import product
from multiprocessing.shared_memory import SharedMemory
from pathlib import Path
from time import monotonic, sleep
from typing import Any

from matplotlib.figure import Figure
from validation_tables import HEADING, by_class, by_method, conditions, row

from simaccess.calibrate import begin, calibrate, fitted_by, known_of
from simaccess.cell import Cell, assignments
from simaccess.errors import InputError
from simaccess.measure import Outcome, measure
from simaccess.measured import MeasuredSet
from simaccess.model import Model, load_model
from simaccess.model_file import ModelFile, write_model_file
from simaccess.plan import Plan
from simaccess.plot import agreement, save
from simaccess.pool import Pool, available, processes
from simaccess.real.link import RealLink
from simaccess.real.urls import open_link
from simaccess.validate import Validation, validate
from simaccess.wan_box import WanBox, real_time
from simaccess.wan_box.namespaces import enter
from simaccess.wan_box.priority import give
from simaccess.workload.registry import workload

KIB, MIB = 1 << 10, 1 << 20

SETTINGS: Mapping[str, Mapping[str, str]] = {
    "20 ms, 100 Mbit/s": {"rtt": "20 ms", "rate": "100 Mbit/s", "buffer": "250 kB"},
    "2 ms, 1 Gbit/s": {"rtt": "2 ms", "rate": "1 Gbit/s", "buffer": "250 kB"},
    "50 ms, 20 Mbit/s, small buffer": {"rtt": "50 ms", "rate": "20 Mbit/s", "buffer": "12500 B"},
    "20 ms, 50 Mbit/s, 0.5 % loss": {
        "rtt": "20 ms",
        "rate": "50 Mbit/s",
        "buffer": "125 kB",
        "loss": "0.005",
    },
}
CONTROLS = ("reno", "cubic", "bbr")
HELD_OUT = 0.5
# Shares of the round trip from which on a repetition is discarded: the 99th percentile of the
# packets' lateness, and the latest packet's.
LATE, VERY_LATE = 0.02, 0.1
EXPORT = 64 * MIB
LOCAL = 64 * MIB
# The consumer of a local link has the first processor, a server the last: across two processors a
# round trip takes another time than on one.
CONSUMER, *_, SERVER = (*sorted(os.sched_getaffinity(0)),) * 2
WAN_FITTED = ("path.rate", "path.rtt", "request.service", "request.issue")

LINKS = ("shared memory", "file, buffered", "NBD, loopback")


def cells(lossy: bool) -> Iterator[Cell]:
    """Yield what is timed over a WAN."""
    sizes = [KIB << power for power in range(12)]  # 1 KiB to 2 MiB
    yield from (Cell("load", size, state="cold") for size in sizes[:9:2])
    yield from (Cell("load", size, state="warm", warm=4) for size in sizes[:9:2])
    yield from (Cell("fetch", size, state="cold") for size in (sizes[1::2] if lossy else sizes))
    warm = (4,) if lossy else (1, 4)
    for size, before in product((16 * KIB, 64 * KIB, 256 * KIB, MIB), warm):
        yield Cell("fetch", size, state="warm", warm=before)
    yield from (
        Cell("fetch", size, state="idle", warm=4, idle_s=0.5) for size in (64 * KIB, 256 * KIB)
    )
    for size, depth in product((4 * KIB, 32 * KIB), (4, 16)):
        yield Cell("fetch", size, depth=depth, count=32, state="cold")
        if not lossy:
            yield Cell("fetch", size, depth=depth, count=32, state="warm", warm=32)
    yield Cell("fetch", 64 * KIB, state="warm", warm=4, count=8, consumers=2)
    yield from methods(
        [
            "sequential size=512 KiB length=16 KiB",
            "random size=16 MiB length=64 B requests=16",
            "header-payload size=36 KiB payload_probability=0.1",
        ]
    )


def methods(
    workloads: Iterable[str], blocks: Iterable[int] = (16 * KIB, 64 * KIB)
) -> Iterator[Cell]:
    """Yield the four methods on some workloads, each with some block sizes."""
    for name in workloads:
        found = workload(*assignments(name))
        count = found.accesses(0).requests
        yield Cell("method", 0, state="cold", workload=name, method="zero-copy", count=count)
        for method, block in product(("copy-once", "hybrid", "prefetch"), blocks):
            settings = f"block={block} B"
            if method == "prefetch":
                settings += " depth=8"
            yield Cell(
                "method",
                block,
                state="cold",
                workload=name,
                method=method,
                settings=settings,
                count=count,
            )


def _nbdkit() -> str:
    found = shutil.which("nbdkit")
    if found is None:
        raise InputError("nbdkit is missing (on Debian: apt install nbdkit)")
    return found


def inside(namespace: str, url: str) -> RealLink:
    """Open a link from within a namespace, in which the process stays for its life."""
    enter(namespace)
    return open_link(url)


def measure_wan(setting: str, control: str) -> Outcome:
    """Measure a WAN in a box."""
    facts: dict[str, Any] = {**SETTINGS[setting]}
    path: dict[str, Any] = {"congestion": control, "socket_buffers": "16 MiB", "upstream_loss": 0.0}
    with WanBox(**facts, **path) as box:
        command = [_nbdkit(), "--foreground", "--exit-with-parent", "memory", str(EXPORT)]
        box.server(command, port=10809, real_time=True)
        rtt = box.parameters.rtt

        def late(_cell: Cell, _repetition: int, _seconds: float) -> str:
            found = box.lateness()
            if found is None:
                return ""
            if found.p99_s > LATE * rtt:
                return f"1 % of the packets were {found.p99_s * 1e3:.2f} ms late or more"
            worst = max(found.worst_s, found.unread_s)
            return f"a packet was {worst * 1e3:.2f} ms late" if worst > VERY_LATE * rtt else ""

        plan = Plan("wan-in-a-box", tuple(cells("loss" in facts)), seconds=1.0)
        facts |= {"congestion_control": control, "emulator": box.emulator}
        link = partial(inside, box.near_namespace, f"nbd://{box.address}:10809/")
        with box.near(), real_time():
            return measure(link, plan, facts=facts, verify=late)


# -- local links -----------------------------------------------------------------------------------


@contextmanager
def local_links(folder: Path) -> Iterator[dict[str, str]]:
    """Provide the URLs of links on this machine, each to a segment of `LOCAL` bytes."""
    with ExitStack() as stack:
        content = os.urandom(MIB) * (LOCAL // MIB)
        shared = SharedMemory(create=True, size=LOCAL)
        stack.callback(shared.unlink)
        stack.callback(shared.close)
        assert shared.buf is not None
        shared.buf[:LOCAL] = content
        file = folder / "segment"
        file.write_bytes(content)
        stack.callback(file.unlink)
        socket = folder / "nbd.sock"
        server = subprocess.Popen(
            [_nbdkit(), "--foreground", "--exit-with-parent", "-U", str(socket), "file", str(file)]
        )
        stack.callback(server.wait)
        stack.callback(server.terminate)
        os.sched_setaffinity(server.pid, {SERVER})
        give(server.pid)
        deadline = monotonic() + 10
        while not socket.exists() and monotonic() < deadline:
            sleep(0.01)
        yield {
            "shared memory": f"shm:{shared.name.lstrip('/')}",
            "file, buffered": f"file:{file}",
            "NBD, loopback": f"nbd+unix:///?socket={socket}",
        }


def local_cells() -> Iterator[Cell]:
    """Yield what is timed on a link of this machine."""
    sizes = [64 << power for power in range(17)]  # 64 B to 4 MiB; so many that a half tells rates
    yield from (Cell("load", size, warm=1) for size in sizes)
    yield from (Cell("fetch", size, warm=1) for size in sizes)
    yield from (
        Cell("fetch", size, depth=depth, count=32, warm=32)
        for size, depth in product((4 * KIB, 64 * KIB), (4, 16))
    )
    # Over the whole segment, more than a machine's caches hold, and into more than a core's.
    for size, depth in ((128 * KIB, 1), (256 * KIB, 1), (256 * KIB, 16), (256 * KIB, 64)):
        count = LOCAL // size
        for operation in ("load", "fetch") if depth == 1 else ("fetch",):
            yield Cell(operation, size, depth=depth, count=count, warm=count)
    workloads = [
        "sequential size=1 MiB length=4 KiB",
        "random size=16 MiB length=64 B requests=512",
        "header-payload size=384 KiB payload_probability=0.1",
    ]
    # From blocks that nearly all misses tell to blocks that nearly all hits do.
    for cell in methods(workloads, [4 * KIB, 16 * KIB, 64 * KIB, 256 * KIB]):
        yield replace(cell, state="steady", warm=1)


# -- fits and their validation ---------------------------------------------------------------------


def fit(kind: str, file: Path, settings: Mapping[str, str], pool: Pool, **options: Any) -> Model:
    """Fit a model to a measured set, half of it held out, and write it beside the set."""
    measured = MeasuredSet.read(file)
    start = begin(kind, measured, settings)
    options.setdefault("vary", fitted_by(start, known_of(kind, measured)))
    found = calibrate(measured, start, pool, hold_out=HELD_OUT, data=file.name, **options)
    model = found.model
    title = f"Fitted to {file.name}"
    target = file.with_suffix(".toml")
    write_model_file(target, ModelFile(title, kind, model.provenance, model.calibration))
    for warning in found.warnings:
        print(f"  {warning}", flush=True)
    return load_model(target)


def check(file: Path, model: Model, pool: Pool, name: str) -> Validation:
    """Validate a model on a measured set, and write figures and a picture."""
    found = validate(MeasuredSet.read(file), model, pool, data=file.name)
    target = file.with_name(name)
    document = json.dumps(found.to_dict(), indent=1, allow_nan=False)
    target.with_suffix(".json").write_text(document + "\n", encoding="utf-8")
    save(agreement(found, Figure(layout="constrained")), target.with_suffix(".png"))
    return found


def known(setting: str, control: str) -> dict[str, str]:
    """Return what is known of a WAN in a box, as a model has it."""
    facts = SETTINGS[setting]
    return {
        "tcp.congestion_control": control,
        "tcp.receive_window": "8 MiB",
        "tcp.delayed_ack": "true",
        "tcp.offload": "true",
        "request.size": "80 B",  # an NBD request, 28 bytes, with its headers
        "request.negotiation": "4",  # data packets that nbdkit had sent by `ss -ti`
        "path.rtt": facts["rtt"],
        "path.rate": facts["rate"],
        "path.upstream_rate": facts["rate"],
        "path.buffer": facts["buffer"],
        "path.loss": facts.get("loss", "0"),
        "path.upstream_loss": "0",
    }


def slug(*names: str) -> str:
    """Return names as the name of a file."""
    return "-".join("".join(c if c.isalnum() else "-" for c in name).strip("-") for name in names)


def main() -> None:
    """Do all of it, or the parts that are named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("results/validation"))
    parser.add_argument(
        "--only", choices=["wan", "local", "report"], help="one part; report: fits and tables"
    )
    parser.add_argument("--setting", action="append", choices=list(SETTINGS))
    parser.add_argument("--control", action="append", choices=CONTROLS)
    parser.add_argument("--jobs", type=int, default=available())
    asked = parser.parse_args()
    asked.out.mkdir(parents=True, exist_ok=True)
    pairs = list(product(asked.setting or SETTINGS, asked.control or CONTROLS))
    if asked.only in (None, "wan"):
        for setting, control in pairs:
            began = monotonic()
            outcome = measure_wan(setting, control)
            outcome.measured.write(asked.out / f"{slug(setting, control)}.csv")
            _say(f"{setting}, {control}", outcome, monotonic() - began)
    if asked.only in (None, "local"):
        with (
            tempfile.TemporaryDirectory(dir=asked.out) as folder,
            local_links(Path(folder)) as urls,
        ):
            for name, url in urls.items():
                began = monotonic()
                plan = Plan("local", tuple(local_cells()), seconds=60.0, most=100)
                facts = {"server_processor": str(SERVER)} if name.startswith("NBD") else {}
                with real_time():
                    outcome = measure(partial(open_link, url), plan, cpus=[CONSUMER], facts=facts)
                outcome.measured.write(asked.out / f"{slug(name)}.csv")
                _say(name, outcome, monotonic() - began)
    if asked.only in (None, "report"):
        with processes(asked.jobs, preload="simaccess.predict") as pool:
            report(asked.out, pairs, pool)


def _say(name: str, outcome: Outcome, seconds: float) -> None:
    measured = outcome.measured
    thrown = sum(measured.discarded(cell) for cell in measured.cells)
    print(
        f"{name}: {len(measured.cells)} cells, {len(measured.frame)} repetitions, {thrown}"
        f" discarded, {outcome.short} short, {seconds:.0f} s",
        flush=True,
    )
    if outcome.failure is not None:
        raise SystemExit(f"{name}: {outcome.failure}")


def report(out: Path, pairs: Iterable[tuple[str, str]], pool: Pool) -> None:
    """Fit and validate what has been measured, and write the tables."""
    models: dict[tuple[str, str], Model] = {}
    found: dict[tuple[str, str], Validation] = {}
    sets: dict[str, MeasuredSet] = {}
    wan, local, moved = (
        ["## WAN in a box", "", HEADING],
        ["## Links of one machine", "", HEADING],
        [],
    )
    for setting, control in pairs:
        file = out / f"{slug(setting, control)}.csv"
        if file.exists():
            print(f"{setting}, {control}", flush=True)
            sets[f"{setting}, {control}"] = MeasuredSet.read(file)
            model = fit("wan-link", file, known(setting, control), pool, vary=WAN_FITTED)
            models[setting, control] = model
            found[setting, control] = check(file, model, pool, file.stem)
            wan.append(row(f"{setting}, {control}", found[setting, control]))
    for (setting, control), (other, same) in product(models, models):
        if control == same and setting != other:
            print(f"{setting} to {other}, {control}", flush=True)
            there = models[setting, control].with_values(known(other, control))
            file = out / f"{slug(other, control)}.csv"
            name = slug(setting, "to", other, control)
            moved.append(row(f"{setting} to {other}, {control}", check(file, there, pool, name)))
    for name in LINKS:
        file = out / f"{slug(name)}.csv"
        if file.exists():
            print(name, flush=True)
            sets[name] = MeasuredSet.read(file)
            model = fit("fifo-link", file, {}, pool)
            found[name, ""] = check(file, model, pool, file.stem)
            local.append(row(name, found[name, ""]))
    lines = [*conditions(sets), *wan, "", *local]
    if moved:
        lines += ["", "## Transfer: fitted on one setting, predicting another", "", HEADING, *moved]
    lines += ["", *by_class(found), "", *by_method(found)]
    (out / "validation.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    print("\n".join(lines))


if __name__ == "__main__":
    main()
