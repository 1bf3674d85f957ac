"""The leaky integrate-and-fire neuron, one time step or T of them; Norse does the arithmetic."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from norse.torch.functional.lif_box import (
    LIFBoxFeedForwardState,
    LIFBoxParameters,
    lif_box_feed_forward_step,
)
from torch import Tensor, nn

from chgraph.checks import check_choice, check_positive_float32, check_positive_int, check_real
from chsnn._neuron_values import (
    LEARNABLE,
    as_number,
    as_tensor,
    check_decay,
    check_learn,
    check_ranges,
    for_width,
    precision,
    shown,
)
from chsnn._plain_operations import (
    NO_SCRIPT,
    breaks_graphs,
    needs_plain_operations,
)
from chsnn._steps import spike_of, step_with
from chsnn.ops import lif_over_time, lif_rate
from chsnn.ops.layout import check_dense

Model = Literal["box", "current"]
Surrogate = Literal["triangle", "tanh", "circ", "heavi_erfc", "super", "box"]
MODELS = ("box", "current")
SURROGATES = ("triangle", "tanh", "circ", "heavi_erfc", "super", "box")
FIXED = ("model", "alpha_syn", "surrogate", "surrogate_alpha")
NO_CURRENT = "state must hold a synaptic current i in the current model, got None"
Numbers = float | Sequence[float] | np.ndarray | Tensor


class LIFState(NamedTuple):
    """Membrane potential `v` (after reset) and synaptic current `i` (None in the box model).

    In the precision that the neurons compute in: float32 for inputs narrower than that, so that
    a run cut in two is the same run.
    """

    v: Tensor
    i: Tensor | None


class LIFNumbers(nn.Module):
    """What :class:`LIF` neurons compute with, and how they do it; the arguments are the same.

    For a layer with its neurons in it: this is not a module to call, so no hook waits for a call.
    """

    def __init__(
        self,
        alpha: Numbers = 0.5,
        v_th: Numbers = 1.0,
        *,
        tau_mem: float | None = None,
        model: Model = "box",
        alpha_syn: float = 0.5,
        surrogate: Surrogate = "triangle",
        surrogate_alpha: float = 1.0,
        learn: Iterable[str] = (),
    ) -> None:
        super().__init__()
        if tau_mem is not None:
            # Above 2**24 steps the decay is 1 in float32.
            alpha = 1.0 - 1.0 / check_real("tau_mem", tau_mem, minimum=1.0, below=2.0**24)
        # Norse's parameters are not tensors of a module: own the numbers here, pass them on.
        values = {
            "alpha": as_tensor("alpha", alpha, check_decay),
            "v_th": as_tensor("v_th", v_th, check_positive_float32),
        }
        self.alpha_syn = check_real("alpha_syn", alpha_syn, minimum=0.0, below=1.0)
        self.surrogate_alpha = check_positive_float32("surrogate_alpha", surrogate_alpha)
        check_choice("model", model, MODELS)
        check_choice("surrogate", surrogate, SURROGATES)
        self.model: Model = model
        self.surrogate: Surrogate = surrogate
        learnt = check_learn(learn)
        for name, tensor in values.items():
            if name in learnt:
                self.register_parameter(name, nn.Parameter(tensor))
            else:
                self.register_buffer(name, tensor)
        self.alpha: Tensor
        self.v_th: Tensor

    @property
    def settings(self) -> dict[str, Any]:
        """What ``LIF(**settings)`` rebuilds these neurons from, as they are now; JSON-ready.

        A list for one value per neuron; "learn" names what is a Parameter.
        """
        return {
            "alpha": as_number(self.alpha),
            "v_th": as_number(self.v_th),
            **{name: getattr(self, name) for name in FIXED},
            "learn": [n for n in LEARNABLE if isinstance(getattr(self, n), nn.Parameter)],
        }

    def run(
        self, x: Tensor, state: LIFState | None = None, *, steps: int | None = None
    ) -> tuple[Tensor, LIFState]:
        """Run the neurons over time; see :meth:`LIF.forward`."""
        if steps is not None:
            steps = check_positive_int("steps", steps)
        if breaks_graphs():  # kernels cannot be traced, nor checks of values
            return torch.compiler.disable(self.run)(x, state, steps=steps)
        check_dense("x", x)
        if self.fits_kernel(x) and x.shape[0] > 0:
            v0 = None if state is None else state.v
            spikes, v = lif_over_time(x, **self.kernel_settings(), v0=v0, steps=steps)
            return spikes, LIFState(v, None)
        if steps is not None:
            x = x.expand(steps, *x.shape)
        parameters = self._norse_parameters(x.dtype, x.shape[1:])
        if x.shape[0] == 0:
            return x, self.initial_state(x) if state is None else state
        stepped = []
        for x_t in x:
            z, state = self._step(x_t, state, parameters)
            stepped.append(z)
        assert state is not None
        return torch.stack(stepped), state

    def fits_kernel(self, x: Tensor) -> bool:
        """Whether the fused CPU kernel serves: box model, plain numbers, nothing learnt now."""
        return (
            self.model == "box"
            and x.device.type == "cpu"
            and x.dtype in (torch.float32, torch.float64)
            and self._has_plain_numbers()
            and not needs_plain_operations()
        )

    def _has_plain_numbers(self) -> bool:
        """Whether `alpha` and `v_th` are one number each that no gradient is asked for."""
        alpha, v_th = self.alpha, self.v_th
        is_learnt = (alpha.requires_grad or v_th.requires_grad) and torch.is_grad_enabled()
        return alpha.numel() == v_th.numel() == 1 and not is_learnt

    def kernel_settings(self) -> dict[str, Any]:
        """Return the neurons' numbers as the operations of :mod:`chsnn.ops` take them.

        Raises
        ------
        ValueError
            If `alpha` or `v_th` has left its range.
        """
        alpha, v_th = self.alpha.item(), self.v_th.item()
        if not (0.0 <= alpha < 1.0 and 0.0 < v_th < math.inf):
            check_ranges(self.alpha, self.v_th)  # raises
        return {
            "alpha": alpha,
            "theta": v_th,
            "method": self.surrogate,
            "surrogate_alpha": self.surrogate_alpha,
        }

    def rate(self, x: Tensor, steps: int) -> Tensor:
        """Return the mean spikes over time, from rest, for an input (B, n) shown `steps` times.

        The numbers of ``run(x, steps=steps)[0].mean(dim=0)``; the kernel writes no spikes down.
        """
        steps = check_positive_int("steps", steps)
        if breaks_graphs():
            return torch.compiler.disable(self.rate)(x, steps)
        if self.fits_kernel(x):
            return lif_rate(x, **self.kernel_settings(), steps=steps)
        return self.run(x, steps=steps)[0].mean(dim=0)

    def step(self, x: Tensor, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
        """Run one time step: input (B, n) to spikes (B, n) and the state after it."""
        if breaks_graphs():
            return torch.compiler.disable(self.step)(x, state)
        check_dense("x", x)
        return self._step(x, state, self._norse_parameters(x.dtype, x.shape))

    def _norse_parameters(
        self, dtype: torch.dtype, shape: torch.Size
    ) -> LIFBoxParameters | LIFParameters:
        """Return Norse's parameters for an input of one step, checked.

        Its type decides the precision of everything, that of the parameters nothing.
        """
        if not dtype.is_floating_point:
            raise ValueError(f"x must be of floating point, got {dtype}")
        number = precision(dtype)
        alpha = for_width("alpha", self.alpha, shape).to(number)
        v_th = for_width("v_th", self.v_th, shape).to(number)
        if not needs_plain_operations():  # which have numbers to look at only when they are run
            check_ranges(alpha, v_th)
        p = {"v_th": v_th, "method": self.surrogate, "alpha": self.surrogate_alpha}
        p["tau_mem_inv"] = 1.0 - alpha
        if self.model == "box":
            return LIFBoxParameters(**p)
        tau_syn_inv = torch.tensor(1.0 - self.alpha_syn, dtype=number)
        return LIFParameters(tau_syn_inv=tau_syn_inv, **p)

    def _step(
        self, x: Tensor, state: LIFState | None, parameters: LIFBoxParameters | LIFParameters
    ) -> tuple[Tensor, LIFState]:
        v, i = self.initial_state(x[None]) if state is None else state
        gain = parameters.tau_mem_inv
        v, current = v.to(gain.dtype), x.to(gain.dtype) / gain
        if self.surrogate == "box" or needs_plain_operations():
            if self.model == "current" and i is None:
                raise ValueError(NO_CURRENT)
            before = None if i is None else i.to(gain.dtype)
            z, v, i = step_with(spike_of(self.surrogate), current, v, before, parameters)
            return z.to(x.dtype), LIFState(v, i)
        if self.model == "box":
            at_rest = LIFBoxFeedForwardState(v)
            z, after = lif_box_feed_forward_step(current, at_rest, parameters, dt=1.0)
            return z.to(x.dtype), LIFState(after.v, None)
        if i is None:
            raise ValueError(NO_CURRENT)
        filtered = LIFFeedForwardState(v, i.to(gain.dtype))
        z, after = lif_feed_forward_step(current, filtered, parameters, dt=1.0)
        return z.to(x.dtype), LIFState(after.v, after.i)

    def initial_state(self, x: Tensor) -> LIFState:
        """Return the state at rest for an input of shape (T, B, n)."""
        rest = x.new_zeros(x.shape[1:], dtype=precision(x.dtype))
        return LIFState(rest, None if self.model == "box" else rest)

    def __prepare_scriptable__(self) -> nn.Module:
        """Refuse torch.jit.script, which asks here."""
        raise TypeError(NO_SCRIPT)

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        numbers = [f"{name}={shown(getattr(self, name))}" for name in LEARNABLE]
        return ", ".join([*numbers, *(f"{name}={getattr(self, name)}" for name in FIXED)])


class LIF(LIFNumbers):
    r"""A layer of leaky integrate-and-fire neurons.

    The box model (no synaptic current) is

    .. math::
        v(t+1) = (1 - z(t))\, \alpha\, v(t) + x(t+1), \qquad z(t) = [v(t) > v_\mathrm{th}]

    with reset to 0 and no spike at the threshold itself. The current model filters the
    input first: i(t+1) = alpha_syn i(t) + x(t+1) takes the place of x (Norse's
    current-based LIF, which decays the current after its jump).

    Parameters
    ----------
    alpha : float or array_like, shape (n,)
        Decay of the membrane potential per step, in [0, 1); one for all neurons or one per
        neuron (the last axis of the input).
    v_th : float or array_like, shape (n,)
        Firing threshold, above 0; one for all neurons or one per neuron.
    tau_mem : float, optional
        Membrane time constant in steps, at least 1, in place of `alpha` = 1 - 1 / tau_mem.
    model : {"box", "current"}
    alpha_syn : float
        Decay of the synaptic current per step, in [0, 1); current model only.
    surrogate : {"triangle", "tanh", "circ", "heavi_erfc", "super"}
        Norse's surrogate gradient of the spike.
    surrogate_alpha : float
        Its parameter, above 0. Norse 1.1 ignores it for "super".
    learn : iterable of {"alpha", "v_th"}
        What is a Parameter; the rest are buffers.

    Attributes
    ----------
    alpha, v_th : Tensor or Parameter, shape () or (n,)
        What the neurons compute with. Another Parameter or value may be put there.

    Raises
    ------
    ValueError
        If a value is out of range, or float32 cannot hold it.
    TypeError
        If a value is not a number.

    Notes
    -----
    The spike in the reset is part of the gradient, as in Norse's feed-forward steps.

    Scalars that nobody learns run in one fused kernel on the CPU; a Parameter under gradient, one
    value per neuron, the current model, half precision and other devices run Norse's steps, with
    the same numbers. Nothing keeps a learnt value in its range: a step that leaves it raises
    ValueError at the next forward pass.

    References
    ----------
    CH-SNN, arXiv 2511.05581, equation 1. Norse: ``lif_box_feed_forward_step`` with
    dt * tau_mem_inv = 1 - alpha and the input divided by it.

    Examples
    --------
    >>> neurons = LIF(alpha=0.5, v_th=1.0)
    >>> spikes, state = neurons(torch.tensor([[[0.8]], [[0.8]], [[0.8]]]))
    >>> spikes.flatten().tolist(), state.v.item()
    ([0.0, 1.0, 0.0], 0.8...)

    A threshold per neuron, learnt:

    >>> neurons = LIF(v_th=[0.5, 1.0], learn=["v_th"])
    >>> neurons.rate(torch.tensor([[0.75, 0.75]]), steps=1).sum().backward()
    >>> neurons.v_th.grad
    tensor([-0.7500, -0.7500])
    """

    def forward(
        self, x: Tensor, state: LIFState | None = None, *, steps: int | None = None
    ) -> tuple[Tensor, LIFState]:
        """Run the neurons over time.

        Parameters
        ----------
        x : Tensor, shape (T, B, n)
            Input of each step; with `steps` one input, shape (B, n), that is shown so often.
        state : LIFState, optional
            Where to start; rest by default.
        steps : int, optional
            Number of steps of a constant input, whose gradient is then summed on the way.

        Returns
        -------
        spikes : Tensor of 0 and 1, shape (T, B, n)
            In the type of `x`.
        state : LIFState
            After the last step.

        Raises
        ------
        ValueError
            If `x` is not of floating point, `steps` is below 1, or `alpha` or `v_th` has left its
            range or has another number of values than there are neurons.
        """
        return self.run(x, state, steps=steps)
