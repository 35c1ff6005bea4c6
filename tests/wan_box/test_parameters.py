from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from simaccess.errors import InputError
from simaccess.wan_box import WanBox, compiled, namespaces
from simaccess.wan_box.drop_tail import LOSS_SCALE, DropTail
from simaccess.wan_box.netem import commands

GIVEN: dict[str, Any] = {"rtt": "20 ms", "rate": "100 Mbit/s"}


def test_the_buffer_is_by_default_what_the_path_holds() -> None:
    box = WanBox(**GIVEN)
    assert (box.down.rate, box.down.buffer, box.down.delay) == (12_500_000, 250_000, 10_000_000)
    assert (box.up.rate, box.up.buffer, box.up.delay) == (12_500_000, 250_000, 10_000_000)
    assert WanBox(rtt="0 ms", rate="1 Mbit/s").down.buffer == 15_000


def test_upstream_is_as_downstream_unless_it_is_told() -> None:
    box = WanBox(**GIVEN, buffer="30 kB", loss=0.25)
    assert (box.up.buffer, box.up.loss) == (30_000, LOSS_SCALE // 4)
    box = WanBox(**GIVEN, buffer="30 kB", loss=0.25, upstream_rate="10 Mbit/s", upstream_loss=0)
    assert (box.up.rate, box.up.buffer, box.up.loss) == (1_250_000, 25_000, 0)
    assert box.up.seed != box.down.seed


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"rtt": "20"}, "rtt = '20': missing unit; allowed: as in '1.2 us'"),
        ({"rate": "0 Mbit/s"}, "rate = '0 Mbit/s': not allowed; allowed: greater than or equal"),
        (
            {"buffer": "1 kB"},
            "buffer = '1 kB': not allowed; allowed: greater than or equal to 1500",
        ),
        ({"loss": 1}, "loss = 1: not allowed; allowed: less than 1"),
        ({"emulator": "rust"}, "emulator = 'rust': not allowed; allowed: 'auto', 'netem', 'c'"),
        ({"congestion": "vegas"}, "congestion = 'vegas': not allowed; allowed: 'reno', 'cubic'"),
        ({"jitter": "1 ms"}, "jitter = '1 ms': no such parameter; allowed: rtt, rate, buffer"),
    ],
)
def test_a_wrong_value_ends_in_one_line(given: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        WanBox(**{**GIVEN, **given})
    assert str(caught.value).startswith(said)


def test_without_root_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(InputError, match="needs root's rights"), WanBox(**GIVEN):
        pass


def test_without_iproute2_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "")
    assert "apt install iproute2" in (namespaces.missing() or "")


def test_without_a_compiler_it_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(InputError, match="no C compiler found"):
        compiled.emulator()


def test_a_compiler_that_fails_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    cc = tmp_path / "cc"
    cc.write_text("#!/bin/sh\necho no such luck >&2\nexit 1\n", encoding="ascii")
    cc.chmod(0o755)
    monkeypatch.setenv("CC", str(cc))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InputError, match="cannot build the emulator: no such luck"):
        compiled.emulator()


def test_the_kernels_link_has_queue_loss_and_delay_in_order() -> None:
    down = DropTail(12_500_000, 250_000, 10_000_000, LOSS_SCALE // 200)
    up = DropTail(1_250_000, 30_000, 10_000_000)
    lines = [" ".join(words) for words in commands("p", "n", "f", down, up)]
    shaped = [line for line in lines if "tbf" in line]
    delayed = [line for line in lines if "netem" in line]
    assert "near-shape root stab overhead -14 tbf rate 100000000bit" in shaped[0]
    assert shaped[0].endswith("limit 250000")
    assert "rate 10000000bit" in shaped[1]
    assert "near-in root netem delay 10000000ns loss 0.500000000% limit" in delayed[0]
    assert "loss" not in delayed[1]
