"""Checkpoints: resume equals a straight run, damage is refused, a file that is there is whole."""

import os
import resource

import numpy as np
import pytest
import torch

from chsnn import LIF, DeepR, Evolution, GradR, Trainer, networks
from chsnn.checkpoint import keep_previous, load, previous_of, save
from chsnn.data import Samples
from chsnn.networks import mlp
from chsnn.tensor_file import read_document, write_document

N_IN, N_CLASSES = 16, 4
OPTIONS = {"progress": False, "n_threads": 1}
SECONDS = ("train_seconds", "evolution_seconds")


class Interrupted(Samples):
    """Samples that raise KeyboardInterrupt when an epoch of that number begins."""

    def batches(self, size, order=None, **preparation):
        self.__dict__["epochs_begun"] = self.__dict__.get("epochs_begun", 0) + 1
        if self.epochs_begun == 3:
            raise KeyboardInterrupt
        return super().batches(size, order, **preparation)


def samples(kind=Samples, n=60, seed=0):
    """Images whose brightest quarter is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_CLASSES, n)
    images = 0.6 * rng.random((n, N_CLASSES, N_IN // N_CLASSES))
    images[np.arange(n), labels] += 0.4
    images = torch.from_numpy(images.reshape(n, N_IN).astype(np.float32))
    return kind(images, torch.from_numpy(labels))


def trainer(**options):
    defaults = {"encoding": "bernoulli", "optimizer": "adam", "evolution": Evolution(zeta=0.4)}
    settings = {**defaults, "epochs": 4, "batch_size": 16, "seed": 5, **OPTIONS, **options}
    network = mlp(
        (N_IN, 20, 18, N_CLASSES),
        sparsity=settings.pop("sparsity", 0.6),
        inputs=samples().images,
        encoding=settings.pop("encoding"),
        timesteps=3,
        neuron=LIF(alpha=0.75, v_th=0.8),
        seed=2,
    )
    return Trainer(network, learning_rate=0.02, **settings)


def rows(history):
    """History without what the clock says."""
    return [{k: v for k, v in row.items() if k not in SECONDS} for row in history.rows]


def assert_same_rewirer(one, two):
    """What the rewiring remembers; one that was not needed any more may not be there."""
    if one is None or two is None:
        return
    ours, theirs = one.state_dict(), two.state_dict()
    memory, others = ours.pop("memory"), theirs.pop("memory")
    assert memory.keys() == others.keys()
    assert all(torch.equal(memory[name], others[name]) for name in memory)
    assert ours == theirs


def assert_same_state(one, two):
    assert_same_rewirer(one.rewirer, two.rewirer)
    assert one.model.graphs == two.model.graphs
    states = [t.model.state_dict() for t in (one, two)]
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    states = [t.optimizer.state_dict()["state"] for t in (one, two)]
    assert states[0].keys() == states[1].keys()
    for i, state in states[0].items():
        assert {k for k, v in state.items() if v is not None} == {
            k for k, v in states[1][i].items() if v is not None
        }
        for name, value in state.items():
            assert value is None or torch.equal(value, states[1][i][name])
    assert rows(one.history) == rows(two.history)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"optimizer": "sgd", "encoding": "direct", "shift": 1},
        {"optimizer": "adamw", "weight_decay": 0.01, "evolution": Evolution(every=3, zeta=0.2)},
        {"evolution": None, "learning_rate_schedule": "constant"},
        {"evolution": Evolution(regrowth="gradient", sampling="hard", every=3)},
        {"evolution": Evolution(new_weights="last", regrowth="random", zeta_schedule="constant")},
        {
            "evolution": Evolution(
                density_schedule="sigmoid", final_sparsity=0.8, new_weights="SSWI", stop_overlap=0.1
            )
        },
        {"evolution": DeepR(l1=1e-2, noise=1e-2)},
        {"evolution": GradR(alpha=0.1, target_sparsity=0.6), "sparsity": 0.0},
    ],
)
def test_a_resumed_run_equals_a_straight_one_bit_for_bit(tmp_path, options):
    straight = trainer(**options)
    straight.fit(samples(), samples(seed=1))

    stopped = trainer(folder=tmp_path, **options)
    with pytest.raises(KeyboardInterrupt):
        stopped.fit(samples(Interrupted), samples(seed=1))
    resumed = Trainer.resume(tmp_path / "checkpoint.safetensors", **OPTIONS)
    assert len(resumed.history.rows) == 2
    resumed.fit(samples(), samples(seed=1))

    assert len(resumed.history.rows) == 4
    assert_same_state(resumed, straight)
    assert (straight.rewirer is None) == (resumed.rewirer is None)
    if options.get("evolution", True) is not None:
        assert sum(resumed.history.column("pruned")) > 0


def test_a_checkpoint_holds_everything(tmp_path):
    original = trainer()
    original.fit(samples(), samples(seed=1))
    read = Trainer.resume(original.save(tmp_path / "run.safetensors"), **OPTIONS)
    assert_same_state(read, original)
    assert read.evolution == original.evolution
    assert read.model.specification() == original.model.specification()
    assert read.history.rows == original.history.rows
    images = samples(seed=3).images
    scores = [t.model(images, torch.Generator().manual_seed(0)) for t in (original, read)]
    torch.testing.assert_close(*scores, rtol=0, atol=0)


def test_a_checkpoint_of_an_untrained_network_can_be_resumed(tmp_path):
    path = trainer().save(tmp_path / "start.safetensors")
    resumed, straight = Trainer.resume(path, **OPTIONS), trainer()
    for run in (resumed, straight):
        run.fit(samples(), samples(seed=1))
    assert_same_state(resumed, straight)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    run = trainer(epochs=1)
    run.fit(samples(), samples(seed=1))
    return run.save(tmp_path_factory.mktemp("run") / "checkpoint.safetensors")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.1, 0.5, 0.9, 0.9999])
def test_truncated_files_are_refused(tmp_path, checkpoint, share):
    whole = checkpoint.read_bytes()
    path = tmp_path / "cut.safetensors"
    path.write_bytes(whole[: int(share * len(whole))])
    with pytest.raises(ValueError, match=r"cut\.safetensors is not a checkpoint"):
        Trainer.resume(path)


@pytest.mark.parametrize("n_bytes", [1, 8, 100, 100_000])
def test_random_bytes_are_refused(tmp_path, n_bytes):
    path = tmp_path / "noise.safetensors"
    path.write_bytes(np.random.default_rng(n_bytes).bytes(n_bytes))
    with pytest.raises(ValueError, match=r"noise\.safetensors is not a checkpoint"):
        Trainer.resume(path)


def test_a_damaged_byte_is_refused(tmp_path, checkpoint):
    whole, path = checkpoint.read_bytes(), tmp_path / "hit.safetensors"
    rng = np.random.default_rng(0)
    for place in rng.integers(0, len(whole), 150):
        damaged = bytearray(whole)
        damaged[place] ^= 1 << int(rng.integers(0, 8))
        path.write_bytes(bytes(damaged))
        with pytest.raises(ValueError, match=r"hit\.safetensors is not a checkpoint"):
            Trainer.resume(path)


def test_a_foreign_safetensors_file_is_refused(tmp_path):
    from safetensors.torch import save_file

    path = tmp_path / "foreign.safetensors"
    save_file({"weight": torch.zeros(3)}, path)
    with pytest.raises(ValueError, match="is not a checkpoint"):
        Trainer.resume(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.safetensors"):
        Trainer.resume(tmp_path / "nothing.safetensors")


def test_a_failing_write_leaves_the_old_file_and_no_other(tmp_path, monkeypatch):
    path = tmp_path / "run.safetensors"
    trainer().save(path)
    before = path.read_bytes()
    for name in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, name, _fail)
            with pytest.raises(OSError, match="disk full"):
                trainer(seed=6).save(path)
        assert path.read_bytes() == before
        assert [p.name for p in tmp_path.iterdir()] == ["run.safetensors"]


def _fail(*_):
    raise OSError("disk full")


def test_the_folder_holds_the_last_and_the_best_epoch(tmp_path):
    run = trainer(folder=tmp_path)
    run.fit(samples(), samples(seed=1))
    assert_same_state(Trainer.resume(tmp_path / "checkpoint.safetensors", **OPTIONS), run)
    best = Trainer.resume(tmp_path / "best.safetensors", **OPTIONS).history
    accuracies = run.history.column("validation_accuracy")
    last_best = max(i for i, a in enumerate(accuracies) if a == max(accuracies))
    assert len(best.rows) == last_best + 1


class Crash(BaseException):
    """The process dies: nothing after it runs, nothing is tidied up on purpose."""


@pytest.mark.parametrize("call", range(1, 26))
def test_a_crash_at_any_file_operation_loses_at_most_the_epoch(tmp_path, monkeypatch, call):
    straight = trainer(epochs=3, folder=tmp_path / "straight")
    straight.fit(samples(), samples(seed=1))

    folder, calls = tmp_path / "crashed", 0

    def dying(operation):
        def wrapped(*arguments, **options):
            nonlocal calls
            calls += 1
            if calls == call:
                raise Crash
            return operation(*arguments, **options)

        return wrapped

    run = trainer(epochs=3, folder=folder)
    with monkeypatch.context() as patch:
        for name in ("replace", "link", "fsync"):
            patch.setattr(os, name, dying(getattr(os, name)))
        crashed = False
        try:
            run.fit(samples(), samples(seed=1))
        except Crash:
            crashed = True
    finished = len(run.history.rows)
    assert crashed == (call <= calls)
    path = folder / "checkpoint.safetensors"
    resumed = Trainer.resume(path, folder=folder, **OPTIONS) if path.exists() else None
    if resumed is None:  # it died before the first checkpoint, of the untrained network
        assert finished == 0
        resumed = trainer(epochs=3, folder=folder)
    assert len(resumed.history.rows) >= finished - 1
    resumed.fit(samples(), samples(seed=1))
    assert_same_state(resumed, straight)
    for name in ("best.safetensors", "checkpoint.safetensors"):
        ours, theirs = (
            Trainer.resume(place / name, **OPTIONS) for place in (folder, tmp_path / "straight")
        )
        assert_same_state(ours, theirs)


def test_the_checkpoint_before_the_last_is_kept_and_whole(tmp_path):
    run = trainer(folder=tmp_path)
    run.fit(samples(), samples(seed=1))
    last = tmp_path / "checkpoint.safetensors"
    before = Trainer.resume(previous_of(last), **OPTIONS)
    assert len(before.history.rows) == 3
    before.fit(samples(), samples(seed=1))
    assert_same_state(before, run)


def test_a_checkpoint_kept_twice_leaves_no_other_file(tmp_path, monkeypatch):
    path = tmp_path / "checkpoint.safetensors"
    path.write_bytes(b"one")
    for _ in range(2):  # the save after the first call failed
        keep_previous(path)
        assert sorted(p.name for p in tmp_path.iterdir()) == [previous_of(path).name, path.name]
    path.unlink()
    path.write_bytes(b"two")

    def failing(*names):
        raise OSError(28, "no space left")

    monkeypatch.setattr(os, "replace", failing)
    with pytest.raises(OSError, match="no space"):
        keep_previous(path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [previous_of(path).name, path.name]
    assert previous_of(path).read_bytes() == b"one"


def test_only_epochs_with_the_final_sparsity_can_be_the_best(tmp_path):
    evolution = Evolution(density_schedule="cubic", final_sparsity=0.95, density_until=0.75)
    run = trainer(folder=tmp_path, evolution=evolution, epochs=4)
    run.fit(samples(), samples(seed=1))
    best = Trainer.resume(tmp_path / "best.safetensors", **OPTIONS)
    assert best.model.graphs[0].sparsity == pytest.approx(0.95, abs=2e-3)
    accuracies = run.history.column("validation_accuracy")
    assert run.best() == max(accuracies[2:])


def test_the_history_is_written_after_every_epoch(tmp_path):
    run = trainer(folder=tmp_path)
    with pytest.raises(KeyboardInterrupt):
        run.fit(samples(Interrupted), samples(seed=1))
    lines = (tmp_path / "history.csv").read_text().splitlines()
    assert len(lines) == 1 + 2
    header = lines[0].split(",")
    assert {
        "overlap",
        "firing_rate.layers.1",
        "firing_rate.layers.2",
        "node_sparsity",
        "loss",
    } <= set(header)


def resized(specification, places, size):
    """The specification with one of its whole numbers replaced."""
    place, *rest = places
    copy = dict(specification) if isinstance(specification, dict) else list(specification)
    copy[place] = resized(copy[place], rest, size) if rest else size
    return copy


@pytest.mark.parametrize("size", [2**31, 2**40, 20_000])
@pytest.mark.parametrize(
    ("kind", "places"),
    [
        ("mlp", ("shapes", 0, 0)),
        ("mlp", ("shapes", 1, 1)),
        ("conv", ("stages", 0, 0)),
        ("conv", ("stages", 1, 0)),
        ("conv", ("in_shape", 0)),
        ("conv", ("shapes", 0, 1)),
        ("spikformer", ("dim",)),
        ("spikformer", ("hidden",)),
        ("spikformer", ("depth",)),
        ("spikformer", ("n_classes",)),
    ],
)
def test_a_file_that_states_sizes_it_does_not_hold_takes_no_memory(tmp_path, kind, places, size):
    """With a right checksum: somebody wrote it so."""
    small = {
        "mlp": lambda: networks.mlp((8, 6, 3), sparsity=0.5),
        "conv": lambda: networks.conv(
            "2conv2fc", in_shape=(1, 12, 12), n_classes=3, width=0.05, sparsity=0.5
        ),
        "spikformer": lambda: networks.spikformer(
            in_shape=(1, 16, 16), n_classes=3, dim=16, depth=1, heads=2, sparsity=0.5
        ),
    }
    path = save(small[kind](), tmp_path / "model.safetensors")
    document, tensors = read_document(path)
    model = document["model"]
    model["specification"] = resized(model["specification"], places, size)
    del document["format"]
    write_document(path, document, tensors)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"model\.safetensors"):
        load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000  # KB


def test_a_graph_that_states_a_size_it_does_not_hold_takes_no_memory(tmp_path):
    path = save(networks.mlp((8, 6, 3), sparsity=0.5), tmp_path / "model.safetensors")
    document, tensors = read_document(path)
    tensors["model/layers.0._extra_state"][1] = 2**31 - 1
    del document["format"]
    write_document(path, document, tensors)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ValueError, match=r"layer \(8, 2147483647\)"):
        load(path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 500_000
