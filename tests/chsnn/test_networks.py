"""The multilayer network: what watches it changes nothing, and its specification rebuilds it."""

import pytest
import torch
from torch.nn import functional

from chsnn import LIF
from chsnn.energy import count_synaptic_operations
from chsnn.networks import SpikingMLP, mlp


def network(readout="potential", sizes=(12, 20, 15, 4), model="box"):
    return mlp(
        sizes,
        sparsity=0.6,
        encoding="direct",
        timesteps=5,
        neuron=LIF(alpha=0.6, v_th=0.4, model=model),
        readout=readout,
        seed=3,
    )


def images():
    return torch.rand(9, 12, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("model", ["box", "current"])
@pytest.mark.parametrize("readout", ["potential", "rate"])
@pytest.mark.parametrize("sizes", [(12, 20, 4), (12, 20, 15, 4), (12, 4)])
def test_a_watched_network_computes_the_same_numbers(readout, sizes, model):
    net, labels = network(readout, sizes, model), torch.arange(9) % 4
    results = []
    for watched in (False, True):
        net.zero_grad()
        if watched:
            with count_synaptic_operations(net) as counter:
                scores = net(images())
            assert counter.n_samples == 9
            assert counter.sops_per_sample() > 0 or len(sizes) == 2
        else:
            scores = net(images())
        functional.cross_entropy(scores, labels).backward()
        results.append((scores, [layer.values.grad for layer in net.sparse_layers]))
    (alone, gradients), (seen, others) = results
    assert alone.std() > 0
    torch.testing.assert_close(alone, seen, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(gradients, others, rtol=1e-5, atol=1e-7)


def test_a_network_is_rebuilt_from_its_specification_and_graphs():
    net = network("rate")
    again = SpikingMLP.from_specification(net.specification(), net.graphs)
    assert again.specification() == net.specification()
    for layer, other in zip(net.sparse_layers, again.sparse_layers, strict=True):
        other.set_values(layer.values)
    assert torch.equal(net(images()), again(images()))


@pytest.mark.parametrize("place", ["layers", "neurons"])
def test_a_hook_on_any_module_is_called(place):
    net, calls = network(sizes=(12, 20, 4)), []
    getattr(net, place)[0].register_forward_hook(lambda *_: calls.append(place))
    net(images())
    assert calls == [place]
