"""The results of a sweep as a pandas frame and as an xarray dataset, with named axes and units."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from simaccess.errors import InputError
from simaccess.sweep.measures import measured, unit_of
from simaccess.sweep.store import NAME, Row, Store
from simaccess.sweep.task import Run

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

__all__ = ["dataset", "frame", "open_results", "results", "units"]

_SAMPLE = "sample"


@contextmanager
def open_results(place: Path | str) -> Iterator[Store]:
    """Open the store of a folder of results, or a store's file, to read.

    Raises
    ------
    InputError
        If there is none.
    """
    path = Path(place)
    file = path / NAME if path.is_dir() else path
    if not file.is_file():
        allowed = "the folder that 'simaccess sweep --out' was given"
        if near := sorted(path.glob(f"*/{NAME}"))[:3]:
            allowed += f": here are {', '.join(str(each.parent) for each in near)}"
        problem = f"has no results of a sweep, which are in a file {NAME}"
        raise InputError(problem, path, allowed=allowed)
    with Store(file, reading=True) as store:
        if not store.experiment():
            problem = "holds what questions have simulated, and no sweep's results"
            raise InputError(problem, path, allowed="the folder of a sweep")
        yield store


def frame(store: Store) -> pd.DataFrame:
    """Return a row a point: where it lies, what its method was set to, and its measures.

    Parameters
    ----------
    store : Store
        The results, which may still become more.

    Returns
    -------
    DataFrame
        Axes are columns by their dotted keys, in the units of ``attrs["units"]``: s, Hz, B or
        B/s; 1 for shares and counts. Settings are text, in columns ``settings.*``.
    """
    import pandas as pd  # noqa: PLC0415  # takes as long to import as a small run

    wanted = store.experiment().get("measures") or None
    made = pd.DataFrame([_row(row, wanted) for row in results(store)])
    made.attrs["units"] = {name: unit for name, unit in units(store).items() if name in made}
    made.attrs["units"] |= {
        name: unit_of(name)
        for name in map(str, made)
        if name not in made.attrs["units"] and made[name].dtype.kind in "iuf"
    }
    return made


def units(store: Store) -> dict[str, str]:
    """Return the unit of each axis that is a number."""
    return {
        axis["key"]: axis["unit"] or "1"
        for dimension in store.experiment().get("dimensions", ())
        for axis in dimension["axes"]
        if not isinstance(axis["values"][0], str | bool)
    }


def dataset(store: Store) -> xr.Dataset:
    """Return measures as arrays over the experiment's dimensions.

    These are ``model``, ``workload``, each axis by its dotted key (sampled ones together as
    ``sample``, along which each is a coordinate), ``method``, ``seed``, and ``draw`` where models
    were drawn. What has not been simulated is NaN.

    Parameters
    ----------
    store : Store
        The results, which may still become more.

    Raises
    ------
    InputError
        If xarray is not installed, or there are no results yet.
    """
    try:
        import xarray as xr  # noqa: PLC0415  # an extra
    except ImportError:
        problem = "datasets need xarray; install simaccess[results]"
        raise InputError(problem) from None
    told = store.experiment()
    rows = list(results(store))
    if not rows:
        raise InputError("no results yet", store.path)
    wanted = told["measures"] or None
    coordinates = _coordinates(told)
    own = {"method": told["methods"], "seed": sorted({row.place["seed"] for row in rows})}
    if told["draws"]:
        own["draw"] = sorted({row.place["draw"] for row in rows})
    lengths = {name: len(values) for name, values in coordinates.items()} | {
        name: len(values) for name, values in own.items()
    }
    index = {name: {value: at for at, value in enumerate(values)} for name, values in own.items()}
    shape = tuple(lengths.values())
    arrays: dict[str, np.ndarray[Any, np.dtype[np.float64]]] = {}
    for row in rows:
        place = (*row.place["at"], *(index[name][row.place[name]] for name in own))
        for name, value in _measures(row, wanted).items():
            if isinstance(value, int | float) and not isinstance(value, bool):
                if name not in arrays:
                    arrays[name] = np.full(shape, np.nan)
                arrays[name][place] = value
    made = xr.Dataset(
        {
            name: (tuple(lengths), values, {"units": unit_of(name)})
            for name, values in arrays.items()
        },
        coords={**coordinates, **own},
        attrs={"question": told["question"], "objective": told["objective"]},
    )
    for dimension in told["dimensions"]:
        for axis in dimension["axes"]:
            along = (dimension["name"], axis["values"])
            made = made.assign_coords({axis["key"]: along})
            if axis["unit"]:
                made[axis["key"]].attrs["units"] = axis["unit"]
    return made


def _coordinates(told: dict[str, Any]) -> dict[str, list[Any]]:
    """Return the dimensions that every result has a place on, in the order of that place."""
    found = {"model": told["models"], "workload": told["workloads"]}
    for dimension in told["dimensions"]:
        values = dimension["axes"][0]["values"]
        found[dimension["name"]] = (
            list(range(len(values))) if dimension["name"] == _SAMPLE else values
        )
    return found


def results(store: Store) -> Iterator[Row]:
    """Return the simulations that are done, in the order of the experiment."""
    return (row for row in store.rows() if row.kind == Run.kind)


def _row(row: Row, wanted: list[str] | None) -> dict[str, Any]:
    place = {name: value for name, value in row.place.items() if name != "at"}
    every = measured(row.stored.text)
    settings = {name: value for name, value in every.items() if name.startswith("settings.")}
    return {**place, **settings, **_measures(row, wanted, every), "engine": row.stored.engine}


def _measures(
    row: Row, wanted: list[str] | None, every: dict[str, Any] | None = None
) -> dict[str, Any]:
    found = measured(row.stored.text) if every is None else every
    return {
        name: value
        for name, value in found.items()
        if not name.startswith("settings.") and (wanted is None or name in wanted)
    }
