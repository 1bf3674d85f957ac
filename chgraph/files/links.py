"""From the ends of links to graphs, and sentences on what the graphs do not hold."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np

from chgraph.bipartite import BipartiteGraph
from chgraph.files.tables import some_lines
from chgraph.files.words import are_integers
from chgraph.monopartite import Graph

Result = tuple[Graph | BipartiteGraph, list[str]]
DIRECTED = (
    "the network is directed; ignore_directions=True (--ignore-directions) takes every link as "
    "undirected"
)


def in_order(codes: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[str]]:
    """Return codes and names of the names that occur, in the order in which they do."""
    flat = codes.ravel()
    place = np.full(len(names), flat.size, dtype=np.int64)
    place[flat[::-1]] = np.arange(flat.size)[::-1]
    order = np.argsort(place)[: int((place < flat.size).sum())]
    number = np.zeros(len(names), dtype=np.int64)
    number[order] = np.arange(order.size)
    return number[codes], [names[i] for i in order]


def final_names(used: Sequence[str]) -> tuple[np.ndarray, list[Hashable]]:
    """Return names as the graph has them, and the number there of each.

    If all of them are integers they become int, in rising order.
    """
    if not are_integers(used):
        return np.arange(len(used)), list(used)
    values, rank = np.unique(np.fromiter(map(int, used), np.int64), return_inverse=True)
    return rank, values.tolist()


def by_appearance(codes: np.ndarray, names: Sequence[str]) -> tuple[np.ndarray, list[Hashable]]:
    """Return codes and names of the names that occur, in the order in which they do.

    If all of them are integers they become int, in rising order.
    """
    number, used = in_order(codes, names)
    rank, ordered = final_names(used)
    return rank[number], ordered


def one_kind(
    ends: np.ndarray,
    names: Sequence[Hashable] | int,
    *,
    lines: np.ndarray | None = None,
    directed: bool = False,
) -> Result:
    """Return the graph of links (n, 2) among named nodes; loops and repetitions are told.

    Raises
    ------
    ValueError
        If it is directed, and a link does not stand in both directions.
    """
    n_nodes = names if isinstance(names, int) else len(names)
    loops = ends[:, 0] == ends[:, 1]
    kept = ends[~loops]
    low, high = kept.min(axis=1), kept.max(axis=1)
    codes = low * n_nodes + high
    single, again = _distinct(codes)
    if directed:
        again = _distinct(kept[:, 0] * n_nodes + kept[:, 1])[1]
    if directed and not reciprocal(kept[~again]):
        raise ValueError(DIRECTED)
    notes = [
        *_left_out("self-loop", "left out", loops, lines),
        *_left_out(
            "repeated link", "counted once", again, None if lines is None else lines[~loops]
        ),
    ]
    first, second = np.divmod(single, max(n_nodes, 1))
    named = None if isinstance(names, int) else names
    return Graph.from_links(first, second, n_nodes, names=named), notes


def two_sides(
    ends: np.ndarray,
    left_names: Sequence[Hashable] | int,
    right_names: Sequence[Hashable] | int,
    *,
    lines: np.ndarray | None = None,
) -> Result:
    """Return the graph of links (left, right) between two kinds of node; repetitions are told."""
    left, right = (n if isinstance(n, int) else len(n) for n in (left_names, right_names))
    codes = ends[:, 0] * right + ends[:, 1]
    single, again = _distinct(codes)
    first, second = np.divmod(single, max(right, 1))
    graph = BipartiteGraph.from_links(
        first,
        second,
        (left, right),
        left_names=None if isinstance(left_names, int) else left_names,
        right_names=None if isinstance(right_names, int) else right_names,
    )
    return graph, _left_out("repeated link", "counted once", again, lines)


def reciprocal(ends: np.ndarray) -> bool:
    """Whether every link of different directed links stands in both directions."""
    size = int(ends.max(initial=0)) + 1
    there = np.sort(ends[:, 0] * size + ends[:, 1])
    return np.array_equal(there, np.sort(ends[:, 1] * size + ends[:, 0]))


def _distinct(codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the different codes in rising order, and which of all stand further up already."""
    ordered = np.sort(codes)
    is_new = np.ones(codes.size, dtype=bool)
    is_new[1:] = ordered[1:] != ordered[:-1]
    again = np.zeros(codes.size, dtype=bool)
    if not is_new.all():
        again[:] = True
        again[np.unique(codes, return_index=True)[1]] = False
    return ordered[is_new], again


def _left_out(what: str, done: str, which: np.ndarray, lines: np.ndarray | None) -> list[str]:
    """Return a sentence on the links that bring nothing, or none."""
    count = int(which.sum())
    if not count:
        return []
    if lines is None:
        return [f"{count} {what}s are {done}"]
    plural, verb = ("", "is") if count == 1 else ("s", "are")
    return [f"{count:,} {what}{plural} {verb} {done} ({some_lines(lines[which])})"]
