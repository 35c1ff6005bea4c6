"""The commands that ask questions: how each mistake ends."""

from pathlib import Path

import pytest

from tests.cli.asked import BEST, CROSS, LATENCY, SOBOL
from tests.cli.conftest import Run

WRONG = [
    ((*CROSS, "--axis", "link.latency"), "--axis = 'link.latency': no span"),
    ((*CROSS, "--axis", "link.latency=1us"), "allowed: KEY=LOW:HIGH"),
    ((*CROSS, "--axis", "link.latency=2us:1us"), "goes nowhere"),
    ((*CROSS, "--axis", "link.latency=1:2us"), "missing unit"),
    ((*CROSS, "--axis", "link.latenc=1us:2us"), "did you mean 'link.latency'?"),
    ((*CROSS, "--axis", "link.posted=0:1"), "not a number, so it is no axis"),
    ((*CROSS, "--axis", "workload.heade=1B:2B"), "did you mean 'header'?"),
    ((*CROSS, "--axis", "method.depth=1:2"), "method.depth: unknown key"),
    ((*CROSS, "--axis", "workload.requests=10:40"), "--set = 'workload.requests': is the axis"),
    ((*CROSS, "--axis", "producer.rate=1Hz:9Hz"), "producer.rate"),
    ((*CROSS, "--axis", LATENCY, "--scale", "cubic"), "allowed: auto, linear, log"),
    ((*CROSS, "--axis", "link.latency=0s:9us", "--scale", "log"), "has no logarithm"),
    ((*CROSS, "--axis", LATENCY, "--objective", "cost"), "allowed: throughput, latency"),
    ((*CROSS, "--axis", LATENCY, "--places", "1"), "--places = 1: too low; allowed: 2 or more"),
    ((*CROSS, "--axis", LATENCY, "--replications", "0"), "--replications = 0"),
    ((*CROSS, "--axis", LATENCY, "--precision", "0"), "--precision = 0.0: too low"),
    ((*CROSS, "--axis", LATENCY, "--tolerance", "-1"), "--tolerance = -1.0"),
    ((*CROSS, "--axis", LATENCY, "--jobs", "0"), "jobs = 0"),
    ((*CROSS, "--axis", LATENCY, "--seed", "-1"), "--seed = -1"),
    ((*CROSS, "--axis", LATENCY, "--methods", "zero-copy"), "two methods or more"),
    ((*CROSS, "--axis", LATENCY, "--methods", "zero-copy,copy"), "no such access method"),
    ((*CROSS, "--axis", "method.block=1KiB:16MiB"), "smaller than a block"),
    ((*BEST, "--parameter", "method.slots"), "allowed: method.slots=LOW:HIGH"),
    ((*BEST, "--parameter", "method.slot"), "no method here has it (did you mean 'slots'?)"),
    ((*BEST, "--parameter", "blok"), "unknown key (did you mean 'method.block'?)"),
    ((*BEST, "--parameter", "metod.block=1KiB:4KiB"), "(did you mean 'method.block'?)"),
    ((*BEST, "--parameter", "link.latncy"), "did you mean 'link.latency'?"),
    (
        (*CROSS, "--axis", "consumers=1:8"),
        "allowed: --consumers N for all of it; 'simaccess sweep'",
    ),
    ((*CROSS, "--axis", "consumer=1:8"), "unknown key (did you mean 'consumers'?)"),
    (
        (*CROSS, "--axis", "nothing=1:8"),
        "local.*, cache.*, client.*, producer.*, workload.*, method",
    ),
    ((*BEST, "--parameter", "method.eviction"), "not a number, so there is nothing to search"),
    ((*BEST, "--parameter", "link.latency"), "allowed: link.latency=LOW:HIGH"),
    ((*BEST, "--parameter", "method.depth", "--methods", "hybrid"), "no method here has it"),
    ((*BEST, "--parameter", "method.block", "--set", "method.block=4KiB"), "is searched"),
    ((*BEST, "--parameter", "method.block", "--weight", "0"), "--weight = 0.0: no weight"),
    ((*BEST, "--parameter", "method.block", "--weight", "1", "--weight", "2"), "not as many"),
    ((*BEST, "--parameter", "method.block", "--mix", "x.toml"), "two sources"),
    (("optimum", "--model", "example-link", "--parameter", "method.block"), "--mix: no workload"),
    (
        ("optimum", "--model", "example-link", "--parameter", "method.block", "--mix", "no.toml"),
        "no.toml",
    ),
    ((*SOBOL, "--samples", "12"), "--samples = 12: not balanced; allowed: a power of two"),
    (
        (*SOBOL, "--parameter", "link.rat"),
        "no parameter of example-link (did you mean 'link.rate'?)",
    ),
    ((*SOBOL, "--parameter", "bus.width"), "no parameter of example-link; allowed: link.rate, "),
    ((*SOBOL, "--parameter", "link.posted"), "has no range that is wider than a point; allowed"),
    ((*SOBOL, "--methods", "hybrid"), "two methods or more"),
    (("sensitivity", "--model", "nowhere", "--workload", "random"), "no such model"),
]


@pytest.mark.parametrize(("arguments", "said"), WRONG)
def test_a_mistake_ends_in_one_line(run: Run, arguments: tuple[str, ...], said: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert line.startswith("simaccess: error: ")
    assert said in line


def test_paths_in_a_mix_start_at_its_folder(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # an error shows the beginning of a long path alone
    folder = Path("folder")
    folder.mkdir()
    (folder / "mix.toml").write_text(
        "[[workloads]]\nworkload = 'log.csv'\n"
        "[[workloads]]\nworkload = 'filter'\nset = { capture = 'no.pcap' }",
        encoding="utf-8",
    )
    asked = (
        "optimum",
        "--model",
        "example-link",
        "--parameter",
        "method.block",
        "--mix",
        "folder/mix.toml",
    )
    assert "folder/log.csv" in run(*asked)[2]
    log = "time,offset,length,operation\n0,0,64,read\n"
    (folder / "log.csv").write_text(log, encoding="utf-8")
    assert "folder/no.pcap" in run(*asked)[2]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[workloads]]\nworkload = 'sequential'\nweight = 0", "greater than 0"),
        ("[[workloads]]\nworkload = 'sequential'\nwieght = 1", "did you mean 'weight'?"),
        ("[[workload]]\nworkload = 'sequential'", "did you mean 'workloads'?"),
        ("[[workloads]]\nworkload = 'sequential'\nset = { lenth = '1 B' }", "workload.lenth"),
        ("workloads = []", "1 or more"),
    ],
)
def test_a_mistake_in_a_mix_names_the_file(run: Run, tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "mix.toml"
    file.write_text(text, encoding="utf-8")
    code, out, err = run(
        "optimum", "--model", "example-link", "--parameter", "method.block", "--mix", str(file)
    )
    assert (code, out) == (2, "")
    (line,) = err.splitlines()
    assert str(file) in line
    assert said in line
