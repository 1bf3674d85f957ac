"""Small models with sparse layers, whose states are copied, loaded and averaged."""

import numpy as np
import torch
from torch import nn

from chgraph import BipartiteGraph
from chsnn import SparseLIF, SparseLinear
from tests.chsnn.tensors import layer_and_twin, random_graph, real

GRAPH = random_graph(6, 5, 0.5, seed=1)
# As many links, others; and one link less.
OTHER = BipartiteGraph.from_biadjacency(np.roll(GRAPH.biadjacency().toarray(), 1, axis=1))
FEWER = GRAPH.keep_links(np.arange(1, GRAPH.n_links))
X = real(3, 6)


def make(graph=GRAPH, kind=SparseLinear, seed=0, **options):
    return layer_and_twin(graph, kind, seed=seed, bias=True, **options)[0]


def network(graph=GRAPH, seed=0):
    """Two sparse layers between plain ones, put together by hand."""
    torch.manual_seed(seed)
    second = make(random_graph(5, 4, 0.6, seed=3), SparseLIF, seed)
    return nn.Sequential(nn.Linear(6, 6), make(graph, seed=seed), second, nn.Linear(4, 2))


def run(model):
    """What a model gives for three steps of two samples."""
    return model(real(3, 2, 6, seed=4))


def snapshot(model):
    """All numbers and graphs of a model."""
    layers = [m for m in model.modules() if isinstance(m, SparseLinear)]
    state = model.state_dict().items()
    return {name: tensor.clone() for name, tensor in state}, [layer.graph for layer in layers]


def assert_unchanged(model, before):
    tensors, graphs = snapshot(model)
    assert graphs == before[1]
    assert all(torch.equal(tensor, before[0][name]) for name, tensor in tensors.items())
