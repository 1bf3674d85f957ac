"""Rich clubs: whether nodes of high degree are linked to each other, and more than by chance."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np

from chgraph.checks import as_generator, check_positive_int
from chgraph.graph import Graph, as_network
from chgraph.metrics._basic import as_one_graph
from chgraph.metrics.estimate import Estimate, mean_of, undefined
from chgraph.topology.null import swapped_links

_SWAPS_PER_LINK = 10.0


@dataclass(frozen=True)
class RichClub:
    """Rich-club coefficients: the density among the nodes above each degree.

    Attributes
    ----------
    degrees : ndarray of int64, shape (n,)
        Every degree that occurs but the largest, ascending.
    coefficients : ndarray of float64, shape (n,)
        Share of the pairs of nodes with larger degree that are linked; NaN where there is
        no such pair.

    Examples
    --------
    >>> import chgraph
    >>> club = rich_club(chgraph.datasets.load("karate"))
    >>> club.degrees[-3:].tolist(), club.coefficients[-3:].round(2).tolist()
    ([10, 12, 16], [0.33, 0.0, nan])
    """

    degrees: np.ndarray
    coefficients: np.ndarray


@dataclass(frozen=True)
class RichClubTest:
    """The test for a rich club and what it is made of.

    Attributes
    ----------
    p : Estimate
        Share of the null models whose peak reaches that of the graph; a draw counts 0 or 1.
    peak : float
        Largest difference between coefficient and null mean; NaN where `p` is.
    degree_of_peak : int
        The degree at which it stands: nodes with larger degree are the club. -1 where `p`
        is NaN.
    degrees, coefficients : ndarray, shape (n,)
        As in :class:`RichClub`.
    null_mean, null_spread : ndarray of float64, shape (n,)
        Mean and standard deviation of the coefficients over the null models.

    Examples
    --------
    >>> import chgraph
    >>> test = rich_club_p(chgraph.datasets.load("karate"), n_nulls=20, rng=0)
    >>> test.peak > 0, 0 <= test.p.value <= 1
    (True, True)
    """

    p: Estimate
    peak: float
    degree_of_peak: int
    degrees: np.ndarray
    coefficients: np.ndarray
    null_mean: np.ndarray
    null_spread: np.ndarray


def rich_club(graph: Any) -> RichClub:
    r"""Return the rich-club coefficient at every degree.

    .. math:: \phi(k) = \frac{2 E_{>k}}{N_{>k} (N_{>k} - 1)}

    with N the nodes of degree above k and E the links between them.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        A layer counts as one graph of n_left + n_right nodes.

    Raises
    ------
    TypeError, ValueError
        If `graph` is not a network.

    Notes
    -----
    No coefficient where all nodes have one degree (and without nodes): the arrays are empty.

    References
    ----------
    Zhou and Mondragon, IEEE Commun. Lett. 8:180, 2004; Colizza et al., Nature Phys. 2:110,
    2006.

    Examples
    --------
    Two hubs, linked to each other, with two leaves each.

    >>> import networkx
    >>> tree = networkx.Graph([(0, 1), (0, 2), (0, 3), (1, 4), (1, 5)])
    >>> club = rich_club(tree)
    >>> club.degrees, club.coefficients
    (array([1]), array([1.]))
    """
    clubs = _Clubs(as_one_graph(as_network(graph)))
    return RichClub(clubs.degrees, clubs.coefficients(*clubs.graph.links()))


def rich_club_p(graph: Any, *, n_nulls: int = 1000, rng: Any = None) -> RichClubTest:
    """Test whether a graph has a rich club, against random graphs with less of one.

    The coefficients are compared with their means over Cannistraci-Muscoloni null models;
    the largest difference is the statistic, and p the share of null models in which it is
    as large.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        A layer counts as one graph of n_left + n_right nodes, whose null models may link
        nodes of one side.
    n_nulls : int
        Number of null models, each made by 10 swaps per link.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    RichClubTest
        Small `p`: a rich club. `p` is NaN, with a reason, where no two nodes have degrees
        above the smallest (regular graphs, stars, graphs without links).

    Raises
    ------
    TypeError, ValueError
        If `graph` is not a network or `n_nulls` is not positive.

    Notes
    -----
    A null model that equals the graph at the peak counts as reaching it. Where two degrees
    are nearly tied for the peak, chance decides which one it is, and `p` jumps with it.

    References
    ----------
    Muscoloni and Cannistraci, Rich-clubness test, arXiv 1704.03526, 2017.

    Examples
    --------
    A ring of 40 nodes, five of which are all linked to each other.

    >>> import itertools, networkx
    >>> graph = networkx.cycle_graph(40)
    >>> graph.add_edges_from(itertools.combinations(range(0, 40, 8), 2))
    >>> test = rich_club_p(graph, n_nulls=100, rng=0)
    >>> test.degree_of_peak, test.p.value
    (2, 0.0)
    """
    clubs = _Clubs(as_one_graph(as_network(graph)))
    n_nulls = check_positive_int("n_nulls", n_nulls)
    seed = int(as_generator(rng).integers(2**63))
    observed = clubs.coefficients(*clubs.graph.links())
    defined = np.flatnonzero(~np.isnan(observed))
    if not defined.size:
        unknown = np.full(observed.size, nan)
        p = undefined("fewer than two nodes have degrees above the smallest: no club to test")
        return RichClubTest(p, nan, -1, clubs.degrees, observed, unknown, unknown)
    nulls = np.empty((n_nulls, observed.size))
    for i in range(n_nulls):
        stream = np.random.default_rng([seed, i])
        ends = swapped_links(clubs.graph, "cannistraci-muscoloni", _SWAPS_PER_LINK, stream)
        nulls[i] = clubs.coefficients(*ends)
    mean = nulls.mean(axis=0)
    excess = (observed - mean)[defined]
    peaks = (nulls - mean)[:, defined].max(axis=1)
    return RichClubTest(
        mean_of((peaks >= excess.max()).astype(np.float64)),
        float(excess.max()),
        int(clubs.degrees[defined[excess.argmax()]]),
        clubs.degrees,
        observed,
        mean,
        nulls.std(axis=0, ddof=1) if n_nulls > 1 else np.full(mean.size, nan),
    )


class _Clubs:
    """The nodes above each degree, which null models share."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        present, self._rank, count = np.unique(
            graph.degree, return_inverse=True, return_counts=True
        )
        self.degrees = present[:-1]
        # Nodes above the smallest degree, above the next, and so on.
        above = graph.n_nodes - np.cumsum(count)[:-1]
        self._n_pairs = above * (above - 1) / 2

    def coefficients(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """Return the share of linked pairs above each degree, NaN where there is no pair."""
        lower = np.minimum(self._rank[first], self._rank[second])
        within = np.bincount(lower, minlength=self.degrees.size + 1)[::-1].cumsum()[::-1][1:]
        with np.errstate(invalid="ignore"):
            return np.where(self._n_pairs > 0, within / self._n_pairs, nan)
