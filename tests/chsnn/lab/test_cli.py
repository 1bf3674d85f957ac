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
    # At this rate the validation accuracy goes up and down from epoch to epoch.
    settings = ["--hidden", "64", "--epochs", "6", "--timesteps", "4", "--learning-rate", "0.3"]
    settings += ["--learning-rate-schedule", "constant", "--no-baseline"]
    main(["train", *settings, "--select", "last", "--out", str(out)])
    report = json.loads((out / "report.json").read_text())
    last, best = (read_checkpoint(out / f"{name}.safetensors") for name in ("checkpoint", "best"))
    test = load_data("digits").test
    assert report["accuracy"] == evaluate(last.restore_model(), test)
    assert report["best_validation_accuracy"] == best.history[-1]["validation_accuracy"]
    assert len(best.history) < len(last.history) == 6
    capsys.readouterr()
    main(["evaluate", str(out), "--json"])
    assert json.loads(capsys.readouterr().out)["accuracy"] == report["accuracy"]


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--data", "letters"], "letters"),
        (["--sparsity", "1.0"], "sparsity"),
        (["--sparsity", "-0.1"], "sparsity"),
        (["--sparsity", "0.99999"], "without links"),
        (["--epochs", "0"], "epochs"),
        (["--hardware", "abacus"], "hardware"),
        (["--config", "no-such.toml"], "no-such.toml"),
        (["--neuron.alpha", "1.5"], "alpha"),
        (["--evolution.zeta", "2"], "zeta"),
        (["--epochs", "many"], "many"),
        (["--spasity", "0.9"], "--spasity"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, named, tmp_path, capsys):
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        main(["train", *arguments, "--out", str(out)])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert named in error
    assert not out.exists()


def test_a_folder_that_is_no_run_folder_is_left_alone(tmp_path, capsys):
    precious = tmp_path / "thesis.txt"
    precious.write_text("years of work")
    with pytest.raises(SystemExit) as stop:
        main(["train", *SMALL, "--out", str(tmp_path)])
    assert stop.value.code == 2
    assert "nothing was changed" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]
    assert precious.read_text() == "years of work"


def test_a_diverging_run_says_so_and_keeps_its_folder(tmp_path, capsys):
    diverging = ["--no-baseline", "--optimizer", "sgd", "--learning-rate", "1e30"]
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as stop:
        main(["train", *SMALL, *diverging, "--out", str(out)])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert "try a learning rate below 1e+30" in error
    assert (out / "checkpoint.safetensors").is_file()


def test_ctrl_c_leaves_a_checkpoint_that_resumes_to_the_same_end(run, tmp_path, capsys):
    out = tmp_path / "out"
    command = [sys.executable, "-m", "chsnn.lab.cli", "train", *SMALL, "--no-baseline"]
    process = subprocess.Popen(
        [*command, "--out", str(out)],
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background of a shell inherits an ignored SIGINT.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    deadline = time.monotonic() + 120
    # The first checkpoint stands before the first epoch: almost the whole run is still to come.
    while not (out / "checkpoint.safetensors").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    error = process.communicate(timeout=60)[1]
    assert process.returncode == 130
    assert f"chsnn resume {out}" in error.splitlines()[-1]
    assert not (out / "report.json").exists()
    main(["resume", str(out)])
    ours, theirs = (json.loads((folder / "report.json").read_text()) for folder in (out, run))
    assert ours["accuracy"] == theirs["accuracy"]
    assert ours["sops_per_sample"] == theirs["sops_per_sample"]


def test_energy_beside_the_baseline_goes_to_csv_and_picture(run, tmp_path, capsys):
    table, picture = tmp_path / "layers.csv", tmp_path / "layers.png"
    files = ["--csv", str(table), "--plot", str(picture)]
    main(["energy", str(run), "--compare", str(run / "baseline"), "--per-sample", "--json", *files])
    energy = json.loads(capsys.readouterr().out)
    report = json.loads((run / "report.json").read_text())
    assert energy["sop_ratio"] == pytest.approx(report["sop_ratio"])
    assert len(energy["samples"]["sops"]) == energy["n_samples"]
    rows = table.read_text().splitlines()
    assert rows[0].startswith("name,kind,n_links")
    assert len(rows) == 1 + len(energy["layers"])
    assert picture.read_bytes()[:4] == b"\x89PNG"


def test_energy_takes_hardware_from_a_file(run, tmp_path, capsys):
    chip = tmp_path / "chip.toml"
    chip.write_text('[chip.sop]\nvalue = 3\nunit = "pJ"\nsource = "data sheet"\n')
    main(["energy", str(run), "--hardware", str(chip), "--json"])
    energy = json.loads(capsys.readouterr().out)
    assert energy["hardware"] == "chip"
    assert energy["energy_per_sample_j"] == pytest.approx(3e-12 * energy["sops_per_sample"])


def test_energy_compares_runs_on_the_same_samples_only(run, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(run, other)
    config = other / "config.toml"
    config.write_text(config.read_text().replace('data = "digits"', 'data = "mnist"'))
    with pytest.raises(SystemExit):
        main(["energy", str(run), "--compare", str(other)])
    assert "compare must be a run on the same samples: data" in capsys.readouterr().err


def test_s_tp_starts_from_its_published_settings(tmp_path, capsys):
    out = tmp_path / "stp"
    main(["train", *SMALL, "--learning", "s-tp", "--stp.weight-bits", "8", "--out", str(out)])
    report = json.loads((out / "report.json").read_text())
    config = RunConfig.read(out / "config.toml")
    assert (config.neuron.v_th, config.neuron.surrogate) == (4.0, "box")
    assert (config.learning_rate, config.evolution.zeta) == (1e-4, 0.35)
    assert (config.stp.window, config.stp.weight_bits) == (4, 8)
    assert report["learning"] == "s-tp"
    assert set(report["learnt"]) == {"unused_spikes", "skipped_updates", "learning_share"}
    assert report["baseline"]["learnt"]["unused_spikes"] > 0
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["train", *SMALL, "--learning", "s-tp", "--stp.window", "9", "--out", str(out)])
    assert "stp.window must be at most the 4 timesteps" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["nir", "npz"])
def test_a_network_is_exported(run, tmp_path, capsys, kind):
    main(["export", str(run), "--to", kind, "--out", str(tmp_path / "net"), "--json"])
    assert json.loads(capsys.readouterr().out)["format"] == kind
    data = load_data("digits").test
    _, network = open_run(run)
    images = data.images[:20]
    if kind == "nir":
        spikes = network.encoder(images)
        scores = from_nir(tmp_path / "net")(spikes).mean(0)
    else:
        scores = from_npz(tmp_path / "net").classify(images).scores
    torch.testing.assert_close(scores, network(images), rtol=1e-4, atol=1e-5)


def test_what_cannot_be_exported_says_which_part(tmp_path, capsys):
    out = tmp_path / "run"
    settings = ["--network", "6conv2fc", "--width", "0.05", "--encoding", "direct"]
    short = ["--epochs", "1", "--no-baseline", "--train-images", "32"]
    main(["train", *settings, *short, "--out", str(out)])
    capsys.readouterr()
    with pytest.raises(SystemExit):
        main(["export", str(out)])
    assert "'stages.1.pool', a MaxPool2d" in capsys.readouterr().err
    assert not (out / "network.nir").exists()
