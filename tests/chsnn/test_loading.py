"""A state that does not fit a sparse model is refused before anything of it is overwritten."""

import copy

import pytest
import torch
from torch import nn

from chsnn import Evolution, sparse_layers, sparsify
from tests.chsnn.evolution.test_restoring import assert_same


def model_of(sparsity=0.5, hidden=6, out=2, seed=0):
    torch.manual_seed(seed)
    layers = [nn.Linear(4, hidden), nn.ReLU(), nn.Linear(hidden, 6), nn.ReLU(), nn.Linear(6, out)]
    return sparsify(nn.Sequential(*layers), sparsity, seed=seed)


def spoilt(key, value):
    state = copy.deepcopy(model_of(seed=1).state_dict())
    state[key] = value
    return state


GRAPH, DIGEST = "2._extra_state", "2.links_digest"
# What is wrong, and the first module whose state it is of.
MISFITS = {
    "another width": (model_of(hidden=7).state_dict(), "0"),
    "another output": (model_of(out=3).state_dict(), "4"),
    "values of other links": (spoilt("2.values", torch.ones(3)), "2"),
    "another bias": (spoilt("2.bias", torch.ones(5)), "2"),
    "no graph": (spoilt(GRAPH, torch.ones(2)), "2"),
    "a mixture": (spoilt(DIGEST, 1 - model_of(seed=1).state_dict()[DIGEST]), "2"),
    "dense": (nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 6)).state_dict(), "0"),
}


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("kind", MISFITS)
@pytest.mark.parametrize("within", [False, True])
def test_a_misfit_is_refused_whole(kind, strict, within):
    state, name = MISFITS[kind]
    inner = model_of()
    model = nn.ModuleDict({"net": inner}) if within else inner
    if within:
        state = {f"net.{key}": value for key, value in state.items()}
    before = copy.deepcopy(dict(model.state_dict()))
    with pytest.raises(RuntimeError, match=rf"nothing was loaded: (net\.)?{name}\b"):
        model.load_state_dict(state, strict=strict)
    assert_same(dict(model.state_dict()), before)


def test_what_fits_is_loaded_with_its_links_also_into_a_copy():
    other = model_of(sparsity=0.25, seed=3)
    for model in (model_of(), copy.deepcopy(model_of())):
        model.load_state_dict(other.state_dict())
        assert_same(dict(model.state_dict()), dict(other.state_dict()))
        for name, layer in sparse_layers(model).items():
            assert layer.graph == other.get_submodule(name).graph
    copied = copy.deepcopy(model_of())
    with pytest.raises(RuntimeError, match="nothing was loaded"):
        copied.load_state_dict(MISFITS["another output"][0])


def test_a_part_of_a_state_is_loaded_where_that_is_allowed():
    other, model = model_of(seed=3), model_of()
    kept = {key: value.clone() for key, value in model.state_dict().items() if key[0] != "2"}
    part = {key: value for key, value in other.state_dict().items() if key[0] == "2"}
    model.load_state_dict(part, strict=False)
    assert model[2].graph == other[2].graph
    assert all(torch.equal(model.state_dict()[key], value) for key, value in kept.items())


def test_a_spoilt_model_takes_a_good_state():
    model = sparsify(nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Linear(8, 2)), 0.5)
    good = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    model[0].links_digest.mul_(0.5)  # as an average with other links leaves it
    with pytest.raises(RuntimeError, match="mix those of different links"):
        model.state_dict()
    model.load_state_dict(good)
    assert torch.equal(model[0].values, good["0.values"])
    assert model(torch.ones(1, 8)).shape == (1, 2)


def test_other_links_are_loaded_into_a_shared_layer():
    first, second = (shared_twice(seed) for seed in (0, 1))
    second.load_state_dict(first.state_dict())
    x = torch.ones(1, 8)
    assert torch.equal(second(x), first(x))
    assert second[0].graph == second[2].graph == first[0].graph


def shared_twice(seed):
    """A layer in two places, with links of its own."""
    layer = nn.Linear(8, 8)
    model = nn.Sequential(layer, nn.ReLU(), layer, nn.ReLU(), nn.Linear(8, 2))
    return sparsify(model, 0.5, topology="erdos_renyi", seed=seed)


class ByHand(nn.Module):
    """A module of one's own with a sparse layer somewhere in it."""

    def __init__(self, seed, how):
        super().__init__()
        torch.manual_seed(seed)
        layer = sparsify(nn.Sequential(nn.Linear(4, 4)), 0.5, layers="*", seed=seed)[0]
        self.first = nn.Linear(4, 4)
        if how == "attribute":
            self.second = layer
        elif how == "list":
            self.parts = nn.ModuleList([nn.ReLU(), layer])
        elif how == "block":
            self.block = nn.Sequential(nn.Sequential(nn.Linear(4, 4), layer), nn.ReLU())
        elif how == "appended":
            self.parts = nn.ModuleList().append(layer)
        elif how == "added":
            self.add_module("second", layer)
        else:  # where nobody is told: its place is in a part that is in its place already
            self.block = nn.Sequential(nn.Linear(4, 4))
            self.block[0] = layer


@pytest.mark.parametrize("strict", [True, False])
@pytest.mark.parametrize("how", ["attribute", "list", "block", "appended", "added", "late"])
def test_a_model_put_together_by_hand_is_loaded_whole_or_not_at_all(how, strict):
    model, state = ByHand(0, how), copy.deepcopy(dict(ByHand(1, how).state_dict()))
    if how == "late":
        optimizer = torch.optim.SGD(model.parameters(), 0.1)
        Evolution().attach(model, optimizer, total_steps=10, every=5)
    before = copy.deepcopy(dict(model.state_dict()))
    values = next(key for key in state if key.endswith("values"))
    with pytest.raises(RuntimeError, match="nothing was loaded"):
        model.load_state_dict({**state, values: torch.ones(3)}, strict=strict)
    assert_same(dict(model.state_dict()), before)
    model.load_state_dict(state, strict=strict)
    assert_same(dict(model.state_dict()), state)


def test_a_model_without_sparse_layers_loads_as_torch_does():
    model = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4))
    state = {
        **nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 4)).state_dict(),
        "1.bias": torch.ones(3),
    }
    with pytest.raises(RuntimeError, match="size mismatch"):
        model.load_state_dict(state)
    assert torch.equal(model[0].weight, state["0.weight"])
