"""Grad R: strengths of all pairs follow the gradient, links are those above zero."""

import math

import pytest
import torch

from chsnn import GradR
from chsnn.networks import mlp
from chsnn.optimizers import make_optimizer
from tests.chsnn.evolution.small import gradients_of, state_of, step


def network(seed=0):
    return mlp((10, 14, 4), sparsity=0.0, seed=seed)


def run(rewiring, net, steps, rate=0.05):
    state = state_of(rewiring, net, make_optimizer(net.parameters(), "sgd", learning_rate=rate))
    return state, [step(rewiring, net, i, state=state, batch=i) for i in range(steps)]


def test_strengths_take_adam_steps_along_the_signed_gradient_and_the_prior():
    rewiring = GradR(alpha=0.1, target_sparsity=0.9)
    net, twin = network(), network()
    optimizer = make_optimizer(net.parameters(), "sgd", learning_rate=0.05)
    state = state_of(rewiring, net, optimizer)
    weight = twin.layers[0].values.detach().view(10, 14).clone()
    theta = weight.abs().double().requires_grad_()
    sign = torch.where(weight < 0, -1.0, 1.0).double()
    peer = torch.optim.Adam([theta], lr=0.05)
    mu = math.log(2 * 0.1) / 0.1
    for index in range(6):
        dense = gradients_of(net, seed=index)["layers.0"].rows(0, 10).double()
        theta.grad = sign * dense + 0.1 * torch.sign(theta.detach() - mu)
        peer.step()
        step(rewiring, net, index, state=state, batch=index)
        expected = sign * theta.detach().clamp(min=0)
        got = net.layers[0].dense_weight().detach().T.double()
        torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)
        assert net.graphs[0].n_links == int((theta > 0).sum())
    assert 0 < net.graphs[0].n_links < 140


def test_links_go_and_come_back_and_the_record_counts_them():
    net = network()
    state, records = run(GradR(alpha=1e-3), net, 40)
    assert sum(r.pruned for r in records) - sum(r.regrown for r in records) == (
        140 - net.graphs[0].n_links
    )
    assert sum(r.regrown for r in records) > 0
    assert (state.memory["theta.layers.0"] > 0).sum() == net.graphs[0].n_links
    assert state.targets == {"layers.0": net.graphs[0].n_links}
    assert net.graphs[1].density == 1.0


def test_the_prior_alone_shrinks_everything():
    net = network()
    strengths = net.layers[0].values.detach().abs().sum()
    run(GradR(alpha=1e6, target_sparsity=0.99), net, 3, rate=1e-3)
    assert net.layers[0].values.detach().abs().sum() < strengths


def test_a_sparse_start_is_refused_before_anything_changes():
    net = mlp((10, 14, 4), sparsity=0.5)
    optimizer = make_optimizer(net.parameters(), "sgd", learning_rate=0.1)
    with pytest.raises(ValueError, match=r"fully connected.*layers\.0"):
        GradR().attach(net, optimizer, total_steps=3)
    assert len(optimizer.param_groups[0]["params"]) == 2


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"alpha": 0.0}, "alpha"), ({"target_sparsity": 0.4}, "target_sparsity")],
)
def test_bad_settings_are_named(settings, name):
    with pytest.raises(ValueError, match=name):
        GradR(**settings)


def test_the_weights_of_hidden_layers_are_left_to_it():
    net = network()
    optimizer = make_optimizer(net.parameters(), "adam", learning_rate=0.1)
    rewirer = GradR().attach(net, optimizer, total_steps=3)
    held = [p for group in optimizer.param_groups for p in group["params"]]
    assert [p is net.layers[1].values for p in held] == [True]
    before = [layer.values.detach().clone() for layer in net.layers]
    net(torch.ones(2, 10)).sum().backward()
    optimizer.step()
    assert torch.equal(net.layers[0].values, before[0])
    assert not torch.equal(net.layers[1].values, before[1])
    rewirer.step()
    assert not torch.equal(net.layers[0].dense_weight().T.flatten(), before[0])


def test_the_learning_rate_is_that_of_the_group_the_layer_was_in():
    def moved(groups):
        net = network()
        optimizer = torch.optim.SGD(
            [{"params": [net.layers[i].values], "lr": r} for i, r in groups]
        )
        rewirer = GradR(alpha=1e-9).attach(net, optimizer, total_steps=3)
        net(torch.ones(2, 10)).sum().backward()
        before = net.layers[0].dense_weight().detach().clone()
        rewirer.step()
        return (net.layers[0].dense_weight() - before).abs().max().item()

    # Adam's first step is as long as the rate.
    assert moved([(1, 0.5), (0, 0.001)]) == pytest.approx(0.001, rel=1e-3)
    assert moved([(0, 0.001), (1, 0.5)]) == pytest.approx(0.001, rel=1e-3)


def test_weights_that_somebody_loads_are_begun_from():
    net, other = network(), network(seed=5)
    run(GradR(alpha=1e-3), other, 20)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    rewirer = GradR(alpha=1e-3).attach(net, optimizer, total_steps=3)
    net.load_state_dict(other.state_dict())
    links, weight = other.layers[0].weight_mask(), other.layers[0].dense_weight().detach()
    assert 0 < int(links.sum()) < 140
    net(torch.zeros(2, 10)).sum().backward()  # without a gradient only the prior moves
    rewirer.step()
    # A strength takes one step of Adam against the prior: shorter, or gone.
    expected = weight.sign() * (weight.abs() - 0.01).clamp(min=0)
    torch.testing.assert_close(net.layers[0].dense_weight().detach(), expected, rtol=0, atol=1e-6)
    assert rewirer.state.targets == {"layers.0": int((expected != 0).sum())}


def test_weights_that_somebody_sets_on_the_same_links_are_begun_from():
    net = network()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01)
    rewirer = GradR(alpha=1e-3).attach(net, optimizer, total_steps=3)
    weight = torch.linspace(-2.0, 3.0, 140)
    net.layers[0].set_values(weight)
    net(torch.zeros(2, 10)).sum().backward()
    rewirer.step()
    expected = (weight.sign() * (weight.abs() - 0.01).clamp(min=0)).view(10, 14)
    torch.testing.assert_close(net.layers[0].dense_weight().detach().T, expected, rtol=0, atol=1e-6)
