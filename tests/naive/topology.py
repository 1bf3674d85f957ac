"""Correlations of inputs, for SSCTI (definitions.md 3), and distances on a ring (BRF)."""

import itertools
import math
from fractions import Fraction

import numpy as np

from tests.naive.graphs import Array


def phi_matrix(spikes: Array) -> Array:
    """2 x 2 phi of each pair of inputs, 0 when one never or always fires (definitions.md 3)."""
    spikes = np.asarray(spikes, dtype=bool)
    n = spikes.shape[1]
    phi = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        n11 = int((spikes[:, i] & spikes[:, j]).sum())
        n10 = int((spikes[:, i] & ~spikes[:, j]).sum())
        n01 = int((~spikes[:, i] & spikes[:, j]).sum())
        n00 = int((~spikes[:, i] & ~spikes[:, j]).sum())
        product = (n11 + n10) * (n01 + n00) * (n11 + n01) * (n10 + n00)
        phi[i, j] = (n11 * n00 - n10 * n01) / math.sqrt(product) if product else 0.0
    return phi


def pearson_matrix(x: Array) -> Array:
    """Pearson r of each pair of columns of x (obs, n), 0 if one is constant (definitions.md 3)."""
    x = np.asarray(x, dtype=float)
    n = x.shape[1]
    centered = [[value - math.fsum(x[:, i]) / len(x) for value in x[:, i]] for i in range(n)]
    constant = [bool((x[:, i] == x[0, i]).all()) for i in range(n)]
    r = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        if not constant[i] and not constant[j]:
            covariance = math.fsum(a * b for a, b in zip(centered[i], centered[j], strict=True))
            norms = math.fsum(a * a for a in centered[i]), math.fsum(b * b for b in centered[j])
            r[i, j] = covariance / (math.sqrt(norms[0]) * math.sqrt(norms[1]))
    return r


def eq2_matrix(spikes: Array) -> Array:
    """CH-SNN eq. 2 as printed, sqrt(chi2_ij / (2 N T)) (definitions.md 3).

    chi2_ij = sum_t (x_i - E_i)^2 / E_i + the same of j, E the mean. It is 0/0 for an input that
    never fires: its pairs are 0. An input that always fires keeps the printed value.
    """
    spikes = np.asarray(spikes, dtype=float)
    observations, n = spikes.shape
    mean = [math.fsum(spikes[:, i]) / observations for i in range(n)]
    value = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        if mean[i] and mean[j]:
            chi2 = sum(math.fsum((spikes[:, k] - mean[k]) ** 2 / mean[k]) for k in (i, j))
            value[i, j] = math.sqrt(chi2 / (2 * observations))
    return value


def ring_distance(i: int, j: int, n_left: int, n_right: int) -> Fraction:
    """Steps from input to input between input i and output j, both layers on one ring.

    Node i of a layer of n lies at (i + 1/2) / n of the ring: min(|i - j|, |(i - M) - j|,
    |i - (j - N)|) after rescaling (definitions.md 9).
    """
    apart = abs(Fraction(2 * i + 1, 2 * n_left) - Fraction(2 * j + 1, 2 * n_right))
    return min(apart, 1 - apart) * n_left


def receptive_field_weights(j: int, n_left: int, n_right: int, r: float) -> Array:
    """(1 + d)^(-(1 - r) / r) of every input for output j (definitions.md 9)."""
    distance = [float(ring_distance(i, j, n_left, n_right)) for i in range(n_left)]
    return np.array([(1 + d) ** (-(1 - r) / r) for d in distance])
