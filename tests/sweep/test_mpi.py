"""A sweep on processes of MPI: the same bits."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

BOUND = 120.0

MPI = """
import sys
from mpi4py.futures import MPIPoolExecutor
from simaccess.sweep.run import complete, run
from simaccess.sweep.task import ModelRef, Run, WorkloadRef

if __name__ == "__main__":
    work = WorkloadRef("random", (("requests", 50),))
    runs = [Run(ModelRef("example-link"), work, "copy-once", seed=seed) for seed in range(20)]
    with MPIPoolExecutor() as executor:
        found = {done.index: done.result for done in complete(runs, executor, verify=True)}
    print([found[index] for index in range(20)] == run(runs))
"""


@pytest.mark.slow
def test_processes_of_mpi_give_the_same_bits(tmp_path: Path) -> None:
    pytest.importorskip("mpi4py", reason="needs mpi4py")
    launcher = shutil.which("mpiexec", path=f"{Path(sys.executable).parent}:{os.environ['PATH']}")
    if launcher is None:
        pytest.skip("needs mpiexec")
    (tmp_path / "sweep.py").write_text(MPI, encoding="utf-8")
    allowed = {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    shared = {
        "OMPI_MCA_rmaps_base_oversubscribe": "1",
        "PRTE_MCA_rmaps_default_mapping_policy": ":oversubscribe",
    }
    made = subprocess.run(
        [launcher, "-n", "2", sys.executable, "-m", "mpi4py.futures", "sweep.py"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        timeout=BOUND,
        env={**os.environ, **allowed, **shared},
        check=False,
    )
    assert made.stdout.strip() == "True", made.stderr
