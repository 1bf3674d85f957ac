"""Deep R: fixed signs, noise and shrinkage, as many born as died."""

import numpy as np
import pytest
import torch

from chsnn import DeepR
from chsnn.networks import mlp
from chsnn.optimizers import make_optimizer
from tests.chsnn.evolution.small import codes, state_of, step


def network(seed=0):
    return mlp((10, 14, 4), sparsity=0.7, seed=seed)


def test_links_that_lose_their_sign_die_and_as_many_are_born():
    net = network()
    rewiring = DeepR(l1=0.0, noise=0.0)
    state = state_of(rewiring, net)
    layer, before = net.layers[0], net.graphs[0]
    values = layer.values.detach().clone()
    turned = values.clone()
    turned[[2, 5, 11]] *= -1.0  # as if the gradient had carried them over zero
    layer.set_values(turned)
    output = net.layers[1].values.detach().clone()
    record = step(rewiring, net, state=state)
    assert (record.pruned, record.regrown) == (3, 3)
    assert layer.graph.n_links == before.n_links
    survivors = codes(before.keep_links(np.setdiff1d(np.arange(before.n_links), [2, 5, 11])))
    assert survivors <= codes(layer.graph)
    source = before.link_ids(*layer.graph.links())
    newborn = layer.values.detach().abs() == np.float32(1e-12)
    assert newborn.sum() == 3
    old = ~newborn.numpy()
    np.testing.assert_array_equal(layer.values.detach().numpy()[old], values.numpy()[source[old]])
    signs = state.memory["sign.layers.0"]
    assert torch.equal(torch.sign(layer.values.detach()), signs)
    assert torch.equal(net.layers[1].values.detach(), output)


def test_strengths_shrink_by_l1_times_the_learning_rate():
    net = network()
    rewiring = DeepR(l1=0.5, noise=0.0)
    layer = net.layers[0]
    layer.set_values(torch.linspace(-2.0, 2.0, layer.graph.n_links))
    before = layer.values.detach().clone()
    optimizer = make_optimizer(net.parameters(), "sgd", learning_rate=0.1)
    graph = layer.graph
    step(rewiring, net, optimizer=optimizer)
    source = graph.link_ids(*layer.graph.links())
    kept = (source >= 0) & (layer.values.detach().abs() > 1e-6).numpy()
    was = before.numpy()[source[kept]]
    np.testing.assert_allclose(
        layer.values.detach().numpy()[kept], np.sign(was) * (np.abs(was) - 0.05), rtol=1e-5
    )


def test_noise_has_the_spread_asked_for():
    net = mlp((40, 100, 4), sparsity=0.5, seed=0)
    layer = net.layers[0]
    layer.set_values(torch.full((layer.graph.n_links,), 10.0))
    step(DeepR(l1=0.0, noise=0.3), net)
    noise = layer.values.detach().numpy() - 10.0
    assert noise.std() == pytest.approx(0.3, rel=0.05)
    assert abs(noise.mean()) < 0.03


def test_a_step_is_replayed_by_seed_and_number():
    nets = [network() for _ in range(3)]
    for net, index in zip(nets, (0, 0, 1), strict=True):
        step(DeepR(noise=0.5), net, index)
    assert nets[0].graphs == nets[1].graphs
    assert torch.equal(nets[0].layers[0].values, nets[1].layers[0].values)
    assert nets[0].graphs != nets[2].graphs


def test_links_that_somebody_loads_have_the_signs_of_their_weights():
    net, other = network(), network(seed=5)
    rewirer = DeepR(l1=0.0, noise=0.0).attach(net, total_steps=5)
    net.load_state_dict(other.state_dict())
    values = other.layers[0].values.detach().clone()
    assert net.graphs != network().graphs
    record = rewirer.step()
    assert (record.pruned, net.graphs) == (0, other.graphs)
    assert torch.equal(net.layers[0].values, values)


@pytest.mark.parametrize("name", ["l1", "noise"])
def test_bad_settings_are_named(name):
    with pytest.raises(ValueError, match=name):
        DeepR(**{name: -1.0})
