"""The command line end to end: a run, its folder, its refusals, its interruption."""

import json
import shutil
import signal
import subprocess
import sys
import time

import pytest
import torch

from chsnn.checkpoint import read_checkpoint
from chsnn.data import load_data
from chsnn.evaluation import evaluate
from chsnn.export import from_nir, from_npz
from chsnn.lab.cli import main
from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import open_run

SMALL = ["--hidden", "64", "64", "--sparsity", "0.8", "--epochs", "6", "--timesteps", "4"]
REPORT_KEYS = {
    "data",
    "network",
    "timesteps",
    "seed",
    "epochs",
    "accuracy",
    "link_sparsity",
    "sparse_layers_sparsity",
    "node_sparsity",
    "firing_rate",
    "sops_per_sample",
    "energy_per_sample_j",
    "hardware",
    "train_seconds",
    "evolution_seconds",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "run"
    main(["train", *SMALL, "--out", str(folder)])
    return folder


def read_rows(path):
    lines = path.read_text().splitlines()
    return [dict(zip(lines[0].split(","), line.split(","), strict=True)) for line in lines[1:]]


def test_the_loss_falls_and_accuracy_beats_chance_by_far(run):
    rows = read_rows(run / "history.csv")
    assert float(rows[-1]["loss"]) < 0.5 * float(rows[0]["loss"])
    assert json.loads((run / "report.json").read_text())["accuracy"] > 0.7


def test_the_run_folder_is_complete(run):
    names = {path.name for path in run.iterdir()}
    assert names >= {
        "config.toml",
        "history.csv",
        "report.json",
        "checkpoint.safetensors",
        "best.safetensors",
        "learning_curves.png",
        "first_layer.png",
        "activity.png",
    }


def test_the_report_has_what_the_design_says(run):
    report = json.loads((run / "report.json").read_text())
    assert set(report) >= REPORT_KEYS | {"baseline", "sop_ratio", "energy_ratio"}
    assert set(report["baseline"]) >= REPORT_KEYS
    assert report["network"] == [64, 64, 64, 10]
    assert report["sparse_layers_sparsity"] == pytest.approx(0.8, abs=1e-4)
    assert report["baseline"]["link_sparsity"] == 0.0
    assert report["sop_ratio"] == pytest.approx(
        report["baseline"]["sops_per_sample"] / report["sops_per_sample"]
    )


def test_the_same_configuration_gives_the_same_run(run, tmp_path):
    again = tmp_path / "again"
    main(["train", "--config", str(run / "config.toml"), "--no-baseline", "--out", str(again)])
    ours, theirs = (json.loads((folder / "report.json").read_text()) for folder in (again, run))
    assert ours["baseline"] is None
    for key in ("accuracy", "link_sparsity", "firing_rate", "sops_per_sample"):
        assert ours[key] == theirs[key]


def test_evaluate_and_energy_agree_with_the_report(run, capsys):
    report = json.loads((run / "report.json").read_text())
    main(["evaluate", str(run), "--json"])
    assert json.loads(capsys.readouterr().out)["accuracy"] == report["accuracy"]
    main(["energy", str(run), "--hardware", "Loihi", "--json"])
    energy = json.loads(capsys.readouterr().out)
    assert energy["sops_per_sample"] == report["sops_per_sample"]
    assert energy["energy_per_sample_j"] == pytest.approx(23.6e-12 * energy["sops_per_sample"])


def test_the_last_epoch_can_be_the_one_that_counts(tmp_path, capsys):
    out = tmp_path / "run"
    settings = ["--network", "6conv2fc", "--width", "0.05", "--encoding", "direct"]
    short = ["--epochs", "1", "--no-baseline", "--train-images", "32"]
    main(["train", *settings, *short, "--out", str(out)])
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["export", str(out)])
    assert "'stages.1.pool', a MaxPool2d" in capsys.readouterr().err
    assert not (out / "network.nir").exists()
