"""Which layer feeds which: against plain facts, and removal that must change no output."""

import itertools

import norse.torch as norse
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from chgraph import BipartiteGraph
from chgraph.rewiring import Junction, Wiring, remove_dead_chains
from chsnn.fused import SparseLIF, SparseReadout
from chsnn.layers import SparseLinear
from chsnn.neurons import LIF
from chsnn.wiring import describe, find_wiring, wiring_of
from tests.chsnn.wired import (
    BOTH,
    ONLY_IN,
    ONLY_OUT,
    STEPS,
    Between,
    N,
    Stateless,
    X,
    in_a_row,
    linear,
    seen,
)

# ------------------------------------------------------------ modules in a row


@pytest.mark.parametrize(
    "module",
    [
        nn.ReLU(),
        nn.ReLU(inplace=True),
        nn.LeakyReLU(),
        nn.PReLU(),
        nn.PReLU(N),
        nn.ELU(),
        nn.GELU(),
        nn.SiLU(),
        nn.Mish(),
        nn.Tanh(),
        nn.Hardtanh(),
        nn.Hardswish(),
        nn.Softsign(),
        nn.Tanhshrink(),
        nn.Softshrink(),
        nn.Identity(),
        nn.Dropout(0.5),
        nn.Dropout(0.5, inplace=True),
    ],
)
def test_elementwise_modules_that_keep_0_close_both_sides(module):
    last = str(len(in_a_row(module)) - 1)
    assert seen(in_a_row(module)) == [(("0",), (last,), True, True)]


@pytest.mark.parametrize(
    "module",
    [
        nn.Sigmoid(),
        nn.Softplus(),
        nn.Hardtanh(0.5, 1.0),
        nn.AlphaDropout(0.5),
        nn.BatchNorm1d(N),
        nn.Hardsigmoid(),
    ],
)
def test_neurons_with_a_life_of_their_own_leave_only_the_side_of_the_readers(module):
    assert seen(in_a_row(module)) == [(("0",), ("2",), False, True)]


@pytest.mark.parametrize(
    "module", [nn.LayerNorm(N), nn.RMSNorm(N), nn.GroupNorm(1, N), nn.Softmax(-1), nn.Softmin(-1)]
)
def test_what_mixes_neurons_opens_both_sides(module):
    assert seen(in_a_row(module)) == []


def test_a_bias_opens_the_side_of_what_drives():
    model = nn.Sequential(linear(4, N, bias=True), nn.ReLU(), linear(N, 2, bias=True))
    assert seen(model) == [(("0",), ("2",), False, True)]


def test_batch_norm_over_another_axis_opens_both_sides():
    model = nn.Sequential(linear(4, N), nn.BatchNorm1d(6), linear(N, 2))
    assert seen(model, torch.rand(3, 6, 4)) == []
    # Also where the axes have the same size.
    model = nn.Sequential(linear(4, N), nn.BatchNorm1d(N), linear(N, 2))
    assert seen(model, torch.rand(3, N, 4)) == []


@pytest.mark.parametrize("cell", [norse.LIFBoxCell, norse.LIFCell, norse.LICell, norse.LIBoxCell])
def test_norse_cells_in_a_sequential_state(cell):
    model = norse.SequentialState(linear(4, N), cell(), linear(N, 2))
    # The state is returned beside the output, for the same neurons.
    assert seen(model) == [(("0",), ("2",), True, True)]


@pytest.mark.parametrize("layer", [norse.LIF, norse.LI])
def test_norse_layers_over_time(layer):
    class OverTime(Between):
        def forward(self, x):
            z, _ = self.function(self.fc1(x))
            return self.fc2(z).mean(0)

    assert seen(OverTime(layer()), STEPS) == BOTH


def test_norse_neurons_that_leak_to_another_potential_live_on():
    neurons = norse.LIFBoxCell(norse.LIFBoxParameters(v_leak=torch.tensor(0.1)))
    assert seen(Stateless(neurons)) == ONLY_OUT
    learnt = nn.Parameter(torch.tensor(0.0))
    assert seen(Stateless(norse.LIFBoxCell(norse.LIFBoxParameters(v_leak=learnt)))) == ONLY_OUT
    assert seen(Stateless(norse.LIFAdExCell())) == []


def test_a_cell_that_is_no_part_of_the_model_is_read_function_by_function():
    neurons = norse.LIFBoxCell()
    assert seen(Between(lambda h: neurons(h)[0])) == []


def test_a_threshold_that_is_not_above_rest_lets_neurons_fire_alone():
    low = norse.LIFBoxParameters(v_th=torch.tensor(-0.1))
    assert seen(Stateless(norse.LIFBoxCell(low))) == ONLY_OUT
    assert seen(Stateless(norse.LIFBoxCell())) == BOTH


def test_lif_neurons():
    class Spiking(Between):
        def forward(self, x):
            return self.fc2(self.function(self.fc1(x))[0]).mean(0)

    assert seen(Spiking(LIF()), STEPS) == BOTH
    assert seen(Spiking(LIF(model="current")), STEPS) == BOTH
    assert seen(Spiking(LIF(v_th=[1.0] * N, learn=["v_th"])), STEPS) == BOTH


# ------------------------------------------------------------ models of one's own


class Loop(nn.Module):
    """A loop over time, the state handed on."""

    def __init__(self, cell):
        super().__init__()
        self.fc1, self.fc2, self.cell = linear(4, N), linear(N, 2), cell

    def forward(self, x):
        state, out = None, torch.zeros(x.shape[1], 2)
        for x_t in x:
            z, state = self.cell(self.fc1(x_t), state)
            out = out + self.fc2(z)
        return out


def test_a_loop_over_time():
    assert seen(Loop(norse.LIFBoxCell()), STEPS) == BOTH
    assert seen(Loop(norse.LIFCell()), STEPS) == BOTH


def test_a_model_that_reads_the_membrane_state():
    class WithState(Loop):
        def forward(self, x):
            state, out = None, 0
            for x_t in x:
                z, state = self.cell(self.fc1(x_t), state)
                out = out + self.fc2(z)
            return out, 0.0 * state.v.max()

    assert seen(WithState(norse.LIFBoxCell()), STEPS) == ONLY_IN


def test_a_state_that_is_not_at_rest_drives_the_neurons():
    class Started(Loop):
        def forward(self, x, v):
            z, _ = self.cell(self.fc1(x), norse.LIFBoxFeedForwardState(v))
            return self.fc2(z)

    model = Started(norse.LIFBoxCell())
    assert seen(model, (X, torch.zeros(3, N))) == ONLY_OUT  # who knows what it is next time


def test_a_state_made_of_zeros_drives_nothing():
    class Started(Loop):
        def forward(self, x):
            rest = norse.LIFBoxFeedForwardState(torch.zeros(3, N).clone())
            return self.fc2(self.cell(self.fc1(x), rest)[0])

    class Filled(Loop):
        def forward(self, x):
            v = torch.zeros(3, N)
            v.fill_(1e-9)
            return self.fc2(self.cell(self.fc1(x), norse.LIFBoxFeedForwardState(v))[0])

    assert seen(Started(norse.LIFBoxCell())) == BOTH
    assert seen(Filled(norse.LIFBoxCell())) == ONLY_OUT


def test_a_residual_is_a_junction_with_several_sources():
    class Residual(nn.Module):
        def __init__(self):
            super().__init__()
            self.first, self.inner, self.last = linear(4, N), linear(N, N), linear(N, 2)

        def forward(self, x):
            h = torch.relu(self.first(x))
            return self.last(h + torch.relu(self.inner(h)))

    assert seen(Residual()) == [(("first", "inner"), ("inner", "last"), True, True)]


def test_a_residual_from_the_outside_drives_the_neurons():
    class Outside(Between):
        def forward(self, x):
            return self.fc2(functional.relu(self.fc1(x)) + x.sum())

    assert seen(Outside(None)) == ONLY_OUT


def test_a_layer_used_twice_has_one_population_on_each_side():
    class Shared(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.shared, self.last = (
                linear(4, N),
                linear(4, N),
                linear(N, 7),
                linear(7, 2),
            )

        def forward(self, x):
            first = self.shared(torch.relu(self.a(x)))
            return self.last(torch.relu(first) * torch.relu(self.shared(self.b(x).tanh())))

    assert seen(Shared()) == [
        (("a", "b"), ("shared",), True, True),
        (("shared",), ("last",), True, True),
    ]


def test_a_recurrent_layer_is_its_own_neighbor():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.into, self.back, self.out = linear(4, N), linear(N, N), linear(N, 2)

        def forward(self, x):
            h = torch.zeros(x.shape[1], N)
            for x_t in x:
                h = torch.tanh(self.into(x_t) + self.back(h))
            return self.out(h)

    assert seen(Recurrent(), STEPS) == [(("into", "back"), ("back", "out"), True, True)]


@pytest.mark.parametrize("cell", [norse.LIFRecurrentCell(N, N), nn.LSTM(N, N), nn.RNN(N, N)])
def test_recurrent_cells_are_not_followed(cell):
    assert seen(Stateless(cell)) == []


def test_a_convolution_before_drives_from_the_outside():
    model = nn.Sequential(
        nn.Conv1d(1, 3, 2), nn.ReLU(), nn.Flatten(), linear(9, N), nn.ReLU(), linear(N, 2)
    )
    assert seen(model, X[:, None]) == [(("3",), ("5",), True, True)]


def test_a_convolution_after_reads_all():
    class After(Between):
        def forward(self, x):
            h = torch.relu(self.fc1(x))
            return self.fc2(h), self.function(h[:, None])

    assert seen(After(nn.Conv1d(1, 1, 3))) == ONLY_IN


@pytest.mark.parametrize("bias", [False, True])
def test_a_transformer_block(bias):
    model = nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0, batch_first=True, bias=bias)
    found = seen(model, torch.rand(3, 7, 8), ["self_attn.out_proj", "linear1", "linear2"])
    assert found == [(("linear1",), ("linear2",), not bias, True)]


# ------------------------------------------------------------ sparse layers


def full(n_in, n_out, kind=SparseLinear, **options):
    layer = kind(BipartiteGraph.from_biadjacency(np.ones((n_in, n_out))), **options)
    torch.manual_seed(0)
    layer.set_values(2 * torch.rand(n_in * n_out))
    return layer


def test_sparse_layers_are_followed_by_default_and_the_wiring_fits_them():
    model = nn.Sequential(
        full(4, N, SparseLIF), full(N, 6, SparseLIF, bias=True), full(6, 2, SparseReadout)
    )
    wiring = find_wiring(model, STEPS)
    assert wiring == Wiring(
        (
            Junction(N, ("0",), ("1",)),
            Junction(6, ("1",), ("2",), open_in=True),
        )
    )
    graphs = {name: layer.graph for name, layer in model.named_children()}
    assert wiring.check(graphs) is None


def test_layers_that_are_not_named_are_something_else():
    model = nn.Sequential(linear(4, N), nn.ReLU(), linear(N, N), nn.ReLU(), linear(N, 2))
    assert seen(model, layers=["0", "2"]) == [(("0",), ("2",), True, True)]
    assert seen(model, layers=["0", "4"]) == []


def test_the_model_and_the_random_streams_stay_as_they_are():
    model = nn.Sequential(linear(4, N), nn.BatchNorm1d(N), nn.Dropout(), linear(N, 2)).train()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    state, example = torch.get_rng_state(), X.clone()
    assert seen(model, example) == [(("0",), ("3",), False, True)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(example, X)
    assert model.training
    assert all("forward" not in vars(module) for module in model.modules())
    for name, value in model.state_dict().items():
        assert torch.equal(value, before[name])


def test_wrong_arguments():
    model = Between(torch.relu)
    with pytest.raises(TypeError, match=r"model must be a torch.nn.Module, got int"):
        find_wiring(3, X)
    with pytest.raises(TypeError, match="example must be a Tensor or a tuple"):
        find_wiring(model, [X])
    with pytest.raises(TypeError, match="layers must be several names"):
        find_wiring(model, X, layers="fc1")
    with pytest.raises(ValueError, match="layers names 'fc9'"):
        find_wiring(model, X, layers=["fc9"])
    with pytest.raises(TypeError, match="'1' is a ReLU"):
        find_wiring(in_a_row(nn.ReLU()), X, layers=["1"])
    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        find_wiring(model, torch.rand(3, 9), layers=["fc1"])


def test_what_a_model_says_itself():
    model = nn.Sequential(linear(4, N))
    assert wiring_of(model) == Wiring()
    model.wiring = Wiring((Junction(N, ("0",)),))
    assert wiring_of(model) == model.wiring
    model.wiring = "wires"
    assert wiring_of(model) == Wiring()


def test_one_line_for_people():
    wiring = Wiring((Junction(8, ("fc1", "skip"), ("fc2",)), Junction(8, ("fc2",), ("fc3",), True)))
    assert describe(wiring, ["fc1", "skip", "fc2", "fc3"]) == (
        "chains are followed between fc1 + skip -> fc2, fc2 -> fc3 (only neurons that nobody "
        "reads die); not after fc3 (something else reads or drives its neurons)"
    )
    assert describe(Wiring(), ["a", "b"]) == (
        "no chain is followed; not after a, b (something else reads or drives their neurons)"
    )


# ------------------------------------------------------------ removal changes no output

NEURONS = {
    "relu": lambda n: nn.ReLU(),
    "tanh": lambda n: nn.Tanh(),
    "sigmoid": lambda n: nn.Sigmoid(),
    "lif": lambda n: LIF(),
    "norse": lambda n: norse.LIF(),
    "norse that leaks": lambda n: norse.LIF(norse.LIFParameters(v_leak=torch.tensor(1.5))),
}


class RandomNet(nn.Module):
    """Blocks of a sparse layer, a norm or none, neurons, with or without a sum past them."""

    def __init__(self, draw, rng):
        super().__init__()
        depth = draw(st.integers(2, 4))
        widths = [4, *(draw(st.sampled_from([6, 7])) for _ in range(depth - 1)), 3]
        self.layers = nn.ModuleList(
            sparse(rng, n_in, n_out, draw(st.booleans()))
            for n_in, n_out in itertools.pairwise(widths)
        )
        kind = draw(st.sampled_from(list(NEURONS)))
        self.neurons = nn.ModuleList(NEURONS[kind](n) for n in widths[1:-1])
        norms = st.sampled_from([None, None, nn.LayerNorm, nn.BatchNorm1d])
        self.norms = nn.ModuleList((draw(norms) or nn.Identity)(n) for n in widths[1:-1])
        for norm in self.norms:  # as after training
            for name, value in norm.state_dict().items():
                if name in ("bias", "running_mean"):
                    value.copy_(torch.from_numpy(rng.normal(size=value.shape)))
        self.is_residual = draw(st.booleans())
        self.is_read = draw(st.booleans()) and draw(st.booleans())

    def forward(self, x):
        reads = 0
        for layer, norm, neurons in zip(self.layers, self.norms, self.neurons, strict=False):
            h = layer(x)
            h = norm(h.flatten(0, 1)).unflatten(0, h.shape[:2])
            h = neurons(h)
            h = h[0] if isinstance(h, tuple) else h
            x = x + h if self.is_residual and x.shape == h.shape else h
            reads = reads + x.mean() if self.is_read else 0
        return self.layers[-1](x).mean(0) + reads


def sparse(rng, n_in, n_out, bias):
    graph = BipartiteGraph.from_biadjacency(rng.random((n_in, n_out)) < 0.2)
    layer = SparseLinear(graph, bias=bias)
    layer.set_values(rng.normal(scale=2.0, size=graph.n_links))
    if bias:
        layer.bias.data = torch.from_numpy(rng.normal(size=n_out)).float()
    return layer


def test_removing_the_dead_changes_no_output():
    removed = []

    @given(st.data(), st.integers(0, 2**32 - 1))
    def removes_no_output(data, seed):
        model = RandomNet(data.draw, np.random.default_rng(seed)).eval()
        layers = {n: m for n, m in model.named_modules() if isinstance(m, SparseLinear)}
        others = torch.randn(6, 3, 4, generator=torch.Generator().manual_seed(seed))
        graphs = {name: layer.graph for name, layer in layers.items()}
        remaining = remove_dead_chains(graphs, find_wiring(model, STEPS)).graphs
        with torch.no_grad():
            before = model(others)
            for name, graph in remaining.items():
                layers[name].set_graph(graph)
            after = model(others)
        removed.append(sum(graphs[n].n_links - remaining[n].n_links for n in layers))
        torch.testing.assert_close(after, before, rtol=1e-6, atol=1e-6)

    removes_no_output()
    assert np.count_nonzero(removed) > len(removed) / 3
