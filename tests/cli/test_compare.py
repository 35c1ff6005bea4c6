"""The command ``compare``, and that its answer is the one that Python gives."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from simaccess.compare import METHODS, compare
from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.workload.registry import workload
from tests.cli.conftest import Run

LINK = ("--model", "example-link")
SMALL = ("--set", "workload.requests=50")
RANDOM = (*LINK, "--workload", "random", *SMALL)


def test_the_json_has_exactly_these_keys(run: Run) -> None:
    code, out, err = run("compare", *RANDOM, "--seed", "7", "--json")
    assert (code, err) == (0, "")
    document = json.loads(out)
    keys = [
        "model",
        "workload",
        "seed",
        "file",
        "consumers",
        "memory",
        "model_file",
        "memory_file",
        "set",
        "unjudged",
        "verdict",
        "results",
    ]
    assert list(document) == keys
    assert document["unjudged"] is None  # there is no filter
    assert document["verdict"] is None  # of one seed, and no draws
    assert (document["file"], document["consumers"], document["memory"]) == (None, 1, None)
    assert document["set"] == {"workload.requests": "50"}
    assert (document["model"], document["workload"], document["seed"]) == (
        "example-link",
        "random",
        7,
    )
    assert [entry["method"] for entry in document["results"]] == list(METHODS)
    for entry in document["results"]:
        assert set(entry) == {
            "method",
            "settings",
            "throughput_bytes_per_s",
            "latency_s",
            "bytes",
            "round_trips",
            "processor_s",
            "dropped",
            "matched",
            "links",
        }
        assert set(entry["latency_s"]) == {"p50", "p90", "p99", "p999"}
        assert set(entry["bytes"]) == {"requested", "used", "moved", "wasted"}
        assert set(entry["processor_s"]) == {"compute", "stall", "copy", "issue", "wait"}
        assert entry["bytes"]["requested"] == 50 * 64
        assert entry["bytes"]["wasted"] == entry["bytes"]["moved"] - entry["bytes"]["used"]
        assert entry["links"]
        assert (entry["dropped"], entry["matched"]) == (0, None)
        assert all(0 <= share <= 1 for share in entry["links"].values())
        elapsed = sum(entry["processor_s"].values())
        assert entry["throughput_bytes_per_s"] == pytest.approx(50 * 64 / elapsed)


def test_the_same_seed_gives_the_same_bytes_in_any_process(run: Run) -> None:
    arguments = ["compare", *RANDOM, "--seed", "3", "--tune", "--json"]
    _, out, _ = run(*arguments)
    command = [sys.executable, "-m", "simaccess", *arguments]
    env = {**os.environ, "PYTHONHASHSEED": "1"}
    other = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert other.stdout == out
    arguments[arguments.index("3")] = "4"
    assert run(*arguments)[1] != out


def test_python_gives_what_the_command_gives(run: Run) -> None:
    _, out, _ = run("compare", *RANDOM, "--tune", "--json")
    results = compare("example-link", "random", settings={"workload.requests": 50}, tune=True)
    entries = json.loads(out)["results"]
    for result, entry in zip(results, entries, strict=True):
        assert result.method == entry["method"]
        assert result.settings == entry["settings"]
        assert result.throughput_bytes_per_s == entry["throughput_bytes_per_s"]


def test_the_table_shows_each_method_and_the_best(run: Run) -> None:
    code, out, err = run("compare", *RANDOM, "--tune")
    assert (code, err) == (0, "")
    assert max(map(len, out.splitlines())) <= 100
    assert not any(line.endswith(" ") for line in out.splitlines())
    for said in (
        *METHODS,
        "throughput",
        "p99",
        "moved",
        "wasted",
        "round trips",
        "stall",
        "use of",
    ):
        assert said in out
    assert "Best throughput: zero-copy" in out
    searched = "Searched: blocks of 256 B to 1 MiB, at most a quarter of the segment, and shadows"
    assert searched in out
    assert "Searched" not in run("compare", *RANDOM)[1]  # where nothing is


def test_files_of_one_name_are_told_apart(run: Run, tmp_path: Path) -> None:
    few = ("--workload", "random", *SMALL, "--method", "zero-copy", "--json")
    found = []
    for folder in ("m1", "m2"):
        file = tmp_path / folder / "my.toml"
        file.parent.mkdir()
        shutil.copy(embedded("models", "pci-64-66.toml"), file)
        memory = tmp_path / folder / "memory.toml"
        shutil.copy(embedded("models", "shared-memory-ddr4.toml"), memory)
        given = ("--model", str(file), "--memory", str(memory))
        document = json.loads(run("compare", *given, *few)[1])
        assert (document["model"], document["memory"]) == ("my", "memory")
        found.append((document["model_file"], document["memory_file"]))
        assert found[-1] == (str(file), str(memory))
    assert found[0] != found[1]
    document = json.loads(run("compare", *LINK, *few)[1])
    assert (document["model_file"], document["memory_file"]) == (None, None)


def test_a_filter_decides_on_real_bytes(run: Run) -> None:
    arguments = ("--workload", "filter", "--set", "workload.port=53", "--method", "hybrid")
    code, out, _ = run("compare", *LINK, *arguments)
    assert code == 0
    assert "packets chosen" in out
    assert "106 of 2,682" in out
    assert out.splitlines()[0].endswith(", workload.port=53")
    _, out, _ = run("compare", *LINK, *arguments, "--json")
    assert json.loads(out)["results"][0]["matched"] == 106


def test_methods_may_choose_among_different_packets(run: Run) -> None:
    arguments = ["--workload", "filter", "--method", "zero-copy", "--method", "copy-once"]
    for setting in ("producer.overflow=drop", "producer.ring=64 KiB", "producer.arrivals=capture"):
        arguments += ["--set", setting]
    arguments += ["--set", "producer.speed=1e4", "--model", "pci-32-33"]
    _, out, _ = run("compare", *arguments, "--json")
    entries = json.loads(out)["results"]
    dropped = [entry["dropped"] for entry in entries]
    assert all(dropped)
    assert dropped[0] != dropped[1]
    code, out, _ = run("compare", *arguments)
    assert code == 0
    rows = {line[:16].strip(): line for line in out.splitlines()}
    for entry in entries:
        assert f"{entry['dropped']:,}" in rows["records dropped"]
        kept = 2682 - entry["dropped"]
        assert f"{entry['matched']} of {kept:,}" in rows["packets chosen"]


def test_settings_go_where_they_belong(run: Run) -> None:
    arguments = ("--workload", "sequential", "--set", "workload.size=64 KiB", "--json")
    settings = (
        "--set",
        "link.latency=1 ms",
        "--set",
        "method.depth=3",
        "--set",
        "method.block=1 KiB",
    )
    _, out, _ = run("compare", *LINK, *arguments, *settings)
    entries = {entry["method"]: entry for entry in json.loads(out)["results"]}
    assert entries["zero-copy"]["settings"] == {}
    assert entries["copy-once"]["settings"]["block"] == "1 KiB"
    assert "depth" not in entries["copy-once"]["settings"]
    assert entries["prefetch"]["settings"]["depth"] == "3"
    assert entries["zero-copy"]["latency_s"]["p50"] > 1e-3


def test_consumers_share_a_link_and_perhaps_a_shadow(run: Run) -> None:
    arguments = (*LINK, "--workload", "sequential", "--set", "workload.size=64 KiB", "--json")
    moved = {}
    for sharing in ((), ("--shared-shadow",)):
        code, out, _ = run(
            "compare", *arguments, "--method", "copy-once", "--consumers", "2", *sharing
        )
        assert code == 0
        moved[sharing] = json.loads(out)["results"][0]["bytes"]["moved"]
    assert moved["--shared-shadow",] == 64 << 10
    assert moved[()] >= 64 << 10


def test_a_producer_fills_a_ring(run: Run) -> None:
    arguments = ("--workload", "header-only", *SMALL, "--method", "copy-once", "--json")
    producer = ("--set", "producer.arrivals=constant", "--set", "producer.rate=1 kHz")
    code, out, err = run("compare", *LINK, *arguments, *producer)
    assert (code, err) == (0, "")
    (entry,) = json.loads(out)["results"]
    # 50 headers of 54 bytes within 50 ms.
    assert entry["throughput_bytes_per_s"] == pytest.approx(54_000, rel=0.05)


def test_a_made_workload_takes_no_settings() -> None:
    made = workload("random", {"requests": 10})
    with pytest.raises(InputError, match=r"workload\.requests: the workload is made already"):
        compare("example-link", made, settings={"workload.requests": 5})


@pytest.mark.parametrize("command", ["compare", "sweep"])
def test_the_help_has_examples(command: str, run: Run) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"simaccess {command}" in out.split("Examples:")[1]
