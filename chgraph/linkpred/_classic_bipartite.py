"""Sums over the local community of a bipartite pair: what the forms of Daminelli et al. need.

For u (left) and v (right) the local community is the right nodes z1 of N(u) and the left
nodes z2 of N(v) that are linked to each other; di counts those links of a node. Every form
combines sums, over both sides or one of them, of a term that depends on (d, di) only, which
the node-based kernel of :mod:`_bipartite_core` adds up once its tables hold that term.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np

from chgraph.graph import BipartiteGraph
from chgraph.jit import Int, kernel
from chgraph.linkpred import _bipartite_core
from chgraph.linkpred._bipartite_core import Layer
from chgraph.linkpred._pairs import Progress, ScoredPairs
from chgraph.threads import run_workers, thread_limit

Term = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _one(degree: np.ndarray, internal: np.ndarray) -> np.ndarray:
    return np.ones(degree.size)


def _internal(degree: np.ndarray, internal: np.ndarray) -> np.ndarray:
    return internal.astype(np.float64)


class _Sum(NamedTuple):
    """A sum of terms over the local community: over its left nodes, its right ones, or both."""

    term: Term
    left: bool = True
    right: bool = True


class _Form(NamedTuple):
    """A score as a function of the degrees of u and v and of sums over their community."""

    sums: tuple[_Sum, ...]
    combine: Callable[..., np.ndarray]


_CN = _Sum(_one)
_LEFT_CN, _RIGHT_CN = _Sum(_one, right=False), _Sum(_one, left=False)
_LCL = _Sum(_internal, right=False)  # each internal link has one left end


def _share(total: np.ndarray, of: np.ndarray) -> np.ndarray:
    """total / of, 0 for nodes without any link."""
    return total / np.maximum(of, 1)


def _cpa(
    d_u: np.ndarray, d_v: np.ndarray, on_right: np.ndarray, on_left: np.ndarray, lcl: np.ndarray
) -> np.ndarray:
    car = (on_right + on_left) * lcl
    e_u, e_v = d_u - on_right, d_v - on_left
    return e_u * e_v + e_u * car + e_v * car + car**2


_FORMS: dict[str, _Form] = {
    "CN": _Form((_CN,), lambda d_u, d_v, cn: cn),
    "JC": _Form((_CN,), lambda d_u, d_v, cn: _share(cn, d_u + d_v)),
    "CAR": _Form((_CN, _LCL), lambda d_u, d_v, cn, lcl: cn * lcl),
    "CJC": _Form((_CN, _LCL), lambda d_u, d_v, cn, lcl: _share(cn * lcl, d_u + d_v)),
    "CPA": _Form((_RIGHT_CN, _LEFT_CN, _LCL), _cpa),
    "RA": _Form((_Sum(lambda d, di: 1 / d),), lambda d_u, d_v, total: total),
    "AA": _Form((_Sum(lambda d, di: 1 / np.log2(d)),), lambda d_u, d_v, total: total),
    "CRA": _Form((_Sum(lambda d, di: di / d),), lambda d_u, d_v, total: total),
    "CAA": _Form((_Sum(lambda d, di: di / np.log2(d)),), lambda d_u, d_v, total: total),
    "PA": _Form((), lambda d_u, d_v: (d_u * d_v).astype(np.float64)),
}
BIPARTITE_FORMS = tuple(_FORMS)


def form_layers(graph: BipartiteGraph, method: str, n_threads: int | None) -> list[Layer]:
    """One layer for the node-based kernel per sum of the form; they share all but the terms."""
    form = _FORMS[method]
    if not form.sums:
        return []
    with thread_limit(n_threads):
        layer = _bipartite_core.prepare(
            graph.left_offsets,
            graph.left_neighbors,
            graph.right_offsets,
            graph.right_neighbors,
            "CH3",
            node_based=True,
        )
    return [
        layer._replace(
            left_values=_table(graph.left_degree, wanted.term, filled=wanted.left),
            right_values=_table(graph.right_degree, wanted.term, filled=wanted.right),
        )
        for wanted in form.sums
    ]


def _table(degrees: np.ndarray, term: Term, *, filled: bool) -> np.ndarray:
    """Terms over (degree, di) in the order of ``_node_terms.term_table``.

    A node of the community has 1 <= di < d: it is linked to another member and to u or v.
    """
    distinct = np.unique(degrees)
    degree = np.repeat(distinct, distinct + 1)
    begins = np.cumsum(distinct + 1) - distinct - 1
    internal = np.arange(degree.size) - np.repeat(begins, distinct + 1)
    valid = (internal >= 1) & (internal < degree) & filled
    values = np.zeros(degree.size)
    values[valid] = term(degree[valid], internal[valid])
    return values


def bipartite_scores(
    graph: BipartiteGraph,
    method: str,
    layers: list[Layer],
    sources: tuple[int, int],
    *,
    chunk_pairs: int,
    n_threads: int | None,
    progress: Progress | None,
) -> Iterator[ScoredPairs]:
    """Yield the positive scores of the unlinked pairs, a block of left nodes at a time."""
    form, (begin, end) = _FORMS[method], sources
    rows = max(1, chunk_pairs // max(graph.n_right, 1))
    if progress is not None:
        rows = min(rows, -(-(end - begin) // 100))
    for start in range(begin, end, max(rows, 1)):
        stop = min(start + rows, end)
        sums = [np.empty((stop - start, graph.n_right)) for _ in layers]
        for layer, out in zip(layers, sums, strict=True):
            with thread_limit(n_threads) as n_workers:
                _bipartite_core.score_rows(start, stop, layer, n_workers, out)
        d_u, d_v = graph.left_degree[start:stop, None], graph.right_degree[None, :]
        block = form.combine(d_u, d_v, *sums)
        first, last = graph.left_offsets[start], graph.left_offsets[stop]
        local = np.repeat(np.arange(stop - start), graph.left_degree[start:stop])
        block[local, graph.left_neighbors[first:last]] = 0.0
        row, right = np.nonzero(block)
        yield ScoredPairs(row + start, right, block[row, right])
        if progress is not None:
            progress((stop - start) / (end - begin))


def bipartite_pair_scores(
    graph: BipartiteGraph, method: str, left: np.ndarray, right: np.ndarray
) -> np.ndarray:
    """Score the given pairs; the link of a linked pair is left out first."""
    form = _FORMS[method]
    linked = graph.link_ids(left, right) >= 0
    sums = [np.empty(left.size) for _ in form.sums]
    for layer, out in zip(form_layers(graph, method, None), sums, strict=True):
        with thread_limit(None) as n_workers:
            _pair_sums(left, right, layer, n_workers, out)
    return form.combine(graph.left_degree[left] - linked, graph.right_degree[right] - linked, *sums)


@kernel()
def _pair_sum(u: Int, v: Int, layer: Layer, member: np.ndarray) -> float:
    """Sum of the terms over the local community of one pair, linked or not.

    ``member[z2]`` is 1 + di(z2) for z2 in N(v) other than u, and 0 elsewhere; it leaves as
    zeros.
    """
    for k in range(layer.right_offsets[v], layer.right_offsets[v + 1]):
        member[layer.right_neighbors[k]] = 1
    member[u] = 0
    total = 0.0
    for i in range(layer.left_offsets[u], layer.left_offsets[u + 1]):
        z1 = layer.left_neighbors[i]
        if z1 == v:
            continue
        internal = 0
        for j in range(layer.right_offsets[z1], layer.right_offsets[z1 + 1]):
            z2 = layer.right_neighbors[j]
            internal += member[z2] > 0
            member[z2] += member[z2] > 0
        total += layer.right_values[layer.right_start[z1] + internal]
    for k in range(layer.right_offsets[v], layer.right_offsets[v + 1]):
        z2 = layer.right_neighbors[k]
        if member[z2] > 0:
            total += layer.left_values[layer.left_start[z2] + member[z2] - 1]
        member[z2] = 0
    return total


@kernel()
def _sums_of_worker(
    worker: Int, n_workers: Int, left: np.ndarray, right: np.ndarray, layer: Layer, out: np.ndarray
) -> None:
    member = np.zeros(layer.left_offsets.size, np.int64)
    for i in range(worker, left.size, n_workers):
        out[i] = _pair_sum(left[i], right[i], layer, member)


def _pair_sums(
    left: np.ndarray, right: np.ndarray, layer: Layer, n_workers: Int, out: np.ndarray
) -> None:
    """Fill ``out[i]`` with the sum over the local community of (left[i], right[i])."""
    run_workers(
        n_workers, lambda worker: _sums_of_worker(worker, n_workers, left, right, layer, out)
    )
