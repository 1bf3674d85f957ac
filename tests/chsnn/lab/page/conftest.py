"""A small run with its twin, and a small comparison, made once."""

import json
import shutil
from dataclasses import replace

import pytest

from chsnn.lab.cli import main
from chsnn.lab.comparison import plan_runs, run_plans
from chsnn.lab.config import RunConfig
from chsnn.lab.page import write_run_page
from chsnn.lab.recording import TopologyRecord

METHODS = ("fully connected", "CH-SNN", "SET", "CH-SNN, random regrowth", "CH-SNN, no SSCTI")


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page") / "run"
    settings = ["--hidden", "48", "32", "--sparsity", "0.8", "--epochs", "3", "--timesteps", "4"]
    main(["train", *settings, "--batch-size", "128", "--threads", "1", "--out", str(folder)])
    return folder


def compare(folder, sparsities, seeds):
    config = RunConfig(out=folder, hidden=(24,), epochs=2, batch_size=256, timesteps=2, threads=1)
    run_plans(plan_runs(config, METHODS, sparsities, seeds), folder, progress=False)
    return folder


@pytest.fixture(scope="session")
def comparison(tmp_path_factory):
    """One sparsity, two seeds."""
    return compare(tmp_path_factory.mktemp("page") / "comparison", (0.8,), (0, 1))


@pytest.fixture(scope="session")
def two_sparsities(tmp_path_factory):
    """Two sparsities, one seed."""
    return compare(tmp_path_factory.mktemp("page") / "two sparsities", (0.7, 0.9), (0,))


@pytest.fixture(scope="session")
def large(run, tmp_path_factory):
    """The run with numbers a million times as large and long names."""
    folder = tmp_path_factory.mktemp("page") / ("a-very-long-name-" * 5)
    shutil.copytree(run, folder)
    report = json.loads((folder / "report.json").read_text())
    for outcome in (report, report["baseline"]):
        for layer in outcome["layers"]:
            layer["n_links"] *= 1_000_003
            layer["sops"] *= 1_000_003
            layer["name"] = f"blocks.0.attention.projection.{layer['name']}"
        for name in ("sops_per_sample", "energy_per_sample_j", "train_seconds"):
            outcome[name] *= 1_000_003
        outcome["macs_per_sample"] = 98_344_000.0
        outcome["not_counted"].append("what 'blocks.0.attention.projection' computes as a whole")
    report["network"] = [784, 1568, 1568, 1568, 1568, 10]
    (folder / "report.json").write_text(json.dumps(report))
    record = TopologyRecord.read(folder / "topology.npz")
    frames = [replace(f, n_links=f.n_links * 1_000_003) for f in record.frames]
    replace(record, frames=tuple(frames)).write(folder / "topology.npz")
    header, *rows = (folder / "history.csv").read_text().splitlines()
    places = [header.split(",").index(name) for name in ("pruned", "regrown", "chain_removed")]
    cells = [row.split(",") for row in rows]
    for row in cells:
        for place in places:
            row[place] += "000003"
    lines = [header, *(",".join(row) for row in cells)]
    (folder / "history.csv").write_text("\n".join(lines) + "\n")
    write_run_page(folder)
    return folder
