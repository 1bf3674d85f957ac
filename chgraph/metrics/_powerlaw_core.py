"""Fits of a discrete power law to sorted values, and to samples drawn from one.

P(X = x) = x^-a / zeta(a, xmin) for x >= xmin, with the Hurwitz zeta function.

Storeys: ``sample_distances`` (split over workers) -> ``_samples_of_worker`` -> ``best_fit``
-> ``_best_exponent``, ``_distance`` (one thread, no shared writes).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from chgraph.jit import Int, kernel, leaf
from chgraph.threads import run_workers

N_EXPONENTS = 900  # 1.01, 1.02, ..., 10.00
TABLE = 4096  # values of the fitted law that are looked up; larger ones are computed
LARGEST = 2.0**53
_SUMMED = 16  # zeta: terms summed one by one before the Euler-Maclaurin formula holds

# (2k)! / B_2k of the Euler-Maclaurin formula, k = 1, 2, ..., with the Bernoulli numbers B.
_DIVISORS = (
    12.0,
    -720.0,
    30240.0,
    -1209600.0,
    47900160.0,
    -1307674368000.0 / 691.0,
    74724249600.0,
    -10670622842880000.0 / 3617.0,
    5109094217170944000.0 / 43867.0,
    -802857662698291200000.0 / 174611.0,
    14101100039391805440000.0 / 77683.0,
    -1693824136731743669452800000.0 / 236364091.0,
)


class Draws(NamedTuple):
    """What a sample is made of: values below xmin, and the law from xmin on.

    ``tail[k]`` is P(X >= xmin + k), falling, TABLE + 1 of them; ``share`` of the values is
    of the tail; ``norm`` is zeta(exponent, xmin).
    """

    body: np.ndarray
    tail: np.ndarray
    share: float
    exponent: float
    xmin: float
    norm: float


class Values(NamedTuple):
    """Distinct values, ascending, and for each how many values, and the sum of their
    logarithms, are at least as large (with a 0 behind the last)."""

    value: np.ndarray
    n_from: np.ndarray
    logs_from: np.ndarray


@leaf
def zeta(exponent: float, q: float) -> float:
    """Return the Hurwitz zeta function, the sum of (q + k)^-exponent over k >= 0."""
    total, a = 0.0, q
    while a < _SUMMED:
        total += a**-exponent
        a += 1.0
    power = a**-exponent
    total += power * a / (exponent - 1.0) + 0.5 * power
    factor, k = exponent, 0.0
    power /= a
    for divisor in _DIVISORS:
        term = factor * power / divisor
        total += term
        if abs(term) < 1e-17 * total:
            break
        factor *= (exponent + k + 1.0) * (exponent + k + 2.0)
        power /= a * a
        k += 2.0
    return total


@leaf
def grid_exponent(index: Int) -> float:
    """Return an exponent of the grid, 1.01 to 10.00."""
    return (101.0 + index) / 100.0


@leaf
def _log_likelihood(index: Int, i: Int, values: Values) -> float:
    exponent = grid_exponent(index)
    norm = np.log(zeta(exponent, values.value[i]))
    return -exponent * values.logs_from[i] - values.n_from[i] * norm


@leaf
def _best_exponent(i: Int, values: Values) -> Int:
    """Return the grid's most likely exponent for the values from the i-th distinct one on.

    The likelihood has one maximum (log zeta is convex), so bisection finds it.
    """
    low, high = 0, N_EXPONENTS - 1
    while low < high:
        middle = (low + high) // 2
        if _log_likelihood(middle + 1, i, values) > _log_likelihood(middle, i, values):
            low = middle + 1
        else:
            high = middle
    return low


@leaf
def _distance(i: Int, exponent: float, enough: float, values: Values) -> float:
    """Return the Kolmogorov-Smirnov distance of fit and values from the i-th distinct one on.

    Between two values the empirical law rests and the fit rises: the largest difference is
    at a value or just before the next. Stops at any distance of `enough` or more.
    """
    norm, n = zeta(exponent, values.value[i]), values.n_from[i]
    worst = 0.0
    above = values.value[-1] + 1.0
    beyond = zeta(exponent, above)  # zeta(exponent, above), all the way down
    for j in range(values.value.size - 1, i - 1, -1):
        value = values.value[j]
        if above - value > _SUMMED:
            beyond = zeta(exponent, value + 1.0)
        else:
            while above > value + 1.0:
                above -= 1.0
                beyond += above**-exponent
        worst = max(worst, abs(values.n_from[j + 1] / n - beyond / norm))
        beyond += value**-exponent
        above = value
        if j > i:
            worst = max(worst, abs(values.n_from[j] / n - beyond / norm))
        if worst >= enough:
            break
    return worst


@leaf
def best_fit(values: Values) -> tuple[Int, Int, float]:
    """Return the first value, by place, and the exponent, by place, of the closest fit.

    The largest value is not a candidate for xmin. Of equal distances the first wins; without
    a candidate the distance is infinite.
    """
    start: Int = 0
    exponent: Int = 0
    closest = np.inf
    for i in range(values.value.size - 1):
        index = _best_exponent(i, values)
        distance = _distance(i, grid_exponent(index), closest, values)
        if distance < closest:
            start, exponent, closest = i, index, distance
    return start, exponent, closest


@kernel()
def distinct(ordered: np.ndarray) -> Values:
    """Gather the distinct ones of ascending values."""
    n_distinct = 0
    for i in range(ordered.size):
        n_distinct += i == 0 or ordered[i] != ordered[i - 1]
    value = np.empty(n_distinct, np.float64)
    n_from = np.zeros(n_distinct + 1, np.int64)
    logs_from = np.zeros(n_distinct + 1, np.float64)
    j = n_distinct
    for i in range(ordered.size - 1, -1, -1):
        if i == ordered.size - 1 or ordered[i] != ordered[i + 1]:
            j -= 1
            value[j] = ordered[i]
            n_from[j], logs_from[j] = n_from[j + 1], logs_from[j + 1]
        n_from[j] += 1
        logs_from[j] += np.log(ordered[i])
    return Values(value, n_from, logs_from)


@kernel()
def fit(ordered: np.ndarray) -> tuple[Int, Int, float]:
    """Return :func:`best_fit` of ascending values; the first value as a value."""
    return best_fit(distinct(ordered))


@leaf
def _drawn(uniform: float, draws: Draws) -> float:
    """Turn a uniform number into a value: of the body, or of the law from xmin on."""
    if uniform >= draws.share:
        place = int((uniform - draws.share) / (1.0 - draws.share) * draws.body.size)
        return draws.body[min(place, draws.body.size - 1)]
    beyond = uniform / draws.share
    if beyond < draws.tail[TABLE]:
        # zeta(a, x) is (x - 1/2)^(1 - a) / (a - 1) up to a factor 1 + O(x^-2).
        base = beyond * draws.norm * (draws.exponent - 1.0)
        x = 0.5 + base ** (-1.0 / (draws.exponent - 1.0)) if base > 0.0 else LARGEST
        return min(np.floor(x), LARGEST)
    low, high = 0, TABLE  # tail[low] > beyond >= tail[high]
    while high - low > 1:
        middle = (low + high) // 2
        if draws.tail[middle] > beyond:
            low = middle
        else:
            high = middle
    return draws.xmin + low


@kernel()
def _samples_of_worker(
    worker: Int, n_workers: Int, uniform: np.ndarray, draws: Draws, out: np.ndarray
) -> None:
    for row in range(worker, uniform.shape[0], n_workers):
        sample = uniform[row]
        for i in range(sample.size):
            sample[i] = _drawn(sample[i], draws)
        sample.sort()
        out[row] = best_fit(distinct(sample))[2]


def sample_distances(uniform: np.ndarray, draws: Draws, n_workers: Int, out: np.ndarray) -> None:
    """Fill ``out[row]`` with the distance of the best fit to a sample; uses up the numbers.

    ``uniform`` (samples, values) holds numbers in [0, 1), one for each value of a sample.
    """
    run_workers(
        n_workers, lambda worker: _samples_of_worker(worker, n_workers, uniform, draws, out)
    )
