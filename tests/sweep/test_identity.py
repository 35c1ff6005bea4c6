"""A key is that of everything that decides a result, and of nothing else."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from simaccess.embedded import embedded
from simaccess.sweep import identity, sources
from simaccess.sweep.identity import key
from simaccess.sweep.sources import closure, digest
from simaccess.sweep.task import Measure, ModelRef, Run, Search, Task, WorkloadRef

RUN = Run(ModelRef("pci-64-66"), WorkloadRef("random", (("requests", 10),)), "hybrid")


@pytest.mark.parametrize(
    "other",
    [
        replace(RUN, model=ModelRef("pci-32-33")),
        replace(RUN, model=ModelRef("pci-64-66", (("bus.clock", "60 MHz"),))),
        replace(RUN, model=ModelRef("pci-64-66", draws=2, draw=0)),
        replace(RUN, model=ModelRef("pci-64-66", draws=2, draw=1)),
        replace(RUN, workload=WorkloadRef("random", (("requests", 11),))),
        replace(RUN, workload=WorkloadRef("zipf", (("requests", 10),))),
        replace(RUN, workload=WorkloadRef("random", (("requests", 10),), (1, 1))),
        replace(RUN, method="copy-once"),
        replace(RUN, settings=(("threshold", "55 B"),)),
        replace(RUN, consumers=2),
        replace(RUN, consumers=2, shared=True),
        replace(RUN, seed=1),
        replace(RUN, real=True),
        replace(RUN, producer=(("ring", "64 KiB"),)),
        replace(RUN, memory=ModelRef("shared-memory-ddr4")),
        Search(RUN, "throughput"),
        Search(RUN, "latency"),
        Measure(RUN.model, RUN.workload, 0),
        Measure(RUN.model, RUN.workload, 1),
    ],
)
def test_whatever_decides_a_result_decides_its_key(other: Task) -> None:
    assert key(other) != key(RUN)
    assert key(other) == key(other)


def test_what_decides_nothing_is_not_in_it() -> None:
    assert key(replace(RUN, engine="simpy")) == key(RUN)
    # A value that is what it would be anyway, however it is written.
    same = ModelRef("pci-64-66", (("bus.clock", "66.0e6 Hz"),))
    assert RUN.model.load().value("bus.clock") == same.load().value("bus.clock")
    assert key(replace(RUN, model=same)) == key(RUN)
    work = WorkloadRef("random", (("length", "64 B"), ("requests", 10)))
    assert key(replace(RUN, workload=work)) == key(RUN)


def test_files_count_by_their_content(tmp_path: Path) -> None:
    capture = embedded("experiments", "data", "traffic.pcap")
    for name in ("one.pcap", "two.pcap", "other.pcap"):
        shutil.copy(capture, tmp_path / name)
    content = bytearray(capture.read_bytes())
    content[60] ^= 1  # within the first packet
    (tmp_path / "other.pcap").write_bytes(content)
    log = tmp_path / "log.csv"
    log.write_text("time,offset,length,operation\n0,0,64,read\n", encoding="utf-8")

    def keyed(name: str, settings: tuple[tuple[str, str], ...] = ()) -> str:
        return key(replace(RUN, workload=WorkloadRef(name, settings)))

    assert keyed(str(tmp_path / "one.pcap")) == keyed(str(tmp_path / "two.pcap"))
    assert keyed(str(tmp_path / "one.pcap")) != keyed(str(tmp_path / "other.pcap"))
    assert keyed("filter") == keyed("filter", (("capture", str(tmp_path / "two.pcap")),))
    before = keyed(str(log))
    log.write_text("time,offset,length,operation\n0,64,64,read\n", encoding="utf-8")
    for cache in (identity._workload, identity._code_of_workload):
        cache.cache_clear()
    from simaccess.sweep import task  # noqa: PLC0415  # its cache, too

    task._workload.cache_clear()
    assert keyed(str(log)) != before


def test_code_is_followed_where_a_simulation_goes_and_nowhere_else() -> None:
    core = closure("simaccess.simulate")
    assert {"simaccess.buffer", "simaccess.sim.environment", "simaccess.consumer"} <= core
    kinds = {f"simaccess.sim.{kind}" for kind in ("fifo_link", "memory_bus", "pci_bus", "wan_link")}
    assert not kinds & core
    assert "simaccess.sim.sender" in closure("simaccess.sim.wan_link")
    assert "simaccess.sim.sender" not in closure("simaccess.sim.pci_bus")
    assert "simaccess.methods.prefetch" not in core | closure("simaccess.methods.copy_once")
    assert not any(name.startswith(("simaccess.cli", "simaccess.sweep")) for name in core)


def test_a_change_of_code_changes_the_keys_of_what_it_decides(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One kind of link is changed: what is stored for the others stays good."""
    wan = replace(RUN, model=ModelRef("wan-20ms-100mbit"))
    before = key(RUN), key(wan)
    real = sources._source

    def changed(name: str) -> str:
        return real(name) + ("changed" if name == "simaccess.sim.pci_bus" else "")

    monkeypatch.setattr(sources, "_source", changed)
    digest.cache_clear()
    try:
        assert key(RUN) != before[0]
        assert key(wan) == before[1]
    finally:
        monkeypatch.undo()
        digest.cache_clear()
    assert (key(RUN), key(wan)) == before


def test_keys_are_the_same_in_every_process() -> None:
    import subprocess  # noqa: PLC0415  # only here
    import sys  # noqa: PLC0415

    code = (
        "from simaccess.sweep.identity import key; from simaccess.sweep.task import *;"
        "print(key(Run(ModelRef('pci-64-66'), WorkloadRef('random', (('requests', 10),)), 'hybrid')))"
    )
    environment = {**os.environ, "PYTHONHASHSEED": "7"}
    made = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert made.stdout.strip() == key(RUN)
