"""``predict_links`` and ``score_links``: link prediction on any network, one call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from chgraph.checks import check_choice, check_count
from chgraph.cluster import check_client
from chgraph.graph import BipartiteGraph, Graph, as_network
from chgraph.linkpred._pairs import Progress
from chgraph.linkpred.automata import operations_of
from chgraph.linkpred.distributed import rank_on_cluster
from chgraph.linkpred.methods import ADAPTIVE_METHODS, LOCAL_COMMUNITIES, check_method
from chgraph.linkpred.prediction import LinkPrediction
from chgraph.linkpred.ranking import rank_pairs
from chgraph.linkpred.rules import Rule
from chgraph.linkpred.scores import pair_scores
from chgraph.threads import at_once

TIE_BREAKS = ("index", "SPcorr")
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
    client: Any = None,
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
    client : dask.distributed.Client, optional
        Share the work among the workers of a Dask cluster (extra ``dask``); the result has the
        same bits. Each part then takes `n_threads` threads, 1 by default: a worker of four
        threads works on four parts. "Katz", "SPM", the adaptive methods, SPcorr and `nodes` are
        done by one worker. See `docs/guide/scale.md`.

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
        `k` is None and more than 20 million pairs score above 0; if a worker of `client` has
        other versions of what computes.

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
    if client is not None:
        client = check_client(client)
    options: dict[str, Any] = {
        "nodes": chosen,
        "tie_break": tie_break,
        "local_community": local_community,
        "n_threads": n_threads,
    }
    work = operations_of(graph)
    with at_once(work, n_threads), _progress_bar(method, progress, work) as told:
        if client is None:
            pairs, details = rank_pairs(graph, method, k, progress=told, **options)
        else:
            pairs, details = rank_on_cluster(client, graph, method, k, progress=told, **options)
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
