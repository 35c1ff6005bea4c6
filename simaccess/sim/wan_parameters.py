"""The figures of a ``wan-link``: its path, other traffic, the transport, requests."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from simaccess import present
from simaccess.errors import GivenUpError
from simaccess.parameters import Parameters, Section
from simaccess.quantities import Count, Duration, Rate, Size
from simaccess.sim.congestion import Algorithm
from simaccess.sim.local_memory import LocalSection
from simaccess.sim.recovery import RETRIES

__all__ = ["CrossSection", "PathSection", "RequestSection", "TcpSection", "WanParameters"]

_PositiveRate = Annotated[Rate, Field(gt=0)]
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

    rate: _PositiveRate
    upstream_rate: _PositiveRate
    rtt: Annotated[Duration, Field(gt=0)]
    jitter: Duration
    loss: Annotated[float, Field(ge=0, lt=1)]
    upstream_loss: Annotated[float, Field(ge=0, lt=1)] = 0.0
    mtu: Size
    buffer: Size
    upstream_buffer: Size

    @model_validator(mode="after")
    def _check(self) -> Self:
        if min(self.buffer, self.upstream_buffer) < self.mtu:
            raise ValueError("a buffer must hold a packet; allowed: buffers from mtu on")
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
    burst: Annotated[Size, Field(gt=0)]


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
    header: Annotated[Size, Field(gt=0)]
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
        if self.path.mtu <= self.tcp.header:
            raise ValueError("path.mtu must exceed tcp.header")
        mss = self.path.mtu - self.tcp.header
        if self.tcp.receive_window < mss:
            raise ValueError(f"tcp.receive_window must hold a packet; allowed: {mss} B or more")
        if min(self.request.size, self.request.reply) <= self.tcp.header:
            raise ValueError("request.size and request.reply must exceed tcp.header")
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
