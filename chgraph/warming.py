"""Compile every kernel now instead of when it is first needed."""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from chgraph import jit, topology
from chgraph.files import build_graph
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import METHODS, evaluate, predict_links, score_links
from chgraph.linkpred.methods import ADAPTIVE_METHODS, check_method
from chgraph.metrics import betweenness_centrality, closeness_centrality, powerlaw_p, summary
from chgraph.rewiring import (
    Wiring,
    regrow_links,
    removal_scores,
    remove_dead_chains,
    select_links,
)

_SEED = 0


def warm_up(*, progress: bool | None = None) -> float:
    """Compile every kernel and keep it on disk, so that no later call waits for it.

    For a container image, a cluster, a talk. Kernels that are on disk already are only read.

    Parameters
    ----------
    progress : bool, optional
        Whether to show a progress bar; by default on a terminal.

    Returns
    -------
    float
        Seconds it took.

    Examples
    --------
    >>> warm_up()  # doctest: +SKIP
    41.3
    """
    start = time.perf_counter()
    calls = _calls()
    hidden = None if progress is None else not progress
    with jit.always_compiling(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in tqdm(calls, desc="compiling", disable=hidden, delay=1.0):
            call()
    return time.perf_counter() - start


def _calls() -> list[Callable[[], Any]]:
    """Return calls that use every kernel, on graphs so small that they take no time."""
    rng = np.random.default_rng(_SEED)
    upper = np.triu(rng.random((14, 14)) < 0.3, 1)
    graph = Graph.from_adjacency(upper | upper.T)
    layer = BipartiteGraph.from_biadjacency(rng.random((8, 9)) < 0.4)
    calls: list[Callable[[], Any]] = []
    for network in (graph, layer):
        calls += _predictions(network)
        calls.append(partial(summary, network, cost="all", rng=_SEED))
        calls.append(partial(powerlaw_p, network, n_samples=3, rng=_SEED))
        calls.append(partial(_through_a_folder, network))
        calls.append(partial(topology.null_model, network, rng=_SEED))
        calls.append(partial(topology.null_model, network, kind="lattice", rng=_SEED))
        calls += [
            partial(measure, network) for measure in (closeness_centrality, betweenness_centrality)
        ]
    return [*calls, *_layer_calls(layer, rng), partial(_ask_as_networkx, graph.to_networkx())]


def _predictions(network: Graph | BipartiteGraph) -> list[Callable[[], Any]]:
    calls: list[Callable[[], Any]] = []
    for method in METHODS:
        if _serves(method, network):
            calls += [partial(predict_links, network, k, method=method) for k in (3, None)]
            if method not in ADAPTIVE_METHODS:
                calls.append(partial(_score_best, network, method))
    calls.append(partial(predict_links, network, tie_break="SPcorr"))
    calls.append(partial(evaluate, network, methods=("CH3-L3", "CH2-L3"), repeats=1, rng=_SEED))
    return calls


def _score_best(network: Graph | BipartiteGraph, method: str) -> None:
    best = predict_links(network, 3, method=method)
    score_links(network, [(u, v) for u, v, _ in best], method=method)


def _through_a_folder(network: Graph | BipartiteGraph) -> None:
    with tempfile.TemporaryDirectory() as folder:
        ends = np.column_stack(network.links())
        built = build_graph([ends], Path(folder, "built"), bipartite=network.is_bipartite)
        predict_links(built, 3)


def _ask_as_networkx(graph: Any) -> None:
    """Use what only the networkx backend does, where networkx knows it."""
    import networkx

    if "chgraph" not in networkx.config.backends:
        return
    for function in ("triangles", "square_clustering", "all_pairs_shortest_path_length"):
        dict(getattr(networkx, function)(graph, backend="chgraph"))
    list(networkx.jaccard_coefficient(graph, backend="chgraph"))
    list(networkx.resource_allocation_index(graph, backend="chgraph"))
    networkx.bipartite.average_clustering(networkx.path_graph(4), backend="chgraph")


def _serves(method: str, network: Graph | BipartiteGraph) -> bool:
    try:
        check_method(network, method)
    except ValueError:
        return False
    return True


def _layer_calls(layer: BipartiteGraph, rng: np.random.Generator) -> list[Callable[[], Any]]:
    shape = layer.shape
    spikes = rng.random((20, shape[0])) < 0.4
    scores = removal_scores(layer, rng.random(layer.n_links), kind="LRS")
    back = BipartiteGraph.from_biadjacency(layer.biadjacency().T)
    graphs = {"first": layer, "second": back}
    generators = (topology.regular, topology.erdos_renyi, topology.scale_free)
    matching = BipartiteGraph.from_links(range(9), range(9), (9, 9))  # a few walks in long rows
    return [
        partial(predict_links, matching, 3),
        *(partial(make, *shape, 0.5, rng=_SEED) for make in generators),
        partial(topology.small_world, *shape, 0.5, beta=0.3, rng=_SEED),
        partial(topology.receptive_field, *shape, 0.5, r=0.5, rng=_SEED),
        partial(topology.spike_correlated, spikes, shape[1], 0.5, rng=_SEED),
        partial(topology.feature_correlated, spikes * 1.0, shape[1], 0.5, rng=_SEED),
        partial(topology.sample_unlinked, layer, 3, rng=_SEED),
        partial(select_links, scores, 3, sampling="soft", rng=_SEED),
        partial(select_links, scores, 3, sampling="hard"),
        partial(remove_dead_chains, graphs, Wiring.path(graphs)),
        *(partial(regrow_links, layer, 3, sampling=how, rng=_SEED) for how in ("soft", "hard")),
    ]
