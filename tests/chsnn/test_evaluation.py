"""Measuring: right numbers, and not a trace on the model or on any random generator."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from chsnn import Trainer, estimate_energy, evaluate, sparsify
from chsnn.evaluation import all_scores

IMAGES = torch.rand(40, 6, generator=torch.Generator().manual_seed(0))
LABELS = torch.arange(40) % 3


def model():
    torch.manual_seed(0)
    net = nn.Sequential(
        nn.Linear(6, 10), nn.ReLU(), nn.BatchNorm1d(10), nn.Dropout(0.5), nn.Linear(10, 3)
    )
    return sparsify(net, 0.5)


def mixed(net):
    """In training mode but for its frozen norm: every module has a mode of its own."""
    net.train()
    net[2].eval()
    return net


def shuffled():
    return DataLoader(TensorDataset(IMAGES, LABELS), batch_size=8, shuffle=True)


def generators():
    torch_state = torch.get_rng_state().tolist()
    return torch_state, random.getstate(), np.random.get_state()[1].tolist()  # noqa: NPY002


def validated(net, data):
    trainer = Trainer(net, epochs=1, progress=False)
    return trainer.epoch(shuffled(), data)


MEASURES = {
    "evaluate": lambda net, data: evaluate(net, data),
    "estimate_energy": lambda net, data: estimate_energy(net, data),
    "estimate_energy of a baseline": lambda net, data: estimate_energy(net, data, baseline=net),
    "all_scores": lambda net, data: all_scores(net, data),
}


@pytest.mark.parametrize("measure", MEASURES)
@pytest.mark.parametrize("fails", [False, True])
def test_measuring_leaves_modes_and_random_generators_as_they_were(measure, fails):
    net = mixed(model())
    modes = [module.training for module in net.modules()]
    state = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    before = generators()
    if fails:
        with pytest.raises(ValueError, match="data"):
            MEASURES[measure](net, [(IMAGES, LABELS), (IMAGES, LABELS[:1])])
    else:
        MEASURES[measure](net, shuffled())
    assert generators() == before
    assert [module.training for module in net.modules()] == modes
    assert len(set(modes)) == 2
    assert all(torch.equal(state[name], tensor) for name, tensor in net.state_dict().items())
    assert not net[0]._watchers


def test_a_training_with_validation_leaves_the_random_generators_as_they_were():
    before = generators()
    row = validated(model(), shuffled())
    assert 0 <= row["validation_accuracy"] <= 1
    assert generators() == before


def test_validating_changes_nothing_of_a_training():
    """The same weights with and without, dropout and shuffling included."""
    with_it, without = (Trainer(mixed(model()), epochs=3, progress=False) for _ in range(2))
    with_it.fit(shuffled(), shuffled())
    without.fit(shuffled())
    for one, two in zip(with_it.model.parameters(), without.model.parameters(), strict=True):
        assert torch.equal(one, two)
    assert not with_it.model[2].training


def test_accuracy_is_a_count():
    net = model().eval()
    with torch.no_grad():
        right = int((net(IMAGES).argmax(dim=1) == LABELS).sum())
    assert 0 < right < 40
    for data in (shuffled(), (IMAGES, LABELS), [(IMAGES, LABELS[:, None])]):
        assert evaluate(net, data) == right / 40
    assert evaluate(net, (IMAGES, LABELS), batch_size=7) == right / 40


def test_any_metric_takes_all_scores():
    data = (IMAGES, IMAGES[:, :3].clone())
    scores, targets = all_scores(model(), data)
    expected = float((scores - targets).square().mean())
    assert evaluate(model(), data, metric="mse") == pytest.approx(expected, rel=1e-6)
    assert evaluate(model(), data, metric=lambda s, t: len(s) + t.shape[1]) == 43


def test_labels_in_a_column_are_no_matrix():
    """Labels (N, 1) once gave an accuracy of 18.24."""
    assert 0 <= evaluate(model(), (IMAGES, LABELS[:, None])) <= 1


@pytest.mark.parametrize("data", [[], (np.empty((0, 6)), np.empty(0, int))])
def test_no_data_are_refused(data):
    with pytest.raises(ValueError, match=r"^data\b"):
        evaluate(model(), data)
