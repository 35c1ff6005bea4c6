"""What `compare` is called with: what is taken, and what is refused in one line."""

from pathlib import Path
from typing import Any

import pytest

from simaccess.compare import compare
from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.model import load_model
from simaccess.scenario import Scenario
from simaccess.tune import tune
from simaccess.verdict import verdict
from simaccess.workload.registry import workload

FEW: dict[str, str | int] = {"workload.requests": 20, "workload.size": "64 KiB"}


def test_a_text_is_one_method() -> None:
    one = compare("example-link", "random", "zero-copy", settings=FEW)
    assert one == compare("example-link", "random", ["zero-copy"], settings=FEW)


def test_files_may_be_paths() -> None:
    capture = embedded("experiments", "data", "traffic.pcap")
    model = embedded("models", "example-link.toml")
    assert compare(model, Path(capture), "zero-copy")[0].workload == "filter"


@pytest.mark.parametrize(
    ("given", "line"),
    [
        ({"consumers": 2.0}, "consumers = 2.0: not a whole number; allowed: a whole number, 1 or more"),
        ({"consumers": "2"}, "consumers = '2': not a whole number; allowed: a whole number, 1"),
        ({"consumers": True}, "consumers = True: not a whole number; allowed: a whole number, 1"),
        ({"consumers": 0}, "consumers = 0: too low; allowed: 1 or more"),
        ({"seed": 1.5}, "seed = 1.5: not a whole number; allowed: a whole number, 0 or more"),
        ({"seed": None}, "seed = None: not a whole number; allowed: a whole number, 0 or more"),
        ({"seed": -1}, "seed = -1: too low; allowed: 0 or more"),
        ({"workload": None}, "workload = None: not a workload; allowed: a workload, the name of"),
        ({"model": None}, "model = None: not a model; allowed: a model, the name of one, or a"),
        ({"model": 3}, "model = 3: not a model; allowed: a model, the name of one, or a file"),
        ({"memory": 3}, "memory = 3: not a model; allowed: a model, the name of one, or a file"),
        ({"memory": "nope"}, "memory = 'nope': no such model"),
        ({"engine": "simpi"}, "engine = 'simpi': no such engine (did you mean 'simpy'?); allowed:"),
        ({"engine": None}, "engine = None: no such engine; allowed: auto, simpy, replay"),
        ({"objective": "x"}, "objective = 'x': no such objective; allowed: throughput, latency"),
        ({"methods": ["zero-copy", 3]}, "method = 3: no such access method; allowed: zero-copy"),
        ({"methods": "zero-cpy"}, "method = 'zero-cpy': no such access method (did you mean"),
        ({"methods": []}, "method = []: no method; allowed: zero-copy"),
        ({"methods": None}, "methods = None: not methods; allowed: zero-copy"),
        ({"settings": "x"}, "settings = 'x': not a mapping; allowed: a mapping from keys such as"),
        ({"settings": {5: 1}}, "settings = 5: not a key; allowed: a mapping from keys such as"),
        ({"settings": {"model.": 1}}, "settings = 'model.': nothing is named; allowed: KEY, model"),
        ({"settings": {"model.link.latency": "1 ms", "link.latency": "2 us"}}, "link.latency = '2 us': set twice, as model.link.latency = '1 ms' too; allowed: one value a key"),
        ({"shared": "no"}, "shared = 'no': not allowed; allowed: True or False"),
        ({"tune": "no"}, "tune = 'no': not allowed; allowed: True or False"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_refused_in_a_line(given: dict[str, Any], line: str) -> None:
    with pytest.raises(InputError) as failure:
        compare(**{"model": "example-link", "workload": "random", "settings": FEW, **given})
    assert str(failure.value).startswith(line)


def test_parts_of_a_scenario_are_of_their_types() -> None:
    link, asked = load_model("example-link"), workload("random", {})
    wrong: Any = None
    with pytest.raises(InputError, match=r"model = None: not a model; allowed: what simaccess"):
        Scenario(wrong, asked, "zero-copy")
    with pytest.raises(InputError, match=r"workload = None: not a workload; allowed: what sim"):
        Scenario(link, wrong, "zero-copy")


def test_an_objective_that_there_is_not_is_never_taken_for_another() -> None:
    wrong: Any = "thruput"
    with pytest.raises(InputError, match="objective = 'thruput': no such objective"):
        tune(Scenario(load_model("example-link"), workload("random", {}), "copy-once"), wrong)
    with pytest.raises(InputError, match="objective = 'thruput': no such objective"):
        verdict({"zero-copy": [1.0], "copy-once": [2.0]}, wrong)
