"""The LIF neuron against equation 1, hand-made numbers, Norse, and gradients derived by hand."""

import numpy as np
import pytest
import torch
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from norse.torch.functional.lif_box import LIFBoxFeedForwardState, LIFBoxParameters
from norse.torch.module.lif_box import LIFBoxCell

from chsnn import LIF
from chsnn.neurons import SURROGATES
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


@pytest.mark.parametrize("surrogate", ["triangle", "tanh"])
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
