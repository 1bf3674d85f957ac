"""Two processes that train one model, as torchrun starts them, against one process."""

import copy
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed as dist

import chsnn
from chsnn.lab import cli as command
from tests.chsnn import rank_checks, rank_models

pytestmark = pytest.mark.skipif(
    not (dist.is_available() and dist.is_gloo_available()), reason="this torch has no gloo"
)
ROOT = Path(__file__).resolve().parents[2]


def torchrun(*arguments, timeout=120, check=True):
    """Run two ranks; what they printed."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "NUMBA_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run"]
    done = subprocess.run(
        [*command, "--standalone", "--nproc-per-node=2", *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        env=environment,
        check=False,
    )
    assert not check or done.returncode == 0, done.stderr[-6000:]
    return done


def stopped_at_two(folder):
    """One process trains two of four epochs, for two to go on."""

    def stop(trainer, row):
        if row["epoch"] == 2:
            trainer.stop()

    rank_checks.trained(
        None,
        rank_checks.EVOLUTIONS["CH"],
        epochs=4,
        folder=folder / "from_one",
        settings={"callbacks": [stop]},
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("ranks")


@pytest.fixture(scope="module")
def answers(folder):
    """What either rank says to every check, all made in one launch."""
    stopped_at_two(folder)
    torchrun("-m", "tests.chsnn.rank_checks", folder)
    return [json.loads((folder / f"rank-{rank}.json").read_text()) for rank in range(2)]


@pytest.fixture(scope="module")
def alone(folder, tmp_path_factory):
    """What one process gives on the same batches, by check."""
    own = tmp_path_factory.mktemp("alone")
    (own / "from_one").symlink_to(folder / "from_one")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    found = {name: check(None, own) for name, check in rank_checks.COMPARED.items()}
    torch.set_num_threads(before)
    return found


def assert_alike(one, other, tolerance):
    """The same names and numbers; those that are not whole to rounding."""
    assert type(one) is type(other)
    if isinstance(one, dict):
        assert one.keys() == other.keys()
        for key in one:
            assert_alike(one[key], other[key], tolerance)
    elif isinstance(one, list):
        assert len(one) == len(other)
        for mine, theirs in zip(one, other, strict=True):
            assert_alike(mine, theirs, tolerance)
    elif isinstance(one, float):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    else:
        assert one == other


@pytest.mark.parametrize("check", rank_checks.COMPARED)
def test_two_ranks_train_what_one_process_does(check, answers, alone):
    first, second = (answer[check] for answer in answers)
    assert first["bits"] == second["bits"]
    assert first == second
    want = json.loads(json.dumps(alone[check]))
    # Spikes, and the strengths of Grad R, are in float32.
    tolerance = 1e-5 if check in ("spiking", "trainer: GradR") else 1e-10
    unlike = {"bits"}
    assert_alike(
        {k: v for k, v in first.items() if k not in unlike},
        {k: v for k, v in want.items() if k not in unlike},
        tolerance,
    )
    if check.startswith("ddp") and "records" in first:
        assert sum(first["records"]) > 0


def test_ranks_are_equal_to_the_bit_after_ten_evolutions(answers):
    first, second = (answer["ddp"] for answer in answers)
    assert len(first["records"]) == 10
    assert first["bits"] == second["bits"]


def test_a_distributed_sampler_is_taken_as_it_is(answers):
    first, second = (answer["trainer_with_a_distributed_sampler"] for answer in answers)
    assert first == second
    assert len(first["rows"]) == 3


def test_ranks_that_draw_for_themselves_move_weights_alike(answers):
    first, second = (answer["learning_at_random"] for answer in answers)
    assert first["bits"] == second["bits"]
    assert first["own"] != second["own"]


def test_what_holds_a_sparse_layer_tells_a_wrapper_to_leave_links_out(tmp_path):
    part = rank_models.model_of()
    whole = torch.nn.ModuleDict({"part": part, "other": torch.nn.Linear(2, 2)})
    names = {
        f"part.{layer}.{entry}"
        for layer in ("first", "second")
        for entry in ("values", "links_digest")
    }
    torch.save(whole, tmp_path / "whole.pt")
    read = torch.load(tmp_path / "whole.pt", weights_only=False)
    for one in (whole, copy.deepcopy(whole), read):
        assert set(one._ddp_params_and_buffers_to_ignore) == names
    whole["part"] = torch.nn.Linear(2, 2)
    assert set(whole._ddp_params_and_buffers_to_ignore) == set()


def test_what_two_ranks_saved_goes_on_in_one_process(answers, folder, alone, monkeypatch):
    assert answers[0]["trainer_that_saves"]["seen"] == answers[1]["trainer_that_saves"]["seen"]
    path = folder / "saved" / "checkpoint.safetensors"
    trainer = chsnn.Trainer.resume(path, model=rank_models.model_of(seed=5), progress=False)
    assert len(trainer.history.rows) == 2
    trainer.fit(rank_models.batches(), [rank_models.numbers(20, seed=1)])
    straight = rank_checks.trained(None, rank_checks.EVOLUTIONS["CH"], epochs=4)
    mine = rank_models.state_of(trainer.model)
    assert mine["links"] == straight["links"]
    assert_alike(mine["parameters"], straight["parameters"], 1e-10)
    # And what one process saved went on in two.
    there = answers[0]["trainer_that_goes_on"]
    assert there["links"] == straight["links"]
    assert_alike(there["parameters"], straight["parameters"], 1e-10)


REFUSED = {
    "backward_twice": "RuntimeError: a second backward pass",
    "unprepared_is_attached": "RuntimeError: its DistributedDataParallel averages",
    "unprepared_is_rewired": "RuntimeError: its DistributedDataParallel averages",
    "unprepared_was_rewired": "RuntimeError: its DistributedDataParallel averages",
    "joins": "RuntimeError: DistributedDataParallel.join",
    "mixed_precision": "RuntimeError: DistributedDataParallel(mixed_precision=...)",
    "sharded_state": "TypeError: cannot carry the state of ZeroRedundancyOptimizer",
    "sharded": "TypeError: values of layer 'first' are spread over ranks",
    "wrapped_is_made_sparse": "ValueError: model must be made sparse before",
    "wrapped_is_trained": "TypeError: model must not be wrapped",
}


@pytest.mark.parametrize("action", REFUSED)
def test_what_cannot_be_averaged_is_refused(action, answers):
    for answer in answers:
        assert answer["refusals"][action].startswith(REFUSED[action])


DIVERGED = {
    "a value": "DivergedRanks: layer 'second' is not the same on rank 1 as on rank 0",
    "links": "DivergedRanks: layer 'first'",
    "the seed": "DivergedRanks: layer 'first' is not the same on rank 1",
    "nothing": "nothing",
}


@pytest.mark.parametrize("what", DIVERGED)
def test_ranks_that_differ_are_told_which_layer_does(what, answers):
    for answer in answers:
        assert answer["divergence"][what].startswith(DIVERGED[what])


DATA = {
    "other models": "DivergedRanks: the model is not the same on rank 1",
    "other seeds": "DivergedRanks: what the training is to be is not the same on rank 1",
    "each alone": "nothing",
    "other orders": "DivergedRanks: the first batch is not the same on rank 1",
    "other numbers": "ValueError: ranks must have as many batches each, got [1, 2]",
    "which axis": "ValueError: train: a batch of shape (3, 3, 12) may have its 3 samples",
    "too small": "ValueError: batch_size must be at least the number of ranks, 2, got 1",
    "split validation": "ValueError: validation must be whole on every rank",
    "a loss that is not finite": "TrainingDiverged: the loss is",
}


@pytest.mark.parametrize("what", DATA)
def test_data_that_ranks_cannot_share_are_refused(what, answers):
    for answer in answers:
        assert answer["data_refusals"][what].startswith(DATA[what])


def test_what_fails_on_the_first_rank_fails_on_all(answers):
    errors = [answer["data_refusals"]["the first fails"] for answer in answers]
    assert errors[0] == "ZeroDivisionError: division by zero"
    assert errors[1] == "RuntimeError: rank 0 failed: ZeroDivisionError: division by zero"


# ------------------------------------------------------------------------------ the command line

RUN = ("--data", "digits", "--train-images", "200", "--hidden", "40", "--timesteps", "3")


def test_the_command_trains_on_ranks_and_goes_on_alone(tmp_path):
    two, one = tmp_path / "two", tmp_path / "one"
    done = torchrun("-m", "chsnn", "train", *RUN, "--epochs", "2", "--out", two)
    assert done.stdout.count("test accuracy") == 1
    command.main(["train", *RUN, "--epochs", "2", "--out", str(one)])
    assert {path.name for path in two.iterdir()} == {path.name for path in one.iterdir()}
    for folder in (two, one):
        config = folder / "config.toml"
        config.write_text(config.read_text().replace("epochs = 2", "epochs = 3"))
        command.main(["resume", str(folder)])
    ours, theirs = (json.loads((folder / "report.json").read_text()) for folder in (two, one))
    for document, other in ((ours, theirs), (ours["baseline"], theirs["baseline"])):
        assert document["epochs"] == 3
        assert document["link_sparsity"] == other["link_sparsity"]
        assert abs(document["accuracy"] - other["accuracy"]) < 0.02
        assert abs(document["sops_per_sample"] / other["sops_per_sample"] - 1) < 0.05


def test_a_command_of_one_process_says_so_under_torchrun(tmp_path):
    done = torchrun("-m", "chsnn", "evaluate", tmp_path, check=False)
    assert done.returncode != 0
    assert "torchrun is for train and resume alone" in done.stderr


def test_only_the_first_rank_says_what_is_wrong_with_the_arguments(monkeypatch, capsys):
    for name, value in {"TORCHELASTIC_RUN_ID": "x", "WORLD_SIZE": "1", "RANK": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stop:
        command.main(["train", "--epochs", "0"])
    assert stop.value.code == 2
    assert capsys.readouterr().err == ""


# ----------------------------------------------------------------------- a rank that ends too early

ENDING = """
import os, signal, sys, time, torch, chsnn
from pathlib import Path
from chsnn.ranks import launched_ranks
ranks = launched_ranks()
def callback(trainer, row):
    if row["epoch"] == 2:
        if ranks.is_first:
            Path(sys.argv[1], "begun").touch()
        if ranks.rank == 1 and sys.argv[2] == "raises":
            raise ValueError("of rank 1 alone")
        if ranks.rank == 1 and sys.argv[2] == "is killed":
            os.kill(os.getpid(), signal.SIGKILL)
model = torch.nn.Sequential(torch.nn.Linear(8, 20), torch.nn.Tanh(), torch.nn.Linear(20, 2))
chsnn.sparsify(model, 0.5)
data = chsnn.data.Samples(torch.rand(40, 8), torch.arange(40) % 2)
chsnn.Trainer(model, evolution=chsnn.Evolution(), epochs=10**6, progress=False,
              callbacks=[callback], folder=sys.argv[1]).fit(data)
"""


@pytest.mark.parametrize("how", ["raises", "is killed", "Ctrl-C"])
def test_no_rank_waits_for_one_that_has_ended(how, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(ENDING)
    command = [sys.executable, "-W", "ignore", "-m", "torch.distributed.run", "--standalone"]
    running = subprocess.Popen(
        [*command, "--nproc-per-node=2", str(script), str(tmp_path), how],
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    begun, patience = tmp_path / "begun", time.monotonic() + 60
    while not begun.exists() and running.poll() is None and time.monotonic() < patience:
        time.sleep(0.1)
    if how == "Ctrl-C":
        os.killpg(running.pid, signal.SIGINT)
    try:
        _, said = running.communicate(timeout=45)
    finally:
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
    assert running.returncode != 0
    assert how != "raises" or "of rank 1 alone" in said
    trainer = chsnn.Trainer.resume(tmp_path / "checkpoint.safetensors", model=_small())
    assert len(trainer.history.rows) >= 2


def _small():
    return torch.nn.Sequential(torch.nn.Linear(8, 20), torch.nn.Tanh(), torch.nn.Linear(20, 2))
