"""The works in ns.py: packets that an output port sends, and that come back to whoever sent them.

A `Port` is a FIFO bus of a given rate; a client is an element, with the ``put`` that ns.py asks of
one, that sends its next packet when the last has come. Its clock here is in picoseconds.

ns-3's wheel brings a package of the same name, ``ns``, whose ``__init__`` hides the modules of
ns.py beside it: a package without one finds them.
"""

from __future__ import annotations

import sys
import time
from array import array
from importlib.machinery import PathFinder
from types import ModuleType
from typing import Any

import simpy

from simulators.works import Bus, Measured, Work, measured

_folder = PathFinder.find_spec("ns")
if _folder is None:
    raise ModuleNotFoundError("No module named 'ns'", name="ns")
_package = ModuleType("ns")
_package.__path__ = list(_folder.submodule_search_locations or ())
sys.modules["ns"] = _package

from ns.packet.packet import Packet  # noqa: E402  # after the package above
from ns.port.port import Port  # noqa: E402


class _Client:
    """Sends a packet, and the next when it has come."""

    def __init__(self, env: simpy.Environment, number: int, work: Bus, port: Any) -> None:
        self.env, self.number, self.work, self.port = env, number, work, port
        self.latencies = array("q")
        self.send()

    def send(self) -> None:
        self.begin = self.env.now
        packet = Packet(self.begin, self.work.length, len(self.latencies), flow_id=self.number)
        self.port.put(packet)

    def put(self, packet: Any) -> None:
        del packet
        self.latencies.append(int(self.env.now - self.begin))
        if len(self.latencies) < self.work.accesses:
            self.send()


class _Delivery:
    """Brings a packet to the client of its flow."""

    def __init__(self, clients: list[_Client]) -> None:
        self.clients = clients

    def put(self, packet: Any) -> None:
        self.clients[packet.flow_id].put(packet)


def resources(work: Work) -> Measured:
    """Run a work with ports and packets."""
    if not isinstance(work, Bus):
        raise TypeError("ns.py has no element that two packets hold while they wait for another")
    env = simpy.Environment()
    port = Port(env, rate=work.length * 8 / work.service)
    clients: list[_Client] = []
    port.out = _Delivery(clients)
    clients += [_Client(env, number, work, port) for number in range(work.clients)]
    begin = time.process_time()
    env.run()
    seconds = time.process_time() - begin
    return measured(seconds, env.now, [client.latencies for client in clients])
