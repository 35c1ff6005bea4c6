"""What the command says of the packet capture or the access log that it was given."""

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess import cli
from simaccess.embedded import embedded
from simaccess.workload.capture import read_capture

Run = Callable[..., str]

COMPARE = ("compare", "--model", "example-link", "--method", "zero-copy")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run the command in a folder with a capture and a log; return what it printed."""
    shutil.copy(embedded("experiments", "data", "traffic.pcap"), tmp_path / "some.pcap")
    (tmp_path / "some.csv").write_text("time,offset,length,operation\n0,0,64,read\n")
    monkeypatch.chdir(tmp_path)

    def ran(*arguments: str) -> str:
        assert cli.main([*COMPARE, *arguments]) == 0
        return capsys.readouterr().out

    return ran


@pytest.mark.parametrize(
    ("path", "workload"), [("some.pcap", "filter"), ("./some.pcap", "filter"), ("some.csv", "log")]
)
def test_the_file_is_named_as_it_was_given(path: str, workload: str, run: Run) -> None:
    document = json.loads(run("--workload", path, "--json"))
    assert (document["workload"], document["file"]) == (workload, path)
    heading = run("--workload", path).splitlines()[0]
    assert heading == f"example-link, {workload} of {path}, seed 0"


@pytest.mark.parametrize("workload", ["filter", "header-only"])
def test_a_capture_that_was_set_is_named_too(workload: str, run: Run) -> None:
    setting = ("--workload", workload, "--set", "workload.capture=some.pcap")
    document = json.loads(run(*setting, "--json"))
    assert (document["workload"], document["file"]) == (workload, "some.pcap")
    heading = run(*setting).splitlines()[0]
    assert heading == f"example-link, {workload}, seed 0, workload.capture=some.pcap"


def test_without_a_file_none_is_named(run: Run) -> None:
    assert json.loads(run("--workload", "filter", "--json"))["file"] is None
    assert run("--workload", "filter").splitlines()[0] == "example-link, filter, seed 0"


@pytest.mark.parametrize(
    ("short", "said"), [(1, ("1 packet was", "counts")), (2, ("2 packets were", "count"))]
)
def test_packets_that_are_cut_before_any_field_are_counted(
    short: int, said: tuple[str, str], run: Run, tmp_path: Path
) -> None:
    content = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, captured in enumerate([60] * 3 + [13] * short):
        content += struct.pack("<IIII", number, 0, captured, 60) + bytes(captured)
    (tmp_path / "cut.pcap").write_bytes(content)
    cut = ("--workload", "cut.pcap", "--set", "workload.laps=2")
    out = run(*cut)
    assert "packets chosen" in out
    assert "0 of 6" in out
    assert "not be judged" not in run("--workload", "some.pcap")
    assert json.loads(run(*cut, "--json"))["unjudged"] == 2 * short
    once = run("--workload", "cut.pcap")
    who, does = said
    what = "cut in the capture before what decides, could not be judged and"
    assert f"\n{who} {what} {does} as not chosen.\n" in once


def test_packets_whose_ports_were_cut_away_could_not_be_judged(run: Run, tmp_path: Path) -> None:
    capture = read_capture(embedded("experiments", "data", "traffic.pcap"))
    content = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number in range(200):
        packet = capture.packet(number).tobytes()[:34]  # up to the end of a plain IPv4 header
        wire = int(capture.wire_length[number])
        content += struct.pack("<IIII", number, 0, len(packet), wire) + packet
    (tmp_path / "cut.pcap").write_bytes(content)
    by_port = ("--workload", "cut.pcap", "--set", "workload.port=80", "--json")
    document = json.loads(run(*by_port))
    assert document["results"][0]["matched"] == 0
    unjudged = document["unjudged"]
    assert 100 < unjudged < 200  # of the others it is known that they have no ports
    by_protocol = ("--workload", "cut.pcap", "--set", "workload.protocol=tcp", "--json")
    # Where IPv6 has further headers, not even the protocol is there.
    assert json.loads(run(*by_protocol))["unjudged"] < unjudged / 5


def test_one_method_is_one_simulation_and_has_no_rival(run: Run) -> None:
    *_, last, end = run("--workload", "some.csv", "--engine", "simpy").splitlines()
    assert last.startswith("use of ")
    assert end == "1 simulation."
