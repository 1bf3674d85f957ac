"""Spikes and operations at each time step against counts step by step."""

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn

from chsnn import estimate_energy, sparse_layers
from chsnn.data import Samples
from chsnn.networks import conv, mlp, spikformer
from tests import naive

T, N = 5, 7


def samples(*shape, n=N):
    generator = torch.Generator().manual_seed(0)
    return Samples(torch.rand(n, *shape, generator=generator), torch.zeros(n, dtype=torch.long))


def lively(model, gain=3.0):
    """The model, with weights that make its neurons fire."""
    for layer in sparse_layers(model).values():
        layer.set_values(gain * layer.values.detach().abs())
    return model.eval()


def inputs_of_layers(net, images):
    x, seen = net.encoder(images), []
    with torch.no_grad():
        for layer in net.layers:
            seen.append(x.numpy())
            x = layer(x)
    return seen


@pytest.mark.parametrize("encoding", ["even", "direct"])
@pytest.mark.parametrize("sparsity", [0.5, 0.0])
def test_a_network_tells_what_crosses_each_layer_at_each_step(encoding, sparsity):
    net = lively(mlp((12, 10, 8, 3), sparsity=sparsity, encoding=encoding, timesteps=T, seed=0))
    data = samples(12)
    report = estimate_energy(net, data, timesteps=T)
    seen = inputs_of_layers(net, data.images)
    first = 0 if encoding == "even" else 1
    assert report.layers[-1].sops > 0
    for layer, x, graph in list(zip(report.layers, seen, net.graphs, strict=True))[first:]:
        weights = graph.biadjacency().toarray()
        assert layer.spikes_by_step == tuple(x[t].sum() for t in range(T))
        assert layer.sops_by_step == tuple(naive.sops(x[t : t + 1], weights) for t in range(T))
    if encoding == "direct":  # an analogue image: no spikes
        assert report.layers[0].sops_by_step == (0.0,) * T
    else:
        assert len(set(report.layers[1].sops_by_step)) > 1
    assert sum(report.sops_by_step_per_sample) == pytest.approx(report.sops_per_sample)
    assert "SOPs at each step" in str(report)


def test_counting_steps_changes_no_other_number():
    net = lively(mlp((12, 10, 3), sparsity=0.5, encoding="direct", timesteps=T, seed=0))
    plain = estimate_energy(net, samples(12))
    told = estimate_energy(net, samples(12), timesteps=T)
    for name in ("spikes", "sops", "macs", "effective_sops", "input_rate"):
        assert [getattr(layer, name) for layer in told.layers] == [
            getattr(layer, name) for layer in plain.layers
        ]
    assert plain.layers[0].sops_by_step is None
    assert plain.sops_by_step_per_sample is None
    assert told.neurons == plain.neurons


class Loop(nn.Module):
    """A user's network that runs step by step, with tokens."""

    def __init__(self):
        super().__init__()
        self.mix, self.neurons = nn.Linear(6, 5, bias=False), norse.LIFBoxCell()
        self.out = nn.Linear(5, 2)

    def forward(self, x):
        state, total = None, 0.0
        for now in x:
            spikes, state = self.neurons(20 * self.mix(now).abs(), state)
            total = total + self.out(spikes)
        return total


def test_a_loop_over_time_is_told_step_by_step():
    torch.manual_seed(0)
    model = Loop()
    x = (torch.rand(T, 3, 2 * T, 6) < 0.4).float()  # 2 T tokens: as many rows as all steps have
    report = estimate_energy(model, [(x, torch.zeros(3, dtype=torch.long))], timesteps=T)
    mix, out = report.layers
    assert mix.spikes_by_step == tuple(float(now.sum()) for now in x)
    assert mix.sops_by_step == tuple(5 * float(now.sum()) for now in x)
    assert sum(out.sops_by_step) == out.sops > 0
    assert out.sops_by_step[0] != out.sops_by_step[1]


@pytest.mark.parametrize("event_input", [True, False])
def test_convolutions_and_attention_are_told_step_by_step(event_input):
    shape = (2, 8, 8)
    for build in (
        lambda **options: conv("2conv2fc", width=0.2, **options),
        lambda **options: spikformer(dim=16, depth=1, heads=2, patch=4, **options),
    ):
        encoding = "none" if event_input else "direct"
        net = build(in_shape=shape, n_classes=3, sparsity=0.5, timesteps=T, encoding=encoding)
        lively(net)
        data = samples(*shape)
        if event_input:
            frames = (
                torch.rand(N, T, *shape, generator=torch.Generator().manual_seed(1)) < 0.3
            ).float()
            data = [(frames.transpose(0, 1), data.labels)]
        report = estimate_energy(net, data, timesteps=T)
        assert report.sops_per_sample > 0
        for layer in report.layers:
            if layer.name == "head":  # it reads a mean over time
                assert (layer.sops_by_step, layer.sops) == (None, 0.0)
                continue
            assert sum(layer.sops_by_step) == pytest.approx(layer.sops)
            assert sum(layer.spikes_by_step) == pytest.approx(layer.spikes)


def test_what_does_not_show_its_steps_says_so():
    """A layer that reads sums over time, once in a pass."""

    class Sums(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.last = nn.Linear(4, 3), nn.Linear(3, 2)

        def forward(self, x):
            return self.last(self.first(x).relu().sum(0).sign())

    report = estimate_energy(
        Sums(), [((torch.rand(T, 3, 4) < 0.5).float(), torch.zeros(3))], timesteps=T
    )
    assert report.layers[0].sops_by_step is not None
    assert report.layers[1].sops_by_step is None
    assert "without last" in str(report)
    assert report.to_dict()["layers"][1]["sops_by_step"] is None


def test_batches_with_time_second_are_refused():
    layer = nn.Linear(4, 3)
    with pytest.raises(ValueError, match="time second"):
        estimate_energy(layer, [(torch.ones(3, T, 4), torch.zeros(3))], timesteps=T)
    with pytest.raises(ValueError, match="timesteps must"):
        estimate_energy(layer, [(torch.ones(3, T, 4), torch.zeros(3))], timesteps=0)


def test_steps_of_several_batches_add_up():
    layer = nn.Linear(4, 3, bias=False)
    x = (torch.rand(T, 6, 4, generator=torch.Generator().manual_seed(0)) < 0.5).float()
    labels = torch.zeros(2)
    parts = [(x[:, i : i + 2], labels) for i in (0, 2, 4)]
    report = estimate_energy(nn.Sequential(layer), parts, timesteps=T)
    assert report.layers[0].sops_by_step == tuple(3 * np.asarray(x.sum((1, 2)), float))
