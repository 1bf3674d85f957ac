"""The oracle of CHA against the golden vectors."""

import numpy as np
import pytest

from tests import golden, naive
from tests.golden import TOLERANCE


def pair_values(matrix, pairs):
    """Values of a symmetric matrix at these pairs."""
    return [matrix[pair] for pair in pairs]


@pytest.mark.parametrize("variant", ["lc", "onpath"])
@pytest.mark.parametrize("name", golden.names("cha"))
def test_cha(name, variant):
    if name == "foodweb_kyeburn" and not golden.FULL:
        pytest.skip("slow: set CHGRAPH_FULL=1")
    data, report = (
        golden.load("cha", name),
        golden.read_json(f"cha/{name}.json")["variants"][variant],
    )
    neighbors, unlinked, links = golden.monopartite(name)
    local_community = {"lc": "all", "onpath": "on-path"}[variant]
    selected, aupr, ranks = naive.cha_ranks(neighbors, local_community=local_community)

    assert selected == report["selected_method"]
    np.testing.assert_allclose(
        [aupr[m] for m in report["aupr"]], list(report["aupr"].values()), **TOLERANCE
    )
    final = data["CHA" if variant == "lc" else "CHA_onpath"]
    assert pair_values(ranks[selected], unlinked) == final.tolist()
    assert ranks[selected].max() == report["n_rank_levels_all_pairs"]
    if variant == "lc":
        for method, rank in ranks.items():
            assert pair_values(rank, unlinked) == data[f"{method}_rank"].tolist()
            assert pair_values(rank, links) == data[f"{method}_rank_linked"].tolist()

    best = sorted(unlinked, key=lambda pair: (-ranks[selected][pair], pair))[:100]
    assert best == [(row["u"], row["v"]) for row in report["top100"]]


@pytest.mark.parametrize("name", golden.names("cha"))
def test_sp_corr(name):
    if name == "foodweb_kyeburn" and not golden.FULL:
        pytest.skip("slow: set CHGRAPH_FULL=1")
    data = golden.load("cha", name)
    neighbors, unlinked, links = golden.monopartite(name)
    for rule, length in naive.CHA_CANDIDATES:
        link_scores = {(u, v): naive.ch_score(neighbors, u, v, rule, length) for u, v in links}
        matrix = naive.sp_corr(neighbors, link_scores)
        key = f"{rule}_L{length}_spcorr"
        np.testing.assert_allclose(pair_values(matrix, unlinked), data[key], **TOLERANCE)
        np.testing.assert_allclose(pair_values(matrix, links), data[f"{key}_linked"], **TOLERANCE)
