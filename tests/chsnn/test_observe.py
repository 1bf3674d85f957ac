"""What a running layer reports, and the dense gradient that is rebuilt from it."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from chgraph import BipartiteGraph
from chsnn import LIF, SparseLIF, SparseLinear, sparse_layers
from chsnn.fused import SparseReadout
from chsnn.networks import mlp
from chsnn.observe import GradientTap, watching
from tests.chsnn.tensors import at_links, layer_and_twin, random_graph, real, spikes

GRAPH = random_graph(6, 5, 0.5, seed=1)
FULL = BipartiteGraph.from_biadjacency(np.ones((6, 70)))
CONSTANT = real(3, 6).abs().expand(4, 3, 6)
CLOSE = {"rtol": 1e-4, "atol": 1e-6}


def neurons(learn=()):
    return LIF(alpha=0.6, v_th=0.5, surrogate_alpha=0.5, learn=learn)


def with_neurons(graph, **options):
    return SparseLIF(graph, neurons(), **options)


def learning(graph, **options):
    return SparseLIF(graph, neurons(["v_th"]), **options)


def spiking(twin, x):
    return neurons()(twin(x).contiguous())[0]


LINEAR = (SparseLinear, lambda m, x: m(x), lambda twin, x: twin(x))
SPIKES = (with_neurons, lambda m, x: m(x), spiking)
RATE = (with_neurons, lambda m, x: m(x, rate=True), lambda t, x: spiking(t, x).mean(dim=0))
LEARNT = (learning, RATE[1], RATE[2])
READOUT = (SparseReadout, lambda m, x: m(x), lambda t, x: t(x).mean(dim=0))
OF_MEAN = (SparseReadout, lambda m, x: m(x.mean(dim=0), steps=4), READOUT[2])
INPUTS = {
    "constant": CONSTANT,
    "constant with gradient": CONSTANT.clone()[:1].expand(4, 3, 6).requires_grad_(),
    "spikes": spikes(4, 3, 6, rate=0.4),
    "real": real(4, 3, 6),
}
USES = {
    "linear": LINEAR,
    "spikes": SPIKES,
    "rate": RATE,
    "learnt rate": LEARNT,
    "readout": READOUT,
    "readout of means": OF_MEAN,
}


@pytest.mark.parametrize("backend", ["sparse", "dense"])
@pytest.mark.parametrize("graph", [GRAPH, FULL], ids=["sparse", "full"])
@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize("use", USES)
def test_the_gradient_is_that_of_a_dense_twin(use, kind, graph, backend):
    build, forward, expected = USES[use]
    layer, twin = layer_and_twin(graph, build, bias=True, backend=backend)
    x = INPUTS[kind]
    plain = forward(layer, x)
    tap = GradientTap({"layer": layer})
    tap.open()
    for seed in (2, 3):  # gradients of several passes add up
        y = forward(layer, x)
        assert torch.equal(y, plain)
        upper = real(*y.shape, seed=seed)
        y.backward(upper)
        expected(twin, x).backward(upper)
    gradient = tap.gradients["layer"]
    assert twin.weight.grad.abs().max() > 0
    torch.testing.assert_close(gradient.rows(0, 6), twin.weight.grad.T, **CLOSE)
    torch.testing.assert_close(gradient.rows(2, 4), twin.weight.grad.T[2:4], **CLOSE)
    torch.testing.assert_close(layer.values.grad, at_links(layer, twin.weight.grad), **CLOSE)


@pytest.mark.parametrize("backend", ["sparse", "dense"])
def test_a_layer_that_is_called_twice_has_the_sum(backend):
    square = random_graph(6, 6, 0.5, seed=4)
    layer, twin = layer_and_twin(square, backend=backend)
    tap = GradientTap({"layer": layer})
    tap.open()
    x = real(3, 6)
    layer(layer(x).relu()).square().sum().backward()
    twin(twin(x).relu()).square().sum().backward()
    torch.testing.assert_close(tap.gradients["layer"].rows(0, 6), twin.weight.grad.T, **CLOSE)


PASSAGES = {  # what is read at how many steps, and whether it is a mean over them
    "linear": (LINEAR, "real", (INPUTS["real"], 1, False)),
    "constant": (SPIKES, "constant", (CONSTANT[0], 4, False)),
    "rate": (RATE, "constant", (CONSTANT[0], 4, False)),
    "learnt rate": (LEARNT, "constant", (CONSTANT[0], 4, False)),
    "spikes": (RATE, "spikes", (INPUTS["spikes"], 1, False)),
    "readout": (READOUT, "spikes", (INPUTS["spikes"], 1, False)),
    "constant readout": (READOUT, "constant", (CONSTANT[0], 4, False)),
    "readout of means": (OF_MEAN, "spikes", (INPUTS["spikes"].mean(dim=0), 4, True)),
}


@pytest.mark.parametrize("what", PASSAGES)
def test_what_was_read_is_reported(what):
    (build, forward, _), kind, (inputs, steps, is_mean) = PASSAGES[what]
    layer, _ = layer_and_twin(GRAPH, build)
    seen = []
    with watching({"fc": layer}, lambda name, passage: seen.append((name, passage))):
        forward(layer, INPUTS[kind])
        with torch.no_grad():
            forward(layer, INPUTS[kind])
    forward(layer, INPUTS[kind])
    assert [name for name, _ in seen] == ["fc", "fc"]
    for _, passage in seen:
        assert (passage.steps, passage.is_mean) == (steps, is_mean)
        assert torch.equal(passage.inputs, inputs)
        assert not passage.inputs.requires_grad


# ------------------------------------------------------------------------- whole networks


def network(encoding="direct", readout="potential", backend="auto"):
    return mlp(
        (12, 20, 15, 4),
        sparsity=0.7,
        encoding=encoding,
        timesteps=5,
        neuron=LIF(alpha=0.6, v_th=0.5),
        readout=readout,
        backend=backend,
        seed=0,
    )


def loss_of(net, seed=0):
    images = torch.rand(9, 12, generator=torch.Generator().manual_seed(1))
    scores = net(images, torch.Generator().manual_seed(seed))
    return functional.cross_entropy(scores, torch.arange(9) % 4)


def dense_gradients(net):
    """What autograd says of a twin whose weights are dense, with zeros where no link is."""
    weights = [layer.dense_weight().detach().clone().requires_grad_() for layer in net.layers]

    def twin(images, generator):
        x = net.encoder(images, generator)
        for layer, weight in zip(net.layers, weights, strict=True):
            x = x @ weight.T
            if isinstance(layer, SparseLIF):
                x, _ = LIF(**layer.neuron.settings)(x.contiguous())
        return x.mean(dim=0)

    loss_of(twin).backward()
    return [weight.grad.T for weight in weights]


@pytest.mark.parametrize("readout", ["potential", "rate"])
@pytest.mark.parametrize("encoding", ["direct", "even", "bernoulli"])
@pytest.mark.parametrize("backend", ["sparse", "dense"])
def test_the_gradients_of_a_network(encoding, readout, backend):
    net = network(encoding, readout, backend)
    tap = GradientTap(sparse_layers(net))
    tap.open()
    loss_of(net).backward()
    expected = dense_gradients(net)
    assert list(tap.gradients) == ["layers.0", "layers.1", "layers.2"]
    for gradient, dense in zip(tap.gradients.values(), expected, strict=True):
        assert dense.abs().max() > 0
        torch.testing.assert_close(gradient.rows(0, dense.shape[0]), dense, **CLOSE)
        blocks = np.concatenate([block for _, block in gradient.blocks()])
        np.testing.assert_allclose(blocks, dense.abs().numpy(), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("training", [True, False])
def test_watching_changes_nothing(training):
    net = network("bernoulli").train(training)
    images = torch.rand(9, 12, generator=torch.Generator().manual_seed(1))
    torch.manual_seed(5)
    plain, after = net(images), torch.random.get_rng_state()
    torch.manual_seed(5)
    with watching(sparse_layers(net), lambda name, passage: None):
        watched = net(images)
        modes = {module.training for module in net.modules()}
    assert torch.equal(watched, plain)
    assert torch.equal(torch.random.get_rng_state(), after)
    assert modes == {training}


def test_blocks_cover_the_rows_in_order(monkeypatch):
    monkeypatch.setattr("chsnn.observe._BLOCK_BYTES", 8 * 20 * 5)
    net = network()
    tap = GradientTap(sparse_layers(net))
    tap.open()
    loss_of(net).backward()
    gradient = tap.gradients["layers.0"]
    blocks = list(gradient.blocks())
    assert [start for start, _ in blocks] == [0, 5, 10]
    whole = gradient.rows(0, 12).abs().numpy()
    np.testing.assert_allclose(np.concatenate([b for _, b in blocks]), whole, rtol=1e-5, atol=1e-9)


def test_nothing_is_kept_after_closing_nor_known_without_a_backward_pass():
    net = network()
    tap = GradientTap(sparse_layers(net))
    tap.open()
    loss = loss_of(net)
    with pytest.raises(RuntimeError, match=r"layer 'layers\.0'.*needs one before"):
        tap.gradients["layers.0"].rows(0, 1)
    loss.backward()
    tap.gradients["layers.0"].rows(0, 1)
    tap.close()
    loss_of(net).backward()
    with pytest.raises(RuntimeError, match="no backward pass"):
        tap.gradients["layers.0"].rows(0, 1)
    assert not any(layer._watchers for layer in net.layers)
