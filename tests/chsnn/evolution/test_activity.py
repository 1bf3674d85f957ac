"""Traces of what layers read, against step by step loops; only of what is learnt from."""

import numpy as np
import pytest
import torch
from torch import nn

from chsnn import LIF, SparseLIF, SparseLinear
from chsnn.evolution.activity import Activity
from chsnn.fused import SparseReadout
from tests import naive
from tests.chsnn.tensors import random_graph

DECAY = 0.5


def spikes(steps, samples, n, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return (torch.rand(steps, samples, n, generator=generator) < 0.4).float()


def layer_of(n_in=5, n_out=7, kind=SparseLinear):
    layer = kind(random_graph(n_in, n_out, 0.8, seed=1))
    layer.set_values(torch.linspace(-1, 1, layer.graph.n_links))
    return layer


def watched(**layers):
    batches = []
    return Activity(layers, decay=DECAY, into=batches.append), batches


def assert_traces(got, inputs):
    np.testing.assert_allclose(got.numpy(), naive.traces(inputs.numpy(), DECAY), rtol=1e-6)


@pytest.mark.parametrize("steps", [1, 2, 7])
def test_time_first_or_a_loop_over_time(steps):
    layer, x = layer_of(), spikes(steps, 3, 5)
    activity, batches = watched(fc=layer)
    layer(x).sum().backward()
    activity.deliver()
    sum(layer(part) for part in x).sum().backward()
    activity.deliver()
    assert len(batches) == 2
    for batch in batches:
        assert_traces(batch["fc"], x)


def test_more_axes_than_samples_are_samples():
    layer, x = layer_of(), spikes(4, 6, 5)
    activity, batches = watched(fc=layer)
    layer(x.view(4, 2, 3, 5)).sum().backward()
    activity.deliver()
    assert_traces(batches[0]["fc"], x)


def test_an_input_that_stays_and_firing_rates():
    hidden, head = layer_of(5, 7, SparseLIF), layer_of(7, 3, SparseReadout)
    activity, batches = watched(hidden=hidden, head=head)
    image = torch.rand(3, 5, generator=torch.Generator().manual_seed(0))
    x = image.expand(8, 3, 5)
    head(hidden(x, rate=True), steps=8).sum().backward()
    activity.deliver()
    assert_traces(batches[0]["hidden"], x)
    rates = hidden(x).mean(dim=0).detach()  # as if as many spikes came at every step
    assert_traces(batches[0]["head"], rates.expand(8, 3, 7))


def test_only_batches_that_are_learnt_from_count_each_by_itself():
    layer, head = layer_of(), nn.Linear(7, 2)
    activity, batches = watched(fc=layer)
    first, second, unseen = (spikes(3, 4, 5, seed) for seed in range(3))
    with torch.no_grad():
        layer(unseen)
    layer(unseen)  # no backward pass comes
    for x in (first, second):  # gradients of two batches add up
        head(layer(x)).square().sum().backward()
    layer(unseen)
    activity.deliver()
    activity.deliver()
    assert len(batches) == 2
    for batch, x in zip(batches, (first, second), strict=True):
        assert_traces(batch["fc"], x)


def test_samples_that_change_between_steps_have_no_trace():
    layer = layer_of()
    activity, _ = watched(fc=layer)
    (layer(torch.ones(2, 5)).sum() + layer(torch.ones(3, 5)).sum()).backward()
    with pytest.raises(RuntimeError, match=r"'fc' was called with 2 samples and then with 3"):
        activity.deliver()


def test_closed_it_sees_nothing_and_the_route_stays_the_same():
    layer, x = layer_of(5, 7, SparseLIF), spikes(3, 4, 5)
    plain = layer(x).detach()
    activity, batches = watched(fc=layer)
    assert torch.equal(layer(x).detach(), plain)
    activity.close()
    layer(x).sum().backward()
    activity.deliver()
    assert batches == []


def test_neurons_are_seen_as_norse_would_show_them():
    """What the reader of a layer is given is what the neurons behind the layer fire."""
    first, neurons, second = layer_of(), LIF(v_th=0.3), layer_of(7, 3)
    activity, batches = watched(second=second)
    fired, _ = neurons(first(spikes(6, 2, 5)))
    second(fired).sum().backward()
    activity.deliver()
    assert fired.sum() > 3
    assert_traces(batches[0]["second"], fired.detach())
