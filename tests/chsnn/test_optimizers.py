"""Optimisers by name, and their state carried over a change of links."""

import numpy as np
import pytest
import torch
from torch import nn

from chgraph import BipartiteGraph
from chsnn import SparseLinear
from chsnn.optimizers import OPTIMIZERS, carry_state, make_optimizer

SOURCE = np.array([2, -1, 0, -1])  # new link 0 was link 2, link 2 was link 0, two are new


def stepped(optimizer_class, **options):
    """A parameter of three links and its optimiser after one step."""
    parameter = nn.Parameter(torch.zeros(3))
    optimizer = optimizer_class([parameter], lr=0.1, **options)
    parameter.grad = torch.tensor([1.0, 2.0, 3.0])
    optimizer.step()
    return parameter, optimizer


@pytest.mark.parametrize("optimizer_class", [torch.optim.Adam, torch.optim.AdamW])
def test_moments_of_adam_follow_their_links_and_new_links_start_from_zero(optimizer_class):
    parameter, optimizer = stepped(optimizer_class, betas=(0.5, 0.75))
    carry_state(optimizer, parameter, SOURCE)
    state = optimizer.state[parameter]
    assert state["exp_avg"].tolist() == [1.5, 0, 0.5, 0]
    assert state["exp_avg_sq"].tolist() == [2.25, 0, 0.25, 0]
    assert state["step"].item() == 1


def test_the_largest_moment_of_amsgrad_follows_too():
    parameter, optimizer = stepped(torch.optim.Adam, betas=(0.5, 0.75), amsgrad=True)
    carry_state(optimizer, parameter, SOURCE)
    assert optimizer.state[parameter]["max_exp_avg_sq"].tolist() == [2.25, 0, 0.25, 0]


def test_momentum_of_sgd_follows():
    parameter, optimizer = stepped(torch.optim.SGD, momentum=0.9)
    carry_state(optimizer, parameter, SOURCE)
    assert optimizer.state[parameter]["momentum_buffer"].tolist() == [3, 0, 1, 0]


def test_sgd_without_momentum_has_nothing_to_carry():
    parameter, optimizer = stepped(torch.optim.SGD)
    carry_state(optimizer, parameter, SOURCE)
    assert optimizer.state[parameter].get("momentum_buffer") is None


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_before_the_first_step_there_is_nothing_to_carry(name):
    layer = SparseLinear(BipartiteGraph.from_links([0], [0], (2, 2)))
    optimizer = make_optimizer(layer, name, learning_rate=0.1)
    carry_state(optimizer, layer.values, np.array([0, -1]))
    assert layer.values not in optimizer.state


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_link_that_stays_moves_as_if_nothing_had_changed_around_it(name):
    full, part = BipartiteGraph.from_biadjacency([[1, 1, 1]]), [0, 2]
    layers = [SparseLinear(full), SparseLinear(full)]
    optimizers = [make_optimizer(layer, name, learning_rate=0.1) for layer in layers]
    gradients = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.4, -0.5], [0.1, 0.2, 0.3]])
    for step, gradient in enumerate(gradients):
        layers[0].values.grad = gradient.clone()
        layers[1].values.grad = gradient.clone() if step == 0 else gradient[part].clone()
        for optimizer in optimizers:
            optimizer.step()
        if step == 0:
            source = layers[1].set_graph(full.keep_links(part))
            carry_state(optimizers[1], layers[1].values, source)
    torch.testing.assert_close(layers[1].values, layers[0].values[part], rtol=0, atol=0)


def test_an_optimiser_of_unknown_state_is_refused():
    parameter = nn.Parameter(torch.zeros(3))
    with pytest.raises(TypeError, match=r"RMSprop.*known are Adam, AdamW, SGD"):
        carry_state(torch.optim.RMSprop([parameter]), parameter, SOURCE)


def test_a_subclass_may_hold_other_state_and_is_refused():
    class MyAdam(torch.optim.Adam):
        pass

    parameter = nn.Parameter(torch.zeros(3))
    with pytest.raises(TypeError, match="MyAdam"):
        carry_state(MyAdam([parameter]), parameter, SOURCE)


@pytest.mark.parametrize(
    ("name", "cls"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_names_make_their_optimiser(name, cls):
    optimizer = make_optimizer(nn.Linear(2, 2), name, learning_rate=0.25, weight_decay=0.5)
    assert type(optimizer) is cls
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"], len(group["params"])) == (0.25, 0.5, 2)


@pytest.mark.parametrize(
    ("name", "options", "argument"),
    [
        ("rmsprop", {"learning_rate": 0.1}, "optimizer"),
        ("adam", {"learning_rate": -0.1}, "learning_rate"),
        ("adam", {"learning_rate": 0.1, "weight_decay": -1}, "weight_decay"),
    ],
)
def test_bad_input_is_named(name, options, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        make_optimizer(nn.Linear(2, 2), name, **options)
