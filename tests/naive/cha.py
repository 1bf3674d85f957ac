"""SPcorr and the adaptive automaton CHA (definitions.md 8)."""

from collections.abc import Mapping, Sequence

import numpy as np

from tests.naive.evaluation import auc_pr
from tests.naive.graphs import Array, Neighbors, all_pairs, links_of
from tests.naive.linkpred import ch_score
from tests.naive.ranks import doubled_average_ranks, pearson_of_integers

Candidates = Sequence[tuple[str, int]]

CHA_CANDIDATES: Candidates = (("CH2", 2), ("CH3", 2), ("CH2", 3), ("CH3", 3))


def round_significant(value: float) -> float:
    """Value at 12 significant digits (definitions.md 8)."""
    return float(f"{value:.11e}")


def weighted_distances(n: int, link_weights: Mapping[tuple[int, int], float]) -> Array:
    """All-pairs shortest path lengths by Floyd-Warshall, inf where there is no path."""
    distance = np.full((n, n), np.inf)
    np.fill_diagonal(distance, 0.0)
    for (u, v), weight in link_weights.items():
        distance[u, v] = distance[v, u] = weight
    for k in range(n):
        distance = np.minimum(distance, distance[:, [k]] + distance[[k], :])
    return distance


def sp_corr(neighbors: Neighbors, link_scores: Mapping[tuple[int, int], float]) -> Array:
    """SPcorr of all pairs, at 12 decimals (definitions.md 8).

    `link_scores[(u, v)]`, u < v, is the CH score of each link; a link weighs 1 / (1 + score). The
    columns of the distance matrix, own zero included, are compared by Spearman correlation with
    average ranks; infinite distances are the largest and tie. The diagonal is 1.
    """
    n = len(neighbors)
    weights = {link: 1 / (1 + round_significant(link_scores[link])) for link in link_scores}
    distance = np.vectorize(round_significant, otypes=[float])(weighted_distances(n, weights))
    ranks = [doubled_average_ranks(distance[:, u]) for u in range(n)]
    correlation = np.eye(n)
    for u, v in all_pairs(neighbors):
        correlation[u, v] = correlation[v, u] = round(pearson_of_integers(ranks[u], ranks[v]), 12)
    return correlation


def dense_ranks(rows: Mapping[tuple[int, int], tuple[float, float]], n: int) -> Array:
    """Symmetric matrix of dense ranks 1..K (K = best) of the rows of the pairs; diagonal 0."""
    position = {row: rank for rank, row in enumerate(sorted(set(rows.values())), start=1)}
    ranks = np.zeros((n, n), dtype=np.int64)
    for (u, v), row in rows.items():
        ranks[u, v] = ranks[v, u] = position[row]
    return ranks


def cha_rule_ranks(neighbors: Neighbors, rule: str, length: int, local_community: str) -> Array:
    """Dense ranks of all pairs by (CH score, SPcorr), rounded (definitions.md 8)."""
    pairs = all_pairs(neighbors)
    scores = {
        (u, v): round_significant(ch_score(neighbors, u, v, rule, length, local_community))
        for u, v in pairs
    }
    correlation = sp_corr(neighbors, {link: scores[link] for link in links_of(neighbors)})
    rows = {(u, v): (scores[u, v], float(correlation[u, v])) for u, v in pairs}
    return dense_ranks(rows, len(neighbors))


def cha_aupr(neighbors: Neighbors, ranks: Array) -> float:
    """AUPR of the linked against the unlinked pairs under these ranks (definitions.md 8)."""
    pairs = all_pairs(neighbors)
    return auc_pr([ranks[u, v] for u, v in pairs], [v in neighbors[u] for u, v in pairs])


def cha_ranks(
    neighbors: Neighbors,
    candidates: Candidates = CHA_CANDIDATES,
    local_community: str = "all",
) -> tuple[str, dict[str, float], dict[str, Array]]:
    """CHA: (selected "CH2_L3"-like name, AUPR by name, dense rank matrix by name).

    The largest AUPR wins, the first one on equality (definitions.md 8); AUPRs are compared
    at 12 significant digits so that equality is not decided by the last bit.
    """
    ranks = {
        f"{rule}_L{length}": cha_rule_ranks(neighbors, rule, length, local_community)
        for rule, length in candidates
    }
    aupr = {name: cha_aupr(neighbors, ranks[name]) for name in ranks}
    return max(aupr, key=lambda name: round_significant(aupr[name])), aupr, ranks
