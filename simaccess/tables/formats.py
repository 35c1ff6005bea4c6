"""The formats of tables by name, each with its reader."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from types import MappingProxyType

from simaccess.errors import InputError
from simaccess.measured import MeasuredSet
from simaccess.refusal import did_you_mean

__all__ = ["FORMATS", "read_table"]

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "pcie-bench": "simaccess.tables.pcie_bench",
        "mlc": "simaccess.tables.mlc",
        "fio": "simaccess.tables.fio",
        "perftest": "simaccess.tables.perftest",
    }
)
"""By name, the module whose ``read(path, options)`` reads the format."""


def read_table(
    name: str, path: str | os.PathLike[str], options: Mapping[str, str] | None = None
) -> MeasuredSet:
    """Read what another program measured.

    Parameters
    ----------
    name : str
        A name of `FORMATS`.
    path : path-like
        Its output: a folder for ``pcie-bench``, a file for the others.
    options : mapping of str to str, optional
        What the output does not tell; see each format's module.

    Raises
    ------
    InputError
        If there is no such format, or the output is not of it.
    """
    if name not in FORMATS:
        problem = "no such format" + did_you_mean(name, FORMATS)
        raise InputError(problem, key="format", value=name, allowed=FORMATS)
    reader: Callable[[Path, dict[str, str]], MeasuredSet] = import_module(FORMATS[name]).read
    return reader(Path(path), dict(options or {}))
