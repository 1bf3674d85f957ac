"""How sparse layers begin: links from what a layer reads, weights for its neurons; and densify."""

import norse.torch as norse
import numpy as np
import pytest
import torch
from torch import nn

import chsnn
from chgraph.topology import spike_correlated
from chsnn import LIF, SparseLIF, densify, sparse_layers, sparsify
from chsnn.encoding import Encoder
from chsnn.fused import SparseReadout
from chsnn.seeds import stream
from chsnn.weights import sswi
from tests.chsnn.tensors import random_graph


def draw(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def assert_reads(model, name, seen, sparsity=0.8):
    """The layer has the links that SSCTI draws from what it is known to read."""
    layer = model.get_submodule(name)
    seen = np.asarray(seen, dtype=np.float32).reshape(1, -1, layer.in_features)
    rng = stream(0, "topology", name)
    expected = spike_correlated(seen, layer.out_features, sparsity, rng=rng)
    assert layer.graph == expected
    silence = 1 - seen.mean(dtype=np.float64) if 0 <= seen.min() <= seen.max() <= 1 else 1.0
    assert layer.input_activity_sparsity == pytest.approx(silence)


def correlated(n=40, n_in=12):
    """Inputs in which neighbors are alike."""
    x = draw(n, n_in)
    x[:, 1::2] = 0.7 * x[:, ::2] + 0.3 * x[:, 1::2]
    return x


def test_the_layer_that_reads_the_input_begins_from_its_correlations():
    x = correlated()
    model = sparsify(
        nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 16), nn.Linear(16, 2)),
        0.8,
        inputs=x,
    )
    assert_reads(model, "0", x.numpy())
    degree = model[2].graph.left_degree
    assert degree.max() - degree.min() <= 1  # who reads no input is regular
    assert model[2].input_activity_sparsity is None


def test_spikes_and_flattened_images_and_arrays_are_read_as_they_come():
    x = (correlated() > 0.5).float()
    model = nn.Sequential(nn.Flatten(1), nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
    sparsify(model, 0.8, inputs=x.view(40, 1, 3, 4).double().numpy())
    assert_reads(model, "1", x.numpy())


def test_more_inputs_than_one_batch_are_all_read():
    x = correlated(2500)
    model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
    assert_reads(sparsify(model, 0.8, inputs=x), "0", x.numpy())


def test_values_outside_0_and_1_are_no_activity():
    x = 5 * correlated() - 2
    model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
    assert_reads(sparsify(model, 0.8, inputs=x), "0", x.numpy())


class Encoded(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder, self.first = Encoder("even", 4), nn.Linear(12, 20)
        self.neurons, self.head = LIF(), nn.Linear(20, 2)

    def forward(self, x):
        return self.head(self.neurons(self.first(self.encoder(x)))[0].mean(dim=0))


def test_behind_an_encoder_the_spikes_are_what_is_read():
    x = correlated()
    model = sparsify(Encoded(), 0.8, inputs=x)
    spikes = Encoder("even", 4)(x)
    assert set(spikes.unique().tolist()) == {0.0, 1.0}
    assert_reads(model, "first", spikes.numpy())


class Looped(nn.Module):
    """A loop over the time steps of (B, T, n)."""

    def __init__(self):
        super().__init__()
        self.first, self.cell, self.head = nn.Linear(12, 20), norse.LIFBoxCell(), nn.Linear(20, 2)

    def forward(self, x):
        state, total = None, 0.0
        for step in x.unbind(1):
            spikes, state = self.cell(self.first(step), state)
            total = total + self.head(spikes)
        return total


def test_in_a_loop_over_time_every_step_is_read():
    x = correlated(120).view(40, 3, 12)
    model = sparsify(Looped(), 0.8, inputs=x)
    assert_reads(model, "first", x.transpose(0, 1).numpy())


@pytest.mark.parametrize(
    "before",
    [nn.Conv1d(1, 1, 3, padding=1), nn.Linear(12, 12), nn.LayerNorm(12), nn.PReLU()],
)
def test_behind_something_that_is_learnt_nobody_reads_the_input(before):
    model = nn.Sequential(before, nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
    plain = sparsify(
        nn.Sequential(nn.Identity(), nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2)),
        0.8,
        layers="1",
    )
    x = correlated().view(40, 1, 12)
    sparsify(model, 0.8, layers="1", inputs=x)
    assert model[1].graph == plain[1].graph
    assert model[1].input_activity_sparsity is None


def test_a_learnt_number_of_the_model_itself_stands_before_too():
    class Shifted(nn.Module):
        def __init__(self):
            super().__init__()
            self.shift, self.fc, self.head = (
                nn.Parameter(draw(12)),
                nn.Linear(12, 20),
                nn.Linear(20, 2),
            )

        def forward(self, x):
            return self.head(torch.relu(self.fc(x + self.shift)))

    model = sparsify(Shifted(), 0.8, inputs=correlated())
    assert model.fc.input_activity_sparsity is None


def test_what_a_model_remembers_of_its_runs_is_left_as_it_was():
    class Counting(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc, self.head, self.calls = nn.Linear(12, 20), nn.Linear(20, 2), []

        def forward(self, x):
            self.calls.append(len(x))
            return self.head(torch.relu(self.fc(x)))

    model = sparsify(Counting(), 0.8, inputs=correlated())
    assert model.calls == []
    assert model.fc.input_activity_sparsity is not None


@pytest.mark.parametrize("topology", ["regular", "erdos_renyi"])
def test_a_topology_that_is_named_counts_for_all_layers(topology):
    x, models = correlated(), []
    for inputs in (None, x):
        model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
        models.append(sparsify(model, 0.8, inputs=inputs, topology=topology))
    assert models[0][0].graph == models[1][0].graph
    assert models[0][0].graph.n_links == 48


def test_weights_are_drawn_by_sswi_for_what_the_layer_reads():
    x = (correlated() > 0.5).float()
    model = nn.Sequential(nn.Linear(12, 20), LIF(v_th=0.5), nn.Linear(20, 16), nn.Linear(16, 2))
    sparsify(model, 0.8, layers=["0", "2"], wiring=chsnn.wiring.wiring_of(model), inputs=None)
    for name, v_th in (("0", 0.5), ("2", 1.0)):
        layer = model.get_submodule(name)
        want = sswi(layer.graph, v_th=v_th, rng=stream(0, "weights", name))
        np.testing.assert_array_equal(layer.values.detach().numpy(), want)
    model = nn.Sequential(nn.Linear(12, 20), nn.ReLU(), nn.Linear(20, 2))
    layer = sparsify(model, 0.8, inputs=x)[0]
    silence = 1.0 - float(x.double().mean())
    want = sswi(layer.graph, activity_sparsity=silence, rng=stream(0, "weights", "0"))
    np.testing.assert_allclose(layer.values.detach().numpy(), want, rtol=1e-6)


CELLS = {
    "box": norse.LIFBoxCell,
    "current": norse.LIFCell,
    "slow": lambda: norse.LIFBoxCell(norse.LIFBoxParameters(tau_mem_inv=torch.as_tensor(20.0))),
    "high threshold": lambda: norse.LIFBoxCell(norse.LIFBoxParameters(v_th=torch.as_tensor(30.0))),
    "fine steps": lambda: norse.LIFBoxCell(dt=1e-4),
}


@pytest.mark.parametrize("cell", CELLS)
def test_norses_cells_fire_at_the_start_neither_never_nor_always(cell):
    torch.manual_seed(0)
    layers = [nn.Linear(300, 400, bias=False), CELLS[cell](), nn.Linear(400, 300, bias=False)]
    model = norse.SequentialState(*layers, CELLS[cell](), nn.Linear(300, 2))
    sparsify(model, 0.9)
    spikes = (draw(100, 16, 300) < 0.5).float()
    state, first, second = None, [], []
    model[1].register_forward_hook(lambda _, args, y: first.append(y[0].mean()))
    model[3].register_forward_hook(lambda _, args, y: second.append(y[0].mean()))
    with torch.no_grad():
        for x in spikes:
            _, state = model(x, state)
    rates = [float(torch.stack(seen[30:]).mean()) for seen in (first, second)]
    assert all(0.02 < rate < 0.6 for rate in rates), rates


def test_densify_gives_the_same_outputs_and_gradients_and_is_plain_torch():
    model = nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 16), nn.Linear(16, 2))
    sparsify(model, 0.8)
    model[0].requires_grad_(False)
    x = draw(5, 12)
    want = model(x)
    want.square().sum().backward()
    grad, mask = model[2].values.grad.clone(), model[2].weight_mask()
    left, right = (torch.from_numpy(side) for side in model[2].graph.links())
    assert densify(model) is model
    assert [type(m) for m in model.modules()][1:] == [nn.Linear, nn.Tanh, nn.Linear, nn.Linear]
    assert [p.requires_grad for p in model.parameters()] == [False] * 2 + [True] * 4
    torch.testing.assert_close(model(x), want, rtol=1e-6, atol=1e-6)
    model(x).square().sum().backward()
    torch.testing.assert_close(model[2].weight.grad[right, left], grad, rtol=1e-5, atol=1e-6)
    assert not model[2].weight[~mask].any()
    again = nn.Sequential(nn.Linear(12, 20), nn.Tanh(), nn.Linear(20, 16), nn.Linear(16, 2))
    again.load_state_dict(model.state_dict())  # a dense model's state, and a dense model's hooks
    torch.testing.assert_close(again(x), model(x))


def test_a_sparse_layer_by_itself_comes_back_as_a_new_dense_one():
    layer = chsnn.SparseLinear(random_graph(5, 6, 0.5), bias=True)
    layer.set_values(draw(layer.graph.n_links))
    dense = densify(layer)
    assert type(dense) is nn.Linear
    torch.testing.assert_close(dense(draw(3, 5)), layer(draw(3, 5)))


@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("constant", [False, True])
@pytest.mark.parametrize("bias", [False, True])
def test_fused_layers_keep_their_neurons_when_made_dense(rate, constant, bias):
    neuron = LIF(v_th=0.4, learn=["v_th"])
    layer = SparseLIF(random_graph(12, 30, 0.3), neuron, bias=bias)
    layer.set_values(draw(layer.graph.n_links) - 0.2)
    x = draw(1, 4, 12).expand(6, 4, 12) if constant else (draw(6, 4, 12) < 0.5).float()
    dense = densify(layer)
    want = layer(x, rate=rate)
    assert 0 < want.mean() < 1
    assert torch.equal(dense(x, rate=rate), want)
    assert isinstance(dense, nn.Linear)
    assert sparse_layers(nn.Sequential(dense)) == {}
    names = {"weight", "neuron.v_th", *(["bias"] if bias else [])}
    assert {name for name, _ in dense.named_parameters()} == names


@pytest.mark.parametrize("steps", [None, 6])
def test_readouts_keep_their_mean_when_made_dense(steps):
    layer = SparseReadout(random_graph(12, 5, 0.5))
    layer.set_values(draw(layer.graph.n_links))
    x = draw(6, 4, 12) if steps is None else draw(4, 12)
    torch.testing.assert_close(densify(layer)(x, steps=steps), layer(x, steps=steps))
