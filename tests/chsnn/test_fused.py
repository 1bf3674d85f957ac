"""SparseLIF and SparseReadout against nn.Linear and Norse's neurons, one step after the other."""

import numpy as np
import pytest
import torch
from norse.torch.functional.lif_box import (
    LIFBoxFeedForwardState,
    LIFBoxParameters,
    lif_box_feed_forward_step,
)
from torch import nn

from chgraph import BipartiteGraph
from chsnn import LIF, SparseLIF, SparseLinear
from chsnn.fused import SparseReadout
from tests.chsnn.tensors import at_links, layer_and_twin, random_graph, real, spikes

STEPS, BATCH = 5, 7
GRAPH = random_graph(12, 10, 0.3, seed=1)
FULL = BipartiteGraph.from_biadjacency(np.ones((12, 70)))
PER_NEURON = np.linspace(0.4, 1.2, 10).tolist()
INPUTS = {
    "constant": lambda: real(BATCH, 12).abs().expand(STEPS, BATCH, 12),
    "constant spikes": lambda: spikes(BATCH, 12, rate=0.5).expand(STEPS, BATCH, 12),
    "spikes": lambda: spikes(STEPS, BATCH, 12, rate=0.4),
    "real": lambda: real(STEPS, BATCH, 12),
    "one step": lambda: real(1, BATCH, 12),
    "no sample": lambda: real(STEPS, 0, 12),
    "no batch axis": lambda: real(STEPS, 12),
}
inputs = pytest.mark.parametrize("kind", INPUTS)
backends = pytest.mark.parametrize("backend", ["sparse", "dense", "auto"])


def neurons(alpha=0.6, v_th=0.7, learn=()):
    return LIF(alpha, v_th, surrogate="triangle", surrogate_alpha=0.5, learn=learn)


def fused(graph, neuron=None, **options):
    neuron = neurons() if neuron is None else neuron
    return layer_and_twin(graph, lambda g, **o: SparseLIF(g, neuron, **o), **options)


def stepped(linear, x, alpha, v_th):
    """Spikes of Norse's box neurons behind a linear layer, one call for every step."""
    parameters = LIFBoxParameters(
        tau_mem_inv=1 - alpha,
        v_leak=torch.zeros_like(v_th),
        v_reset=torch.zeros_like(v_th),
        v_th=v_th,
        method="triangle",
        alpha=0.5,
    )
    y = linear(x)
    state, out = LIFBoxFeedForwardState(torch.zeros_like(y[0])), []
    for step in y:
        z, state = lif_box_feed_forward_step(step / (1 - alpha), state, parameters, dt=1.0)
        out.append(z)
    return torch.stack(out)


def oracle(layer, twin, x, rate):
    """What Norse gives, and the numbers of the neurons that gradients are wanted for."""
    numbers = [p.detach().clone().requires_grad_() for p in (layer.neuron.alpha, layer.neuron.v_th)]
    z = stepped(twin, x, *numbers)
    return (z.mean(dim=0) if rate else z), numbers


def assert_as_norse(layer, twin, x, rate, *, wants_input=False, tolerance=1e-5):
    mine, theirs = (x.detach().requires_grad_(wants_input) for _ in range(2))
    got = layer(mine, rate=rate)
    want, (alpha, v_th) = oracle(layer, twin, theirs, rate)
    torch.testing.assert_close(got, want, rtol=1e-6, atol=1e-6)
    upper = real(*got.shape, seed=3).to(got.dtype)
    got.backward(upper)
    want.backward(upper)
    close = {"rtol": tolerance, "atol": tolerance}
    expected = at_links(layer, twin.weight.grad)
    torch.testing.assert_close(layer.values.grad, expected, **close)
    if layer.bias is not None:
        torch.testing.assert_close(layer.bias.grad, twin.bias.grad, **close)
    if wants_input:
        torch.testing.assert_close(mine.grad, theirs.grad, **close)
    for own, other in ((layer.neuron.alpha, alpha), (layer.neuron.v_th, v_th)):
        if own.requires_grad:
            torch.testing.assert_close(own.grad, other.grad, **close)
    return got


@inputs
@backends
@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("graph", [GRAPH, FULL], ids=["sparse", "full"])
def test_a_layer_with_neurons_is_the_layer_and_norses_neurons(graph, rate, backend, kind):
    for bias in (False, True):
        for wants_input in (False, True):
            layer, twin = fused(graph, bias=bias, backend=backend)
            x = INPUTS[kind]()
            y = assert_as_norse(layer, twin, x, rate, wants_input=wants_input)
            assert not y.numel() or 0 < y.mean() < 1


@pytest.mark.parametrize("learn", [("v_th",), ("alpha",), ("alpha", "v_th")])
@pytest.mark.parametrize("v_th", [0.7, PER_NEURON], ids=["one", "per neuron"])
@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("kind", ["constant", "spikes", "real"])
@backends
def test_learnt_numbers_get_their_gradient_on_every_path(backend, kind, rate, v_th, learn):
    layer, twin = fused(GRAPH, neurons(v_th=v_th, learn=learn), backend=backend)
    assert_as_norse(layer, twin, INPUTS[kind](), rate)
    for name in learn:
        assert getattr(layer.neuron, name).grad.abs().sum() > 0


@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("kind", ["constant", "spikes"])
def test_a_parameter_put_there_by_hand_is_learnt_too(kind, rate):
    layer, twin = fused(GRAPH)
    layer.neuron.v_th = nn.Parameter(torch.tensor(0.6))
    assert "neuron.v_th" in dict(layer.named_parameters())
    assert_as_norse(layer, twin, INPUTS[kind](), rate)
    assert layer.neuron.v_th.grad.abs() > 0
    layer.neuron.v_th.requires_grad_(False)  # frozen: the fast path again
    layer.zero_grad()
    twin.zero_grad()
    assert_as_norse(layer, twin, INPUTS[kind](), rate)


@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("kind", ["constant", "spikes", "real"])
@backends
def test_float64_is_computed_as_such(backend, kind, rate):
    layer, twin = fused(GRAPH, bias=True, backend=backend)
    layer, twin = layer.double(), twin.double()
    y = assert_as_norse(layer, twin, INPUTS[kind]().double(), rate, tolerance=1e-12)
    assert y.dtype == torch.float64


@pytest.mark.parametrize("rate", [False, True])
@pytest.mark.parametrize("kind", ["constant", "spikes", "real"])
@pytest.mark.parametrize("cast", ["bfloat16", "autocast"])
def test_narrow_types_give_what_layer_and_neurons_give(cast, kind, rate):
    layer, twin = fused(GRAPH, bias=True)
    twin = nn.Sequential(twin, neurons())
    x = INPUTS[kind]()
    if cast == "bfloat16":
        layer, twin, x = layer.bfloat16(), twin.bfloat16(), x.bfloat16()
    with torch.autocast("cpu", torch.bfloat16, enabled=cast == "autocast"):
        got, (want, _) = layer(x, rate=rate), twin(x)
    want = want.mean(dim=0) if rate else want
    assert got.dtype == want.dtype == torch.bfloat16
    # A sum that is rounded elsewhere may cross the threshold: few spikes differ.
    assert (got - want).abs().float().mean() < 0.03


def test_it_is_what_a_layer_and_neurons_of_chsnn_give():
    layer, _ = fused(GRAPH)
    plain = SparseLinear(GRAPH)
    plain.set_values(layer.values.detach())
    x = INPUTS["constant"]()
    assert torch.equal(layer(x), neurons()(plain(x))[0])


# ------------------------------------------------------------------------------- readout


@inputs
@backends
def test_a_readout_is_the_mean_over_time_of_a_linear_layer(backend, kind):
    for wants_input in (False, True):
        layer, twin = layer_and_twin(GRAPH, SparseReadout, bias=True, backend=backend)
        mine, theirs = (INPUTS[kind]().requires_grad_(wants_input) for _ in range(2))
        got, want = layer(mine), twin(theirs).mean(dim=0)
        torch.testing.assert_close(got, want, rtol=1e-5, atol=1e-5)
        upper = real(*got.shape, seed=3)
        got.backward(upper)
        want.backward(upper)
        expected = at_links(layer, twin.weight.grad)
        torch.testing.assert_close(layer.values.grad, expected, rtol=1e-5, atol=1e-5)
        torch.testing.assert_close(layer.bias.grad, twin.bias.grad, rtol=1e-5, atol=1e-5)
        if wants_input:
            torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-5, atol=1e-5)


def test_a_readout_takes_the_mean_of_many_steps():
    layer, _ = layer_and_twin(GRAPH, SparseReadout)
    x = INPUTS["spikes"]()
    torch.testing.assert_close(layer(x.mean(dim=0), steps=STEPS), layer(x))
    narrow = layer.bfloat16()
    assert narrow(x.bfloat16()).dtype == torch.bfloat16


# -------------------------------------------------------------------------------- errors


class OwnLIF(LIF):
    """Neurons whose forward would not be called."""


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: SparseLIF(GRAPH, OwnLIF()), TypeError, r"^neuron must be a chsnn\.LIF, got OwnL"),
        (lambda: SparseLIF(GRAPH)(real(12)), ValueError, r"^x must be \(T, B, 12\)"),
        (lambda: SparseLIF(GRAPH)(real(0, 3, 12)), ValueError, r"^x must be \(T, B, 12\)"),
        (lambda: SparseReadout(GRAPH)(real(12)), ValueError, r"^x must be \(T, B, 12\)"),
        (lambda: SparseReadout(GRAPH)(real(0, 3, 12)), ValueError, r"^x must be \(T, B, 12\)"),
        (lambda: SparseReadout(GRAPH)(real(3, 12), steps=0), ValueError, "^steps"),
        (lambda: SparseReadout(GRAPH)(real(3, 11), steps=2), ValueError, "^x must have 12"),
    ],
)
def test_bad_input_is_named(call, error, message):
    with pytest.raises(error, match=message):
        call()
