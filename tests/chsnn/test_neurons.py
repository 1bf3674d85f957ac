"""The LIF neuron against equation 1, hand-made numbers, Norse, and gradients derived by hand."""

import copy
import io
import json
import pickle

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters
from norse.torch.module.lif_box import LIFBoxCell
from torch import nn

from chsnn import LIF
from chsnn import neurons as neuron_module
from chsnn.neurons import SURROGATES, LIFNumbers
from tests import naive

T, BATCH, N = 12, 3, 5


def inputs(seed=0, scale=0.9):
    """Inputs (T, BATCH, N) that make neurons fire now and then."""
    return np.random.default_rng(seed).normal(0.3, scale, (T, BATCH, N))


def run_step_by_step(neurons, x):
    """Spikes and membrane potentials after reset, (T, ...) each."""
    spikes, voltages, state = [], [], None
    for x_t in x:
        z, state = neurons.step(x_t, state)
        spikes.append(z)
        voltages.append(state.v)
    return torch.stack(spikes), torch.stack(voltages)


def backward_by_hand(x, spike_gradient, alpha, v_th, width):
    """Gradient in x of sum(spike_gradient * z) for the triangle surrogate.

    u(t) = alpha v(t-1) + x(t), z(t) = [u(t) > v_th], v(t) = (1 - z(t)) u(t), and z counts
    as a function of u with derivative width * max(0, 1 - |u - v_th|) wherever it stands.
    """
    u, v, z = np.zeros_like(x), np.zeros_like(x[0]), np.zeros_like(x)
    for t in range(len(x)):
        u[t] = alpha * v + x[t]
        z[t] = u[t] > v_th
        v = (1 - z[t]) * u[t]
    gradient, of_v = np.zeros_like(x), np.zeros_like(x[0])
    for t in reversed(range(len(x))):
        of_z = spike_gradient[t] - u[t] * of_v
        surrogate = width * np.maximum(0, 1 - np.abs(u[t] - v_th))
        gradient[t] = (1 - z[t]) * of_v + surrogate * of_z
        of_v = alpha * gradient[t]
    return gradient


def test_the_golden_trajectory_of_equation_1():
    x = torch.tensor([0.5, 0.5, 0.5, 0.25, 1.0, -0.25, 0.875])
    spikes, voltages = run_step_by_step(LIF(alpha=0.5, v_th=0.75), x.view(-1, 1, 1))
    # Before the reset: 0.5, 0.75 (not above the threshold), 0.875, 0.25, 1.125, -0.25, 0.75
    assert spikes.flatten().tolist() == [0, 0, 1, 0, 1, 0, 0]
    assert voltages.flatten().tolist() == [0.5, 0.75, 0, 0.25, 0, -0.25, 0.75]


@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.875])
@pytest.mark.parametrize("v_th", [0.5, 1.0])
def test_box_neurons_follow_equation_1(alpha, v_th):
    x = inputs()
    voltages, spikes = naive.lif_eq1(x, alpha, v_th)
    got_spikes, got_voltages = run_step_by_step(LIF(alpha, v_th), torch.from_numpy(x))
    assert 0.05 < spikes.mean() < 0.6
    np.testing.assert_array_equal(got_spikes, spikes)
    np.testing.assert_allclose(got_voltages, voltages * (1 - spikes), rtol=1e-12, atol=1e-14)


def test_a_potential_at_the_threshold_does_not_fire():
    spikes, state = LIF(alpha=0.5, v_th=1.0)(torch.tensor([[[1.0]], [[0.5]], [[0.75]]]))
    assert spikes.flatten().tolist() == [0, 0, 1]
    assert state.v.item() == 0


def test_many_steps_at_once_are_single_steps_in_a_row():
    x = torch.from_numpy(inputs(1)).float()
    spikes, state = LIF()(x)
    expected, voltages = run_step_by_step(LIF(), x)
    torch.testing.assert_close(spikes, expected, rtol=0, atol=0)
    torch.testing.assert_close(state.v, voltages[-1], rtol=0, atol=0)


@pytest.mark.parametrize("model", ["box", "current"])
def test_a_run_can_be_cut_in_two(model):
    x, neurons = torch.from_numpy(inputs(2)), LIF(model=model)
    whole, end = neurons(x)
    first, state = neurons(x[:5])
    second, state = neurons(x[5:], state)
    torch.testing.assert_close(torch.cat([first, second]), whole, rtol=0, atol=0)
    torch.testing.assert_close(state.v, end.v, rtol=0, atol=0)


@pytest.mark.parametrize("model", ["box", "current"])
def test_a_constant_input_is_shown_so_many_times(model):
    neurons, image = LIF(alpha=0.7, v_th=0.8, model=model), torch.from_numpy(inputs()[0])
    once, state = neurons(image, steps=5)
    each, expected = neurons(image.expand(5, *image.shape).contiguous())
    assert once.sum() > 0
    torch.testing.assert_close(once, each, rtol=0, atol=0)
    torch.testing.assert_close(state.v, expected.v)


@pytest.mark.parametrize("model", ["box", "current"])
def test_no_time_steps_leave_neurons_at_rest(model):
    spikes, state = LIF(model=model)(torch.zeros(0, 2, 3))
    assert spikes.shape == (0, 2, 3)
    assert not state.v.any()


@pytest.mark.parametrize("width", [1.0, 0.3])
@pytest.mark.parametrize("v_th", [0.5, 1.0])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 0.875])
def test_gradients_of_box_neurons_are_those_derived_by_hand(alpha, v_th, width):
    x, spike_gradient = inputs(3), np.random.default_rng(4).normal(size=(T, BATCH, N))
    expected = backward_by_hand(x, spike_gradient, alpha, v_th, width)
    tensor = torch.from_numpy(x).requires_grad_()
    spikes, _ = LIF(alpha, v_th, surrogate_alpha=width)(tensor)
    spikes.backward(torch.from_numpy(spike_gradient))
    assert np.count_nonzero(expected) > expected.size / 2
    np.testing.assert_allclose(tensor.grad, expected, rtol=1e-6, atol=1e-7)


def test_the_gradient_of_two_steps_in_numbers():
    # u = 0.75, then 0.5 * 0.75 + 0.5 = 0.875; surrogate 1 - |u - 1|: 0.75 and 0.875.
    x = torch.tensor([[[0.75]], [[0.5]]], requires_grad=True)
    LIF(alpha=0.5, v_th=1.0)(x)[0][1].sum().backward()
    # dz(2)/dx(1) = 0.875 * 0.5 * (1 - 0.75 * 0.75): the reset by the spike is in it.
    assert x.grad.flatten().tolist() == [0.875 * 0.5 * (1 - 0.75 * 0.75), 0.875]


@pytest.mark.parametrize("surrogate", SURROGATES)
def test_box_neurons_step_like_norse(surrogate):
    x = torch.from_numpy(inputs(5)).float()
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    parameters = LIFBoxParameters(
        tau_mem_inv=torch.tensor(0.25),
        v_th=torch.tensor(0.75),
        method=surrogate,
        alpha=torch.tensor(2.0),
    )
    cell, state = LIFBoxCell(parameters, dt=1.0), LIFBoxFeedForwardState(torch.zeros(BATCH, N))
    expected = []
    for x_t in theirs:
        z, state = cell(x_t / 0.25, state)
        expected.append(z)
    expected = torch.stack(expected)
    neurons = LIF(0.75, 0.75, surrogate=surrogate, surrogate_alpha=2.0)
    spikes, end = neurons(ours)
    weight = torch.from_numpy(inputs(6)).float()
    (spikes * weight).sum().backward()
    (expected * weight).sum().backward()
    torch.testing.assert_close(spikes, expected, rtol=0, atol=0)
    torch.testing.assert_close(end.v, state.v)
    torch.testing.assert_close(ours.grad, theirs.grad)
    assert ours.grad.abs().sum() > 0


@pytest.mark.parametrize("surrogate", ["triangle", "tanh", "box"])
def test_current_neurons_step_like_norse(surrogate):
    x = torch.from_numpy(inputs(7)).float()
    ours, theirs = x.clone().requires_grad_(), x.clone().requires_grad_()
    parameters = LIFParameters(
        tau_syn_inv=torch.tensor(0.75),
        tau_mem_inv=torch.tensor(0.25),
        v_th=torch.tensor(1.0),
        method=surrogate,
        alpha=torch.tensor(1.0),
    )
    state, expected = LIFFeedForwardState(torch.zeros(BATCH, N), torch.zeros(BATCH, N)), []
    for x_t in theirs:
        z, state = lif_feed_forward_step(x_t / 0.25, state, parameters, dt=1.0)
        expected.append(z)
    expected = torch.stack(expected)
    neurons = LIF(0.75, model="current", alpha_syn=0.25, surrogate=surrogate)
    spikes, end = neurons(ours)
    spikes.sum().backward()
    expected.sum().backward()
    assert 0 < spikes.mean() < 1
    torch.testing.assert_close(spikes, expected, rtol=0, atol=0)
    torch.testing.assert_close(end.v, state.v)
    torch.testing.assert_close(end.i, state.i)
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_current_neurons_filter_their_input():
    x, current, v, expected = inputs(8), 0.0, 0.0, []
    for x_t in x:
        current = 0.5 * current + x_t
        v = 0.75 * v + current
        expected.append(v > 1.0)
        v = np.where(v > 1.0, 0.0, v)
    spikes, state = LIF(0.75, model="current", alpha_syn=0.5)(torch.from_numpy(x))
    np.testing.assert_array_equal(spikes, np.array(expected))
    np.testing.assert_allclose(state.v, v, rtol=1e-12, atol=1e-14)


def test_current_neurons_without_synaptic_memory_are_box_neurons():
    x = torch.from_numpy(inputs(9))
    box, _ = LIF(0.5)(x)
    current, _ = LIF(0.5, model="current", alpha_syn=0.0)(x)
    torch.testing.assert_close(box, current, rtol=0, atol=0)


def test_a_time_constant_stands_for_a_decay():
    x = torch.from_numpy(inputs(10))
    torch.testing.assert_close(LIF(tau_mem=4.0)(x)[0], LIF(0.75)(x)[0], rtol=0, atol=0)


def test_threshold_and_decay_are_in_the_state_dictionary():
    state = LIF(alpha=0.25, v_th=2.0).state_dict()
    assert {name: value.item() for name, value in state.items()} == {"alpha": 0.25, "v_th": 2.0}


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        ({"alpha": 1.0}, ValueError, "alpha"),
        ({"alpha": -0.1}, ValueError, "alpha"),
        ({"alpha": "0.5"}, TypeError, "alpha"),
        ({"v_th": 0.0}, ValueError, "v_th"),
        ({"v_th": float("nan")}, ValueError, "v_th"),
        ({"v_th": 1e300}, ValueError, "v_th"),
        ({"v_th": 1e-60}, ValueError, "v_th"),
        ({"v_th": [1.0, 0.0]}, ValueError, "v_th"),
        ({"v_th": [1.0, 1e39]}, ValueError, "v_th"),
        ({"v_th": []}, ValueError, "v_th"),
        ({"v_th": np.ones((2, 2))}, ValueError, "v_th"),
        ({"v_th": torch.ones(2, requires_grad=True)}, ValueError, "v_th"),
        ({"v_th": ["1"]}, TypeError, "v_th"),
        ({"v_th": True}, TypeError, "v_th"),
        ({"alpha": 1 - 1e-12}, ValueError, "alpha"),
        ({"alpha": np.array([0.5, 1.0])}, ValueError, "alpha"),
        ({"alpha": torch.tensor([0.5, float("nan")])}, ValueError, "alpha"),
        ({"tau_mem": 1e9}, ValueError, "tau_mem"),
        ({"surrogate_alpha": 1e300}, ValueError, "surrogate_alpha"),
        ({"learn": ["tau_mem"]}, ValueError, "learn"),
        ({"learn": "v_th"}, TypeError, "learn"),
        ({"tau_mem": 0.5}, ValueError, "tau_mem"),
        ({"alpha_syn": 1.0}, ValueError, "alpha_syn"),
        ({"surrogate_alpha": 0}, ValueError, "surrogate_alpha"),
        ({"surrogate": "superspike"}, ValueError, "surrogate"),
        ({"model": "adex"}, ValueError, "model"),
    ],
)
def test_bad_settings_are_named(settings, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        LIF(**settings)


class Spike(torch.autograd.Function):
    """[u > 0] with the derivative width * max(0, 1 - |u|)."""

    @staticmethod
    def forward(ctx, u, width):
        ctx.save_for_backward(u)
        ctx.width = width
        return (u > 0).double()

    @staticmethod
    def backward(ctx, gradient):
        (u,) = ctx.saved_tensors
        return gradient * ctx.width * (1 - u.abs()).clamp(min=0), None


def plain_torch(x, alpha, v_th, width=1.0, alpha_syn=None):
    """Spikes and last potential, as equation 1 reads, of inputs (T, ...) with autograd."""
    v = i = torch.zeros(x.shape[1:], dtype=torch.float64)
    spikes = []
    for x_t in x:
        i = x_t if alpha_syn is None else alpha_syn * i + x_t
        u = alpha * v + i
        z = Spike.apply(u - v_th, width)
        v = (1 - z) * u
        spikes.append(z)
    return torch.stack(spikes), v


def single_steps(lif, x):
    spikes, state = [], None
    for x_t in x:
        z, state = lif.step(x_t, state)
        spikes.append(z)
    return torch.stack(spikes), state


# Every way to run neurons: the spikes (or their mean) of inputs (T, B, n).
PATHS = {
    "forward": lambda lif, x: lif(x)[0],
    "run": lambda lif, x: lif.run(x)[0],
    "constant": lambda lif, x: lif(x[0], steps=T)[0],
    "rate": lambda lif, x: lif.rate(x[0], T),
    "step": lambda lif, x: single_steps(lif, x)[0],
}
SCALARS = {"alpha": 0.7, "v_th": 0.8}
PER_NEURON = {"alpha": [0.0, 0.3, 0.5, 0.7, 0.9], "v_th": [0.4, 0.6, 0.8, 1.0, 1.2]}
every_path = pytest.mark.parametrize("path", PATHS)


def expected_of(path, x, numbers, **settings):
    """Spikes of the path by plain torch, and the numbers that autograd followed."""
    tensors = {
        name: torch.tensor(v, dtype=torch.float64).requires_grad_() for name, v in numbers.items()
    }
    if path in ("constant", "rate"):
        x = x[0].expand(T, *x[0].shape)
    spikes = plain_torch(x, **tensors, **settings)[0]
    return spikes.mean(dim=0) if path == "rate" else spikes, tensors


def weighted_sum(spikes):
    """A loss that weighs every spike otherwise."""
    weights = np.random.default_rng(11).normal(size=spikes.shape)
    return (spikes * torch.from_numpy(weights)).sum()


@every_path
@pytest.mark.parametrize("model", ["box", "current"])
@pytest.mark.parametrize("numbers", [SCALARS, PER_NEURON], ids=["scalars", "per neuron"])
@pytest.mark.parametrize("x_learns", [False, True])
def test_learnt_neurons_have_the_gradients_of_plain_torch(path, model, numbers, x_learns):
    x = torch.from_numpy(inputs(12, scale=0.5))
    ours, theirs = (x.clone().requires_grad_(x_learns) for _ in range(2))
    lif = LIF(**numbers, model=model, alpha_syn=0.25, surrogate_alpha=0.8, learn=("alpha", "v_th"))
    lif.double()
    with torch.no_grad():  # the float64 numbers themselves, not their float32
        lif.alpha.copy_(torch.tensor(numbers["alpha"], dtype=torch.float64))
        lif.v_th.copy_(torch.tensor(numbers["v_th"], dtype=torch.float64))
    alpha_syn = 0.25 if model == "current" else None
    expected, tensors = expected_of(path, theirs, numbers, width=0.8, alpha_syn=alpha_syn)
    got = PATHS[path](lif, ours)
    assert 0.05 < expected.mean() < 0.9
    torch.testing.assert_close(got, expected, rtol=1e-12, atol=1e-12)
    weighted_sum(got).backward()
    weighted_sum(expected).backward()
    for name, tensor in tensors.items():
        assert tensor.grad.abs().max() > 1e-3
        torch.testing.assert_close(getattr(lif, name).grad, tensor.grad, rtol=1e-9, atol=1e-9)
    if x_learns:
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-9, atol=1e-9)


@every_path
@pytest.mark.parametrize("value", [0.8, PER_NEURON["v_th"]])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16])
def test_a_threshold_put_there_by_hand_is_learnt(path, value, dtype):
    x = torch.from_numpy(inputs(13, scale=0.5)).float()
    lif = LIF(alpha=0.5)
    lif.v_th = nn.Parameter(torch.tensor(value, dtype=dtype))
    exact = lif.v_th.detach().tolist()
    expected, tensors = expected_of(path, x.double(), {"alpha": 0.5, "v_th": exact})
    got = PATHS[path](lif, x)
    assert got.dtype == torch.float32
    torch.testing.assert_close(got.double(), expected, rtol=1e-6, atol=1e-6)
    weighted_sum(got).backward()
    weighted_sum(expected).backward()
    assert lif.v_th.grad.dtype == dtype
    wanted, tolerance = tensors["v_th"].grad, 1e-2 if dtype == torch.float16 else 1e-4
    assert wanted.abs().max() > 0.1
    torch.testing.assert_close(lif.v_th.grad.double(), wanted, rtol=tolerance, atol=tolerance)


@every_path
@pytest.mark.parametrize("per_neuron", [False, True])
def test_a_changed_buffer_is_what_neurons_compute_with(path, per_neuron):
    numbers = PER_NEURON if per_neuron else SCALARS
    x, lif = torch.from_numpy(inputs(14)), LIF(alpha=0.1, v_th=3.0).double()
    before = PATHS[path](lif, x)
    lif.alpha = torch.tensor(numbers["alpha"], dtype=torch.float64)
    lif.v_th = torch.tensor(numbers["v_th"], dtype=torch.float64)
    expected, _ = expected_of(path, x, numbers)
    got = PATHS[path](lif, x)
    assert not torch.equal(got, before)
    torch.testing.assert_close(got, expected.detach(), rtol=1e-12, atol=1e-12)


def test_numbers_per_neuron_are_neurons_side_by_side():
    x = inputs(15)
    alpha, v_th = (np.array(PER_NEURON[name]) for name in ("alpha", "v_th"))
    voltages, spikes = naive.lif_eq1(x, alpha, v_th)
    lif = LIF(alpha, torch.from_numpy(v_th))
    got, state = lif(torch.from_numpy(x))
    np.testing.assert_array_equal(got, spikes)
    # Their numbers are float32.
    np.testing.assert_allclose(state.v, (voltages * (1 - spikes))[-1], rtol=1e-5, atol=1e-6)


def test_where_no_neuron_fires_gradients_are_finite_differences():
    # Potentials stay further than 1 below the threshold, where the surrogate is 0.
    x = (torch.from_numpy(inputs(16)) * 0.5).requires_grad_()
    lif = LIF(v_th=50.0).double()

    def last_potential(x, alpha):
        moved = copy.deepcopy(lif)
        del moved.alpha
        moved.alpha = alpha
        return moved(x)[1].v

    for alpha in (torch.tensor(0.7), torch.tensor(PER_NEURON["alpha"]).clamp(min=0.1)):
        assert torch.autograd.gradcheck(last_potential, (x, alpha.double().requires_grad_()))


def count_kernel_calls(monkeypatch):
    calls = []
    for name in ("lif_over_time", "lif_rate"):
        kernel = getattr(neuron_module, name)
        monkeypatch.setattr(
            neuron_module, name, lambda *a, kernel=kernel, **k: calls.append(1) or kernel(*a, **k)
        )
    return calls


KERNEL_PATHS = [path for path in PATHS if path != "step"]


@pytest.mark.parametrize("path", KERNEL_PATHS)
def test_plain_neurons_run_in_the_kernel_with_norse_s_numbers(path, monkeypatch):
    calls = count_kernel_calls(monkeypatch)
    x, lif = torch.from_numpy(inputs(17)).float(), LIF(0.7, 0.8)
    got = PATHS[path](lif, x)
    assert len(calls) == 1
    lif.v_th = nn.Parameter(lif.v_th)
    stepped = PATHS[path](lif, x)
    assert len(calls) == 1
    assert 0.05 < got.mean() < 0.6
    assert torch.equal(got, stepped) if path != "rate" else torch.allclose(got, stepped)
    with torch.no_grad():
        assert torch.equal(PATHS[path](lif, x), got)
    assert len(calls) == 2
    PATHS[path](lif.requires_grad_(False), x)
    assert len(calls) == 3


@every_path
@pytest.mark.parametrize("numbers", [{"alpha": 0.7}, {"alpha": [0.7] * N}])
def test_a_graph_in_place_of_a_parameter_is_followed(path, numbers):
    """As torch's parametrizations put it there: a tensor that is no Parameter."""
    lif, raw = LIF(**numbers), torch.zeros((), requires_grad=True)
    del lif.v_th
    lif.v_th = torch.exp(raw)
    PATHS[path](lif, torch.from_numpy(inputs(18))).sum().backward()
    assert raw.grad.abs() > 0.1


@pytest.mark.parametrize("name", ["alpha", "v_th"])
@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("per_neuron", [False, True])
@pytest.mark.parametrize("learn", [(), ("alpha", "v_th")])
def test_numbers_that_left_their_range_are_named(name, path, per_neuron, learn):
    x = torch.from_numpy(inputs(19)).float()
    for value in (-0.5, float("nan"), *((1.0, 1.5) if name == "alpha" else (0.0, float("inf")))):
        lif = LIF(**(PER_NEURON if per_neuron else SCALARS), learn=learn)
        with torch.no_grad():
            getattr(lif, name).view(-1)[-1] = value
        with pytest.raises(ValueError, match=rf"^{name} must stay .*got .*{value:g}"):
            PATHS[path](lif, x)


@every_path
@pytest.mark.parametrize("shape", [(4,), (BATCH,), (BATCH, N)])
def test_numbers_of_another_width_are_named(path, shape):
    lif = LIF()
    lif.v_th = nn.Parameter(torch.ones(shape))
    message = (
        r"^v_th must be a number or one value per neuron, got shape .* input of shape \(3, 5\)"
    )
    with pytest.raises(ValueError, match=message):
        PATHS[path](lif, torch.from_numpy(inputs()))


@pytest.mark.parametrize("shape", [(1,), (1, 1)])
def test_one_value_in_an_array_is_one_for_all(shape):
    x, lif = torch.from_numpy(inputs(20)), LIF(0.5, 0.75)
    expected = lif(x)[0]
    lif.v_th = nn.Parameter(torch.full(shape, 0.75))
    got = lif(x)[0]
    got.sum().backward()
    assert torch.equal(got, expected)
    assert lif.v_th.grad.shape == shape


@every_path
@pytest.mark.parametrize("model", ["box", "current"])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("learn", [(), ("alpha", "v_th")])
def test_narrow_inputs_are_computed_in_float32(path, model, dtype, learn):
    x = torch.from_numpy(inputs(21)).to(dtype)
    lif = LIF(0.7, 0.8, model=model, learn=learn)
    expected = PATHS[path](lif, x.float())
    got = PATHS[path](lif, x.requires_grad_())
    assert got.dtype == dtype
    assert torch.equal(got, expected.to(dtype))
    got.sum().backward()
    assert x.grad.dtype == dtype
    assert x.grad.isfinite().all()
    assert x.grad.abs().sum() > 0


@pytest.mark.parametrize("model", ["box", "current"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("of_numbers", [torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("learn", [(), ("alpha", "v_th")])
def test_the_type_of_the_input_is_that_of_the_output(model, dtype, of_numbers, learn):
    lif = LIF([0.5] * N, 0.75, model=model, learn=learn).to(of_numbers)
    assert lif.alpha.dtype == of_numbers
    for values in (lif.alpha, lif.v_th):
        assert isinstance(values, nn.Parameter) == bool(learn)
    x = torch.from_numpy(inputs(22)).to(dtype)
    spikes, state = lif(x)
    assert (spikes.dtype, state.v.dtype) == (dtype, dtype)
    assert torch.equal(spikes, LIF(0.5, 0.75, model=model)(x)[0])


def test_autocast_neurons_answer_in_the_type_they_are_asked_in():
    linear, lif = nn.Linear(N, N), LIF(learn=("v_th",))
    x = torch.from_numpy(inputs(23, scale=3.0)).float()
    with torch.autocast("cpu", torch.bfloat16):
        current = linear(x)
        spikes, _ = lif(current)
        single, _ = lif(current.float())
    assert spikes.dtype == torch.bfloat16
    assert torch.equal(spikes.float(), single)
    assert 0 < spikes.float().mean() < 1
    spikes.float().sum().backward()
    assert lif.v_th.grad.abs() > 0


@pytest.mark.parametrize("dtype", [torch.int64, torch.uint8, torch.bool, torch.complex64])
def test_inputs_that_are_no_real_numbers_are_refused(dtype):
    with pytest.raises(ValueError, match=r"^x must be of floating point, got torch\."):
        LIF()(torch.ones(2, 3, N, dtype=dtype))


@pytest.mark.parametrize("run", [lambda lif, x: lif(x, steps=0), lambda lif, x: lif.rate(x, 0)])
@pytest.mark.parametrize("learn", [(), ("v_th",)])
def test_no_steps_of_a_constant_input_are_refused(run, learn):
    with pytest.raises(ValueError, match=r"^steps must be at least 1"):
        run(LIF(learn=learn), torch.ones(2, N))


def test_a_state_without_a_current_is_refused_by_the_current_model():
    x = torch.ones(2, 3, N)
    with pytest.raises(ValueError, match=r"^state must hold a synaptic current"):
        LIF(model="current")(x, LIF()(x)[1])


@pytest.mark.parametrize("learn", [(), ("v_th",), ("v_th", "alpha")])
@pytest.mark.parametrize("numbers", [SCALARS, PER_NEURON])
def test_settings_are_the_neurons_as_they_are(learn, numbers):
    lif = LIF(alpha=0.5, v_th=1.0, model="current", alpha_syn=0.3, surrogate="tanh", learn=learn)
    assert lif.settings == {
        "alpha": 0.5,
        "v_th": 1.0,
        "model": "current",
        "alpha_syn": 0.3,
        "surrogate": "tanh",
        "surrogate_alpha": 1.0,
        "learn": sorted(learn),
    }
    for name, value in numbers.items():
        kind = nn.Parameter if name in learn else torch.Tensor
        setattr(lif, name, kind(torch.tensor(value)))
    settings = json.loads(json.dumps(lif.settings))
    assert {name: settings[name] for name in numbers} == numbers
    again = LIF(**settings)
    assert again.settings == lif.settings
    assert dict(again.named_parameters()).keys() == dict(lif.named_parameters()).keys()
    assert all(
        torch.equal(a, b)
        for a, b in zip(again.state_dict().values(), lif.state_dict().values(), strict=True)
    )


@given(st.floats(2.0**-100, 2.0**100, width=32))
def test_settings_lose_no_bit_of_a_float32(value):
    lif = LIF()
    lif.v_th = torch.tensor(value)
    assert torch.equal(LIF(**lif.settings).v_th, lif.v_th)


def test_settings_put_there_by_hand_are_listed_as_learnt():
    lif = LIF()
    lif.v_th = nn.Parameter(torch.tensor([0.5, 2.0]))
    assert lif.settings["learn"] == ["v_th"]
    assert lif.settings["v_th"] == [0.5, 2.0]
    assert "v_th=2 values (learnt)" in repr(lif)
    assert "alpha=0.5," in repr(lif)


def copies_of(lif):
    file = io.BytesIO()
    torch.save(lif, file)
    file.seek(0)
    fresh = LIF(lif.alpha.tolist(), [1.0] * N, learn=("v_th",))
    fresh.load_state_dict(lif.state_dict())
    return {
        "deepcopy": copy.deepcopy(lif),
        "pickle": pickle.loads(pickle.dumps(lif)),
        "torch.save": torch.load(file, weights_only=False),
        "state_dict": fresh,
    }


@pytest.mark.parametrize("how", ["deepcopy", "pickle", "torch.save", "state_dict"])
def test_copies_compute_and_learn_on_their_own(how):
    x, lif = torch.from_numpy(inputs(24)).float(), LIF(0.3)
    lif.v_th = nn.Parameter(torch.tensor(PER_NEURON["v_th"]))
    other = copies_of(lif)[how]
    assert torch.equal(other(x)[0], lif(x)[0])
    other(x)[0].sum().backward()
    assert other.v_th.grad.abs().sum() > 0
    assert lif.v_th.grad is None


def test_a_state_of_another_width_is_refused():
    with pytest.raises(RuntimeError, match="size mismatch for v_th"):
        LIF().load_state_dict(LIF(v_th=[1.0, 2.0]).state_dict())


def test_an_optimizer_moves_the_threshold_towards_the_rate_wanted():
    x, lif = torch.from_numpy(inputs(25)).float(), LIF(v_th=1.75, learn=("v_th",))
    optimizer = torch.optim.SGD(lif.parameters(), 1.0)
    before = lif(x)[0].mean().item()
    for _ in range(30):
        optimizer.zero_grad()
        (lif(x)[0].mean() - 0.3).square().backward()
        optimizer.step()
    assert before < 0.1
    assert abs(lif(x)[0].mean().item() - 0.3) < 0.05


def test_numbers_alone_are_no_module_to_call():
    numbers, x = LIFNumbers(0.7, 0.8), torch.from_numpy(inputs(26)).float()
    assert torch.equal(numbers.run(x)[0], LIF(0.7, 0.8)(x)[0])
    with pytest.raises(NotImplementedError):
        numbers(x)


def test_neurons_trace_shapes_without_numbers():
    lif = LIF(v_th=[1.0] * N, learn=("v_th",)).to("meta")
    spikes, state = lif(torch.zeros(T, BATCH, N, device="meta"))
    assert (spikes.shape, state.v.shape) == ((T, BATCH, N), (BATCH, N))
    assert "v_th=5 values" in repr(lif)


# Where torch resumes behind a graph break it looks at .grad of what the neurons returned.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor:UserWarning")
@every_path
@pytest.mark.parametrize("learn", [(), ("v_th",)])
def test_compiled_code_gives_the_same_numbers(path, learn):
    x, lif = torch.from_numpy(inputs(27)).float(), LIF(0.7, 0.8, learn=learn)
    compiled = torch.compile(lambda x: PATHS[path](lif, 2 * x) + 1, backend="eager")
    assert torch.equal(compiled(x), PATHS[path](lif, 2 * x) + 1)
