"""Write the results of a sweep in the formats that other programs read."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from simaccess.errors import InputError
from simaccess.sweep.judged import verdicts
from simaccess.sweep.store import Store
from simaccess.sweep.tabulate import dataset, frame
from simaccess.whole_file import writing

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["FORMATS", "SUFFIXES", "Format", "as_text", "as_units", "check", "export"]

Format: TypeAlias = Literal["csv", "json", "parquet", "netcdf"]

FORMATS: tuple[Format, ...] = get_args(Format)

SUFFIXES: Mapping[str, Format] = {
    ".csv": "csv",
    ".json": "json",
    ".parquet": "parquet",
    ".nc": "netcdf",
}
"""Formats by the ends of files' names."""

_NEEDS: Mapping[Format, tuple[str, ...]] = {
    "parquet": ("pyarrow",),
    "netcdf": ("xarray", "h5netcdf", "h5py"),
}


def check(form: Format, *, judged: bool = False) -> None:
    """Check that a format can hold what is wanted, and that what it needs is installed.

    Raises
    ------
    InputError
        If something is missing, or verdicts are wanted as netCDF.
    """
    if judged and form == "netcdf":
        raise InputError("not for verdicts", key="--format", value=form, allowed=[*FORMATS[:-1]])
    missing = [name for name in _NEEDS.get(form, ()) if find_spec(name) is None]
    if missing:
        problem = f"needs {' and '.join(missing)}; install simaccess[results]"
        allowed = [each for each in FORMATS if each not in _NEEDS]
        raise InputError(problem, key="--format", value=form, allowed=allowed)


def as_text(store: Store, form: Format, *, judged: bool = False) -> str:
    """Return results, or the verdicts of their places, as CSV or JSON."""
    made = _rows(store, judged)
    if form == "csv":
        return str(made.to_csv(index=False))
    document = _document(store, made)
    return json.dumps(document, indent=1, ensure_ascii=False, allow_nan=False) + "\n"


def export(store: Store, form: Format, path: Path, *, judged: bool = False) -> None:
    """Write results into a file, by the rule of `simaccess.whole_file`.

    Parameters
    ----------
    store : Store
        The results.
    form : {'csv', 'json', 'parquet', 'netcdf'}
        Parquet has the units as metadata of its columns, netCDF as attributes.
    path : Path
        The file.
    judged : bool
        Whether the verdicts of the places are wanted (`simaccess.sweep.judged`), and not a row a
        simulation.

    Raises
    ------
    InputError
        If something that the format needs is not installed, or the file cannot be written.
    """
    check(form, judged=judged)
    write: Callable[[Path], object] = {
        "csv": lambda place: place.write_text(
            as_text(store, form, judged=judged), encoding="utf-8"
        ),
        "json": lambda place: place.write_text(
            as_text(store, form, judged=judged), encoding="utf-8"
        ),
        "parquet": lambda place: _to_parquet(_rows(store, judged), place),
        "netcdf": lambda place: dataset(store).to_netcdf(place, engine="h5netcdf"),
    }[form]
    with writing(path) as whole:
        write(whole)


def as_units(store: Store, *, judged: bool = False) -> str:
    """Return the unit of each column of `as_text` as CSV: 1 for shares and counts, none of text."""
    made = _rows(store, judged)
    known = made.attrs["units"]
    return "column,unit\n" + "".join(f"{name},{known.get(name, '')}\n" for name in made)


def _to_parquet(made: pd.DataFrame, place: Path) -> None:
    """Write a frame, with the unit of each column as its metadata ``units``."""
    import pyarrow as pa  # noqa: PLC0415  # an extra

    schema = pa.Schema.from_pandas(made, preserve_index=False)
    for name, unit in made.attrs["units"].items():
        at = schema.get_field_index(name)
        schema = schema.set(at, schema.field(at).with_metadata({"units": unit}))
    made.to_parquet(place, engine="pyarrow", index=False, schema=schema)


def _rows(store: Store, judged: bool) -> pd.DataFrame:
    return verdicts(store) if judged else frame(store)


def _document(store: Store, made: pd.DataFrame) -> dict[str, Any]:
    import pandas as pd  # noqa: PLC0415  # takes as long to import as a small run

    rows = [
        {name: None if pd.isna(value) else value for name, value in row.items()}
        for row in made.to_dict("records")
    ]
    told = store.experiment()
    return {
        "question": told.get("question"),
        "units": made.attrs["units"],
        "failures": [{**place, "problem": problem} for _, place, problem in store.failures()],
        "results": rows,
    }
