"""Workloads by name, and files by their content."""

import os
import shutil
import struct
from pathlib import Path

import pytest

from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.workload.filter import Filter
from simaccess.workload.log import HEADER, LogWorkload
from simaccess.workload.registry import names, workload

CAPTURE = embedded("experiments", "data", "traffic.pcap")


@pytest.mark.parametrize(
    ("name", "captured", "told"),
    [
        ("filter", [0, 13], "as much as any decision reads; allowed: 14 bytes"),
        ("header-only", [0, 0], "no packet has any byte"),
        ("header-payload", [0], "no packet has any byte"),
    ],
)
def test_a_capture_in_which_nothing_can_be_read_is_refused(
    name: str, captured: list[int], told: str, tmp_path: Path
) -> None:
    file = tmp_path / "cut.pcap"
    content = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
    for number, length in enumerate(captured):
        content += struct.pack("<IIII", number, 0, length, 60) + bytes(length)
    file.write_bytes(content)
    with pytest.raises(InputError, match=told) as caught:
        workload(name, {"capture": str(file)})
    assert "cut.pcap" in str(caught.value)


def test_every_name_makes_its_workload() -> None:
    assert names() == (
        "sequential",
        "strided",
        "skip",
        "random",
        "zipf",
        "header-only",
        "header-payload",
        "filter",
    )
    for name in names():
        made = workload(name)
        accesses = made.accesses(0)
        assert made.name == name
        assert accesses.size == made.size
        content = made.content()
        assert content is not None
        assert len(content) == made.size
        assert made.blocks.bounds(made.blocks.find(made.size - 1))[1] >= made.size


def test_files_are_known_by_their_content(tmp_path: Path) -> None:
    capture = tmp_path / "capture.csv"
    shutil.copy(CAPTURE, capture)
    source = workload(str(capture), {"protocol": "udp"})
    assert isinstance(source, Filter)
    assert source.predicate.protocol == 17
    log = tmp_path / "log.pcap"
    log.write_text(f"{HEADER}\n0,0,1,read\n")
    assert isinstance(workload(str(log)), LogWorkload)


@pytest.mark.parametrize(
    "heading",
    [
        "time, offset ,length,operation",
        "  Time ,\toffset, length ,operation  \r",
        "\ufefftime , offset , length , operation",
    ],
)
def test_spaces_around_fields_do_not_matter_in_the_first_line(heading: str, tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text(f"{heading}\n0 , 0, 64 ,read\n", encoding="utf-8", newline="")
    made = workload(str(path))
    assert isinstance(made, LogWorkload)
    assert made.log.length.tolist() == [64]
    path.write_text(f"{heading}s\n0,0,64,read\n", encoding="utf-8", newline="")
    with pytest.raises(InputError, match="line 1 is wrong; allowed: time,offset,length,operation"):
        workload(str(path))


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(InputError, match="pipe': not a regular file; allowed: a packet capture"):
        workload(str(pipe))


def test_refusals(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match="workload = 'sequentiel': no such workload or file; "
    ) as e:
        workload("sequentiel")
    assert "allowed: sequential, strided, " in str(e.value)
    with pytest.raises(InputError, match="Is a directory"):
        workload(str(tmp_path))
    with pytest.raises(InputError, match="no such workload"):
        workload("a\0b")
    with pytest.raises(InputError, match=r"workload\.capture = 'other': told twice"):
        workload(str(CAPTURE), {"capture": "other"})
    for content in (b"", b"\xa1", HEADER.encode()[:-1], b"\x7fELF"):
        path = tmp_path / "file"
        path.write_bytes(content)
        with pytest.raises(InputError, match="neither a packet capture nor an access log"):
            workload(str(path))
    path.write_bytes(CAPTURE.read_bytes()[:-1])
    with pytest.raises(InputError, match="truncated"):
        workload(str(path))
