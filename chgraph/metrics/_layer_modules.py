"""The search for communities of a layer: Louvain's moves, repeated from a shaken best result."""

from __future__ import annotations

import numpy as np

from chgraph._neighbor_lists import offsets_of
from chgraph.metrics._modules_core import Communities, Nodes, move_nodes
from chgraph.metrics._workspace import Workspace

_SHAKEN = 0.2  # of the nodes leave their community before another round of the search


def best_modules(work: Workspace, n_rounds: int, rng: np.random.Generator) -> np.ndarray:
    """Return labels 0, 1, ... of all nodes: the best of `n_rounds` searches, the last of equals."""
    nodes = _single_nodes(work)
    best = np.arange(work.n_nodes)
    if not work.n_links:
        return best
    highest = _excess(nodes, work.n_links, best)
    for _ in range(n_rounds):
        labels = _search(nodes, work.n_links, _shaken(best, rng), rng)
        excess = _excess(nodes, work.n_links, labels)
        if excess >= highest:
            best, highest = labels, excess
    return best


def _shaken(labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return the labels with a random part of the nodes each in a community of its own."""
    out = rng.random(labels.size) < _SHAKEN
    single = labels.max(initial=-1) + 1 + np.arange(labels.size)
    return np.unique(np.where(out, single, labels), return_inverse=True)[1]


def _sums_inside(nodes: Nodes, labels: np.ndarray) -> tuple[list[int], list[int], list[int]]:
    """Return twice the links inside, the left and the right degrees of each community."""
    n_groups = int(labels.max(initial=-1)) + 1
    rows = np.repeat(labels, np.diff(nodes.offsets))
    inside = np.bincount(rows[rows == labels[nodes.neighbors]], minlength=n_groups)
    left, right = (_sums(labels, weight, n_groups) for weight in (nodes.left, nodes.right))
    return inside.tolist(), left.tolist(), right.tolist()


def _excess(nodes: Nodes, n_links: int, labels: np.ndarray) -> int:
    """Return twice the squared number of links times the modularity, exact."""
    sums = zip(*_sums_inside(nodes, labels), strict=True)
    return sum(n_links * inside - 2 * left * right for inside, left, right in sums)


def layer_modularity(work: Workspace, labels: np.ndarray) -> float:
    """Return Barber's modularity of labels 0, 1, ... of all nodes; the graph has links."""
    return _excess(_single_nodes(work), work.n_links, labels) / (2 * work.n_links**2)


def _search(nodes: Nodes, n_links: int, labels: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Move single nodes, then whole communities, in turn until neither helps."""
    while True:
        labels, _ = _moved(nodes, n_links, labels, rng)
        helped = False
        while True:
            groups = _merged(nodes, labels)
            target, moved = _moved(groups, n_links, np.arange(groups.left.size), rng)
            if not moved:
                break
            labels, helped = target[labels], True
        if not helped:
            return labels


def _moved(
    nodes: Nodes, n_links: int, labels: np.ndarray, rng: np.random.Generator
) -> tuple[np.ndarray, bool]:
    """Return compact labels after moving nodes in a random order, and whether any moved."""
    n = labels.size
    groups = Communities(
        label=labels.copy(),
        left=_sums(labels, nodes.left, n),
        right=_sums(labels, nodes.right, n),
        size=np.bincount(labels, minlength=n).astype(np.int64),
        links=np.zeros(n, np.int64),
        free=np.empty(n, np.int64),
    )
    moved = bool(move_nodes(n_links, rng.permutation(n), nodes, groups))
    return np.unique(groups.label, return_inverse=True)[1].astype(np.int64), moved


def _single_nodes(work: Workspace) -> Nodes:
    offsets, neighbors = work.neighbor_lists
    left = work.degree.copy()
    right = work.degree.copy()
    n_left = work.graph.shape[0]
    left[n_left:] = 0
    right[:n_left] = 0
    ones = np.ones(neighbors.size, np.int64)
    return Nodes(offsets.copy(), neighbors.astype(np.int64), ones, left, right)


def _merged(nodes: Nodes, labels: np.ndarray) -> Nodes:
    """Return the communities as nodes, with the sums of links between them."""
    n = int(labels.max(initial=-1)) + 1
    rows = np.repeat(labels, np.diff(nodes.offsets))
    columns = labels[nodes.neighbors]
    between = rows != columns
    codes, place = np.unique(rows[between] * n + columns[between], return_inverse=True)
    sources, targets = np.divmod(codes, max(n, 1))
    return Nodes(
        offsets_of(sources, n),
        targets,
        _sums(place, nodes.weights[between], codes.size),
        _sums(labels, nodes.left, n),
        _sums(labels, nodes.right, n),
    )


def _sums(labels: np.ndarray, values: np.ndarray, n: int) -> np.ndarray:
    """Return the sum of int64 values of each label, exact."""
    total = np.zeros(n, np.int64)
    np.add.at(total, labels, values)
    return total
