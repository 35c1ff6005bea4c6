"""The borders between the methods, crossed in simulation on a link where they are exact."""

from __future__ import annotations

import pytest

from simaccess import analytic
from simaccess.conditions import conditions
from simaccess.model import load_model
from simaccess.workload.registry import workload
from tests.exact_link import plain, run

HEADER, RECORD, RECORDS = 64, 1024, 500
MORE = RECORD - HEADER - HEADER  # bytes by which the payload is longer than the header

# In nanoseconds; a byte takes one, and the link has a latency of 100.
T = 100 + 150 + 2000 + RECORD  # issue and completion, the engine's start
T_PAYLOAD = T - HEADER


def seconds(method: str, t: int, p: float) -> float:
    """Return what a record takes, if a header in place takes `t` nanoseconds."""
    work = {
        "size": f"{RECORD * RECORDS} B",
        "record": f"{RECORD} B",
        "header": f"{HEADER} B",
        "payload_probability": str(p),
    }
    threshold = {"threshold": f"{HEADER} B"} if method == "hybrid" else {}
    model = plain(100, 1000, 2000).with_values({"link.load_wait": f"{t - 100 - HEADER} ns"})
    return run(model, "header-payload", work, method, threshold).elapsed_s / RECORDS


def share(p: float) -> float:
    """Return the share of the records whose payload is read, as drawn."""
    work = {"size": f"{RECORD * RECORDS} B", "record": f"{RECORD} B", "payload_probability": str(p)}
    accesses = workload("header-payload", work).accesses(0)
    return accesses.last.size / RECORDS - 1


@pytest.mark.parametrize(
    ("method", "t"),
    [("hybrid", t) for t in (300, 1000, 2500)] + [("zero-copy", t) for t in (1300, 2000, 2500)],
)
def test_the_border_with_copy_once_is_crossed_along_p(method: str, t: int) -> None:
    """H < C up to p = (T - n_h t) / T', and Z < C up to p = (T - n_h t) / (n_p t)."""
    border = (T - t) / (T_PAYLOAD if method == "hybrid" else t + MORE)
    copied = seconds("copy-once", t, 0.0)
    near = set()
    for aim in (0.0, border / 2, border - 0.06, border - 0.02, border + 0.02, border + 0.06, 1.0):
        p = min(max(aim, 0.0), 1.0)
        drawn = share(p)
        assert (seconds(method, t, p) < copied) is (drawn < border), p
        if abs(drawn - border) < 0.08:
            near.add(drawn < border)
    assert near == {True, False}


@pytest.mark.parametrize("p", [0.1, 0.3, 0.6])
@pytest.mark.parametrize(
    ("first", "second"),
    [("hybrid", "copy-once"), ("zero-copy", "copy-once"), ("zero-copy", "hybrid")],
)
def test_each_border_is_crossed_along_t_over_a_copy(first: str, second: str, p: float) -> None:
    """H < C, Z < C and Z < H hold up to a t that the closed forms tell; T stays."""
    drawn = share(p)
    border = {
        ("hybrid", "copy-once"): T - drawn * T_PAYLOAD,
        ("zero-copy", "copy-once"): (T - drawn * MORE) / (1 + drawn),
        ("zero-copy", "hybrid"): T_PAYLOAD - MORE,
    }[first, second]
    for ratio in (0.5, 0.8, 0.95, 0.99, 1.01, 1.05, 1.2, 2.0):
        t = round(ratio * border)
        assert (seconds(first, t, p) < seconds(second, t, p)) is (ratio < 1), ratio


def test_zero_copy_beats_hybrid_on_pci_by_few_payload_bytes_as_the_border_says() -> None:
    """T' < n_p t, with all the mechanisms of the bus: t, n_p and T' as measured in the model."""
    model = load_model("pci-64-66")
    hybrid_wins = []
    for record in (62, 118, 182, 214, 246, 374, 1500):
        work = {
            "size": f"{50 * 1536} B",
            "record": f"{record} B",
            "payload_probability": "1",
        }
        seen = conditions(model, workload("header-payload", work))
        in_place = run(model, "header-payload", work, "zero-copy").elapsed_s
        hybrid = run(model, "header-payload", work, "hybrid").elapsed_s
        border = analytic.hybrid_beats_zero_copy(T_payload=seen.T_payload, n_p=seen.n_p)
        assert (hybrid < in_place) is bool(seen.t > border), record
        hybrid_wins.append(hybrid < in_place)
    assert hybrid_wins == sorted(hybrid_wins)
    assert set(hybrid_wins[1:-1]) == {False, True}


def test_hybrid_beats_copy_once_on_pci_while_the_reads_of_a_header_take_less_than_a_copy() -> None:
    """H < C at p = 0 while t < T / n_h: headers of more and more reads of 8 bytes."""
    model = load_model("pci-64-66")
    hybrid_wins = []
    for header in (8, 54, 160, 224, 256, 400, 1000):
        work = {"size": f"{50 * 1536} B", "record": "1500 B", "header": f"{header} B"}
        threshold = {"threshold": f"{header} B"}
        seen = conditions(model, workload("header-only", work))
        assert seen.n_h == pytest.approx(-(-header // 8), rel=0.01)
        hybrid = run(model, "header-only", work, "hybrid", threshold).elapsed_s
        copied = run(model, "header-only", work, "copy-once").elapsed_s
        assert (hybrid < copied) is bool(seen.t < seen.T / seen.n_h), header
        hybrid_wins.append(hybrid < copied)
    assert hybrid_wins == sorted(hybrid_wins, reverse=True)
    assert set(hybrid_wins[2:5]) == {False, True}
