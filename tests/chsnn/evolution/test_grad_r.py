"""Grad R: strengths of all pairs follow the gradient, links are those above zero."""

import math

import numpy as np
import pytest
import torch

from chsnn import GradR
from chsnn.networks import mlp
from chsnn.optimizers import make_optimizer
from tests.chsnn.evolution.test_evolution import gradients_of


def network(seed=0):
    return mlp((10, 14, 4), sparsity=0.0, seed=seed)


def run(rewiring, net, steps, rate=0.05):
    optimizer = make_optimizer(
        net, "sgd", learning_rate=rate, without=rewiring.owned_parameters(net)
    )
    state = rewiring.begin(net, seed=0)
    records = []
    for index in range(steps):
        records.append(
            rewiring.step(
                net,
                optimizer,
                progress=0.0,
                seed=0,
                index=index,
                state=state,
                gradients=gradients_of(net, seed=index),
            )
        )
    return state, records


def test_strengths_take_adam_steps_along_the_signed_gradient_and_the_prior():
    rewiring = GradR(alpha=0.1, target_sparsity=0.9)
    net, twin = network(), network()
    optimizer = make_optimizer(net, "sgd", learning_rate=0.05)
    state = rewiring.begin(net, seed=0)
    weight = twin.sparse_layers[0].values.detach().view(10, 14).clone()
    theta = weight.abs().double().requires_grad_()
    sign = torch.where(weight < 0, -1.0, 1.0).double()
    peer = torch.optim.Adam([theta], lr=0.05)
    mu = math.log(2 * 0.1) / 0.1
    for index in range(6):
        gradients = gradients_of(net, seed=index)
        dense = gradients[0].rows(0, 10).double()
        theta.grad = sign * dense + 0.1 * torch.sign(theta.detach() - mu)
        peer.step()
        rewiring.step(
            net, optimizer, progress=0, seed=0, index=index, state=state, gradients=gradients
        )
        expected = sign * theta.detach().clamp(min=0)
        got = net.sparse_layers[0].dense_weight().detach().T.double()
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
    assert (state["theta.0"] > 0).sum() == net.graphs[0].n_links
    assert net.target_links == (net.graphs[0].n_links, None)
    assert net.graphs[1].density == 1.0


def test_the_prior_alone_shrinks_everything():
    net = network()
    strengths = net.sparse_layers[0].values.detach().abs().sum()
    run(GradR(alpha=1e6, target_sparsity=0.99), net, 3, rate=1e-3)
    assert net.sparse_layers[0].values.detach().abs().sum() < strengths


def test_a_sparse_start_and_missing_pieces_are_refused():
    rewiring = GradR()
    with pytest.raises(ValueError, match="fully connected"):
        rewiring.begin(mlp((10, 14, 4), sparsity=0.5), seed=0)
    with pytest.raises(ValueError, match="gradients"):
        rewiring.step(network(), None, progress=0.0, seed=0, index=0)


@pytest.mark.parametrize(
    ("settings", "name"),
    [({"alpha": 0.0}, "alpha"), ({"target_sparsity": 0.4}, "target_sparsity")],
)
def test_bad_settings_are_named(settings, name):
    with pytest.raises(ValueError, match=name):
        GradR(**settings)


def test_the_weights_of_hidden_layers_are_left_to_it():
    net = network()
    owned = GradR().owned_parameters(net)
    optimizer = make_optimizer(net, "adam", learning_rate=0.1, without=owned)
    held = [p for group in optimizer.param_groups for p in group["params"]]
    assert [p is net.sparse_layers[1].values for p in held] == [True]
    before = net.sparse_layers[0].values.detach().clone()
    net(torch.from_numpy(np.ones((2, 10), np.float32))).sum().backward()
    optimizer.step()
    assert torch.equal(net.sparse_layers[0].values, before)
