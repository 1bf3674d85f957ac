"""Initial topologies from the correlation of the inputs: SSCTI of spikes, CSTI of features."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from chgraph._ranking import top_pairs
from chgraph.checks import as_generator, check_choice, check_positive_int
from chgraph.graph import BipartiteGraph
from chgraph.topology.random import link_count, sample_unlinked

STATISTICS = ("phi", "eq2")
_SPIKE_SHAPES = {2: "(observations, n_in)", 3: "(T, B, n_in)"}
_FEATURE_SHAPES = {2: "(samples, n_in)"}
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
    check_choice("statistic", statistic, STATISTICS)
    observations = _observations("spikes", spikes, _SPIKE_SHAPES)
    return _most_correlated(observations, n_out, sparsity, statistic, rng)


def feature_correlated(
    features: Any, n_out: int, sparsity: float, *, rng: Any = None
) -> BipartiteGraph:
    r"""Link inputs to outputs where two features correlate over the data (CSTI).

    Output `j` stands for feature ``j mod n_in``, as in :func:`spike_correlated`: the matrix
    of Pearson correlations between features is tiled until it has `n_out` columns, and the
    pairs with the largest \|correlation\| become links, those of a feature with its own
    copies last.

    Parameters
    ----------
    features : array_like, shape (samples, n_in)
        Analogue data, such as pixel values; ``images.reshape(len(images), -1)`` for images.
    n_out : int
        Number of output nodes.
    sparsity : float
        Fraction of possible links that is absent, in [0, 1).
    rng : int, numpy Generator or None
        Used only when fewer pairs correlate than links are asked for: the rest is drawn
        uniformly from the other pairs.

    Returns
    -------
    BipartiteGraph
        With exactly ``round((1 - sparsity) * n_in * n_out)`` links. Equal correlations
        (rounded to 12 decimals) are taken in (input, output) order.

    Raises
    ------
    ValueError
        If `features` is empty, not finite or of another shape, or `sparsity` is out of
        range or too high for one link.

    Notes
    -----
    Constant features correlate with nothing. Binary features get the phi coefficient, and
    the graph :func:`spike_correlated` makes of them.

    References
    ----------
    Zhang et al., Epitopological learning and Cannistraci-Hebb network shape intelligence
    brain-inspired theory for ultra-sparse advantage in deep learning, ICLR 2024.

    Examples
    --------
    Feature 1 grows with feature 0; feature 2 has a life of its own.

    >>> features = [[0.0, 1.0, 5.0], [1.0, 3.1, 2.0], [2.0, 4.9, 4.0], [3.0, 7.2, 3.0]]
    >>> feature_correlated(features, n_out=3, sparsity=7 / 9).links()
    (array([0, 1]), array([1, 0]))
    """
    observations = _observations("features", features, _FEATURE_SHAPES)
    return _most_correlated(observations, n_out, sparsity, "phi", rng)


def _most_correlated(
    observations: np.ndarray, n_out: int, sparsity: float, statistic: str, rng: Any
) -> BipartiteGraph:
    """Return the graph of the pairs of columns that correlate most."""
    n_out = check_positive_int("n_out", n_out)
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


def _observations(name: str, values: Any, shapes: dict[int, str]) -> np.ndarray:
    """Return finite numbers, one row per observation."""
    array = np.asarray(values)
    if array.ndim not in shapes or 0 in array.shape:
        raise ValueError(
            f"{name} must have shape {' or '.join(shapes.values())}, no size of it 0; "
            f"got shape {array.shape}"
        )
    if not (np.issubdtype(array.dtype, np.number) or array.dtype == np.bool_):
        raise ValueError(f"{name} must be numeric or boolean, got dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return array.reshape(-1, array.shape[-1])


def _is_binary(observations: np.ndarray) -> bool:
    return bool(((observations == 0) | (observations == 1)).all())


def _pearson_rows(
    observations: np.ndarray, rows_per_block: int
) -> Iterator[tuple[int, np.ndarray]]:
    """Yield blocks of rows of \\|Pearson's r\\| between all inputs, 0 for constant inputs."""
    n_observations, n_in = observations.shape
    # Sums of zeros and ones are exact integers; analogue values are centered first.
    binary = _is_binary(observations)
    mean = np.zeros(n_in) if binary else observations.mean(axis=0, dtype=np.float64)
    total = observations.sum(axis=0, dtype=np.float64) if binary else np.zeros(n_in)
    square = np.zeros(n_in)
    # Powers of two bring features of any size near 1, and change no digit.
    scale = np.ones(n_in) if binary else _near_one(observations, mean)
    for chunk in _chunks(observations, mean, scale):
        square += (chunk * chunk).sum(axis=0)
    spread = n_observations * square - total * total
    constant = observations.min(axis=0) == observations.max(axis=0)
    spread[constant] = 1.0
    for start in range(0, n_in, rows_per_block):
        rows = slice(start, start + rows_per_block)
        product = sum(chunk[:, rows].T @ chunk for chunk in _chunks(observations, mean, scale))
        covariance = n_observations * product - np.outer(total[rows], total)
        r = np.abs(covariance) / np.sqrt(np.outer(spread[rows], spread))
        r[constant[rows]] = 0.0
        r[:, constant] = 0.0
        yield start, r.round(12)


def _near_one(observations: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Return for each column the power of two that brings its largest deviation to [1/2, 1)."""
    low, high = observations.min(axis=0) - mean, observations.max(axis=0) - mean
    return np.ldexp(1.0, -np.frexp(np.maximum(np.abs(low), np.abs(high)))[1])


def _chunks(observations: np.ndarray, mean: np.ndarray, scale: np.ndarray) -> Iterator[np.ndarray]:
    for start in range(0, len(observations), _OBSERVATIONS_PER_CHUNK):
        yield (observations[start : start + _OBSERVATIONS_PER_CHUNK] - mean) * scale


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
