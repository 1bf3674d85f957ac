"""Optimizers by name, and their state carried over a change of links."""

import numpy as np
import pytest
import torch
from torch import nn

from chgraph import BipartiteGraph
from chsnn import SparseLinear
from chsnn.optimizers import (
    OPTIMIZERS,
    carry_state,
    check_carries,
    group_of,
    learning_rate_of,
    leave_alone,
    make_optimizer,
)

SOURCE = np.array([2, -1, 0, -1])  # new link 0 was link 2, link 2 was link 0, two are new


def stepped(optimizer_class, **options):
    """A parameter of three links and its optimizer after one step."""
    parameter = nn.Parameter(torch.zeros(3))
    optimizer = optimizer_class([parameter], lr=0.1, **options)
    parameter.grad = torch.tensor([1.0, 2.0, 3.0])
    optimizer.step()
    return parameter, optimizer


@pytest.mark.parametrize("optimizer_class", [torch.optim.Adam, torch.optim.AdamW])
def test_moments_of_adam_follow_their_links_and_new_links_start_from_zero(optimizer_class):
    parameter, optimizer = stepped(optimizer_class, betas=(0.5, 0.75))
    carry_state(optimizer, parameter, SOURCE, 3)
    state = optimizer.state[parameter]
    assert state["exp_avg"].tolist() == [1.5, 0, 0.5, 0]
    assert state["exp_avg_sq"].tolist() == [2.25, 0, 0.25, 0]
    assert state["step"].item() == 1


def test_the_largest_moment_of_amsgrad_follows_too():
    parameter, optimizer = stepped(torch.optim.Adam, betas=(0.5, 0.75), amsgrad=True)
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter]["max_exp_avg_sq"].tolist() == [2.25, 0, 0.25, 0]


def test_momentum_of_sgd_follows():
    parameter, optimizer = stepped(torch.optim.SGD, momentum=0.9)
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter]["momentum_buffer"].tolist() == [3, 0, 1, 0]


def test_sgd_without_momentum_has_nothing_to_carry():
    parameter, optimizer = stepped(torch.optim.SGD)
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter].get("momentum_buffer") is None


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_before_the_first_step_there_is_nothing_to_carry(name):
    layer = SparseLinear(BipartiteGraph.from_links([0], [0], (2, 2)))
    optimizer = make_optimizer(layer.parameters(), name, learning_rate=0.1)
    carry_state(optimizer, layer.values, np.array([0, -1]), 1)
    assert layer.values not in optimizer.state


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_link_that_stays_moves_as_if_nothing_had_changed_around_it(name):
    full, part = BipartiteGraph.from_biadjacency([[1, 1, 1]]), [0, 2]
    layers = [SparseLinear(full), SparseLinear(full)]
    optimizers = [make_optimizer(layer.parameters(), name, learning_rate=0.1) for layer in layers]
    gradients = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.4, -0.5], [0.1, 0.2, 0.3]])
    for step, gradient in enumerate(gradients):
        layers[0].values.grad = gradient.clone()
        layers[1].values.grad = gradient.clone() if step == 0 else gradient[part].clone()
        for optimizer in optimizers:
            optimizer.step()
        if step == 0:
            source = layers[1].set_graph(full.keep_links(part))
            carry_state(optimizers[1], layers[1].values, source, 3)
    torch.testing.assert_close(layers[1].values, layers[0].values[part], rtol=0, atol=0)


def test_adagrad_and_rprop_and_asgd_begin_new_links_as_they_begin_weights():
    parameter, optimizer = stepped(torch.optim.Adagrad, initial_accumulator_value=0.5)
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter]["sum"].tolist() == [9.5, 0.5, 1.5, 0.5]
    parameter, optimizer = stepped(torch.optim.Rprop)
    optimizer.state[parameter]["step_size"] = torch.tensor([1.0, 2.0, 3.0])
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter]["step_size"].tolist() == pytest.approx([3, 0.1, 1, 0.1])
    parameter, optimizer = stepped(torch.optim.ASGD)
    average = optimizer.state[parameter]["ax"].tolist()
    parameter.data = torch.tensor([7.0, 8.0, 9.0, 10.0])
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter]["ax"].tolist() == [average[2], 8, average[0], 10]


def test_lbfgs_is_refused():
    parameter = nn.Parameter(torch.zeros(3))
    with pytest.raises(TypeError, match=r"LBFGS.*directions"):
        check_carries(torch.optim.LBFGS([parameter]), parameter)


class Odd(torch.optim.SGD):
    """Keeps whatever it is given as state."""

    def __init__(self, parameters, entry, lr=0.1):
        super().__init__(parameters, lr=lr)
        self.entry = entry

    def step(self, closure=None):
        super().step(closure)
        for group in self.param_groups:
            for parameter in group["params"]:
                self.state[parameter]["entry"] = self.entry


@pytest.mark.parametrize(
    "entry", [torch.zeros(2), torch.zeros(3, 1), torch.zeros(1), [1.0, 2.0, 3.0], {}]
)
def test_state_that_is_not_per_link_is_refused_and_left_as_it_is(entry):
    parameter = nn.Parameter(torch.zeros(3))
    optimizer = Odd([parameter], entry)
    parameter.grad = torch.ones(3)
    optimizer.step()
    optimizer.state[parameter]["good"] = torch.arange(3.0)
    for refuse in (
        lambda: check_carries(optimizer, parameter),
        lambda: carry_state(optimizer, parameter, SOURCE, 3),
    ):
        with pytest.raises(TypeError, match=r"Odd.*'entry'"):
            refuse()
    assert optimizer.state[parameter]["good"].tolist() == [0, 1, 2]


@pytest.mark.parametrize("entry", [torch.tensor(4.0), 5, None, "on", True])
def test_what_is_one_for_all_links_stays(entry):
    parameter = nn.Parameter(torch.zeros(3))
    optimizer = Odd([parameter], entry)
    parameter.grad = torch.ones(3)
    optimizer.step()
    optimizer.state[parameter]["good"] = torch.arange(3.0)
    check_carries(optimizer, parameter)
    carry_state(optimizer, parameter, SOURCE, 3)
    assert optimizer.state[parameter]["entry"] is entry
    assert optimizer.state[parameter]["good"].tolist() == [2, 0, 0, 0]


def test_parameters_are_left_alone_with_their_state():
    first, second = (nn.Parameter(torch.zeros(2)) for _ in range(2))
    optimizer = torch.optim.Adam([{"params": [first]}, {"params": [second], "lr": 0.5}])
    first.grad, second.grad = torch.ones(2), torch.ones(2)
    optimizer.step()
    assert (group_of(optimizer, second), learning_rate_of(optimizer, second)) == (1, 0.5)
    leave_alone(optimizer, [second])
    assert (group_of(optimizer, second), learning_rate_of(optimizer, second)) == (None, None)
    assert group_of(optimizer, first) == 0
    assert list(optimizer.state) == [first]


@pytest.mark.parametrize(
    ("name", "cls"),
    [("adam", torch.optim.Adam), ("adamw", torch.optim.AdamW), ("sgd", torch.optim.SGD)],
)
def test_names_make_their_optimizer(name, cls):
    optimizer = make_optimizer(
        nn.Linear(2, 2).parameters(), name, learning_rate=0.25, weight_decay=0.5
    )
    assert type(optimizer) is cls
    group = optimizer.param_groups[0]
    assert (group["lr"], group["weight_decay"], len(group["params"])) == (0.25, 0.5, 2)


@pytest.mark.parametrize(
    ("name", "options", "argument"),
    [
        ("rmsprop", {"learning_rate": 0.1}, "optimizer"),
    ],
)
def test_bad_input_is_named(name, options, argument):
    with pytest.raises(ValueError, match=rf"^{argument}\b"):
        make_optimizer(nn.Linear(2, 2).parameters(), name, **options)
