"""Trainer: any model, any data, any loss; what is refused; interrupted and resumed."""

import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from chsnn import Evolution, Trainer, TrainingDiverged, sparsify
from chsnn.data import Samples
from chsnn.learning import BPTT
from chsnn.networks import mlp

N, N_IN, N_CLASSES = 48, 12, 3
QUIET = {"progress": False, "n_threads": 1}


def arrays(seed=0, n=N):
    """Images whose brightest third is their class."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, N_CLASSES, n)
    images = 0.5 * rng.random((n, N_CLASSES, N_IN // N_CLASSES))
    images[np.arange(n), labels] += 0.5
    return images.reshape(n, N_IN).astype(np.float32), labels


def plain(seed=0, n_out=N_CLASSES):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(N_IN, 20), nn.ReLU(), nn.Linear(20, n_out))


class Noisy(nn.Module):
    """A user's own module: dropout, batch norm, a sparse layer."""

    def __init__(self):
        super().__init__()
        self.first, self.norm = nn.Linear(N_IN, 24), nn.BatchNorm1d(24)
        self.drop, self.last = nn.Dropout(0.3), nn.Linear(24, N_CLASSES)

    def forward(self, x):
        return self.last(self.drop(torch.relu(self.norm(self.first(x)))))


class Stateful(nn.Module):
    """Returns its state beside the scores, as Norse's modules do."""

    def __init__(self):
        super().__init__()
        self.net = plain(n_out=1)

    def forward(self, x):
        return self.net(x), {"state": x}


def tensors(seed=0, n=N):
    images, labels = arrays(seed, n)
    return torch.from_numpy(images), torch.from_numpy(labels)


SOURCES = {
    "arrays": lambda: arrays(),
    "samples": lambda: Samples(*arrays()),
    "dataset": lambda: TensorDataset(*tensors()),
    "loader": lambda: DataLoader(TensorDataset(*tensors()), batch_size=16, shuffle=True),
    "two workers": lambda: DataLoader(TensorDataset(*tensors()), batch_size=16, num_workers=2),
    "list of batches": lambda: list(zip(*(t.split(16) for t in tensors()), strict=True)),
}


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("is_sparse", [False, True])
def test_any_model_learns_from_any_source(source, is_sparse):
    model = sparsify(plain(), 0.5) if is_sparse else plain()
    evolution = Evolution(zeta=0.2) if is_sparse else None
    trainer = Trainer(model, evolution=evolution, epochs=16, learning_rate=0.02, **QUIET)
    history = trainer.fit(SOURCES[source](), arrays(1))
    assert history.rows[-1]["validation_accuracy"] > 0.9
    assert history.rows[-1]["loss"] < 0.5 * history.rows[0]["loss"]
    assert ("sops_per_sample" in history.rows[0]) == is_sparse
    if is_sparse:
        assert model[0].graph.n_links == N_IN * 20 // 2
        assert sum(history.column("regrown")) > 0


def test_a_training_is_the_loop_that_torch_users_write():
    ours, theirs = plain(), plain()
    batches = SOURCES["list of batches"]()
    Trainer(ours, epochs=3, learning_rate=0.01, learning_rate_schedule="constant", **QUIET).fit(
        batches
    )
    optimizer = torch.optim.Adam(theirs.parameters(), lr=0.01)
    for x, y in batches * 3:
        optimizer.zero_grad()
        functional.cross_entropy(theirs(x), y).backward()
        optimizer.step()
    for a, b in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert torch.equal(a, b)


def biggest_error(scores, targets):
    return float((scores - targets).abs().max())


def test_regression_with_measures_by_name_and_of_ones_own(tmp_path):
    images, _ = arrays()
    targets = images[:, :4].sum(axis=1, keepdims=True) - 1
    biggest_error.smaller_is_better = True
    trainer = Trainer(
        Stateful(),
        loss=functional.mse_loss,
        metrics=("mse", "mae", biggest_error),
        epochs=12,
        learning_rate=0.02,
        folder=tmp_path,
        **QUIET,
    )
    history = trainer.fit((images, targets), (images, targets))
    with torch.no_grad():
        difference = (trainer.model(torch.from_numpy(images))[0] - torch.from_numpy(targets)).abs()
    last = history.rows[-1]
    assert last["validation_mse"] == pytest.approx(float(difference.square().mean()), rel=1e-5)
    assert last["validation_mae"] == pytest.approx(float(difference.mean()), rel=1e-5)
    assert last["validation_biggest_error"] == pytest.approx(float(difference.max()), rel=1e-5)
    assert last["validation_loss"] == pytest.approx(last["validation_mse"], rel=1e-5)
    assert last["train_mse"] < 0.5 * history.rows[0]["train_mse"]
    # Of an error the smallest is the best.
    assert trainer.best() == min(history.column("validation_mse"))


def test_without_validation_nothing_is_said_of_it(tmp_path):
    trainer = Trainer(plain(), epochs=2, folder=tmp_path, **QUIET)
    row = trainer.fit(arrays()).rows[-1]
    assert not [name for name in row if name.startswith("validation")]
    assert trainer.best() is None
    assert not (tmp_path / "best.safetensors").exists()


def test_rows_may_have_different_columns(tmp_path):
    trainer = Trainer(plain(), epochs=2, **QUIET)
    trainer.epoch(arrays())
    trainer.epoch(arrays(), arrays(1))
    header, first, second = trainer.history.write_csv(tmp_path / "h.csv").read_text().splitlines()
    column = header.split(",").index("validation_accuracy")
    assert first.split(",")[column] == ""
    assert float(second.split(",")[column]) == trainer.best()


def test_epochs_one_by_one_are_a_fit():
    one, two = Trainer(plain(), epochs=3, **QUIET), Trainer(plain(), epochs=3, **QUIET)
    one.fit(arrays(), arrays(1))
    rows = [two.epoch(arrays(), arrays(1)) for _ in range(3)]
    assert [untimed(row) for row in rows] == [untimed(row) for row in one.history.rows]


def untimed(row):
    return {name: value for name, value in row.items() if not name.endswith("seconds")}


def test_callbacks_come_in_order_once_the_epoch_is_saved_and_can_stop(tmp_path):
    calls = []

    def first(trainer, row):
        calls.append(("first", row["epoch"], (tmp_path / "history.csv").exists()))

    def second(trainer, row):
        calls.append(("second", row["epoch"], True))
        if row["epoch"] == 2:
            trainer.stop()

    options = {"epochs": 5, "folder": tmp_path, "callbacks": [first, second], **QUIET}
    trainer = Trainer(plain(), **options)
    assert trainer.fit(arrays()).column("epoch") == [1, 2]
    assert calls == [(name, n, True) for n in (1, 2) for name in ("first", "second")]
    assert trainer.fit(arrays()).column("epoch") == [1, 2, 3, 4, 5]


def test_patience_ends_a_training_that_gets_no_better():
    images, labels = arrays()
    # At this rate nothing is learnt: the first epoch stays the best.
    trainer = Trainer(plain(), epochs=20, learning_rate=1e-30, patience=3, **QUIET)
    assert len(trainer.fit((images, labels), (images, labels)).rows) == 1 + 3


def test_clipping_bounds_the_step():
    before, model = plain(), plain()
    options = {"optimizer": "sgd", "learning_rate": 1.0, "learning_rate_schedule": "constant"}
    Trainer(model, epochs=1, batch_size=N, clip_norm=1e-3, **options, **QUIET).fit(arrays())
    step = [(a - b).detach() for a, b in zip(model.parameters(), before.parameters(), strict=True)]
    assert math.sqrt(sum(float(d.square().sum()) for d in step)) == pytest.approx(1e-3, rel=1e-2)


class Counting(BPTT):
    """A rule of learning of one's own."""

    calls = 0

    def gradients(self, model, inputs, targets, loss):
        type(self).calls += 1
        return super().gradients(model, inputs, targets, loss)


def test_a_rule_of_learning_is_an_object():
    Trainer(plain(), epochs=2, batch_size=16, learning=Counting(), **QUIET).fit(arrays())
    assert Counting.calls == 2 * N // 16


def test_the_device_takes_the_model():
    model = plain().to("meta")
    with pytest.raises(NotImplementedError, match="meta"):
        Trainer(model, device="cpu", **QUIET)
    trainer = Trainer(plain(), device="cpu", epochs=1, **QUIET)
    assert trainer.fit(arrays()).column("epoch") == [1]


@pytest.mark.parametrize(
    "form",
    [
        lambda labels: labels[:, None],
        lambda labels: np.eye(N_CLASSES, dtype=np.float32)[labels],
        lambda labels: np.eye(N_CLASSES, dtype=np.int64)[labels],
        lambda labels: labels.astype(np.int32),
        lambda labels: labels.astype(np.uint8),
    ],
)
@pytest.mark.parametrize("as_batches", [False, True])
def test_labels_in_any_form_mean_the_same(form, as_batches):
    images, labels = arrays()
    histories = []
    for given in (labels, form(labels)):
        data = [(images[:24], given[:24]), (images[24:], given[24:])]
        train = data if as_batches else (images, given)
        trainer = Trainer(plain(), epochs=2, **QUIET)
        histories.append([untimed(row) for row in trainer.fit(train, train).rows])
    for wanted, got in zip(*histories, strict=True):
        # Float rows are probabilities to a loss, so it rounds otherwise.
        assert got == pytest.approx(wanted, rel=1e-6)


def nan_images():
    images, labels = arrays()
    images[5, 3] = np.nan
    return images, labels


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (nan_images(), "train: images must be finite; 1 of .* sample 5"),
        ([nan_images()], r"train batch 0 .*inputs must be finite"),
        ((arrays()[0], arrays()[1][:-1]), "train: images and labels must be as many"),
        ([], "train must hold at least one batch"),
    ],
)
def test_bad_data_are_refused_by_name_and_nothing_is_learnt(data, message):
    model = mlp((N_IN, 8, N_CLASSES), sparsity=0.5, encoding="direct")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ValueError, match=message):
        Trainer(model, epochs=1, **QUIET).fit(data)
    assert all(torch.equal(before[name], v) for name, v in model.state_dict().items())


def test_scores_of_a_wrong_shape_are_refused_with_advice():
    class OverTime(nn.Module):
        def __init__(self):
            super().__init__()
            self.net = plain()

        def forward(self, x):
            return self.net(x).expand(5, -1, -1)

    with pytest.raises(ValueError, match=r"\(16, n_classes\).*\(5, 16, 3\): sum up time"):
        Trainer(OverTime(), epochs=1, batch_size=16, **QUIET).fit(arrays())


class LossWithoutSlope(torch.autograd.Function):
    """A loss whose gradient is NaN and which is finite itself."""

    @staticmethod
    def forward(ctx, scores):
        return scores.sum() * 0 + 1

    @staticmethod
    def backward(ctx, grad):
        return torch.full((N, N_CLASSES), math.nan)


def test_weights_that_are_not_finite_are_an_error_though_the_loss_is(tmp_path):
    trainer = Trainer(
        plain(),
        loss=lambda scores, _: LossWithoutSlope.apply(scores),
        epochs=1,
        batch_size=N,
        folder=tmp_path,
        **QUIET,
    )
    with pytest.raises(TrainingDiverged, match=r"weight of '0.weight' is not finite in epoch 1"):
        trainer.fit(arrays())
    before = Trainer.resume(
        tmp_path / "checkpoint.safetensors", model=plain(3), loss=trainer.parts.loss, **QUIET
    )
    assert all(
        torch.equal(a, b)
        for a, b in zip(before.model.parameters(), plain().parameters(), strict=True)
    )


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"loss": "mse"}, TypeError, "^loss must be callable"),
        ({"metrics": "auc"}, ValueError, "^metrics must be one of"),
        ({"metrics": ("mse", "mse")}, ValueError, "^metrics must have different names"),
        ({"learning": "hebb"}, ValueError, "^learning must be one of"),
        ({"learning": 3}, TypeError, "^learning must be one of"),
        ({"settings": {"epochs": 3}}, TypeError, "^settings must be a TrainingSettings, got {'"),
        ({"evolution": "SET"}, TypeError, "^evolution must be settings of a rewiring.* got 'SET'"),
        ({"epoch": 3}, TypeError, "no setting 'epoch'"),
        ({"learning_rate": 1e300}, ValueError, "^learning_rate must be"),
        ({"weight_decay": 1e300}, ValueError, "^weight_decay must be"),
        ({"clip_norm": 0.0}, ValueError, "^clip_norm must be"),
        ({"patience": 0}, ValueError, "^patience must be"),
        ({"batch_size": 0}, ValueError, "^batch_size must be"),
    ],
)
def test_bad_settings_are_named(options, error, message):
    with pytest.raises(error, match=message):
        Trainer(plain(), **options)


def test_what_cannot_be_trained_is_refused():
    with pytest.raises(TypeError, match=r"^model must be a torch module"):
        Trainer(lambda x: x)
    with pytest.raises(ValueError, match=r"^model must have parameters"):
        Trainer(nn.ReLU())
    with pytest.raises(ValueError, match=r"^loss must depend on a parameter"):
        Trainer(plain().requires_grad_(False), epochs=1, **QUIET).fit(arrays())
