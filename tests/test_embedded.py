"""Where the data that comes with the package is found."""

from pathlib import Path

import pytest

import simaccess.embedded
from simaccess.embedded import embedded
from simaccess.errors import InputError


def test_in_a_checkout() -> None:
    assert embedded("experiments", "data", "traffic.pcap").stat().st_size > 1_000_000
    assert embedded("experiments", "data").is_dir()


def test_in_an_installed_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "site-packages" / "simaccess"
    for folder in (package / "data" / "models", package.parent / "models"):
        folder.mkdir(parents=True)
        (folder / "mine.toml").touch()
    (package.parent / "models" / "foreign.toml").touch()
    monkeypatch.setattr(simaccess.embedded, "_PACKAGE", package)
    assert embedded("models", "mine.toml") == package / "data" / "models" / "mine.toml"
    with pytest.raises(InputError, match="foreign"):
        embedded("models", "foreign.toml")


@pytest.mark.parametrize("parts", [(), ("simaccess",), ("models", "..", "x"), ("/", "models")])
def test_nothing_else(parts: tuple[str, ...]) -> None:
    with pytest.raises(InputError, match="not an embedded path; allowed: models, experiments"):
        embedded(*parts)


def test_absent() -> None:
    with pytest.raises(InputError, match="experiments/absent: no such embedded file"):
        embedded("experiments", "absent")
