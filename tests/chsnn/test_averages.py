"""Averages of models, of parameters and of states: exact over the same links, else refused."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.chsnn.layer_models import (
    GRAPH,
    OTHER,
    X,
    assert_unchanged,
    make,
    network,
    run,
    snapshot,
)
from tests.chsnn.tensors import layer_and_twin

AVERAGES = {"SWA": {}, "EMA": {"multi_avg_fn": get_ema_multi_avg_fn(0.9)}}
averages = pytest.mark.parametrize("how", AVERAGES)
buffers = pytest.mark.parametrize("use_buffers", [False, True])


@averages
@buffers
def test_averages_of_a_model_that_keeps_its_links_are_exact(use_buffers, how):
    layer, twin = layer_and_twin(GRAPH, bias=True)
    means = [AveragedModel(m, use_buffers=use_buffers, **AVERAGES[how]) for m in (layer, twin)]
    for seed in range(5):
        new, dense = layer_and_twin(GRAPH, seed=seed, bias=True)
        for mean, source in zip(means, (new, dense), strict=True):
            mean.update_parameters(source)
    torch.testing.assert_close(means[0](X), means[1](X), rtol=1e-6, atol=1e-6)
    state = means[0].module.state_dict()
    layer.load_state_dict(state)
    torch.testing.assert_close(layer(X), means[1](X), rtol=1e-6, atol=1e-6)


@averages
@buffers
def test_averages_across_a_change_of_links_are_refused_with_advice(use_buffers, how):
    model = network()
    mean = AveragedModel(model, use_buffers=use_buffers, **AVERAGES[how])
    mean.update_parameters(model)
    run(mean)
    before = run(mean)
    model[1].set_graph(OTHER)
    with pytest.raises(RuntimeError, match=r"links.*start a new average"):
        mean.update_parameters(model)
    torch.testing.assert_close(run(mean), before, rtol=0, atol=0)
    run(model)
    mean = AveragedModel(model, use_buffers=use_buffers, **AVERAGES[how])
    mean.update_parameters(model)
    torch.testing.assert_close(run(mean), run(model))


def clones(model):
    return [p.detach().clone() for p in model.parameters()]


def states(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


# What people keep of a model, and how they move it: all that the field writes by hand.
LOOPS = {
    "mul_ add_": (clones, lambda mean, new: mean.mul_(0.9).add_(new, alpha=0.1)),
    "lerp_": (clones, lambda mean, new: mean.lerp_(new, 0.1)),
    "torch.lerp": (clones, lambda mean, new: torch.lerp(mean, new, 0.1)),
    "sub_ of a difference": (clones, lambda mean, new: mean.sub_(0.1 * (mean - new))),
    "sum of products": (clones, lambda mean, new: 0.9 * mean + (1 - 0.9) * new),
    "data": (clones, lambda mean, new: mean.data.mul_(0.9).add_(new.data, alpha=0.1)),
    "in double": (clones, lambda mean, new: mean.double() * 0.9 + new.double() * 0.1),
    "stack": (clones, lambda mean, new: torch.stack([mean, new]).mean(0)),
    "sum of a list": (clones, lambda mean, new: sum([mean, new]) / 2),
    "foreach": (clones, lambda mean, new: torch._foreach_lerp_([mean], [new], 0.1)),
    "zeros that add up": (
        lambda model: [torch.zeros_like(p).add_(p.detach()) for p in model.parameters()],
        lambda mean, new: mean.add_(new),
    ),
    "new zeros that add up": (
        lambda model: [torch.zeros(p.shape).add_(p.detach()) for p in model.parameters()],
        lambda mean, new: mean.add_(new),
    ),
    "a copied model": (
        lambda model: list(copy.deepcopy(model).parameters()),
        lambda mean, new: mean.mul_(0.9).add_(new, alpha=0.1),
    ),
    "a copied model's data": (
        lambda model: list(copy.deepcopy(model).parameters()),
        lambda mean, new: mean.data.copy_(0.9 * mean.data + 0.1 * new.data),
    ),
    "put into place": (
        lambda model: list(copy.deepcopy(model).parameters()),
        lambda mean, new: mean.copy_(new),
    ),
    "data put into place": (
        lambda model: list(copy.deepcopy(model).parameters()),
        lambda mean, new: setattr(mean, "data", new.data),
    ),
    "state": (
        lambda model: [t for t in states(model).values() if t.is_floating_point()],
        lambda mean, new: mean.mul_(0.9).add_(new, alpha=0.1),
    ),
}


@pytest.mark.parametrize("loop", LOOPS)
def test_a_loop_of_ones_own_across_a_change_of_links_is_refused(loop):
    keep, move = LOOPS[loop]
    model = network()
    means, place = keep(model), [name for name, _ in model.named_parameters()].index("1.values")
    if loop == "state":
        place = [k for k, t in model.state_dict().items() if t.is_floating_point()].index(
            "1.values"
        )
    new = model[1].values.detach() if loop == "state" else model[1].values
    with torch.no_grad():
        move(means[place], new)  # the same links
        model[1].set_graph(OTHER)
        assert OTHER.n_links == GRAPH.n_links  # or torch would refuse by the shape
        before = means[place].clone()
        new = model[1].values.detach() if loop == "state" else model[1].values
        with pytest.raises(RuntimeError, match=r"links.*start a new average"):
            move(means[place], new)
        # Not a share of the others' numbers is in it.
        assert any(torch.equal(means[place], share * before) for share in (1.0, 0.9))


@pytest.mark.parametrize("loop", LOOPS)
def test_over_the_same_links_a_loop_gives_what_it_gives_on_plain_tensors(loop):
    _, move = LOOPS[loop]
    layer, other = make(), make(seed=3)
    means = [layer.values.detach().clone(), torch.tensor(layer.values.tolist())]
    news = [other.values.detach(), torch.tensor(other.values.tolist())]
    results = [move(mean, new) for mean, new in zip(means, news, strict=True)]
    torch.testing.assert_close(means[0], means[1])
    if isinstance(results[1], torch.Tensor):
        torch.testing.assert_close(results[0], results[1])


def test_what_is_no_average_by_position_is_free():
    one, two = make(), make(OTHER, seed=1)
    n = GRAPH.n_links
    with torch.no_grad():
        assert torch.cat([one.values, two.values]).shape == (2 * n,)
        assert not torch.equal(one.values, two.values)
        assert (one.values == two.values).shape == (n,)
        assert nn.utils.parameters_to_vector([one.values, two.values]).shape == (2 * n,)
        torch._foreach_mul_([one.values, two.values], 0.5)
        torch._foreach_add_([one.values, two.values], [torch.ones(n), torch.ones(n)])
    penalty = sum(layer.values.square().sum() for layer in (one, two))
    penalty.backward()
    torch.testing.assert_close(one.values.grad, 2 * torch.tensor(one.values.tolist()))
    nn.utils.clip_grad_norm_([one.values, two.values], 1.0)


@pytest.mark.parametrize("how", ["set_graph", "load_state_dict"])
def test_the_state_of_an_optimizer_that_nobody_carried_is_not_used_by_position(how):
    layer = make()
    optimizer = torch.optim.Adam(layer.parameters(), 0.01)
    layer(X).sum().backward()
    optimizer.step()
    if how == "set_graph":
        layer.set_graph(OTHER, new_values=1.0)
    else:
        layer.load_state_dict(make(OTHER).state_dict())
    layer(X).sum().backward()
    with pytest.raises(RuntimeError, match="of different links"):
        optimizer.step()


def test_values_are_parameters_like_any_other():
    layer = make()
    values = layer.values
    assert isinstance(values, nn.Parameter)
    assert not isinstance(values.clone(), nn.Parameter)
    assert type(values.sum()) is type(values[:2]) is type(values.square()) is torch.Tensor
    assert repr(values) == repr(nn.Parameter(torch.tensor(values.tolist())))
    for copied in (copy.deepcopy(values), pickle.loads(pickle.dumps(values))):
        assert isinstance(copied, nn.Parameter)
        assert copied.requires_grad
        assert copied.tolist() == values.tolist()


def test_files_hold_plain_tensors():
    layer = make()
    optimizer = torch.optim.Adam(layer.parameters(), 0.01)
    layer(X).sum().backward()
    optimizer.step()
    saved = {
        "state": layer.state_dict(),
        "optimizer": optimizer.state_dict(),
        "parameters": list(layer.parameters()),
        "shadow": layer.values.detach().clone(),
    }
    file = io.BytesIO()
    torch.save(saved, file)
    file.seek(0)
    found = torch.load(file, weights_only=True)
    assert type(found["state"]["values"]) is type(found["shadow"]) is torch.Tensor
    assert type(found["parameters"][0]) is nn.Parameter
    assert found["shadow"].tolist() == layer.values.tolist()


@pytest.mark.parametrize("again", [copy.deepcopy, lambda pair: pickle.loads(pickle.dumps(pair))])
def test_a_copy_of_a_model_with_its_optimizer_still_notices_and_still_learns(again):
    layer = make()
    optimizer = torch.optim.SGD(layer.parameters(), 0.1)
    copied, its_optimizer = again((layer, optimizer))
    assert its_optimizer.param_groups[0]["params"][0] is copied.values
    copied.set_graph(OTHER)
    with pytest.raises(RuntimeError, match="start a new average"):
        copied.values.detach().lerp_(layer.values.detach(), 0.5)


@pytest.mark.parametrize("how", ["assigned", "load assign", "to_empty"])
def test_values_that_come_as_another_object_know_their_links_too(how):
    layer, other = make(), make(OTHER)
    if how == "assigned":
        layer.values = nn.Parameter(torch.ones(GRAPH.n_links))
    elif how == "load assign":
        layer.load_state_dict(make(seed=4).state_dict(), assign=True)
    else:
        layer.to(torch.device("meta")).to_empty(device="cpu")
    with torch.no_grad(), pytest.raises(RuntimeError, match="start a new average"):
        layer.values.lerp_(other.values, 0.5)


@pytest.mark.parametrize("decay", [0.9, 0.999, 0.99999])
def test_an_average_of_states_over_the_same_links_is_loaded(decay):
    model = network()
    mean = states(model)
    for _ in range(2000):
        for name, tensor in model.state_dict().items():
            if tensor.is_floating_point():
                mean[name].mul_(decay).add_(tensor, alpha=1 - decay)
    target = network(seed=1)
    target.load_state_dict(mean)
    # The share of rounding errors in a mean of equal numbers is up to theirs / (1 - decay).
    torch.testing.assert_close(run(target), run(model), rtol=2e-2, atol=2e-2)


def from_file(model):
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    return torch.load(file, weights_only=True)


@pytest.mark.parametrize("share", [0.5, 1e-6])
def test_an_average_of_saved_states_of_different_links_is_not_loaded(share):
    model = network()
    first = from_file(model)
    model[1].set_graph(OTHER)
    second = from_file(model)
    mean = {k: t.lerp(second[k], share) if t.is_floating_point() else t for k, t in first.items()}
    target = network(seed=1)
    before = snapshot(target)
    with pytest.raises(RuntimeError, match="mix those of different links"):
        target.load_state_dict(mean)
    assert_unchanged(target, before)


def test_values_of_other_links_under_a_state_of_these_are_not_loaded():
    state = make().state_dict()
    state["values"] = make(OTHER).state_dict()["values"]
    target = make(seed=5)
    before = snapshot(target)
    with pytest.raises(RuntimeError, match="mix those of different links"):
        target.load_state_dict(state)
    assert_unchanged(target, before)
