"""The dense weight of a sparse layer, as code written for nn.Linear reads or changes it."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize, prune

from chgraph import BipartiteGraph
from chsnn import SparseLinear
from tests.chsnn.tensors import layer_and_twin, random_graph, real

GRAPH = random_graph(6, 5, 0.5, seed=1)
FULL = BipartiteGraph.from_biadjacency(np.ones((6, 5)))


def test_pruned_values_work_and_stay_where_they_are():
    layer, _ = layer_and_twin(GRAPH)
    prune.l1_unstructured(layer, "values", amount=4)
    pruned = layer.values_mask == 0
    x = real(3, 6)
    layer(x).sum().backward()
    assert pruned.sum() == 4
    assert (layer.values_orig.grad[pruned] == 0).all()
    expected = nn.functional.linear(x, layer.dense_weight())
    torch.testing.assert_close(layer(x), expected)
    layer.load_state_dict(layer.state_dict())
    for change in (lambda: layer.set_graph(FULL), lambda: layer.set_values(layer.values)):
        with pytest.raises(RuntimeError, match=r"pruned.*prune\.remove"):
            change()
    other = SparseLinear(FULL).state_dict()
    with pytest.raises(RuntimeError, match="values"):
        layer.load_state_dict(other, strict=False)
    prune.remove(layer, "values")
    layer.set_graph(FULL)
    torch.testing.assert_close(layer(x), expected)


REFUSED = {
    "init": lambda layer: nn.init.xavier_uniform_(layer.weight),
    "orthogonal": lambda layer: nn.init.orthogonal_(layer.weight),
    "data": lambda layer: layer.weight.data.mul_(2),
    "item": lambda layer: layer.weight.detach()[0].__setitem__(0, 1.0),
    "view": lambda layer: layer.weight.view(-1)[2:].zero_(),
    "out": lambda layer: torch.add(1, torch.ones(5, 6), out=layer.weight.detach()),
    "list": lambda layer: torch.nn.utils.get_total_norm([layer.weight.unbind()[0].mul_(2)]),
    "grad": lambda layer: setattr(layer.weight, "grad", torch.ones(5, 6)),
    "freeze": lambda layer: layer.weight.requires_grad_(False),
    "set": lambda layer: setattr(layer, "weight", torch.ones(5, 6)),
    "parameter": lambda layer: setattr(layer, "weight", nn.Parameter(torch.ones(5, 6))),
    "prune": lambda layer: prune.l1_unstructured(layer, "weight", 0.5),
    "parametrize": lambda layer: parametrize.register_parametrization(layer, "weight", nn.Tanh()),
    "values": lambda layer: parametrize.register_parametrization(layer, "values", nn.Tanh()),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_change_a_weight_that_is_none_is_refused(what):
    layer, twin = layer_and_twin(GRAPH)
    before = list(layer.state_dict())
    with pytest.raises((TypeError, ValueError), match=r"values|does not have a parameter"):
        REFUSED[what](layer)
    assert list(layer.state_dict()) == before
    torch.testing.assert_close(layer(real(2, 6)), twin(real(2, 6)), rtol=1e-6, atol=1e-6)


def test_a_weight_that_is_read_is_a_tensor_like_any_other():
    layer, twin = layer_and_twin(GRAPH)
    weight = layer.weight
    torch.testing.assert_close(weight.detach().clone(), twin.weight.detach(), rtol=0, atol=0)
    results = [weight.abs(), weight @ weight.T, weight.norm(), weight.max(dim=0)[0], weight.clone()]
    assert {type(result) for result in results} == {torch.Tensor}
    weight.square().sum().backward()
    torch.testing.assert_close(layer.values.grad, 2 * layer.values.detach())
    with pytest.raises(ValueError, match="read-only"):
        layer.weight.detach().numpy()[0] = 1


@pytest.mark.parametrize("training", [True, False])
def test_a_transformer_block_reads_past_forward(training):
    torch.manual_seed(0)
    theirs = nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, batch_first=True)
    mine = nn.TransformerEncoderLayer(6, 2, 5, dropout=0.0, batch_first=True)
    mine.load_state_dict(theirs.state_dict())
    mine.linear1, theirs.linear1 = layer_and_twin(GRAPH, bias=True)
    mine.linear2, theirs.linear2 = layer_and_twin(random_graph(5, 6, 0.5), bias=True)
    mine.train(training), theirs.train(training)
    x = real(2, 3, 6)
    torch.testing.assert_close(mine(x), theirs(x), rtol=1e-5, atol=1e-5)
    with torch.no_grad():  # torch's fast path, in evaluation mode
        result = mine(x)
        torch.testing.assert_close(result, theirs(x), rtol=1e-5, atol=1e-5)
        assert type(result) is torch.Tensor
    mine(x).sum().backward()
    assert mine.linear1.values.grad.shape == (GRAPH.n_links,)
