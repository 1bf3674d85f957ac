"""A run begins in a folder, or in that of another: killed at any write, one of the two is whole."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chgraph.storage import LOCK, folder_lock
from chsnn.checkpoint import read_checkpoint
from chsnn.lab import starting
from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import Experiment, config_to_resume, open_run, read_config
from chsnn.lab.identity import RunIdentity
from chsnn.training import Trainer
from tests.chsnn.lab.small_runs import CHEAP, content, ended, refused

FIRST = ("config.toml", "trained.toml")
ONE = [*CHEAP, "--no-baseline"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("starting") / "run"
    assert ended("train", *ONE, "--out", folder)[0] == 0
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


class Killed(BaseException):
    """The end of a process, as far as files are concerned: nothing tidies up after it."""


def killed_at(monkeypatch, n, work):
    """Do the work, ended at the n-th change of a name or removal; return whether it was."""
    calls = []

    def counted(function):
        def call(*arguments, **options):
            calls.append(function)
            if len(calls) >= n:  # whatever would tidy up is no more either
                raise Killed
            return function(*arguments, **options)

        return call

    with monkeypatch.context() as patch:
        for name in ("replace", "rename", "unlink", "rmdir"):
            patch.setattr(os, name, counted(getattr(os, name)))
        try:
            work()
        except Killed:
            return True
    return False


def test_a_forced_run_killed_at_any_moment_leaves_the_old_or_the_new_one(
    finished, tmp_path, monkeypatch
):
    read = RunConfig.read(finished / "config.toml")
    options = {name: getattr(read, name) for name in read.__dataclass_fields__} | {"seed": 5}
    network = Experiment.prepare(RunConfig(**options | {"out": tmp_path / "x"})).network
    ends = set()
    for n in range(1, 200):
        folder = shutil.copytree(finished, tmp_path / str(n))
        config = RunConfig(**options | {"out": folder})
        run = RunIdentity.new(config)
        trainer = Trainer(network, settings=config.training(), run=run.of("sparse"))

        def begin(config=config, trainer=trainer, run=run):
            with starting.writing(config.out):
                starting.start_anew(config, trainer, run)

        before = content(folder)
        was_killed = killed_at(monkeypatch, n, begin)
        (folder / LOCK).unlink(missing_ok=True)
        is_old = read_config(folder).seed == 0
        config = open_run(folder)[0] if is_old else config_to_resume(folder)
        ends.add(config.seed)
        if config.seed == 0:
            kept = content(folder)
            assert {name: kept[name] for name in before} == before
        else:
            saved = read_checkpoint(folder / "checkpoint.safetensors")
            assert (saved.settings.seed, saved.run) == (5, run.of("sparse"))
            assert {p.name for p in folder.iterdir()} == {*FIRST, "checkpoint.safetensors"}
        if not was_killed:
            break
    assert n > 10
    assert ends == {0, 5}


@pytest.mark.parametrize("name", [".config.toml.k3_x9f0a.tmp", ".config.toml.abcd1234", ".lock"])
def test_what_a_killed_process_left_makes_no_folder_unusable(tmp_path, name):
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / name).write_text("half")
    assert ended("train", *ONE, "--out", folder)[0] == 0
    left = [p.name for p in folder.iterdir() if p.name.startswith(".")]
    assert left == ([name] if name.endswith("abcd1234") else [])  # of an unknown writer: kept


def test_resume_removes_what_a_killed_process_left(copy):
    for name in (".best.safetensors.k3_x9f0a.tmp", ".checkpoint.previous.safetensors.previous.tmp"):
        (copy / name).write_text("half")
    (copy / ".new").mkdir()
    assert ended("resume", copy)[0] == 0
    assert not [p.name for p in copy.iterdir() if p.name.startswith(".")]


def test_a_second_writer_is_refused_and_changes_nothing(copy, tmp_path):
    with folder_lock(copy):
        before = content(copy)
        for command in (("resume", copy), ("train", *ONE, "--force", "--out", copy)):
            assert f"{copy} is being written by another process (pid {os.getpid()})" in refused(
                *command
            )
        assert content(copy) == before
        assert ended("evaluate", copy)[0] == 0  # reading disturbs nobody
    with folder_lock(tmp_path / "all"):
        assert "is being written by" in refused(
            "compare", "--hidden", "20", "--methods", "SET", "--out", tmp_path / "all"
        )


@pytest.mark.parametrize("where", ["name", "loop", "link"])
@pytest.mark.parametrize("command", ["train", "compare", "resume", "evaluate", "energy", "export"])
def test_folders_that_cannot_be_are_one_line(tmp_path, finished, command, where):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    folder = tmp_path / ("n" * 300 if where == "name" else where)
    if command in ("train", "compare"):
        flags = ONE if command == "train" else ("--hidden", "20", "--methods", "SET")
        said = refused(command, *flags, "--out", folder)
    else:
        said = refused(command, folder)
    assert str(folder) in said


def test_results_that_cannot_be_written_are_one_line(finished, tmp_path):
    (tmp_path / "file").write_text("")
    target = tmp_path / "file" / "out"
    assert str(target) in refused("export", finished, "--to", "npz", "--out", target)
    assert str(target) in refused("energy", finished, "--csv", target)
    assert str(target) in refused("energy", finished, "--plot", target.with_suffix(".png"))


def alive(pid):
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


@pytest.mark.skipif(not os.path.isdir("/proc"), reason="looks into /proc")
@pytest.mark.parametrize("signal_name", ["SIGTERM", "SIGKILL"])
def test_runs_of_a_comparison_end_with_it(tmp_path, signal_name):
    command = [sys.executable, "-m", "chsnn.lab.cli", "compare", "--hidden", "64", "--timesteps"]
    command += ["4", "--epochs", "500", "--methods", "SET", "static", "--threads", "1"]
    command += ["--processes", "2", "--out", str(tmp_path / "all")]
    parent = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    children, deadline = [], time.monotonic() + 300
    try:
        while time.monotonic() < deadline and len(children) < 2:
            locks = (tmp_path / "all").rglob("seed-0/.lock")
            found = [lock.read_text().strip() for lock in locks if lock.exists()]
            children = [int(pid) for pid in found if pid and int(pid) != parent.pid]
            time.sleep(0.05)
        assert len(children) == 2
        parent.send_signal(getattr(signal, signal_name))
        parent.wait(timeout=30)
        deadline = time.monotonic() + 20
        while any(alive(pid) for pid in children) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(alive(pid) for pid in children)
    finally:
        parent.kill()
        parent.wait()
    with folder_lock(tmp_path / "all"):  # free for the next
        assert starting.finish_start(tmp_path / "all") is None
