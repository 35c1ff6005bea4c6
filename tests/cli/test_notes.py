"""What a command tells on standard error before it simulates."""

import json
from pathlib import Path

import pytest

from simaccess.embedded import embedded
from tests.cli.conftest import Run

FEW = "few.pcap"
NOTE = (
    "simaccess: note: {}: 1 packet has a time stamp before that of the packet ahead; a packet never"
    " arrives before the ones ahead of it\n"
)


@pytest.fixture(autouse=True)
def capture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Write three packets, of which the second and the third have each other's time stamp."""
    content = bytearray(embedded("experiments", "data", "traffic.pcap").read_bytes())
    starts = [24]
    for _ in range(3):
        start = starts[-1]
        starts.append(start + 16 + int.from_bytes(content[start + 8 : start + 12], "little"))
    second, third = (slice(start, start + 8) for start in starts[1:3])
    content[second], content[third] = content[third], content[second]
    (tmp_path / FEW).write_bytes(content[: starts[3]])
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("workload", [FEW, "header-only"])
def test_time_stamps_that_go_back_are_told_once_where_packets_arrive_at_them(
    workload: str, run: Run
) -> None:
    asked = ["compare", "--model", "example-link", "--workload", workload, "--json"]
    if workload != FEW:
        asked += ["--set", f"workload.capture={FEW}"]
    code, _, err = run(*asked)
    assert (code, err) == (0, "")  # nobody asks for the times
    code, out, err = run(*asked, "--set", "producer.arrivals=capture")
    assert (code, err) == (0, NOTE.format(FEW))
    assert len(json.loads(out)["results"]) == 4


def test_an_experiment_and_a_question_tell_it_too(run: Run, tmp_path: Path) -> None:
    for end in ("", '[axes]\nworkload.alignment = ["64 B", "128 B"]\n'):
        (tmp_path / "small.toml").write_text(
            'question = "Small?"\nmethods = ["zero-copy"]\n[[models]]\nmodel = "example-link"\n'
            f'producer = {{ arrivals = "capture" }}\n[[workloads]]\nworkload = "{FEW}"\n{end}'
        )
        code, _, err = run("sweep", "small.toml", "--jobs", "1")
        assert (code, err) == (0, NOTE.format(FEW))
    code, _, err = run(
        *("crossover", "--model", "example-link", "--workload", FEW, "--jobs", "1"),
        *("--methods", "zero-copy,copy-once", "--set", "producer.arrivals=capture"),
        *("--axis", "link.latency=1 us:2 us", "--places", "2"),
    )
    assert (code, err) == (0, NOTE.format(FEW))
