"""Katz and structural perturbation: scores of all pairs at once, as dense matrices.

Both invert or diagonalize the adjacency matrix, which no sparsity helps: time grows with
the third power of the number of nodes and memory with the second, so both refuse networks
for which a method that follows the links is the sensible choice.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import scipy.linalg
import scipy.sparse.linalg

from chgraph.checks import as_generator, check_positive_int, check_real
from chgraph.graph import Graph

KATZ_MAX_NODES = 10_000
SPM_MAX_NODES = 5_000
_SAME_EIGENVALUE = 1e-9
_NOISE = 1e-12


def _check_size(graph: Graph, method: str, limit: int) -> None:
    if graph.n_nodes > limit:
        raise ValueError(
            f"{method} needs dense matrices and takes at most {limit:,} nodes, got "
            f"{graph.n_nodes:,}; methods that follow the links have no such limit: CH3-L3, "
            "CH3-L2, RA-L3 or RA"
        )


def largest_eigenvalue(graph: Graph) -> float:
    """Return the largest eigenvalue of the adjacency matrix; 0 without links.

    Examples
    --------
    >>> round(largest_eigenvalue(Graph.from_links([0, 0, 0, 0], [1, 2, 3, 4])), 12)
    2.0
    """
    if not graph.n_links:
        return 0.0
    adjacency = graph.adjacency().astype(np.float64)
    if graph.n_nodes < 64:
        return float(np.linalg.eigvalsh(adjacency.toarray())[-1])
    # The eigenvector is positive on some component: the vector of ones is not a bad start.
    start = np.ones(graph.n_nodes)
    return float(
        scipy.sparse.linalg.eigsh(
            adjacency, k=1, which="LA", v0=start, tol=1e-13, return_eigenvectors=False
        )[0]
    )


def katz_matrix(graph: Graph, beta: float | None = None) -> np.ndarray:
    r"""Return the Katz index of all pairs.

    .. math:: K = \sum_{l \ge 1} \beta^l A^l = (I - \beta A)^{-1} - I

    Parameters
    ----------
    graph : Graph
        At most 10,000 nodes.
    beta : float, optional
        Weight of a walk per link; by default half of 1 / (largest eigenvalue of A).

    Returns
    -------
    ndarray of float64, shape (n_nodes, n_nodes)

    Raises
    ------
    ValueError
        If the network is too large, `beta` is not positive, or the series diverges.

    Notes
    -----
    I - beta A is positive definite with no positive entry off the diagonal. Its Cholesky
    factor and the inverse of that add terms of one sign, so that tiny scores of distant
    pairs keep their digits and unconnected pairs score exactly 0.

    The library that factors it (LAPACK) adds in an order that depends on its number of threads
    (``OPENBLAS_NUM_THREADS``, ``OMP_NUM_THREADS``): entries agree to about 1e-13 of their size,
    not bit for bit. The same number of threads gives the same bits, and predicted links nearly
    always stand in the same order: scores that agree to 12 digits tie.

    References
    ----------
    Katz, Psychometrika 18:39, 1953.

    Examples
    --------
    >>> katz_matrix(Graph.from_links([0, 1], [1, 2]), beta=0.5).round(12)
    array([[0.5, 1. , 0.5],
           [1. , 1. , 1. ],
           [0.5, 1. , 0.5]])
    """
    _check_size(graph, "Katz", KATZ_MAX_NODES)
    beta = katz_beta(graph, beta)
    if not graph.n_nodes:
        return np.zeros((0, 0))
    system = graph.adjacency().astype(np.float64).toarray()
    system *= -beta
    np.fill_diagonal(system, 1.0)
    factor, failed = scipy.linalg.lapack.dpotrf(system.T, lower=0, overwrite_a=1)
    if failed:
        raise ValueError(
            f"beta must be below 1 / (largest eigenvalue) = {1 / largest_eigenvalue(graph):g}, "
            f"else the series diverges; got {beta}"
        )
    upper, _ = scipy.linalg.lapack.dpotri(factor, lower=0, overwrite_c=1)
    inverse = np.triu(upper)
    inverse += np.triu(upper, 1).T
    np.fill_diagonal(inverse, inverse.diagonal() - 1.0)
    return inverse


def katz_beta(graph: Graph, beta: float | None = None) -> float:
    """Return `beta`, or half of 1 / (largest eigenvalue); 0.5 without links."""
    if beta is None:
        return 0.5 / (largest_eigenvalue(graph) or 1.0)
    if check_real("beta", beta, minimum=0.0) == 0.0:
        raise ValueError("beta must be above 0, got 0")
    return float(beta)


def without_own_link(
    katz: np.ndarray, source: np.ndarray, target: np.ndarray, beta: float
) -> np.ndarray:
    r"""Return the Katz index of linked pairs once their own link is left out, `beta` kept.

    With M = I + K, restricted to {u, v}, and D its determinant, Woodbury's identity gives

    .. math:: K'_{uv} = \frac{D (M_{uv} - \beta D)}{M_{uu} M_{vv} - (M_{uv} - \beta D)^2}
    """
    m_u, m_v = 1.0 + katz[source, source], 1.0 + katz[target, target]
    m_uv = katz[source, target]
    determinant = m_u * m_v - m_uv**2
    rest = m_uv - beta * determinant
    rest[rest < 100 * np.finfo(np.float64).eps * m_uv] = 0.0  # a bridge: nothing else joins them
    return determinant * rest / (m_u * m_v - rest**2)


def spm_matrix(
    graph: Graph, *, removed: float = 0.1, repeats: int = 10, rng: Any = 0
) -> np.ndarray:
    r"""Return the structural perturbation scores of all pairs.

    A share of the links, taken out at random (:math:`\Delta A`), perturbs the eigenvalues
    of what is left; with its eigenvectors kept, the adjacency matrix is put together again:

    .. math:: \tilde A = \sum_k (\lambda_k + x_k^T \Delta A \, x_k) \, x_k x_k^T

    and the mean over the repeats is the score.

    Parameters
    ----------
    graph : Graph
        At most 5,000 nodes.
    removed : float
        Share of the links to take out, in [0, 1); at least one link is.
    repeats : int
        Number of random removals.
    rng : int, Generator or None
        Seed 0 by default: the same network always gets the same scores.

    Returns
    -------
    ndarray of float64, shape (n_nodes, n_nodes)
        What is below 1e-12 of the largest entry in size is set to 0: rounding errors.

    Raises
    ------
    ValueError
        If the network is too large or an argument is out of range.

    Notes
    -----
    Eigenvalues that follow each other by less than 1e-9 are one: its eigenvectors are
    chosen such that they diagonalize the perturbation, which makes the result independent
    of the basis that the eigensolver returned.

    As for :func:`katz_matrix`, the last digits depend on the number of threads of the library
    that does it: entries agree to about 1e-13 of the largest.

    References
    ----------
    Lu, Pan, Zhou, Zhang and Stanley, PNAS 112:2325, 2015.

    Examples
    --------
    >>> bool(spm_matrix(Graph.from_links([0, 1, 2, 3], [1, 2, 3, 0]))[0, 2] == 0)
    True
    """
    _check_size(graph, "SPM", SPM_MAX_NODES)
    removed = check_real("removed", removed, minimum=0.0, below=1.0)
    repeats = check_positive_int("repeats", repeats)
    generator = as_generator(rng)
    mean = np.zeros(graph.shape)
    if not graph.n_links:
        return mean
    for ids in random_removals(graph, removed, repeats, generator):
        mean += perturbed_matrix(graph, ids)
    mean /= repeats
    mean[np.abs(mean) < _NOISE * np.abs(mean).max()] = 0.0
    return mean


def random_removals(
    graph: Graph, removed: float, repeats: int, rng: np.random.Generator
) -> Iterator[np.ndarray]:
    """Yield `repeats` times the numbers of a random share of the links, one at least."""
    n_removed = max(1, round(removed * graph.n_links))
    for _ in range(repeats):
        yield rng.choice(graph.n_links, n_removed, replace=False)


def perturbed_matrix(graph: Graph, ids: np.ndarray) -> np.ndarray:
    """Return the adjacency put together again after the given links were taken out."""
    first, second = (ends[ids] for ends in graph.links())
    delta = scipy.sparse.csr_array(
        (np.ones(2 * ids.size), (np.append(first, second), np.append(second, first))), graph.shape
    )
    rest = (graph.adjacency().astype(np.float64) - delta).toarray()
    values, vectors = np.linalg.eigh(rest)
    shifts = delta @ vectors
    perturbed = np.empty_like(vectors)
    begins = np.flatnonzero(np.diff(values, prepend=-np.inf) >= _SAME_EIGENVALUE)
    for start, stop in zip(begins, np.append(begins[1:], values.size), strict=True):
        space = vectors[:, start:stop]
        within = space.T @ shifts[:, start:stop]
        within[np.diag_indices_from(within)] += values[start:stop].mean()
        perturbed[:, start:stop] = space @ within
    return perturbed @ vectors.T
