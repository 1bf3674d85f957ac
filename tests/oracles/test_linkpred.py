"""The Cannistraci-Hebb oracles against the golden vectors."""

import itertools

import numpy as np
import pytest

from tests import golden, naive
from tests.golden import TOLERANCE

RULES = ("RA", "CH1", "CH2", "CH3")


def check_scores(neighbors, pairs, expected, rule, length, local_community="all"):
    """Compare a (sampled) list of pairs with a golden column."""
    assert len(pairs) == len(expected)
    chosen = golden.sample(len(pairs), 200)
    got = [naive.ch_score(neighbors, *pairs[i], rule, length, local_community) for i in chosen]
    np.testing.assert_allclose(got, expected[chosen], **TOLERANCE)


@pytest.mark.parametrize("name", golden.read_json("small_graphs.json"))
def test_small_graphs(name):
    graph = golden.read_json("small_graphs.json")[name]
    neighbors = naive.neighbors_from_edges(graph["n"], graph["edges"])
    assert [(p["u"], p["v"]) for p in graph["pairs"]] == naive.all_pairs(neighbors)
    for pair in graph["pairs"]:
        for u, v in ((pair["u"], pair["v"]), (pair["v"], pair["u"])):
            assert pair["linked"] == (v in neighbors[u])
            for rule, length in itertools.product(RULES, (2, 3)):
                n_paths = len(naive.simple_paths(neighbors, u, v, length))
                assert n_paths == pair[f"n_paths_L{length}"]
                expected = pair[f"{rule}_L{length}"]
                got = naive.ch_score(neighbors, u, v, rule, length)
                np.testing.assert_allclose(got, expected, **TOLERANCE)
                expected = pair.get(f"{rule}_L{length}_onpath", expected)
                got = naive.ch_score(neighbors, u, v, rule, length, "on-path")
                np.testing.assert_allclose(got, expected, **TOLERANCE)


def test_ch31_is_the_printed_formula():
    graph = golden.read_json("small_graphs.json")["pendant_ch31"]
    neighbors = naive.neighbors_from_edges(graph["n"], graph["edges"])
    expected = graph["model_extras"]["CH3.1_L3 as in NSIforPPI (id 5)"]
    got = naive.ch_score(neighbors, *graph["model_extras"]["pair"], "CH3.1", 3)
    np.testing.assert_allclose(got, expected, **TOLERANCE)


@pytest.mark.parametrize("name", golden.names("linkpred_monopartite"))
def test_monopartite_scores(name):
    data = golden.load("linkpred_monopartite", name)
    neighbors, unlinked, links = golden.monopartite(name)
    for rule, length in itertools.product(RULES, (2, 3)):
        key = f"{rule}_L{length}"
        check_scores(neighbors, unlinked, data[key], rule, length)
        check_scores(neighbors, links, data[f"{key}_linked"], rule, length)


@pytest.mark.parametrize("name", golden.names("linkpred_monopartite_onpath"))
def test_onpath_scores(name):
    data = golden.load("linkpred_monopartite_onpath", name)
    neighbors, unlinked, links = golden.monopartite(name)
    for rule in ("CH1", "CH2", "CH3"):
        check_scores(neighbors, unlinked, data[f"{rule}_L3"], rule, 3, "on-path")
        check_scores(neighbors, links, data[f"{rule}_L3_linked"], rule, 3, "on-path")


@pytest.mark.parametrize("name", golden.names("linkpred_bipartite"))
def test_bipartite_scores(name):
    data = golden.load("linkpred_bipartite", name)
    matrix = golden.biadjacency(data)
    neighbors = naive.bipartite_neighbors(matrix)
    unlinked = [(int(i), int(j)) for i, j in np.argwhere(matrix == 0)]
    links = [tuple(map(int, link)) for link in data["edges"]]
    for key in [key for key in data if key.removesuffix("_linked").endswith("_L3")]:
        pairs = links if key.endswith("_linked") else unlinked
        joined = [(i, int(data["n_left"]) + j) for i, j in pairs]
        rule = key.split("_")[0]
        check_scores(neighbors, joined, data[key], rule, 3)
        if golden.FULL or len(joined) < 500:  # the two variants are equal on bipartite graphs
            check_scores(neighbors, joined, data[key], rule, 3, "on-path")
    for key, score in (("CH2_L3n", naive.ch2_l3n), ("CH3_L3n", naive.ch3_l3n)):
        if key in data:
            chosen = golden.sample(len(unlinked), 60)
            got = [score(matrix, *unlinked[i]) for i in chosen]
            np.testing.assert_allclose(got, data[key][chosen], **TOLERANCE)
