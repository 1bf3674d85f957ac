"""The leaky integrate-and-fire neuron, one time step or T of them; Norse does the arithmetic."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import torch
from norse.torch.functional.lif import LIFFeedForwardState, LIFParameters, lif_feed_forward_step
from norse.torch.functional.lif_box import (
    LIFBoxFeedForwardState,
    LIFBoxParameters,
    lif_box_feed_forward_step,
)
from torch import Tensor, nn

from chgraph.checks import check_choice, check_real
from chsnn.ops import lif_over_time, lif_rate

Model = Literal["box", "current"]
Surrogate = Literal["triangle", "tanh", "circ", "heavi_erfc", "super"]
MODELS = ("box", "current")
SURROGATES = ("triangle", "tanh", "circ", "heavi_erfc", "super")


class LIFState(NamedTuple):
    """Membrane potential `v` (after reset) and synaptic current `i` (None in the box model)."""

    v: Tensor
    i: Tensor | None


class LIF(nn.Module):
    r"""A layer of leaky integrate-and-fire neurons.

    The box model (no synaptic current) is

    .. math::
        v(t+1) = (1 - z(t))\, \alpha\, v(t) + x(t+1), \qquad z(t) = [v(t) > v_\mathrm{th}]

    with reset to 0 and no spike at the threshold itself. The current model filters the
    input first: i(t+1) = alpha_syn i(t) + x(t+1) takes the place of x (Norse's
    current-based LIF, which decays the current after its jump).

    Parameters
    ----------
    alpha : float
        Decay of the membrane potential per step, in [0, 1).
    v_th : float
        Firing threshold, above 0.
    tau_mem : float, optional
        Membrane time constant in steps, at least 1, in place of `alpha` = 1 - 1 / tau_mem.
    model : {"box", "current"}
    alpha_syn : float
        Decay of the synaptic current per step, in [0, 1); current model only.
    surrogate : {"triangle", "tanh", "circ", "heavi_erfc", "super"}
        Norse's surrogate gradient of the spike.
    surrogate_alpha : float
        Its parameter, above 0. Norse 1.1 ignores it for "super".

    Raises
    ------
    ValueError
        If a value is out of range.

    Notes
    -----
    The spike in the reset is part of the gradient, as in Norse's feed-forward steps.

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
    """

    def __init__(
        self,
        alpha: float = 0.5,
        v_th: float = 1.0,
        *,
        tau_mem: float | None = None,
        model: Model = "box",
        alpha_syn: float = 0.5,
        surrogate: Surrogate = "triangle",
        surrogate_alpha: float = 1.0,
    ) -> None:
        super().__init__()
        if tau_mem is not None:
            alpha = 1.0 - 1.0 / check_real("tau_mem", tau_mem, minimum=1.0)
        check_real("alpha", alpha, minimum=0.0, below=1.0)
        check_real("alpha_syn", alpha_syn, minimum=0.0, below=1.0)
        for name, value in (("v_th", v_th), ("surrogate_alpha", surrogate_alpha)):
            if check_real(name, value, minimum=0.0) == 0.0:
                raise ValueError(f"{name} must be above 0, got {value}")
        check_choice("model", model, MODELS)
        check_choice("surrogate", surrogate, SURROGATES)
        self.settings: dict[str, Any] = {
            "alpha": float(alpha),
            "v_th": float(v_th),
            "model": model,
            "alpha_syn": float(alpha_syn),
            "surrogate": surrogate,
            "surrogate_alpha": float(surrogate_alpha),
        }
        # Norse's parameters are no tensors of a module: own the numbers here, pass them on.
        self.register_buffer("alpha", torch.tensor(float(alpha)))
        self.register_buffer("v_th", torch.tensor(float(v_th)))
        self.alpha: Tensor
        self.v_th: Tensor

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
        state : LIFState
            After the last step.
        """
        if self.fits_kernel(x) and x.shape[0] > 0:
            return self._forward_fused(x, state, steps)
        if steps is not None:
            x = x.expand(steps, *x.shape)
        if x.shape[0] == 0:
            return x, self.initial_state(x) if state is None else state
        spikes = []
        for x_t in x:
            z, state = self.step(x_t, state)
            spikes.append(z)
        assert state is not None
        return torch.stack(spikes), state

    def fits_kernel(self, x: Tensor) -> bool:
        """Whether the fused CPU kernel serves: box model, plain numbers, no learnt parameter."""
        return (
            self.settings["model"] == "box"
            and x.device.type == "cpu"
            and x.dtype in (torch.float32, torch.float64)
        )

    def kernel_settings(self) -> dict[str, Any]:
        """Return the neurons' numbers as the operations of :mod:`chsnn.ops` take them."""
        return {
            "alpha": float(self.alpha),
            "theta": float(self.v_th),
            "method": self.settings["surrogate"],
            "surrogate_alpha": self.settings["surrogate_alpha"],
        }

    def _forward_fused(
        self, x: Tensor, state: LIFState | None, steps: int | None
    ) -> tuple[Tensor, LIFState]:
        """Run all steps in one kernel: the numbers of Norse's step, forward and gradient."""
        v0 = None if state is None else state.v
        spikes, v = lif_over_time(x, **self.kernel_settings(), v0=v0, steps=steps)
        return spikes, LIFState(v, None)

    def rate(self, x: Tensor, steps: int) -> Tensor:
        """Return the mean spikes over time, from rest, for an input (B, n) shown `steps` times.

        The numbers of ``forward(x, steps=steps)[0].mean(dim=0)`` without the spikes themselves.
        """
        if self.fits_kernel(x):
            return lif_rate(x, **self.kernel_settings(), steps=steps)
        return self(x, steps=steps)[0].mean(dim=0)

    def step(self, x: Tensor, state: LIFState | None = None) -> tuple[Tensor, LIFState]:
        """Run one time step: input (B, n) to spikes (B, n) and the state after it."""
        v, i = self.initial_state(x[None]) if state is None else state
        method, width = self.settings["surrogate"], self.settings["surrogate_alpha"]
        gain = 1.0 - self.alpha
        if self.settings["model"] == "box":
            box = LIFBoxParameters(tau_mem_inv=gain, v_th=self.v_th, method=method, alpha=width)
            z, after = lif_box_feed_forward_step(x / gain, LIFBoxFeedForwardState(v), box, dt=1.0)
            return z, LIFState(after.v, None)
        parameters = LIFParameters(
            tau_syn_inv=torch.as_tensor(1.0 - self.settings["alpha_syn"]),
            tau_mem_inv=gain,
            v_th=self.v_th,
            method=method,
            alpha=torch.as_tensor(width),
        )
        z, after = lif_feed_forward_step(x / gain, LIFFeedForwardState(v, i), parameters, dt=1.0)
        return z, LIFState(after.v, after.i)

    def initial_state(self, x: Tensor) -> LIFState:
        """Return the state at rest for an input of shape (T, B, n)."""
        rest = x.new_zeros(x.shape[1:])
        return LIFState(rest, None if self.settings["model"] == "box" else rest)

    def extra_repr(self) -> str:
        """Return the settings, for printing."""
        return ", ".join(f"{name}={value}" for name, value in self.settings.items())
