"""LIF over all steps at once, against Norse stepped over time."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from norse.torch.functional.lif_box import (
    LIFBoxFeedForwardState,
    LIFBoxParameters,
    lif_box_feed_forward_step,
)

from chsnn.neurons import SURROGATES
from chsnn.ops import (
    lif_over_time,
)
from tests.chsnn.tensors import (
    DTYPES,
    LAYOUTS,
    assert_all_close,
    assert_all_equal,
    gradients,
    laid_out,
    real,
)

SEEDS = st.integers(0, 2**32 - 1)


def norse_stepped(x, alpha, theta=1.0, method="super", width=100.0, v0=None):
    """Spikes and last voltage of Norse's box step, one call per time step."""
    d, zero = 1 - torch.tensor(alpha, dtype=x.dtype), torch.zeros((), dtype=x.dtype)
    theta = torch.tensor(theta, dtype=x.dtype)
    parameters = LIFBoxParameters(
        tau_mem_inv=d, v_leak=zero, v_reset=zero, v_th=theta, method=method, alpha=width
    )
    state, out = LIFBoxFeedForwardState(v=torch.zeros_like(x[0]) if v0 is None else v0), []
    for step in x:
        z, state = lif_box_feed_forward_step(step / d, state, parameters, dt=1.0)
        out.append(z)
    return torch.stack(out), state.v


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("surrogate", SURROGATES)
def test_lif_over_time_is_norse_stepped(surrogate, layout):
    x = laid_out(real(9, 40, 70) * 0.8, layout).requires_grad_()
    v0 = (real(40, 70, seed=1) * 0.3).requires_grad_()
    z, v = lif_over_time(x, 0.7, 0.9, surrogate, 2.0, v0=v0)
    expected_z, expected_v = norse_stepped(x, 0.7, 0.9, surrogate, 2.0, v0)
    assert_all_equal((z, v), (expected_z, expected_v))
    assert 0.05 < z.mean() < 0.5
    g = real(9, 40, 70, seed=2), real(40, 70, seed=3)
    got = torch.autograd.grad((z, v), (x, v0), g)
    want = torch.autograd.grad((expected_z, expected_v), (x, v0), g)
    assert_all_close(got, want, 2e-6)


@given(
    st.sampled_from(SURROGATES),
    st.sampled_from(DTYPES),
    st.sampled_from(LAYOUTS),
    st.lists(st.integers(0, 4), min_size=1, max_size=3),
    st.integers(1, 7),
    st.floats(0, 0.99),
    st.floats(0.1, 2),
    st.floats(0.3, 5),
    SEEDS,
)
def test_any_neuron_is_norse_stepped(
    surrogate, dtype, layout, shape, steps, alpha, theta, width, seed
):
    x = laid_out(real(steps, *shape, seed=seed, dtype=dtype), layout).requires_grad_()
    z, v = lif_over_time(x, alpha, theta, surrogate, width)
    expected_z, expected_v = norse_stepped(x, alpha, theta, surrogate, width)
    assert_all_equal((z, v), (expected_z, expected_v))
    got, want = gradients(z, (x,)), gradients(expected_z, (x,))
    # Voltages may be large where the gradient passes a reset: dv/dz = -u.
    scale = 1 + max((float(g.abs().max()) for g in want if g.numel()), default=0.0)
    assert_all_close([g / scale for g in got], [g / scale for g in want], 1e-5)


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_superspike_gradient_is_norses_bit_for_bit(dtype):
    x = (real(8, 33, 17, dtype=dtype) * 0.8).requires_grad_()
    expected, _ = norse_stepped(x, 0.7)
    assert_all_equal(gradients(lif_over_time(x, 0.7)[0], (x,)), gradients(expected, (x,)))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("steps", [1, 3, 200])
def test_a_constant_current_stands_for_all_steps(steps, layout):
    image = laid_out(real(5, 11).abs(), layout).requires_grad_()
    settings = (0.8, 1.0, "triangle", 0.5)
    expected_z, expected_v = norse_stepped(image.expand(steps, 5, 11), *settings)
    want = gradients(expected_z, (image,))
    for z, v in (
        lif_over_time(image, *settings, steps=steps),
        lif_over_time(image.expand(steps, 5, 11), *settings),
    ):
        assert_all_equal((z, v), (expected_z, expected_v))
        assert_all_close(gradients(z, (image,)), want, 1e-5)


def test_the_golden_trajectory_of_equation_1():
    x = torch.tensor([0.5, 0.5, 0.5, 0.25, 1.0, -0.25, 0.875]).view(-1, 1)
    voltages = [lif_over_time(x[: t + 1], 0.5, 0.75)[1].item() for t in range(7)]
    assert lif_over_time(x, 0.5, 0.75)[0].flatten().tolist() == [0, 0, 1, 0, 1, 0, 0]
    assert voltages == [0.5, 0.75, 0, 0.25, 0, -0.25, 0.75]


def test_without_leak_inputs_add_up():
    z, v = lif_over_time(torch.full((4, 1), 0.6), 1.0)
    assert z.flatten().tolist() == [0, 1, 0, 1]
    assert v.item() == 0


def test_time_may_be_cut_in_two():
    x, v0 = real(9, 4, 6).requires_grad_(), torch.tensor(0.25, requires_grad=True)
    z, v = lif_over_time(x, 0.5, v0=v0)
    first, between = lif_over_time(x[:4], 0.5, v0=v0)
    second, last = lif_over_time(x[4:], 0.5, v0=between)
    assert_all_equal((torch.cat([first, second]), last), (z, v))
    together = torch.autograd.grad(z.sum() + v.sum(), (x, v0))
    apart = torch.autograd.grad(first.sum() + second.sum() + last.sum(), (x, v0))
    assert_all_close(apart, together, 1e-6)


def test_no_step_leaves_the_voltage_alone():
    v0 = real(3, 4)
    z, v = lif_over_time(torch.zeros(0, 3, 4), 0.5, v0=v0)
    assert z.shape == (0, 3, 4)
    assert torch.equal(v, v0)
