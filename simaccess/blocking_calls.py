"""Blocking calls of one client on a link, real or simulated: what a file object stands on."""

from __future__ import annotations

import mmap
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Annotated, Protocol, TypeVar
from urllib.parse import parse_qsl

from pydantic import Field, ValidationError

from simaccess.buffer import Buffer, Shadow
from simaccess.errors import UNSET, InputError
from simaccess.model import load_model
from simaccess.parameters import Section
from simaccess.path import make_path
from simaccess.real.clock import run
from simaccess.real.urls import open_link
from simaccess.refusal import did_you_mean, foremost, refusal
from simaccess.registry import make
from simaccess.segment import Clock
from simaccess.sim.blocking import BlockingAgent
from simaccess.sim.environment import Environment

__all__ = ["Calls", "RealCalls", "SimulatedCalls", "calls"]

_SIMULATED = "sim:"
_ALLOWED = "sim:MODEL?data=PATH, MODEL the name of a shipped model or a model file"

_Result = TypeVar("_Result")


class Calls(Protocol):
    """One client's buffer on a link, and how its calls are run to their end.

    Attributes
    ----------
    buffer : Buffer
        The buffer.
    clock : Clock
        The client's time.
    writable : bool
        Whether the segment can be written.
    usable : bool
        Whether further calls can be made: not if one in a simulation was interrupted.
    """

    buffer: Buffer
    writable: bool

    # ruff: noqa: D102  # the properties are described above
    @property
    def clock(self) -> Clock: ...
    @property
    def usable(self) -> bool: ...

    def call(self, body: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run ``body()`` to its end."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class RealCalls:
    """Calls on a real link, which block by themselves."""

    usable = True

    def __init__(self, url: str, method: str, settings: Mapping[str, str]) -> None:
        chosen = make(method, None, settings)
        self._link = open_link(url)
        self.clock = self._link.clock
        self.writable = self._link.writable
        try:
            self.buffer = Buffer(Shadow(chosen, self._link.local), self._link.attach(), self.clock)
        except BaseException:  # such as no memory for the shadow
            self._link.close()
            raise

    def call(self, body: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run ``body()`` to its end."""
        return run(body())

    def close(self) -> None:
        """Close the link."""
        self._link.close()


class _SimulatedOptions(Section):
    """What a ``sim:`` URL may say beside the model's own parameters.

    Attributes
    ----------
    data : Path
        The file whose bytes the segment has.
    seed : int
        Of the link's random numbers.
    memory : str, optional
        The host's memory behind a PCI bus: a model of kind ``memory-bus``.
    """

    data: Path
    seed: Annotated[int, Field(ge=0)] = 0
    memory: str | None = None


class SimulatedCalls:
    """Calls on a simulated link, each of which runs the simulation until the call's end."""

    writable = True

    def __init__(self, url: str, method: str, settings: Mapping[str, str]) -> None:
        name, given, parameters = _parse(url)
        chosen = make(method, None, settings)
        model = load_model(name, parameters)
        memory = None if given.memory is None else load_model(given.memory, key="memory")
        data = _content(given.data)
        env = Environment()
        link = make_path(env, model, memory, len(data), data, seed=given.seed)
        self._agent = BlockingAgent(env)
        self.clock = self._agent.agent
        self.buffer = Buffer(Shadow(chosen, link.local), link.attach(), self.clock)

    @property
    def usable(self) -> bool:
        """Whether no call was interrupted."""
        return not self._agent.interrupted

    def call(self, body: Callable[[], Awaitable[_Result]]) -> _Result:
        """Run the simulation to the end of ``body()``."""
        return self._agent.call(body)

    def close(self) -> None:
        """End the simulation."""
        self._agent.close()


def calls(url: str, method: str, settings: Mapping[str, str]) -> Calls:
    """Return the calls of a client on a link.

    Parameters
    ----------
    url : str
        A real link's, or ``sim:MODEL?data=PATH``.
    method : str
        An access method.
    settings : mapping of str to str
        The method's parameters.

    Raises
    ------
    InputError
        If anything does not exist or is refused.
    LinkError
        If the far end of a real link does not answer as it should.
    """
    kind = SimulatedCalls if url.startswith(_SIMULATED) else RealCalls
    return kind(url, method, settings)


def _parse(url: str) -> tuple[str, _SimulatedOptions, dict[str, str]]:
    """Return the model's name, the options, and the model's own parameters, which have a dot."""
    name, _, query = url.removeprefix(_SIMULATED).partition("?")
    if not name:
        raise InputError("no model", key="URL", value=url, allowed=_ALLOWED)
    options: dict[str, str] = {}
    parameters: dict[str, str] = {}
    for key, value in parse_qsl(query, keep_blank_values=True):
        part = parameters if "." in key else options
        if key in part:
            raise InputError("given twice", key=key, value=url, allowed="one value a key")
        part[key] = value
    try:
        return name, _SimulatedOptions.model_validate(options), parameters
    except ValidationError as error:
        first = foremost(error)
        key = str(first["loc"][0])
        if first["type"] == "missing":
            raise InputError("missing", key=key, value=url, allowed=_ALLOWED) from None
        if first["type"] == "extra_forbidden":
            known = _SimulatedOptions.model_fields
            problem = "no such option of a simulated link" + did_you_mean(key, known)
            allowed = [*known, "the model's parameters, by dotted key"]
            raise InputError(problem, key=key, value=url, allowed=allowed) from None
        raise refusal(error, key, options.get(key, UNSET)) from None


def _content(path: Path) -> memoryview:
    """Return a file's bytes; what is written into them does not go into the file."""
    try:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return memoryview(bytearray())
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY))
    except (OSError, ValueError) as error:  # ValueError: a null character, or not a regular file
        problem = getattr(error, "strerror", None) or str(error)
        raise InputError(f"cannot be read: {problem}", file=path, key="data") from error
