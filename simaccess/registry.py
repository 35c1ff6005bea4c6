"""Access methods by name, with their parameters.

Other packages add methods through the entry-point group ``simaccess.methods``: an entry's name is
the method's, its value a subclass of `MethodParameters`. A notebook or script adds one with
`add_method`.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, TypeGuard

from pydantic import PositiveInt, ValidationError

from simaccess.catalogue import Catalogue
from simaccess.errors import InputError
from simaccess.methods.blocks import Blocks, FixedBlocks
from simaccess.methods.copy_once import CopyOnce
from simaccess.methods.directory import Eviction
from simaccess.methods.hybrid import TCP_PAYLOAD_OFFSET, Hybrid
from simaccess.methods.prefetch import Prefetch
from simaccess.methods.zero_copy import ZeroCopy
from simaccess.operations import AccessMethod
from simaccess.parameters import Section
from simaccess.quantities import PositiveSize, Size
from simaccess.refusal import foremost, refusal

__all__ = [
    "GROUP",
    "CopyOnceParameters",
    "HybridParameters",
    "MethodParameters",
    "PrefetchParameters",
    "ShadowParameters",
    "ZeroCopyParameters",
    "add_method",
    "make",
    "names",
    "parameters",
    "require_once",
]

GROUP = "simaccess.methods"
"""The entry-point group of access methods from other packages."""


class MethodParameters(Section):
    """The parameters of an access method, which can make it."""

    @abstractmethod
    def make(self, blocks: Blocks | None) -> AccessMethod:
        """Return the method.

        Parameters
        ----------
        blocks : Blocks or None
            The workload's own blocks (its records), if it has any.
        """


class ZeroCopyParameters(MethodParameters):
    """Zero-copy has none."""

    def make(self, blocks: Blocks | None) -> AccessMethod:  # noqa: ARG002  # it has no blocks
        """Return the method."""
        return ZeroCopy()


class ShadowParameters(MethodParameters):
    """Parameters of the methods that keep a shadow.

    Attributes
    ----------
    block : int, optional
        Bytes of a block; by default the workload's own blocks, or 64 KiB if it has none.
    slots : int, optional
        Blocks that the shadow holds; instead of `shadow`.
    shadow : int, optional
        Bytes of the shadow, at least one block; 16 MiB if neither is given.
    eviction : {'lru', 'fifo'}
        Which block makes room: the one used, or the one entered, the longest time ago.
    """

    default_block: ClassVar[int] = 64 << 10
    default_shadow: ClassVar[int] = 16 << 20

    block: PositiveSize | None = None
    slots: PositiveInt | None = None
    shadow: PositiveSize | None = None
    eviction: Eviction = "lru"

    def cut(self, blocks: Blocks | None) -> Blocks:
        """Return the blocks of the shadow."""
        if self.block is None and blocks is not None:
            return blocks
        return FixedBlocks(self.block or self.default_block)

    def capacity(self, blocks: Blocks) -> int:
        """Return how many blocks the shadow holds."""
        if self.slots is not None:
            if self.shadow is not None:
                raise InputError(
                    "given together with slots",
                    key="method.shadow",
                    value=self.shadow,
                    allowed="one of method.slots and method.shadow",
                )
            return self.slots
        size = self.default_shadow if self.shadow is None else self.shadow
        if self.shadow is not None and size < blocks.longest:
            raise InputError(
                "smaller than a block of method.block, or of the workload",
                key="method.shadow",
                value=size,
                allowed=f"at least {blocks.longest} bytes (where it is not set, a comparison gives"
                " every method the same)",
            )
        return max(1, size // blocks.longest)


class CopyOnceParameters(ShadowParameters):
    """Parameters of copy-once."""

    def make(self, blocks: Blocks | None) -> AccessMethod:
        """Return the method."""
        cut = self.cut(blocks)
        return CopyOnce(cut, self.capacity(cut), self.eviction)


class HybridParameters(ShadowParameters):
    """Parameters of hybrid.

    Attributes
    ----------
    threshold : int
        Bytes of each block that are always reached in place.
    """

    threshold: Size = TCP_PAYLOAD_OFFSET

    def make(self, blocks: Blocks | None) -> AccessMethod:
        """Return the method."""
        cut = self.cut(blocks)
        return Hybrid(cut, self.capacity(cut), self.threshold, self.eviction)


class PrefetchParameters(ShadowParameters):
    """Parameters of prefetch; its shadow holds what one reader's depth takes unless told.

    Attributes
    ----------
    depth : int
        Blocks copied ahead of a reader at most.
    initial : int
        Blocks copied ahead of a reader that has just been found sequential.
    readers : int
        Sequential readers that are told apart.
    """

    depth: PositiveInt = 8
    initial: PositiveInt = 1
    readers: PositiveInt = 8

    def make(self, blocks: Blocks | None) -> AccessMethod:
        """Return the method."""
        if self.initial > self.depth:
            raise InputError(
                "more than the depth",
                key="method.initial",
                value=self.initial,
                allowed=f"1 to method.depth, {self.depth}",
            )
        cut = self.cut(blocks)
        given = self.slots is not None or self.shadow is not None
        return Prefetch(
            cut,
            depth=self.depth,
            initial=self.initial,
            slots=self.capacity(cut) if given else None,
            readers=self.readers,
            eviction=self.eviction,
        )


_BUILT_IN: Mapping[str, type[MethodParameters]] = {
    "zero-copy": ZeroCopyParameters,
    "copy-once": CopyOnceParameters,
    "hybrid": HybridParameters,
    "prefetch": PrefetchParameters,
}


def _makes_a_method(found: object) -> TypeGuard[type[MethodParameters]]:
    return isinstance(found, type) and issubclass(found, MethodParameters)


_CATALOGUE = Catalogue(
    "method",
    "access method",
    group=GROUP,
    built_in=_BUILT_IN,
    fits=_makes_a_method,
    allowed="a subclass of simaccess.registry.MethodParameters",
)


def names() -> list[str]:
    """Return the names of all methods, the built-in ones first."""
    return _CATALOGUE.names()


def add_method(name: str, kind: type[MethodParameters]) -> None:
    """Make a method known in this process, in place of an earlier one that was added.

    Parameters
    ----------
    name : str
        Its name.
    kind : type
        Its parameters, which make it. Worker processes do not know it: a sweep with several jobs
        wants an entry point.

    Raises
    ------
    InputError
        If a built-in method has that name.
    """
    _CATALOGUE.add(name, kind)


def require_once(methods: Sequence[str], key: str) -> None:
    """Refuse a list of methods in which one comes twice, in the name of its key.

    Raises
    ------
    InputError
        If one does.
    """
    twice = [method for method in methods if methods.count(method) > 1]
    if twice:
        raise InputError("comes twice", key=key, value=twice[0], allowed="each method once")


def parameters(name: str) -> type[MethodParameters]:
    """Return the class of a method's parameters.

    Raises
    ------
    InputError
        If there is no such method, or if its package offers something else.
    """
    return _CATALOGUE.named(name)


def make(name: str, blocks: Blocks | None, settings: Mapping[str, str]) -> AccessMethod:
    """Return an access method.

    Parameters
    ----------
    name : str
        Its name.
    blocks : Blocks or None
        The workload's own blocks, which hold where `settings` name no block size.
    settings : mapping of str to str
        Its parameters as text, sizes with units.

    Raises
    ------
    InputError
        If there is no such method or parameter, or if a value is not allowed.
    """
    kind = parameters(name)
    try:
        return kind.model_validate(dict(settings)).make(blocks)
    except ValidationError as error:
        first = foremost(error)
        key = str(first["loc"][0]) if first["loc"] else ""
        value = settings.get(key, "")
        if first["type"] != "extra_forbidden":
            raise refusal(error, f"method.{key}", value) from error
        raise InputError(
            f"no such parameter of {name}",
            key=f"method.{key}",
            value=value,
            allowed=list(kind.model_fields) or "none",
        ) from error
