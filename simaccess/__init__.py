"""Compare the ways to read a data segment that lives at the other end of a link."""

from importlib.metadata import version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simaccess.blocking import open_file as open  # noqa: A004  # always asked for by its full name

__all__ = ["__version__", "open"]

__version__ = version("simaccess")


def __getattr__(name: str) -> object:
    """Import what takes long when it is first asked for."""
    if name == "open":
        from simaccess.blocking import open_file  # noqa: PLC0415  # see above

        return open_file
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
