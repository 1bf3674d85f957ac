"""networkx's own tests run with the backend, and the calls that reach it are counted."""

import networkx as nx
import pytest

from analysis.networkx_suite import run_suite, table


@pytest.mark.skipif(
    "chgraph" not in nx.utils.backends.backends, reason="installed before it was a backend"
)
def test_a_module_of_networkx_passes_and_is_counted():
    status, counts = run_suite(("networkx.algorithms.tests.test_richclub",))
    assert status == 0
    row = counts["functions"]["rich_club_coefficient"]
    assert row["ours"] >= row["tests"] == counts["tests_ours"] > 3
    assert row["networkx"] > 3  # normalized by chance: networkx's own random numbers
    assert set(counts["outcomes"]) == {"passed"}
    line = f"| `rich_club_coefficient` | {row['ours']} | {row['networkx']} | {row['tests']} |"
    assert line in table(counts)


def test_a_failure_is_the_exit_status():
    status, counts = run_suite(("networkx.algorithms.tests.test_none_such",))
    assert status == 4
    assert counts["outcomes"] == {}
