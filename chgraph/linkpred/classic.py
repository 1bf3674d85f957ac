r"""Classic link predictors, as baselines.

For one kind of node, N(u) the neighbors of u and d their number:

=====  ==========================================================================
CN     number of common neighbors
JC     CN / number of neighbors of either
AA     sum over the common neighbors z of 1 / ln d(z)
RA     sum over the common neighbors z of 1 / d(z)
PA     d(u) d(v)
Katz   sum over the walks between u and v of beta^length, beta = 1 / (2 lambda_max)
SPM    structural perturbation of the adjacency matrix, mean of 10 removals of 10 %
=====  ==========================================================================

Katz and SPM are left to LAPACK, whose last digits (1e-13) depend on its number of threads; all
other scores are the same bits at any.

In a bipartite network u and v have no common neighbors. There the local community (links
between N(u) and N(v)) takes their place: LCL is the number of these links, cn_u and cn_v are
the numbers of neighbors of u and of v that have one, g(z) is how many of them z has, and
CN = cn_u + cn_v:

=====  ==========================================================================
CN     cn_u + cn_v
JC     CN / (d(u) + d(v))
CAR    CN LCL
CJC    CAR / (d(u) + d(v))
CPA    e_u e_v + e_u CAR + e_v CAR + CAR^2 with e = d - cn
RA     sum over the nodes z counted in CN of 1 / d(z)
AA     the same of 1 / log2 d(z)
CRA    the same of g(z) / d(z)
CAA    the same of g(z) / log2 d(z)
PA     d(u) d(v)
=====  ==========================================================================

References: Liben-Nowell and Kleinberg, JASIST 58:1019, 2007 (CN, JC, AA, PA, Katz); Zhou, Lu
and Zhang, Eur. Phys. J. B 71:623, 2009 (RA); Lu et al., PNAS 112:2325, 2015 (SPM); Daminelli,
Thomas, Duran and Cannistraci, New J. Phys. 17:113037, 2015 (bipartite forms).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
import scipy.sparse

from chgraph._neighbor_lists import neighbor_sums, node_array
from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred._classic_bipartite import (
    BIPARTITE_FORMS,
    bipartite_pair_scores,
    bipartite_scores,
    form_layers,
)
from chgraph.linkpred._classic_dense import katz_beta, katz_matrix, spm_matrix, without_own_link
from chgraph.linkpred._monopartite_network import chunk_bounds
from chgraph.linkpred._pairs import Progress, ScoredPairs, best_first, joined

__all__ = [
    "CLASSIC_METHODS",
    "check_classic_method",
    "classic_methods",
    "classic_pair_scores",
    "classic_scores",
    "katz_matrix",
    "spm_matrix",
]

CLASSIC_METHODS: dict[str, str] = {
    "CN": "common neighbors",
    "JC": "Jaccard: common neighbors over all neighbors",
    "AA": "Adamic-Adar: common neighbors, each over the logarithm of its degree",
    "RA": "resource allocation: common neighbors, each over its degree",
    "PA": "preferential attachment: product of the degrees",
    "Katz": "walks of all lengths, damped by length (one kind of node, at most 10,000)",
    "SPM": "structural perturbation (one kind of node, at most 5,000)",
    "CAR": "common neighbors times links between them (bipartite)",
    "CJC": "CAR over the degrees (bipartite)",
    "CPA": "preferential attachment of what is in and outside the community (bipartite)",
    "CRA": "resource allocation weighted by internal links (bipartite)",
    "CAA": "Adamic-Adar weighted by internal links (bipartite)",
}
"""The classic methods by name; :func:`classic_methods` tells those of a kind of graph."""

_COMMON_NEIGHBORS = ("CN", "JC", "AA", "RA")
_MONOPARTITE = (*_COMMON_NEIGHBORS, "PA", "Katz", "SPM")
_CHUNK_PAIRS = 2_000_000


def classic_methods(graph: Graph | BipartiteGraph) -> tuple[str, ...]:
    """Return the names of the classic methods that can score this kind of graph.

    Examples
    --------
    >>> import chgraph
    >>> classic_methods(chgraph.datasets.load("southern_women"))
    ('CN', 'JC', 'CAR', 'CJC', 'CPA', 'RA', 'AA', 'CRA', 'CAA', 'PA')
    """
    return BIPARTITE_FORMS if graph.is_bipartite else _MONOPARTITE


def check_classic_method(graph: Graph | BipartiteGraph, method: str) -> str:
    """Return the name of a classic method, or raise ValueError if it cannot score `graph`.

    Examples
    --------
    >>> import chgraph
    >>> check_classic_method(chgraph.datasets.load("karate"), "RA")
    'RA'
    """
    check_choice("method", method, CLASSIC_METHODS)
    available = classic_methods(graph)
    if method not in available:
        kind = "bipartite networks" if graph.is_bipartite else "networks of one kind of node"
        raise ValueError(
            f"method {method!r} is not defined for {kind}; the classic methods that are: "
            f"{', '.join(available)}"
        )
    return method


def classic_scores(
    graph: Graph | BipartiteGraph,
    method: str,
    *,
    n_threads: int | None = None,
    progress: Progress | None = None,
) -> Iterator[ScoredPairs]:
    """Score all unlinked pairs by a classic method, in chunks of some 2 million pairs.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    method : str
        One of :func:`classic_methods`; formulas at the head of this module.
    n_threads : int, optional
        Of the bipartite forms; the scores are the same for any number. Sparse products run
        on one thread, and the dense algebra of Katz and SPM as the BLAS library is set.
    progress : callable, optional
        Called with the fraction of the work that each chunk was.

    Yields
    ------
    ScoredPairs
        The pairs with a positive score; every other unlinked pair scores 0 (negative
        entries of SPM count as 0). Within all chunks each pair stands once.

    Raises
    ------
    ValueError
        If `method` is unknown or not defined for the graph, or the graph is too large for
        Katz or SPM.

    Examples
    --------
    >>> square = Graph.from_links([0, 1, 2, 3], [1, 2, 3, 0])
    >>> [(chunk.source, chunk.target, chunk.score) for chunk in classic_scores(square, "RA")]
    [(array([0, 1]), array([2, 3]), array([1., 1.]))]
    """
    ready = ClassicSources(graph, method, n_threads)
    return ready.chunks(0, ready.costs.size, n_threads, progress)


class ClassicSources:
    """The nodes of a graph (the left ones of two kinds), made ready to be scored by a method.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    method : str
    n_threads : int, optional

    Attributes
    ----------
    costs : ndarray of float64 or int64
        About the work that each is.
    """

    def __init__(
        self, graph: Graph | BipartiteGraph, method: str, n_threads: int | None = None
    ) -> None:
        check_classic_method(graph, method)
        self.costs: np.ndarray
        self._chunks: Callable[..., Iterator[ScoredPairs]]
        if isinstance(graph, BipartiteGraph):
            layers = form_layers(graph, method, n_threads)
            self.costs = np.ones(graph.n_left)
            self._chunks = partial(
                bipartite_scores, graph, method, layers, chunk_pairs=_CHUNK_PAIRS
            )
        elif method in _COMMON_NEIGHBORS:
            matrices = _weighted(graph, method)
            self.costs = neighbor_sums(graph.offsets, graph.neighbors, graph.degree)
            self._chunks = partial(_common_neighbor_scores, graph, method, matrices, self.costs)
        else:
            self.costs = np.ones(graph.n_nodes)
            self._chunks = partial(_row_scores, graph, _dense_rows(graph, method))

    def chunks(
        self, first: int, last: int, n_threads: int | None, progress: Progress | None
    ) -> Iterator[ScoredPairs]:
        """Yield the positive scores of the sources first..last-1."""
        return self._chunks((first, last), n_threads=n_threads, progress=progress)

    def best(
        self, first: int, last: int, k: int, n_threads: int | None, progress: Progress | None
    ) -> ScoredPairs:
        """Return the k best pairs of the sources first..last-1, best first."""
        best = joined([])
        for chunk in self.chunks(first, last, n_threads, progress):
            best = best_first(joined([best, best_first(chunk, k)]), k)
        return best


def classic_pair_scores(
    graph: Graph | BipartiteGraph, method: str, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """Score the given pairs, linked or not, by a classic method.

    The link of a linked pair is left out first by Katz (beta stays that of the network) and
    by all bipartite forms. In CN, AA and RA it makes no difference, and in JC and PA it
    counts, as in networkx: each end is a neighbor of the other. SPM, which takes out links
    itself, scores it as it is.

    Parameters
    ----------
    graph : Graph or BipartiteGraph
    method : str
        One of :func:`classic_methods`. Katz and SPM compute all pairs for any number of them.
    source, target : array_like of int
        Two different nodes each; the left and the right node in a bipartite graph.

    Returns
    -------
    ndarray of float64

    Raises
    ------
    ValueError
        As :func:`classic_scores`, or if a node is out of range.

    Examples
    --------
    >>> square = Graph.from_links([0, 1, 2, 3], [1, 2, 3, 0])
    >>> classic_pair_scores(square, "JC", [0, 0], [1, 2])
    array([0., 1.])
    """
    check_classic_method(graph, method)
    source = node_array("source", source, graph.shape[0])
    target = node_array("target", target, graph.shape[1])
    if source.shape != target.shape:
        raise ValueError(
            f"source and target must have equal length, got {source.size} and {target.size}"
        )
    if isinstance(graph, BipartiteGraph):
        return bipartite_pair_scores(graph, method, source, target)
    if (source == target).any():
        raise ValueError("source and target must be two different nodes")
    if method == "PA":
        return (graph.degree[source] * graph.degree[target]).astype(np.float64)
    if method == "SPM":
        return np.maximum(spm_matrix(graph)[source, target], 0.0)
    if method == "Katz":
        return _katz_pairs(graph, source, target)
    return _common_neighbor_pairs(graph, method, source, target)


# ----------------------------------------------------------------- common neighbors


def _weighted(graph: Graph, method: str) -> tuple[scipy.sparse.csr_array, scipy.sparse.csr_array]:
    """Return the adjacency A and diag(w) A, with w(z) what a common neighbor z counts."""
    adjacency = graph.adjacency().astype(np.float64)
    degree = graph.degree.astype(np.float64)
    weight = np.ones(graph.n_nodes)
    shared = degree > 1  # nobody's only neighbor is a common one
    if method == "RA":
        weight[shared] = 1 / degree[shared]
    elif method == "AA":
        weight[shared] = 1 / np.log(degree[shared])
    scaled = adjacency.copy()
    scaled.data = np.repeat(weight, graph.degree)
    return adjacency, scaled


def _jaccard(graph: Graph, cn: np.ndarray, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    union = graph.degree[u] + graph.degree[v] - cn
    return cn / np.maximum(union, 1)


def _common_neighbor_scores(
    graph: Graph,
    method: str,
    matrices: tuple[scipy.sparse.csr_array, scipy.sparse.csr_array],
    walks: np.ndarray,
    sources: tuple[int, int],
    *,
    n_threads: int | None,
    progress: Progress | None,
) -> Iterator[ScoredPairs]:
    """Yield blocks of rows of A diag(w) A, without linked pairs and the lower triangle."""
    adjacency, scaled = matrices
    first, last = sources
    reached, total = np.minimum(walks, graph.n_nodes)[first:last], walks[first:last].sum()
    limit = _CHUNK_PAIRS
    if progress is not None:
        limit = min(limit, int(reached.sum()) // 100 + 1)
    for start, stop in itertools.pairwise(first + np.array(chunk_bounds(reached, limit))):
        block = (adjacency[start:stop] @ scaled).tocoo()
        u, v = (index.astype(np.int64) for index in block.coords)
        u += start
        kept = v > u
        u, v, score = u[kept], v[kept], block.data[kept]
        kept = ~_linked(graph, start, stop, u, v)
        u, v, score = u[kept], v[kept], score[kept]
        yield ScoredPairs(u, v, _jaccard(graph, score, u, v) if method == "JC" else score)
        if progress is not None:
            progress(walks[start:stop].sum() / max(total, 1.0))


def _linked(graph: Graph, start: int, stop: int, u: np.ndarray, v: np.ndarray) -> np.ndarray:
    """Whether pairs are linked whose u lie in a block of rows; only that block is searched."""
    neighbors = graph.neighbors[graph.offsets[start] : graph.offsets[stop]]
    if not neighbors.size:
        return np.zeros(u.size, dtype=bool)
    codes = np.repeat(np.arange(start, stop), graph.degree[start:stop]) * graph.n_nodes + neighbors
    wanted = u * graph.n_nodes + v
    place = np.minimum(np.searchsorted(codes, wanted), codes.size - 1)
    return codes[place] == wanted


def _common_neighbor_pairs(
    graph: Graph, method: str, source: np.ndarray, target: np.ndarray
) -> np.ndarray:
    adjacency, scaled = _weighted(graph, method)
    # Entry (v, z) of the transpose weighs z.
    weighing = scaled.T.tocsr()
    scores = np.empty(source.size)
    entries = graph.degree[source] + graph.degree[target]
    for start, stop in itertools.pairwise(chunk_bounds(entries, _CHUNK_PAIRS)):
        common = adjacency[source[start:stop]].multiply(weighing[target[start:stop]])
        scores[start:stop] = common.sum(axis=1)
    return _jaccard(graph, scores, source, target) if method == "JC" else scores


# ------------------------------------------------------------------------ dense rows


def _dense_rows(graph: Graph, method: str) -> Callable[[slice], np.ndarray]:
    """Return a function that gives the scores of a block of rows with all nodes."""
    if method == "PA":
        degree = graph.degree.astype(np.float64)
        return lambda rows: np.outer(degree[rows], degree)
    matrix = katz_matrix(graph) if method == "Katz" else spm_matrix(graph)
    return lambda rows: matrix[rows].copy()


def _row_scores(
    graph: Graph,
    rows_of: Callable[[slice], np.ndarray],
    sources: tuple[int, int],
    *,
    n_threads: int | None,
    progress: Progress | None,
) -> Iterator[ScoredPairs]:
    """Yield the positive entries above the diagonal at the unlinked pairs."""
    n, nodes = graph.n_nodes, np.arange(graph.n_nodes)
    n_rows = max(1, _CHUNK_PAIRS // max(n, 1))
    first, last = sources
    for start in range(first, last, n_rows):
        stop = min(start + n_rows, last)
        block = rows_of(slice(start, stop))
        neighbors = graph.neighbors[graph.offsets[start] : graph.offsets[stop]]
        local = np.repeat(np.arange(stop - start), graph.degree[start:stop])
        block[local, neighbors] = 0.0
        row, target = np.nonzero((block > 0) & (nodes > nodes[start:stop, None]))
        yield ScoredPairs(row + start, target, block[row, target])
        if progress is not None:
            progress((stop - start) / (last - first))


def _katz_pairs(graph: Graph, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    beta = katz_beta(graph)
    katz = katz_matrix(graph, beta)
    scores = katz[source, target]
    linked = graph.has_links(source, target)
    scores[linked] = without_own_link(katz, source[linked], target[linked], beta)
    return scores
