"""The topological measures against the golden vectors, networkx and hand-made values."""

import math
from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from tests import golden, naive
from tests.golden import TOLERANCE
from tests.oracles.graphs import random_biadjacency

MEASURES = {
    "clustering": naive.clustering,
    "char_path": naive.char_path,
    "efficiency_glob": naive.efficiency_glob,
    "efficiency_loc": naive.efficiency_loc,
    "closeness": naive.closeness,
    "EBC": naive.mean_link_betweenness,
    "BC": naive.mean_node_betweenness,
    "radiality": naive.radiality,
    "LCPcorr": naive.lcp_corr,
    "assortativity": naive.assortativity,
}


def topology_network(entry):
    """Neighbor sets of an entry of topological_measures.json."""
    folder, file = entry["edges_file"].split("/")
    data = golden.load(folder, Path(file).stem)
    if entry["bipartite_offset"]:
        return naive.bipartite_neighbors(golden.biadjacency(data))
    return naive.neighbors_from_edges(int(data["n"]), data["edges"])


@pytest.mark.parametrize("name", golden.entries("topological_measures.json"))
def test_topological_measures(name):
    entry = golden.read_json("topological_measures.json")[name]
    neighbors, expected = topology_network(entry), entry["deterministic"]
    assert (len(neighbors), naive.n_links(neighbors)) == (expected["N"], expected["E"])
    for key, measure in MEASURES.items():
        np.testing.assert_allclose(measure(neighbors), expected[key], err_msg=key, **TOLERANCE)


@pytest.mark.parametrize(
    "name",
    [k for k, v in golden.read_json("topological_measures.json").items() if "stochastic" in v],
)
def test_rich_club(name):
    network = golden.read_json("topological_measures.json")[name]
    entry, value = network["stochastic"]["richclub_p"], naive.rich_club(topology_network(network))
    assert list(value) == entry["octave"]["degrees"]
    python = [math.nan if x is None else x for x in entry["python_own"]["richclub"]]
    np.testing.assert_allclose(list(value.values()), python, **TOLERANCE)


@pytest.mark.parametrize("name", ["karate", "florentine"])
def test_structural_consistency_mean(name):
    entry = golden.read_json("topological_measures.json")[name]
    neighbors, expected = topology_network(entry), entry["stochastic"]["struct_cons"]["octave"]
    rng, links, runs = np.random.default_rng(3), naive.links_of(neighbors), 30
    values = []
    for _ in range(runs):
        chosen = rng.choice(len(links), round(0.1 * len(links)), replace=False)
        values.append(naive.structural_consistency(neighbors, [links[i] for i in chosen]))
    error = expected["std"] * math.sqrt(1 / runs + 1 / expected["n"])
    assert abs(np.mean(values) - expected["mean"]) < 4 * error


@pytest.mark.parametrize("seed", range(3))
def test_bipartite_measures_against_networkx(seed):
    matrix = random_biadjacency(7, 9, 0.3, seed)
    neighbors = naive.bipartite_neighbors(matrix)
    graph = nx.Graph((u, v) for u, v in naive.links_of(neighbors))
    graph.add_nodes_from(range(16))
    for mode in ("dot", "min", "max"):
        expected = nx.bipartite.latapy_clustering(graph, mode=mode)
        got = naive.latapy_clustering(neighbors, mode)
        np.testing.assert_allclose(got, [expected[z] for z in range(16)], **TOLERANCE)
    expected = nx.bipartite.robins_alexander_clustering(graph)
    assert naive.robins_alexander(neighbors) == pytest.approx(expected)


def test_robins_alexander_and_l3_closed_forms():
    complete = naive.bipartite_neighbors(np.ones((3, 4), dtype=int))
    assert naive.n_l3_paths(complete) == 3 * 4 * 2 * 3
    assert naive.n_four_cycles(complete) == 3 * 6
    assert naive.robins_alexander(complete) == 1.0
    path = naive.neighbors_from_edges(4, [(0, 1), (1, 2), (2, 3)])
    assert (naive.n_l3_paths(path), naive.n_four_cycles(path)) == (1, 0)
    matrix = random_biadjacency(7, 9, 0.4, 3)
    d_left, d_right = matrix.sum(axis=1), matrix.sum(axis=0)
    middle = (matrix * np.outer(d_left - 1, d_right - 1)).sum()  # a path is its middle link + ends
    assert naive.n_l3_paths(naive.bipartite_neighbors(matrix)) == middle


def test_barber_modularity_by_hand():
    blocks = np.kron(np.eye(2, dtype=int), np.ones((2, 3), dtype=int))
    assert naive.barber_modularity(blocks, [0, 0, 1, 1], [0] * 3 + [1] * 3) == pytest.approx(0.5)
    assert naive.barber_modularity(blocks, [0] * 4, [0] * 6) == pytest.approx(0.0)
    matrix, rng = random_biadjacency(6, 8, 0.4, 0), np.random.default_rng(0)
    g, h, m = rng.integers(0, 3, 6), rng.integers(0, 3, 8), matrix.sum()
    by_community = sum(
        matrix[np.ix_(g == c, h == c)].sum() / m
        - 0.7 * matrix[g == c].sum() * matrix[:, h == c].sum() / m**2
        for c in range(3)
    )
    assert naive.barber_modularity(matrix, g, h, 0.7) == pytest.approx(by_community)


def test_nodf_by_hand():
    nested = np.array([[1, 1, 1], [1, 1, 0], [1, 0, 0]])
    assert naive.nodf(nested) == pytest.approx(100.0)
    assert naive.nodf(np.eye(3, dtype=int)) == 0.0
    # the worked example of Almeida-Neto et al. 2008, figure 2
    figure = np.array(
        [[1, 0, 1, 1, 1], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0], [1, 1, 0, 0, 0], [1, 1, 0, 0, 0]]
    )
    assert naive.nodf(figure) == pytest.approx(58.33, abs=0.01)
