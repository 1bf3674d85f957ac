"""The lattice-like graph of given degrees that links nearest neighbors on a ring."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from chgraph.checks import as_generator
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.topology._lattice_core import Ring, draw_near, total_length
from chgraph.topology.null import neighbor_lists, ring_places

_FIRST_DRAWS, _MOST_DRAWS = 20, 1280  # per link
_STILL_SHORTER = 0.95  # a doubling of the draws must shorten the links to this, to go on


@overload
def lattice_reference(graph: Graph, *, rng: Any = None) -> Graph: ...


@overload
def lattice_reference(graph: BipartiteGraph, *, rng: Any = None) -> BipartiteGraph: ...


@overload
def lattice_reference(graph: Any, *, rng: Any = None) -> Graph | BipartiteGraph: ...


def lattice_reference(graph: Any, *, rng: Any = None) -> Graph | BipartiteGraph:
    """Return a graph with the degrees of `graph` whose links are as short as they get on a ring.

    The nodes lie on a ring in random order, both sides of a bipartite graph on one ring. Two
    links a-b and c-d become a-c and b-d, again and again, where that does not lengthen them,
    until that hardly shortens any: what ``null_model(graph, kind="lattice")`` begins.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        A network of one or two kinds of nodes.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    Graph or BipartiteGraph
        As the graph given, with its node names.

    Raises
    ------
    TypeError
        If `graph` is not a network.

    Notes
    -----
    Converged means: twice as many draws shorten the links by less than 5 % in sum. There are
    20 to 1,280 draws per link, at distances of every order of magnitude alike; drawn
    uniformly, as in the published process, as many as there are nodes would be needed. Of
    equal degrees the result is close to a ring lattice, of clustering
    :math:`3 (k - 2) / (4 (k - 1))`. Where no swap is possible (stars, complete graphs) the
    graph itself comes back.

    References
    ----------
    Sporns and Zwi, Neuroinformatics 2:145, 2004 (the process, stopped early).

    Examples
    --------
    >>> import networkx
    >>> from chgraph.metrics import clustering
    >>> random = networkx.random_regular_graph(8, 200, seed=1)
    >>> lattice = lattice_reference(random, rng=0)
    >>> clustering(random) < 0.06, 0.55 < clustering(lattice) < 9 / 14
    (True, True)
    """
    network = as_network(graph)
    ends = _shortest(network, as_generator(rng))
    return network.with_links(*ends)


def _shortest(
    network: Graph | BipartiteGraph, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the links, once they are short."""
    first, second = network.links()
    if first.size < 2:
        return first, second
    shift = network.first_target
    offsets, neighbors = neighbor_lists(first, second + shift, network.n_nodes)
    owner = np.repeat(np.arange(offsets.size - 1), np.diff(offsets))
    ring = _ring(network, rng)
    done, draws, length = 0, _FIRST_DRAWS, np.inf
    while draws <= _MOST_DRAWS:
        draw_near(offsets, neighbors, owner, ring, (draws - done) * first.size, rng)
        before, length = length, total_length(neighbors, owner, ring)
        if length > _STILL_SHORTER * before:
            break
        done, draws = draws, 2 * draws
    once = owner < neighbors
    return owner[once], neighbors[once].astype(np.int64) - shift


def _ring(network: Graph | BipartiteGraph, rng: np.random.Generator) -> Ring:
    place, length = ring_places(network, rng)
    orders, first = [], 0
    for n in network.sides:
        orders.append(first + np.argsort(place[first : first + n]))
        first += n
    rank = np.concatenate([np.argsort(order - order.min()) for order in orders])
    return Ring(place, length, rank, orders[0], orders[-1], network.sides[0])
