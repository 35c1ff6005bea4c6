"""A ``wan-link`` in memory: the classes of its senders, how their objects lie, and what is theirs.

The names are those of `simaccess.sim`, where each class says what its attributes are.
"""

from __future__ import annotations

from typing import Final

from simaccess.replay.class_table import Classes
from simaccess.replay.layout import ARENA, Layout, layout, slots_of
from simaccess.replay.state import AGENT, TRANSFER
from simaccess.sim.batches import Batches
from simaccess.sim.bbr import Bbr
from simaccess.sim.bottleneck import Bottleneck
from simaccess.sim.bursts import burst_packets
from simaccess.sim.cross_traffic import CrossTraffic
from simaccess.sim.cubic import Cubic, HystartReno, LinuxCubic
from simaccess.sim.cubic_law import CubicLaw
from simaccess.sim.delayed_acks import DelayedAcks, _place
from simaccess.sim.host import Bursts
from simaccess.sim.hystart import AckTrain, delay_threshold
from simaccess.sim.kernel_clock import rings_after
from simaccess.sim.outbox import Outbox
from simaccess.sim.receiver import Gaps, Receiver
from simaccess.sim.recovery import Recovery
from simaccess.sim.round_trips import RoundTrips
from simaccess.sim.sender import Sender
from simaccess.sim.station import FifoStation
from simaccess.sim.tcp import CongestionControl, Reno, RoundTripTime
from simaccess.sim.train import Alarm, Hole, Train
from simaccess.sim.transmission import Transmission
from simaccess.sim.window_use import WindowUse

__all__ = ["CLASSES", "CONTROLS", "LAYOUTS", "TAGS"]

CONTROLS: Final = (Reno, Cubic, LinuxCubic, Bbr)
"""The congestion controls; their objects lie as one class's, with a ``kind``."""

TAGS: Final = {
    tag: number
    for number, tag in enumerate(
        ("in order", "beyond", "fills", "leaps", "startup", "drain", "probe")
    )
}
"""Numbers in place of strings."""


LAYOUTS: Final[dict[str, Layout]] = {
    "Arena": ARENA,
    "Sender": slots_of(
        Transmission,
        Sender,
        control="Control",
        rtt="RoundTripTime",
        _env="Environment",
        _path="Bottleneck",
        _bursts="Bursts",
        _gaps="Gaps",
        _losses="[int]",
        _jitter="[int]",
        _outbox="Outbox",
        _pending="[Message]",
        _receiver="Receiver",
        _acks="[Train]",
        _delayed="DelayedAcks",
        _use="WindowUse",
        _round="RoundTrips",
        _recovery="Recovery",
        _holes="[Hole]",
        _lost="[Hole]",
        _ack_alarm="Alarm",
        _timer="Alarm",
        _late_ack="Alarm",
        _pace="Alarm",
        _reordering="Alarm",
    ),
    "Control": layout(
        (
            "kind",
            "mss",
            "initial",
            "cwnd",
            "ssthresh",
            "paced",
            "remains",
            "_counted",
            "_epoch",
            "state",
            "_round",
            "_plateau",
            "_phase",
            "_phase_began",
            "_limited",
            "_sent",
            "_acknowledged",
            "_before",
            "_recovering",
            "_conserving",
        ),
        rtt="RoundTripTime",
        _starting="AckTrain",
        _law="CubicLaw",
        _rates="[rate]",
        _maximum="float",
        _origin="float",
        _friendly="float",
        _K="float",
        _full_rate="float",
        _pacing="float",
    ),
    "RoundTripTime": slots_of(RoundTripTime),
    "AckTrain": slots_of(AckTrain),
    "CubicLaw": slots_of(CubicLaw, _K="float"),
    "WindowUse": slots_of(WindowUse),
    "RoundTrips": slots_of(
        RoundTrips, _control="Control", sampling="[pair]", _marked="[pair]", _samples="[int]"
    ),
    "Recovery": slots_of(
        Recovery, _control="Control", holes="[Hole]", lost="[Hole]", _known="[int]"
    ),
    "Gaps": slots_of(Gaps, missing="[int]"),
    "Receiver": slots_of(Receiver, _arriving="[Message]"),
    "DelayedAcks": slots_of(DelayedAcks, _acks="[Train]"),
    "Bursts": slots_of(Bursts, _control="Control"),
    "Outbox": slots_of(Outbox, messages="[Message]"),
    "Bottleneck": layout(
        ("packet", "header", "payload", "delay", "_mtu", "_header_ticks", "_buffer", "_overfull"),
        station="FifoStation",
        ticks="Durations",
        cross="CrossTraffic",
    ),
    "CrossTraffic": layout(("next", "burst", "_again"), _gaps="[int]"),
    "Durations": layout(("_fixed",), _ticks="float"),
    "FifoStation": slots_of(FifoStation),
    "Alarm": layout(("time", "number", "_set", "what"), _env="Environment", sender="Sender"),
    "Train": slots_of(Train, repairs="Hole"),
    "Hole": slots_of(Hole, message="Message"),
    # A message, or a parcel of parts of several.
    "Message": layout(
        ("length", "sending", "arriving", "arrival", "then"), request="Request", parts="[pair]"
    ),
    # A request on its way, in the place of a transfer.
    "Request": layout(("upload", "response", "place", "owner"), connection="Connection"),
    "Connection": layout(
        ("number", "_outstanding", "_open", "_unsaid"),
        up="Sender",
        down="Sender",
        under_way="[pair]",
    ),
    # What is due, and whose business else it is.
    "Environment": layout(
        (
            *("events", "room", "count", "inserted", "agents", "transfers"),
            *("service", "handshake", "given_up"),
        ),
        arena="Arena",
    ),
    "Agent": layout(AGENT.names or ()),
    "Transfer": layout(TRANSFER.names or ()),
}

CLASSES: Final = Classes(
    classes=(
        CongestionControl,
        Reno,
        HystartReno,
        *CONTROLS[1:],
        RoundTripTime,
        AckTrain,
        CubicLaw,
        WindowUse,
        RoundTrips,
        Recovery,
        Gaps,
        Receiver,
        DelayedAcks,
        Bursts,
        Outbox,
        Train,
        Hole,
        Alarm,
        FifoStation,
        CrossTraffic,
        Bottleneck,
        Transmission,
        Batches,
        Sender,
    ),
    functions=(burst_packets, delay_threshold, rings_after, _place),
    names={
        "control": "Control",
        "_control": "Control",
        "rtt": "RoundTripTime",
        "_starting": "AckTrain",
        "starting": "AckTrain",
        "_law": "CubicLaw",
        "_rates": "[rate]",
        "rates": "[rate]",
        "_use": "WindowUse",
        "use": "WindowUse",
        "_round": "RoundTrips",
        "rounds": "RoundTrips",
        "recovery": "Recovery",
        "_recovery": "Recovery",
        "_gaps": "Gaps",
        "gaps": "Gaps",
        "_receiver": "Receiver",
        "_delayed": "DelayedAcks",
        "_bursts": "Bursts",
        "bursts": "Bursts",
        "_outbox": "Outbox",
        "path": "Bottleneck",
        "_path": "Bottleneck",
        "cross": "CrossTraffic",
        "station": "FifoStation",
        "env": "Environment",
        "_env": "Environment",
        "_acks": "[Train]",
        "acks": "[Train]",
        "trains": "[Train]",
        "train": "Train",
        "message": "Message",
        **dict.fromkeys(("_ack_alarm", "_timer", "_late_ack", "_pace", "_reordering"), "Alarm"),
    },
    layouts=LAYOUTS,
    unions={"Control": CONTROLS},
    tags=TAGS,
    makers={"Train": "self._env.arena", "Hole": "self._env.arena"},
    kept={
        "Alarm.send": "",
        "Bottleneck.use": "",
        "CrossTraffic.advance": "next_burst",
        "CrossTraffic.gap": "",
        "CrossTraffic._take": "",
        "CrossTraffic.crowd": "no_crowd",
        "Environment.enter": "enter",
        "Environment.peek": "peek",
        "FifoStation.use": "",
        "Message.notify": "notify",
        "Outbox.take": "take",
        "Receiver.arrive": "arrive",
        "Sender._give_up": "give_up",
        "Sender.congestion_events": "",
        "[Train].popleft": "drop_train",
    },
)
"""What is compiled of the classes."""
