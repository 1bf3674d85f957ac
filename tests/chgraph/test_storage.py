"""Files are whole or not there; a folder has one writer; what a killed one left is known."""

import errno
import os
import subprocess
import sys

import pytest

from chgraph.storage import (
    LOCK,
    FolderInUse,
    folder_lock,
    is_temporary,
    remove_temporary,
    write_atomically,
)

HOLDER = """
import sys, time
from pathlib import Path
from chgraph.storage import folder_lock
with folder_lock(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def started(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def holder(tmp_path):
    process = started(tmp_path)
    with process:  # closes its pipe
        yield process
        process.kill()


def test_a_second_process_is_refused_with_the_number_of_the_first(tmp_path, holder):
    with pytest.raises(FolderInUse, match=rf"{tmp_path} is being written by .*pid {holder.pid}\)"):
        folder_lock(tmp_path).__enter__()
    assert holder.poll() is None


def test_a_lock_dies_with_its_process(tmp_path, holder):
    holder.kill()
    holder.wait()
    with folder_lock(tmp_path):
        assert (tmp_path / LOCK).read_text() == f"{os.getpid()}\n"
    assert not (tmp_path / LOCK).exists()


def test_the_same_process_cannot_lock_twice_at_a_time(tmp_path):
    with folder_lock(tmp_path), pytest.raises(FolderInUse, match=f"pid {os.getpid()}"):
        folder_lock(tmp_path).__enter__()
    with folder_lock(tmp_path):
        assert (tmp_path / LOCK).exists()


def test_many_processes_never_hold_it_together(tmp_path):
    """Each adds one to a number, reading and writing apart; who is refused tries again."""
    code = """
import sys, time
from pathlib import Path
from chgraph.storage import FolderInUse, folder_lock
folder, added = Path(sys.argv[1]), 0
while added < 60:
    try:
        with folder_lock(folder):
            number = int((folder / "number").read_text())
            time.sleep(0)
            (folder / "number").write_text(str(number + 1))
            added += 1
    except FolderInUse:
        pass
"""
    (tmp_path / "number").write_text("0")
    processes = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [process.wait(timeout=60) for process in processes] == [0, 0, 0]
    assert (tmp_path / "number").read_text() == "180"


def test_a_folder_made_for_a_lock_goes_if_it_stays_empty(tmp_path):
    with folder_lock(tmp_path / "a" / "b"):
        assert (tmp_path / "a" / "b").is_dir()
    assert not (tmp_path / "a" / "b").exists()
    with folder_lock(tmp_path / "kept"):
        (tmp_path / "kept" / "result").write_text("")
    assert [p.name for p in (tmp_path / "kept").iterdir()] == ["result"]


def test_what_a_killed_writer_leaves_is_known_and_goes(tmp_path):
    code = """
import os, sys
from pathlib import Path
from chgraph.storage import write_atomically
os.fsync = lambda handle: os._exit(1)
write_atomically(Path(sys.argv[1]), b"half")
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "config.toml")], check=False)
    (left,) = tmp_path.iterdir()
    assert is_temporary(left.name)
    (tmp_path / ".config.toml").write_text("mine")
    remove_temporary(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == [".config.toml"]


def test_names_as_long_as_names_can_be_are_written(tmp_path):
    path = write_atomically(tmp_path / ("n" * 255), b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.parametrize("where", ["n" * 256, "loop", "file/inside"])
def test_an_error_of_the_file_system_names_the_file(tmp_path, where):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_text("")
    path = tmp_path / where / "result.csv"
    with pytest.raises(OSError, match="result") as error:
        write_atomically(path, b"content")
    assert error.value.filename == str(path)


def test_a_full_disk_names_the_file_and_leaves_the_one_before(tmp_path, monkeypatch):
    path = write_atomically(tmp_path / "result", b"before")

    def full(handle):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space") as error:
        write_atomically(path, b"after")
    assert (error.value.errno, error.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]
