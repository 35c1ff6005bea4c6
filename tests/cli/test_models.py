"""The commands ``models`` and what all commands share: help, version, how they end."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from simaccess import __version__
from simaccess.model import load_model, model_names
from tests.cli.conftest import Run

LINK = "example-link"
COMMAND = [sys.executable, "-m", "simaccess"]


@pytest.fixture
def bad_file(tmp_path: Path) -> Path:
    file = tmp_path / "bad.toml"
    text = load_model(LINK).file.read_text(encoding="utf-8")
    file.write_text(text.replace('"2 us"', '"2"', 1), encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["modles"], "No such command 'modles'. Did you mean 'models'? (try 'simaccess --help')"),
        (["--fast"], "No such option: --fast (try 'simaccess --help')"),
        (["models"], "Missing command (try 'simaccess models --help')"),
        (["models", "sho"], "No such command 'sho'. Did you mean 'show'?"),
        (["models", "show"], "Missing argument 'NAME|FILE' (try 'simaccess models show --help')"),
        (["models", "show", LINK, "--sat", "x=1"], "No such option: --sat"),
        (["models", "show", LINK, "--set"], "Option '--set' requires an argument"),
        (["models", "show", LINK, "extra"], "Got unexpected extra argument"),
        (["models", "show", "exampel-link"], "did you mean 'example-link'"),
        (["models", "show", "none.toml"], "none.toml: cannot be read: No such file or directory"),
        (["models", "show", LINK, "--set", "link.rate"], "--set = 'link.rate': not a setting"),
        (["models", "show", LINK, "--set", "=1"], "--set = '=1': not a setting"),
        (["models", "show", LINK, "--set", "link.rat=1"], "did you mean 'link.rate'"),
        (["models", "show", LINK, "--set", "link.rate=1"], "link.rate = '1': missing unit"),
        (["models", "show", LINK, "--set", "link.latency=-1 s"], "must be finite and not negative"),
        (
            ["models", "show", LINK, "--set", "dma.channels=1", "--set", "dma.channels=2"],
            "--set = 'dma.channels=2': set twice",
        ),
        (["models", "check", "none.toml"], "none.toml: cannot be read"),
    ],
)
def test_a_mistake_is_one_line_of_errors_and_exit_code_2(
    arguments: list[str], said: str, run: Run
) -> None:
    code, out, err = run(*arguments)
    assert code == 2
    assert out == ""
    assert err.startswith("simaccess: error: ")
    assert said in err
    assert err.count("\n") == 1
    assert err.endswith("\n")


def test_a_bad_file_is_named_with_key_value_and_what_is_allowed(run: Run, bad_file: Path) -> None:
    good = str(load_model(LINK).file)
    expected = f"{bad_file}: link.latency = '2': missing unit; allowed: as in '1.2 us'"
    for arguments in (
        ["check", str(bad_file)],
        ["check", good, str(bad_file)],
        ["show", str(bad_file)],
    ):
        code, out, err = run("models", *arguments)
        assert (code, out, err) == (2, "", f"simaccess: error: {expected}\n")


def test_a_load_that_a_file_states_and_its_queue_cannot_bear_is_told(
    run: Run, tmp_path: Path
) -> None:
    text = load_model("shared-memory-ddr4").file.read_text(encoding="utf-8")
    before, mark, after = text.partition("[background.rate]")
    file = tmp_path / "busy.toml"
    file.write_text(before + mark + after.replace("0 GB/s", "80 GB/s", 3), encoding="utf-8")
    code, out, err = run("models", "check", str(file))
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(f"simaccess: error: {file}: background.rate = '80 GB/s': as much as the")
    assert "allowed: less than 67.5818 GB/s, which memory.channels = 4 of memory.rate" in err


def test_the_process_ends_with_the_exit_code() -> None:
    failed = subprocess.run(
        [*COMMAND, "models", "show", "nothing"], capture_output=True, text=True, check=False
    )
    assert (failed.returncode, failed.stdout) == (2, "")
    assert failed.stderr.startswith("simaccess: error: model = 'nothing': no such model; allowed: ")
    assert failed.stderr.count("\n") == 1
    good = subprocess.run(
        [*COMMAND, "models", "show", LINK], capture_output=True, text=True, check=False
    )
    assert (good.returncode, good.stderr) == (0, "")
    assert "\x1b" not in good.stdout


def test_list_tells_every_model(run: Run) -> None:
    code, out, err = run("models", "list")
    assert (code, err) == (0, "")
    heading, *lines = out.splitlines()
    assert heading.split() == ["name", "kind", "title"]
    models = [load_model(name) for name in model_names()]
    assert [line.split(maxsplit=2) for line in lines] == [
        [model.name, model.kind, model.title] for model in models
    ]
    code, out, _ = run("models", "list", "--json")
    assert code == 0
    assert [entry["name"] for entry in json.loads(out)] == model_names()


@pytest.mark.parametrize("name", model_names())
def test_show_tells_every_figure(name: str, run: Run) -> None:
    model = load_model(name)
    code, out, err = run("models", "show", name)
    assert (code, err) == (0, "")
    heading, *lines = out.splitlines()
    assert heading.split() == ["key", "value", "range", "status", "source"]
    assert [line.split()[0] for line in lines] == list(model.provenance)
    for line, figure in zip(lines, model.provenance.values(), strict=True):
        assert line.endswith(figure.source)
        assert f"  {figure.status}  " in line
        if isinstance(figure.value, str):
            assert f"  {figure.value}  " in line
    code, out, _ = run("models", "show", name, "--json")
    document = json.loads(out)
    assert document["kind"] == model.kind
    for key, figure in model.provenance.items():
        entry = document["parameters"][key]
        assert entry["si"] == model.value(key)
        assert (entry["value"], entry["status"]) == (figure.value, figure.status)


@pytest.mark.parametrize("columns", [80, 150])
@pytest.mark.parametrize("name", model_names())
def test_show_fits_a_terminal(
    name: str, columns: int, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, _ = run("models", "show", name)
    assert code == 0
    assert "\x1b[1m" in out
    plain = re.sub(r"\x1b\[[0-9;]*m", "", out)
    assert max(len(line) for line in plain.splitlines()) <= columns
    words = plain.split()
    for key, figure in load_model(name).provenance.items():
        section, _, last = key.rpartition(".")
        assert f"[{section}]" in words
        assert f"\n  {last}  " in plain, f"{key} is too long for its column"
        assert set(figure.source.split()) <= set(words)
        if isinstance(figure.value, str):
            assert f"  {figure.value}  " in plain, f"{figure.value} is too long for its column"


def test_list_fits_a_terminal(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    code, out, _ = run("models", "list")
    assert code == 0
    assert max(len(line) for line in out.splitlines()) <= 60
    for name in model_names():
        assert set(load_model(name).title.split()) <= set(out.split())


def test_show_takes_a_file_and_settings(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_bytes(load_model(LINK).file.read_bytes())
    code, out, _ = run(
        "models", "show", str(file), "--set", "link.rate=2 GB/s", "--set", "dma.channels = 3"
    )
    assert code == 0
    lines = {line.split()[0]: line.split() for line in out.splitlines()}
    assert lines["link.rate"] == "link.rate 2 GB/s set set by the user".split()
    assert lines["dma.channels"] == "dma.channels 3 set set by the user".split()
    assert lines["link.posted"][1:3] == ["yes", "unverified"]


def test_check_counts_the_figures(run: Run) -> None:
    files = [str(load_model(name).file) for name in model_names()]
    code, out, err = run("models", "check", *files)
    assert (code, err) == (0, "")
    assert [line.split(": ")[0] for line in out.splitlines()] == files
    assert f"{LINK}.toml: fifo-link, 30 figures: 10 unverified, 20 derived\n" in out
    code, out, _ = run("models", "check", files[0], "--json")
    assert [entry["file"] for entry in json.loads(out)] == files[:1]


@pytest.mark.parametrize(
    "arguments", [[], ["--help"], ["-h"], ["models", "--help"], ["models", "show", "-h"]]
)
def test_help_teaches_by_examples(arguments: list[str], run: Run) -> None:
    code, out, err = run(*arguments)
    assert (code, err) == (0, "")
    assert out.startswith("Usage: simaccess")
    examples = out.partition("Examples:\n")[2].splitlines()
    assert examples
    assert all(line.strip().startswith("simaccess ") for line in examples)


def test_version(run: Run) -> None:
    assert run("--version") == (0, f"simaccess {__version__}\n", "")


def test_help_imports_nothing_heavy() -> None:
    heavy = ["matplotlib", "numpy", "pandas", "pint", "pydantic", "rich", "scipy", "simpy"]
    code = (
        "import sys; from simaccess.cli import main; main(['--help']); "
        f"print(*sorted(set({heavy}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: simaccess")
    assert done.stderr == "\n"


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_that_leaves_is_no_error(unbuffered: str) -> None:
    read, write = os.pipe()
    os.close(read)
    try:
        done = subprocess.run(
            [*COMMAND, "models", "show", LINK, "--json"],
            stdout=write,
            stderr=subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": unbuffered},
            check=False,
        )
    finally:
        os.close(write)
    assert (done.returncode, done.stderr) == (1, b"")


def test_an_interrupt_ends_in_130(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("simaccess.model.model_names", interrupted)
    said = "simaccess: interrupted; nothing was written\n"
    assert run("models", "list") == (130, "", said)


READING = """
import sys, time, tomllib

def loads(text):
    print("reading", flush=True)
    time.sleep(60)

tomllib.loads = loads
from simaccess.__main__ import main
sys.argv[1:] = ["models", "show", "pci-64-66"]
sys.exit(main())
"""


def test_an_interrupted_process_ends_in_130_without_a_trace() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", READING], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"reading\n"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    said = b"simaccess: interrupted; nothing was written\n"
    assert (process.returncode, out, err) == (130, b"", said)


def test_a_pipe_is_refused_before_it_is_waited_for(tmp_path: Path, run: Run) -> None:
    pipe = tmp_path / "pipe.toml"
    os.mkfifo(pipe)
    said = f"simaccess: error: {pipe}: not a regular file; allowed: a TOML file\n"
    for command in (
        ("models", "check", str(pipe)),
        ("compare", "--model", str(pipe), "--workload", "random"),
        ("sweep", str(pipe), "--dry-run"),
    ):
        assert run(*command) == (2, "", said)
    formats = "a pcap file (2.4, microseconds or nanoseconds) or a pcapng file (1.x)"
    setting = ("--set", f"workload.capture={pipe}")
    said = f"simaccess: error: {pipe}: not a regular file; allowed: {formats}\n"
    asked = ("compare", "--model", "example-link", "--workload", "filter", *setting)
    assert run(*asked) == (2, "", said)


def test_a_command_decides_its_exit_code(monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    def ends() -> None:
        raise typer.Exit(3)

    monkeypatch.setattr("simaccess.model.model_names", ends)
    assert run("models", "list")[0] == 3
