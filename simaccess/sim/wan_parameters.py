"""The figures of a ``wan-link``: its path, other traffic, the transport, requests."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from simaccess import present
from simaccess.errors import GivenUpError
from simaccess.parameters import Parameters, Section
from simaccess.quantities import (
    Count,
    Duration,
    PositiveDuration,
    PositiveRate,
    PositiveSize,
    Rate,
    Size,
)
from simaccess.sim.congestion import Algorithm
from simaccess.sim.local_memory import LocalSection
from simaccess.sim.recovery import RETRIES

__all__ = ["CrossSection", "PathSection", "RequestSection", "TcpSection", "WanParameters"]

_PositiveCount = Annotated[Count, Field(gt=0)]


class PathSection(Section):
    """The path between user and server.

    Attributes
    ----------
    rate, upstream_rate : float
        Bytes a second of whole IP packets, towards the user and away from it.
    rtt : float
        Seconds of a round trip without queueing and without the time of the bytes.
    jitter : float
        Mean seconds that a data packet takes longer, exponentially distributed.
    loss, upstream_loss : float
        Probability that a data packet gets lost behind the bottleneck, on its way to the user and
        away from it. Acknowledgements alone are never lost.
    mtu : int
        Bytes of a full IP packet.
    buffer, upstream_buffer : int
        Bytes that each bottleneck holds.
    """

    rate: PositiveRate
    upstream_rate: PositiveRate
    rtt: PositiveDuration
    jitter: Duration
    loss: Annotated[float, Field(ge=0, lt=1)]
    upstream_loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    mtu: Size
    buffer: Size
    upstream_buffer: Size

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in ("buffer", "upstream_buffer"):
            if getattr(self, name) < self.mtu:
                mtu = present.size(self.mtu)
                problem = f"does not hold a packet, path.mtu = {mtu}"
                raise self.unfit(name, problem, f"{mtu} or more")
        return self


class CrossSection(Section):
    """Open-loop traffic of others through the same bottlenecks.

    Attributes
    ----------
    rate, upstream_rate : float
        Bytes a second on average; 0 for none.
    burst : int
        Bytes that arrive at once, at the instants of a Poisson process.
    """

    rate: Rate
    upstream_rate: Rate
    burst: PositiveSize


class TcpSection(Section):
    """The transport.

    Attributes
    ----------
    congestion_control : str
        ``reno``, ``cubic`` or ``bbr``.
    connections : int
        Connections of each user.
    header : int
        Bytes of the IP and TCP headers in each packet.
    initial_window : int
        Packets of a new connection's first flight.
    receive_window : int
        Bytes that a receiver lets be in flight.
    hystart : bool
        Whether slow start ends when the delay rises.
    idle_restart : bool
        Whether the window shrinks in silence.
    handshake : int
        Round trips before the first request of a connection (more than 1 with TLS).
    rto_minimum : float
        Least seconds of a time-out beyond the smoothed round-trip time.
    host_time : float
        Seconds that a sender's host takes for a packet of a burst.
    delayed_ack : bool
        Whether a receiver acknowledges every second packet, when it has come whole; otherwise each,
        a round trip after the bottleneck began to send it.
    offload : bool
        Whether a sender waits until it can hand down a burst (segmentation offload).
    """

    congestion_control: Algorithm
    connections: _PositiveCount
    header: PositiveSize
    initial_window: _PositiveCount
    receive_window: Size
    hystart: bool
    idle_restart: bool
    handshake: Count
    rto_minimum: Duration
    host_time: Duration = 0.0
    delayed_ack: bool = False
    offload: bool = False


class RequestSection(Section):
    """A request and its answer.

    Attributes
    ----------
    size : int
        Bytes of the IP packet that asks.
    reply : int
        Bytes of the IP packet that confirms a write.
    issue : float
        Seconds of the user's processor for a request (system calls).
    service : float
        Seconds from the request's arrival to the response's start; requests overlap.
    negotiation : int
        Packets that the server sends on a fresh connection before its first response, as NBD's
        greeting and its answers to options are: they open the window as far as the congestion
        control lets small packets do so. The round trips that they take count as `tcp.handshake`.
    """

    size: Size
    reply: Size
    issue: Duration
    service: Duration
    negotiation: Count = 0


class WanParameters(Parameters):
    """Parameters of a ``wan-link``."""

    path: PathSection
    cross: CrossSection
    tcp: TcpSection
    request: RequestSection
    local: LocalSection

    @model_validator(mode="after")
    def _check(self) -> Self:
        header = present.size(self.tcp.header)
        for key in ("path.mtu", "request.size", "request.reply"):
            if self.value_of(key) <= self.tcp.header:
                problem = f"not more than tcp.header = {header}"
                raise self.unfit(key, problem, f"more than {header}")
        mss = self.path.mtu - self.tcp.header
        if self.tcp.receive_window < mss:
            problem = "does not hold what a packet carries, path.mtu less tcp.header"
            raise self.unfit("tcp.receive_window", problem, f"{present.size(mss)} or more")
        return self

    def draws(self) -> bool:
        """Return whether packets are lost or late by chance, or others use the path."""
        path, cross = self.path, self.cross
        chances = (path.loss, path.upstream_loss, path.jitter, cross.rate, cross.upstream_rate)
        return any(chances)

    def given_up(self, *, upstream: bool) -> GivenUpError:
        """Return what to raise when TCP gives up sending in a direction."""
        path, cross = self.path, self.cross
        rate, buffer, loss, others, way = (
            (
                path.upstream_rate,
                path.upstream_buffer,
                path.upstream_loss,
                cross.upstream_rate,
                "upstream_",
            )
            if upstream
            else (path.rate, path.buffer, path.loss, cross.rate, "")
        )
        return GivenUpError(
            f"TCP gives a connection up after {RETRIES} time-outs in a row",
            key=f"cross.{way}rate" if others else f"path.{way}loss",
            value=present.rate(others) if others else loss,
            allowed=f"less, so that packets get through path.{way}rate = {present.rate(rate)},"
            f" path.{way}buffer = {present.size(buffer)}, path.{way}loss = {loss:g}",
        )
