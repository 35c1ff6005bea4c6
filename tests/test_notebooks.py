"""The notebooks run from a clean kernel, and give what is committed."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nbformat
import numpy as np
import pytest
from matplotlib.image import imread
from nbclient import NotebookClient
from numpy.typing import NDArray

NOTEBOOKS = sorted((Path(__file__).parents[1] / "notebooks").glob("*.ipynb"))

RMS = 3.0  # of 255, by which two renderings of a picture may differ


def picture(encoded: str) -> NDArray[np.float64]:
    """Return a picture's pixels, shape (height, width, channels), 0 to 255."""
    return 255 * np.asarray(imread(io.BytesIO(base64.b64decode(encoded)), "png"), np.float64)


def outputs(notebook: nbformat.NotebookNode) -> Iterator[tuple[int, str, Any]]:
    """Yield a cell's number, and the kind and content of each of its outputs."""
    for number, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "stream":
                yield number, output.name, output.text
            elif output.output_type == "error":
                yield number, "error", output.evalue
            else:
                yield from ((number, *item) for item in sorted(output.data.items()))


@pytest.mark.slow
@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
# The libraries of the kernel's client are not ours to mend.
@pytest.mark.filterwarnings("default")
def test_a_notebook_gives_what_is_committed(file: Path) -> None:
    committed = nbformat.read(file, as_version=4)
    ran = nbformat.read(file, as_version=4)
    nbformat.validate(committed)
    client = NotebookClient(
        ran, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(file.parent)}}
    )
    client.execute()
    before, after = list(outputs(committed)), list(outputs(ran))
    assert [entry[:2] for entry in before] == [entry[:2] for entry in after]
    for (number, kind, expected), (_, _, found) in zip(before, after, strict=True):
        where = f"{file.name}, cell {number}, {kind}: run 'make notebooks' and look at what changed"
        if kind == "image/png":
            old, new = picture(expected), picture(found)
            assert old.shape == new.shape, where
            assert np.sqrt(np.mean((old - new) ** 2)) <= RMS, where
        else:
            assert found == expected, where


@pytest.mark.parametrize("file", NOTEBOOKS, ids=lambda file: file.stem)
def test_a_notebook_was_run_from_its_top(file: Path) -> None:
    notebook = nbformat.read(file, as_version=4)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    kinds = {kind for _, kind, _ in outputs(notebook)}
    assert "image/png" in kinds
    assert not kinds & {"stderr", "error"}
    assert any("assert " in cell.source for cell in code)
