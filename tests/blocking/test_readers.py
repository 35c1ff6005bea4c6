"""Unmodified readers run through a file over every method, real or simulated."""

from __future__ import annotations

import gzip
import io
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import dpkt
import h5py
import numpy as np
import pandas as pd
import pytest

import simaccess
from simaccess.workload.capture import read_capture
from tests.blocking.content import CONTENT
from tests.conformance.play import NAMES
from tests.real.servers import nginx


@pytest.mark.parametrize("method", NAMES)
def test_zipfile(url_of: Callable[[Path], str], method: str, tmp_path: Path) -> None:
    path = tmp_path / "some.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(5):
            archive.writestr(f"{number}.bin", os.urandom(3000) + CONTENT)
    with simaccess.open(url_of(path), method) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        with archive.open("3.bin") as member:
            assert member.read()[3000:] == CONTENT
        assert file.counters.requested > 0
        assert file.elapsed_s > 0


@pytest.mark.parametrize("method", NAMES)
def test_h5py(url_of: Callable[[Path], str], method: str, tmp_path: Path) -> None:
    path = tmp_path / "some.h5"
    values = np.arange(20_000, dtype=np.float64).reshape(100, 200)
    with h5py.File(path, "w") as made:
        made.create_dataset("group/values", data=values, chunks=(10, 50), compression="gzip")
    with simaccess.open(url_of(path), method) as file, h5py.File(file, "r") as read:
        np.testing.assert_array_equal(read["group/values"][37:61, 3:120], values[37:61, 3:120])


@pytest.mark.parametrize("method", NAMES)
def test_pandas(url_of: Callable[[Path], str], method: str, tmp_path: Path) -> None:
    path = tmp_path / "some.csv"
    frame = pd.DataFrame({"a": range(3000), "b": np.linspace(0, 1, 3000)})
    frame.to_csv(path, index=False)
    with simaccess.open(url_of(path), method) as file:
        pd.testing.assert_frame_equal(pd.read_csv(file), frame)


@pytest.mark.parametrize("method", NAMES)
def test_capture_readers(url_of: Callable[[Path], str], method: str, tmp_path: Path) -> None:
    path = tmp_path / "some.pcap"
    with path.open("wb") as stream:
        writer = dpkt.pcap.Writer(stream)
        for number in range(100):
            writer.writepkt(bytes([number]) * (60 + 7 * number), ts=number)
    with simaccess.open(
        url_of(path), method, {} if method == "zero-copy" else {"block": "4 KiB"}
    ) as file:
        capture = read_capture(file)
    ours = read_capture(path)
    for name, column in vars(ours).items():
        np.testing.assert_array_equal(getattr(capture, name), column)
    with simaccess.open(url_of(path), method) as file:
        assert [bytes(packet) for _, packet in dpkt.pcap.Reader(file)] == [
            bytes(ours.packet(number)) for number in range(100)
        ]


def test_gzip_and_text(url_of: Callable[[Path], str], tmp_path: Path) -> None:
    path = tmp_path / "some.gz"
    lines = [f"line {number}" * (number % 40) + "\n" for number in range(300)]
    with gzip.open(path, "wt") as stream:
        stream.writelines(lines)
    with simaccess.open(url_of(path)) as file, gzip.open(file, "rt") as text:
        assert list(text) == lines


@pytest.mark.parametrize("method", NAMES)
def test_zipfile_over_http(method: str) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(3):
            archive.writestr(f"{number}.bin", os.urandom(30_000) + CONTENT)
    url = nginx().put(made.getvalue())
    settings = {} if method == "zero-copy" else {"block": "16 KiB"}
    with simaccess.open(url, method, settings) as file, zipfile.ZipFile(file) as archive:
        assert archive.testzip() is None
        assert not file.writable()
        assert file.counters.loads + file.counters.fetches > 0
