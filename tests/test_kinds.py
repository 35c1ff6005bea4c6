import importlib
import inspect
from pathlib import Path

import pytest

from simaccess.errors import InputError
from simaccess.kinds import KINDS, Kind, add_kind, kind_named, kind_names
from simaccess.model import load_model, model_names
from simaccess.parameters import Parameters
from simaccess.sim.environment import Environment
from simaccess.sim.fifo_link import FifoLink
from simaccess.sim.link import Link


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_parameters_and_a_link(name: str) -> None:
    kind = kind_named(name)
    assert issubclass(kind.load_parameters(), Parameters)
    assert isinstance(kind.link, str)
    module, attribute = kind.link.split(":")
    link = getattr(__import__(module, fromlist=[attribute]), attribute)
    assert issubclass(link, Link)
    assert ("seed" in inspect.signature(link).parameters) == kind.seeded


def test_an_unknown_kind_tells_the_kinds() -> None:
    with pytest.raises(InputError, match=r"did you mean 'pci-bus'\?.*fifo-link, memory-bus"):
        kind_named("pci-buss")


def test_a_kind_can_be_added_for_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simaccess.kinds._CATALOGUE.added", {})
    mine = Kind("mine", KINDS["fifo-link"].load_parameters(), FifoLink)
    add_kind("my-link", mine)
    assert kind_named("my-link") is mine
    assert kind_names() == [*KINDS, "my-link"]
    model = load_model("example-link")
    assert isinstance(mine.make_link(Environment(), model.parameters, 64), FifoLink)
    with pytest.raises(InputError, match="kind = 'pci-bus': a built-in kind"):
        add_kind("pci-bus", mine)


def test_packages_offer_kinds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "offering-1.0.dist-info"
    package.mkdir()
    (package / "METADATA").write_text("Metadata-Version: 2.1\nName: offering\nVersion: 1.0\n")
    (package / "entry_points.txt").write_text(
        "[simaccess.kinds]\ntheirs = offering_kind:KIND\nwrong = offering_kind:WRONG\n"
    )
    (tmp_path / "offering_kind.py").write_text(
        "from simaccess.kinds import Kind\n"
        "KIND = Kind('theirs', 'simaccess.sim.fifo_link:FifoParameters',"
        " 'simaccess.sim.fifo_link:FifoLink')\n"
        "WRONG = 3\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    assert kind_names() == [*KINDS, "theirs", "wrong"]
    assert kind_named("theirs").summary == "theirs"
    with pytest.raises(InputError, match=r"entry point wrong.*no kind of interconnect"):
        kind_named("wrong")


@pytest.mark.parametrize("name", model_names())
@pytest.mark.parametrize("data", [None, memoryview(bytearray(1 << 16))])
def test_the_link_of_an_embedded_model_can_be_made(name: str, data: memoryview | None) -> None:
    model = load_model(name)
    link = kind_named(model.kind).make_link(Environment(), model.parameters, 1 << 16, data, 7)
    assert link.size == 1 << 16
    assert link.attach().size == 1 << 16
    assert link.local(4096).size == 4096
    assert link.use(1)


def test_every_kind_has_an_embedded_model() -> None:
    assert {load_model(name).kind for name in model_names()} == set(KINDS)
