from pathlib import Path

import pytest

from simaccess.conditions import conditions
from simaccess.embedded import embedded
from simaccess.errors import InputError
from simaccess.model import load_model
from simaccess.quantities import parse_frequency
from simaccess.sweep.answer import answer
from simaccess.sweep.experiment import Experiment
from simaccess.sweep.experiment_file import experiment_names, load_experiment
from simaccess.workload.registry import workload


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "tune = true",
            "tuen = true",
            "tuen = True: unknown key (did you mean 'tune'?); allowed: question",
        ),
        (
            "tune = true",
            'tune = "perhaps"',
            "tune = 'perhaps': not allowed; allowed: a boolean, true or false",
        ),
        ("seeds = 3", "seeds = 0", "seeds = 0: not allowed; allowed: greater than or equal to 1"),
        ("seeds = 3", "seeds = true", "seeds = True: not allowed; allowed: a number, not true or"),
        ("seeds = 3", 'seeds = "3"', "seeds = '3': not allowed; allowed: a valid integer"),
        ("seeds = 3", "seeds = 1.0", "seeds = 1.0: not allowed; allowed: a valid integer"),
        ('"a link"', '"a\\nlink"', "label = 'a\\nlink': has a line break or a control character"),
        ('"a link"', '"a\\u0000"', "label = 'a\\x00': has a line break or a control character"),
        (
            "seeds = 3",
            'memory = "pci-64-66"',
            "('example-link', 'pci-64-66'): these two are no path",
        ),
        (
            "[figure]",
            "[sample]\npoints = 100000000000\n[figure]",
            "sample.points = 100000000000: not allowed",
        ),
        (
            "[figure]",
            '[axes]\n"workload.size" = { low = "1 KiB", high = "1 MiB", points = 100000000000 }\n[figure]',
            "axes.workload.size.points = 100000000000: not allowed; allowed: less than or equal to",
        ),
        ('"hybrid"', '"hybird"', "methods = 'hybird': no such method (did you mean 'hybrid'?)"),
        ('"hybrid"', '"copy-once"', "methods = 'copy-once': comes twice; allowed: each"),
        ("tune = true", "tune = 1", "tune = 1: not allowed; allowed: a boolean, true or false"),
        (
            'question = "Does it work?"',
            'qestion = "Does it work?"',
            "qestion = 'Does it work?': unknown key (did you mean 'question'?)",
        ),
        (
            'model = "example-link"',
            'modle = "example-link"',
            "models.0.modle = 'example-link': unknown key (did you mean 'model'?)",
        ),
        ('question = "Does it work?"', "", "question: missing; allowed: text"),
        (
            'label = "a link"',
            'lable = "a link"',
            "models.0.lable = 'a link': unknown key (did you mean 'label'?)",
        ),
        ('label = "filtering"', 'label = "sequential"', "workloads = 'sequential': comes twice"),
        ("ratios = [0.01, 0.9]", "ratios = [0.01, 1.9]", "figure.ratios.1 = 1.9: not allowed"),
        ("seeds = 3", "seeds = ", "not TOML"),
        ("seeds = 3", 'memory = "nope"', "memory = 'nope': no such model"),
        ("[figure]", '[figure]\nlink = "nope"', "figure.link = 'nope': no such model"),
        ("tune = true", 'tune = ["foo"]', "tune = 'foo': is not compared; allowed: zero-copy, "),
        ("[[models]]", "[[model]]", "model = [{"),
        ("methods = [", "settings = [", "methods: missing; allowed: a list"),
        (
            "[figure]",
            '[settings.fast]\nblock = "1 KiB"\n[figure]',
            "settings.fast = {'block': '1 KiB'}: is not compared; allowed: zero-copy, ",
        ),
    ],
)
def test_a_mistake_names_file_key_value_and_what_is_allowed(
    before: str, after: str, said: str, small_file: Path, tmp_path: Path
) -> None:
    text = small_file.read_text(encoding="utf-8")
    assert before in text
    file = tmp_path / "wrong.toml"
    file.write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(InputError) as raised:
        load_experiment(file)
    assert str(raised.value).startswith(f"{file}: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_dotted_key_need_not_be_quoted(small_file: Path, tmp_path: Path) -> None:
    text = small_file.read_text(encoding="utf-8")
    file = tmp_path / "dotted.toml"

    def with_set(values: str) -> Experiment:
        after = f'label = "a link"\nset = {{ {values} }}'
        file.write_text(text.replace('label = "a link"', after, 1), encoding="utf-8")
        return load_experiment(file)

    plain = with_set('link.rate = "2 GB/s", link.latency = "3 us"')
    assert plain == with_set('"link.rate" = "2 GB/s", link = { latency = "3 us" }')
    assert plain.models[0].set == {"link.rate": "2 GB/s", "link.latency": "3 us"}
    with pytest.raises(InputError, match=r"models\.0\.set: link\.rate is set twice"):
        with_set('"link.rate" = "2 GB/s", link.rate = "3 GB/s"')
    with pytest.raises(InputError, match=r"models\.0\.set = \[1\]: link\.rate is not a value"):
        with_set("link.rate = [1]")


def test_no_such_experiment_or_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no such experiment.*table-4-3"):
        load_experiment("tabel-4-3")
    with pytest.raises(InputError, match="cannot be read"):
        load_experiment(tmp_path / "none.toml")


def test_relative_paths_start_at_the_experiments_folder(tmp_path: Path, small_file: Path) -> None:
    text = small_file.read_text(encoding="utf-8")
    text = text.replace('model = "example-link"', 'model = "mine.toml"', 1)
    text = text.replace('requests = 40, size = "64 KiB"', 'capture = "data/some.pcap"', 1)
    (tmp_path / "mine.toml").write_bytes(embedded("models", "example-link.toml").read_bytes())
    (tmp_path / "data").mkdir()
    capture = embedded("experiments", "data", "traffic.pcap")
    (tmp_path / "data" / "some.pcap").write_bytes(capture.read_bytes())
    file = tmp_path / "there.toml"
    file.write_text(text, encoding="utf-8")
    experiment = load_experiment(file)
    assert experiment.models[0].model == str(tmp_path / "mine.toml")
    assert experiment.workloads[1].set["capture"] == str(tmp_path / "data" / "some.pcap")
    assert experiment.workloads[0].workload == "sequential"


@pytest.mark.parametrize("name", experiment_names())
def test_embedded_experiments_load_with_all_they_name(name: str) -> None:
    experiment = load_experiment(name)
    for model in experiment.models:
        load_model(model.model, {key: str(value) for key, value in model.set.items()})
    for asked in experiment.workloads:
        made = workload(asked.workload, asked.set)
        assert made.size >= 4 << 10


def test_the_table_has_three_links_four_patterns_and_four_methods() -> None:
    experiment: Experiment = load_experiment("table-4-3")
    assert len(experiment.models) == 3
    assert len(experiment.workloads) == 4
    assert len(experiment.methods) == 4
    assert experiment.tune
    assert experiment.seeds > 1
    assert experiment.draws > 1
    assert experiment.figure is not None


ARRIVALS = """
question = "At which rate?"
methods = ["zero-copy", "copy-once"]
seeds = 2
[set]
producer.ring = "64 KiB"
[[models]]
model = "example-link"
label = "slow"
producer = { arrivals = "poisson", rate = "20 kHz" }
[[models]]
model = "example-link"
label = "fast"
producer = { arrivals = "constant", rate = "200 kHz" }
[[workloads]]
workload = "header-only"
set = { requests = 40, size = "64 KiB", record = "512 B" }
"""


def test_each_model_has_arrivals_of_its_own(tmp_path: Path) -> None:
    file = tmp_path / "arrivals.toml"
    file.write_text(ARRIVALS, encoding="utf-8")
    slow, fast = answer(load_experiment(file)).cells
    rates = {}
    for cell in (slow, fast):
        first = cell.replications["zero-copy"][0]
        rates[cell.model] = first.requests_per_s
        assert cell.conditions.copies == {}  # a block of a ring is copied as far as it is published
    assert rates["fast"] > 5 * rates["slow"]
    assert len(slow.replications["zero-copy"]) == 2  # Poisson arrivals are drawn, even ones are not
    one, other = slow.replications["zero-copy"]
    assert one.elapsed_s != other.elapsed_s
    assert {result.elapsed_s for result in fast.replications["zero-copy"]} == {
        fast.replications["zero-copy"][0].elapsed_s
    }
    file.write_text(ARRIVALS.replace('rate = "20 kHz"', 'rat = "20 kHz"'), encoding="utf-8")
    with pytest.raises(InputError, match=r"arrivals.toml: producer.rat"):
        load_experiment(file)


def test_the_arrivals_of_table_4_3_are_half_of_what_copying_each_packet_carries() -> None:
    asked = load_experiment("table-4-3-arrivals")
    filters = [entry.ref.load() for entry in asked.workloads]
    poisson = [entry for entry in asked.models if entry.producer["arrivals"] == "poisson"]
    assert {entry.model for entry in poisson} == {entry.model for entry in asked.models}
    for entry in poisson:
        for work in filters:
            seen = conditions(entry.ref.load(), work)
            load = parse_frequency(str(entry.producer["rate"])) * seen.T
            assert load == pytest.approx(0.5, rel=0.02), entry.title
