"""The guard: a shell that waits for the emulator and then removes the namespaces.

It lives as long as the pipe to its standard input: when the process that holds the other end lets
go, or dies in whatever way, the emulator ends and the guard clears up. A process that lets go says
so by a byte. If there was none, it died: then what still runs in the namespaces is ended, too,
which nobody else will.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from contextlib import suppress

from simaccess.errors import InputError

__all__ = ["KERNEL", "await_ready", "end", "start"]

KERNEL = ("sh", "-c", "echo ready; read word")
"""What stands for the emulator where the kernel itself emulates the link."""

_SCRIPT = """
trap '' INT HUP TERM
near=$1; far=$2; owner=$3; shift 3
"$@"
status=$?
if [ "$status" != 0 ]; then
    for name in "$near" "$far" "$near-path"; do
        for process in $(ip netns pids "$name" 2>/dev/null); do
            [ "$process" = "$owner" ] || kill -9 "$process"
        done
    done
fi
for name in "$near" "$far" "$near-path"; do ip netns delete "$name" 2>/dev/null; done
exit $status
"""


def start(
    near: str, far: str, owner: int, emulator: Sequence[str], descriptors: Sequence[int] = ()
) -> subprocess.Popen[str]:
    """Start a guard with an emulator that says "ready"; the descriptors are for the latter."""
    return subprocess.Popen(
        ["/bin/sh", "-c", _SCRIPT, "simaccess-guard", near, far, str(owner), *emulator],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        pass_fds=descriptors,
        start_new_session=True,  # Ctrl-C is for its owner
    )


def await_ready(guard: subprocess.Popen[str]) -> None:
    """Wait until the emulator works.

    Raises
    ------
    InputError
        If it ends instead.
    """
    assert guard.stdout is not None
    assert guard.stderr is not None
    if guard.stdout.readline() != "ready\n":
        problem = guard.stderr.read().strip().splitlines() or ["it ended"]
        raise InputError(f"the emulator does not work: {problem[-1]}", key="emulator")


def end(guard: subprocess.Popen[str]) -> None:
    """Let go of a guard, and wait until it has cleared up."""
    assert guard.stdin is not None
    with suppress(BrokenPipeError), guard.stdin:
        guard.stdin.write("\n")
    for pipe in (guard.stdout, guard.stderr):
        if pipe is not None:
            pipe.close()
    guard.wait()
