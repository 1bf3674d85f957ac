"""SD-SNN against a slow one, pair by pair."""

import numpy as np
import pytest
import torch
from torch import nn

from chsnn import SparseLinear, Trainer
from chsnn.evolution import SDSNN
from chsnn.networks import mlp
from tests import naive
from tests.chsnn.tensors import random_graph

N_IN, N_OUT = 9, 12


def linear(density=1.0):
    layer = SparseLinear(random_graph(N_IN, N_OUT, density, seed=1))
    generator = torch.Generator().manual_seed(0)
    layer.set_values(torch.randn(layer.graph.n_links, generator=generator))
    return layer


def drift(layer, step):
    """Move the weights as if by training: slow drifts, so that rows of epochs come about."""
    generator = torch.Generator().manual_seed(100 + step // 6)
    moves = torch.randn(N_IN, N_OUT, generator=generator) * 0.08
    noise = torch.randn(N_IN, N_OUT, generator=torch.Generator().manual_seed(step)) * 0.01
    left, right = (torch.from_numpy(side) for side in layer.graph.links())
    layer.set_values(layer.values.detach() + (moves + noise)[left, right])


def dense(layer):
    return layer.dense_weight().detach().T.numpy().copy()


@pytest.mark.parametrize("density", [1.0, 0.7])
def test_epoch_by_epoch_it_is_the_slow_one(density):
    settings = SDSNN(
        persistence=2, published_epochs=40, first_pruned=0.2, pruning_rate=0.2, percentile=40.0
    )
    layer = linear(density)
    rewirer = settings.attach(layer, total_steps=80, every=2, layers=[""])
    slow, score = naive.StructuralDevelopment(settings), np.zeros((N_IN, N_OUT))
    pruned = regrown = 0
    seen = set()
    for step in range(78):
        x = torch.rand(5, N_IN, generator=torch.Generator().manual_seed(step))
        wanted = torch.rand(5, N_OUT, generator=torch.Generator().manual_seed(500 + step // 20))
        y = layer(x)
        score -= (x.T @ (2 * (y - wanted)).detach()).numpy()  # of every pair
        (y - wanted).square().sum().backward()
        drift(layer, step)
        weight, links = dense(layer), layer.weight_mask().T.numpy()
        record = rewirer.step()
        if record is None:
            assert np.array_equal(links, layer.weight_mask().T.numpy())
            continue
        after, mask = slow.end_of_epoch(weight, links, score)
        score[:] = 0.0
        np.testing.assert_array_equal(layer.weight_mask().T.numpy(), mask)
        np.testing.assert_allclose(dense(layer), after, rtol=1e-5, atol=1e-6)
        for key in ("upper", "lower"):
            ours = rewirer.state.memory[f"{key}."].numpy()
            np.testing.assert_allclose(ours, getattr(slow, key), rtol=1e-4, atol=1e-5)
        assert (record.pruned, record.regrown) == ((links & ~mask).sum(), (mask & ~links).sum())
        pruned, regrown = pruned + record.pruned, regrown + record.regrown
        seen |= {"clipped"} if not np.allclose(after[mask & links], weight[mask & links]) else set()
    assert float(rewirer.state.memory["share."]) == pytest.approx(slow.share)
    # Everything there is has taken place.
    assert pruned > regrown > 5
    assert seen == {"clipped"}
    first = np.abs(slow.upper).max()
    assert slow.upper.min() < 0.76 * first
    assert len({round(float(v), 4) for v in slow.upper.ravel()}) > 10
    assert rewirer.state.targets == {"": layer.graph.n_links}


def test_a_shorter_training_is_stretched_to_the_published_one():
    """A row of epochs is as long, however many rewirings it has."""
    settings = SDSNN(persistence=6, published_epochs=24, first_pruned=0.0, pruning_rate=0.0)
    ranges = []
    for every in (1, 3):
        layer = linear()
        rewirer = settings.attach(layer, total_steps=24, every=every, layers=[""])
        for step in range(12):
            layer(torch.ones(2, N_IN)).sum().backward()
            if step >= 3:
                layer.set_values(0.9 * layer.values.detach())
            rewirer.step()
        ranges.append(rewirer.state.memory["upper."])
    shrunk = ranges[0].max()
    torch.testing.assert_close(*ranges)
    assert shrunk == pytest.approx(0.75 * linear().values.detach().abs().max().item())


def test_a_trained_network_is_sparse_and_learns():
    generator = torch.Generator().manual_seed(0)
    y = torch.arange(120) % 3
    x = torch.rand(120, 12, generator=generator) * 0.5
    x[torch.arange(120), y] = 1.0
    network = mlp((12, 40, 30, 3), sparsity=0.0, inputs=x, encoding="even", seed=0)
    trainer = Trainer(
        network, evolution=SDSNN(), epochs=12, batch_size=12, learning_rate=0.01, progress=False
    )
    history = trainer.fit((x, y), (x, y))
    assert history.column("validation_accuracy")[-1] > 0.9
    assert all(0.3 < graph.sparsity < 0.8 for graph in network.graphs[:-1])
    assert network.graphs[-1].sparsity == 0.0


def test_weights_that_somebody_gives_a_layer_are_not_a_fall():
    layer = linear()
    rewirer = SDSNN(persistence=1, published_epochs=40).attach(
        layer, total_steps=40, every=1, layers=[""]
    )
    layer(torch.ones(2, N_IN)).sum().backward()
    rewirer.step()
    other = linear(0.5)
    layer.load_state_dict(other.state_dict())
    layer(torch.ones(2, N_IN)).sum().backward()
    rewirer.step()
    assert (rewirer.state.memory["falling."] <= 0).all()


def test_a_layer_without_a_backward_pass_is_named():
    model = nn.Sequential(linear(), nn.ReLU(), SparseLinear(random_graph(N_OUT, 4, 1.0, seed=0)))
    rewirer = SDSNN().attach(model, total_steps=4, every=2, layers="0")
    with pytest.raises(RuntimeError, match="no backward pass went through the layer '0'"):
        rewirer.step()
    assert rewirer.steps == 0


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        ({"persistence": 0}, ValueError, "persistence"),
        ({"shrink": 0.0}, ValueError, "shrink"),
        ({"shrink": 1.0}, ValueError, "shrink"),
        ({"percentile": 99.0}, ValueError, "percentile"),
        ({"first_pruned": 1.0}, ValueError, "first_pruned"),
        ({"pruning_rate": -0.1}, ValueError, "pruning_rate"),
        ({"published_epochs": 2.5}, TypeError, "published_epochs"),
    ],
)
def test_bad_settings_are_named(settings, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        SDSNN(**settings)
