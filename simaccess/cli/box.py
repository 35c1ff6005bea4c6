"""The subcommand ``box``: run a command at the near end of an emulated link."""

from __future__ import annotations

import shlex
import shutil
import sys
from typing import Annotated, Any

import typer

from simaccess.cli.options import examples
from simaccess.errors import InputError

__all__ = ["EPILOG", "box"]

_PORT = 10809  # of NBD, as registered
EPILOG = examples(
    "simaccess box --rtt '20 ms' --rate '100 Mbit/s' -- \\",
    "    simaccess measure nbd://192.0.2.2/ --out measured.csv --fact rtt='20 ms'",
    "simaccess box --rtt '20 ms' --rate '100 Mbit/s' --loss 0.005 --congestion bbr -- bash",
)


def _text(help_text: str) -> Any:
    return typer.Option(help=help_text, show_default=False)


def box(
    command: Annotated[
        list[str], typer.Argument(metavar="-- COMMAND...", help="What to run at the near end.")
    ],
    *,
    rtt: Annotated[str, typer.Option(help="Round-trip time, such as '20 ms'.")],
    rate: Annotated[str, typer.Option(help="Bytes of IP packets a second: '100 Mbit/s'.")],
    buffer: Annotated[str | None, _text("What the bottleneck holds; default: rate x RTT.")] = None,
    loss: Annotated[float, typer.Option(help="Share of packets lost behind the queue.")] = 0.0,
    upstream_rate: Annotated[str | None, _text("Rate away from the near end.")] = None,
    upstream_buffer: Annotated[str | None, _text("Buffer away from the near end.")] = None,
    upstream_loss: Annotated[float | None, _text("Loss away from the near end.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of the losses.")] = 0,
    congestion: Annotated[str | None, _text("reno, cubic or bbr; default: the machine's.")] = None,
    socket_buffers: Annotated[
        str | None, _text("Buffers of sockets; default: the kernel's.")
    ] = None,
    emulator: Annotated[str, typer.Option(help="auto, netem, c or python.")] = "auto",
    size: Annotated[str, typer.Option(help="Bytes that the NBD server exports.")] = "64 MiB",
) -> None:
    """Run a command at one end of an emulated WAN, with an NBD server at the other.

    Needs root, and nbdkit for the server, which is at nbd://192.0.2.2/ and holds zeros that can be
    overwritten. Ends with the command's exit code; everything is gone then.
    """
    from simaccess.quantities import parse_size
    from simaccess.wan_box import WanBox

    try:
        exported = parse_size(size)
    except ValueError as error:
        raise InputError(str(error), key="--size", value=size) from None
    nbdkit = shutil.which("nbdkit")
    if nbdkit is None:
        raise InputError("the command nbdkit is missing (on Debian: apt install nbdkit)")
    with WanBox(
        rtt=rtt,
        rate=rate,
        buffer=buffer,
        loss=loss,
        upstream_rate=upstream_rate,
        upstream_buffer=upstream_buffer,
        upstream_loss=upstream_loss,
        seed=seed,
        congestion=congestion,
        socket_buffers=socket_buffers,
        emulator=emulator,
    ) as made:
        server = [nbdkit, "-f", "-p", str(_PORT), "-i", made.address, "memory", str(exported)]
        made.server(server, port=_PORT)
        sys.stderr.write(
            f"{rtt}, {rate}, emulated by {made.emulator}; nbd://{made.address}/ is the far end's;"
            f" running {shlex.join(command)}\n"
        )
        try:
            code = made.run(command).returncode
        except KeyboardInterrupt:  # it was the command's, too
            code = 130
        late = made.lateness()
        if late is not None:
            sys.stderr.write(
                f"{late.count} packets got through, {late.full} found the buffer full, {late.lost}"
                f" were lost; lateness: median {late.median_s * 1e6:.1f} us, 99th percentile"
                f" {late.p99_s * 1e6:.0f} us, worst {late.worst_s * 1e6:.0f} us\n"
            )
    raise typer.Exit(code)
