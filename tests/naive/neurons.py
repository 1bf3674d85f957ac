"""The neuron of CH-SNN eq. 1 and the spike encoder (definitions.md 3)."""

import numpy as np

from tests.naive.graphs import Array


def lif_eq1(
    x: Array, alpha: float | Array, theta: float | Array, weight: Array | None = None
) -> tuple[Array, Array]:
    """CH-SNN eq. 1: v(t+1) = (1 - z(t)) alpha v(t) + W x(t+1), z = [v > theta] (definitions.md 3).

    x is (T,) or (T, n_in), `weight` (n_in, n_out) or None for the identity; v and z start at 0.
    `alpha` and `theta` are one number or one per neuron. Returns the voltages before the reset
    and the spikes (0/1), time first.
    """
    x = np.asarray(x, dtype=float)
    current = x if weight is None else np.stack([step @ weight for step in x])
    voltages, spikes = np.zeros_like(current), np.zeros_like(current)
    v = z = np.zeros(current.shape[1:])
    for t in range(len(current)):
        v = (1 - z) * alpha * v + current[t]
        z = np.where(v > theta, 1.0, 0.0)
        voltages[t], spikes[t] = v, z
    return voltages, spikes


def evenly_spaced_spikes(rate: float | Array, steps: int) -> Array:
    """Integrate-and-fire encoder of a constant current: (T, ...) 0/1 spikes (definitions.md 3).

    State: the membrane starts at 0.5. Each step adds `rate`; when it is then >= 1 - 1e-9 the
    neuron spikes and 1 is subtracted, so T steps hold floor(0.5 + rate T) spikes.
    """
    rate = np.asarray(rate, dtype=float)
    spikes = np.zeros((steps, *rate.shape))
    membrane = np.full(rate.shape, 0.5)
    for t in range(steps):
        membrane = membrane + rate
        spikes[t] = membrane >= 1 - 1e-9
        membrane = membrane - spikes[t]
    return spikes
