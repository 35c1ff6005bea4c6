"""A WAN in a box: two network namespaces, joined by an emulated link.

The box (`box`) makes the namespaces (`namespaces`) and joins them by kernel means (`netem`) or by
an emulator: a process that reads packets from a TUN device in one namespace and writes them to
one in the other, when the link would have brought them. There are two of the same meaning, one in
Python (`emulator`) and one in C (`emulator.c`, built by `compiled`). What happens to a packet is
arithmetic (`drop_tail`), and each packet is logged (`packet_log`).
"""

from simaccess.wan_box.box import WanBox
from simaccess.wan_box.packet_log import Lateness
from simaccess.wan_box.priority import real_time

__all__ = ["Lateness", "WanBox", "real_time"]
