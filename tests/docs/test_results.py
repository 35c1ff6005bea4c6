"""docs/results.md defines whatever a result has."""

from dataclasses import fields

import pytest

from simaccess.result import Bytes, ConsumerResult, Latency, ProcessorTime, Result, StationUse
from tests.docs.pages import page

PAGE = page("docs/results.md")
DEFINED = {
    name.rpartition(".")[2]
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for name in line.split(" | ")[0].removeprefix("| ").replace("`", "").split(", ")
}
GROUPS = {"bytes", "processor_s", "links", "consumers"}
ASKED = {"model", "workload", "method", "settings", "seed"}
NOT_OF_THE_RUN = {"engine", "why"}


@pytest.mark.parametrize("part", [Result, ConsumerResult, Bytes, ProcessorTime, StationUse])
def test_every_figure_is_defined(part: type) -> None:
    names = {field.name for field in fields(part)} - ASKED - NOT_OF_THE_RUN
    assert names - GROUPS <= DEFINED
    assert all(f"`{name}" in PAGE for name in names & GROUPS)


def test_every_percentile_is_named() -> None:
    assert all(f"`{field.name}`" in PAGE for field in fields(Latency))
