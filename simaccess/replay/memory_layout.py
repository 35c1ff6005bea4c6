"""A ``memory-bus`` in memory: its classes, how their objects lie, and what is the replay's own.

The names are those of `simaccess.sim`, where each class says what its attributes are.
"""

from __future__ import annotations

from typing import Final

from simaccess.replay.class_table import Classes
from simaccess.replay.layout import ARENA, Layout, layout, slots_of
from simaccess.sim.caches import Caches, PrivateCaches, _keep, _lowest, _Shared, ones
from simaccess.sim.channel import MemoryChannel
from simaccess.sim.memory_bus import MemoryBus
from simaccess.sim.memory_core import Core, Stream
from simaccess.sim.memory_moves import Copying, Reading, Writing
from simaccess.sim.station import FifoStation

__all__ = ["CLASSES", "LAYOUTS"]

LAYOUTS: Final[dict[str, Layout]] = {
    "Arena": ARENA,
    "MemoryBus": layout(
        (
            "line_shift",
            "page_shift",
            "non_temporal",
            "store_batch",
            "_ahead",
            "_trigger",
            "_independent",
            "_batches",
            "_streamed",
            "_store_buffer",
            "_l1_latency",
            "_l2_latency",
            "_l3_latency",
            "_near",
            "_far",
            "_walk",
            "_first_touch",
            "_touched_before",
        ),
        caches="Caches",
        channel="MemoryChannel",
        load_ticks="Durations",
        copy_ticks="Durations",
        _memory_latency="[int]",
        _touched="{int}",
        arena="Arena",
    ),
    "Caches": layout(("_free",), cores="[Core]", _l3="{_Shared}"),
    "_Shared": slots_of(_Shared, holders="[int]"),
    "Core": slots_of(
        PrivateCaches,
        Core,
        l1="{int}",
        l2="{int}",
        modified="{int}",
        posted="[pair]",
        _tlb="{int}",
        _streams="{Stream}",
    ),
    "Stream": slots_of(Stream, under_way="[batch]"),
    "MemoryChannel": layout(
        (
            *vars(FifoStation)["__slots__"],
            *("line", "_other_request", "_other_service"),
            # When others arrive next; the address of that and what follows, and the last of it.
            *("_next", "_arrivals", "_index", "last"),
        ),
        read_ticks="Durations",
        write_ticks="Durations",
    ),
    "Durations": layout(("_fixed",), _ticks="float"),
    "Reading": slots_of(Reading, _core="Core", _returns="[int]"),
    "Writing": slots_of(Writing, _core="Core"),
    "Copying": slots_of(Copying, _core="Core", _returns="[int]"),
    # A consumer: where its shadow begins, the last lines of that and of the segment, and what its
    # loads and stores moved over the bus and its copies took.
    "User": layout(
        ("shadow", "shadow_limit", "limit", "socket", "moved", "copied"),
        core="Core",
        reading="Reading",
        writing="Writing",
        copying="Copying",
    ),
}

CLASSES: Final = Classes(
    classes=(
        PrivateCaches,
        _Shared,
        Caches,
        Stream,
        Core,
        FifoStation,
        MemoryChannel,
        MemoryBus,
        Reading,
        Writing,
        Copying,
    ),
    functions=(ones, _lowest, _keep),
    names={
        "bus": "MemoryBus",
        "caches": "Caches",
        "channel": "MemoryChannel",
        "core": "Core",
        "_core": "Core",
        "cores": "[Core]",
        "other": "Core",
        "stream": "Stream",
        "shared": "_Shared",
        "_l3": "{_Shared}",
    },
    layouts=LAYOUTS,
    unions={},
    tags={},
    makers={"Stream": "self._streams.arena", "_Shared": "self._l3.arena"},
    kept={
        **{f"Caches.{name}": "" for name in ("snoop", "inject", "lines")},
        **{f"MemoryBus.{name}": "" for name in ("attach", "producer", "local", "use", "piece")},
        **{f"MemoryBus.{name}": "" for name in ("dma", "core", "new_core", "_page_end")},
        **{f"MemoryChannel.{name}": "" for name in ("use", "take", "skip", "_draw", "_serve_all")},
        "FifoStation.use": "",
        "Core._renew": "renew",
        "Core._prepare_for_many": "stay_prepared",
        "MemoryChannel._catch_up": "catch_up",
    },
)
"""What is compiled of the classes."""
