"""What a box is asked for, checked."""

from __future__ import annotations

from typing import Annotated, Literal, Self, TypeAlias

from pydantic import Field, model_validator

from simaccess.parameters import Section
from simaccess.quantities import Count, Duration, Rate, Size
from simaccess.wan_box.drop_tail import LOSS_SCALE, DropTail

__all__ = ["MTU", "BoxParameters", "Congestion", "Emulator"]

MTU = 1500
"""Bytes of a full IP packet."""

Emulator: TypeAlias = Literal["auto", "netem", "c", "python"]
Congestion: TypeAlias = Literal["reno", "cubic", "bbr"]

_Rate = Annotated[Rate, Field(ge=1000, le=1.25e9)]
_Buffer = Annotated[Size, Field(ge=MTU, le=4_000_000_000)]
_Loss = Annotated[float, Field(ge=0, lt=1)]


class BoxParameters(Section):
    """The parameters of a `simaccess.wan_box.WanBox`, which explains them."""

    rtt: Annotated[Duration, Field(ge=0, le=60)]
    rate: _Rate
    buffer: _Buffer | None = None
    loss: _Loss = 0.0
    upstream_rate: _Rate | None = None
    upstream_buffer: _Buffer | None = None
    upstream_loss: _Loss | None = None
    seed: Annotated[Count, Field(lt=2**62)] = 0
    congestion: Congestion | None = None
    socket_buffers: Annotated[Size, Field(ge=4096, le=2**30)] | None = None
    emulator: Emulator = "auto"
    cpu: Count | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.emulator == "netem" and self.seed and (self.loss or self.upstream_loss):
            problem = "netem draws its losses without a seed"
            raise self.unfit("seed", problem, "0, or with the emulator c or python")
        return self

    def directions(self) -> tuple[DropTail, DropTail]:
        """Return the way towards the near end and the way back."""
        up_rate = self.rate if self.upstream_rate is None else self.upstream_rate
        up_buffer = self.upstream_buffer
        if up_buffer is None and self.upstream_rate is None:
            up_buffer = self.buffer
        up_loss = self.loss if self.upstream_loss is None else self.upstream_loss
        return (
            self._direction(self.rate, self.buffer, self.loss, 2 * self.seed),
            self._direction(up_rate, up_buffer, up_loss, 2 * self.seed + 1),
        )

    def _direction(self, rate: float, buffer: int | None, loss: float, seed: int) -> DropTail:
        if buffer is None:
            buffer = max(round(rate * self.rtt), 10 * MTU)
        delay = round(self.rtt * 1e9 / 2)
        # Neighbouring seeds start SplitMix64 far apart in its sequence, by an odd multiplier.
        start = seed * 0xD1342543DE82EF95 % 2**64
        return DropTail(round(rate), buffer, delay, round(loss * LOSS_SCALE), start)
