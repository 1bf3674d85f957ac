"""Link prediction: seconds, memory and agreement, beside the authors' module and libraries.

``python -m analysis.benchmarks.link_prediction [--quick] [--json FILE]``. Every case runs in a
process of its own, one after the other, on at most two threads, so that its peak memory is its
own. Networks other than those of networkx are read from the folder CHSNN_DATA names.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import networkx
import numpy as np

import chgraph
from analysis.benchmarks._cases import Arguments, Case, run_cases
from analysis.benchmarks._rows import Row, median_seconds, peak_memory_mb
from chgraph.linkpred.scores import unlinked_scores

_THREADS = 2
# Seconds of the authors' compiled module (C++, OpenMP) on two shared cores, measured once.
_AUTHORS = {
    (784, 1568, 0.01): 1.3,
    (784, 1568, 0.05): 18.0,
    (3072, 1000, 0.01): 6.1,
}
_AUTHORS_YEAST = 20.0


def random_layer(n_left: int, n_right: int, density: float) -> chgraph.BipartiteGraph:
    """Return a layer with exactly ``round(density * n_left * n_right)`` random links."""
    rng = np.random.default_rng(0)
    codes = rng.choice(n_left * n_right, round(density * n_left * n_right), replace=False)
    return chgraph.BipartiteGraph.from_links(*np.divmod(codes, n_right), (n_left, n_right))


def heavy_tailed(n_nodes: int, n_links: int, exponent: float = 3.0) -> chgraph.Graph:
    """Return a network whose expected degrees follow a power law (Chung-Lu), seeded."""
    rng = np.random.default_rng(0)
    weights = (np.arange(1, n_nodes + 1) + 10.0) ** (-1.0 / (exponent - 1.0))
    ends = np.searchsorted(np.cumsum(weights / weights.sum()), rng.random((2 * n_links, 2)))
    ends = np.sort(np.minimum(ends, n_nodes - 1)[ends[:, 0] != ends[:, 1]], axis=1)
    codes = rng.permutation(np.unique(ends[:, 0] * n_nodes + ends[:, 1]))[:n_links]
    return chgraph.Graph.from_links(*np.divmod(codes, n_nodes), n_nodes)


def yeast() -> chgraph.Graph | None:
    """Return the DIP yeast interactome, None where CHSNN_DATA does not hold it."""
    path = Path(os.environ.get("CHSNN_DATA", ".")) / "networks" / "yeast_dip.csv"
    if not path.is_file():
        return None
    graph = chgraph.read_network(path)
    assert isinstance(graph, chgraph.Graph)
    return graph


def _score_all(graph: Any, method: str = "CH3-L3") -> int:
    chunks = unlinked_scores(graph, method, n_threads=_THREADS)
    return sum(chunk.score.size for chunk in chunks)


def layer_case(n_left: int, n_right: int, density: float) -> Case:
    """Return the case that scores all unlinked pairs of a random layer."""

    def case(arguments: Arguments) -> list[Row]:
        from chgraph.linkpred import score_blocks

        layer = random_layer(n_left, n_right, density)
        left, right = layer.links()
        paths = float((layer.left_degree[left] * layer.right_degree[right]).sum())

        def score() -> None:
            for _ in score_blocks(layer, n_threads=_THREADS):
                pass

        seconds = median_seconds(score, arguments.repeats)
        name = f"layer {n_left} x {n_right} at {density:.0%}"
        authors = _AUTHORS.get((n_left, n_right, density))
        rows = [
            Row(
                f"CH3-L3, {name}, all scores",
                seconds,
                authors,
                "authors' module",
                peak_memory_mb(),
                f"{1e9 * seconds / paths:.2f} ns per path, {paths:.3g} paths",
            )
        ]
        return rows + call_rows(
            layer, name, seconds, arguments, _AUTHORS.get((n_left, n_right, density))
        )

    return case


def call_rows(
    graph: Any, name: str, kernel: float, arguments: Arguments, peer: float | None
) -> list[Row]:
    """Return rows of the call as a user makes it, beside the seconds of the scores alone."""
    rows = []
    for k, what in ((None, "all pairs, ranked"), (10_000, "the 10,000 best")):
        call = partial(chgraph.predict_links, graph, k, n_threads=_THREADS, progress=False)
        seconds = median_seconds(call, min(arguments.repeats, 5))
        note = f"{seconds / kernel:.2f} times the scores alone"
        rows.append(
            Row(f"predict_links, {name}, {what}", seconds, peer, "authors' module", note=note)
        )
    return rows


def yeast_case(arguments: Arguments) -> list[Row]:
    """Score all unlinked pairs of the yeast interactome, and find the best of them."""
    graph = yeast()
    if graph is None:
        return []
    n_pairs = _score_all(graph)
    whole = median_seconds(lambda: _score_all(graph), min(arguments.repeats, 5))
    memory = peak_memory_mb()
    every = partial(chgraph.predict_links, graph, method="CHA", n_threads=_THREADS)
    best = partial(every, k=1_000)
    return [
        Row(
            "CH3-L3, yeast (4,951 nodes, 22,382 links), all scores",
            whole,
            _AUTHORS_YEAST,
            "authors' module",
            memory,
            f"{n_pairs:,} pairs score above 0",
        ),
        *call_rows(graph, "yeast", whole, arguments, _AUTHORS_YEAST),
        Row(
            "predict_links, yeast, CHA, the 1,000 best", median_seconds(best, 3), note="four rules"
        ),
        Row(
            "predict_links, yeast, CHA, all pairs", median_seconds(every, 3), note="ties by SPcorr"
        ),
    ]


def scale_case(arguments: Arguments) -> list[Row]:
    """Find the best links of a network of a million links."""
    n_nodes, n_links, k = (20_000, 100_000, 10_000) if arguments.quick else (200_000, 10**6, 10**5)
    graph = heavy_tailed(n_nodes, n_links)
    first, second = graph.links()
    walks = float((graph.degree[first] * graph.degree[second]).sum())
    start = time.perf_counter()
    found = chgraph.predict_links(graph, k, n_threads=_THREADS, progress=sys.stderr.isatty())
    seconds = time.perf_counter() - start
    return [
        Row(
            f"CH3-L3, {n_nodes:,} nodes, {n_links:,} links, the {len(found):,} best",
            seconds,
            memory_mb=peak_memory_mb(),
            note=f"{walks:.3g} walks of 3 links, {walks / seconds:.3g} a second, one run",
        )
    ]


def libraries_case(arguments: Arguments) -> list[Row]:
    """Compare the classic indices with networkx and igraph: same scores, ratio of times."""
    n_nodes = 300 if arguments.quick else 1000
    graph = networkx.barabasi_albert_graph(n_nodes, 5, seed=1)
    ours = chgraph.as_graph(graph)
    peers: dict[str, Callable[[networkx.Graph], Any]] = {
        "RA": networkx.resource_allocation_index,
        "AA": networkx.adamic_adar_index,
        "JC": networkx.jaccard_coefficient,
    }
    rows = []
    for method, index in peers.items():
        expected = {(min(u, v), max(u, v)): s for u, v, s in index(graph) if s > 0}
        links = chgraph.predict_links(ours, method=method)
        _assert_equal({(u, v): s for u, v, s in links}, expected, method)
        rows.append(
            Row(
                f"{method}, {n_nodes} nodes, {graph.number_of_edges()} links, all pairs",
                median_seconds(partial(_score_all, ours, method), arguments.repeats),
                median_seconds(partial(_consume, index, graph), 1),
                "networkx",
                note="equal scores",
            )
        )
    jaccard = graph_to_igraph_jaccard(graph)
    theirs = np.array(jaccard())
    links = chgraph.predict_links(ours, method="JC")
    np.testing.assert_allclose(links.score, theirs[links.source, links.target], rtol=1e-11)
    rows.append(
        Row(
            f"JC, {n_nodes} nodes, all pairs",
            rows[-1].ours,
            median_seconds(jaccard, arguments.repeats),
            "igraph",
            note="equal scores; igraph returns the dense matrix",
        )
    )
    return rows


def _consume(index: Callable[[networkx.Graph], Any], graph: networkx.Graph) -> None:
    for _ in index(graph):
        pass


def graph_to_igraph_jaccard(graph: networkx.Graph) -> Callable[[], Any]:
    """Return igraph's Jaccard of all pairs as a call."""
    import igraph

    converted = igraph.Graph(n=graph.number_of_nodes(), edges=list(graph.edges()))
    return lambda: converted.similarity_jaccard(loops=False)


def _assert_equal(ours: dict[Any, float], theirs: dict[Any, float], what: str) -> None:
    assert ours.keys() == theirs.keys(), what
    keys = sorted(ours)
    np.testing.assert_allclose([ours[k] for k in keys], [theirs[k] for k in keys], rtol=1e-11)


CASES: dict[str, Case] = {
    **{
        f"layer-{n}x{m}-{density}": layer_case(n, m, density)
        for n, m, density in (
            (784, 1568, 0.01),
            (784, 1568, 0.05),
            (3072, 1000, 0.01),
            (4096, 4096, 0.01),
        )
    },
    "yeast": yeast_case,
    "libraries": libraries_case,
    "scale": scale_case,
}
_NOT_QUICK = ("layer-4096x4096-0.01",)
_QUICK = tuple(name for name in CASES if name not in _NOT_QUICK)


if __name__ == "__main__":
    run_cases("link_prediction", CASES, quick=_QUICK)
