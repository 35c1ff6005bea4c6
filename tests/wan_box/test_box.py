from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from simaccess.errors import InputError
from simaccess.wan_box import WanBox, namespaces, real_time
from simaccess.wan_box.drop_tail import CARRIED, FULL, LOST, DropTail
from tests.wan_box.conftest import EMULATORS, needs_root

pytestmark = needs_root

NETNS = Path("/run/netns")
NAMESPACE = Path("/proc/thread-self/ns/net")


def mine(process: int | None = None) -> list[str]:
    owner = os.getpid() if process is None else process
    return [path.name for path in NETNS.glob(f"simaccess-{owner}-*")]


def burst(box: WanBox, number: int, size: int = 1500) -> np.ndarray[Any, np.dtype[np.void]]:
    """Send datagrams as fast as can be from the far end; return the log of them, complete."""
    with box.near():
        receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        receiver.bind((box.near_address, 0))
    with box.far():
        sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    first = box.packet_count()
    with receiver, sender:
        for _ in range(number):
            sender.sendto(bytes(size - 28), receiver.getsockname())
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            packets = box.packets(first)
            under_way = (packets["fate"] == CARRIED) & (packets["left"] == 0)
            if len(packets) >= number and not under_way.any():
                break
            time.sleep(0.01)
    assert len(packets) == number
    return packets


@pytest.mark.parametrize("emulator", EMULATORS)
def test_the_round_trip_is_what_was_asked_for(emulator: str) -> None:
    with WanBox(rtt="20 ms", rate="100 Mbit/s", emulator=emulator) as box:
        assert box.emulator == emulator
        times = box.ping(20)
        assert len(times) == 20
        assert 0.020 <= min(times) < 0.025  # never early; late as far as the machine is busy
        late = box.lateness()
    assert late is not None
    assert (late.count, late.full, late.lost, late.missed) == (40, 0, 0, 0)
    assert 0 <= late.median_s <= late.p99_s <= late.worst_s


@pytest.mark.parametrize("emulator", EMULATORS)
def test_a_burst_leaves_at_the_rate_and_drops_what_does_not_fit(emulator: str) -> None:
    way: dict[str, Any] = {"rtt": "10 ms", "rate": "10 Mbit/s", "buffer": "30 kB"}
    with WanBox(**way, emulator=emulator) as box:
        packets = burst(box, 60)
        reference = DropTail(box.down.rate, box.down.buffer, box.down.delay)
    assert set(packets["direction"]) == {0}
    assert set(packets["length"]) == {1500}
    # To the packet what the arithmetic says of these arrivals; about 20 fit, 1.2 ms each.
    expected = [reference.admit(int(p["arrival"]), int(p["length"])) for p in packets]
    assert [(int(p["fate"]), int(p["due"])) for p in packets] == expected
    carried = packets[packets["fate"] == CARRIED]
    assert 20 <= len(carried) < 60
    assert (packets["fate"] == FULL).sum() == 60 - len(carried)
    # None leaves early, and none overtakes another.
    assert (carried["left"] >= carried["due"]).all()
    assert (np.diff(carried["left"]) > 0).all()
    span = (carried["due"][-1] - carried["due"][0]) / 1e9
    assert (len(carried) - 1) * 1500 / span <= 1_250_000 * 1.000001


@pytest.mark.parametrize("emulator", EMULATORS)
def test_losses_are_the_seeded_ones_in_both_emulators(emulator: str) -> None:
    way: dict[str, Any] = {
        "rtt": "2 ms",
        "rate": "200 Mbit/s",
        "buffer": "1 MB",
        "loss": 0.2,
        "seed": 5,
    }
    with WanBox(**way, emulator=emulator) as box:
        packets = burst(box, 300, 100)
        reference = DropTail(*(int(word) for word in box.down.words()))
    fates = [reference.admit(0, 1)[0] for _ in range(300)]
    assert packets["fate"].tolist() == fates
    assert fates.count(LOST) > 30


@pytest.mark.parametrize("emulator", EMULATORS)
@pytest.mark.parametrize("congestion", ["reno", "cubic", "bbr"])
def test_tcp_sends_packets_of_the_mtu_with_the_chosen_congestion_control(
    emulator: str, congestion: Any
) -> None:
    known = namespaces.sysctl("net.ipv4.tcp_available_congestion_control") or ""
    if congestion not in known.split():
        pytest.skip(f"this kernel has no {congestion}")
    way: dict[str, Any] = {"rtt": "4 ms", "rate": "50 Mbit/s", "socket_buffers": "1 MiB"}
    with WanBox(**way, emulator=emulator, congestion=congestion) as box:
        with box.far():
            listener = socket.create_server((box.address, 7000))
        with box.near():
            client = socket.create_connection((box.address, 7000), timeout=10)
        served, _ = listener.accept()
        with listener, client, served:
            served.settimeout(10)
            served.sendall(bytes(200_000))
            left = 200_000
            while left:
                left -= len(client.recv(left))
            assert congestion in box.connections().split()
            assert client.getsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, 16).startswith(
                congestion.encode()
            )
        lengths = box.packets()["length"]
        assert lengths.max() == 1500  # no super-packets
        assert (lengths == 1500).sum() >= 200_000 // 1448
        facts = box.facts()
    assert facts["congestion"] == congestion
    assert facts["sysctl"]["net.ipv4.tcp_no_metrics_save"] == "1"
    for key in ("net.ipv4.tcp_rmem", "net.ipv4.tcp_wmem"):
        assert facts["sysctl"][key].split() == ["4096", "1048576", "4194304"]


def test_the_emulator_is_this_package_wherever_it_is_started(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "simaccess").mkdir()
    (tmp_path / "simaccess" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path)
    with WanBox(rtt="2 ms", rate="10 Mbit/s", emulator="python") as box:
        assert box.emulator == "python"


def test_a_sockets_namespace_is_that_of_its_making() -> None:
    before = NAMESPACE.readlink()
    with WanBox(rtt="2 ms", rate="10 Mbit/s", emulator="python") as box:
        with box.near():
            assert NAMESPACE.readlink() != before
        assert NAMESPACE.readlink() == before
        with pytest.raises(ZeroDivisionError), box.near():
            raise ZeroDivisionError
        assert NAMESPACE.readlink() == before
        shown = box.run(["ip", "-brief", "address"], capture_output=True, text=True).stdout
    assert "wan0" in shown
    assert "192.0.2.1" in shown


def test_a_server_is_waited_for_and_ended() -> None:
    program = "import http.server as s; s.test(s.SimpleHTTPRequestHandler, port=8000)"
    with WanBox(rtt="2 ms", rate="10 Mbit/s", emulator="python") as box:
        server = box.server([sys.executable, "-c", program], port=8000, real_time=True)
        assert os.sched_getscheduler(server.pid) == os.SCHED_FIFO
        with box.near():
            socket.create_connection((box.address, 8000), timeout=10).close()
        with pytest.raises(InputError, match="the server ended: no such file"):
            box.server(["sh", "-c", "echo no such file >&2"], port=8001)
    assert server.poll() is not None


def test_real_time_priority_is_given_and_taken_back() -> None:
    before = os.sched_getscheduler(0)
    with real_time() as allowed:
        assert allowed
        assert os.sched_getscheduler(0) == os.SCHED_FIFO
    assert os.sched_getscheduler(0) == before


def test_the_example_of_the_documentation_runs() -> None:
    page = (Path(__file__).parents[2] / "docs" / "wan-box.md").read_text(encoding="utf-8")
    example = page.partition("```python\n")[2].partition("```")[0]
    names: dict[str, Any] = {}
    exec(compile(example, "wan-box.md", "exec"), names)
    assert b"Directory listing" in names["page"]
    assert names["late"].count >= 6  # a handshake, a request, an answer
    assert names["facts"]["congestion"] == "reno"


def test_nothing_is_left_behind() -> None:
    with WanBox(rtt="2 ms", rate="10 Mbit/s", emulator="python"):
        assert len(mine()) == 2
    assert mine() == []
    with (
        pytest.raises(KeyboardInterrupt),
        WanBox(rtt="2 ms", rate="10 Mbit/s", emulator="python"),
    ):
        raise KeyboardInterrupt
    assert mine() == []


@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_the_death_of_the_process_takes_everything_along(end: signal.Signals) -> None:
    program = (
        "import time; from simaccess.wan_box import WanBox\n"
        "with WanBox(rtt='2 ms', rate='10 Mbit/s', emulator='python') as box:\n"
        "    s = box.server(['python3', '-m', 'http.server', '8000'], port=8000)\n"
        "    print(s.pid, flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        assert process.stdout is not None
        server = int(process.stdout.readline())
        assert len(mine(process.pid)) == 2
        process.send_signal(end)
        process.wait(10)
        deadline = time.monotonic() + 10
        while mine(process.pid) or Path("/proc", str(server)).exists():
            assert time.monotonic() < deadline
            time.sleep(0.02)


def test_leftovers_of_dead_processes_are_found_by_name() -> None:
    with subprocess.Popen(["true"]) as gone:
        gone.wait()
    name = f"simaccess-{gone.pid}-0-near"
    namespaces.ip("netns", "add", name)
    assert name in namespaces.remove_leftovers()
    assert not (NETNS / name).exists()
