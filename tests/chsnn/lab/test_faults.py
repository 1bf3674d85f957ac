"""Disks, folders, threads and edited files: one line, exit 2, and nothing is lost."""

import errno
import json
import os
import shutil
import tempfile
import tomllib

import pytest
import tomli_w
import torch
from safetensors.torch import save_file

from chsnn.lab import experiment
from chsnn.lab.cli import main
from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import Experiment
from chsnn.training import Trainer

SMALL = [
    "--hidden",
    "20",
    "--sparsity",
    "0.8",
    "--epochs",
    "2",
    "--timesteps",
    "3",
    "--no-baseline",
]
CHEAP = [*SMALL, "--train-images", "200", "--batch-size", "50"]


def refused(arguments, capsys):
    """The one line with which a command ends."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    error = capsys.readouterr().err
    assert stop.value.code == 2, error
    assert error.count("\n") == 1
    return error


def content(folder):
    return {p.relative_to(folder): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("faults") / "run"
    main(["train", *CHEAP, "--out", str(folder)])
    return folder


@pytest.fixture
def copy(finished, tmp_path):
    return shutil.copytree(finished, tmp_path / "copy")


@pytest.fixture
def no_training(monkeypatch):
    """Training is an error: what is refused is refused before."""
    monkeypatch.setattr(Trainer, "epoch", lambda *_: pytest.fail("trained"))


@pytest.mark.parametrize("command", [["train", *CHEAP], ["compare", "--hidden", "20"]])
def test_a_folder_under_a_file_is_refused_before_any_work(tmp_path, capsys, command, no_training):
    (tmp_path / "file").write_text("precious")
    error = refused([*command, "--out", tmp_path / "file" / "run"], capsys)
    assert f"out must be a folder, and {tmp_path / 'file'} is a file" in error
    assert (tmp_path / "file").read_text() == "precious"


@pytest.mark.parametrize("command", [["train", *CHEAP], ["compare", "--hidden", "20"]])
def test_a_folder_that_cannot_be_written_is_refused_before_any_work(capsys, command, no_training):
    error = refused([*command, "--out", "/proc/chsnn/run"], capsys)
    assert "out must be a folder that can be written" in error


def test_a_run_folder_that_cannot_be_written_stays_as_it_was(
    copy, capsys, monkeypatch, no_training
):
    def denied(*_, **options):
        raise PermissionError(errno.EACCES, "Permission denied", str(options["dir"]))

    before = content(copy)
    monkeypatch.setattr(tempfile, "NamedTemporaryFile", denied)
    for command in (["train", *CHEAP, "--force", "--out", copy], ["resume", copy]):
        assert "permission denied" in refused(command, capsys)
    assert content(copy) == before


def full_disk(*_):
    raise OSError(errno.ENOSPC, "No space left on device")


def test_a_full_disk_leaves_an_earlier_run_as_it_was(copy, capsys, monkeypatch):
    before = content(copy)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full_disk)
        error = refused(["train", *CHEAP, "--seed", "5", "--force", "--out", copy], capsys)
    assert "no space left on device" in error
    assert content(copy) == before
    main(["evaluate", str(copy)])
    assert "test accuracy" in capsys.readouterr().out


def test_a_full_disk_leaves_no_new_folder(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(os, "fsync", full_disk)
    refused(["train", *CHEAP, "--out", tmp_path / "run"], capsys)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("writes", [4, 6, 9])
def test_a_disk_that_fills_later_loses_no_finished_epoch(
    tmp_path, finished, capsys, monkeypatch, writes
):
    fsync, calls = os.fsync, []

    def filling(handle):
        calls.append(handle)
        return full_disk() if len(calls) > writes else fsync(handle)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        refused(["train", *CHEAP, "--out", tmp_path / "run"], capsys)
    assert not [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")]
    main(["resume", str(tmp_path / "run")])
    ours, theirs = (
        json.loads((f / "report.json").read_text()) for f in (tmp_path / "run", finished)
    )
    assert ours["accuracy"] == theirs["accuracy"]
    assert ours["sops_per_sample"] == theirs["sops_per_sample"]


def edit(folder, **changes):
    """Change settings in a run's file, at whatever depth they stand."""
    path = folder / "config.toml"
    table = tomllib.loads(path.read_text())
    places = [table, *(value for value in table.values() if isinstance(value, dict))]
    for name, value in changes.items():
        (place,) = [place for place in places if name in place]
        place[name] = value
    path.write_text(tomli_w.dumps(table))


def test_edited_epochs_batch_size_and_learning_rate_take_effect(copy, monkeypatch):
    seen = []
    epoch = Trainer.epoch

    def watched(trainer, *data):
        seen.append(trainer.settings)
        return epoch(trainer, *data)

    monkeypatch.setattr(Trainer, "epoch", watched)
    edit(copy, epochs=4, batch_size=25, learning_rate=0.0125)
    main(["resume", str(copy)])
    assert [(s.epochs, s.batch_size, s.learning_rate) for s in seen] == [(4, 25, 0.0125)] * 2
    assert json.loads((copy / "report.json").read_text())["epochs"] == 4
    for name in ("config.toml", "trained.toml"):
        table = tomllib.loads((copy / name).read_text())
        assert (table["epochs"], table["batch_size"], table["learning_rate"]) == (4, 25, 0.0125)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("hidden", [30]),
        ("seed", 3),
        ("sparsity", 0.5),
        ("timesteps", 9),
        ("optimizer", "sgd"),
        ("epochs", 1),
        ("zeta", 0.1),
    ],
)
def test_another_edited_setting_is_refused_and_nothing_is_written(copy, capsys, name, value):
    edit(copy, **{name: value})
    before = content(copy)
    error = refused(["resume", copy], capsys)
    assert ("evolution" if name == "zeta" else name) in error
    assert content(copy) == before


def test_a_run_of_an_older_format_says_so_and_stays_as_it_was(copy, capsys):
    (copy / "trained.toml").unlink()
    for name in ("checkpoint.safetensors", "checkpoint.previous.safetensors", "best.safetensors"):
        (copy / name).unlink()
        metadata = {"chsnn": json.dumps({"format": 2}), "sha256": "?"}
        save_file({"x": torch.zeros(1)}, copy / name, metadata=metadata)
    before = content(copy)
    for command in ("resume", "evaluate", "energy"):
        assert "format 2" in refused([command, copy], capsys)
    assert content(copy) == before


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--learning-rate", "1e300"], "learning_rate"),
        (["--weight-decay", "1e300"], "weight_decay"),
        (["--neuron.v-th", "1e300"], "v_th"),
        (["--timesteps", str(2**63)], "timesteps"),
        (["--threads", "100000"], "threads"),
        (["--shift", "-1"], "shift"),
        (
            ["--evolution.density-schedule", "sigmoid", "--evolution.final-sparsity", "0.9999"],
            "0.9999",
        ),
        (
            ["--evolution.density-schedule", "sigmoid", "--evolution.final-sparsity", "0.5"],
            "final_sparsity",
        ),
    ],
)
def test_numbers_that_cannot_be_are_named_before_any_work(
    tmp_path, capsys, no_training, arguments, named
):
    error = refused(["train", *SMALL, *arguments, "--out", tmp_path / "run"], capsys)
    assert named in error
    assert not (tmp_path / "run").exists()


def test_a_comparison_with_a_sparsity_without_links_is_refused_before_any_work(
    tmp_path, capsys, no_training
):
    choice = ["--hidden", "20", "--methods", "fully connected", "SET", "--sparsities", "0.9999"]
    error = refused(["compare", *choice, "--out", tmp_path / "all"], capsys)
    assert "without links" in error
    assert not (tmp_path / "all").exists()


def test_a_comparison_goes_on_with_another_number_of_threads(tmp_path, capsys, monkeypatch):
    command = ["compare", "--hidden", "20", "--epochs", "2", "--timesteps", "3"]
    command += ["--train-images", "200", "--methods", "SET", "static", "--sparsities", "0.8"]
    run, calls = experiment.Experiment.run, []

    def interrupted(prepared, **options):
        calls.append(prepared.config.threads)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return run(prepared, **options)

    out = ["--out", str(tmp_path / "all")]
    with monkeypatch.context() as patch:
        patch.setattr(experiment.Experiment, "run", interrupted)
        with pytest.raises(SystemExit) as stop:
            main([*command, "--threads", "1", *out])
    assert stop.value.code == 130
    for threads in ("2", "1"):
        main([*command, "--threads", threads, *out])
        rows = json.loads((tmp_path / "all" / "comparison.json").read_text())
        assert [row["method"] for row in rows] == ["SET", "static"]


# ------------------------------------------------------------------ an earlier run is not lost


def test_a_finished_run_is_replaced_only_when_that_is_said(copy, capsys):
    before = content(copy)
    for options in ([], ["--seed", "5"], ["--json"]):
        error = refused(["train", *CHEAP, *options, "--out", copy], capsys)
        assert "holds a finished run" in error
        assert f"chsnn resume {copy}" in error
        assert "--force" in error
    assert content(copy) == before
    with pytest.raises(ValueError, match="holds a finished run"):
        Experiment.prepare(RunConfig.read(copy / "config.toml", out=copy)).run(progress=False)
    assert content(copy) == before
    main(["train", *CHEAP, "--seed", "5", "--force", "--out", str(copy)])
    assert json.loads((copy / "report.json").read_text())["seed"] == 5


def test_an_interrupted_run_is_not_erased(copy, capsys):
    (copy / "report.json").unlink()
    before = content(copy)
    assert "holds an interrupted run" in refused(["train", *CHEAP, "--out", copy], capsys)
    assert content(copy) == before


def test_a_folder_with_settings_alone_may_be_trained_in(copy):
    for path in copy.iterdir():
        if path.name != "config.toml" and path.is_file():
            path.unlink()
    main(["train", *CHEAP, "--no-baseline", "--out", str(copy)])
    assert (copy / "report.json").is_file()
