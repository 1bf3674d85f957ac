"""DPAP against a slow one, pair by pair; what it refuses."""

import numpy as np
import pytest
import torch
from torch import nn

from chgraph.rewiring import Junction, Wiring
from chsnn import LIF, Trainer, sparse_layers, sparsify
from chsnn.evolution import DPAP
from chsnn.networks import mlp
from tests import naive
from tests.chsnn.evolution.loops import model_of


class Spiking(nn.Module):
    """Two sparse layers and their neurons; shows what fired."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Linear(6, 8, bias=False), nn.Linear(8, 3, bias=False)
        self.neurons = LIF(v_th=0.4)

    def forward(self, x):
        self.read = x
        self.fired, _ = self.neurons(self.first(x))
        return self.second(self.fired).mean(dim=0)


def spiking(sparsity=0.0):
    torch.manual_seed(0)
    model = sparsify(Spiking(), {"first": sparsity, "second": 0.0}, weights="kaiming")
    wiring = Wiring((Junction(size=8, sources=("first",), targets=("second",)),))
    return model, wiring


def batch(seed):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(5, 4, 6, generator=generator) < 0.5).float()


def learn(model, optimizer, seed):
    optimizer.zero_grad()
    (model(batch(seed)) - 0.3).square().sum().backward()
    optimizer.step()


@pytest.mark.parametrize("sparsity", [0.0, 0.4])
def test_epoch_by_epoch_it_is_the_slow_one(sparsity):
    settings = DPAP(published_epochs=20, first_epoch=2, slowing=3, survival=2.0)
    model, wiring = spiking(sparsity)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    layer = model.first
    rewirer = settings.attach(
        model, optimizer, total_steps=60, every=3, layers="first", wiring=wiring
    )
    slow = naive.AdaptivePruning(layer.weight_mask().T.numpy(), settings)
    links = [layer.graph.n_links]
    for step in range(57):
        learn(model, optimizer, step)
        slow.see(model.read.numpy(), model.fired.detach().numpy())
        kept = layer.values.detach().clone(), layer.graph
        record = rewirer.step()
        memory = rewirer.state.memory
        np.testing.assert_allclose(memory["bcm.first"], slow.bcm, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(memory["theta.first"], slow.theta, rtol=1e-5)
        if record is None:
            continue
        slow.end_of_epoch((step + 1) // 3)
        for key, value in (("survival", slow.synapses), ("neurons", slow.neurons)):
            np.testing.assert_allclose(memory[f"{key}.first"], value, rtol=1e-4, atol=1e-3)
        np.testing.assert_array_equal(layer.weight_mask().T.numpy(), slow.links)
        source = kept[1].link_ids(*layer.graph.links())
        assert torch.equal(layer.values, kept[0][source])  # what stays keeps its weight
        assert (record.pruned, record.regrown) == (links[-1] - layer.graph.n_links, 0)
        links.append(layer.graph.n_links)
    assert links[0] == links[1] > links[-1] > 0  # none in the first epoch
    assert rewirer.state.targets == {"first": links[-1]}
    assert model.second.graph.density == 1.0


def test_a_shorter_training_is_stretched_to_the_published_one():
    """Nothing learnt in between, one rewiring makes up for as many epochs."""
    settings = DPAP(published_epochs=24, first_epoch=2, slowing=3)
    survivals = []
    for every in (1, 6):
        model, wiring = spiking()
        rewirer = settings.attach(model, total_steps=24, every=every, layers="first", wiring=wiring)
        (model(batch(0)) - 0.3).square().sum().backward()
        for _ in range(18):
            rewirer.step()
        survivals.append(rewirer.state.memory["survival.first"])
    torch.testing.assert_close(*survivals)


def test_a_trained_network_is_sparse_and_learns():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.rand(120, 12, generator=generator) * 0.5
    x[torch.arange(120), y] = 1.0
    network = mlp((12, 40, 30, 3), sparsity=0.0, inputs=x, encoding="even", seed=0)
    trainer = Trainer(
        network, evolution=DPAP(), epochs=30, batch_size=12, learning_rate=0.01, progress=False
    )
    history = trainer.fit((x, y), (x, y))
    assert history.column("validation_accuracy")[-1] > 0.9
    assert sum(history.column("regrown")) == 0
    sparsities = [graph.sparsity for graph in network.graphs]
    assert all(0.1 < sparsity < 0.95 for sparsity in sparsities[:-1])
    assert sparsities[-1] == 0.0


def test_frozen_layers_are_left_alone():
    model, wiring = spiking()
    model.first.requires_grad_(False)
    values = model.first.values.clone()
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    rewirer = DPAP().attach(model, optimizer, total_steps=9, every=3, layers="first", wiring=wiring)
    for step in range(9):
        learn(model, optimizer, step)
        rewirer.step()
    assert model.first.graph.density == 1.0
    assert torch.equal(model.first.values, values)


def test_layers_whose_neurons_nobody_reads_are_refused():
    model = model_of(12, 20, 16, 4, sparsity=0.0)
    with pytest.raises(ValueError, match=r"DPAP must see the spikes behind layer '0'.*wiring"):
        DPAP().attach(model, total_steps=4, every=1, wiring=Wiring())
    path = Wiring.path({n: layer.graph for n, layer in sparse_layers(model).items()})
    with pytest.raises(ValueError, match=r"behind layer '2'.*sparsity 0"):
        DPAP().attach(model, total_steps=4, every=1, wiring=path, layers=["0", "2"])


def test_without_a_backward_pass_there_is_nothing_to_prune_by():
    model, wiring = spiking()
    rewirer = DPAP().attach(model, total_steps=4, every=1, layers="first", wiring=wiring)
    with torch.no_grad():
        model(batch(0))
    with pytest.raises(RuntimeError, match=r"no backward pass went through the layer 'first'"):
        rewirer.step()
    assert model.first.graph.density == 1.0


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        ({"decay": 1.0}, ValueError, "decay"),
        ({"survival": 0.0}, ValueError, "survival"),
        ({"fading": 1.5}, ValueError, "fading"),
        ({"cost": -1.0}, ValueError, "cost"),
        ({"bonus": "2"}, TypeError, "bonus"),
        ({"first_epoch": -1}, ValueError, "first_epoch"),
        ({"slowing": 0}, ValueError, "slowing"),
        ({"published_epochs": 0}, ValueError, "published_epochs"),
    ],
)
def test_bad_settings_are_named(settings, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        DPAP(**settings)
