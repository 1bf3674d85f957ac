r"""Whether degrees follow a power law, :math:`P(k) \propto k^{-\gamma}` from some xmin on.

The discrete fit of Clauset, Shalizi and Newman, on the positive degrees, in the convention
of the published tables: the exponent is the most likely one of 1.01, 1.02, ..., 10.00 for
each xmin (every degree but the largest), the xmin of the smallest Kolmogorov-Smirnov distance
wins, the first of equals; and below 100 nodes the exponent is corrected for small samples.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.special

from chgraph.checks import as_generator, check_positive_int
from chgraph.metrics import _powerlaw_core
from chgraph.metrics.estimate import Estimate, mean_of, undefined
from chgraph.metrics.sizes import degrees
from chgraph.metrics.undefined import Undefined
from chgraph.threads import workers_for

_SMALL = 100  # nodes below which the exponent is corrected
_UNIFORM_AT_ONCE = 2**20
_PER_VALUE = 100  # operations to draw, sort and fit a value of a sample
_TOO_FEW_DEGREES = "the positive degrees take fewer than two values"


@dataclass(frozen=True)
class PowerLawFit:
    """What :func:`powerlaw_fit` found.

    Attributes
    ----------
    gamma : float
        The exponent; below 100 nodes corrected, ``exponent * (n - 1) / n + 1 / n`` with n the
        number of degrees from xmin on.
    xmin : int
        The degree from which on the law holds.
    ks : float
        Kolmogorov-Smirnov distance of the law and the degrees from xmin on.
    n_tail : int
        Number of degrees from xmin on.
    exponent : float
        The most likely exponent, before correction.

    Examples
    --------
    >>> import chgraph
    >>> fit = powerlaw_fit(chgraph.datasets.load("les_miserables"))
    >>> round(fit.gamma, 2), fit.xmin, fit.n_tail
    (3.99, 10, 22)
    """

    gamma: float
    xmin: int
    ks: float
    n_tail: int
    exponent: float


def powerlaw_fit(graph: Any, *, side: str | None = None) -> PowerLawFit:
    """Fit a power law to the degrees.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node.
    side : {"left", "right"}, optional
        The degrees of one side of a layer; of all nodes by default.

    Raises
    ------
    ValueError
        If the positive degrees take fewer than two values, or `side` is none of these.
    TypeError
        If `side` is given for a network of one kind of node.

    Notes
    -----
    Nodes without links are left out of the fit, but count as nodes where it is asked
    whether there are fewer than 100.

    References
    ----------
    Clauset, Shalizi and Newman, SIAM Review 51:661, 2009, section 3 and appendix B.

    Examples
    --------
    >>> import networkx
    >>> powerlaw_fit(networkx.barabasi_albert_graph(300, 3, seed=1))
    PowerLawFit(gamma=2.6, xmin=3, ks=0.0258..., n_tail=299, exponent=2.6)
    """
    fit = _fit(degrees(graph, side))
    if fit is None:
        raise ValueError(_TOO_FEW_DEGREES)
    return fit


def _fit(degree: np.ndarray) -> PowerLawFit | None:
    """Return the fit to degrees, None if the positive ones take fewer than two values."""
    ordered = _positive(degree)
    if not ordered.size or ordered[0] == ordered[-1]:
        return None
    start, index, ks = _powerlaw_core.fit(ordered)
    xmin = int(np.unique(ordered)[start])
    exponent = (101 + int(index)) / 100
    n_tail = int(np.count_nonzero(ordered >= xmin))
    small = degree.size < _SMALL
    gamma = exponent * (n_tail - 1) / n_tail + 1 / n_tail if small else exponent
    return PowerLawFit(gamma, xmin, float(ks), n_tail, exponent)


def powerlaw_gamma(graph: Any, *, side: str | None = None) -> float:
    """Return the exponent of :func:`powerlaw_fit`, which see for the parameters.

    A network is called scale-free if gamma is at most 3 and a power law is plausible
    (:func:`powerlaw_p`).

    Returns
    -------
    float
        NaN if the positive degrees take fewer than two values.

    Examples
    --------
    >>> import networkx
    >>> powerlaw_gamma(networkx.barabasi_albert_graph(300, 3, seed=1))
    2.6
    """
    fit = _fit(degrees(graph, side))
    return Undefined(_TOO_FEW_DEGREES) if fit is None else fit.gamma


def powerlaw_p(
    graph: Any, *, side: str | None = None, n_samples: int = 1000, rng: Any = None
) -> Estimate:
    """Return how plausible a power law is: the share of samples of it that fit it worse.

    Each sample has as many values as the graph has positive degrees: from the fitted law
    with the share of the degrees from xmin on, else one of the degrees below xmin. It is
    fitted as the degrees were, xmin included, and counts if its Kolmogorov-Smirnov distance is
    at least that of the degrees. Below 0.1 a power law is commonly ruled out.

    Parameters
    ----------
    graph, side
        As :func:`powerlaw_fit` takes them.
    n_samples : int
    rng : int, numpy Generator or None
        Seed or generator. The same seed gives the same result at any number of threads.

    Returns
    -------
    Estimate
        A sample counts 0 or 1; NaN if the positive degrees take fewer than two values.

    Raises
    ------
    ValueError
        If an argument is out of range.

    Notes
    -----
    The published tool looks for the exponents of samples in 1.50, ..., 3.50 only, though the
    exponent of the degrees may lie anywhere in 1.01, ..., 10.00; its p is far too low where
    that is above 3.5. Here both ranges are the latter.

    References
    ----------
    Clauset, Shalizi and Newman, SIAM Review 51:661, 2009, section 4.1.

    Examples
    --------
    >>> import networkx
    >>> p = powerlaw_p(networkx.barabasi_albert_graph(300, 3, seed=1), n_samples=200, rng=0)
    >>> 0.05 < p.value < 1.0, p.error < 0.04
    (True, True)
    """
    n_samples = check_positive_int("n_samples", n_samples)
    generator = as_generator(rng)
    degree = degrees(graph, side)
    fit = _fit(degree)
    if fit is None:
        return undefined(_TOO_FEW_DEGREES)
    ordered = _positive(degree)
    draws = _draws(ordered, fit)
    at_once = max(1, _UNIFORM_AT_ONCE // ordered.size)
    distances = np.empty(n_samples)
    for start in range(0, n_samples, at_once):
        part = distances[start : start + at_once]
        uniform = generator.random((part.size, ordered.size))
        with workers_for(_PER_VALUE * uniform.size) as n_workers:
            _powerlaw_core.sample_distances(uniform, draws, n_workers, part)
    worse = np.isfinite(distances) & (distances >= fit.ks)
    return mean_of(worse.astype(np.float64))


def _positive(degree: np.ndarray) -> np.ndarray:
    """Return the positive degrees in ascending order, float64."""
    return np.sort(degree[degree > 0]).astype(np.float64)


def _draws(ordered: np.ndarray, fit: PowerLawFit) -> _powerlaw_core.Draws:
    norm = float(scipy.special.zeta(fit.exponent, fit.xmin))
    values = fit.xmin + np.arange(_powerlaw_core.TABLE + 1.0)
    return _powerlaw_core.Draws(
        body=ordered[ordered < fit.xmin].copy(),
        tail=scipy.special.zeta(fit.exponent, values) / norm,
        share=fit.n_tail / ordered.size,
        exponent=fit.exponent,
        xmin=float(fit.xmin),
        norm=norm,
    )
