"""Oracles without golden vectors: worked examples, closed forms and networkx."""

import itertools
import math

import networkx as nx
import numpy as np
import pytest

from tests import naive
from tests.golden import TOLERANCE
from tests.oracles.graphs import random_biadjacency, random_graph


@pytest.mark.parametrize("seed", range(3))
def test_classics_against_networkx(seed):
    graph, neighbors = random_graph(14, 0.3, seed)
    pairs = naive.all_pairs(neighbors)
    for rule, predictor in (
        ("JC", nx.jaccard_coefficient),
        ("AA", nx.adamic_adar_index),
        ("RA", nx.resource_allocation_index),
        ("PA", nx.preferential_attachment),
    ):
        got = [naive.classic_score(neighbors, u, v, rule) for u, v in pairs]
        np.testing.assert_allclose(got, [x for _, _, x in predictor(graph, pairs)], **TOLERANCE)
    ch_ra = [naive.ch_score(neighbors, u, v, "RA", 2) for u, v in pairs]
    ra = [naive.classic_score(neighbors, u, v, "RA") for u, v in pairs]
    np.testing.assert_allclose(ch_ra, ra, **TOLERANCE)


def test_katz_is_the_power_series():
    graph, neighbors = random_graph(12, 0.3, 5)
    beta, a = 0.05, nx.to_numpy_array(graph)
    series = sum(beta**power * np.linalg.matrix_power(a, power) for power in range(1, 80))
    np.testing.assert_allclose(naive.katz_matrix(neighbors, beta), series, **TOLERANCE)
    with pytest.raises(ValueError, match="diverges"):
        naive.katz_matrix(neighbors, 10.0)


def test_spm_matrix():
    cycle = naive.neighbors_from_edges(6, [(i, (i + 1) % 6) for i in range(6)])
    a = naive.adjacency_matrix(cycle)
    np.testing.assert_allclose(naive.spm_matrix(cycle, []), a, atol=1e-12)

    star = naive.neighbors_from_edges(5, [(0, 1), (0, 2), (0, 3), (0, 4), (1, 2)])
    got = naive.spm_matrix(star, [(1, 2)])  # the rest is a star: eigenvalues 2, 0, 0, 0, -2
    mirror = [0, 2, 1, 4, 3]  # a symmetry of the graph, which a wrong eigenbasis breaks
    np.testing.assert_allclose(got, got[np.ix_(mirror, mirror)], atol=1e-12)
    rest, delta = naive.adjacency_matrix(star), np.zeros((5, 5))
    delta[1, 2] = delta[2, 1] = 1
    top = np.array([2.0, 1, 1, 1, 1]) / math.sqrt(8)
    bottom = np.array([-2.0, 1, 1, 1, 1]) / math.sqrt(8)
    kernel = np.eye(5) - np.outer(top, top) - np.outer(bottom, bottom)
    expected = rest - delta + kernel @ delta @ kernel
    expected += (top @ delta @ top) * np.outer(top, top)
    expected += (bottom @ delta @ bottom) * np.outer(bottom, bottom)
    np.testing.assert_allclose(got, expected, atol=1e-12)


def test_daminelli_by_hand():
    # rows 0..2, columns 0..2; candidate (0, 0): row 0 has columns 1, 2; column 0 has rows 1, 2
    matrix = np.array([[0, 1, 1], [1, 1, 0], [1, 0, 0]])
    got = naive.daminelli_scores(matrix, 0, 0)  # one LCL: (1, 1); row 1 and column 1, both d = 2
    expected = {"CN": 2, "JC": 2 / 4, "CAR": 2, "CJC": 2 / 4, "CPA": 1 + 2 + 2 + 4, "RA": 1}
    expected |= {"AA": 2, "CRA": 1, "CAA": 2, "PA": 4}
    assert got == pytest.approx(expected, rel=1e-14)


def test_daminelli_counts_are_l3_paths():
    matrix = random_biadjacency(7, 9, 0.3, 2)
    neighbors = naive.bipartite_neighbors(matrix)
    for i, j in np.argwhere(matrix == 0):
        got, paths = (
            naive.daminelli_scores(matrix, i, j),
            naive.simple_paths(neighbors, int(i), 7 + int(j), 3),
        )
        community = {z for path in paths for z in path}
        assert got["CN"] == len(community)
        assert got["CAR"] == len(community) * len(paths)
        ra = math.fsum(1 / len(neighbors[z]) for z in community)
        np.testing.assert_allclose(got["RA"], ra, **TOLERANCE)
        cra = math.fsum(1 / len(neighbors[z]) for path in paths for z in path)
        np.testing.assert_allclose(got["CRA"], cra, **TOLERANCE)


def test_bipartite_closed_form():
    """definitions.md 2: the closed form of CH3-L3, unlinked and linked."""
    matrix = random_biadjacency(8, 10, 0.35, 4)
    neighbors = naive.bipartite_neighbors(matrix)
    left, right = matrix @ matrix.T, matrix.T @ matrix
    for u, v in itertools.product(range(8), range(10)):
        linked, total = int(matrix[u, v]), 0.0
        for z1, z2 in itertools.product(range(10), range(8)):
            if matrix[u, z1] and matrix[z2, z1] and matrix[z2, v] and z1 != v and z2 != u:
                factor1 = matrix[:, z1].sum() - right[z1, v] + linked
                factor2 = matrix[z2].sum() - left[z2, u] + linked
                total += 1 / math.sqrt(factor1 * factor2)
        got = naive.ch_score(neighbors, u, 8 + v, "CH3", 3)
        np.testing.assert_allclose(got, total, **TOLERANCE)


def test_evaluation_by_hand():
    scores, labels = [0.9, 0.8, 0.8, 0.5, 0.1], [True, True, False, False, True]
    assert naive.threshold_counts(scores, labels) == [(1, 0), (2, 1), (2, 2), (3, 2)]
    assert naive.precision_at(scores, labels) == pytest.approx(2 / 3)
    area = (1 / 3) * (1 + 2 / 3) / 2 + (1 / 3) * (1 / 2 + 3 / 5) / 2
    assert naive.auc_pr(scores, labels) == pytest.approx(area / (1 - 1 / 3))
    assert naive.auc_prec(scores, labels) == pytest.approx((1 + (1 + 2 / 3) / 2) / 2)
    assert naive.auc_roc(scores, labels) == pytest.approx((2 + 1.5 + 0) / 6)
    ideal = 1 + 1 / math.log2(3) + 1 / 2
    gain = 1 + 1 / math.log2(3.5) + 1 / math.log2(6)
    assert naive.ndcg(scores, labels) == pytest.approx(gain / ideal)
    assert naive.mcc(scores, labels) == pytest.approx((2 * 1 - 1 * 1) / 6)


def test_evaluation_extremes():
    labels = [True] * 4 + [False] * 9
    perfect, worst, tied = list(range(13, 0, -1)), list(range(13)), [1.0] * 13
    measures = (naive.precision_at, naive.auc_pr, naive.auc_prec, naive.auc_roc, naive.auc_mroc)
    for measure in (*measures, naive.ndcg, naive.mcc):
        assert measure(perfect, labels) == pytest.approx(1.0)
    assert naive.auc_roc(worst, labels) == naive.precision_at(worst, labels) == 0.0
    assert naive.mcc(worst, labels) == pytest.approx(-4 / 9)
    assert naive.auc_roc(tied, labels) == naive.auc_mroc(tied, labels) == 0.5
    assert naive.auc_pr(tied, labels) == pytest.approx(4 / 13)


def test_auc_mroc_of_a_random_ranking_is_half():
    rng, values = np.random.default_rng(0), []
    for _ in range(100):
        values.append(naive.auc_mroc(rng.random(400), rng.random(400) < 0.2))
    assert np.mean(values) == pytest.approx(0.5, abs=0.03)


def test_removal_scores_by_hand():
    weight = np.array([[1.0, -2.0], [0.0, 3.0]])
    np.testing.assert_allclose(
        naive.lrs(weight), [[1 / 2 + 1 / 4, 2 / 6 + 2 / 4], [0, 3 / 6 + 3 / 4]], **TOLERANCE
    )
    np.testing.assert_allclose(
        naive.relative_importance(weight),
        [[1 + 1 / 3, 2 / 5 + 2 / 3], [0, 3 / 5 + 1]],
        **TOLERANCE,
    )


def test_set_removal_by_hand():
    # a third of six positive and of three negative weights
    weights = [5.0, -1.0, 1.0, 4.0, -3.0, 2.0, 6.0, -2.0, 3.0]
    assert naive.set_removal(weights, 3) == [1, 2, 5]
    assert naive.set_removal([0.0, 1.0, 0.0], 1) == [2]


def test_dead_neurons_cascade():
    # hidden layer 0 has neurons a, b; hidden layer 1 has c, d; d has no output, so b dies with it
    layers = [np.array([[1, 1]]), np.array([[1, 0], [0, 1]]), np.array([[1], [0]])]
    dead = naive.dead_neurons(layers)
    assert [mask.tolist() for mask in dead] == [[False, True], [False, True]]
    assert layers[0].tolist() == [[1, 1]]


def test_correlation_matrices():
    spikes = random_biadjacency(60, 5, 0.4, 9)
    spikes[:, 3], spikes[:, 4] = 0, 1
    expected = np.zeros((5, 5))
    expected[:3, :3] = np.corrcoef(spikes[:, :3].T)
    np.testing.assert_allclose(naive.phi_matrix(spikes), expected, **TOLERANCE)
    np.testing.assert_allclose(naive.pearson_matrix(spikes), expected, **TOLERANCE)
    rate = spikes.mean(axis=0)
    closed = np.sqrt(1 - (rate[:, None] + rate[None, :]) / 2)
    closed[3, :] = closed[:, 3] = 0
    np.testing.assert_allclose(naive.eq2_matrix(spikes), closed, **TOLERANCE)


def test_lif_eq1_by_hand():
    voltages, spikes = naive.lif_eq1(np.array([0.5, 0.5, 0.5, 0.25, 0.0]), 0.5, 0.75)
    assert voltages.tolist() == [0.5, 0.75, 0.875, 0.25, 0.125]  # 0.75 is not above the threshold
    assert spikes.tolist() == [0, 0, 1, 0, 0]
    weight = np.array([[1.0, 2.0], [0.0, 1.0]])
    voltages, _ = naive.lif_eq1(np.array([[1.0, 1.0]]), 0.5, 9.0, weight)
    assert voltages.tolist() == [[1.0, 3.0]]


def test_evenly_spaced_spikes():
    assert naive.evenly_spaced_spikes(0.25, 8).tolist() == [0, 1, 0, 0, 0, 1, 0, 0]
    rates = np.linspace(0, 1, 41)
    for steps in (1, 8, 25):
        totals = naive.evenly_spaced_spikes(rates, steps).sum(axis=0)
        np.testing.assert_array_equal(totals, np.floor(0.5 + rates * steps + 1e-9))


def test_sops():
    spikes = np.random.default_rng(1).random((4, 3, 6)) < 0.3
    matrix = random_biadjacency(6, 5, 0.5, 1)
    assert naive.sops(spikes, matrix) == int((spikes.astype(int) @ matrix).sum())
