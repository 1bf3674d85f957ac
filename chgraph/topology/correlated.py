"""Initial topology from the correlation of the inputs: SSCTI."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chgraph._checks import as_generator, check_choice, check_positive_int
from chgraph._top_pairs import top_pairs
from chgraph.graph import BipartiteGraph
from chgraph.topology.random import link_count, sample_unlinked

STATISTICS = ("phi", "eq2")
_BLOCK_BYTES = 32 * 2**20
_OBSERVATIONS_PER_CHUNK = 8192


def spike_correlated(
    spikes: Any, n_out: int, sparsity: float, *, statistic: str = "phi", rng: Any = None
) -> BipartiteGraph:
    r"""Link inputs to outputs where the spike trains of two inputs correlate (SSCTI).

    Output `j` stands for input ``j mod n_in``: the matrix of correlations between inputs
    is tiled until it has `n_out` columns, and the pairs with the largest \|correlation\|
    become links. An input is not linked to its own copies while other pairs are left.

    Parameters
    ----------
    spikes : array_like, shape (observations, n_in) or (T, B, n_in)
        What the layer will read; every (sample, time step) is an observation. Analogue
        values (direct encoding) are correlated as they are.
    n_out : int
        Number of output nodes (beta * n_in in the paper; any number is taken).
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    statistic : {"phi", "eq2"}
        "phi": the 2x2 phi coefficient of binary spikes, which is Pearson's r,
        (n11 n00 - n10 n01) / sqrt(n1. n0. n.1 n.0). "eq2": equation 2 as printed, which
        for binary spikes is sqrt(1 - (p_i + p_j) / 2) and ignores co-firing.
    rng : int, numpy Generator or None
        Used only when fewer pairs correlate than links are asked for: the rest is drawn
        uniformly from the other pairs, copies of the input last.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_in * n_out)`` links. Equal correlations
        (rounded to 12 decimals) are taken in (input, output) order.

    Raises
    ------
    ValueError
        If `spikes` is empty, not finite or of another shape, `sparsity` out of range or
        too high for one link, or "eq2" is asked of values other than 0 and 1.

    Notes
    -----
    Inputs that never or always fire correlate with nothing. The matrix of correlations
    is formed in blocks of rows of at most 32 MiB (or one row).

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 3.2.1 and equation 2.

    Examples
    --------
    Inputs 0 and 1 fire together, input 2 against them, input 3 on its own.

    >>> spikes = [[1, 1, 0, 0], [1, 1, 0, 1], [0, 0, 1, 0], [0, 0, 1, 1]]
    >>> spike_correlated(spikes, n_out=4, sparsity=0.75).links()
    (array([0, 0, 1, 1]), array([1, 2, 0, 2]))
    """
    observations = _observations(spikes)
    check_choice("statistic", statistic, STATISTICS)
    check_positive_int("n_out", n_out)
    generator = as_generator(rng)
    shape = (observations.shape[1], n_out)
    n_links = link_count(*shape, sparsity)
    rows = max(1, _BLOCK_BYTES // (8 * max(shape)))
    if statistic == "phi":
        correlations = _pearson_rows(observations, rows)
    else:
        correlations = _equation_2_rows(observations, rows)
    left, right, _ = top_pairs(_tiled(correlations, n_out), n_links)
    graph = BipartiteGraph.from_links(left, right, shape)
    return _filled(graph, n_links, generator) if graph.n_links < n_links else graph


def _filled(graph: BipartiteGraph, n_links: int, rng: np.random.Generator) -> BipartiteGraph:
    """Add uniformly drawn links up to `n_links`, those from an input to its copies last."""
    copies = np.arange(graph.n_right)
    inputs = copies % graph.n_left
    taken = graph.add_links(inputs, copies)
    graph = graph.add_links(*sample_unlinked(taken, n_links - graph.n_links, rng=rng))
    return graph.add_links(*sample_unlinked(graph, n_links - graph.n_links, rng=rng))


def _observations(spikes: Any) -> np.ndarray:
    array = np.asarray(spikes)
    if array.ndim not in (2, 3) or 0 in array.shape:
        raise ValueError(
            "spikes must have shape (observations, n_in) or (T, B, n_in), none of them 0; "
            f"got shape {array.shape}"
        )
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise ValueError(f"spikes must be numeric or boolean, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError("spikes must be finite; got NaN or infinity")
    return array.reshape(-1, array.shape[-1])


def _is_binary(observations: np.ndarray) -> bool:
    return bool(((observations == 0) | (observations == 1)).all())


def _pearson_rows(
    observations: np.ndarray, rows_per_block: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks of rows of \\|Pearson's r\\| between all inputs, 0 for constant inputs."""
    n_observations, n_in = observations.shape
    # Sums of zeros and ones are exact integers; analogue values are centred first.
    binary = _is_binary(observations)
    mean = np.zeros(n_in) if binary else observations.mean(axis=0, dtype=np.float64)
    total = observations.sum(axis=0, dtype=np.float64) if binary else np.zeros(n_in)
    square = np.zeros(n_in)
    for chunk in _chunks(observations, mean):
        square += (chunk * chunk).sum(axis=0)
    spread = n_observations * square - total * total
    constant = observations.min(axis=0) == observations.max(axis=0)
    spread[constant] = 1.0
    for start in range(0, n_in, rows_per_block):
        rows = slice(start, start + rows_per_block)
        product = sum(chunk[:, rows].T @ chunk for chunk in _chunks(observations, mean))
        covariance = n_observations * product - np.outer(total[rows], total)
        r = np.abs(covariance) / np.sqrt(np.outer(spread[rows], spread))
        r[constant[rows]] = 0.0
        r[:, constant] = 0.0
        yield start, r.round(12)


def _chunks(observations: np.ndarray, mean: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(observations), _OBSERVATIONS_PER_CHUNK):
        yield observations[start : start + _OBSERVATIONS_PER_CHUNK] - mean


def _equation_2_rows(
    observations: np.ndarray, rows_per_block: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks of rows of equation 2 as printed, 0 for inputs that never fire."""
    if not _is_binary(observations):
        raise ValueError('statistic="eq2" takes spikes of 0 and 1 only; use "phi"')
    rate = observations.mean(axis=0, dtype=np.float64)
    for start in range(0, rate.size, rows_per_block):
        rows = rate[start : start + rows_per_block, None]
        value = np.sqrt(np.maximum(1.0 - (rows + rate) / 2.0, 0.0))
        yield start, np.where((rows > 0) & (rate > 0), value, 0.0).round(12)


def _tiled(rows: Iterator[tuple[int, np.ndarray]], n_out: int) -> Iterator[tuple[int, np.ndarray]]:
    """Repeat the columns of each block until there are `n_out`, pairs of a node with itself 0."""
    for start, block in rows:
        n_in = block.shape[1]
        local = np.arange(block.shape[0])
        block[local, start + local] = 0.0
        yield start, block[:, np.arange(n_out) % n_in]
