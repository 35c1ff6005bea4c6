"""Models: files, settings, and what is refused of them."""

import math
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from simaccess.errors import InputError
from simaccess.figures import leaves_of
from simaccess.model import Model, load_model
from tests.model.sample import GOOD, Document, SampleParameters, changed, number


def test_a_model_is_its_file(sample: Model, write: Callable[[Document], Path]) -> None:
    parameters = sample.parameters
    assert isinstance(parameters, SampleParameters)
    assert (sample.name, sample.title, sample.kind) == ("sample", "A sample", "sample")
    assert (parameters.bus.clock, parameters.bus.width, parameters.bus.burst) == (33e6, 4, True)
    assert parameters.near.cache.size == 65536
    assert parameters.far is None
    assert sample.value("near.cache.size") == 65536
    figure = sample.provenance["bus.clock"]
    assert (figure.value, figure.source, figure.status) == ("33 MHz", "a book", "verified")
    assert figure.range == ("30 MHz", "0.04 GHz")
    assert sample.provenance["bus.burst"].range is None
    assert sample.provenance["bus.share"].status == "default"
    assert list(sample.provenance) == [
        key for key in leaves_of(SampleParameters) if not key.startswith("far.")
    ]
    assert sample.bounds()["bus.clock"] == (30e6, 40e6)
    assert "near.cache.ways" not in sample.bounds()
    assert pickle.loads(pickle.dumps(sample)) == sample
    assert load_model(str(write(GOOD))) == sample


WRONG = [
    # what is wrong, the key that is named, and what the line says besides
    (changed("title"), "title", "missing"),
    (changed("title", ""), "title", "not empty"),
    ({"titel": "A", "kind": "sample"}, "titel = 'A'", "unknown key (did you mean 'title'?)"),
    (changed("title", 3), "title = 3", "text"),
    (changed("kind"), "kind", "missing"),
    (changed("kind", "sampel"), "kind = 'sampel'", "(did you mean 'sample'?)"),
    (changed("kind", "sampel"), "kind", "pci-bus"),
    (changed("name", "x"), "name", "unknown key"),
    (changed("buss", {"clock": number("1 Hz", "1 Hz", "1 Hz")}), "buss", "did you mean 'bus'"),
    (changed("bus", 3), "bus = 3", "not a section"),
    (changed("bus"), "bus.clock", "missing"),
    (changed("bus/clok", number("1 Hz", "1 Hz", "1 Hz")), "bus.clok", "did you mean 'clock'"),
    (changed("bus/clok", 1), "bus.clok", "allowed: clock, width, order"),
    (changed("bus/clock"), "bus.clock", "a table [bus.clock] with value, source, status, range"),
    (changed("bus/burst"), "bus.burst", "a table [bus.burst] with value, source, status"),
    (changed("bus/clock", "33 MHz"), "bus.clock = '33 MHz'", "no source"),
    (changed("near/cache/sise", 1), "near.cache.sise", "did you mean 'size'"),
    (changed("bus/clock/valu", 1), "bus.clock.valu", "did you mean 'value'"),
    (changed("bus/clock/value"), "bus.clock", "value is missing"),
    (changed("bus/clock/source"), "bus.clock", "source is missing"),
    (changed("bus/clock/status"), "bus.clock", "status is missing"),
    (changed("bus/clock/range"), "bus.clock", "range is missing"),
    (changed("bus/clock/source", " "), "bus.clock.source = ' '", "not empty"),
    (changed("bus/clock/status", "sure"), "bus.clock.status = 'sure'", "verified, derived"),
    (changed("bus/clock/status", "set"), "bus.clock.status = 'set'", "verified, derived"),
    (changed("bus/clock/status", [1]), "bus.clock.status = [1]", "verified, derived"),
    (changed("bus/clock/value", 33), "bus.clock = 33", "missing unit; allowed: as in '33 MHz'"),
    (changed("bus/clock/value", "33"), "bus.clock = '33'", "missing unit"),
    (changed("bus/clock/value", "33 ns"), "bus.clock = '33 ns'", "unknown or unfitting unit"),
    (changed("bus/clock/value", ["2 MHz"]), "bus.clock = ['2 MHz']", "not a number with a unit"),
    (changed("bus/clock/value", math.inf), "bus.clock = inf", "not a number with a unit"),
    (changed("near/cache/size/value", "-1 B"), "near.cache.size = '-1 B'", "not negative"),
    (changed("near/cache/size/value", "1.5 B"), "near.cache.size = '1.5 B'", "whole bytes"),
    (changed("near/cache/ways/value", -1), "near.cache.ways = -1", "greater than or equal to 0"),
    (changed("near/cache/ways/value", "4"), "near.cache.ways = '4'", "allowed: a valid integer"),
    (changed("near/cache/ways/value", True), "near.cache.ways = True", "a valid integer"),
    (changed("near/cache/ways/value", 4.5), "near.cache.ways = 4.5", "integer"),
    (changed("bus/share", number(1.5, 0, 2)), "bus.share = 1.5", "less than or equal to 1"),
    (changed("bus/gain", number(math.inf, 0, math.inf)), "bus.gain = inf", "a finite number"),
    (changed("bus/gain", number(1, 1, math.inf)), "bus.gain.range = inf", "a finite number"),
    (changed("bus/gain", number(math.nan, 0, 1)), "bus.gain = nan", "a finite number"),
    (changed("bus/width/value", 5), "bus.width = 5", "allowed: 4 or 8"),
    (changed("bus/order/value", "lax"), "bus.order = 'lax'", "'strict' or 'relaxed'"),
    (changed("bus/burst/value", 1), "bus.burst = 1", "boolean"),
    (changed("bus/burst/value", "yes"), "bus.burst = 'yes'", "boolean"),
    (changed("bus/burst/range", [0, 1]), "bus.burst.range", "only a number has a range"),
    (changed("bus/width/range", [4, 8]), "bus.width.range", "only a number has a range"),
    (changed("bus/clock/range", "33 MHz"), "bus.clock.range = '33 MHz'", "two values"),
    (changed("bus/clock/range", ["33 MHz"]), "bus.clock.range", "two values"),
    (changed("bus/clock/range", [1, 2]), "bus.clock.range", "missing unit"),
    (changed("bus/clock/range", ["34 MHz", "35 MHz"]), "bus.clock.range", "low <= value <= high"),
    (changed("bus/clock/range", ["40 MHz", "30 MHz"]), "bus.clock.range", "low <= value <= high"),
    (changed("near/cache/ways/range", [0.5, 9]), "near.cache.ways.range = 0.5", "integer"),
    (changed("bus/shortest/value", "3 us"), "bus", "allowed: at most longest"),
    (changed("far/ways", number(1, 1, 1)), "far.size", "missing"),
    (
        changed("far", {"ways": number(100, 1, 100), "size": number("1 B", "1 B", "1 B")}),
        "far.ways = 100",
        "too many; allowed: up to 99",
    ),
]


@pytest.mark.parametrize(("document", "key", "said"), WRONG)
def test_a_mistake_ends_in_one_line_with_file_key_and_what_is_allowed(
    document: Document, key: str, said: str, write: Callable[[Document], Path]
) -> None:
    file = write(document)
    with pytest.raises(InputError) as failure:
        load_model(file)
    line = str(failure.value)
    assert line.startswith(f"{file}: {key}")
    assert line[len(f"{file}: {key}") :].startswith((": ", " = "))
    assert said in line
    assert "allowed: " in line
    assert "\n" not in line


def test_every_entry_of_the_good_file_is_needed(write: Callable[[Document], Path]) -> None:
    def paths(table: Document, prefix: str = "") -> Iterator[str]:
        for key, value in table.items():
            yield prefix + key
            if isinstance(value, dict):
                yield from paths(value, f"{prefix}{key}/")

    for path in paths(GOOD):
        with pytest.raises(InputError):
            load_model(write(changed(path)))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"title = ", "not TOML"),
        (b"a = 1\na = 2\n", "not TOML"),
        (b"title = '\xff'", "not text in UTF-8"),
        (b"", "title: missing"),
    ],
)
def test_a_file_that_is_no_toml_is_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "bad.toml"
    file.write_bytes(content)
    with pytest.raises(InputError) as failure:
        load_model(file)
    assert str(failure.value).startswith(f"{file}: {said}")


def test_a_path_that_is_no_file_is_one_line(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none", tmp_path / "none.toml", "none.toml", "./none"):
        with pytest.raises(InputError, match="cannot be read"):
            load_model(path)


SETTINGS: list[tuple[str, str, object, object]] = [
    # key, text, what the parameter is then, and the figure's value
    ("bus.clock", "66 MHz", 66e6, "66 MHz"),
    ("bus.width", "8", 8, 8),
    ("bus.order", "relaxed", "relaxed", "relaxed"),
    ("bus.burst", "false", False, False),
    ("bus.share", "0.25", 0.25, 0.25),
    ("near.cache.ways", "7", 7, 7),
]


@pytest.mark.parametrize(("key", "text", "value", "shown"), SETTINGS)
def test_a_setting_replaces_a_value_and_its_provenance(
    key: str, text: str, value: object, shown: object, write: Callable[[Document], Path]
) -> None:
    plain, model = load_model(write(GOOD)), load_model(write(GOOD), {key: text})
    assert model.value(key) == value
    assert type(model.value(key)) is type(value)
    figure = model.provenance[key]
    assert (figure.value, figure.status, figure.range) == (shown, "set", None)
    assert type(figure.value) is type(shown)
    assert list(model.provenance) == list(plain.provenance)
    others = set(plain.provenance) - {key}
    assert all(model.value(other) == plain.value(other) for other in others)
    assert all(model.provenance[other] == plain.provenance[other] for other in others)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        (
            {"bus.clok": "1 Hz"},
            "bus.clok = '1 Hz': unknown key (did you mean 'bus.clock'?); allowed: bus.",
        ),
        (
            {"clock": "1 Hz"},
            "clock = '1 Hz': unknown key (did you mean 'bus.clock'?); allowed: bus.*",
        ),
        (
            {"bus": "1 Hz"},
            "bus = '1 Hz': a section, of which a key is set; allowed: bus.clock, bus.width",
        ),
        ({"bus.clock": "66"}, "bus.clock = '66': missing unit; allowed: as in '33 MHz'"),
        (
            {"bus.clock": "66 us"},
            "bus.clock = '66 us': unknown or unfitting unit 'us'; allowed: as in '33 MHz', in Hz, kHz,",
        ),
        ({"bus.width": "5"}, "bus.width = '5': not allowed; allowed: 4 or 8"),
        ({"bus.burst": "maybe"}, "bus.burst = 'maybe': "),
        ({"bus.share": "nan"}, "bus.share = 'nan': "),
        ({"bus.gain": "inf"}, "bus.gain = 'inf': not finite; allowed: a finite number"),
        ({"bus.share": "1.5"}, "bus.share = '1.5': not allowed; allowed: less than or equal to 1"),
        ({"near.cache.ways": "-1"}, "near.cache.ways = '-1': not allowed; allowed: greater"),
        ({"bus.longest": "1 ns"}, "bus.longest = '1 ns': shortest is longer"),
        ({"far.ways": "1"}, "far.size: missing; allowed: its section whole"),
    ],
)
def test_a_bad_setting_is_one_line(sample: Model, settings: dict[str, str], said: str) -> None:
    with pytest.raises(InputError) as failure:
        sample.with_values(settings)
    assert str(failure.value).startswith(said)


def test_settings_are_checked_together(sample: Model) -> None:
    model = sample.with_values({"bus.longest": "1 ns", "bus.shortest": "1 ns"})
    assert model.value("bus.longest") == 1e-9
    model = sample.with_values({"far.ways": 2, "far.size": "1 KiB"})
    assert model.value("far.size") == 1024


def test_a_number_given_for_a_quantity_has_no_unit(sample: Model) -> None:
    with pytest.raises(InputError, match="missing unit"):
        sample.with_values({"bus.clock": 66e6})
    with pytest.raises(InputError, match="not a number"):
        sample.with_values({"near.cache.ways": True})
