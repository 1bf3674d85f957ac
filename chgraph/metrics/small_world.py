"""Small-worldness: a graph between the random and the lattice-like graphs of its degrees."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from math import hypot
from typing import Any

import numpy as np

from chgraph.checks import as_generator, check_choice, check_positive_int
from chgraph.graph import Graph, as_network
from chgraph.metrics._basic import BASIC_MEASURES, as_one_graph, basic_measures
from chgraph.metrics.estimate import Estimate, mean_of, undefined
from chgraph.topology.lattice import lattice_reference
from chgraph.topology.null import null_model

LATTICES = ("converged", "published")
_PATHS = ("clustering", "char_path")
_EFFICIENCIES = ("efficiency_loc", "efficiency_glob")
_NO_PATH = "no two nodes are connected: there is no path to measure"
_NO_TRIANGLE = "the {} graphs of these degrees have no triangle: nothing to compare with"
Draws = dict[str, np.ndarray]


@dataclass(frozen=True)
class SmallWorld:
    """The small-world measures of a graph and what they are made of.

    Attributes
    ----------
    omega, sigma, omega_efficiency, sigma_efficiency : Estimate
        See :func:`small_world`.
    observed : dict of str to float
        "clustering", "char_path", "efficiency_glob" and "efficiency_loc" of the graph.
    random, lattice : dict of str to Estimate
        Mean and spread of the same over the random and the lattice-like null models.

    Examples
    --------
    >>> import chgraph
    >>> found = small_world(chgraph.datasets.load("karate"), n_nulls=3, rng=0)
    >>> -1 <= found.omega.value <= 1
    True
    >>> round(found.observed["clustering"], 3)
    0.571
    """

    omega: Estimate
    sigma: Estimate
    omega_efficiency: Estimate
    sigma_efficiency: Estimate
    observed: dict[str, float]
    random: dict[str, Estimate]
    lattice: dict[str, Estimate]


def small_world(
    graph: Any, *, n_nulls: int = 10, lattice: str = "converged", rng: Any = None
) -> SmallWorld:
    r"""Return all four small-world measures from the same null models.

    With clustering C, characteristic path length L, global and local efficiency E and
    :math:`E^{loc}`, index r the mean over random and l over lattice-like graphs with the
    degrees of `graph`:

    .. math::
        \omega = L_r / L - C / C_l, \qquad \sigma = (C / C_r) / (L / L_r)

        \omega_E = E_r / E - E^{loc} / E^{loc}_l, \qquad
        \sigma_E = (E^{loc} / E^{loc}_r) / (E / E_r)

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        A layer counts as one graph of n_left + n_right nodes, whose null models may link
        nodes of one side: it has no triangle itself, so that its sigma is 0.
    n_nulls : int
        How many random and how many lattice-like graphs.
    lattice : {"converged", "published"}
        "converged": the lattice-like graphs of :func:`chgraph.topology.lattice_reference`,
        and where the graph itself is more clustered than these, it is its own reference:
        :math:`C_l` is the larger of both, so that no omega is below -1. "published": 10
        swaps per link and the mean alone, as in the published tables; that is far from a
        lattice, and omega has no lower bound (-3.5 for 30 caves of 10 nodes).
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    SmallWorld

    Raises
    ------
    TypeError, ValueError
        If `graph` is not a network, `n_nulls` is not positive or `lattice` is none of these.

    Notes
    -----
    Omega runs from -1 (lattice) over 0 (small world) to 1 (random). It is never below -1,
    and above 1 only where the paths of the graph are shorter than those of random graphs of
    its degrees, and by no more than that. With efficiencies the first term is the other way
    round, large where paths are long: at least -1 too, but without an upper bound (3 for a
    ring of 500 nodes). Sigma is above 1 in small worlds. Paths are means over connected
    pairs. Not defined, hence NaN with a reason: all four without links; sigma
    and omega where the random or lattice-like graphs have no triangle (stars, trees of few
    nodes).

    The random graphs are those of :func:`chgraph.topology.null_model` with 10 swaps per
    link. The two kinds and every single graph have random streams of their own, so that each
    measure alone, from the same seed, is what it is here.

    References
    ----------
    Humphries and Gurney, PLoS ONE 3:e2051, 2008 (sigma); Telesford et al., Brain
    Connectivity 1:367, 2011 (omega; networkx's ``omega``, too, takes the graph for the
    reference where it is more clustered than its lattices); Latora and Marchiori, PRL
    87:198701, 2001 (efficiency).

    Examples
    --------
    >>> import networkx
    >>> ring = networkx.watts_strogatz_graph(60, 6, 0.1, seed=0)
    >>> measures = small_world(ring, rng=0)
    >>> bool(measures.sigma.value > 1.5), measures.sigma.n_draws
    (True, 10)
    """
    nulls = _Nulls(graph, n_nulls, rng, lattice)
    observed = basic_measures(nulls.graph)
    random = nulls.draws("random", BASIC_MEASURES)
    regular = nulls.draws("lattice", BASIC_MEASURES)
    return SmallWorld(
        nulls.omega(observed, random, regular, *_PATHS),
        _sigma(observed, random, *_PATHS),
        nulls.omega(observed, random, regular, *_EFFICIENCIES),
        _sigma(observed, random, *_EFFICIENCIES),
        observed,
        {name: mean_of(values) for name, values in random.items()},
        {name: mean_of(values) for name, values in regular.items()},
    )


def small_world_omega(
    graph: Any, *, n_nulls: int = 10, lattice: str = "converged", rng: Any = None
) -> Estimate:
    r"""Return :math:`\omega = L_r / L - C / C_l`, from -1 (lattice) over 0 to 1 (random).

    Parameters, exceptions and undefined cases as for :func:`small_world`, whose `omega` it
    is, computed without the other measures.

    Examples
    --------
    >>> import networkx
    >>> bool(small_world_omega(networkx.cycle_graph(30), rng=0).value > 0.4)
    True
    """
    return _omega_alone(_Nulls(graph, n_nulls, rng, lattice), *_PATHS)


def small_world_sigma(graph: Any, *, n_nulls: int = 10, rng: Any = None) -> Estimate:
    r"""Return :math:`\sigma = (C / C_r) / (L / L_r)`, above 1 in small worlds.

    Parameters, exceptions and undefined cases as for :func:`small_world`, whose `sigma` it
    is, computed without the other measures.

    Examples
    --------
    >>> import networkx
    >>> small_world_sigma(networkx.complete_graph(5), rng=0).value
    1.0
    """
    return _sigma_alone(graph, n_nulls, rng, *_PATHS)


def small_world_omega_efficiency(
    graph: Any, *, n_nulls: int = 10, lattice: str = "converged", rng: Any = None
) -> Estimate:
    r"""Return :math:`\omega_E = E_r / E - E^{loc} / E^{loc}_l`: omega with efficiencies.

    Parameters, exceptions and undefined cases as for :func:`small_world`, whose
    `omega_efficiency` it is, computed without the other measures.

    Examples
    --------
    >>> import networkx
    >>> small_world_omega_efficiency(networkx.complete_graph(5), rng=0).value
    0.0
    """
    return _omega_alone(_Nulls(graph, n_nulls, rng, lattice), *_EFFICIENCIES)


def small_world_sigma_efficiency(graph: Any, *, n_nulls: int = 10, rng: Any = None) -> Estimate:
    r"""Return :math:`\sigma_E = (E^{loc} / E^{loc}_r) / (E / E_r)`: sigma with efficiencies.

    Parameters, exceptions and undefined cases as for :func:`small_world`, whose
    `sigma_efficiency` it is, computed without the other measures.

    Examples
    --------
    >>> import networkx
    >>> small_world_sigma_efficiency(networkx.star_graph(5), rng=0).reason
    'the random graphs of these degrees have no triangle: nothing to compare with'
    """
    return _sigma_alone(graph, n_nulls, rng, *_EFFICIENCIES)


class _Nulls:
    """The null models of a graph: each kind and each graph from a seed of its own."""

    def __init__(self, graph: Any, n_nulls: int, rng: Any, lattice: str = LATTICES[0]) -> None:
        self.graph: Graph = as_one_graph(as_network(graph))
        self.n_nulls = check_positive_int("n_nulls", n_nulls)
        self.converged = check_choice("lattice", lattice, LATTICES) == "converged"
        self.seed = int(as_generator(rng).integers(2**63))

    def draws(self, kind: str, names: Collection[str]) -> Draws:
        """Return measures of the null models, an array over the graphs for each name."""
        measured = [basic_measures(self._drawn(kind, i), names) for i in range(self.n_nulls)]
        return {name: np.array([values[name] for values in measured]) for name in names}

    def _drawn(self, kind: str, i: int) -> Graph:
        rng = np.random.default_rng([self.seed, kind == "lattice", i])
        if kind == "random":
            return null_model(self.graph, kind="maslov-sneppen", rng=rng)
        if self.converged:
            return lattice_reference(self.graph, rng=rng)
        return null_model(self.graph, kind="lattice", rng=rng)

    def omega(
        self, observed: dict[str, float], random: Draws, lattice: Draws, local: str, between: str
    ) -> Estimate:
        """Return (random / observed) of `between` less (observed / lattice) of `local`."""
        if not observed[between] > 0:
            return undefined(_NO_PATH)
        reference = lattice[local]
        if self.converged and observed[local] > reference.mean():
            reference = np.full(reference.size, observed[local])
        if not reference.mean() > 0:
            return undefined(_NO_TRIANGLE.format("lattice-like"))
        first = mean_of(random[between] / observed[between])
        second = mean_of(observed[local] * reference / reference.mean() ** 2)
        value = first.value - second.value
        return Estimate(value, hypot(first.spread, second.spread), first.n_draws)


def _omega_alone(nulls: _Nulls, local: str, between: str) -> Estimate:
    observed = basic_measures(nulls.graph, (local, between))
    random, lattice = nulls.draws("random", (between,)), nulls.draws("lattice", (local,))
    return nulls.omega(observed, random, lattice, local, between)


def _sigma_alone(graph: Any, n_nulls: int, rng: Any, local: str, between: str) -> Estimate:
    nulls = _Nulls(graph, n_nulls, rng)
    observed = basic_measures(nulls.graph, (local, between))
    return _sigma(observed, nulls.draws("random", (local, between)), local, between)


def _sigma(observed: dict[str, float], random: Draws, local: str, between: str) -> Estimate:
    """Return (observed / random) of `local` times (random / observed) of `between`."""
    if not observed[between] > 0:
        return undefined(_NO_PATH)
    local_mean, between_mean = random[local].mean(), random[between].mean()
    if not local_mean > 0:
        return undefined(_NO_TRIANGLE.format("random"))
    value = float(observed[local] / local_mean * between_mean / observed[between])
    # To first order: a null model above the mean in `between` and below it in `local`
    # raises the value.
    contribution = value * (1 + random[between] / between_mean - random[local] / local_mean)
    return Estimate(value, mean_of(contribution).spread, contribution.size)
