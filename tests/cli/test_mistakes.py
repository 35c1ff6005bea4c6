"""A mistake in what is asked ends in one line that names it, and leaves nothing."""

from pathlib import Path

import pytest

from tests.cli.conftest import Run

LINK = ("--model", "example-link")
SEQUENTIAL = [*LINK, "--workload", "sequential"]
RANDOM = (*LINK, "--workload", "random")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["compare"], "Missing option '--model'"),
        (["compare", *LINK], "Missing option '--workload'"),
        (
            ["compare", "--model", "exampel-link", "--workload", "random"],
            "did you mean 'example-link'",
        ),
        ([*RANDOM, "--memory", "nope"], "memory = 'nope': no such model"),
        ([*RANDOM, "--jobs", "0"], "--jobs = 0: too low; allowed: 1 or more"),
        (
            [*RANDOM, "--set", "link.rate=1e-9 B/s"],
            "link.rate = '1e-9 B/s': beyond what can be simulated; allowed: 0.001 to 1e+24",
        ),
        (["compare", *LINK, "--workload", "randm"], "workload = 'randm': no such workload or file"),
        (
            [*RANDOM, "--method", "zero-cpy"],
            "method = 'zero-cpy': no such access method (did you mean",
        ),
        ([*RANDOM, "--set", "method.blok=1 KiB"], "method.blok = '1 KiB': no such parameter"),
        (
            [*RANDOM, "--method", "zero-copy", "--set", "method.block=1 KiB"],
            "method.block = '1 KiB': no such parameter of zero-copy",
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
            "workload.size = '0 B': not allowed; allowed: greater than 0",
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
            [
                "compare",
                "--model",
                "shared-memory-ddr4",
                "--workload",
                "random",
                "--set",
                "background.rate=70 GB/s",
            ],
            (
                "background.rate = '70 GB/s': as much as the memory carries or more, so that its queue"
                " would grow without end; allowed: less than 67.5818 GB/s, which memory.channels = 4 of"
                " memory.rate = 19.2 GB/s carry with memory.efficiency = 0.88"
            ),
        ),
        (
            [
                "compare",
                "--model",
                "wan-20ms-100mbit",
                "--workload",
                "random",
                "--set",
                "cross.rate=1 Gbit/s",
                "--set",
                "cross.burst=1500 B",
            ],
            (
                "cross.rate = '1 Gbit/s': TCP gives a connection up after 15 time-outs in a row; allowed:"
                " less, so that packets get through path.rate = 12.5 MB/s, path.buffer = 250 kB,"
                " path.loss = 0"
            ),
        ),
        (
            [*RANDOM, "--set", "producer.rat=1 kHz"],
            "producer.rat = '1 kHz': unknown key (did you mean 'rate'?)",
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
            [
                *(*LINK, "--workload", "header-only"),
                *("--set", "workload.requests=20000", "--set", "producer.ring=1 MiB"),
            ],
            "workload.requests = 20000: more requests than there are records, of which a ring brings",
        ),
        (
            [*RANDOM, "--set", "link.rat=1 GB/s"],
            "link.rat = '1 GB/s': unknown key (did you mean 'link.rate'?)",
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


def test_what_takes_longer_than_time_goes_is_told_as_such(run: Run, tmp_path: Path) -> None:
    log = tmp_path / "long.csv"
    log.write_text(f"time,offset,length,operation\n0,0,{1 << 50},read\n")
    slow = ("--set", "link.rate=1 MB/s")
    code, out, err = run("compare", *LINK, "--workload", str(log), "--method", "zero-copy", *slow)
    assert (code, out) == (2, "")
    assert err.endswith(
        "too much to simulate; allowed: at most 2^63 ps of simulated time, 106 days\n"
    )
