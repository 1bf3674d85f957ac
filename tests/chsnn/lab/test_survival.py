"""A run survives: killed at random moments, or with a damaged file, it ends as a straight one."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from chsnn.checkpoint import read_checkpoint
from chsnn.lab.cli import main

SETTINGS = ["--hidden", "128", "--epochs", "30", "--timesteps", "4", "--no-baseline"]
SETTINGS += ["--evolution.new-weights", "last", "--threads", "1"]


@pytest.fixture(scope="module")
def straight(tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight") / "run"
    main(["train", *SETTINGS, "--out", str(folder)])
    return folder


def assert_same_run(one, two):
    ours, theirs = (json.loads((folder / "report.json").read_text()) for folder in (one, two))
    for name in ours:
        if not name.endswith("seconds") and name != "run":  # which tells the two apart
            assert ours[name] == theirs[name], name
    last = [read_checkpoint(folder / "checkpoint.safetensors") for folder in (one, two)]
    assert last[0].restore_model().graphs == last[1].restore_model().graphs
    rows = [[untimed(row) for row in saved.history] for saved in last]
    assert rows[0] == rows[1]


def untimed(row):
    return {name: value for name, value in row.items() if not name.endswith("seconds")}


def finished_epochs(folder):
    path = folder / "checkpoint.safetensors"
    return len(read_checkpoint(path).history) if path.exists() else 0


def test_a_run_killed_again_and_again_ends_as_if_nothing_had_happened(straight, tmp_path):
    folder, rng, kills, before = tmp_path / "run", np.random.default_rng(0), 0, 0
    command = ["train", *SETTINGS, "--out", str(folder)]
    while not (folder / "report.json").exists():
        # Let it get one to eight epochs further, then a moment more: no moment is special.
        goal = before + int(rng.integers(1, 9))
        with subprocess.Popen(
            [sys.executable, "-m", "chsnn.lab.cli", *command],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        ) as process:
            try:
                while process.poll() is None and finished_epochs(folder) < goal:
                    time.sleep(0.005)
                time.sleep(0.15 * rng.random())
            finally:
                process.send_signal(signal.SIGKILL)
        kills += process.returncode == -signal.SIGKILL
        assert finished_epochs(folder) >= min(goal, 30)
        before, command = finished_epochs(folder), ["resume", str(folder)]
    assert kills >= 3
    assert_same_run(folder, straight)


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """A run folder as it is when the fourth epoch has just been saved."""
    import chsnn.training

    folder = tmp_path / "stopped"
    save = chsnn.training.Trainer._save_epoch

    def stopping(trainer, place, row):
        save(trainer, place, row)
        if len(trainer.history.rows) == 4:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(chsnn.training.Trainer, "_save_epoch", stopping)
        with pytest.raises(SystemExit):
            main(["train", *SETTINGS, "--out", str(folder)])
    assert finished_epochs(folder) == 4
    return folder


@pytest.mark.parametrize("damage", ["truncated", "tampered"])
def test_the_checkpoint_before_serves_when_the_last_is_damaged(stopped, straight, damage):
    path = stopped / "checkpoint.safetensors"
    content = bytearray(path.read_bytes())
    if damage == "truncated":
        content = content[:1000]
    else:
        content[len(content) // 2] ^= 1
    path.unlink()  # the one before may be the same file on disk under another name
    path.write_bytes(bytes(content))
    with pytest.warns(UserWarning, match=r"checkpoint\.safetensors is not .* \(epoch 3\)"):
        main(["resume", str(stopped)])
    assert_same_run(stopped, straight)


def test_two_damaged_checkpoints_are_refused_in_one_line(stopped, capsys):
    for name in ("checkpoint.safetensors", "checkpoint.previous.safetensors"):
        (stopped / name).write_bytes(b"damage")
    with pytest.raises(SystemExit) as stop:
        main(["resume", str(stopped)])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert "checkpoint.previous.safetensors is not a checkpoint" in error


def test_the_history_can_be_read_by_tensorboard(tmp_path):
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    folder = tmp_path / "run"
    short = ["--hidden", "16", "--epochs", "2", "--timesteps", "2", "--no-baseline"]
    main(["train", *short, "--tensorboard", "--out", str(folder)])
    reader = events.EventAccumulator(str(folder / "tensorboard"))
    reader.Reload()
    rows = read_checkpoint(folder / "checkpoint.safetensors").history
    for name in ("loss", "validation_accuracy", "overlap", "firing_rate.layers.1"):
        assert [event.step for event in reader.Scalars(name)] == [1, 2]
        np.testing.assert_allclose(
            [event.value for event in reader.Scalars(name)], [row[name] for row in rows], rtol=1e-6
        )


def test_without_tensorboard_the_extra_is_named(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(SystemExit):
        main(["train", "--hidden", "16", "--epochs", "1", "--tensorboard", "--out", str(tmp_path)])
    assert "chgraph[logging]" in capsys.readouterr().err
