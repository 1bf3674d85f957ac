"""Communities: partitions of the nodes with more links inside than chance would put there."""

from __future__ import annotations

import random
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.checks import as_generator, check_positive_int
from chgraph.forking import ForkedLock
from chgraph.metrics._layer_modules import best_modules, layer_modularity
from chgraph.metrics._workspace import layer_workspace, workspace
from chgraph.metrics.undefined import Undefined

if TYPE_CHECKING:
    import igraph

_NO_LINKS = "the graph has no links"
_ITERATIONS = 10
_IGRAPH = ForkedLock()  # its random numbers come from one generator per process


def find_communities(graph: Any, *, n_starts: int = 5, rng: Any = None) -> np.ndarray:
    """Return a community for each node, of the best modularity that the Leiden method finds.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As every measure takes it: a rectangular matrix is a layer, a square symmetric one is
        a network of one kind of node. A layer is searched as one network.
    n_starts : int
        Independent searches, of which the best is kept.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    ndarray of int64, shape (n_nodes,)
        Labels 0, 1, ... in the order of their first node.

    Notes
    -----
    igraph's ``community_leiden``, ten iterations a start: more hardly raise the modularity
    and, on large random graphs, go on for long. igraph draws its random
    numbers from a generator of the process: it is lent one seeded by `rng` and then given
    back Python's ``random``, its default.

    References
    ----------
    Traag, Waltman and van Eck, Sci. Rep. 9:5233, 2019.

    Examples
    --------
    >>> import networkx
    >>> find_communities(networkx.barbell_graph(3, 0), rng=0)
    array([0, 0, 0, 1, 1, 1])
    """
    n_starts = check_positive_int("n_starts", n_starts)
    generator = as_generator(rng)
    work = workspace(graph)
    if not work.n_links:
        return np.arange(work.n_nodes)
    import igraph

    # Nodes without links are communities of their own; igraph takes long to find that out.
    linked = np.flatnonzero(work.degree)
    place = np.cumsum(work.degree > 0) - 1
    first, second = np.repeat(np.arange(work.n_nodes), work.degree), work.neighbor_lists[1]
    links = np.column_stack([place[first], place[second]])[first < second]
    network = igraph.Graph(n=linked.size, edges=links)
    numbers = random.Random(int(generator.integers(2**63)))
    labels = linked.size + np.arange(work.n_nodes)
    labels[linked] = best_of_leiden(network, n_starts=n_starts, random_numbers=numbers)
    return _in_order(labels)


def best_of_leiden(
    network: igraph.Graph,
    *,
    n_starts: int,
    random_numbers: random.Random,
    weights: list[float] | None = None,
    resolution: float = 1.0,
) -> list[int]:
    """Return the labels of the best of some searches of igraph's Leiden method.

    Parameters
    ----------
    network : igraph.Graph
    n_starts : int
    random_numbers : random.Random
        Lent to igraph meanwhile.
    weights : list of float, optional
        Of each edge.
    resolution : float
        What the chance part of modularity is multiplied by: larger, more communities.
    """
    import igraph

    with _IGRAPH, _interrupts_held():
        igraph.set_random_number_generator(random_numbers)
        try:
            found = [
                network.community_leiden(
                    "modularity", weights, resolution=resolution, n_iterations=_ITERATIONS
                ).membership
                for _ in range(n_starts)
            ]
        finally:
            igraph.set_random_number_generator(random)
    return max(found, key=lambda labels: network.modularity(labels, weights, resolution))


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let Ctrl-C wait until the ``with`` block is done: igraph's searches do not survive it."""
    in_main_thread = threading.current_thread() is threading.main_thread()
    if not in_main_thread or signal.getsignal(signal.SIGINT) is None:
        yield  # signals go to the main thread, or to a handler that is not Python's
        return
    caught: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: caught.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if caught:
        raise KeyboardInterrupt


def modularity(graph: Any, communities: Any = None, *, n_starts: int = 5, rng: Any = None) -> float:
    r"""Return Newman's modularity of the communities given, or of the best ones found.

    .. math:: Q = \sum_c \left[ \frac{L_c}{E} - \left( \frac{K_c}{2E} \right)^2 \right]

    with :math:`L_c` the links inside community c and :math:`K_c` the sum of its degrees.

    Parameters
    ----------
    graph
        As :func:`find_communities` takes it.
    communities : array_like of int, shape (n_nodes,), optional
        A label for each node; those of :func:`find_communities` by default.
    n_starts, rng
        For :func:`find_communities`.

    Returns
    -------
    float
        NaN without links.

    Raises
    ------
    ValueError
        If `communities` does not hold one integer per node.

    Notes
    -----
    The published tables come from repeated spectral bisection, which ends lower on many
    networks (0.49 of at least 0.56 on Les Miserables) and varies from run to run; here the
    modularity of a network is the largest that is found.

    References
    ----------
    Newman, Phys. Rev. E 69:066133, 2004, eq. 5.

    Examples
    --------
    >>> import networkx
    >>> two_triangles = networkx.barbell_graph(3, 0)
    >>> modularity(two_triangles, [0, 0, 0, 1, 1, 1])
    0.35714285714285715
    >>> modularity(two_triangles, rng=0)
    0.35714285714285715
    """
    work = workspace(graph)
    if communities is None:
        communities = find_communities(work, n_starts=n_starts, rng=rng)
    labels = _in_order(_checked_labels("communities", communities, work.n_nodes))
    n_links = work.n_links
    if not n_links:
        return Undefined(_NO_LINKS)
    mine = np.repeat(labels, work.degree)
    twice_inside = int(np.count_nonzero(mine == labels[work.neighbor_lists[1]]))
    total = np.bincount(mine).tolist()
    return (2 * n_links * twice_inside - sum(k * k for k in total)) / (4 * n_links**2)


def find_layer_communities(
    graph: Any, *, n_rounds: int = 40, rng: Any = None
) -> tuple[np.ndarray, np.ndarray]:
    """Return a community for each left and right node, of the best Barber modularity found.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes
    n_rounds : int
        Searches, each from the best result so far with a fifth of its nodes set loose.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    left, right : ndarray of int64
        Labels 0, 1, ... of communities that hold nodes of both sides, in the order of their
        first node; a node without links is a community of its own.

    Notes
    -----
    The moves of the Louvain method on Barber's modularity: nodes go, in random order, to the
    community they gain most from, then communities become nodes and do the same, in turn
    until neither helps. Repeating this from a shaken best result (iterated local search)
    finds more than as many independent searches. The optimum is not guaranteed; on small
    graphs it is usual.

    References
    ----------
    Barber, Phys. Rev. E 76:066102, 2007 (the measure); Blondel et al., J. Stat. Mech. P10008,
    2008 (the moves); Lourenco, Martin and Stutzle, Handbook of Metaheuristics, 2003 (repeats).

    Examples
    --------
    >>> import numpy as np
    >>> find_layer_communities(np.kron(np.eye(2), np.ones((2, 3))), rng=0)
    (array([0, 0, 1, 1]), array([0, 0, 0, 1, 1, 1]))
    """
    n_rounds = check_positive_int("n_rounds", n_rounds)
    generator = as_generator(rng)
    work = layer_workspace(graph)
    labels = _in_order(best_modules(work, n_rounds, generator))
    n_left = work.graph.shape[0]
    return labels[:n_left], labels[n_left:]


def barber_modularity(
    graph: Any, communities: Any = None, *, n_rounds: int = 40, rng: Any = None
) -> float:
    r"""Return Barber's bipartite modularity of the communities given, or of the best found.

    .. math:: Q = \sum_c \left[ \frac{L_c}{E} - \frac{K_c D_c}{E^2} \right]

    with :math:`L_c` the links inside community c, :math:`K_c` the degrees of its left and
    :math:`D_c` of its right nodes: chance joins only nodes of different sides.

    Parameters
    ----------
    graph : BipartiteGraph or what :func:`chgraph.as_bipartite` takes
    communities : (left labels, right labels), optional
        Those of :func:`find_layer_communities` by default.
    n_rounds, rng
        For :func:`find_layer_communities`.

    Returns
    -------
    float
        NaN without links.

    Raises
    ------
    ValueError
        If `communities` does not hold one integer per left and one per right node.

    References
    ----------
    Barber, Phys. Rev. E 76:066102, 2007, eq. 11.

    Examples
    --------
    >>> import numpy as np
    >>> barber_modularity(np.kron(np.eye(4), np.ones((2, 3))), rng=0)
    0.75
    """
    work = layer_workspace(graph)
    n_left, n_right = work.graph.shape
    if communities is None:
        communities = find_layer_communities(work, n_rounds=n_rounds, rng=rng)
    if not isinstance(communities, tuple | list) or len(communities) != 2:
        raise ValueError("communities must be a pair (left labels, right labels)")
    left = _checked_labels("communities[0]", communities[0], n_left)
    right = _checked_labels("communities[1]", communities[1], n_right)
    if not work.n_links:
        return Undefined(_NO_LINKS)
    return layer_modularity(work, _in_order(np.append(left, right)))


def _checked_labels(name: str, labels: Any, n_nodes: int) -> np.ndarray:
    """Return the labels as an integer array, or raise."""
    array = np.asarray(labels)
    if array.shape != (n_nodes,) or not (array.size == 0 or array.dtype.kind in "iu"):
        raise ValueError(
            f"{name} must hold an integer per node, shape ({n_nodes},); "
            f"got dtype {array.dtype} and shape {array.shape}"
        )
    return array.astype(np.int64)


def _in_order(labels: np.ndarray) -> np.ndarray:
    """Return the labels renamed 0, 1, ... in the order of their first node."""
    _, first, place = np.unique(labels, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(first))[place].astype(np.int64)
