"""Run every notebook from a clean kernel, and keep its outputs. Called by ``make notebooks``."""

from pathlib import Path

import nbformat
from nbclient import NotebookClient


def main() -> None:
    """Do it, one after the other; what raises keeps its notebook as it was."""
    folder = Path(__file__).parent
    for file in sorted(folder.glob("*.ipynb")):
        print(file.name, flush=True)
        notebook = nbformat.read(file, as_version=4)
        NotebookClient(
            notebook,
            timeout=600,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(folder)}},
        ).execute()
        nbformat.write(notebook, file)


if __name__ == "__main__":
    main()
