"""Model files as written: what is read back is what was written, or nothing is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.model import load_model, model_names
from simaccess.model_file import read_model_file, write_model_file


@pytest.mark.parametrize("name", model_names())
def test_a_written_model_reads_the_same(name: str, tmp_path: Path) -> None:
    read = read_model_file(embedded("models", f"{name}.toml"))
    read = replace(read, calibration={"data": "measured.csv", "hold_out": 0.5})
    write_model_file(tmp_path / "mine.toml", read)
    assert read_model_file(tmp_path / "mine.toml") == read
    assert load_model(tmp_path / "mine.toml").calibration == read.calibration


def test_what_cannot_be_read_back_is_not_written(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    read = read_model_file(embedded("models", "example-link.toml"))
    write_model_file(file, read)
    before = file.read_bytes()
    figures = dict(read.figures)
    figures["link.rate"] = replace(figures["link.rate"], range=("1 B/s", "2 B/s"))
    with pytest.raises(InputError, match="does not hold the value"):
        write_model_file(file, replace(read, figures=figures))
    assert file.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["mine.toml"]


def test_an_odd_calibration_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    text = embedded("models", "example-link.toml").read_text(encoding="utf-8")
    file.write_text(f"calibration = 3\n{text}", encoding="utf-8")
    with pytest.raises(InputError, match="calibration = 3: not a table"):
        read_model_file(file)
    file.write_text(f"{text}\n[calibration]\ndata = [1]\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"calibration.data = \[1\]: neither text"):
        read_model_file(file)


def test_a_time_of_the_day_is_no_value(tmp_path: Path) -> None:
    """TOML has dates and times of its own."""
    file = tmp_path / "mine.toml"
    text = embedded("models", "example-link.toml").read_text(encoding="utf-8")
    before, after = text.split("[link.latency]\nvalue = ")
    file.write_text(f"{before}[link.latency]\nvalue = 12:00:00\n{after.partition(chr(10))[2]}")
    with pytest.raises(InputError, match=r"link\.latency = datetime.*: neither text, number nor b"):
        read_model_file(file)
