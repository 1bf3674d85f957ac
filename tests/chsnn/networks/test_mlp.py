"""The multilayer network: what watches it changes nothing, and its specification rebuilds it."""

import pytest
import torch
from torch import nn
from torch.nn import functional

from chsnn import LIF, densify, sparse_layers
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
                counter.n_samples += 9
            assert [layer.n_links for layer in counter.layers()] == [g.n_links for g in net.graphs]
            assert counter.sops_per_sample() > 0 or len(sizes) == 2
        else:
            scores = net(images())
        functional.cross_entropy(scores, labels).backward()
        results.append((scores, [layer.values.grad for layer in net.layers]))
    (alone, gradients), (seen, others) = results
    assert alone.std() > 0
    torch.testing.assert_close(alone, seen, rtol=1e-6, atol=1e-7)
    torch.testing.assert_close(gradients, others, rtol=1e-5, atol=1e-7)


def test_a_network_is_rebuilt_from_its_specification_and_state():
    net = network("rate")
    again = SpikingMLP.from_specification(net.specification())
    assert [graph.n_links for graph in again.graphs] == [0, 0, 0]
    again.load_state_dict(net.state_dict())
    assert again.specification() == net.specification()
    assert again.graphs == net.graphs
    assert torch.equal(net(images()), again(images()))


def test_learnt_numbers_of_the_neurons_are_in_the_specification():
    net = mlp((12, 20, 4), neuron=LIF(v_th=0.4, learn=["v_th"]), sparsity=0.5)
    again = SpikingMLP.from_specification(net.specification())
    assert [name for name, _ in again.named_parameters()] == [n for n, _ in net.named_parameters()]
    assert "layers.0.neuron.v_th" in dict(net.named_parameters())


@pytest.mark.parametrize("place", [0, 1])
def test_a_hook_on_any_layer_sees_what_goes_in_and_comes_out(place):
    net, calls = network(sizes=(12, 20, 4)), []
    net.layers[place].register_forward_hook(lambda _, args, y: calls.append((args[0], y)))
    scores = net(images())
    assert len(calls) == 1
    assert calls[0][0].shape[-1] == (12, 20)[place]
    assert calls[0][1].shape == ((9, 20), (9, 4))[place]
    assert place == 0 or torch.equal(calls[0][1], scores)


def test_full_backward_hooks_fire_in_every_layer():
    net, seen = network(sizes=(12, 20, 15, 4)), []
    for i, layer in enumerate(net.layers):
        layer.register_full_backward_hook(lambda *_, i=i: seen.append(i))
    net(images().requires_grad_()).sum().backward()
    assert seen == [2, 1, 0]


def test_the_wiring_is_a_path_of_the_layers_there_are():
    net = network(sizes=(12, 20, 15, 4))
    found = [(one.size, one.sources, one.targets) for one in net.wiring.junctions]
    assert found == [(20, ("layers.0",), ("layers.1",)), (15, ("layers.1",), ("layers.2",))]
    assert all(one.closed_in and one.closed_out for one in net.wiring.junctions)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"inputs": [[0.5, 1.5]]}, r"^inputs must have intensities in \[0, 1\].*1\.5"),
        ({"inputs": [[0.5, float("nan")]]}, r"^inputs must be finite"),
        ({"inputs": torch.rand(3, 5)}, r"^inputs must have 2 values a sample"),
        ({"sparsity": [0.5, 0.5, 0.5]}, r"^sparsity.*2 layers, got 3"),
        ({"sparsity": 0.99}, r"without links"),
        ({"readout": "spike"}, r"^readout"),
        ({"topology": "full"}, r"^topology"),
    ],
)
def test_bad_input_is_named(options, message):
    with pytest.raises(ValueError, match=message):
        mlp((2, 4, 2), **{"sparsity": 0.5, "encoding": "even", **options})


@pytest.mark.parametrize("readout", ["potential", "rate"])
@pytest.mark.parametrize("encoding", ["direct", "even"])
def test_a_dense_twin_gives_the_same_scores_and_is_plain_torch(readout, encoding):
    def build():
        neuron = LIF(v_th=0.4)
        return mlp(
            (12, 20, 15, 4), sparsity=0.6, encoding=encoding, neuron=neuron, readout=readout, seed=3
        )

    net, twin = build(), densify(build())
    assert sparse_layers(twin) == {}
    assert [type(layer).__mro__[1] for layer in twin.layers] == [nn.Linear] * 3
    scores = net(images())
    assert scores.std() > 0
    torch.testing.assert_close(twin(images()), scores, rtol=1e-5, atol=1e-6)
    net(images()).square().sum().backward()
    twin(images()).square().sum().backward()
    for sparse, dense in zip(net.layers, twin.layers, strict=True):
        mask = sparse.weight_mask()
        got = dense.weight.grad[mask]
        left, right = (torch.from_numpy(side) for side in sparse.graph.links())
        want = torch.zeros_like(dense.weight)
        want[right, left] = sparse.values.grad
        torch.testing.assert_close(got, want[mask], rtol=1e-4, atol=1e-5)
        assert not dense.weight[~mask].any()
