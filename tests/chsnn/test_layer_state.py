"""The state of sparse layers: copies, loading, averages; nothing is mixed without a word."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from chgraph import BipartiteGraph
from chsnn import LIF, SparseLIF, SparseLinear
from tests.chsnn.layer_models import (
    FEWER,
    GRAPH,
    OTHER,
    X,
    assert_unchanged,
    make,
    network,
    run,
    snapshot,
)
from tests.chsnn.tensors import layer_and_twin, random_graph


def through_a_file(thing, *, weights_only):
    file = io.BytesIO()
    torch.save(thing, file)
    file.seek(0)
    return torch.load(file, weights_only=weights_only)


# -------------------------------------------------------------------------------- copies


@pytest.mark.parametrize(
    "copied",
    [
        copy.deepcopy,
        lambda model: pickle.loads(pickle.dumps(model)),
        lambda model: through_a_file(model, weights_only=False),
    ],
    ids=["deepcopy", "pickle", "torch.save"],
)
def test_a_copy_is_the_same_model_and_shares_nothing(copied):
    model = network()
    stop = model[1].watch(lambda passage: None)  # what watches is not copied
    twin = copied(model)
    stop()
    assert torch.equal(run(twin), run(model))
    assert_unchanged(twin, snapshot(model))
    expected = run(model)
    twin[1].set_graph(OTHER)
    with torch.no_grad():
        twin[1].values.fill_(9)
    assert model[1].graph is GRAPH
    assert torch.equal(run(model), expected)


def test_a_state_holds_the_links_and_goes_through_a_file():
    layer = make()
    state = through_a_file(layer.state_dict(), weights_only=True)
    assert sorted(state) == ["_extra_state", "bias", "links_digest", "values"]
    fresh = make(OTHER, seed=5)
    assert str(fresh.load_state_dict(state)) == "<All keys matched successfully>"
    assert fresh.graph == GRAPH
    assert torch.equal(fresh(X), layer(X))


# ------------------------------------------------------------------------------- loading


def test_loading_another_topology_changes_the_topology():
    first = SparseLinear(BipartiteGraph.from_links([0, 1], [0, 1], (2, 2)))
    first.set_values([1.0, 2.0])
    second = SparseLinear(BipartiteGraph.from_links([0, 1], [1, 0], (2, 2)))
    second.load_state_dict(first.state_dict())
    assert second(torch.tensor([1.0, 10.0])).tolist() == [1.0, 20.0]
    assert second.graph == first.graph


@pytest.mark.parametrize("graph", [OTHER, FEWER], ids=["other links", "other number"])
@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("backend", ["sparse", "dense"])
def test_any_links_can_be_loaded(backend, assign, graph):
    source, target = make(graph, seed=7), make(backend=backend)
    kept = target(X)
    parameter = target.values
    target.load_state_dict(source.state_dict(), assign=assign)
    assert target.graph == graph
    assert (target.values is parameter) == (not assign)
    torch.testing.assert_close(target(X), source(X), rtol=1e-6, atol=1e-6)
    target(X).sum().backward()
    source(X).sum().backward()
    torch.testing.assert_close(target.values.grad, source.values.grad, rtol=1e-6, atol=1e-6)
    assert kept.requires_grad


def half_of(state):
    return {name: tensor.half() for name, tensor in state.items()}


def without(key, state):
    return {name: tensor for name, tensor in state.items() if name != key}


def lerped(first, second, share=0.5):
    """An average of states over their floating entries, as it is taken over files."""
    first, second = pickle.loads(pickle.dumps((first, second)))
    return {
        name: tensor.lerp(second[name], share) if tensor.is_floating_point() else tensor
        for name, tensor in first.items()
    }


STATE = make(seed=7).state_dict()
MISFITS = {
    "another shape": (make(random_graph(6, 4, 0.5)).state_dict(), "this one is"),
    "no graph": (without("_extra_state", STATE), "both the links and their values"),
    "no values": (without("values", STATE), "both the links and their values"),
    "values of others": ({**STATE, "values": torch.ones(3)}, r"values of shape \(3,\)"),
    "no bias": (without("bias", STATE), "no bias"),
    "another bias": ({**STATE, "bias": torch.ones(4)}, r"bias of shape \(4,\)"),
    "dense": (nn.Linear(6, 5).state_dict(), "dense layer"),
    "half-cast": (half_of(STATE), r"cast to torch\.float16"),
    "no numbers": ({**STATE, "_extra_state": torch.tensor([6])}, "no graph"),
    "broken": ({**STATE, "_extra_state": STATE["_extra_state"][:-1]}, "no graph"),
    "no tensor": ({**STATE, "_extra_state": {"links": 3}}, "no graph"),
    "mixed": (lerped(STATE, make(OTHER).state_dict()), "mix those of different links"),
    "barely mixed": (lerped(STATE, make(OTHER).state_dict(), 1e-6), "mix those of different"),
}


@pytest.mark.parametrize("assign", [False, True])
@pytest.mark.parametrize("strict", [False, True])
@pytest.mark.parametrize("what", MISFITS)
def test_a_state_that_does_not_fit_is_refused_before_anything_changes(what, strict, assign):
    state, message = MISFITS[what]
    for kind in (SparseLinear, SparseLIF):
        layer = make(kind=kind)
        before = snapshot(layer)
        neurons = {n: 0.7 * t for n, t in layer.state_dict().items() if n.startswith("neuron")}
        with pytest.raises(RuntimeError, match=rf"{kind.__name__}: .*{message}"):
            layer.load_state_dict({**neurons, **state}, strict=strict, assign=assign)
        assert_unchanged(layer, before)
    model = network()
    before = snapshot(model)
    whole = network(seed=1).state_dict()
    whole = {name: tensor for name, tensor in whole.items() if not name.startswith("1.")}
    with pytest.raises(RuntimeError, match=rf"1: .*{message}"):
        model.load_state_dict(
            whole | {f"1.{name}": tensor for name, tensor in state.items()},
            strict=strict,
            assign=assign,
        )
    assert_unchanged(model, before)


def test_neurons_of_another_size_are_refused_with_their_layer():
    layer = make(kind=SparseLIF)
    before = snapshot(layer)
    state = make(OTHER, lambda g, **o: SparseLIF(g, LIF(v_th=[1.0] * 5), **o)).state_dict()
    with pytest.raises(RuntimeError, match=r"neuron\.v_th of shape \(5,\)"):
        layer.load_state_dict(state)
    assert_unchanged(layer, before)


def test_a_state_without_the_layer_is_torchs_affair():
    layer = make()
    before = snapshot(layer)
    assert "values" in layer.load_state_dict({}, strict=False).missing_keys
    with pytest.raises(RuntimeError, match="Missing key"):
        layer.load_state_dict({})
    assert_unchanged(layer, before)


def test_the_floating_entries_of_a_state_may_be_cast():
    layer = make(seed=7)
    cast = {n: t.half() if t.is_floating_point() else t for n, t in layer.state_dict().items()}
    target = make(OTHER)
    target.load_state_dict(cast)
    assert target.values.dtype == torch.float32
    torch.testing.assert_close(target(X), layer(X), rtol=1e-2, atol=1e-2)
    assert torch.equal(target.links_digest, layer.links_digest)


def test_the_best_state_is_restored_as_everybody_does_it():
    model = network()
    best, expected = copy.deepcopy(model.state_dict()), run(model)
    model[1].set_graph(OTHER, new_values=3.0)
    assert not torch.equal(run(model), expected)
    model.load_state_dict(best)
    assert torch.equal(run(model), expected)


def test_loading_during_training_goes_on_as_in_torch():
    layer, twin = layer_and_twin(GRAPH)
    optimizers = [torch.optim.Adam(m.parameters(), 0.1) for m in (layer, twin)]
    best = [copy.deepcopy(m.state_dict()) for m in (layer, twin)]
    mask = layer.weight_mask()
    for step in range(6):
        if step == 3:
            layer.load_state_dict(best[0])
            twin.load_state_dict(best[1])
        for module, optimizer in zip((layer, twin), optimizers, strict=True):
            optimizer.zero_grad()
            module(X).square().sum().backward()
            if module is twin:
                module.weight.grad *= mask
            optimizer.step()
    torch.testing.assert_close(layer(X), twin(X), rtol=1e-5, atol=1e-6)


# ------------------------------------------------------------------------ changes of links


def rate(layer):
    return layer(X.expand(4, 3, 6), rate=True)


PATHS = {
    "sparse": (lambda: make(backend="sparse"), lambda layer: layer(X)),
    "dense": (lambda: make(backend="dense"), lambda layer: layer(X)),
    "full": (lambda: make(random_graph(6, 5, 1.0)), lambda layer: layer(X)),
    "full, dense": (lambda: make(random_graph(6, 5, 1.0), backend="dense"), lambda m: m(X)),
    "bfloat16": (lambda: make().bfloat16(), lambda layer: layer(X.bfloat16())),
    "float64": (lambda: make().double(), lambda layer: layer(X.double())),
    "rate": (lambda: make(kind=SparseLIF, backend="sparse"), rate),
    "rate, dense": (lambda: make(kind=SparseLIF, backend="dense"), rate),
    "spikes": (lambda: make(kind=SparseLIF), lambda layer: layer(X.expand(4, 3, 6))),
}


@pytest.mark.parametrize("graph", [OTHER, FEWER], ids=["other links", "other number"])
@pytest.mark.parametrize("path", PATHS)
def test_a_change_between_forward_and_backward_is_noticed(path, graph):
    build, forward = PATHS[path]
    layer = build()
    result = forward(layer)
    layer.set_graph(graph)
    with pytest.raises(RuntimeError, match="graph of a layer was changed between"):
        result.sum().backward()
    assert layer.values.grad is None
    # The old result is still alive; new passes do not mind.
    forward(layer).sum().backward()
    assert layer.values.grad.shape == (graph.n_links,)
    alone = build()
    alone.set_graph(graph)
    forward(alone).sum().backward()
    assert torch.equal(layer.values.grad, alone.values.grad)


def test_a_loaded_topology_is_such_a_change():
    layer = make()
    result = layer(X)
    layer.load_state_dict(make(OTHER).state_dict())
    with pytest.raises(RuntimeError, match="graph of a layer was changed between"):
        result.sum().backward()
