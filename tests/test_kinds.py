import inspect

import pytest

from simaccess.errors import InputError
from simaccess.kinds import KINDS, kind_named
from simaccess.model import load_model, model_names
from simaccess.parameters import Parameters
from simaccess.sim.environment import Environment
from simaccess.sim.link import Link


@pytest.mark.parametrize("name", KINDS)
def test_a_kind_has_parameters_and_a_link(name: str) -> None:
    kind = kind_named(name)
    assert issubclass(kind.load_parameters(), Parameters)
    module, attribute = kind.link.split(":")
    link = getattr(__import__(module, fromlist=[attribute]), attribute)
    assert issubclass(link, Link)
    assert ("seed" in inspect.signature(link).parameters) == kind.seeded


def test_an_unknown_kind_tells_the_kinds() -> None:
    with pytest.raises(InputError, match=r"did you mean 'pci-bus'\?.*fifo-link, memory-bus"):
        kind_named("pci-buss")


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
