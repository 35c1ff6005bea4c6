"""Access methods by name."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from simaccess import registry
from simaccess.errors import InputError
from simaccess.methods.blocks import Blocks, FixedBlocks, Records
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.hybrid import Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy

KIB = 1 << 10


def test_the_four_methods_stand_first() -> None:
    assert registry.names()[:4] == ["zero-copy", "copy-once", "hybrid", "prefetch"]


def test_each_name_makes_its_method() -> None:
    made = [registry.make(name, None, {}) for name in registry.names()[:4]]
    assert [type(method) for method in made] == [ZeroCopy, CopyOnce, Hybrid, Prefetch]


def test_a_method_can_be_added_for_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simaccess.registry._CATALOGUE.added", {})

    class Mine(registry.MethodParameters):
        def make(self, blocks: Blocks | None) -> ZeroCopy:
            assert blocks is None
            return ZeroCopy()

    registry.add_method("mine", Mine)
    assert registry.names()[:5] == ["zero-copy", "copy-once", "hybrid", "prefetch", "mine"]
    assert isinstance(registry.make("mine", None, {}), ZeroCopy)
    with pytest.raises(InputError, match="method = 'hybrid': a built-in method"):
        registry.add_method("hybrid", Mine)


def test_shadow_is_given_in_slots_or_in_bytes() -> None:
    assert registry.make("copy-once", None, {"block": "4 KiB", "slots": "3"}).slots == 3
    assert registry.make("copy-once", None, {"block": "4 KiB", "shadow": "1 MiB"}).slots == 256
    assert registry.make("copy-once", None, {"block": "4 KiB"}).slots == 4096
    with pytest.raises(InputError, match=r"method\.shadow = 4096: given together with slots"):
        registry.make("copy-once", None, {"shadow": "4 KiB", "slots": "3"})
    with pytest.raises(
        InputError, match=r"smaller than a block of .*; allowed: at least 65536 bytes"
    ):
        registry.make("copy-once", None, {"shadow": "4 KiB"})


def test_workloads_blocks_hold_unless_a_size_is_given() -> None:
    records = Records([60, 1514])
    assert registry.make("hybrid", records, {}).slot_bytes == 1514
    assert registry.make("hybrid", records, {"block": "4 KiB"}).slot_bytes == 4 * KIB
    assert registry.make("copy-once", None, {}).slot_bytes == 64 * KIB


def test_parameters_arrive() -> None:
    hybrid = registry.make("hybrid", FixedBlocks(256), {"threshold": "14 bytes", "slots": "2"})
    assert isinstance(hybrid, Hybrid)
    assert (hybrid.threshold, hybrid.slots) == (14, 2)
    ahead = registry.make("prefetch", None, {"depth": "16", "initial": "4", "block": "1 KiB"})
    assert isinstance(ahead, Prefetch)
    assert (ahead.depth, ahead.initial, ahead.slot_bytes) == (16, 4, KIB)


@pytest.mark.parametrize(
    ("name", "settings", "line"),
    [
        ("magic", {}, "method = 'magic': no such access method; allowed: zero-copy, copy-once, "),
        ("zero-copy", {"block": "4 KiB"}, "no such parameter of zero-copy; allowed: none"),
        ("hybrid", {"depth": "2"}, "allowed: block, slots, shadow, eviction, threshold"),
        ("copy-once", {"block": "-4 KiB"}, r"method.block = '-4 KiB': must be finite and not neg"),
        (
            "copy-once",
            {"block": "0 B"},
            "method.block = '0 B': not allowed; allowed: greater than 0",
        ),
        (
            "copy-once",
            {"block": "4096"},
            "method.block = '4096': missing unit; allowed: as in '64 KiB'",
        ),
        ("copy-once", {"slots": "0"}, "method.slots = '0': not allowed; allowed: greater than 0"),
        ("copy-once", {"eviction": "random"}, "method.eviction = 'random': .*'lru' or 'fifo'"),
        ("prefetch", {"initial": "9"}, "method.initial = 9: .*allowed: 1 to method.depth, 8"),
    ],
)
def test_bad_input_names_what_is_allowed(name: str, settings: dict[str, str], line: str) -> None:
    with pytest.raises(InputError, match=line):
        registry.make(name, None, settings)


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Put a package from elsewhere on the path, with two entries in the group."""
    (tmp_path / "elsewhere.py").write_text(
        "from simaccess.methods.zero_copy import ZeroCopy\n"
        "from simaccess.registry import MethodParameters\n"
        "class Other(ZeroCopy):\n"
        "    pass\n"
        "class OtherParameters(MethodParameters):\n"
        "    reach: int = 3\n"
        "    def make(self, blocks):\n"
        "        other = Other()\n"
        "        other.reach = self.reach\n"
        "        return other\n"
    )
    metadata = tmp_path / "elsewhere-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: elsewhere\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(
        "[simaccess.methods]\nother = elsewhere:OtherParameters\nwrong = elsewhere:ZeroCopy\n"
        "broken = elsewhere:Nope\ngone = nowhere_at_all:Parameters\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    importlib.invalidate_caches()
    yield
    sys.modules.pop("elsewhere", None)


@pytest.mark.usefixtures("elsewhere")
def test_packages_add_methods_through_entry_points() -> None:
    assert registry.names()[4:] == ["broken", "gone", "other", "wrong"]
    assert vars(registry.make("other", None, {"reach": "5"})) == {"reach": 5}
    with pytest.raises(InputError, match="no such parameter of other; allowed: reach"):
        registry.make("other", None, {"grasp": "5"})
    with pytest.raises(InputError, match="wrong = 'elsewhere:ZeroCopy': no access method"):
        registry.make("wrong", None, {})
    with pytest.raises(InputError, match=r"broken = 'elsewhere:Nope': cannot be loaded: Attrib"):
        registry.make("broken", None, {})
    with pytest.raises(InputError, match=r"gone = 'nowhere_at_all:Parameters': cannot be loaded"):
        registry.make("gone", None, {})


@pytest.mark.usefixtures("elsewhere")
def test_a_package_cannot_take_a_built_in_name(tmp_path: Path) -> None:
    registry.make("hybrid", None, {"block": "4 KiB"})
    entries = tmp_path / "elsewhere-1.0.dist-info" / "entry_points.txt"
    entries.write_text("[simaccess.methods]\nhybrid = elsewhere:OtherParameters\n")
    sys.path.append(str(tmp_path / "another"))  # packages are looked at once a path
    line = (
        "entry point hybrid = 'elsewhere:OtherParameters': a built-in access method has that name;"
        " allowed: another name, in the package that offers it"
    )
    with pytest.raises(InputError) as failure:
        registry.make("hybrid", None, {"block": "4 KiB"})
    assert str(failure.value) == line
    registry.make("zero-copy", None, {})
