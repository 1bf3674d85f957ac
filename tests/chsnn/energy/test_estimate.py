"""Synaptic operations against a count spike by spike, and what they cost."""

import numpy as np
import pytest
import torch
from torch import nn

from chgraph import as_bipartite
from chsnn import HARDWARE, SparseLinear, estimate_energy, load_data, sparse_layers
from chsnn.data import Samples
from chsnn.energy import count_synaptic_operations
from chsnn.networks import mlp
from tests import naive, zoo

SIZES, T = (12, 10, 8, 3), 5


def samples(n=7, seed=0):
    """Random images and labels."""
    generator = torch.Generator().manual_seed(seed)
    return Samples(torch.rand(n, SIZES[0], generator=generator), torch.zeros(n, dtype=torch.long))


def network(encoding="even", sparsity=0.5, seed=0):
    """A network whose neurons all have reason to fire."""
    net = mlp(SIZES, sparsity=sparsity, encoding=encoding, timesteps=T, seed=seed)
    for layer in sparse_layers(net).values():
        layer.set_values(2 * layer.values.detach())
    return net


def inputs_of_layers(net, images):
    """What each linear layer reads, (T, B, n) as numpy arrays: the spikes of the one before."""
    x, seen = net.encoder(images), []
    with torch.no_grad():
        for layer in net.layers:
            seen.append(x.numpy())
            x = layer(x)
    return seen


def test_synaptic_operations_are_counted_spike_by_spike():
    net, data = network(), samples()
    report = estimate_energy(net, data)
    seen = inputs_of_layers(net, data.images)
    expected = [
        naive.sops(x, g.biadjacency().toarray()) for x, g in zip(seen, net.graphs, strict=True)
    ]
    assert all(expected)
    assert [layer.sops for layer in report.layers] == expected
    assert [layer.spikes for layer in report.layers] == [x.sum() for x in seen]
    assert [layer.macs for layer in report.layers] == [0, 0, 0]
    assert report.sops_per_sample == pytest.approx(sum(expected) / 7)
    assert report.firing_rate == pytest.approx(
        np.concatenate([x.ravel() for x in seen[1:]]).mean(), rel=1e-6
    )


@pytest.mark.parametrize("name", zoo.GRAPHS)
def test_any_graph_is_counted_by_its_links_alone(name):
    graph = zoo.GRAPHS[name]
    spikes = torch.from_numpy(np.random.default_rng(0).random((4, 3, graph.n_left)) < 0.4).float()
    layer = SparseLinear(graph)
    with count_synaptic_operations(nn.Sequential(layer)) as counter:
        layer(spikes)
        counter.n_samples += 3
    expected = naive.sops(spikes.numpy(), zoo.BIADJACENCIES[name])
    assert counter.sops_per_sample() * 3 == pytest.approx(expected)


def test_an_analogue_input_costs_multiplications_and_no_synaptic_operations():
    net, data = network("direct"), samples()
    data.images[:, :4] = 0.0
    report = estimate_energy(net, data, hardware="CMOS-45nm")
    macs = 7 * T * net.graphs[0].n_links
    first, *others = report.layers
    assert (first.sops, first.macs, first.spikes) == (0, macs, 0)
    assert [layer.macs for layer in others] == [0, 0]
    assert report.macs_per_sample == pytest.approx(macs / 7)
    assert report.mac_energy_per_sample_j == pytest.approx(macs / 7 * 4.6e-12)
    assert report.sops_per_sample == pytest.approx(sum(layer.sops for layer in others) / 7)


def test_an_analogue_input_can_be_counted_as_spikes():
    net, data = network("direct"), samples()
    data.images[:, :4] = 0.0
    report = estimate_energy(net, data, count_input_as_spikes=True)
    assert report.layers[0].sops == 7 * T * int(net.graphs[0].left_degree[4:].sum())
    assert report.macs_per_sample == 0


def test_the_baseline_is_measured_on_the_same_data():
    sparse, full, data = network(), network(sparsity=0.0), samples()
    report = estimate_energy(sparse, data, baseline=full)
    alone = estimate_energy(full, data)
    assert report.baseline == alone
    assert report.sop_ratio == alone.sops_per_sample / report.sops_per_sample
    assert report.energy_ratio == pytest.approx(report.sop_ratio)
    assert report.sop_ratio > 1.5
    again = estimate_energy(sparse, data, baseline=alone)
    assert again.to_dict() == report.to_dict()


def test_without_baseline_or_spikes_there_is_no_ratio():
    data = samples()
    assert estimate_energy(network(), data).sop_ratio is None
    silent = Samples(torch.zeros(2, 12), torch.zeros(2, dtype=torch.long))
    assert estimate_energy(network(), silent, baseline=network()).energy_ratio is None


def test_batches_do_not_change_the_count():
    net, data = network(), samples(20)
    whole = estimate_energy(net, data)
    assert estimate_energy(net, list(data.batches(3))).to_dict() == whole.to_dict()
    assert whole.n_samples == 20


def test_a_random_encoding_is_counted_for_a_seed():
    net, data = network("bernoulli"), samples()
    first, again, other = (estimate_energy(net, data, seed=s).sops_per_sample for s in (1, 1, 2))
    assert first == again != other


@pytest.mark.parametrize(
    ("name", "picojoule"),
    [
        ("ANP-I", 1.5),
        ("ANP-G", 1.04),
        ("Loihi", 23.6),
        ("TrueNorth", 26),
        ("TrueNorth-core", 2.5),
        ("SpiNNaker2", 10),
        ("ODIN", 12.7),
        ("CMOS-45nm", 0.9),
    ],
)
def test_energy_is_operations_times_the_figure_of_the_hardware(name, picojoule):
    report = estimate_energy(network(), samples(), hardware=name)
    assert report.energy_per_sample_j == pytest.approx(report.sops_per_sample * picojoule * 1e-12)
    assert HARDWARE[name].source
    assert name in str(report)


def test_the_report_counts_links_of_all_layers():
    net = network()
    report = estimate_energy(net, samples())
    possible = 12 * 10 + 10 * 8 + 8 * 3
    assert report.link_sparsity == pytest.approx(1 - (60 + 40 + 24) / possible)
    assert [layer.sparsity for layer in report.layers] == [0.5, 0.5, 0.0]


def test_counting_leaves_no_trace():
    net, data = network(), samples()
    before = net(data.images)
    estimate_energy(net, data)
    assert all(
        not layer._watchers and not layer._forward_pre_hooks
        for layer in sparse_layers(net).values()
    )
    torch.testing.assert_close(net(data.images), before, rtol=0, atol=0)


def test_sparser_digits_networks_do_fewer_operations():
    test = load_data("digits").test
    reports = [
        estimate_energy(mlp((64, 64, 10), sparsity=s, encoding="even"), test)
        for s in (0.0, 0.5, 0.9)
    ]
    assert reports[0].sops_per_sample > reports[1].sops_per_sample > reports[2].sops_per_sample


@pytest.mark.parametrize(
    ("call", "name"),
    [
        (lambda: estimate_energy(network(), samples(), hardware="TPU"), "hardware"),
        (lambda: estimate_energy(network(), (np.empty((0, 12)), np.empty(0))), "data"),
        (lambda: estimate_energy(network(), []), "data"),
        (lambda: estimate_energy(nn.ReLU(), samples()), "model"),
    ],
)
def test_bad_input_is_named(call, name):
    with pytest.raises(ValueError, match=rf"^{name}\b"):
        call()


def test_a_layer_alone_can_be_counted():
    layer = SparseLinear(as_bipartite([[1, 1], [0, 1]]))
    with count_synaptic_operations(layer) as counter:
        layer(torch.ones(3, 2, 2))
    counter.n_samples = 2
    assert counter.sops_per_sample() == 9
