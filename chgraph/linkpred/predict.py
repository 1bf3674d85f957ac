"""``predict_links`` and ``score_links``: link prediction on any network, one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from chgraph._ranking import TooManyPairs
from chgraph._rounding import round_significant
from chgraph.checks import check_choice, check_count
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.linkpred._pairs import Progress, ScoredPairs, at_most, best_first, joined, scaled
from chgraph.linkpred._rule_choice import choose_rule
from chgraph.linkpred._spcorr import spcorr
from chgraph.linkpred.automata import operations_of
from chgraph.linkpred.methods import ADAPTIVE_METHODS, LOCAL_COMMUNITIES, check_method
from chgraph.linkpred.prediction import LinkPrediction
from chgraph.linkpred.rules import Rule
from chgraph.linkpred.scores import (
    best_of_nodes,
    best_unlinked,
    pair_scores,
    unlinked_scores,
)
from chgraph.threads import at_once

TIE_BREAKS = ("index", "SPcorr")
_MAX_PAIRS = 20_000_000
_NO_SECOND = 1e8  # operations that take less than the second after which a bar is shown


def predict_links(
    adj: Any,
    k: int | None = None,
    *,
    method: str = "CH3-L3",
    nodes: Any = None,
    bipartite: bool | None = None,
    tie_break: str = "index",
    local_community: str = "all",
    n_threads: int | None = None,
    progress: bool | None = None,
) -> LinkPrediction:
    r"""Rank the missing links of a network, likeliest first.

    Parameters
    ----------
    adj : array_like, scipy sparse, networkx.Graph, igraph.Graph, Graph or BipartiteGraph
        The network. A rectangular matrix is a biadjacency, a square symmetric one an
        adjacency; weights, self-loops and repeated links are left out with a
        :class:`GraphInputWarning`; directed networks are refused.
    k : int, optional
        Return the best `k` pairs only, in memory O(links + k + one row per thread). By
        default every unlinked pair with a positive score.
    method : str
        A key of :data:`chgraph.METHODS`: a Cannistraci-Hebb rule ("CH3-L3", "CH2-L2",
        ...), an adaptive choice among them ("CHA"), or a classic ("RA", "JC", ...), in upper or
        lower case.
    nodes : iterable, optional
        Only pairs of which one node is among these, by name (or number); left nodes in a
        bipartite network. Not for the adaptive methods and the node-based rules.
    bipartite : bool, optional
        Say so for a square layer, or for a networkx or igraph graph with sides.
    tie_break : {"index", "SPcorr"}
        Order of pairs whose scores agree to 12 significant digits: by (source, target), or
        by the Spearman correlation of the two nodes' distances to all nodes, over links
        of length 1 / (1 + score). "CHA" always uses SPcorr.
    local_community : {"all", "on-path"}
        Which links count as internal: all links between nodes of the local community (the
        published definition), or only the middle links of the pair's paths. They differ
        only for L3 rules in graphs with triangles.
    n_threads : int, optional
        At most this many threads; the result is the same for any number.
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal, for work over a second.

    Returns
    -------
    LinkPrediction
        With `source`, `target`, `score`; iterating gives (u, v, score) with node names.

    Raises
    ------
    TypeError
        If `adj` is not a network.
    ValueError
        If an argument is out of range, the method does not serve this kind of network, or
        `k` is None and more than 20 million pairs score above 0.

    See Also
    --------
    score_links : Scores of chosen pairs, linked ones included.
    chgraph.linkpred.evaluate : How well methods find removed links.

    Examples
    --------
    >>> import networkx
    >>> import chgraph
    >>> print(chgraph.predict_links(networkx.karate_club_graph(), k=3))  # doctest: +SKIP
    >>> chgraph.predict_links([[0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 0, 1], [0, 0, 1, 0]])
    1 link predicted by CH3-L3
    source  target  score
         0       3      1
    """
    graph = as_network(adj, bipartite)
    method = check_method(graph, method)
    chosen = None if nodes is None else _chosen(graph, method, nodes)
    check_choice("tie_break", tie_break, TIE_BREAKS)
    check_choice("local_community", local_community, LOCAL_COMMUNITIES)
    rule = Rule.read(method)
    if tie_break == "SPcorr" and rule is not None and rule.node_based:
        raise ValueError(
            f'tie_break="SPcorr" needs scores of the existing links, which {method} does not '
            'define; use tie_break="index" or a path-based rule'
        )
    if k is not None:
        k = check_count("k", k)
    options: dict[str, Any] = {"local_community": local_community, "n_threads": n_threads}
    ranked: dict[str, Any] = {**options, "nodes": chosen}
    details: dict[str, Any] = {}
    work = operations_of(graph)
    with at_once(work, n_threads), _progress_bar(method, progress, work) as told:
        if method in ADAPTIVE_METHODS:
            pairs, details = _adaptive(graph, method, k, progress=told, **options)
        elif tie_break == "SPcorr":
            pairs = _by_spcorr(graph, method, k, progress=told, **ranked)
        else:
            pairs = _by_score(graph, method, k, progress=told, **ranked)
    return LinkPrediction(*pairs, method=method, graph=graph, details=details)


def score_links(
    adj: Any,
    pairs: Any,
    *,
    method: str = "CH3-L3",
    bipartite: bool | None = None,
    local_community: str = "all",
    n_threads: int | None = None,
) -> np.ndarray:
    """Score chosen pairs of nodes, linked ones included.

    The Cannistraci-Hebb rules leave the own link of a linked pair out first; what the
    classics do with it is said at :func:`chgraph.linkpred.classic.classic_pair_scores`.

    Parameters
    ----------
    adj, method, bipartite, local_community, n_threads
        As in :func:`predict_links`; adaptive methods have no score of a pair.
    pairs : iterable of (u, v)
        By node names where the network has names, else by number; (left, right) in a
        bipartite network.

    Returns
    -------
    ndarray of float64, shape (n_pairs,)

    Raises
    ------
    ValueError
        If a node is not in the network, both are the same, or an argument is out of range.

    Examples
    --------
    >>> import networkx
    >>> score_links(networkx.path_graph(4), [(0, 3), (0, 1)])
    array([1., 0.])
    """
    graph = as_network(adj, bipartite)
    source, target = _numbers(graph, pairs)
    options: dict[str, Any] = {"local_community": local_community, "n_threads": n_threads}
    with at_once(operations_of(graph), n_threads):
        return pair_scores(graph, method, source, target, **options)


def _chosen(graph: Graph | BipartiteGraph, method: str, nodes: Any) -> np.ndarray:
    """Return the numbers of the nodes that are asked for, ascending."""
    rule = Rule.read(method)
    if method in ADAPTIVE_METHODS or (rule is not None and rule.node_based):
        raise ValueError(
            f"nodes needs a method that scores single pairs, got {method!r}; use a path-based rule "
            'as method="CH3-L3"'
        )
    if isinstance(nodes, str) or not isinstance(nodes, Iterable):
        raise TypeError(f"nodes must be several nodes, as [u] for a single one; got {nodes!r}")
    return np.unique(_places("nodes", list(nodes), graph.end_names[0], graph.shape[0]))


def _by_score(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    nodes: np.ndarray | None,
    **options: Any,
) -> ScoredPairs:
    try:
        if nodes is not None:
            return best_of_nodes(graph, method, nodes, k, most=_MAX_PAIRS, **options)
        return best_unlinked(graph, method, k, most=_MAX_PAIRS, **options)
    except TooManyPairs as error:
        raise ValueError(
            f'{error}; pass k (and tie_break="index") to get the best k of them, or read them in '
            "chunks from chgraph.linkpred.unlinked_scores"
        ) from None


def _by_spcorr(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    progress: Progress | None,
    nodes: np.ndarray | None,
    **options: Any,
) -> ScoredPairs:
    if k is None or nodes is not None:
        pairs = _by_score(graph, method, None, progress=progress, nodes=nodes, **options)
    else:
        pairs = _best_and_ties(graph, method, k, progress=progress, **options)
    tied = _tied(pairs.score)
    correlation = np.zeros(pairs.score.size)
    if tied.any():
        link_scores = pair_scores(graph, method, *graph.links(), **options)
        correlation[tied] = spcorr(
            graph,
            link_scores,
            pairs.source[tied],
            pairs.target[tied],
            n_threads=options["n_threads"],
        )
    return best_first(pairs, k, then=correlation)


def _best_and_ties(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int,
    *,
    progress: Progress | None,
    **options: Any,
) -> ScoredPairs:
    """Return the k best pairs and all that tie with the last of them, best first."""
    best = _by_score(graph, method, k, progress=scaled(progress, 0.5), nodes=None, **options)
    if not k or best.score.size < k:
        if progress is not None:
            progress(0.5)
        return best
    least = best.score[-1] * (1 - 1e-11)
    chunks = unlinked_scores(graph, method, progress=scaled(progress, 0.5), **options)
    near = (ScoredPairs(*(part[chunk.score >= least] for part in chunk)) for chunk in chunks)
    try:
        return best_first(joined(at_most(near, _MAX_PAIRS)))
    except TooManyPairs as error:
        raise ValueError(
            f'{error} or tie with the last of the best; use tie_break="index"'
        ) from None


def _tied(falling: np.ndarray) -> np.ndarray:
    """Whether each of some falling scores agrees with a neighbor at 12 significant digits."""
    keys = round_significant(falling)
    tied = np.zeros(keys.size, dtype=bool)
    tied[1:] = keys[1:] == keys[:-1]
    tied[:-1] |= tied[1:]
    return tied


def _adaptive(
    graph: Graph | BipartiteGraph,
    method: str,
    k: int | None,
    *,
    progress: Progress | None,
    **options: Any,
) -> tuple[ScoredPairs, dict[str, Any]]:
    choice = choose_rule(graph, method, progress=scaled(progress, 0.5), **options)
    pairs = _by_spcorr(
        graph, choice.selected, k, progress=scaled(progress, 0.5), nodes=None, **options
    )
    bounds = {rule: list(ends) for rule, ends in choice.bounds.items()}
    return pairs, {"selected": choice.selected, "aupr_bounds": bounds}


def _numbers(graph: Graph | BipartiteGraph, pairs: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the pairs as node numbers."""
    ends, names = _ends_of(pairs), graph.end_names
    first, second = (
        _places("pairs", ends[side], names[side], graph.shape[side]) for side in (0, 1)
    )
    if not graph.is_bipartite and (first == second).any():
        raise ValueError("pairs must join two different nodes")
    return first, second


def _ends_of(pairs: Any) -> tuple[Any, Any]:
    """Return all first and all second nodes: two columns of an array, or two lists."""
    if isinstance(pairs, np.ndarray) and pairs.ndim == 2 and pairs.shape[1] == 2:
        return pairs[:, 0], pairs[:, 1]
    listed = [_pair(pair) for pair in pairs]
    return [first for first, _ in listed], [second for _, second in listed]


def _pair(pair: Any) -> tuple[Any, ...]:
    ends = tuple(pair) if isinstance(pair, Iterable) and not isinstance(pair, str) else ()
    if len(ends) != 2:
        raise ValueError(
            f"pairs must hold two nodes each, as [(u, v)] for a single pair; got {pair!r}"
        )
    return ends


def _places(argument: str, ends: Any, names: tuple[Any, ...] | None, n_nodes: int) -> np.ndarray:
    """Return the numbers of some nodes."""
    if names is None:
        numbers = np.asarray(ends)
        whole = np.issubdtype(numbers.dtype, np.integer)
        if numbers.size and whole and int(numbers.min()) >= 0 and int(numbers.max()) < n_nodes:
            return numbers.astype(np.int64)
    place = {name: i for i, name in enumerate(range(n_nodes) if names is None else names)}
    listed = ends.tolist() if isinstance(ends, np.ndarray) else ends
    missing = [end for end in listed if end not in place]
    if missing:
        raise ValueError(f"{argument} name node {missing[0]!r}, which the network does not have")
    return np.array([place[end] for end in listed], dtype=np.int64)


@contextmanager
def _progress_bar(label: str, shown: bool | None, operations: float) -> Iterator[Progress | None]:
    """Yield a function that moves a bar by a fraction of the whole; None if there is no bar."""
    if shown is False or (shown is None and operations < _NO_SECOND):
        yield None
        return
    hidden = None if shown is None else not shown
    with tqdm(
        total=1.0,
        desc=label,
        disable=hidden,
        delay=1.0 if shown is None else 0.0,
        bar_format="{l_bar}{bar}| {elapsed}, {remaining} to go",
    ) as bar:

        def advance(fraction: float) -> None:
            bar.update(min(fraction, 1.0 - bar.n))

        yield None if bar.disable else advance
