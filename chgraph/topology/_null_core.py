"""Compiled swaps of link ends that keep every degree.

Links are two arrays of ends, `first` and `second`; `neighbors` holds them again as
(unsorted) neighbor lists, in which a swap replaces one neighbor by another. A graph with
two kinds of nodes has its left nodes in `first`, and right node v as n_left + v.
"""

from __future__ import annotations

import numpy as np

from chgraph.jit import Int, kernel

_REDRAWS = 100


@kernel()
def swap_uniformly(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    two_sided: bool,
    n_draws: int,
    rng: np.random.Generator,
) -> None:
    """Draw `n_draws` pairs of links and swap the ends of those that allow it.

    A pair that does not counts as drawn: proposals are symmetric, and every graph with
    these degrees is equally likely in the end.
    """
    for _ in range(n_draws):
        e, f = rng.integers(0, first.size), rng.integers(0, first.size)
        _turn_maybe(first, second, f, two_sided, rng)
        if _swappable(offsets, neighbors, first, second, e, f):
            _swap(offsets, neighbors, first, second, e, f)


@kernel()
def swap_by_degree(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    two_sided: bool,
    weight_sum: int,
    n_swaps: int,
    max_rejected: int,
    rng: np.random.Generator,
) -> int:
    """Swap ends of a link drawn by its degree product w and one drawn by `weight_sum` - w.

    Stops after `n_swaps` swaps, or `max_rejected` vain draws in a row; returns the swaps.
    """
    degree = np.diff(offsets)
    product = degree[first] * degree[second]
    rich, poor = _partial_sums(product), _partial_sums(weight_sum - product)
    n_done, n_rejected = 0, 0
    while n_done < n_swaps and n_rejected < max_rejected:
        e, f = _drawn(rich, rng), _drawn(poor, rng)
        while e == f:
            f = _drawn(poor, rng)
        _turn_maybe(first, second, f, two_sided, rng)
        if not _swappable(offsets, neighbors, first, second, e, f):
            n_rejected += 1
            continue
        _swap(offsets, neighbors, first, second, e, f)
        for link in (e, f):
            changed = degree[first[link]] * degree[second[link]] - product[link]
            product[link] += changed
            _add(rich, link, changed)
            _add(poor, link, -changed)
        n_done, n_rejected = n_done + 1, 0
    return n_done


@kernel()
def swap_towards_lattice(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    two_sided: bool,
    place: np.ndarray,
    ring: int,
    n_rounds: int,
    n_tries: int,
    rng: np.random.Generator,
) -> int:
    """In each round, look `n_tries` times for a swap that does not lengthen the links.

    The length of a link is the distance of its ends' places on a ring of `ring` steps.
    Returns the number of swaps.
    """
    n_done = 0
    for _ in range(n_rounds):
        for _ in range(n_tries):
            e, f = _drawn_apart(first, second, rng)
            _turn_maybe(first, second, f, two_sided, rng)
            a, b, c, d = place[first[e]], place[second[e]], place[first[f]], place[second[f]]
            before = ring_distance(a, b, ring) + ring_distance(c, d, ring)
            after = ring_distance(a, d, ring) + ring_distance(c, b, ring)
            if after <= before and _swappable(offsets, neighbors, first, second, e, f):
                _swap(offsets, neighbors, first, second, e, f)
                n_done += 1
                break
    return n_done


# ------------------------------------------------------------------------------------ swaps


@kernel()
def _turn_maybe(
    first: np.ndarray, second: np.ndarray, f: Int, two_sided: bool, rng: np.random.Generator
) -> None:
    """Turn a link round in one of two cases, so that both ways to swap are explored."""
    if not two_sided and rng.random() < 0.5:
        first[f], second[f] = second[f], first[f]


@kernel()
def _swappable(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    e: Int,
    f: Int,
) -> bool:
    """Whether a-b, c-d can become a-d, c-b: four nodes, and neither link there."""
    return not (
        _meet(first, second, e, f)
        or linked(offsets, neighbors, first[e], second[f])
        or linked(offsets, neighbors, first[f], second[e])
    )


@kernel()
def _meet(first: np.ndarray, second: np.ndarray, e: Int, f: Int) -> bool:
    """Whether two links have a node in common (a link with itself too)."""
    return first[e] in (first[f], second[f]) or second[e] in (first[f], second[f])


@kernel()
def _swap(
    offsets: np.ndarray,
    neighbors: np.ndarray,
    first: np.ndarray,
    second: np.ndarray,
    e: Int,
    f: Int,
) -> None:
    a, b, c, d = first[e], second[e], first[f], second[f]
    replace(offsets, neighbors, a, b, d)
    replace(offsets, neighbors, b, a, c)
    replace(offsets, neighbors, c, d, b)
    replace(offsets, neighbors, d, c, a)
    second[e], second[f] = d, b


@kernel()
def linked(offsets: np.ndarray, neighbors: np.ndarray, u: Int, v: Int) -> bool:
    if offsets[u + 1] - offsets[u] > offsets[v + 1] - offsets[v]:
        u, v = v, u
    for i in range(offsets[u], offsets[u + 1]):
        if neighbors[i] == v:
            return True
    return False


@kernel()
def replace(offsets: np.ndarray, neighbors: np.ndarray, u: Int, old: Int, new: Int) -> None:
    i = offsets[u]
    while neighbors[i] != old:
        i += 1
    neighbors[i] = new


@kernel()
def _drawn_apart(
    first: np.ndarray, second: np.ndarray, rng: np.random.Generator
) -> tuple[Int, Int]:
    """Draw two links without a common node; any two if that fails many times."""
    e, f = rng.integers(0, first.size), rng.integers(0, first.size)
    for _ in range(_REDRAWS):
        if not _meet(first, second, e, f):
            break
        e, f = rng.integers(0, first.size), rng.integers(0, first.size)
    return e, f


@kernel()
def ring_distance(x: int, y: int, ring: int) -> int:
    apart = abs(x - y)
    return min(apart, ring - apart)


# --------------------------------------------------- weighted draws, by a tree of partial sums


@kernel()
def _partial_sums(weights: np.ndarray) -> np.ndarray:
    """Return a Fenwick tree: entry i holds the sum of the (i & -i) weights that end there."""
    size = 1
    while size < weights.size:
        size *= 2
    tree = np.zeros(size + 1, dtype=np.int64)
    for i in range(weights.size):
        tree[i + 1] = weights[i]
    for i in range(1, size):
        tree[i + (i & -i)] += tree[i]
    return tree


@kernel()
def _add(tree: np.ndarray, item: Int, change: Int) -> None:
    i = item + 1
    while i < tree.size:
        tree[i] += change
        i += i & -i


@kernel()
def _drawn(tree: np.ndarray, rng: np.random.Generator) -> int:
    """Draw an item in proportion to its weight."""
    size = tree.size - 1  # a power of two, so that its entry is the sum of all weights
    ticket = rng.integers(0, tree[size])
    item, step = 0, size // 2
    while step > 0:
        if tree[item + step] <= ticket:
            ticket -= tree[item + step]
            item += step
        step //= 2
    return item
