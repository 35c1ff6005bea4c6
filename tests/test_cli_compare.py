import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.compare import METHODS, compare
from simaccess.errors import InputError
from simaccess.sweep.store import NAME, Store
from simaccess.workload.registry import workload

Run = Callable[..., tuple[int, str, str]]

LINK = ("--model", "example-link")
SMALL = ("--set", "workload.requests=50")
SEQUENTIAL = [*LINK, "--workload", "sequential"]
RANDOM = (*LINK, "--workload", "random", *SMALL)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Run the command in this process; return its exit code, output and errors."""

    def ran(*arguments: str) -> tuple[int, str, str]:
        code = cli.main(arguments)
        out, err = capsys.readouterr()
        return code, out, err

    return ran


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


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare"], "Missing option '--model'"),
        (["compare", *LINK], "Missing option '--workload'"),
        (
            ["compare", "--model", "exampel-link", "--workload", "random"],
            "did you mean 'example-link'",
        ),
        (["compare", *LINK, "--workload", "randm"], "workload = 'randm': no such workload or file"),
        (
            [*RANDOM, "--method", "zero-cpy"],
            "method = 'zero-cpy': no such access method (did you mean",
        ),
        ([*RANDOM, "--set", "method.blok=1 KiB"], "method.blok: no such parameter"),
        (
            [*RANDOM, "--method", "zero-copy", "--set", "method.block=1 KiB"],
            "method.block: no such parameter of zero-copy",
        ),
        ([*RANDOM, "--set", "method.block=1024"], "method.block = '1024': missing unit"),
        ([*RANDOM, "--set", "method.block=-1 KiB"], "method.block = '-1 KiB'"),
        (
            [*RANDOM, "--set", "method.block=0 B"],
            "method.block = '0 B': not allowed; allowed: greater than 0",
        ),
        (
            [*RANDOM, "--set", "method.depth=x"],
            "method.depth = 'x': not allowed; allowed: a valid integer",
        ),
        (
            [*RANDOM, "--set", "method.eviction=foo"],
            "method.eviction = 'foo': not allowed; allowed: 'lru' or 'fifo'",
        ),
        (
            [*RANDOM, "--set", "workload.size=0 B"],
            "workload.size = '0 B': not allowed; allowed: greater than or equal to 1",
        ),
        (
            [*LINK, "--workload", "filter", "--set", "workload.port=70000"],
            "workload.port = '70000': not allowed; allowed: less than or equal to 65535",
        ),
        (
            [*LINK, "--workload", "filter", "--set", "workload.protocol=foo"],
            "'foo': not allowed; allowed: 'icmp', 'igmp', 'tcp', 'udp', 'gre', 'icmp6' or 'sctp'",
        ),
        (
            [*LINK, "--workload", "filter", "--set", "workload.address=foo"],
            "workload.address = 'foo': not allowed; allowed: an address or a network",
        ),
        (
            [*RANDOM, "--set", "producer.arrivals=foo"],
            "not allowed; allowed: 'capture', 'poisson', 'constant' or 'full-speed'",
        ),
        ([*RANDOM, "--set", "workload.lenght=64 B"], "workload.lenght"),
        (
            [*RANDOM, "--set", "producer.rat=1 kHz"],
            "producer.rat: unknown key (did you mean 'rate'?)",
        ),
        ([*RANDOM, "--set", "producer.ring=1"], "producer.ring = '1': missing unit"),
        ([*RANDOM, "--set", "producer.arrivals=poisson"], "producer.rate: missing, and poisson"),
        (
            [*SEQUENTIAL, "--set", "workload.size=4 kB"],
            "workload.size = '4 kB': less than workload.length, 4096 bytes; allowed: at least 4096",
        ),
        (
            [*SEQUENTIAL, "--set", "workload.size=1 MiB", "--set", "workload.length=4 MiB"],
            "workload.length = '4 MiB': more than the segment has (workload.size); allowed: at most",
        ),
        (
            [*LINK, "--workload", "skip", "--set", "workload.length=5 kB"],
            "workload.length = '5 kB': workload.skip_read, 65536 bytes, is not a multiple of it",
        ),
        (
            [*LINK, "--workload", "header-only", "--set", "workload.size=1 kB"],
            "workload.size = '1 kB': a padded record takes 1536 bytes",
        ),
        (
            [*LINK, "--workload", "header-only", "--set", "workload.laps=2"],
            "workload.laps = '2': laps are for a capture; allowed: with workload.capture",
        ),
        (
            [*LINK, "--workload", "filter", "--set", "producer.ring=1KiB"],
            "producer.ring = 1024: a record does not fit into the ring; allowed: at least 1536 bytes",
        ),
        (
            [*LINK, "--workload", "filter", "--set", "producer.rate=100kHz"],
            "producer.rate = '100kHz': full-speed arrivals have no rate of their own; allowed: a rate",
        ),
        (
            [*LINK, "--workload", "filter", "--set", "workload.pattern=0xZZ"],
            "workload.pattern = '0xZZ': not hexadecimal digits, two a byte; allowed: text, or bytes",
        ),
        (
            [*RANDOM, "--method", "hybrid", "--method", "hybrid"],
            "method = 'hybrid': comes twice; allowed: each method once",
        ),
        ([*RANDOM, "--set", "producer.arrivals=full-speed"], "workload = 'random'"),
        (
            [*RANDOM, "--set", "link.rat=1 GB/s"],
            "link.rat: unknown key (did you mean 'link.rate'?)",
        ),
        ([*RANDOM, "--consumers", "0"], "consumers"),
        ([*RANDOM, "--seed", "-1"], "seed"),
        (["sweep"], "Missing argument 'EXPERIMENT'"),
        (["sweep", "tabel-4-3"], "no such experiment (did you mean 'table-4-3'?)"),
        (["sweep", "none.toml"], "none.toml: cannot be read"),
        (["sweep", "table-4-3", "--jobs", "0"], "jobs = 0: too few; allowed: 1 or more"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(
    arguments: list[str], said: str, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if arguments[0] == "--model":
        arguments = ["compare", *arguments]
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    assert err.startswith("simaccess: error: ")
    assert err.count("\n") == 1
    assert said in err
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_capture_is_named(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "cut.pcap"
    file.write_bytes(bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000") + b"\0" * 9)
    code, _, err = run("compare", *LINK, "--workload", str(file))
    assert code == 2
    assert str(file) in err


def test_a_made_workload_takes_no_settings() -> None:
    made = workload("random", {"requests": 10})
    with pytest.raises(InputError, match=r"workload\.requests: the workload is made already"):
        compare("example-link", made, settings={"workload.requests": 5})


EXPERIMENT = """
question = "Small?"
methods = ["zero-copy", "copy-once", "hybrid"]
seeds = 2
draws = 2
[[models]]
model = "example-link"
[[workloads]]
workload = "random"
set = { requests = 40 }
[figure]
ratios = [0.05]
probabilities = [0.5]
records = 8
"""


@pytest.fixture
def experiment(tmp_path: Path) -> Path:
    file = tmp_path / "question.toml"
    file.write_text(EXPERIMENT, encoding="utf-8")
    return file


def test_a_sweep_writes_its_files_and_says_where(
    run: Run, experiment: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    code, said, err = run("sweep", str(experiment), "--out", str(out), "--jobs", "1")
    assert (code, err) == (0, "")
    names = ["results.csv", "results.json", "table.txt", "map.png", "map.svg"]
    assert [line for line in said.splitlines() if line.startswith("wrote")] == [
        f"wrote {out / name}" for name in names
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted((*names, NAME))
    assert (out / "table.txt").read_text(encoding="utf-8").splitlines()[0] == "Small?"


def test_sweeps_of_any_number_of_jobs_write_the_same(
    run: Run, experiment: Path, tmp_path: Path
) -> None:
    written = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        code, said, _ = run("sweep", str(experiment), "--out", str(out), "--jobs", jobs, "--json")
        assert code == 0
        assert json.loads(said) == json.loads((out / "results.json").read_text(encoding="utf-8"))
        files = {path.name: path.read_bytes() for path in out.iterdir()}
        del files[NAME]  # it tells how long each took, too
        with Store(out / NAME, reading=True) as store:
            results = [(row.place, row.stored.text) for row in store.rows()]
        written.append((files, results))
    assert written[0] == written[1]


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("", "--out = '': empty"),
        ("question.toml", "question.toml is not a folder"),
        ("question.toml/below", "question.toml is not a folder"),
        ("nowhere", "nowhere is not a folder"),
        ("taken", "taken/map.svg is a folder"),
        ("/proc", "/proc cannot be written to"),
    ],
)
def test_where_nothing_can_be_written_is_known_before_simulating(
    out: str, said: str, run: Run, experiment: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def simulates(*_: object) -> None:
        pytest.fail("simulated")

    monkeypatch.setattr("simaccess.sweep.run.run", simulates)
    monkeypatch.chdir(experiment.parent)
    Path("nowhere").symlink_to("missing")
    Path("taken/map.svg").mkdir(parents=True)
    before = sorted(Path().rglob("*"))
    code, printed, err = run("sweep", str(experiment), "--out", out)
    assert (code, printed) == (2, "")
    assert "--out" in err
    assert said in err
    assert err.count("\n") == 1
    assert sorted(Path().rglob("*")) == before


@pytest.mark.parametrize("command", ["compare", "sweep"])
def test_the_help_has_examples(command: str, run: Run) -> None:
    code, out, _ = run(command, "--help")
    assert code == 0
    assert f"simaccess {command}" in out.split("Examples:")[1]
