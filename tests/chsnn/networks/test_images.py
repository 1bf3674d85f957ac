"""Networks of images and event frames: the same numbers as Norse step by step, and their links."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

import chsnn
from chgraph.rewiring import remove_dead_chains
from chsnn import LIF, Evolution, Trainer, find_wiring, sparse_layers
from chsnn.networks import CIFAR10_DVS, conv, spikformer
from chsnn.sparsity import link_sparsity
from tests.chsnn.networks import reference

QUIET = {"progress": False, "n_threads": 1}
# Neurons whose decay and threshold are exact in float32, far from rounding at the threshold.
NEURON = LIF(alpha=0.5, v_th=1.0, surrogate="triangle", surrogate_alpha=1.0)


def small_conv(encoding="direct", name="2conv2fc", **options):
    options = {"in_shape": (2, 9, 8), "n_classes": 3, "width": 0.1, "timesteps": 3, **options}
    return conv(name, encoding=encoding, neuron=NEURON, sparsity=0.7, seed=2, **options)


def small_spikformer(encoding="direct", **options):
    sizes = {"dim": 16, "depth": 2, "heads": 2, "mlp_ratio": 1.5, "patch": 2, "timesteps": 3}
    options = {"in_shape": (2, 8, 6), "n_classes": 3, **sizes, **options}
    return spikformer(encoding=encoding, neuron=NEURON, sparsity=0.7, seed=2, **options)


NETWORKS = {
    "2conv2fc": (small_conv, reference.conv_scores),
    "2conv2fc, no norm": (
        lambda e: small_conv(e, batch_norm=False, width=0.3),
        reference.conv_scores,
    ),
    "6conv2fc": (lambda e: small_conv(e, "6conv2fc", width=0.03), reference.conv_scores),
    "spikformer": (small_spikformer, reference.spikformer_scores),
    "spikformer, few tokens": (
        lambda e: small_spikformer(e, in_shape=(2, 4, 4), patch=4),
        reference.spikformer_scores,
    ),
}
networks = pytest.mark.parametrize("name", NETWORKS)


def shown(network, seed=0):
    """What a network is given, and the same at every step."""
    torch.manual_seed(seed)
    steps, shape = network.encoder.timesteps, network.in_shape
    if network.encoder.kind == "direct":
        images = torch.rand(4, *shape)
        return images, images.expand(steps, *images.shape)
    frames = (torch.rand(steps, 4, *shape) < 0.4).float() * 2
    return frames, frames


def warm(network):
    """Let running statistics be those of other images, not the ones they begin with."""
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm1d | nn.BatchNorm2d)]
    for momentum in (1.0, 0.1):
        for norm in norms:
            norm.momentum = momentum
        if momentum == 1.0:
            network(shown(network, seed=7)[0])


@networks
@pytest.mark.parametrize("encoding", ["direct", "none"])
@pytest.mark.parametrize("training", [True, False])
def test_outputs_and_gradients_are_those_of_norse_step_by_step(name, encoding, training):
    make, scores_of = NETWORKS[name]
    network = make(encoding)
    warm(network)
    network.train(training)
    images, every = shown(network)
    weights = {k: reference.dense(layer) for k, layer in sparse_layers(network).items()}
    others = {k: p for k, p in network.named_parameters() if not k.endswith("values")}
    wanted = scores_of(network, every, weights)
    upper = torch.linspace(-1, 1, wanted.numel()).view_as(wanted)
    theirs = torch.autograd.grad((wanted * upper).sum(), [*weights.values(), *others.values()])
    network.zero_grad()
    got = network(images)
    assert got.std() > 0
    torch.testing.assert_close(got, wanted, rtol=1e-5, atol=1e-5)
    (got * upper).sum().backward()
    for (layer_name, layer), gradient in zip(
        sparse_layers(network).items(), theirs[: len(weights)], strict=True
    ):
        left, right = layer.graph.links()
        at_links = gradient[torch.from_numpy(right), torch.from_numpy(left)]
        close = {"rtol": 1e-4, "atol": 1e-5 * (1 + at_links.abs().max().item())}
        torch.testing.assert_close(layer.values.grad, at_links, **close, msg=layer_name)
    for (key, parameter), gradient in zip(others.items(), theirs[len(weights) :], strict=True):
        close = {"rtol": 1e-4, "atol": 1e-5 * (1 + gradient.abs().max().item())}
        torch.testing.assert_close(parameter.grad, gradient, **close, msg=key)


@networks
def test_flat_images_are_the_same_images(name):
    network = NETWORKS[name][0]("direct").eval()
    images, _ = shown(network)
    assert torch.equal(network(images.flatten(1)), network(images))
    with pytest.raises(ValueError, match="values a sample"):
        network(images[..., 1:])
    with pytest.raises(ValueError, match="encoding='none'"):
        network(images.expand(3, *images.shape))


# ---------------------------------------------------------------------- links at full size

# Facts A7: per-layer sparsities that give the link sparsities of CH-SNN's Table 1.
FULL_SIZE = {
    "MNIST 2Conv2FC": (
        lambda: conv("2conv2fc", in_shape=(1, 28, 28), n_classes=10),
        93.64,
    ),
    "N-MNIST 2Conv2FC": (
        lambda: conv(
            "2conv2fc", in_shape=(2, 64, 64), n_classes=10, sparsity=0.95, encoding="none"
        ),
        94.73,
    ),
    "DVS-Gesture 2Conv2FC": (
        lambda: conv(
            "2conv2fc", in_shape=(2, 64, 64), n_classes=11, sparsity=0.95, encoding="none"
        ),
        94.72,
    ),
    "CIFAR-10 6Conv2FC": (
        lambda: conv("6conv2fc", in_shape=(3, 32, 32), n_classes=10),
        74.63,
    ),
    "CIFAR-100 6Conv2FC": (
        lambda: conv("6conv2fc", in_shape=(3, 32, 32), n_classes=100),
        74.47,
    ),
    "CIFAR10-DVS 6Conv2FC": (
        lambda: conv("6conv2fc", in_shape=(2, 64, 64), n_classes=10, sparsity=0.9, encoding="none"),
        84.25,
    ),
    "CIFAR-10 Spikformer": (lambda: spikformer(depth=8, sparsity=0.95), 82.21),
    "CIFAR-100 Spikformer": (lambda: spikformer(depth=8, sparsity=0.95, n_classes=100), 82.03),
    "N-MNIST Spikformer": (
        lambda: spikformer(depth=8, sparsity=0.99, in_shape=(2, 32, 32), encoding="none"),
        85.67,
    ),
}


@pytest.mark.parametrize("name", FULL_SIZE)
def test_link_sparsity_over_all_links_is_that_of_the_papers_table(name):
    make, percent = FULL_SIZE[name]
    network = make()
    assert 100 * link_sparsity(network) == pytest.approx(percent, abs=0.1)
    layers = sparse_layers(network).values()
    assert all(np.ptp(layer.graph.right_degree) <= 1 for layer in layers)
    assert all(np.ptp(layer.graph.left_degree) <= 1 for layer in layers)


@pytest.mark.parametrize("name", ["CIFAR-10 6Conv2FC", "CIFAR-10 Spikformer", "N-MNIST 2Conv2FC"])
def test_a_network_of_full_size_makes_a_training_step(name):
    network = FULL_SIZE[name][0]()
    images, _ = shown(network)
    x, y = (images[:2] if network.encoder.kind == "direct" else images[:, :2]), torch.tensor([0, 1])
    optimizer = torch.optim.SGD(network.parameters(), 0.1)
    before = [p.detach().clone() for p in network.parameters()]
    loss = functional.cross_entropy(network(x), y)
    loss.backward()
    optimizer.step()
    assert loss.isfinite()
    moved = [not torch.equal(old, p) for old, p in zip(before, network.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(moved)


def test_the_settings_of_cifar10_dvs():
    network = spikformer(**CIFAR10_DVS, sparsity=0.9)
    assert (len(network.blocks), network.head.in_features, network.patches[0].conv.in_channels) == (
        2,
        256,
        2,
    )
    assert network.encoder.timesteps == 16
    x = torch.zeros(16, 1, 2, 128, 128)
    with torch.no_grad():
        assert network._tokens(x, None).shape == (16, 1, 64, 256)


# ----------------------------------------------------------------------------------- wiring


def stronger(found, said):
    """Sides that one wiring closes and the other leaves open."""
    closed = {(j.sources, "in") for j in said.junctions if j.closed_in}
    closed |= {(j.targets, "out") for j in said.junctions if j.closed_out}
    mine = {(j.sources, "in") for j in found.junctions if j.closed_in}
    mine |= {(j.targets, "out") for j in found.junctions if j.closed_out}
    return mine - closed


@networks
def test_the_wiring_that_is_found_is_no_stronger_than_the_one_that_is_said(name):
    network = NETWORKS[name][0]("direct")
    found = find_wiring(network, shown(network)[0])
    assert stronger(found, network.wiring) == set()
    if name.startswith("2conv"):
        assert found == network.wiring


@networks
@pytest.mark.parametrize("training", [True, False])
def test_dead_neurons_change_no_output(name, training):
    network = NETWORKS[name][0]("direct").train(training)
    images, _ = shown(network)
    warm(network)
    rng = np.random.default_rng(1)
    layers = sparse_layers(network)
    for layer in layers.values():  # most links go at random, so that some neurons die
        graph = layer.graph
        layer.set_graph(graph.keep_links(np.flatnonzero(rng.random(graph.n_links) < 0.15)))
    state = copy.deepcopy(network.state_dict())
    before = network(images)
    chains = remove_dead_chains({k: m.graph for k, m in layers.items()}, network.wiring)
    n_gone = sum(m.graph.n_links - chains.graphs[k].n_links for k, m in layers.items())
    assert n_gone > 0
    network.load_state_dict(state)  # running statistics as they were
    for key, layer in layers.items():
        layer.set_graph(chains.graphs[key])
    torch.testing.assert_close(network(images), before, rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------- what any model can do


@networks
def test_a_network_is_saved_copied_and_made_dense(name, tmp_path):
    network = NETWORKS[name][0]("direct")
    images, _ = shown(network)
    warm(network)
    network.eval()
    want = network(images)
    chsnn.save(network, tmp_path / "model.safetensors")
    for again in (chsnn.load(tmp_path / "model.safetensors"), copy.deepcopy(network)):
        assert torch.equal(again.eval()(images), want)
        assert again.wiring == network.wiring
        assert again.specification() == network.specification()
    plain = chsnn.densify(copy.deepcopy(network))
    assert not sparse_layers(plain)
    torch.testing.assert_close(plain.eval()(images), want, rtol=1e-5, atol=1e-5)
    assert not plain.wiring.junctions


@networks
def test_a_network_is_trained_and_evolves_with_its_links_exact(name, tmp_path):
    network = NETWORKS[name][0]("direct")
    torch.manual_seed(1)
    labels = torch.arange(24) % 3
    images = torch.rand(24, *network.in_shape)
    images[labels == 1, 0] *= 0.2  # a class is dark in one channel, another in the other
    images[labels == 2, 1] *= 0.2
    counts = {k: m.graph.n_links for k, m in sparse_layers(network).items()}
    graphs = {k: m.graph for k, m in sparse_layers(network).items() if m.graph.density < 1}
    trainer = Trainer(
        network,
        evolution=Evolution(),
        epochs=8,
        batch_size=8,
        learning_rate=0.01,
        folder=tmp_path,
        **QUIET,
    )
    rows = trainer.fit((images, labels)).rows
    assert {k: m.graph.n_links for k, m in sparse_layers(network).items()} == counts
    assert any(graph != sparse_layers(network)[k].graph for k, graph in graphs.items())
    assert rows[-1]["loss"] < 0.8 * rows[0]["loss"]
    resumed = Trainer.resume(tmp_path / "checkpoint.safetensors", **QUIET)
    for mine, theirs in zip(
        network.state_dict().values(), resumed.model.state_dict().values(), strict=True
    ):
        assert torch.equal(mine, theirs)


@networks
def test_a_seed_makes_a_network(name):
    make = NETWORKS[name][0]
    one, two = make("direct").state_dict(), make("direct").state_dict()
    assert all(torch.equal(one[key], two[key]) for key in one)


def test_neurons_fire_from_the_first_step_to_the_last_stage():
    torch.manual_seed(0)
    images = torch.rand(8, 3, 16, 16)
    for network in (
        conv("6conv2fc", in_shape=(3, 16, 16), n_classes=10, width=0.2, batch_norm=True),
        conv("6conv2fc", in_shape=(3, 16, 16), n_classes=10, width=0.2, batch_norm=False),
        spikformer(in_shape=(3, 16, 16), dim=32, depth=2, heads=4),
    ):
        rates = {}

        def note(name, rates=rates):
            return lambda _, inputs, output: rates.__setitem__(name, output[0].mean().item())

        for name, module in network.named_modules():
            if isinstance(module, LIF):
                module.register_forward_hook(note(name))
        network(images)
        assert min(rates.values()) > 0.02, rates
        assert max(rates.values()) < 0.6, rates


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: conv("3conv", in_shape=(1, 8, 8), n_classes=2), "^name must be one of"),
        (lambda: conv("2conv2fc", in_shape=(8, 8), n_classes=2), "^in_shape must be"),
        (lambda: conv("2conv2fc", in_shape=(1, 3, 8), n_classes=2), "^in_shape must be larger"),
        (lambda: conv("2conv2fc", in_shape=(1, 8, 8), n_classes=0), "^n_classes"),
        (lambda: small_conv(width=-1.0), "^width"),
        (lambda: conv("2conv2fc", in_shape=(1, 8, 8), n_classes=2, sparsity=1.0), "sparsity"),
        (lambda: small_spikformer(dim=20), "^dim must be divisible by 8"),
        (lambda: small_spikformer(heads=3), "^dim must be divisible by 8 and by the 3"),
        (lambda: small_spikformer(patch=3), "^patch must be 1, 2, 4"),
        (lambda: small_spikformer(patch=4), "^patch must divide"),
        (lambda: small_spikformer(mlp_ratio=0.0), "^mlp_ratio"),
        (lambda: small_spikformer(depth=0), "^depth"),
    ],
)
def test_what_cannot_be_built_is_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()
