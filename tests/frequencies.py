"""How often something is to be drawn, and whether it was."""

import itertools

import numba
import numpy as np


def inclusion_chances(scores, k):
    """Chance of each item to be among k successive draws without replacement."""
    chance = np.zeros(len(scores))
    for order in itertools.permutations(range(len(scores)), k):
        left, probability = float(sum(scores)), 1.0
        for item in order:
            probability *= scores[item] / left
            left -= scores[item]
        chance[list(order)] += probability
    return chance


def assert_frequencies(count, draws, chance):
    """Counts agree with chances within 4.5 standard errors; what cannot happen never did."""
    error = np.sqrt(chance * (1 - chance) / draws)
    np.testing.assert_array_less(np.abs(count / draws - chance), 4.5 * error + 1e-12)


def n_draws(n):
    """Return how many draws to take: fewer where kernels are plain Python."""
    return max(n // 10, 30) if numba.config.DISABLE_JIT else n
