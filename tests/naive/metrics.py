"""Topological measures (definitions.md 7)."""

import itertools
import math
from collections.abc import Iterable, Sequence

import numpy as np

from tests.naive.graphs import Array, Neighbors, all_pairs, links_of
from tests.naive.linkpred import simple_paths
from tests.naive.ranks import pearson_of_integers


def hop_distances(neighbors: Neighbors) -> Array:
    """Number of links of the shortest path between each two nodes, inf if none (BFS)."""
    n = len(neighbors)
    distance = np.full((n, n), np.inf)
    for source in range(n):
        frontier, reached, hops = {source}, {source}, 0
        while frontier:
            for z in frontier:
                distance[source, z] = hops
            frontier = {w for z in frontier for w in neighbors[z]} - reached
            reached |= frontier
            hops += 1
    return distance


def finite_hops(neighbors: Neighbors) -> list[float]:
    """Distances of the ordered reachable pairs of distinct nodes."""
    distance = hop_distances(neighbors)
    return [float(d) for d in distance.flat if 0 < d < math.inf]


def mean(values: Sequence[float]) -> float:
    """Arithmetic mean; nan of nothing."""
    return math.fsum(values) / len(values) if len(values) else math.nan


def induced(neighbors: Neighbors, nodes: Iterable[int]) -> Neighbors:
    """The subgraph on these nodes, renumbered 0.. in sorted order."""
    number = {z: i for i, z in enumerate(sorted(nodes))}
    return [{number[w] for w in neighbors[z] if w in number} for z in number]


def n_links(neighbors: Neighbors) -> int:
    """E, the number of links."""
    return sum(len(around) for around in neighbors) // 2


def clustering(neighbors: Neighbors) -> float:
    """Mean local coefficient, degree < 2 counts 0 (definitions.md 7; Watts-Strogatz)."""
    local = []
    for around in neighbors:
        possible = len(around) * (len(around) - 1) / 2
        local.append(n_links(induced(neighbors, around)) / possible if possible else 0.0)
    return mean(local)


def char_path(neighbors: Neighbors) -> float:
    """Mean distance over the ordered reachable pairs, nan if none (definitions.md 7)."""
    return mean(finite_hops(neighbors))


def efficiency_glob(neighbors: Neighbors) -> float:
    """Mean of 1 / distance over all ordered pairs, unreachable 0 (definitions.md 7)."""
    n = len(neighbors)
    return math.fsum(1 / d for d in finite_hops(neighbors)) / (n * (n - 1)) if n > 1 else 0.0


def efficiency_loc(neighbors: Neighbors) -> float:
    """Mean global efficiency of each node's neighbor subgraph, degree < 2 gives 0 (README 6)."""
    return mean([efficiency_glob(induced(neighbors, around)) for around in neighbors])


def closeness(neighbors: Neighbors) -> float:
    """Mean over the nodes of the SUM of 1 / distance (definitions.md 7: mean harmonic)."""
    return math.fsum(1 / d for d in finite_hops(neighbors)) / len(neighbors)


def radiality(neighbors: Neighbors) -> float:
    """Mean over ordered pairs of diameter + 1 - distance (definitions.md 7).

    Diameter = largest finite distance. An unreachable pair scores diameter + 1: that is the
    published code's behavior, kept because the golden values have it.
    """
    n, finite = len(neighbors), finite_hops(neighbors)
    return max(finite, default=0.0) + 1 - math.fsum(finite) / (n * (n - 1))


def shortest_path_counts(neighbors: Neighbors) -> tuple[Array, Array]:
    """(distance, number of shortest paths) of every ordered pair; 0 paths when unreachable."""
    n, distance = len(neighbors), hop_distances(neighbors)
    count = np.eye(n)
    for s in range(n):
        for t in sorted(range(n), key=lambda node: distance[s, node]):
            if 0 < distance[s, t] < math.inf:
                count[s, t] = sum(
                    count[s, z] for z in neighbors[t] if distance[s, z] == distance[s, t] - 1
                )
    return distance, count


def link_betweenness(neighbors: Neighbors) -> dict[tuple[int, int], float]:
    """Shortest paths through each link as shares, unordered node pairs, unnormalised (README 6)."""
    distance, count = shortest_path_counts(neighbors)
    finite = np.isfinite(distance)
    value = {}
    for a, b in links_of(neighbors):
        through_ab = finite & (distance[:, [a]] + 1 + distance[[b], :] == distance)
        shares = np.outer(count[:, a], count[b, :])[through_ab] / count[through_ab]
        value[a, b] = math.fsum(shares)  # ordered (s, t) crossing a to b: each unordered pair once
    return value


def node_betweenness(neighbors: Neighbors) -> list[float]:
    """Shortest paths through each node as shares, ORDERED node pairs (definitions.md 7)."""
    distance, count = shortest_path_counts(neighbors)
    finite = np.isfinite(distance)
    value = []
    for z in range(len(neighbors)):
        through = finite & (distance[:, [z]] + distance[[z], :] == distance)
        through[z, :] = through[:, z] = False
        value.append(math.fsum(np.outer(count[:, z], count[z, :])[through] / count[through]))
    return value


def mean_link_betweenness(neighbors: Neighbors) -> float:
    """EBC: mean over the links (definitions.md 7)."""
    return mean(list(link_betweenness(neighbors).values()))


def mean_node_betweenness(neighbors: Neighbors) -> float:
    """BC: mean over the nodes, ordered pairs, 2 x the usual unnormalised one (definitions.md 7)."""
    return mean(node_betweenness(neighbors))


def lcp_corr(neighbors: Neighbors) -> float:
    """Pearson of CN and LCL over links with CN > 0; 0 if degenerate (definitions.md 7)."""
    pairs = []
    for u, v in links_of(neighbors):
        common = neighbors[u] & neighbors[v]
        if common:
            pairs.append((len(common), n_links(induced(neighbors, common))))
    r = pearson_of_integers([cn for cn, _ in pairs], [lcl for _, lcl in pairs])
    return 0.0 if math.isnan(r) else r


def assortativity(neighbors: Neighbors) -> float:
    """Newman r: Pearson of the degrees at both ends of each link, both ways; nan if constant."""
    ends = [
        (len(neighbors[u]), len(neighbors[v])) for u in range(len(neighbors)) for v in neighbors[u]
    ]
    return pearson_of_integers([a for a, _ in ends], [b for _, b in ends])


def rich_club(neighbors: Neighbors) -> dict[int, float]:
    """phi(k) = link density among the nodes of degree > k (definitions.md 7).

    For each degree k present but the largest; nan where fewer than two nodes are left.
    """
    value = {}
    for k in sorted({len(around) for around in neighbors})[:-1]:
        club = [z for z, around in enumerate(neighbors) if len(around) > k]
        possible = len(club) * (len(club) - 1) / 2
        value[k] = n_links(induced(neighbors, club)) / possible if possible else math.nan
    return value


def latapy_clustering(neighbors: Neighbors, mode: str = "dot") -> list[float]:
    """c_u = mean over v in N(N(u)) of |N(u) & N(v)| / union, min or max (definitions.md 7)."""
    local = []
    for u, around in enumerate(neighbors):
        second = {w for z in around for w in neighbors[z]} - {u}
        shares = []
        for v in second:
            sizes = len(around), len(neighbors[v])
            below = {"dot": len(around | neighbors[v]), "min": min(sizes), "max": max(sizes)}
            shares.append(len(around & neighbors[v]) / below[mode])
        local.append(mean(shares) if shares else 0.0)
    return local


def n_l3_paths(neighbors: Neighbors) -> int:
    """Number of simple paths with 3 links, each counted once (definitions.md 7, L3)."""
    pairs = all_pairs(neighbors)
    return sum(len(simple_paths(neighbors, u, v, 3)) for u, v in pairs)


def n_four_cycles(neighbors: Neighbors) -> int:
    """Number of 4-cycles: each is an L3 path whose ends are linked, seen from its 4 links."""
    return sum(len(simple_paths(neighbors, u, v, 3)) for u, v in links_of(neighbors)) // 4


def robins_alexander(neighbors: Neighbors) -> float:
    """CC4 = 4 C4 / L3, 0 without an L3 path (definitions.md 7; Robins-Alexander)."""
    paths = n_l3_paths(neighbors)
    return 4 * n_four_cycles(neighbors) / paths if paths else 0.0


def barber_modularity(
    biadjacency: Array, left_labels: Sequence[int], right_labels: Sequence[int], gamma: float = 1.0
) -> float:
    """Q = (1/m) sum_ij (A_ij - gamma k_i d_j / m) [g_i = h_j] (definitions.md 7; Barber 2007)."""
    a = np.asarray(biadjacency, dtype=float)
    m = a.sum()
    terms = [
        a[i, j] - gamma * a[i].sum() * a[:, j].sum() / m
        for i, j in itertools.product(*map(range, a.shape))
        if left_labels[i] == right_labels[j]
    ]
    return math.fsum(terms) / float(m)


def nodf(biadjacency: Array) -> float:
    """NODF in percent: mean paired overlap of rows and of columns (definitions.md 7).

    A pair counts 0 unless the degrees differ; an empty smaller node overlaps in nothing: 0.
    """
    a = np.asarray(biadjacency, dtype=bool)
    paired = []
    for side in (a, a.T):
        for i, j in itertools.combinations(range(len(side)), 2):
            small, large = sorted((int(side[i].sum()), int(side[j].sum())))
            overlap = int((side[i] & side[j]).sum())
            paired.append(100 * overlap / small if 0 < small < large else 0.0)
    return math.fsum(paired) / len(paired) if paired else 0.0
