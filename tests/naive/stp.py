"""S-TP on a multilayer network, sample by sample and step by step, from its description alone."""

import numpy as np

from tests.naive.graphs import Array


def stp_gradients(
    x: Array,
    weights: list[Array],
    targets: Array,
    first_steps: Array,
    *,
    window: int,
    alpha: float,
    theta: float,
    height: float,
) -> list[Array]:
    """Gradients of the mean cross entropy, learnt from the window of every sample only.

    `x` (T, B, n_in) are spikes, `weights` (n_in, n_out) each; the last layer's potential, the mean
    of what it receives over the window, is the score. Surrogate: a box of that height and area 1.
    """
    steps, n_samples, _ = x.shape
    gradients = [np.zeros_like(w) for w in weights]
    for b in range(n_samples):
        inside = [first_steps[b] <= t < first_steps[b] + window for t in range(steps)]
        potentials, spikes = [], [x[:, b]]
        for w in weights[:-1]:
            u, z = np.zeros((steps, w.shape[1])), np.zeros((steps, w.shape[1]))
            v = np.zeros(w.shape[1])
            for t in range(steps):
                u[t] = alpha * v + spikes[-1][t] @ w
                z[t] = u[t] > theta
                v = (1 - z[t]) * u[t]
            potentials.append(u)
            spikes.append(z)
        mean = sum(spikes[-1][t] for t in range(steps) if inside[t]) / window
        scores = mean @ weights[-1]
        share = np.exp(scores - scores.max())
        error = share / share.sum()
        error[targets[b]] -= 1
        error /= n_samples
        gradients[-1] += np.outer(mean, error)
        down = [weights[-1] @ error / window if inside[t] else 0 for t in range(steps)]
        for i in range(len(weights) - 2, -1, -1):
            u, z = potentials[i], spikes[i + 1]
            from_later, errors = np.zeros(u.shape[1]), [0] * steps
            for t in reversed(range(steps)):
                slope = height * (np.abs(u[t] - theta) * 2 * height < 1)
                total = (down[t] - from_later * u[t]) * slope + from_later * (1 - z[t])
                errors[t] = total if inside[t] else np.zeros_like(total)
                from_later = alpha * total
            for t in range(steps):
                gradients[i] += np.outer(spikes[i][t], errors[t])
            down = [weights[i] @ e for e in errors]
    return gradients
