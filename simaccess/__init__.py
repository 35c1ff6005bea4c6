"""Compare the ways to read a data segment that lives at the other end of a link."""

from importlib.metadata import version

__version__ = version("simaccess")
