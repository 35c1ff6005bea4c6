"""The models that come along: each loads, states everything, and can be drawn."""

import pytest

from simaccess.errors import InputError
from simaccess.figures import leaves_of
from simaccess.kinds import KINDS, kind_named
from simaccess.model import load_model, model_names


def test_an_unknown_name_tells_the_names() -> None:
    names = model_names()
    with pytest.raises(InputError) as failure:
        load_model(f"{names[0]}x")
    assert f"did you mean {names[0]!r}" in str(failure.value)
    assert ", ".join(names) in str(failure.value)


@pytest.mark.parametrize("name", model_names())
def test_an_embedded_model_loads_and_states_everything(name: str) -> None:
    model = load_model(name)
    assert model.name == name
    assert model.kind in KINDS
    assert name == name.lower()
    for key, figure in model.provenance.items():
        assert figure.status in {"verified", "derived", "unverified"}, f"{key} is left to a default"
        leaf = leaves_of(type(model.parameters))[key]
        assert leaf.numeric == (figure.range is not None)
        # A whole number, such as the size of a line, may be the same everywhere.
        if figure.status == "unverified" and leaf.numeric and not leaf.whole:
            assert key in model.bounds(), f"{key} is unverified, but exact"


@pytest.mark.parametrize("name", model_names())
def test_models_can_be_drawn_from_an_embedded_model(name: str) -> None:
    model = load_model(name)
    drawn = list(model.draws(20, seed=0))
    for key in model.bounds():
        assert len({one.value(key) for one in drawn}) > 1, key


@pytest.mark.parametrize("name", KINDS)
def test_the_parameters_of_a_kind_are_all_scalars(name: str) -> None:
    leaves = leaves_of(kind_named(name).load_parameters())
    assert leaves
    for key, leaf in leaves.items():
        assert leaf.required or isinstance(leaf.default, str | int | float), key
