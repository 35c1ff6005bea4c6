"""Where a sweep runs: this process, processes of this machine, or a Dask cluster."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from simaccess.errors import InputError
from simaccess.pool import available, local_workers

__all__ = ["PRELOAD", "Place", "cluster", "machine", "processors"]

PRELOAD = "simaccess.sweep.chunk"
"""What workers of this machine import once, together."""

WAIT = 10.0
"""Seconds in which a scheduler must answer."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where tasks are performed.

    Attributes
    ----------
    executor : Executor or None
        What performs them; None for this process.
    width : callable
        Says how many it performs at a time.
    verify : bool
        Whether its workers may have other code or files than this process.
    """

    executor: Executor | None
    width: Callable[[], int]
    verify: bool = False


@contextmanager
def machine(jobs: int | None = None) -> Iterator[Place]:
    """Provide processes of this machine, by default one for each of its processors.

    Raises
    ------
    InputError
        If `jobs` is less than 1.
    """
    count = processors(jobs)
    with local_workers(count, preload=PRELOAD) as workers:
        yield Place(workers, lambda: count)


def processors(jobs: int | None = None) -> int:
    """Return how many processes `machine` provides.

    Raises
    ------
    InputError
        If `jobs` is less than 1.
    """
    if jobs is not None and jobs < 1:
        raise InputError("too few", key="jobs", value=jobs, allowed="1 or more")
    return available() if jobs is None else jobs


def _check(scheduler: str, comm: Any) -> None:
    """Refuse what is no address, of which a client would complain once more when it is dropped."""
    scheme, _ = comm.parse_address(scheduler)
    comm.registry.get_backend(scheme)
    if scheme in ("tcp", "tls"):
        comm.get_address_host_port(scheduler)


@contextmanager
def cluster(scheduler: str) -> Iterator[Place]:
    """Provide the workers of a Dask cluster, which may come and go while it runs.

    Parameters
    ----------
    scheduler : str
        Its address, such as ``tcp://host:8786``.

    Raises
    ------
    InputError
        If distributed is not installed, or no scheduler answers there.
    """
    try:
        import distributed  # noqa: PLC0415  # an extra
    except ImportError:
        problem = "needs distributed; install simaccess[dask]"
        raise InputError(problem, key="--scheduler", value=scheduler) from None
    # Its log tells of what is told here in one line, and of workers that come and go.
    log = logging.getLogger("distributed")
    before = log.level
    log.setLevel(logging.CRITICAL)
    make: Any = distributed.Client  # it has no annotations
    try:
        _check(scheduler, distributed.comm)
        client = make(scheduler, timeout=WAIT, set_as_default=False)
    except (OSError, ValueError) as error:
        log.setLevel(before)
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        problem = f"no scheduler answers: {said}"
        allowed = "the address of a Dask scheduler, such as tcp://127.0.0.1:8786"
        raise InputError(problem, key="--scheduler", value=scheduler, allowed=allowed) from None
    try:
        executor = client.get_executor(pure=False)
        yield Place(executor, lambda: max(1, sum(client.nthreads().values())), verify=True)
    finally:
        client.close(timeout=WAIT)
        log.setLevel(before)
