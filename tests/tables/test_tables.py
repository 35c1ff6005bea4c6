"""Readers of other programs' results, on small samples in their formats and on public figures."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simaccess import cli
from simaccess.errors import InputError
from simaccess.measured import Cell, MeasuredSet
from simaccess.model import load_model
from simaccess.predict import predict
from simaccess.tables import FORMATS, read_table
from tests.tables.shared import shared_data


def only(measured: MeasuredSet, cell: Cell) -> float:
    """Return the one figure of a cell."""
    (seconds,) = measured.seconds(cell).tolist()
    return float(seconds)


# -- pcie-bench ------------------------------------------------------------------------------------

LATENCIES = """\
Test,PAT,Cache,HO,DO,WinSZ,SZ,TAvg,Avg,Med,Min,Max,95%,99.9%,TAvg(ns),Avg(ns),Med(ns),#samples
LAT_DMA_RD,Seq,HWarm,0,0,8192,64,896,665.6,672.0,624,2400,672.0,704.0,746.7,554.7,560.0,2097152
LAT_DMA_RD,Rand,Cold,0,0,8192,64,896,665.6,672.0,624,2400,672.0,704.0,746.7,554.7,640.0,2097152
LAT_DMA_WRRD,Seq,HWarm,0,0,8192,4,1136,906.1,912.0,896,2608,912.0,944.0,946.7,755.1,760.0,2097152
"""

RATES = """\
Test,PAT,Cache,HO,DO,WinSZ,SZ,Time(cyc),Time,Bytes,Trans,BW (GB/s),Trans/s
BW_DMA_RD,Rand,HWarm,0,0,8192,64,162068784,135057320.0,536870912,8388608,31.8,62500000.0
BW_DMA_WR,Rand,HWarm,0,0,8192,64,212372288,176976906.7,536870912,8388608,24.3,50000000.0
BW_DMA_RW,Rand,HWarm,0,0,8192,64,111646752,93038960.0,268435456,4194304,23.1,45081157.4
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "nfp6000_hsw"
    made.mkdir()
    (made / "lat_dma_sizes.csv").write_text(LATENCIES)
    (made / "bw_dma_sz_sweep.csv").write_text(RATES)
    return made


def test_a_folder_of_pcie_bench(folder: Path) -> None:
    measured = read_table("pcie-bench", folder)
    assert only(measured, Cell("fetch", 64)) == pytest.approx(560e-9)
    assert only(measured, Cell("fetch", 64, state="cold", pattern="random")) == pytest.approx(
        640e-9
    )
    many = Cell("fetch", 64, 64, pattern="random", count=1024)
    assert only(measured, many) == pytest.approx(1024 / 62.5e6)
    assert only(measured, Cell("flush", 64, 64, pattern="random", count=1024)) == pytest.approx(
        1024 / 50e6
    )
    assert len(measured.cells) == 4
    assert measured.header["skipped"] == {"LAT_DMA_WRRD": 1, "BW_DMA_RW": 1}
    assert measured.header["source"] == "pcie-bench"
    assert measured.segment == 8192
    for cell in measured.cells:
        assert predict(load_model("example-link"), cell, segment=measured.segment) > 0
    deeper = read_table("pcie-bench", folder, {"depth": "32"})
    assert deeper.header["depth"] == 32
    assert max(cell.depth for cell in deeper.cells) == 32


@pytest.mark.parametrize("system", ["hsw-Xeon-E5-2620v3_dell-t630-iommu-nosp", None])
def test_public_figures_of_pcie_bench(system: str | None) -> None:
    path = shared_data("pcie-bench")
    if system is None:
        with pytest.raises(InputError, match="several systems; name one; allowed: hsw-Xeon"):
            read_table("pcie-bench", path)
        return
    measured = read_table("pcie-bench", path, {"system": system})
    assert only(measured, Cell("fetch", 4)) == pytest.approx(533.333e-9)
    many = Cell("fetch", 16, 64, pattern="random", count=1024)
    assert only(measured, many) == pytest.approx(1024 / 67290933)
    assert all(cell.size <= 2048 for cell in measured.cells)


# -- Intel MLC -------------------------------------------------------------------------------------

MLC = """\
Intel(R) Memory Latency Checker - v3.11b
Measuring idle latencies for sequential access (in ns)...
\t\tNuma node
Numa node\t     0\t     1\t
       0\t  82.0\t 141.0\t
       1\t 141.5\t  81.0\t

Measuring Peak Injection Memory Bandwidths for the system
Bandwidths are in MB/sec (1 MB/sec = 1,000,000 Bytes/sec)
Using all the threads from each core if Hyper-threading is enabled
Using traffic with the following read-write ratios
ALL Reads        :\t100000.0\t
3:1 Reads-Writes :\t90000.0\t
Stream-triad like:\t80000.0\t

Measuring Memory Bandwidths between nodes within system
\t\tNuma node
Numa node\t     0\t     1\t
       0\t79670.3\t34393.4\t
       1\t34385.7\t79678.3\t

Measuring Loaded Latencies for the system
Using Read-only traffic type
Inject\tLatency\tBandwidth
Delay\t(ns)\tMB/sec
==========================
 00000\t329.26\t 159154.0
 20000\t 82.30\t   2932.1

Measuring cache-to-cache transfer latency (in ns)...
Local Socket L2->L2 HIT  latency\t49.5
"""


def test_output_of_mlc(tmp_path: Path) -> None:
    path = tmp_path / "mlc.txt"
    path.write_text(MLC)
    measured = read_table("mlc", path)
    idle = Cell("load", 64, pattern="random", count=1000)
    assert measured.seconds(idle).tolist() == pytest.approx([82e-6, 81e-6])
    assert measured.cells == (idle,)
    assert measured.header["skipped"]["ALL Reads, without the option threads"] == 1
    assert measured.header["loaded"] == {
        "delay_cycles": [0.0, 20000.0],
        "latency_s": [pytest.approx(329.26e-9), pytest.approx(82.3e-9)],
        "rate_bytes_per_s": [159154e6, 2932.1e6],
    }
    told = read_table("mlc", path, {"threads": "16"})
    (cell,) = set(told.cells) - {idle}
    assert cell == Cell("load", 65536, consumers=16, count=64)
    assert 16 * 64 * 65536 / only(told, cell) == pytest.approx(100e9)


def test_public_figures_of_mlc(tmp_path: Path) -> None:
    """The figures of the shared tables, written as MLC writes them, come back."""
    with shared_data("mlc_summary.csv").open() as stream:
        systems = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    with shared_data("mlc_loaded_latency.csv").open() as stream:
        loads = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    for system in systems:
        mine = [row for row in loads if row["system"] == system["system"]]
        lines = [
            f"Intel(R) Memory Latency Checker - v{system['mlc_version']}",
            "Measuring idle latencies (in ns)...",
            f"       0        {system['idle_local_ns_node0']}",
            "Measuring Peak Injection Memory Bandwidths for the system",
            f"ALL Reads        :      {system['allreads_MBps']}",
            "Measuring Loaded Latencies for the system",
            *(
                f" {int(row['inject_delay']):05d}  {row['latency_ns']}  {row['bandwidth_MBps']}"
                for row in mine
            ),
        ]
        path = tmp_path / "mlc.txt"
        path.write_text("\n".join(lines))
        measured = read_table("mlc", path, {"threads": "8"})
        idle = Cell("load", 64, pattern="random", count=1000)
        assert only(measured, idle) == pytest.approx(float(system["idle_local_ns_node0"]) * 1e-6)
        loaded = measured.header.get("loaded", {"latency_s": []})
        assert len(loaded["latency_s"]) == len(mine)


# -- fio -------------------------------------------------------------------------------------------


def job(**changes: Any) -> dict[str, Any]:
    """Return a job as fio 3.33 reports it, less what is not read."""
    none = {"total_ios": 0, "io_bytes": 0, "iops": 0.0}
    read = {
        "io_bytes": 4194304,
        "bw_bytes": 91180521,
        "iops": 20000.0,
        "runtime": 46,
        "total_ios": 1024,
        "slat_ns": {"min": 0, "max": 0, "mean": 1000.0, "stddev": 0.0, "N": 1024},
        "clat_ns": {"mean": 44508.5, "N": 1024, "percentile": {"50.000000": 41000}},
        "lat_ns": {"mean": 44525.7, "N": 1024},
    }
    asked = {"name": "a", "rw": "randread", "bs": "4k", "ioengine": "psync"}
    return {
        "jobname": "a",
        "error": 0,
        "job options": {**asked, **changes.pop("options", {})},
        "read": read,
        "write": none,
        **changes,
    }


def fio(tmp_path: Path, *jobs: dict[str, Any], **options: str) -> MeasuredSet:
    path = tmp_path / "fio.json"
    document = {"fio version": "fio-3.33", "global options": options, "jobs": jobs}
    path.write_text("fio: a warning\n" + json.dumps(document))
    return read_table("fio", path)


def test_output_of_fio(tmp_path: Path) -> None:
    measured = fio(tmp_path, job())
    (cell,) = measured.cells
    assert cell == Cell("fetch", 4096, pattern="random", count=64)
    assert only(measured, cell) == pytest.approx(64 * 42e-6)
    deep = job(options={"ioengine": "libaio", "iodepth": "32"})
    (cell,) = fio(tmp_path, deep).cells
    assert cell == Cell("fetch", 4096, 32, pattern="random", count=128)
    assert only(fio(tmp_path, deep), cell) == pytest.approx(128 / 20000)
    writes = job()
    writes["read"], writes["write"] = writes["write"], writes["read"]
    (cell,) = fio(tmp_path, writes, rw="write").cells
    assert cell.operation == "flush"


def test_fio_with_several_jobs(tmp_path: Path) -> None:
    each = [job(options={"numjobs": "2"}), job(options={"numjobs": "2"})]
    measured = fio(tmp_path, *each)
    (cell,) = measured.cells
    assert cell.consumers == 2
    assert measured.seconds(cell).tolist() == pytest.approx([64 / 20000] * 2)
    together = fio(tmp_path, each[0])
    assert only(together, cell) == pytest.approx(2 * 64 / 20000)


def test_what_fio_measures_beside_cells_is_counted(tmp_path: Path) -> None:
    mixed = job()
    mixed["write"] = mixed["read"]
    several = job()
    several["read"] = {**several["read"], "io_bytes": 4194305}
    measured = fio(tmp_path, job(), mixed, several, job(error=5))
    assert len(measured.cells) == 1
    assert measured.header["skipped"] == {
        "a job that mixes reads and writes": 1,
        "a job with requests of several sizes": 1,
        "a job with an error": 1,
    }


# -- perftest --------------------------------------------------------------------------------------

RULE = "-" * 87
SEND = f"""\
{RULE}
                    Send Latency Test
 Dual-port       : OFF          Device         : mlx5_0
 Number of qps   : 1            Transport type : IB
 Connection type : RC           Using SRQ      : OFF
 TX depth        : 1
 Mtu             : 4096[B]
 Link type       : IB
{RULE}
 #bytes #iterations    t_min[usec]    t_max[usec]  t_typical[usec]    t_avg[usec]    \
t_stdev[usec]   99% percentile[usec]   99.9% percentile[usec]
Conflicting CPU frequency values detected: 2400.000000 != 1873.463000. CPU Frequency is not max.
 2       1000          0.80           6.12         0.83                0.84             0.06     \
       0.88                    6.12
 1024    1000          1.50           6.12         1.58                1.60             0.06     \
       1.88                    6.12
{RULE}
"""


def test_output_of_perftest(tmp_path: Path) -> None:
    path = tmp_path / "send.txt"
    path.write_text(SEND)
    measured = read_table("perftest", path)
    assert only(measured, Cell("fetch", 1024)) == pytest.approx(2.41e-6)
    assert only(measured, Cell("fetch", 2)) == pytest.approx(1.66e-6)
    assert measured.header["mtu"] == "4096[B]"
    assert measured.header["test"] == "Send"
    assert "2 bytes one way" in measured.header["derived"]
    path.write_text(SEND.replace("Send Latency", "RDMA_Read Latency"))
    assert only(read_table("perftest", path), Cell("fetch", 1024)) == pytest.approx(1.58e-6)


def test_public_figures_of_perftest(tmp_path: Path) -> None:
    with shared_data("connectx4_ib_send_lat.csv").open() as stream:
        rows = list(csv.DictReader(line for line in stream if not line.startswith("#")))
    mine = [row for row in rows if row["service"] == "RC"]
    lines = SEND.splitlines()[:11]
    lines += [f" {row['size_B']}  1000  0.1  9.9  {row['mtu4096']}  1.0  0.1" for row in mine]
    path = tmp_path / "send.txt"
    path.write_text("\n".join(lines))
    measured = read_table("perftest", path)
    least = min(float(row["mtu4096"]) for row in mine if row["size_B"] == "32")
    for row in mine:
        seconds = only(measured, Cell("fetch", int(row["size_B"])))
        assert seconds == pytest.approx((float(row["mtu4096"]) + least) * 1e-6)


# -- what is wrong ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("fio", "{", "no output of fio in JSON (JSONDecodeError"),
        ("fio", '{"jobs": [{}]}', "no output of fio in JSON (KeyError: 'jobname')"),
        ("fio", '{"jobs": []}', "holds nothing that could be used"),
        ("mlc", "hello", "no output of MLC; allowed: 'Intel(R) Memory Latency Checker'"),
        ("mlc", MLC.replace("82.0", "8.2.0"), "line 5 = '8.2.0': refused; allowed: a number above"),
        ("perftest", "hello", "no output of perftest; allowed: a line '#bytes #iterations ...'"),
        ("perftest", " #bytes #iterations BW_peak\n", "no latencies; allowed: t_typical[usec]"),
        ("perftest", f"{SEND} 4096 1000 0.1\n", "cut off"),
        ("perftest", SEND.replace("1.58", "-"), "t_typical = '-': refused"),
    ],
)
def test_what_is_not_of_the_format_ends_in_one_line(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    path = tmp_path / "output.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=re.escape(said)) as error:
        read_table(name, path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("name", [*FORMATS])
def test_what_cannot_be_read_and_unknown_options_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match=r"none: (cannot be read: No such|holds no results)"):
        read_table(name, tmp_path / "none")
    with pytest.raises(InputError, match="colour = 'red': no such option of this format"):
        read_table(name, tmp_path, {"colour": "red"})


def test_wrong_tables_of_pcie_bench(folder: Path) -> None:
    with pytest.raises(InputError, match="system = 'a': a folder of one system"):
        read_table("pcie-bench", folder, {"system": "a"})
    (folder / "lat_dma_sizes.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match="line 2: no table of pcie-bench"):
        read_table("pcie-bench", folder)
    (folder / "lat_dma_sizes.csv").write_text("Test,SZ\nLAT_DMA_RD,64\n")
    with pytest.raises(InputError, match=r"line 2: a column is missing; allowed: Med\(ns\)"):
        read_table("pcie-bench", folder)


def test_the_command(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "measured.csv"
    assert cli.main(["import", "pcie-bench", str(folder), "--out", str(out)]) == 0
    assert capsys.readouterr().out == f"wrote {out}: 4 cells; 2 lines are for no cell\n"
    made: Callable[..., MeasuredSet] = read_table
    assert MeasuredSet.read(out).cells == made("pcie-bench", folder).cells
    assert cli.main(["import", "pcie-bensh", str(folder), "--out", str(out)]) == 2
    assert "did you mean 'pcie-bench'" in capsys.readouterr().err
    assert cli.main(["import", "pcie-bench", str(folder), "--out", str(out), "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["cells"]) == 4
