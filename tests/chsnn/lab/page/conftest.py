"""A small run with its twin, and a small comparison, made once."""

import pytest

from chsnn.lab.cli import main
from chsnn.lab.comparison import plan_runs, run_plans
from chsnn.lab.config import RunConfig

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
