"""What tests of models begin with: the sample kind, and a model of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from simaccess.kinds import Kind
from simaccess.model import Model, load_model
from tests.model import sample
from tests.model.sample import GOOD, Document, toml


@pytest.fixture(autouse=True)
def sample_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    kind = Kind("a sample", f"{sample.__name__}:SampleParameters", f"{sample.__name__}:Nothing")
    monkeypatch.setattr("simaccess.kinds._CATALOGUE.added", {"sample": kind})


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Document], Path]:
    def written(document: Document) -> Path:
        file = tmp_path / "sample.toml"
        file.write_text(toml(document), encoding="utf-8")
        return file

    return written


@pytest.fixture(name="sample")
def sample_model(write: Callable[[Document], Path]) -> Model:
    return load_model(write(GOOD))
