"""Null models: random graphs with the degrees of a given one."""

from __future__ import annotations

from typing import Any, overload

import numpy as np

from chgraph.checks import as_generator, check_choice, check_real
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.topology._null_core import swap_by_degree, swap_towards_lattice, swap_uniformly

NULL_MODELS = ("maslov-sneppen", "cannistraci-muscoloni", "lattice")
_MOST_DRAWS_PER_SWAP = 100.0
_MOST_REJECTED = 1_000_000


@overload
def null_model(
    graph: Graph, *, kind: str = "maslov-sneppen", swaps: float = 10.0, rng: Any = None
) -> Graph: ...


@overload
def null_model(
    graph: BipartiteGraph, *, kind: str = "maslov-sneppen", swaps: float = 10.0, rng: Any = None
) -> BipartiteGraph: ...


@overload
def null_model(
    graph: Any, *, kind: str = "maslov-sneppen", swaps: float = 10.0, rng: Any = None
) -> Graph | BipartiteGraph: ...


def null_model(
    graph: Any, *, kind: str = "maslov-sneppen", swaps: float = 10.0, rng: Any = None
) -> Graph | BipartiteGraph:
    r"""Return a graph with the degrees of `graph` and otherwise as random as `kind` says.

    Two links a-b and c-d become a-d and c-b, again and again: all nodes keep their
    degrees, and in a bipartite graph their sides.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        A network of one or two kinds of nodes.
    kind : {"maslov-sneppen", "cannistraci-muscoloni", "lattice"}
        "maslov-sneppen": both links drawn uniformly. In the limit of many swaps every
        graph with these degrees is equally likely.

        "cannistraci-muscoloni": one link drawn in proportion to the product w of its ends'
        degrees, the other to (smallest + largest product of two degrees) - w, which breaks
        up links between hubs: the null model of the rich-club test.

        "lattice": only swaps that do not lengthen the links, where the nodes lie on a ring
        in random order (both sides of a bipartite graph on one ring): a lattice-like graph
        with many short cycles. After the default number of swaps it is still far from a
        lattice; :func:`lattice_reference` goes all the way.
    swaps : float
        Swaps per link. "maslov-sneppen" draws ``round(swaps * n_links / (1 - density)^2)``
        pairs of links (at most 100 times swaps * n_links), where the denominator is about
        the share that can be swapped; pairs that cannot count as drawn.
        "cannistraci-muscoloni" makes ``round(swaps * n_links)`` swaps; it ends early after
        20 n_links^2 (at most a million) vain draws in a row. "lattice" takes
        ``round(swaps * n_links)`` rounds, each of which looks 1 + round(2 n_links /
        (n_nodes - 1)) times for a swap.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    Graph or BipartiteGraph
        As the graph given, with its node names.

    Raises
    ------
    TypeError, ValueError
        If `graph` is not a network, `kind` is unknown, or `swaps` is negative.

    Notes
    -----
    Where no swap is possible (stars, complete graphs) the graph itself comes back. Isolated
    nodes count for nothing in the smallest product of degrees.

    The number of vain draws of "maslov-sneppen" does not depend on what is drawn; stopping
    at a number of swaps made would favor graphs in which few are possible. A swap costs
    time in proportion to the degrees of its nodes.

    References
    ----------
    Maslov and Sneppen, Science 296:910, 2002; Muscoloni and Cannistraci, arXiv 1704.03526,
    2017; lattice: Sporns and Zwi, Neuroinformatics 2:145, 2004.

    Examples
    --------
    >>> from chgraph.topology import small_world
    >>> lattice = small_world(20, 30, sparsity=0.8, beta=0.0)
    >>> null = null_model(lattice, rng=0)
    >>> null == lattice, bool((null.left_degree == lattice.left_degree).all())
    (False, True)
    """
    network = as_network(graph)
    check_choice("kind", kind, NULL_MODELS)
    swaps = check_real("swaps", swaps, minimum=0.0)
    ends = swapped_links(network, kind, swaps, as_generator(rng))
    return network.with_links(*ends)


def swapped_links(
    network: Graph | BipartiteGraph, kind: str, swaps: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Return both ends of the links of a null model, in no order; arguments are not checked."""
    first, second = network.links()
    if first.size < 2:
        return first, second
    sides = network.shape if network.is_bipartite else None
    second += network.first_target
    lists = *neighbor_lists(first, second), first, second, network.is_bipartite
    if kind == "maslov-sneppen":
        swap_uniformly(*lists, _n_draws(network, swaps), rng)
    elif kind == "cannistraci-muscoloni":
        n_swaps = round(swaps * first.size)
        most_rejected = min(20 * first.size**2, _MOST_REJECTED)
        swap_by_degree(*lists, _weight_sum(network), n_swaps, most_rejected, rng)
    else:
        place, ring = ring_places(network, rng)
        n_tries = 1 + round(2 * first.size / (place.size - 1))
        swap_towards_lattice(*lists, place, ring, round(swaps * first.size), n_tries, rng)
    if sides is not None:
        second -= sides[0]
    return first, second


def neighbor_lists(
    first: np.ndarray, second: np.ndarray, n_nodes: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Return offsets and neighbors of all nodes, of both sides if there are two.

    Up to the last node with links, or of at least `n_nodes` nodes.
    """
    ends = np.concatenate([first, second])
    offsets = np.concatenate([[0], np.cumsum(np.bincount(ends, minlength=n_nodes))])
    others = np.concatenate([second, first])
    return offsets, others[np.argsort(ends, kind="stable")].astype(np.int32)


def _n_draws(network: Graph | BipartiteGraph, swaps: float) -> int:
    """Return how many pairs of links to draw for so many swaps per link."""
    swappable = (1.0 - network.density) ** 2
    if swappable == 0.0:
        return 0
    return round(swaps * network.n_links * min(1.0 / swappable, _MOST_DRAWS_PER_SWAP))


def _weight_sum(network: Graph | BipartiteGraph) -> int:
    """Return the smallest plus the largest product of the degrees of two nodes with links."""
    if isinstance(network, Graph):
        degree = np.sort(network.degree[network.degree > 0])
        return int(degree[0] * degree[1] + degree[-1] * degree[-2])
    left, right = network.left_degree, network.right_degree
    return int(left[left > 0].min() * right[right > 0].min() + left.max() * right.max())


def ring_places(
    network: Graph | BipartiteGraph, rng: np.random.Generator
) -> tuple[np.ndarray, int]:
    """Return the place of every node on a ring, in random order, and the ring's length.

    Whole numbers, so that equal lengths are equal: node i of a side of n nodes lies at
    (i + 1/2) / n of the ring.
    """
    if isinstance(network, Graph):
        return rng.permutation(network.n_nodes), network.n_nodes
    n_left, n_right = network.shape
    left = (2 * rng.permutation(n_left) + 1) * n_right
    right = (2 * rng.permutation(n_right) + 1) * n_left
    return np.concatenate([left, right]), 2 * n_left * n_right
