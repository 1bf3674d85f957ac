"""Energy of models that are no MLP: shapes, calls, and layers of every kind, by brute force."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from chgraph import BipartiteGraph
from chsnn import LIF, SparseLIF, SparseLinear, estimate_energy, sparse_layers
from chsnn.energy import count_synaptic_operations
from chsnn.fused import SparseReadout
from chsnn.inference import compile_network
from chsnn.networks import mlp
from tests.naive.energy import macs, sops
from tests.zoo import biadjacencies


def layer(n_in, n_out, seed=0, density=0.4, kind=SparseLinear, **options):
    rng = np.random.default_rng(seed)
    made = kind(BipartiteGraph.from_biadjacency(rng.random((n_in, n_out)) < density), **options)
    made.set_values(rng.random(made.graph.n_links).astype(np.float32))
    return made.requires_grad_(False)


def spikes(*shape, seed=0):
    return (torch.rand(*shape, generator=torch.Generator().manual_seed(seed)) < 0.4).float()


def matrix(of):
    return of.graph.biadjacency().toarray()


class Stepped(nn.Module):
    """Reads (T, B, n) step by step, (B, n) at a time, as Norse's users write it."""

    def __init__(self, steps):
        super().__init__()
        self.steps = steps
        self.first, self.last = layer(30, 40, 1), layer(40, 5, 2)

    def forward(self, x):
        scores = 0
        for t in range(self.steps):
            fired = (self.first((x > t / self.steps).float()) > 1).float()
            scores = scores + self.last(fired)
        return scores

    def read(self, x):
        """What both layers read, by hand."""
        firsts = [(x > t / self.steps).float() for t in range(self.steps)]
        return firsts, [((y @ self.first.to_linear().weight.T) > 1).float() for y in firsts]


def test_100_images_stepped_over_time_are_100_samples():
    """They were once 512, with 695 SOPs a sample."""
    model, x = Stepped(6), torch.rand(100, 30, generator=torch.Generator().manual_seed(3))
    report = estimate_energy(model, (x, torch.zeros(100, dtype=torch.long)))
    first, last = model.read(x)
    expected = [
        sum(sops(r.numpy(), matrix(m)) for r in reads)
        for reads, m in ((first, model.first), (last, model.last))
    ]
    assert all(expected)
    assert report.n_samples == 100
    assert [a.sops for a in report.layers] == expected
    assert report.sops_per_sample == pytest.approx(sum(expected) / 100)
    assert report.firing_rate == pytest.approx(float(torch.stack(last).mean()), rel=1e-5)


class Twice(nn.Module):
    """One layer called twice, one never."""

    def __init__(self):
        super().__init__()
        self.shared, self.unused, self.last = layer(8, 8, 3), layer(8, 8, 4), layer(8, 2, 5)

    def forward(self, x):
        fired = (self.shared(x) > 0.5).float()
        return self.last((self.shared(fired) > 0.5).float())


def test_a_layer_called_twice_counts_twice_and_one_never_called_not_at_all():
    model, x = Twice(), spikes(9, 8)
    report = estimate_energy(model, [(x, torch.zeros(9, dtype=torch.long))])
    fired = (model.shared(x) > 0.5).float()
    again = (model.shared(fired) > 0.5).float()
    shared = sops(x.numpy(), matrix(model.shared)) + sops(fired.numpy(), matrix(model.shared))
    by_name = {a.name: a for a in report.layers}
    assert by_name["shared"].sops == shared > 0
    assert by_name["unused"].sops == by_name["unused"].spikes == by_name["unused"].input_rate == 0
    assert by_name["last"].sops == sops(again.numpy(), matrix(model.last))
    assert by_name["shared"].input_rate == pytest.approx(float(torch.cat([x, fired]).mean()))
    assert report.n_samples == 9


@given(biadjacencies(), st.lists(st.integers(1, 4), min_size=0, max_size=3), st.booleans())
def test_any_shape_is_counted_as_brute_force_counts(links, shape, are_spikes):
    graph = BipartiteGraph.from_biadjacency(links)
    x = spikes(*shape, graph.n_left) * (1.0 if are_spikes else 0.5)
    one = SparseLinear(graph)
    with count_synaptic_operations(one) as counter:
        one(x)
    (activity,) = counter.layers()
    binary = are_spikes or not x.any()
    assert activity.sops == (sops(x.numpy(), links) if binary else 0)
    assert activity.macs == (0 if binary else macs(x.numpy(), links))


@pytest.mark.parametrize("steps", [1, 3, 10, 1000])
@pytest.mark.parametrize("constant", [False, True])
def test_rates_are_counted_as_the_spikes_they_are_the_mean_of(steps, constant):
    first = layer(12, 20, 6, kind=SparseLIF, neuron=LIF(v_th=0.7))
    last = layer(20, 3, 7, kind=SparseReadout)
    x = spikes(1, 5, 12).expand(steps, -1, -1) if constant else spikes(steps, 5, 12)
    with count_synaptic_operations(nn.ModuleList([first, last])) as counter:
        last(first(x, rate=True), steps=steps)
    between = first(x)
    wanted = [sops(x.numpy(), matrix(first)), sops(between.numpy(), matrix(last))]
    assert [a.sops for a in counter.layers()] == wanted
    assert wanted[0] > 0
    assert [a.macs for a in counter.layers()] == [0, 0]


@pytest.mark.parametrize("encoding", ["direct", "even"])
@pytest.mark.parametrize("readout", ["potential", "rate"])
def test_the_event_engine_counts_the_same(encoding, readout):
    net = mlp((12, 20, 16, 3), sparsity=0.5, encoding=encoding, readout=readout, backend="sparse")
    for one in sparse_layers(net).values():
        one.set_values(2 * one.values.detach())
    images = torch.rand(6, 12, generator=torch.Generator().manual_seed(1))
    report = estimate_energy(net, (images, torch.zeros(6, dtype=torch.long)))
    run = compile_network(net).classify(images)
    assert run.sops.tolist() == [a.sops for a in report.layers]
    assert run.macs == sum(a.macs for a in report.layers)
    assert sum(run.sops) > 0


def test_a_report_for_other_hardware_is_no_baseline():
    model, data = Twice(), [(spikes(9, 8), torch.zeros(9, dtype=torch.long))]
    other = estimate_energy(model, data, hardware="Loihi")
    with pytest.raises(ValueError, match=r"^baseline must be a report for the same hardware"):
        estimate_energy(model, data, baseline=other)


def test_links_that_change_while_it_counts_are_counted_as_they_are():
    one, x = layer(8, 6, 3), spikes(5, 8)
    other = layer(8, 6, 4)
    with count_synaptic_operations(one) as counter:
        one(x)
        one.set_graph(other.graph)
        one.set_values(torch.zeros(other.graph.n_links))
        one(x)
    (activity,) = counter.layers()
    before = sops(x.numpy(), matrix(layer(8, 6, 3)))
    assert activity.sops == before + sops(x.numpy(), matrix(other))
    assert activity.effective_sops == before
