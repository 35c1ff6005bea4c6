"""Files take their places whole, and go where links, pipes and standard output lead."""

import os
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from simaccess.errors import InputError
from simaccess.whole_file import check, put, writing


def write(path: Path, text: str = "new") -> None:
    with writing(path) as whole:
        whole.write_text(text)


def poured(pipe: Path, write_it: threading.Thread) -> str:
    """Return what a thread writes into a pipe; wait for its end."""
    write_it.start()
    text = pipe.read_text()
    write_it.join()
    return text


def test_a_file_is_replaced_in_one_step_and_keeps_its_permissions(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o600)
    with path.open() as reader:
        write(path)
        assert reader.read() == "old"
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_changes_if_it_cannot_be_made(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("old")

    def fail() -> None:
        with writing(path) as whole:
            whole.write_text("half")
            raise OSError(28, "full")

    with pytest.raises(InputError, match=r"a\.csv: cannot be written: full"):
        fail()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("there", [True, False], ids=["file", "nothing"])
def test_a_symbolic_link_is_followed(there: bool, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target = tmp_path / "far" / "target.csv"
    if there:
        target.write_text("old")
    link = tmp_path / "link.csv"
    link.symlink_to(Path("far") / "target.csv")
    write(link)
    assert link.is_symlink()
    assert not target.is_symlink()
    assert target.read_text() == "new"
    made = tmp_path / "made"
    made.write_text("newer")
    assert put(made, link) == link
    assert link.is_symlink()
    assert target.read_text() == "newer"


def test_a_pipe_is_written_to(tmp_path: Path) -> None:
    pipe, made = tmp_path / "pipe", tmp_path / "made"
    os.mkfifo(pipe)
    made.write_text("newer")
    check(pipe, "--out")
    assert poured(pipe, threading.Thread(target=write, args=(pipe,))) == "new"
    assert poured(pipe, threading.Thread(target=put, args=(made, pipe))) == "newer"
    assert pipe.is_fifo()


def test_a_folder_and_a_ring_of_links_are_refused(tmp_path: Path) -> None:
    folder, ring = tmp_path / "folder", tmp_path / "ring"
    folder.mkdir()
    ring.symlink_to(ring)
    with pytest.raises(InputError, match="folder: is a folder; allowed: a file"):
        write(folder)
    with pytest.raises(InputError, match=r"--out = '.*folder': is a folder; allowed: a file"):
        check(folder, "--out")
    with pytest.raises(InputError, match="ring: cannot be written: Too many levels"):
        write(ring)
    with pytest.raises(InputError, match=r"--out = '.*ring': cannot be written: Too many levels"):
        check(ring, "--out")
    assert ring.is_symlink()


@pytest.mark.parametrize("way", ["pipe", "file"])
def test_standard_output_is_written_to(way: str, tmp_path: Path) -> None:
    code = (
        "from pathlib import Path\n"
        "from simaccess.whole_file import is_standard_output, writing\n"
        "print('before')\n"
        "with writing('/dev/stdout') as whole:\n"
        "    whole.write_text('new\\n')\n"
        "print(is_standard_output(Path('/dev/stdout')))\n"
    )
    command = [sys.executable, "-c", code]
    if way == "pipe":
        out = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout
    else:
        with (tmp_path / "out").open("w") as stream:
            subprocess.run(command, stdout=stream, check=True)
        out = (tmp_path / "out").read_text()
    assert out == "before\nnew\nTrue\n"
