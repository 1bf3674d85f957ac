"""What a rewirer remembers: saved and taken up again, and states that come from elsewhere."""

import copy
import io

import pytest
import torch
from torch import nn

from chgraph import BipartiteGraph
from chgraph.rewiring import Wiring
from chsnn import DeepR, Evolution, GradR, sparse_layers, sparsify
from chsnn.evolution import DPAP, SDSNN
from tests.chsnn.evolution.loops import counts, graphs, model_of, train

SETTINGS = {
    "paper": Evolution(),
    "last": Evolution(new_weights="last", regrowth="random", zeta_schedule="constant"),
    "drawn": Evolution(new_weights="SSWI"),
    "gradient": Evolution(regrowth="gradient", stop_overlap=0.5),
    "density": Evolution(density_schedule="cubic", final_sparsity=0.9, density_until=0.8),
    "deep r": DeepR(l1=1e-2, noise=1e-2),
    "grad r": GradR(alpha=1e-3),
    "sd-snn": SDSNN(persistence=1, published_epochs=6, percentile=30.0),
    "dpap": DPAP(published_epochs=20, first_epoch=2, survival=2.0),
}
# Start with every link; DPAP sees what the second layer reads.
DENSE = ("grad r", "sd-snn", "dpap")


def begin(name, model_seed=0):
    sparsity = 0.0 if name in DENSE else 0.6
    model = model_of(12, 20, 16, 4, sparsity=sparsity, seed=model_seed)
    return model, torch.optim.Adam(model.parameters(), 0.02)


def attach(name, model, optimizer, **options):
    every = None if SETTINGS[name].interval else 3
    if name == "dpap":
        options |= {"wiring": Wiring.path(graphs(model)), "layers": "0"}
    return SETTINGS[name].attach(model, optimizer, total_steps=20, every=every, **options)


def through_a_file(document):
    file = io.BytesIO()
    torch.save(document, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def everything(model, optimizer, rewirer):
    return copy.deepcopy(
        {
            "model": model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "rewirer": rewirer.state_dict(),
        }
    )


def assert_same(one, two):
    assert type(one) is type(two)
    if isinstance(one, torch.Tensor):
        assert torch.equal(one, two)
        assert one.dtype == two.dtype
    elif isinstance(one, dict):
        assert list(one) == list(two)
        for key in one:
            assert_same(one[key], two[key])
    elif isinstance(one, list | tuple):
        assert len(one) == len(two)
        for a, b in zip(one, two, strict=True):
            assert_same(a, b)
    else:
        assert one == two


@pytest.mark.parametrize("name", SETTINGS)
@pytest.mark.parametrize("order", ["model first", "rewirer first", "resume"])
def test_ten_and_ten_steps_are_twenty(name, order):
    model, optimizer = begin(name)
    straight = attach(name, model, optimizer)
    train(model, optimizer, straight, 20)
    wanted = everything(model, optimizer, straight)

    model, optimizer = begin(name)
    first = attach(name, model, optimizer)
    train(model, optimizer, first, 10)
    saved = through_a_file(everything(model, optimizer, first))
    assert saved["rewirer"]["events"] > 0

    model, optimizer = begin(name, model_seed=5)  # other weights and other links
    if order == "resume":
        model.load_state_dict(saved["model"])
        second = attach(name, model, optimizer, resume=saved["rewirer"])
        optimizer.load_state_dict(saved["optimizer"])
    else:
        second = attach(name, model, optimizer, seed=77)
        parts = {"model": model, "optimizer": optimizer, "rewirer": second}
        for key in parts if order == "model first" else reversed(parts):
            parts[key].load_state_dict(saved[key])
    train(model, optimizer, second, 10, first=10)
    assert_same(everything(model, optimizer, second), wanted)
    assert wanted["rewirer"]["steps"] == 20


def test_what_is_saved_is_a_copy():
    model, optimizer = begin("deep r")
    rewirer = attach("deep r", model, optimizer)
    saved = rewirer.state_dict()
    before = copy.deepcopy(saved)
    train(model, optimizer, rewirer, 3)
    assert_same(saved, before)
    rewirer.load_state_dict(saved)
    train(model, optimizer, rewirer, 3)
    assert_same(saved, before)


def changed(state, **changes):
    return {**copy.deepcopy(state), **changes}


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda s: changed(s, settings={**s["settings"], "zeta": 0.2}), "other settings"),
        (lambda s: {k: v for k, v in s.items() if k != "events"}, "no 'events'"),
        (lambda s: changed(s, targets={"0": 96}), "a rewiring of 0, this is one of 0, 2"),
        (lambda s: changed(s, shapes={**s["shapes"], "0": [12, 21]}), r"layers .*\[12, 21\]"),
        (lambda s: changed(s, shapes={"fc": [12, 20]}), "layers.*fc"),
        (lambda s: changed(s, steps=-1), "steps"),
        (lambda s: changed(s, every=0), "every"),
        (lambda s: changed(s, seed=-1), "seed"),
        (lambda s: changed(s, events=-1), "events"),
        (lambda s: changed(s, total_steps=0), "total_steps"),
        (lambda s: changed(s, memory={"last_links.0": [1, 2]}), "last_links"),
    ],
)
def test_a_state_that_does_not_fit_is_refused_with_nothing_changed(spoil, message):
    model, optimizer = begin("paper")
    rewirer = attach("paper", model, optimizer)
    train(model, optimizer, rewirer, 4)
    before = everything(model, optimizer, rewirer)
    with pytest.raises(ValueError, match=message):
        rewirer.load_state_dict(spoil(rewirer.state_dict()))
    assert_same(everything(model, optimizer, rewirer), before)
    if "rewiring of" in message:  # attaching takes the layers that were rewired
        return
    hooks = len(optimizer._optimizer_step_pre_hooks)
    with pytest.raises(ValueError, match=message):
        attach("paper", model, optimizer, resume=spoil(rewirer.state_dict()))
    assert len(optimizer._optimizer_step_pre_hooks) == hooks


def test_grad_r_keeps_the_optimizer_whole_when_a_resume_is_refused():
    model, optimizer = begin("grad r")
    other, its = begin("grad r")
    saved = attach("grad r", other, its).state_dict()
    with pytest.raises(ValueError, match="other settings"):
        GradR(alpha=0.5).attach(model, optimizer, total_steps=3, resume=saved)
    assert len(optimizer.param_groups[0]["params"]) == 3


def moments_by_pair(layer, optimizer):
    """A dense map of the first moments, by (input, output)."""
    dense = torch.full(layer.graph.shape, float("nan"))
    dense[tuple(torch.from_numpy(side) for side in layer.graph.links())] = optimizer.state[
        layer.values
    ]["exp_avg"]
    return dense


@pytest.mark.parametrize("by", ["load_state_dict", "set_graph"])
@pytest.mark.parametrize("n_other", ["as many", "more"])
def test_moments_follow_links_that_somebody_else_changes(by, n_other):
    model, optimizer = begin("paper")
    rewirer = attach("paper", model, optimizer)
    train(model, optimizer, rewirer, 1)
    layer = model[0]
    before, old = moments_by_pair(layer, optimizer), layer.graph
    other = model_of(12, 20, 16, 4, sparsity=0.6 if n_other == "as many" else 0.3, seed=9)
    if by == "load_state_dict":
        model.load_state_dict(other.state_dict())
    else:
        for name, sparse in sparse_layers(model).items():
            sparse.set_graph(graphs(other)[name], new_values=0.1)
    assert layer.graph != old
    # The moments of the step to come, without a gradient: the old ones, shrunk.
    for sparse in sparse_layers(model).values():
        sparse.values.grad = torch.zeros_like(sparse.values)
    optimizer.step()
    after = moments_by_pair(layer, optimizer)
    links = layer.weight_mask().T
    kept, fresh = links & ~before.isnan(), links & before.isnan()
    assert kept.sum() > 10 < fresh.sum()
    torch.testing.assert_close(after[kept], 0.9 * before[kept])
    assert not after[fresh].any()
    # The rewiring goes on to the number of links that it was begun with.
    train(model, optimizer, rewirer, 5)
    assert counts(model) == rewirer.state.targets


def test_a_loaded_optimizer_state_is_of_the_links_that_come_with_it():
    model, optimizer = begin("paper")
    rewirer = attach("paper", model, optimizer)
    train(model, optimizer, rewirer, 2)
    best = everything(model, optimizer, rewirer)
    train(model, optimizer, rewirer, 10)
    # Back to the best model and its optimizer; the rewirer goes on.
    model.load_state_dict(best["model"])
    optimizer.load_state_dict(best["optimizer"])
    wanted = moments_by_pair(model[0], optimizer)
    for sparse in sparse_layers(model).values():
        sparse.values.grad = torch.zeros_like(sparse.values)
    optimizer.step()
    got = moments_by_pair(model[0], optimizer)
    torch.testing.assert_close(got, 0.9 * wanted, equal_nan=True)


def test_an_optimizer_state_of_other_links_than_the_models_is_refused():
    model, optimizer = begin("paper")
    rewirer = attach("paper", model, optimizer)
    train(model, optimizer, rewirer, 2)
    other = model_of(12, 20, 16, 4, sparsity=0.3)
    its = torch.optim.Adam(other.parameters(), 0.02)
    train(other, its, type("None", (), {"step": lambda self: None})(), 1)
    optimizer.load_state_dict(its.state_dict())
    values = model[0].values.detach().clone()
    model(torch.ones(2, 12)).sum().backward()
    with pytest.raises(TypeError, match=r"Adam.*'exp_avg' of shape \(168,\).*96 links"):
        optimizer.step()
    assert torch.equal(model[0].values, values)


def test_last_weights_come_back_in_the_precision_of_the_layer():
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 3, bias=False), nn.Linear(3, 2)).double()
    sparsify(model, 0.3)
    layer = model[0]
    values = {}
    settings = Evolution(
        zeta=0.5, new_weights="last", regrowth="random", removal="random",
        zeta_schedule="constant",
    )  # fmt: skip
    rewirer = settings.attach(model, total_steps=20, every=1)
    layer.set_values(torch.rand(layer.graph.n_links, dtype=torch.float64) + 0.1)
    for _ in range(10):
        values |= dict(zip(pairs(layer.graph), layer.values.tolist(), strict=True))
        rewirer.step()
        for pair, value in zip(pairs(layer.graph), layer.values.tolist(), strict=True):
            assert value == values.get(pair, 0.0)
    assert len(values) > layer.graph.n_links


def pairs(graph: BipartiteGraph):
    return list(zip(*(side.tolist() for side in graph.links()), strict=True))
