"""The discrete power-law fit (Clauset et al. 2009; conventions of definitions.md 7)."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import zeta


class Fit(NamedTuple):
    """Exponent (uncorrected), xmin and Kolmogorov-Smirnov distance."""

    exponent: float
    xmin: int
    distance: float


def exponent_from(values: Sequence[int], xmin: int) -> float:
    """The most likely exponent of 1.01, 1.02, ..., 10.00 for the values >= xmin."""
    tail = [value for value in values if value >= xmin]
    grid = np.arange(101, 1001) / 100
    logs = math.fsum(math.log(value) for value in tail)
    likelihood = -grid * logs - len(tail) * np.log(zeta(grid, xmin))
    return float(grid[int(np.argmax(likelihood))])


def distance_from(values: Sequence[int], xmin: int, exponent: float) -> float:
    """Largest difference of the two distribution functions at all integers xmin ... max."""
    tail = np.array([value for value in values if value >= xmin])
    worst = 0.0
    for x in range(xmin, int(tail.max()) + 1):
        fitted = 1.0 - zeta(exponent, x + 1) / zeta(exponent, xmin)
        worst = max(worst, abs(fitted - float((tail <= x).mean())))
    return worst


def power_law_fit(degrees: Sequence[int]) -> Fit | None:
    """The closest fit to the positive degrees; the largest is no xmin; None without one."""
    values = [degree for degree in degrees if degree > 0]
    fits = []
    for xmin in sorted(set(values))[:-1]:
        exponent = exponent_from(values, xmin)
        fits.append(Fit(exponent, xmin, distance_from(values, xmin, exponent)))
    return min(fits, key=lambda fit: fit.distance) if fits else None


def corrected(fit: Fit, degrees: Sequence[int]) -> float:
    """Below 100 nodes (isolated ones count) a (n - 1) / n + 1 / n, n = number of values >= xmin."""
    if len(degrees) >= 100:
        return fit.exponent
    n = sum(degree >= fit.xmin for degree in degrees)
    return fit.exponent * (n - 1) / n + 1 / n
