"""Bipartite graphs with structure: small-world, receptive fields, scale-free."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chgraph.checks import as_generator, check_choice, check_positive_int, check_share
from chgraph.graph import BipartiteGraph
from chgraph.topology._growth_core import grow_links
from chgraph.topology.random import link_count, sample_unlinked

DEGREES = ("fixed", "uniform")
_BLOCK_BYTES = 32 * 2**20


def small_world(
    n_left: int, n_right: int, sparsity: float, *, beta: float, rng: Any = None
) -> BipartiteGraph:
    """Return a ring lattice between two layers of which a share of the links is rewired.

    The Watts-Strogatz model for two kinds of nodes (BSW). Both layers lie on one ring, and
    each output is linked to the inputs nearest to it; then each link is, with probability
    `beta`, replaced by one between two nodes drawn at random.

    Parameters
    ----------
    n_left, n_right : int
        Number of input and output nodes.
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    beta : float
        Probability to rewire a link, in [0, 1]. 0 is the lattice, 1 :func:`erdos_renyi`.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_left * n_right)`` links. In the lattice the
        outputs have equal degrees (within 1), the odd links evenly spaced.

    Raises
    ------
    ValueError
        If a size is not positive, `beta` is not in [0, 1], or `sparsity` is out of range
        or leaves no link.

    Notes
    -----
    Node `i` of a layer of `n` lies at (i + 1/2) / n of the ring. A rewired link becomes any
    pair that is not linked by one that stays: both ends move, since a kept end would keep
    the degrees of its side at all `beta`.

    References
    ----------
    Watts and Strogatz, Nature 393:440, 1998; Zhang et al., ICLR 2024 (BSW); CHTs,
    arXiv 2501.19107, appendix D.

    Examples
    --------
    >>> small_world(6, 6, sparsity=0.5, beta=0.0).biadjacency().toarray()
    array([[1, 1, 0, 0, 0, 1],
           [1, 1, 1, 0, 0, 0],
           [0, 1, 1, 1, 0, 0],
           [0, 0, 1, 1, 1, 0],
           [0, 0, 0, 1, 1, 1],
           [1, 0, 0, 0, 1, 1]])
    """
    n_left, n_right, n_links = _checked_sizes(n_left, n_right, sparsity)
    beta = check_share("beta", beta)
    generator = as_generator(rng)
    lattice = _nearest(n_left, _fixed_degrees(n_right, n_links))
    kept = lattice.keep_links(np.flatnonzero(generator.random(n_links) >= beta))
    return kept.add_links(*sample_unlinked(kept, n_links - kept.n_links, rng=generator))


def receptive_field(
    n_left: int,
    n_right: int,
    sparsity: float,
    *,
    r: float,
    degree: str = "fixed",
    rng: Any = None,
) -> BipartiteGraph:
    r"""Return a graph whose outputs are linked to inputs near them (BRF).

    Both layers lie on one ring. Each output draws its inputs without replacement, with
    probability proportional to

    .. math:: (1 + d_{ij})^{-(1 - r) / r}

    where d is the distance along the ring, in steps from input to input.

    Parameters
    ----------
    n_left, n_right : int
        Number of input and output nodes.
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    r : float
        Spatial randomness, in [0, 1]: 0 links the nearest inputs, 1 any.
    degree : {"fixed", "uniform"}
        Degrees of the outputs: "fixed", all equal (within 1; the odd links evenly spaced);
        "uniform", spread evenly from 1 to twice the mean less 1 (from 0 where the mean is
        below 1, up to `n_left` at most, always around the mean) and dealt at random.
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_left * n_right)`` links.

    Raises
    ------
    ValueError
        If a size is not positive, `r` is not in [0, 1], `degree` is unknown, or `sparsity`
        is out of range or leaves no link.

    Notes
    -----
    ``receptive_field(..., r=0)`` is ``small_world(..., beta=0)``. The draws are exponential
    races over blocks of outputs of at most 32 MiB (or one output): O(n_left n_right) time.

    References
    ----------
    CHTs, arXiv 2501.19107, section 3.2 and appendix D.

    Examples
    --------
    >>> graph = receptive_field(100, 40, sparsity=0.9, r=0.1, rng=0)
    >>> graph.n_links, bool((graph.right_degree == 10).all())
    (400, True)
    """
    n_left, n_right, n_links = _checked_sizes(n_left, n_right, sparsity)
    r = check_share("r", r)
    check_choice("degree", degree, DEGREES)
    generator = as_generator(rng)
    if degree == "fixed":
        degrees = _fixed_degrees(n_right, n_links)
    else:
        degrees = generator.permutation(_uniform_degrees(n_left, n_right, n_links))
    if r == 0.0:
        return _nearest(n_left, degrees)
    parts = list(_raced(n_left, degrees, (1.0 - r) / r, generator))
    left, right = (np.concatenate(ends) for ends in zip(*parts, strict=True))
    return BipartiteGraph.from_links(left, right, (n_left, n_right))


def scale_free(n_left: int, n_right: int, sparsity: float, *, rng: Any = None) -> BipartiteGraph:
    r"""Return a graph in which the degrees of both sides have a heavy tail.

    The Barabasi-Albert model for two kinds of nodes: the nodes of both layers arrive in
    turn, each with links to nodes of the other layer that are there, drawn with probability
    proportional to their degrees.

    Parameters
    ----------
    n_left, n_right : int
        Number of input and output nodes.
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    rng : int, numpy Generator or None
        Seed or generator.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_left * n_right)`` links. Which node arrives
        when, and so which becomes a hub, is random.

    Raises
    ------
    ValueError
        If a size is not positive, or `sparsity` is out of range or leaves no link.

    Notes
    -----
    The two layers arrive at rates in proportion to their sizes and bring half of the links
    each, whatever their sizes. A node then gains links at the rate d / (2t), so that both
    degree distributions fall as :math:`d^{-3}`, as in the original model. Links that find
    too few nodes to go to (at the beginning, and in dense graphs) go to later arrivals.
    Nodes that bring no link, because there are fewer links than nodes, may stay without.

    Zhang et al. grow one graph of both layers and rewire the links within a layer; here no
    such link arises.

    References
    ----------
    Barabasi and Albert, Science 286:509, 1999; Zhang et al., ICLR 2024 (BSF).

    Examples
    --------
    >>> graph = scale_free(500, 800, sparsity=0.99, rng=0)
    >>> graph.n_links, bool(graph.left_degree.max() > 8 * graph.left_degree.mean())
    (4000, True)
    """
    n_left, n_right, n_links = _checked_sizes(n_left, n_right, sparsity)
    generator = as_generator(rng)
    side, brought = _arrivals(n_left, n_right, n_links)
    left, right = np.empty(n_links, dtype=np.int64), np.empty(n_links, dtype=np.int64)
    n_grown = grow_links(side, brought, max(n_left, n_right), left, right, generator)
    names = generator.permutation(n_left), generator.permutation(n_right)
    graph = BipartiteGraph.from_links(
        names[0][left[:n_grown]], names[1][right[:n_grown]], (n_left, n_right)
    )
    return graph.add_links(*sample_unlinked(graph, n_links - n_grown, rng=generator))


def _checked_sizes(n_left: int, n_right: int, sparsity: float) -> tuple[int, int, int]:
    n_left = check_positive_int("n_left", n_left)
    n_right = check_positive_int("n_right", n_right)
    return n_left, n_right, link_count(n_left, n_right, sparsity)


def _fixed_degrees(n_nodes: int, n_links: int) -> np.ndarray:
    """Return equal degrees (within 1), the larger ones evenly spaced."""
    return np.diff(np.arange(n_nodes + 1) * n_links // n_nodes)


def _uniform_degrees(n_left: int, n_right: int, n_links: int) -> np.ndarray:
    """Return ascending degrees of `n_right` nodes, evenly spread around their mean.

    Node j of n gets the (j + 1/2) / n quantile of the uniform distribution with mean
    ``n_links / n`` and half-width h / n; the running sum of these, in whole numbers and
    rounded down, keeps the total and leaves each degree within 1 of its quantile.
    """
    lowest = 1 if n_links >= n_right else 0
    h = min(n_links - lowest * n_right, n_left * n_right - n_links)
    # Python's own integers where 64 bits do not hold the products.
    wide = max(n_links, h, n_right) * n_right**2 >= 2**62
    j = np.arange(n_right + 1, dtype=object if wide else np.int64)
    upto = (j * n_links * n_right + h * (j * j - j * n_right)) // n_right**2
    return np.diff(upto.astype(np.int64))


def _nearest(n_left: int, degrees: np.ndarray) -> BipartiteGraph:
    """Link each output to as many inputs as `degrees` says, those nearest on the ring."""
    n_right = degrees.size
    # Output j lies at (j + 1/2) n_left / n_right, input i covers [i, i + 1): whole numbers
    # tell the first input of the interval whose middle is nearest to the output.
    middle = (2 * np.arange(n_right) + 1) * n_left
    first = (middle - degrees * n_right + n_right) // (2 * n_right)
    right = np.repeat(np.arange(n_right), degrees)
    step = np.arange(right.size) - np.repeat(np.cumsum(degrees) - degrees, degrees)
    left = (first[right] + step) % n_left
    return BipartiteGraph.from_links(left, right, (n_left, n_right))


def _raced(
    n_left: int, degrees: np.ndarray, exponent: float, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the links of blocks of outputs, drawn in proportion to (1 + distance)^-exponent."""
    n_right = degrees.size
    rows = max(1, _BLOCK_BYTES // (8 * n_left))
    for start in range(0, n_right, rows):
        wanted = degrees[start : start + rows]
        outputs = np.arange(start, start + wanted.size)
        # An input finishes at Exp(1) / weight; in logarithms, since weights may vanish.
        finish = np.log(rng.standard_exponential((wanted.size, n_left)))
        finish += exponent * np.log1p(_ring_distance(outputs, n_left, n_right))
        most = int(wanted.max())
        if most < n_left:
            best = np.argpartition(finish, most - 1, axis=1)[:, :most]
        else:
            best = np.tile(np.arange(n_left), (wanted.size, 1))
        order = np.argsort(np.take_along_axis(finish, best, axis=1), axis=1)
        best = np.take_along_axis(best, order, axis=1)
        yield best[np.arange(most) < wanted[:, None]], np.repeat(outputs, wanted)


def _ring_distance(outputs: np.ndarray, n_left: int, n_right: int) -> np.ndarray:
    """Return the distance of each output to each input, in steps from input to input."""
    middle = (outputs[:, None] + 0.5) * (n_left / n_right) - 0.5
    apart = np.abs(middle - np.arange(n_left))
    return np.minimum(apart, n_left - apart)


def _arrivals(n_left: int, n_right: int, n_links: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the side (0 left, 1 right) of each arriving node and the links it brings."""
    times = [(np.arange(n) + 0.5) / n for n in (n_left, n_right)]
    order = np.argsort(np.concatenate(times), kind="stable")
    half = n_links // 2
    brought = np.concatenate(
        [_fixed_degrees(n_left, half), _fixed_degrees(n_right, n_links - half)]
    )
    return (order >= n_left).astype(np.int64), brought[order]
