import copy
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from simaccess.errors import UNSET, InputError


def rebuild(error: InputError) -> InputError:
    return type(error)(*error.args)


def unpickle(error: InputError) -> InputError:
    copied = pickle.loads(pickle.dumps(error))
    assert isinstance(copied, InputError)
    return copied


text = st.text(max_size=200)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), text),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(text, inner, max_size=5),
    max_leaves=10,
)
errors = st.builds(
    InputError,
    text,
    file=st.none() | text | text.map(Path),
    key=st.none() | text,
    value=st.just(UNSET) | values,
    allowed=st.none() | text | st.lists(text, max_size=4),
)


@given(errors)
@pytest.mark.parametrize("copier", [rebuild, copy.copy, copy.deepcopy, unpickle])
def test_a_copy_has_every_part(
    copier: Callable[[InputError], InputError], error: InputError
) -> None:
    copied = copier(error)
    assert copied is not error
    assert vars(copied) == vars(error)
    assert copied.args == error.args
    assert str(copied) == str(error)


@given(errors)
def test_the_message_is_one_line(error: InputError) -> None:
    assert len(str(error).splitlines()) <= 1


def test_all_parts_in_order() -> None:
    error = InputError(
        "not a frequency",
        file=Path("models") / "x.toml",
        key="bus.clock",
        value="33 parsecs",
        allowed="a frequency such as '33 MHz'",
    )
    assert str(error) == (
        "models/x.toml: bus.clock = '33 parsecs': not a frequency; "
        "allowed: a frequency such as '33 MHz'"
    )


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputError("no such file", file="x.toml"), "x.toml: no such file"),
        (InputError("missing", file="x.toml", key="size"), "x.toml: size: missing"),
        (InputError("negative", key="size", value=-1), "size = -1: negative"),
        (InputError("no access method", value="magic"), "'magic': no access method"),
        (InputError("not a size", key="size", value=None), "size = None: not a size"),
        (InputError("unknown", allowed=iter(["a", "b"])), "unknown; allowed: a, b"),
        (InputError("two\nlines"), "two lines"),
    ],
)
def test_absent_parts_leave_no_trace(error: InputError, message: str) -> None:
    assert str(error) == message


def test_a_long_value_is_shortened() -> None:
    message = str(InputError("too long", key="name", value="x" * 10_000))
    assert message.startswith("name = 'xxx")
    assert len(message) < 120


def test_a_failed_simpy_process_raises_the_same_error() -> None:
    environment = simpy.Environment()
    raised = InputError("past the end", key="offset", value=4096, allowed="0 to 4095 bytes")

    def fail() -> simpy.events.ProcessGenerator:
        yield environment.timeout(1)
        raise raised

    with pytest.raises(InputError) as caught:
        environment.run(environment.process(fail()))
    assert vars(caught.value) == vars(raised)
    assert str(caught.value) == str(raised)
