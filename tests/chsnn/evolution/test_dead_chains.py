"""Dead chains in a training: who dies is said by the wiring, by the layers' names."""

import numpy as np
import pytest
import torch
from torch import nn

from chgraph.rewiring import Junction, Wiring
from chsnn import Evolution, sparsify
from tests.chsnn.evolution.loops import counts, graphs, model_of
from tests.naive.rewiring import dead_in_wiring


class Residual(nn.Module):
    """Three layers before a head; the middle one is added to what goes around it."""

    def __init__(self):
        super().__init__()
        self.first, self.inner = nn.Linear(9, 12, bias=False), nn.Linear(12, 12, bias=False)
        self.last, self.head = nn.Linear(12, 9, bias=False), nn.Linear(9, 2, bias=False)

    def forward(self, x):
        h = torch.relu(self.first(x))
        h = torch.relu(h + self.inner(h))
        return self.head(torch.relu(self.last(h)))


def cut(layer, *, into=(), out_of=()):
    """Take the links into some right nodes, or out of some left nodes."""
    left, right = layer.graph.links()
    keep = ~np.isin(right, into) & ~np.isin(left, out_of)
    layer.set_graph(layer.graph.keep_links(np.flatnonzero(keep)))


def maimed(wiring):
    """A residual net in which neurons 1, 2 get nothing, and 3 only from the inner layer."""
    torch.manual_seed(0)
    model = sparsify(Residual(), {"[!h]*": 0.6}, wiring=wiring, weights="kaiming")
    rewirer = Evolution(zeta=0.0).attach(model, total_steps=3, every=1)
    cut(model.first, into=[1, 2, 3])
    cut(model.inner, into=[1, 2])
    return model, rewirer


def test_in_a_residual_a_neuron_dies_where_the_sum_brings_nothing():
    model, rewirer = maimed(None)
    matrices = {n: g.biadjacency().toarray() != 0 for n, g in graphs(model).items()}
    junctions = [
        {
            "size": one.size,
            "sources": one.sources,
            "targets": one.targets,
            "open_in": one.open_in,
            "open_out": one.open_out,
        }
        for one in model.wiring.junctions
    ]
    dead, _ = dead_in_wiring(matrices, junctions)
    assert sum(int(mask.sum()) for mask in dead) > 0
    wanted = dict(rewirer.state.targets)
    record = rewirer.step()
    assert record.dead_neurons == sum(int(mask.sum()) for mask in dead)
    assert record.missing == 0
    assert counts(model) == wanted
    for one, mask in zip(model.wiring.junctions, dead, strict=True):
        for name in one.sources:
            assert not graphs(model)[name].right_degree[mask].any()
        for name in one.targets:
            assert not graphs(model)[name].left_degree[mask].any()


def test_nobody_dies_where_nothing_is_known_of_the_wiring():
    model, rewirer = maimed(Wiring())
    wanted, kept = dict(rewirer.state.targets), graphs(model)
    record = rewirer.step()
    assert (record.dead_neurons, record.chain_removed, record.pruned) == (0, 0, 0)
    assert counts(model) == wanted
    for name, graph in kept.items():
        assert (graphs(model)[name].link_ids(*graph.links()) >= 0).all()


def test_dead_chains_go_by_name_and_their_links_grow_elsewhere():
    model = model_of(12, 20, 16, 4, sparsity=0.5)
    rewirer = Evolution(zeta=0.0).attach(model, total_steps=3, every=1)
    wanted = counts(model)
    cut(model[0], into=[4])
    record = rewirer.step()
    # Neuron 4 reads nothing any more: layer "2" loses its links, and both grow what they lack.
    assert model[2].graph.left_degree[4] == 0
    assert record.dead_neurons == 1
    assert record.chain_removed > 0
    assert counts(model) == wanted


def test_a_wiring_that_is_given_counts_and_one_that_does_not_fit_is_refused():
    model = model_of(12, 20, 16, 4, sparsity=0.5)
    wrong = Wiring((Junction(19, ("0",), ("2",)),))
    with pytest.raises(ValueError, match="19 neurons"):
        Evolution().attach(model, total_steps=3, every=1, wiring=wrong)
    with pytest.raises(TypeError, match=r"^wiring"):
        Evolution().attach(model, total_steps=3, every=1, wiring="path")
    cut(model[0], into=[4])
    rewirer = Evolution(zeta=0.0).attach(model, total_steps=3, every=1, wiring=Wiring())
    assert rewirer.step().dead_neurons == 0
