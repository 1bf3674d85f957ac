"""Classic link predictors and their bipartite forms (definitions.md 6 and 7)."""

import math
from collections.abc import Iterable

import numpy as np

from tests.naive.graphs import Array, Neighbors, adjacency_matrix, all_pairs, neighbors_from_edges


def classic_score(neighbors: Neighbors, u: int, v: int, rule: str) -> float:
    """CN, JC, AA (natural log), RA, PA of a pair, full neighbor sets (definitions.md 6)."""
    common = neighbors[u] & neighbors[v]
    union = neighbors[u] | neighbors[v]
    if rule == "CN":
        return float(len(common))
    if rule == "JC":
        return len(common) / len(union) if union else 0.0
    if rule == "AA":
        return math.fsum(1 / math.log(len(neighbors[z])) for z in common)
    if rule == "RA":
        return math.fsum(1 / len(neighbors[z]) for z in common)
    if rule == "PA":
        return float(len(neighbors[u]) * len(neighbors[v]))
    raise ValueError(f"rule={rule!r} is none of CN, JC, AA, RA, PA")


def katz_matrix(neighbors: Neighbors, beta: float) -> Array:
    """Katz: sum of beta^l A^l, l >= 1, = (I - beta A)^-1 - I, for beta < 1 / largest |lambda|."""
    adjacency = adjacency_matrix(neighbors)
    if beta * np.abs(np.linalg.eigvalsh(adjacency)).max(initial=0.0) >= 1:
        raise ValueError(f"the Katz series diverges for beta={beta}")
    identity = np.eye(len(neighbors))
    return np.linalg.inv(identity - beta * adjacency) - identity


def spm_matrix(
    neighbors: Neighbors, removed: Iterable[tuple[int, int]], tolerance: float = 1e-9
) -> Array:
    """Structural perturbation matrix for one removed set of links (definitions.md 7; Lu 2015 PNAS).

    sum over k of (lambda_k + x_k' dA x_k) x_k x_k' of the graph without `removed`. Eigenvalues
    closer than `tolerance` are one: in their eigenspace (projector P) the x_k are chosen to
    diagonalise dA, and the sum over them is lambda P + P dA P, whatever basis eigh returned.
    """
    n = len(neighbors)
    delta = adjacency_matrix(neighbors_from_edges(n, removed))
    rest = adjacency_matrix(neighbors) - delta
    values, vectors = np.linalg.eigh(rest)
    perturbed = np.zeros((n, n))
    start = 0
    while start < n:
        stop = start + 1
        while stop < n and values[stop] - values[stop - 1] < tolerance:
            stop += 1
        projector = vectors[:, start:stop] @ vectors[:, start:stop].T
        perturbed += values[start:stop].mean() * projector + projector @ delta @ projector
        start = stop
    return perturbed


def structural_consistency(neighbors: Neighbors, removed: Iterable[tuple[int, int]]) -> float:
    """Share of the removed links among the top L unlinked pairs by SPM (definitions.md 7; Lu 2015).

    Ties, at 12 decimals, go by (u, v).
    """
    hidden = {(min(link), max(link)) for link in removed}
    matrix = spm_matrix(neighbors, hidden)
    pairs = [(u, v) for u, v in all_pairs(neighbors) if v not in neighbors[u] or (u, v) in hidden]
    best = sorted(pairs, key=lambda pair: -round(matrix[pair], 12))[: len(hidden)]
    return len(hidden & set(best)) / len(hidden)


def daminelli_scores(biadjacency: Array, row: int, column: int) -> dict[str, float]:
    """The ten bipartite scores of an unlinked candidate pair (definitions.md 6; Daminelli 2015)."""
    if biadjacency[row, column]:
        raise ValueError(f"the bipartite forms score unlinked pairs, ({row}, {column}) is linked")
    n_left, n_right = biadjacency.shape
    rows = [i for i in range(n_left) if biadjacency[i, column]]  # neighbors of the column node
    columns = [j for j in range(n_right) if biadjacency[row, j]]  # neighbors of the row node
    row_links = {i: sum(1 for j in columns if biadjacency[i, j]) for i in rows}
    column_links = {j: sum(1 for i in rows if biadjacency[i, j]) for j in columns}
    common = [(int(biadjacency[i].sum()), g) for i, g in row_links.items() if g]
    common += [(int(biadjacency[:, j].sum()), g) for j, g in column_links.items() if g]

    d_row, d_column = len(columns), len(rows)
    cn = len(common)
    car = float(cn * sum(row_links.values()))
    e_row = d_row - sum(1 for g in column_links.values() if g)
    e_column = d_column - sum(1 for g in row_links.values() if g)
    degrees = d_row + d_column
    return {
        "CN": float(cn),
        "JC": cn / degrees if degrees else 0.0,
        "CAR": car,
        "CJC": car / degrees if degrees else 0.0,
        "CPA": e_row * e_column + e_row * car + e_column * car + car**2,
        "RA": math.fsum(1 / d for d, _ in common),
        "AA": math.fsum(1 / math.log2(d) for d, _ in common),
        "CRA": math.fsum(g / d for d, g in common),
        "CAA": math.fsum(g / math.log2(d) for d, g in common),
        "PA": float(d_row * d_column),
    }
