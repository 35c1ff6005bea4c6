"""The store of an experiment: one SQLite file, which a sweep fills and anybody may read meanwhile.

It holds what each task gave under the task's key (`simaccess.sweep.identity`), whichever call of
the sweep asked for it, and apart from that where the experiment's present points lie and which key
each has. What is stored for other parameters or by other code stays, and is used again if those
come back.

The file is in write-ahead mode: readers see the last whole transaction and never wait, and a
process that is killed at any instant leaves whole transactions behind.
"""

from __future__ import annotations

import json
import sqlite3
import time
import weakref
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from simaccess.closing import Closing
from simaccess.errors import InputError

__all__ = ["NAME", "Row", "Store", "Stored"]

NAME = "sweep.sqlite"
"""The file's name within the folder of an experiment's results."""

VERSION = 1
"""Of the tables; a file with others is refused."""

APPLICATION = 0x53494D41
"""What tells the file from other SQLite files: "SIMA"."""

PATIENCE = 30.0
"""Seconds to wait for another process that writes."""

_TABLES = """
CREATE TABLE results (
    key TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, result TEXT NOT NULL,
    engine TEXT NOT NULL, seconds REAL NOT NULL
);
CREATE TABLE points (number INTEGER PRIMARY KEY, key TEXT NOT NULL, place TEXT NOT NULL);
CREATE TABLE failures (number INTEGER PRIMARY KEY, place TEXT NOT NULL, problem TEXT NOT NULL);
CREATE TABLE experiment (entry TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
"""

_MANY = 500  # keys asked for at a time; SQLite allows 999 in its oldest builds


@dataclass(frozen=True, slots=True)
class Stored:
    """What a task gave, as a store has it.

    Attributes
    ----------
    text : str
        The result.
    engine : str
        What simulated it.
    seconds : float
        How long that took.
    one_s : float or None
        Of a search, how long one simulation of what it found takes; not stored.
    why : str
        Of a simulation, why SimPy served; not stored.
    """

    text: str
    engine: str
    seconds: float
    one_s: float | None = field(default=None, compare=False)
    why: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Row:
    """A point of the experiment: where it lies, and what was stored for it."""

    number: int
    place: Mapping[str, Any]
    kind: str
    stored: Stored


class Store(Closing):
    """A store, to write or to read.

    Parameters
    ----------
    path : Path, optional
        The file. It and its folder are made if they are not there, unless `reading`. Without one,
        the store is in memory.
    reading : bool
        Whether nothing is to be written.

    Raises
    ------
    InputError
        If it cannot be opened, or is no store of this version.
    """

    def __init__(self, path: Path | None = None, *, reading: bool = False) -> None:
        self.path = path
        self._places: list[tuple[int, str, str]] = []
        with self._told("opened" if reading else "written"):
            if path is None:
                self._connection = sqlite3.connect(":memory:", isolation_level=None)
                # Nobody need close what is only in memory.
                weakref.finalize(self, self._connection.close)
            elif reading:
                if not path.is_file():
                    problem = "no results of a sweep; 'simaccess sweep --out' writes them"
                    raise InputError(problem, path)
                self._connection = _reader(path)
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                self._connection = sqlite3.connect(path, timeout=PATIENCE, isolation_level=None)
        try:
            with self._told("opened" if reading else "written"):
                self._prepare(reading)
        except BaseException:
            self._connection.close()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self.flush()
        finally:
            self.close()

    def close(self) -> None:
        """Close the file; what waits to be written is dropped."""
        self._connection.close()

    def begin(self, design: str, entries: Mapping[str, Any]) -> None:
        """Say what experiment the points belong to; the places of another one's are dropped.

        Parameters
        ----------
        design : str
            A digest of whatever decides which points there are, and their keys.
        entries : mapping of str to JSON
            What a reader needs to know of the experiment.
        """
        with self._writing() as connection:
            found = connection.execute("SELECT value FROM experiment WHERE entry = 'design'")
            if found.fetchone() != (json.dumps(design),):
                connection.execute("DELETE FROM points")
            connection.execute("DELETE FROM failures")
            connection.execute("DELETE FROM experiment")
            rows = [(name, json.dumps(value)) for name, value in entries.items()]
            rows.append(("design", json.dumps(design)))
            connection.executemany("INSERT INTO experiment VALUES (?, ?)", rows)

    def known(self, keys: Iterable[str]) -> dict[str, Stored]:
        """Return what is stored for some keys."""
        asked, found = list(keys), {}
        with self._told("read"):
            for start in range(0, len(asked), _MANY):
                some = asked[start : start + _MANY]
                marks = ",".join("?" * len(some))
                query = f"SELECT key, result, engine, seconds FROM results WHERE key IN ({marks})"
                for key, *stored in self._connection.execute(query, some):
                    found[key] = Stored(*stored)
        return found

    def keep(self, kind_of: Mapping[str, str], stored: Mapping[str, Stored]) -> None:
        """Store what tasks gave, all of it or nothing.

        Parameters
        ----------
        kind_of : mapping of str to str
            The kind of task by key.
        stored : mapping of str to Stored
            What it gave, by key.
        """
        rows = [
            (key, kind_of[key], each.text, each.engine, each.seconds)
            for key, each in stored.items()
        ]
        with self._writing() as connection:
            connection.executemany("INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?)", rows)
            self._write_places(connection)

    def place(self, number: int, key: str, place: Mapping[str, Any]) -> None:
        """Say where a point of the experiment lies; written with what is kept or flushed next."""
        self._places.append((number, key, json.dumps(place)))
        if len(self._places) >= _MANY:
            self.flush()

    def fail(self, number: int, place: Mapping[str, Any], problem: str) -> None:
        """Say that a point failed."""
        with self._writing() as connection:
            row = number, json.dumps(place), problem
            connection.execute("INSERT OR REPLACE INTO failures VALUES (?, ?, ?)", row)

    def flush(self) -> None:
        """Write what waits to be written."""
        if self._places:
            with self._writing() as connection:
                self._write_places(connection)

    def experiment(self) -> dict[str, Any]:
        """Return what `begin` was told of the experiment; empty before."""
        with self._told("read"):
            rows = self._connection.execute("SELECT entry, value FROM experiment").fetchall()
        return {entry: json.loads(value) for entry, value in rows}

    def rows(self) -> Iterator[Row]:
        """Return the experiment's points that are done, in order, as they stand at one instant."""
        query = (
            "SELECT number, place, kind, result, engine, seconds"
            " FROM points JOIN results USING (key) ORDER BY number"
        )
        with self._told("read"):
            for number, place, kind, *stored in self._connection.execute(query):
                yield Row(number, json.loads(place), kind, Stored(*stored))

    def failures(self) -> list[tuple[int, Mapping[str, Any], str]]:
        """Return number, place and problem of each point that failed."""
        with self._told("read"):
            rows = self._connection.execute("SELECT * FROM failures ORDER BY number").fetchall()
        return [(number, json.loads(place), problem) for number, place, problem in rows]

    def __len__(self) -> int:
        with self._told("read"):
            return int(self._connection.execute("SELECT count(*) FROM results").fetchone()[0])

    def _write_places(self, connection: sqlite3.Connection) -> None:
        places, self._places = self._places, []
        connection.executemany("INSERT OR REPLACE INTO points VALUES (?, ?, ?)", places)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Provide a transaction: at the end all of it is written, or after an error nothing."""
        with self._told("written"):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _prepare(self, reading: bool) -> None:
        tables = self._tables()  # first: whoever makes them tells the other two together with them
        application, version = (
            self._connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("application_id", "user_version")
        )
        if tables and (application, version) != (APPLICATION, VERSION):
            problem = "a database, but no store of this version of simaccess"
            raise InputError(problem, self.path, allowed="another folder")
        if reading:
            if not tables:
                raise InputError(
                    "holds no results yet; 'simaccess sweep --out' writes them", self.path
                )
            return
        # Whole after a crash of the process; after one of the machine the last may be missing.
        self._write_ahead()
        self._connection.execute("PRAGMA synchronous = NORMAL")
        if not tables:
            with self._writing() as connection:
                if not self._tables():  # nor has another process made them meanwhile
                    for statement in _TABLES.split(";"):
                        connection.execute(statement)
                    connection.execute(f"PRAGMA application_id = {APPLICATION}")
                    connection.execute(f"PRAGMA user_version = {VERSION}")

    def _write_ahead(self) -> None:
        """Put the file into write-ahead mode; SQLite does not wait for others who do the same."""
        end = time.monotonic() + PATIENCE
        while True:
            try:
                self._connection.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError as error:
                busy = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
                if not busy or time.monotonic() > end:
                    raise
                time.sleep(0.01)
            else:
                return

    def _tables(self) -> int:
        return int(self._connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0])

    @contextmanager
    def _told(self, what: str) -> Iterator[None]:
        """Tell of the database's errors, a full disk among them, in the user's words."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            said = error.strerror if isinstance(error, OSError) else str(error)
            raise InputError(f"cannot be {what}: {said}", self.path) from error


def _reader(path: Path) -> sqlite3.Connection:
    """Return a connection that only reads, also where the folder cannot be written to.

    A reader of a file in write-ahead mode takes two files beside it, which are gone at its end.
    Where they cannot be made, nobody writes, and the file can be taken as it is.
    """
    uri = path.absolute().as_uri()
    connection = sqlite3.connect(f"{uri}?mode=rw", timeout=PATIENCE, uri=True, isolation_level=None)
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.Error as error:
        connection.close()
        if not isinstance(error, sqlite3.OperationalError) or Path(f"{path}-wal").exists():
            raise
        return sqlite3.connect(f"{uri}?immutable=1", uri=True, isolation_level=None)
    return connection
