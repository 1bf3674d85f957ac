"""What networkx's dispatcher is told: who runs what, conversions kept, a quick import."""

import copy
import inspect
import logging
import pickle
import subprocess
import sys
from fractions import Fraction

import networkx as nx
import numpy as np
import pytest
from hypothesis import given

from chgraph.interop import backend
from chgraph.interop.info import FUNCTIONS, get_info
from chgraph.interop.network import Network, cached, convert_from_nx, convert_to_nx
from chgraph.interop.rules import RULES
from tests.chgraph.interop.graphs import graphs, outcome, same

ALGORITHMS = nx.utils.backends._registered_algorithms
RING = nx.cycle_graph(40)
LOOPED = nx.Graph([(0, 0), (0, 1)])


@pytest.fixture
def used(caplog):
    """Return a function that tells whether a call of networkx ran in the backend."""

    def used(call, *args, **options):
        caplog.clear()
        with caplog.at_level(logging.DEBUG, "networkx.utils.backends"):
            result = call(*args, **options)
            if hasattr(result, "__next__"):
                list(result)
        return any("Using backend 'chgraph'" in record.getMessage() for record in caplog.records)

    return used


# ------------------------------------------------------------------ what the backend says


def test_the_list_the_rules_and_the_functions_are_one():
    assert set(FUNCTIONS) == set(RULES) == set(get_info()["functions"])
    offered = {name for name in ALGORITHMS if hasattr(backend, name)}
    assert (
        offered
        == set(FUNCTIONS)
        == set(backend.__all__)
        - {
            "can_run",
            "should_run",
            "convert_from_nx",
            "convert_to_nx",
        }
    )


@pytest.mark.parametrize("name", FUNCTIONS)
def test_signatures_are_those_of_networkx(name):
    def parameters(function):
        found = inspect.signature(function).parameters.values()
        named = [p for p in found if p.name not in ("backend", "backend_kwargs")]
        return [(p.name, p.kind, p.default) for p in named]

    assert parameters(getattr(backend, name)) == parameters(ALGORITHMS[name])


def test_networkx_documents_the_backend():
    assert "chgraph" in nx.clustering.backends
    assert "Undirected simple graphs. `nodes` is None" in nx.clustering.__doc__


@pytest.mark.parametrize(
    "then", ["", "import chgraph.interop.info; chgraph.interop.info.get_info()"]
)
def test_networkx_is_imported_without_numba(then):
    code = f"import sys, networkx; {then}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    heavy = {"numba", "torch", "scipy", "igraph", "matplotlib", "pandas", "chgraph.graph"}
    assert heavy.isdisjoint(done.stdout.split())
    assert "chgraph.interop.info" in done.stdout.split()


def test_the_backend_works_without_torch():
    code = """if True:
        import sys, networkx as nx
        print(nx.clustering(nx.complete_graph(3), backend="chgraph"), "torch" in sys.modules)"""
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout == "{0: 1.0, 1: 1.0, 2: 1.0} False\n"


# ---------------------------------------------------------------------------- conversion


@given(graph=graphs(loops=True))
def test_there_and_back(graph):
    back = convert_to_nx(convert_from_nx(graph))
    assert list(back) == list(graph)
    assert list(back.edges) == list(graph.edges)


def test_weights_there_and_back():
    graph = nx.Graph()
    graph.add_edge("a", "b", w=0.5, other="text")
    graph.add_edge("b", "c")
    net = convert_from_nx(graph, edge_attrs={"w": 2, "one": 1})
    np.testing.assert_array_equal(net.weights["w"], [0.5, 0.5, 2, 2])
    assert net.weights["one"] is None
    data = list(convert_to_nx(net).edges(data=True))
    assert data == [("a", "b", {"w": 0.5, "one": 1}), ("b", "c", {"w": 2, "one": 1})]


@pytest.mark.parametrize("value", ["heavy", None, [1], [1, 2], Fraction(1, 2), 2**60, 1j])
def test_weights_that_are_no_plain_numbers_are_left_to_networkx(value):
    graph = nx.Graph()
    graph.add_edge(0, 1, w=value)
    graph.add_edge(0, 2, w=1)
    with pytest.raises(NotImplementedError, match="edge attribute 'w' holds"):
        convert_from_nx(graph, edge_attrs={"w": 1})


@pytest.mark.parametrize(
    ("graph", "options"),
    [(nx.DiGraph(), {}), (nx.MultiGraph(), {}), (nx.Graph(), {"preserve_edge_attrs": True})],
)
def test_what_cannot_be_kept_is_not_converted(graph, options):
    with pytest.raises(NotImplementedError, match="only"):
        convert_from_nx(graph, **options)


def test_nodes_that_equal_numbers_stay_what_they_are():
    graph = nx.Graph([(True, 0), (2.0, True)])  # True == 1, but in this order not a number
    net = convert_from_nx(graph)
    assert not net.numbered
    assert list(map(type, backend.clustering(net))) == [bool, int, float]


def test_a_converted_graph_is_a_graph_of_the_backend(used):
    net = convert_from_nx(nx.complete_graph(4))
    assert used(nx.transitivity, net)
    assert nx.transitivity(net) == 1
    assert len(net) == 4
    assert list(net) == [0, 1, 2, 3]
    assert 3 in net
    assert "stranger" not in net
    assert [] not in net
    with pytest.raises(NotImplementedError):
        nx.core_number(net)
    with nx.config(fallback_to_nx=True):
        assert nx.core_number(net) == dict.fromkeys(range(4), 3)


# --------------------------------------------------------------------------- conversions kept


@pytest.mark.usefixtures("automatic")
def test_a_conversion_is_kept_until_the_graph_changes():
    graph = RING.copy()
    assert cached(graph) is None
    nx.transitivity(graph)
    net = cached(graph)
    assert isinstance(net, Network)
    nx.clustering(graph)
    assert cached(graph) is net
    graph.add_edge(0, 2)
    assert cached(graph) is None
    assert nx.triangles(graph)[1] == 1


@pytest.mark.usefixtures("automatic")
def test_weights_are_kept_by_name():
    graph = RING.copy()
    halves = [set(range(20)), set(range(20, 40))]
    plain = nx.community.modularity(graph, halves, weight=None)
    graph[0][1]["w"] = 50.0
    assert nx.community.modularity(graph, halves, weight=None) == plain
    weighted = nx.community.modularity(graph, halves, weight="w")
    assert weighted == pytest.approx(
        nx.community.modularity(graph, halves, weight="w", backend="networkx")
    )
    assert weighted != pytest.approx(plain)


@pytest.mark.usefixtures("automatic")
def test_nothing_is_kept_where_networkx_is_told_so():
    graph = RING.copy()
    with nx.config(cache_converted_graphs=False):
        nx.transitivity(graph)
    assert cached(graph) is None


@pytest.mark.usefixtures("automatic")
@pytest.mark.parametrize("again", [copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))])
def test_a_graph_with_a_conversion_is_copied(again):
    graph = RING.copy()
    nx.closeness_centrality(graph)
    copied = again(graph)
    assert cached(copied) is not cached(graph)
    assert not cached(copied).targets.flags.writeable
    assert nx.closeness_centrality(copied) == nx.closeness_centrality(graph)


# ------------------------------------------------------------------------- who runs what


@pytest.mark.usefixtures("automatic")
def test_unchanged_code_runs_here(used):
    assert used(nx.resource_allocation_index, RING.copy())
    assert used(nx.betweenness_centrality, RING.copy())
    assert used(nx.bipartite.clustering, RING.copy())
    assert used(nx.center, RING.copy())  # through its eccentricities


COVERED = [
    (nx.clustering, RING, {"nodes": [3, 1]}),
    (nx.clustering, RING, {"nodes": {3, 1}}),
    (nx.clustering, RING, {"nodes": RING.nodes}),
    (nx.jaccard_coefficient, RING, {"ebunch": [(0, 2)]}),
    (nx.jaccard_coefficient, RING, {"ebunch": np.array([[0, 2]])}),
    (nx.resource_allocation_index, RING, {"ebunch": [(0, 0)]}),
    (nx.rich_club_coefficient, RING, {"normalized": False}),
    (nx.clustering, LOOPED, {}),
    (nx.jaccard_coefficient, LOOPED, {}),
    (nx.closeness_centrality, nx.subgraph_view(RING, filter_node=lambda node: node < 5), {}),
]
DECLINED = [
    (nx.clustering, nx.DiGraph(RING), {}),
    (nx.triangles, nx.MultiGraph(RING), {}),
    (nx.clustering, RING, {"weight": "weight"}),
    (nx.clustering, RING, {"nodes": 3}),
    (nx.clustering, RING, {"nodes": [3, "stranger"]}),
    (nx.triangles, nx.Graph([("ab", "cd")]), {"nodes": "xy"}),
    (nx.triangles, nx.Graph([((0, 1), 0), (0, 1)]), {"nodes": (0, 1)}),
    (nx.bipartite.clustering, LOOPED, {}),
    (nx.local_efficiency, LOOPED, {}),
    (nx.adamic_adar_index, RING, {"ebunch": [(0, 0)]}),
    (nx.common_neighbor_centrality, RING, {"ebunch": [(0, 0)]}),
    (nx.all_pairs_shortest_path_length, RING, {"cutoff": "far"}),
    (nx.average_shortest_path_length, RING, {"weight": "weight"}),
    (nx.average_shortest_path_length, RING, {"method": "dijkstra"}),
    (nx.betweenness_centrality, RING, {"k": 3, "seed": 1}),
    (nx.betweenness_centrality, RING, {"weight": "weight"}),
    (nx.edge_betweenness_centrality, LOOPED, {}),
    (nx.closeness_centrality, RING, {"u": 1}),
    (nx.harmonic_centrality, RING, {"nbunch": [1]}),
    (nx.eccentricity, RING, {"v": 1}),
    (nx.diameter, RING, {"usebounds": True}),
    (nx.degree_assortativity_coefficient, nx.star_graph(3), {"nodes": [1, 2]}),
    (nx.rich_club_coefficient, nx.complete_graph(5), {"Q": 1, "seed": 1}),
]


@pytest.mark.parametrize(("call", "graph", "options"), COVERED)
def test_covered(used, call, graph, options):
    assert used(call, graph, backend="chgraph", **options)


@pytest.mark.usefixtures("automatic")
@pytest.mark.parametrize(("call", "graph", "options"), DECLINED)
def test_what_is_not_covered_falls_back(used, call, graph, options):
    assert isinstance(backend.can_run(call.__name__, (graph,), options), str)
    with pytest.raises(NotImplementedError, match="not implemented by 'chgraph' backend"):
        call(graph, backend="chgraph", **options)
    by_networkx = outcome(call, graph, backend="networkx", **options)
    assert same(outcome(call, graph, **options), by_networkx)


@pytest.mark.usefixtures("automatic")
def test_what_can_be_read_only_once_is_left_to_networkx(used):
    assert not used(nx.triangles, RING.copy(), iter([3]))
    assert nx.triangles(RING.copy(), iter([3])) == {3: 0}
    assert not used(nx.jaccard_coefficient, RING.copy(), iter([(0, 2)]))


@pytest.mark.usefixtures("automatic")
def test_weights_that_are_no_numbers_fall_back(used):
    graph = RING.copy()
    graph[0][1]["weight"] = Fraction(1, 2)
    halves = [set(range(20)), set(range(20, 40))]
    assert not used(nx.community.modularity, graph, halves)
    assert used(nx.community.modularity, graph, halves, weight=None)


@pytest.mark.usefixtures("automatic")
def test_little_work_is_not_worth_a_conversion(used):
    assert not used(nx.transitivity, nx.cycle_graph(5))
    assert not used(nx.clustering, RING.copy(), [1, 2])
    assert not used(nx.jaccard_coefficient, RING.copy(), [(0, 2)])
    assert not used(nx.single_source_shortest_path_length, RING.copy(), 0)
    graph = RING.copy()
    nx.transitivity(graph)  # once it is converted, it is
    assert used(nx.clustering, graph, [1, 2])
    assert used(nx.single_source_shortest_path_length, graph, 0)


def test_an_older_networkx_is_left_to_itself(monkeypatch):
    monkeypatch.setattr(nx, "__version__", "3.5.1")
    assert backend.can_run("transitivity", (RING,), {}) == (
        "networkx 3.5.1 is older than the backend knows"
    )
    monkeypatch.setattr(nx, "__version__", "3.10rc1.dev0")
    assert backend.can_run("transitivity", (RING,), {}) is True


def test_pairs_are_checked_at_once():
    with pytest.raises(nx.NodeNotFound, match="Node 99 not in G"):
        nx.jaccard_coefficient(RING, [(0, 2), (0, 99)], backend="chgraph")
    with pytest.raises(ValueError, match="too many values"):
        nx.adamic_adar_index(RING, [(0, 1, 2)], backend="chgraph")


def test_arguments_that_networkx_does_not_know_are_its_own_error():
    with pytest.raises(NotImplementedError):
        nx.transitivity(RING, unknown=1, backend="chgraph")
    assert backend.can_run("transitivity", (RING, 1), {}) == "too many positional arguments"
    assert backend.can_run("core_number", (RING,), {}) == "core_number is not of this backend"
