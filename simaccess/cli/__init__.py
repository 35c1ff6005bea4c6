"""The command ``simaccess``: one module a subcommand, and how every failure ends.

A subcommand's module imports at its top only what its help needs, and the rest in its functions,
so that ``simaccess --help`` answers at once. Errors of the user end in one line and exit code 2.
"""

from __future__ import annotations

import gc
import os
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer

from simaccess import __version__
from simaccess.cli import box as box_command
from simaccess.cli import calibrate as calibrate_command
from simaccess.cli import compare as compare_command
from simaccess.cli import crossover as crossover_command
from simaccess.cli import import_table as import_command
from simaccess.cli import measure as measure_command
from simaccess.cli import models
from simaccess.cli import optimum as optimum_command
from simaccess.cli import results as results_command
from simaccess.cli import sensitivity as sensitivity_command
from simaccess.cli import sweep as sweep_command
from simaccess.cli import validate as validate_command
from simaccess.cli.interrupt import Termination, now_stands, terminations
from simaccess.cli.options import examples
from simaccess.cli.output import Ended
from simaccess.errors import InputError, LinkError

__all__ = ["app", "main"]

# BadParameter is public in every version of typer; the exceptions beside it are not.
_UsageError: type[Exception] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="simaccess",
    help="Compare the ways to read a data segment over a link: in place, by bulk copy, both, or "
    "ahead of time.",
    epilog=examples(
        "simaccess models list",
        "simaccess compare --model pci-64-66 --workload filter --tune",
        "simaccess sweep table-4-3 --out results",
        "simaccess measure nbd://127.0.0.1:10809/disk --out measured.csv",
    ),
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models.app)
app.command("compare", epilog=compare_command.EPILOG)(compare_command.compare)
app.command("box", epilog=box_command.EPILOG)(box_command.box)
app.command("sweep", epilog=sweep_command.EPILOG)(sweep_command.sweep)
app.command("results", epilog=results_command.EPILOG)(results_command.results)
app.command("crossover", epilog=crossover_command.EPILOG)(crossover_command.crossover)
app.command("optimum", epilog=optimum_command.EPILOG)(optimum_command.optimum)
app.command("sensitivity", epilog=sensitivity_command.EPILOG)(sensitivity_command.sensitivity)
app.command("measure", epilog=measure_command.EPILOG)(measure_command.measure)
app.command("calibrate", epilog=calibrate_command.EPILOG)(calibrate_command.calibrate)
app.command("validate", epilog=validate_command.EPILOG)(validate_command.validate)
app.command("import", epilog=import_command.EPILOG)(import_command.import_table)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command.

    Parameters
    ----------
    arguments : sequence of str, optional
        What follows the command's name; those of the process by default. None of them: ``--help``.

    Returns
    -------
    int
        0; 2 for a user's mistake; 130 after an interrupt, 143 after a termination, 129 after the
        terminal hung up; 1 if a link fails, or if nobody reads the output any more.
    """
    whole = arguments is None  # of the process
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    if sys.stdout is None:  # closed by whoever started us
        sys.stdout = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115  # till the end
    with terminations() as termination:
        try:
            code, line = _run(arguments, termination)
        except KeyboardInterrupt:  # another one, while the first was answered
            code, line = 130, f"interrupted; {now_stands()}"
    if whole and code == 130 and threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # another one would only spoil the end
        gc.freeze()  # else the interpreter would go through all that was left, perhaps for seconds
    if code == 130 and termination.came:
        word, code = termination.end
        line = line.replace("interrupted", word, 1)
    if line:
        with suppress(OSError):  # the terminal may be gone
            sys.stderr.write(f"simaccess: {line}\n")
            sys.stderr.flush()
    return code


def _run(  # noqa: PLR0911  # one an ending
    arguments: Sequence[str], termination: Termination
) -> tuple[int, str]:
    """Run the command; return its exit code, and the line that it ends with, if any."""
    try:
        code = app(arguments or ["--help"], prog_name="simaccess", standalone_mode=False)
        sys.stdout.flush()
    except (InputError, _UsageError, MemoryError, OverflowError) as error:
        return 2, f"error: {_problem(error)}"
    except LinkError as error:
        return 1, f"error: {error}"
    except Ended as end:
        return end.code, str(end)
    except KeyboardInterrupt:
        return 130, f"interrupted; {now_stands()}"
    except (BrokenPipeError, SystemExit) as error:
        # typer and rich end the process themselves when their reader is gone.
        if isinstance(error, SystemExit) and error.code != 1:
            raise
        # What is still buffered would fail again when the interpreter flushes it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 1, ""
    except OSError as error:  # such as a full disk behind stdout
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if termination.came:  # and with it the terminal went
            return 130, f"interrupted; {now_stands()}"
        return 2, f"error: cannot write the output: {error.strerror}"
    if code == 130:  # typer, too, makes it of an interrupt
        return 130, f"interrupted; {now_stands()}"
    return code if isinstance(code, int) else 0, ""


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"simaccess {__version__}\n")
        raise typer.Exit


@app.callback()
def _simaccess(
    *,
    version: Annotated[  # the option's callback prints it
        bool,
        typer.Option(
            "--version", callback=_print_version, is_eager=True, help="Print the version."
        ),
    ] = False,
) -> None:
    pass


def _problem(error: Exception) -> str:
    """Return a user's mistake as one line."""
    if isinstance(error, _UsageError):
        return _usage(error)
    if isinstance(error, InputError):
        return str(error)
    # Each figure was accepted by itself; together they are more than can be simulated.
    if isinstance(error, OverflowError):
        return "too much to simulate; allowed: at most 2^63 ps of simulated time, 106 days"
    return f"too much to simulate; allowed: what fits into this machine's memory ({error})"


def _usage(error: Exception) -> str:
    """Return a wrong command line as one line that names the help to read."""
    from pydantic import ValidationError

    from simaccess.refusal import refusal

    known: Any = error  # its class has no public name
    wrong = error.__cause__
    if isinstance(wrong, ValidationError):  # by which typer reads numbers
        return str(refusal(wrong, known.param.opts[0], wrong.errors()[0]["input"]))
    message = " ".join(known.format_message().split()).rstrip(".")
    path = "simaccess" if known.ctx is None else known.ctx.command_path
    return f"{message} (try '{path} --help')"
