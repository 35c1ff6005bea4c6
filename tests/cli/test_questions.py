"""The commands that ask questions: what they print, and how they end when interrupted."""

import json
import math
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from simaccess.result import Result
from simaccess.scenario import Scenario
from simaccess.simulate import simulate
from tests.cli.asked import BEST, CROSS, HERE, LATENCY, RECORDS, SOBOL_OF_TWO
from tests.cli.conftest import Run


def test_a_crossover_as_text_and_as_json(run: Run) -> None:
    asked = (*CROSS, "--axis", LATENCY, "--replications", "3")
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert not any(line.endswith(" ") for line in out.splitlines())
    assert re.search(r"At [\d.]+ us \(95 %: .* us, 3 seeds\) zero-copy gives way to copy-once", out)
    code, out, _ = run(*asked, "--json")
    found = json.loads(out)
    assert found["axis"] == {
        "key": "link.latency",
        "unit": "s",
        "low": pytest.approx(1e-7),
        "high": pytest.approx(5e-5),
        "scale": "log",
    }
    (change,) = found["changes"]
    assert change["low"] <= change["place"] <= change["high"]
    assert (change["before"], change["after"]) == (["zero-copy"], ["copy-once"])
    assert (found["drawn"], found["replications"], found["seed"]) == (True, 3, 0)
    assert len(found["scan"]) == 9


def test_a_precision_replicates_until_it_is_reached_or_the_most(run: Run) -> None:
    asked = (*CROSS, "--axis", LATENCY, "--places", "3", "--json")
    found = json.loads(run(*asked, "--precision", "0.1")[1])
    (change,) = found["changes"]
    assert found["replications"] > 10
    assert math.log(change["high"] / change["low"]) / 2 <= 0.1
    assert json.loads(run(*asked, "--precision", "0.001", "--most", "6")[1])["replications"] == 6


def test_no_change_is_said(run: Run) -> None:
    axis = "model.link.rate=1GB/s:2GB/s"
    code, out, _ = run(*CROSS, "--axis", axis, "--places", "3", "--replications", "2")
    assert code == 0
    assert "No change of the best method is bracketed" in out
    assert "link.rate" in out
    assert "two changes between neighbouring places are not seen" in out


def test_an_optimum_as_text_and_as_json(run: Run) -> None:
    asked = (*BEST, "--parameter", "method.threshold", "--replications", "2", "--places", "3")
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert not any(line.endswith(" ") for line in out.splitlines())
    for said in ("hybrid", "within 1 %", "within 5 %", "default", "best over default"):
        assert said in out
    assert "prefetch" not in out  # it has no threshold
    found = json.loads(run(*asked, "--json")[1])
    assert found["parameter"]["key"] == "method.threshold"
    (best,) = found["methods"]
    assert best["default"] == 54
    assert [each["share"] for each in best["flat"]] == [0.01, 0.05]


def test_an_optimum_of_four_methods_fits_into_80_columns(run: Run) -> None:
    here = ("--model", "example-link", "--workload", "random", "--set", "workload.requests=10")
    asked = ("optimum", *here, "--parameter", "workload.size=4KiB:999999kB", "--replications", "2")
    _, out, _ = run(*asked, "--places", "3")
    table = out.partition("At an end")[0].splitlines()[1:]
    assert any(line.endswith(" B") for line in table)
    assert max(map(len, table)) <= 80


def test_workloads_with_weights_and_a_file_of_them_say_the_same(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mix.toml"
    file.write_text(
        """
        [[workloads]]
        workload = "sequential"
        weight = 3
        set = { size = "64 KiB" }
        [[workloads]]
        workload = "strided"
        set = { size = "64 KiB" }
        """,
        encoding="utf-8",
    )
    common = ("--parameter", "method.block=1KiB:16KiB", "--methods", "copy-once", "--json", *HERE)
    code, mixed, err = run("optimum", "--model", "example-link", *common, "--mix", str(file))
    assert (code, err) == (0, "")
    given = ("--workload", "sequential", "--workload", "strided", "--weight", "3", "--weight", "1")
    size = ("--set", "workload.size=64 KiB")
    code, apart, _ = run("optimum", "--model", "example-link", *common, *given, *size)
    assert code == 0
    one, other = json.loads(mixed), json.loads(apart)
    assert one["methods"] == other["methods"]
    assert [each["weight"] for each in one["workloads"]] == [3, 1]
    assert len(one["methods"][0]["leads"]) == 2


def test_a_sensitivity_says_before_how_much_it_simulates(run: Run) -> None:
    asked = (*SOBOL_OF_TWO, "--samples", "16")
    code, out, err = run(*asked)
    assert code == 0
    assert err == "16 rows x (2 parameters + 2) x 2 methods: at most 128 simulations\n"
    assert not any(line.endswith(" ") for line in out.splitlines())
    assert "What decides between" in out
    assert re.search(r"link\.latency +-?\d\.\d\d", out)
    found = json.loads(run(*asked, "--json")[1])
    assert (found["samples"], found["points"]) == (16, 64)
    assert {each["key"] for each in found["ratio"]["parameters"]} == {"link.rate", "link.latency"}
    assert sum(found["wins"].values()) == pytest.approx(1)


@pytest.mark.parametrize(
    "asked",
    [
        (*CROSS, "--axis", LATENCY, "--places", "3", "--replications", "3"),
        (*SOBOL_OF_TWO, "--samples", "4"),
    ],
    ids=lambda asked: asked[0],
)
def test_any_number_of_jobs_gives_the_same(run: Run, asked: tuple[str, ...]) -> None:
    assert run(*asked, "--json")[1] == run(*asked, "--json", "--jobs", "2")[1]


def test_another_seed_gives_another_answer_and_the_same_one_the_same(run: Run) -> None:
    asked = (*CROSS, "--axis", LATENCY, "--places", "3", "--replications", "3", "--json")
    found = [json.loads(run(*asked, "--seed", seed)[1])["changes"] for seed in ("5", "5", "6")]
    assert found[0] == found[1] != found[2]


def test_tuning_gives_each_method_its_best_blocks(run: Run) -> None:
    sequential = (
        "--model",
        "example-link",
        "--workload",
        "sequential",
        "--set",
        "workload.size=256 KiB",
    )
    asked = ("crossover", *sequential, *HERE, "--methods", "zero-copy,copy-once", "--json")
    axis = ("--axis", "link.latency=1ns:20us", "--places", "3")
    plain, tuned = (json.loads(run(*asked, *axis, *more)[1]) for more in ((), ("--tune",)))
    # A block that holds one request saves nothing; one that holds several does.
    assert plain["changes"] == []
    assert [each["after"] for each in tuned["changes"]] == [["copy-once"]]


@pytest.mark.parametrize(
    "asked",
    [
        (*CROSS, "--axis", LATENCY),
        (*BEST, "--parameter", "method.block"),
        (*SOBOL_OF_TWO, "--samples", "4"),
    ],
    ids=lambda asked: asked[0],
)
def test_an_interrupt_ends_it_cleanly(
    run: Run, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []

    def interrupted(scenario: Scenario) -> Result:
        made.append(scenario)
        if len(made) == 5:
            os.kill(os.getpid(), signal.SIGINT)
        return simulate(scenario)

    monkeypatch.setattr("simaccess.sweep.task.simulate", interrupted)
    code, out, err = run(*asked)
    assert (code, out) == (130, "")
    assert err.splitlines()[-1] == "simaccess: interrupted; nothing was written"
    assert len(made) == 5


@pytest.mark.parametrize(
    "asked",
    [
        (*CROSS, "--axis", LATENCY, "--replications", "3", "--draws", "4"),
        (*BEST, "--parameter", "method.threshold", "--replications", "2", "--places", "3"),
        (*SOBOL_OF_TWO, "--samples", "4"),
        (*SOBOL_OF_TWO, "--samples", "2", "--tune"),
    ],
    ids=lambda asked: asked[0],
)
def test_a_question_with_a_store_goes_on_after_an_interrupt(
    run: Run, asked: tuple[str, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    made = []

    def interrupted(scenario: Scenario) -> Result:
        made.append(scenario)
        if len(made) == 12:
            os.kill(os.getpid(), signal.SIGINT)
        return simulate(scenario)

    code, whole, _ = run(*asked)
    assert code == 0
    folder = tmp_path / "kept"
    with monkeypatch.context() as patch:
        patch.setattr("simaccess.sweep.task.simulate", interrupted)
        code, out, err = run(*asked, "--store", str(folder))
    assert (code, out) == (130, "")
    said = re.search(r"interrupted; (\d+) simulations are in .*, and the same command goes on", err)
    assert said is not None
    stored = int(said.group(1))
    assert stored < 12
    code, out, _ = run(*asked, "--store", str(folder))
    known = re.search(r", (\d+) of them stored before", out)
    assert (0 if known is None else int(known.group(1))) >= stored  # a search is many
    again = re.sub(r", \d+ of them stored before", "", out)
    assert (code, again) == (0, whole)
    with monkeypatch.context() as patch:
        patch.setattr("simaccess.sweep.task.simulate", None)  # nothing is simulated again
        assert run(*asked, "--store", str(folder))[0] == 0
    code, _, err = run("results", str(folder))
    assert code == 2
    assert "holds what questions have simulated" in err


def test_a_crossover_spreads_over_draws(run: Run) -> None:
    asked = (*CROSS, "--axis", LATENCY, "--replications", "1", "--draws", "8")
    code, out, _ = run(*asked)
    assert code == 0
    assert "Over 8 models drawn from the parameters' ranges:" in out
    assert re.search(r"in 100 % of them .*zero-copy gives way to copy-once, in the median at", out)
    found = json.loads(run(*asked, "--json")[1])
    (change,) = found["draws"]["changes"]
    assert change["low"] < change["median"] < change["high"]
    assert (found["draws"]["draws"], change["count"]) == (8, 8)


def test_a_terminal_sees_simulations_counted(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    code, out, err = run(*CROSS, "--axis", LATENCY, "--places", "3", "--replications", "2")
    assert code == 0
    counts = [(int(one), int(all_)) for one, all_ in re.findall(r"(\d+)/(\d+)", err)]
    assert counts[-1][0] == counts[-1][1]
    assert f"\n{counts[-1][0]} simulations." in out


def test_compare_judges_over_seeds_and_ranges(run: Run) -> None:
    more = ("--replications", "3", "--draws", "8")
    asked = ("compare", *RECORDS, *HERE, *more)
    code, out, err = run(*asked)
    assert (code, err) == (0, "")
    assert "best or level" in out
    assert "of 8 draws" in out
    found = json.loads(run(*asked, "--json")[1])["verdict"]
    assert (found["replications"], found["draws"]) == (3, 8)
    for method, share in found["shares"].items():
        low, high = found["intervals"][method]
        assert 0 <= low <= share <= high <= 1
    code, _, err = run(*asked, "--draws", "-1")
    assert code == 2
    assert "--draws = -1: too low; allowed: 0 or more" in err
