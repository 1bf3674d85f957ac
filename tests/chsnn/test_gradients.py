"""The dense gradient of a layer, rebuilt from what a backward pass left."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from chsnn import LIF
from chsnn.gradients import record_gradients
from chsnn.networks import mlp


def network(encoding, readout="potential", backend="auto"):
    return mlp(
        (12, 20, 15, 4),
        sparsity=0.7,
        encoding=encoding,
        timesteps=5,
        neuron=LIF(alpha=0.6, v_th=0.5),
        readout=readout,
        backend=backend,
        seed=3,
    )


def batch():
    generator = torch.Generator().manual_seed(1)
    return torch.rand(9, 12, generator=generator), torch.arange(9) % 4


def dense_gradients(net, images, labels):
    """What autograd says of a twin whose weights are dense, with zeros where no link is."""
    weights = [layer.dense_weight().detach().clone().requires_grad_() for layer in net.layers]
    x = net.encoder(images, torch.Generator().manual_seed(0))
    for i, weight in enumerate(weights):
        x = x @ weight.T
        if i < len(net.neurons):
            x, _ = net.neurons[i](x.contiguous())
    functional.cross_entropy(x.mean(dim=0), labels).backward()
    return [weight.grad.T for weight in weights]


@pytest.mark.parametrize("readout", ["potential", "rate"])
@pytest.mark.parametrize("encoding", ["direct", "even", "bernoulli"])
@pytest.mark.parametrize("backend", ["sparse", "dense"])
def test_rows_are_those_of_the_true_dense_gradient(encoding, readout, backend):
    net = network(encoding, readout, backend)
    images, labels = batch()
    expected = dense_gradients(net, images, labels)
    with record_gradients(net) as gradients:
        scores = net(images, torch.Generator().manual_seed(0))
        functional.cross_entropy(scores, labels).backward()
    for layer, gradient, dense in zip(net.sparse_layers, gradients, expected, strict=True):
        assert dense.abs().max() > 0
        torch.testing.assert_close(gradient.rows(0, dense.shape[0]), dense, rtol=1e-4, atol=1e-6)
        torch.testing.assert_close(gradient.rows(3, 5), dense[3:5], rtol=1e-4, atol=1e-6)
        # At the links it is the gradient that training sees.
        left, right = layer.graph.links()
        torch.testing.assert_close(
            layer.values.grad, gradient.rows(0, dense.shape[0])[left, right], rtol=1e-4, atol=1e-6
        )
        rows = np.concatenate([block for _, block in gradient.blocks()])
        np.testing.assert_allclose(rows, dense.abs().numpy(), rtol=1e-4, atol=1e-6)


def test_blocks_cover_the_rows_in_order(monkeypatch):
    monkeypatch.setattr("chsnn.gradients._BLOCK_BYTES", 8 * 20 * 5)
    net = network("direct")
    images, labels = batch()
    with record_gradients(net) as gradients:
        functional.cross_entropy(net(images), labels).backward()
    blocks = list(gradients[0].blocks())
    assert [start for start, _ in blocks] == [0, 5, 10]
    whole = gradients[0].rows(0, 12).abs().numpy()
    np.testing.assert_allclose(np.concatenate([b for _, b in blocks]), whole, rtol=1e-5, atol=1e-9)


def test_nothing_is_watched_after_the_block_and_nothing_known_without_a_backward_pass():
    net = network("direct")
    images, labels = batch()
    with record_gradients(net) as gradients:
        net(images)
    with pytest.raises(RuntimeError, match="backward"):
        gradients[0].rows(0, 1)
    functional.cross_entropy(net(images), labels).backward()
    with pytest.raises(RuntimeError, match="backward"):
        gradients[0].rows(0, 1)
