"""Every covered function against networkx: values, types, order of nodes, exceptions."""

import math

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph.interop.info import FUNCTIONS
from tests.chgraph.interop.graphs import graphs, outcome, same, two_sided

TWO_SIDED = ["latapy_clustering", "bipartite_average_clustering", "robins_alexander_clustering"]
WITH_LOOPS = [
    "triangles",
    "clustering",
    "average_clustering",
    "transitivity",
    "square_clustering",
    "global_efficiency",
    "average_shortest_path_length",
    "all_pairs_shortest_path_length",
    "eccentricity",
    "diameter",
    "radius",
    "wiener_index",
    "closeness_centrality",
    "harmonic_centrality",
    "betweenness_centrality",
]
PAIRS = [
    "resource_allocation_index",
    "jaccard_coefficient",
    "adamic_adar_index",
    "preferential_attachment",
    "common_neighbor_centrality",
]
OTHERS = ["local_efficiency", "edge_betweenness_centrality", "robins_alexander_clustering"]
NODES = ["triangles", "clustering", "average_clustering", "square_clustering"]


def dispatched(name):
    return nx.utils.backends._registered_algorithms[name]


def check_outcome(name, *args, **options):
    """Compare the outcome here with networkx's, where the arguments are covered."""
    function = dispatched(name)
    ours = outcome(function, *args, backend="chgraph", **options)
    theirs = outcome(function, *args, backend="networkx", **options)
    assert same(ours, theirs), f"{name}: {ours} is not {theirs}"


@pytest.mark.parametrize("name", WITH_LOOPS + PAIRS)
@given(graph=graphs(loops=True))
def test_graphs_with_loops(name, graph):
    check_outcome(name, graph)


@pytest.mark.parametrize("name", OTHERS)
@given(graph=graphs())
def test_graphs_without_loops(name, graph):
    check_outcome(name, graph)


@pytest.mark.parametrize("name", TWO_SIDED)
@given(graph=two_sided(), mode=st.sampled_from(["dot", "min", "max", "none"]))
def test_two_sided_graphs(name, graph, mode):
    check_outcome(name, graph, **({} if name.startswith("robins") else {"mode": mode}))


@pytest.mark.parametrize("name", TWO_SIDED[:2])
@given(graph=graphs())
def test_graphs_that_may_be_two_sided(name, graph):
    check_outcome(name, graph)


@pytest.mark.parametrize("name", PAIRS)
@given(data=st.data(), graph=graphs(loops=True, least=2))
def test_chosen_pairs(name, data, graph):
    nodes = st.sampled_from([*graph, "stranger", ("un", ["hashable"])])
    with_itself = name not in ("adamic_adar_index", "common_neighbor_centrality")
    pair = st.tuples(nodes, nodes).filter(lambda pair: with_itself or pair[0] != pair[1])
    check_outcome(name, graph, data.draw(st.lists(pair, max_size=6)))


@given(graph=graphs(loops=True), alpha=st.sampled_from([0, 0.3, 1, 1.0]))
def test_common_neighbor_centrality_by_alpha(graph, alpha):
    check_outcome("common_neighbor_centrality", graph, alpha=alpha)


@pytest.mark.parametrize("name", [*NODES, "eccentricity"])
@given(data=st.data(), graph=graphs(loops=True, least=1))
def test_chosen_nodes(name, data, graph):
    check_outcome(name, graph, data.draw(st.lists(st.sampled_from(list(graph)))))


@pytest.mark.parametrize("name", TWO_SIDED[:2])
@given(data=st.data(), graph=two_sided().filter(len))
def test_chosen_nodes_of_two_sided_graphs(name, data, graph):
    check_outcome(name, graph, data.draw(st.lists(st.sampled_from(list(graph)), min_size=1)))


@given(graph=graphs(loops=True))
def test_average_clustering_without_zeros(graph):
    check_outcome("average_clustering", graph, count_zeros=False)


@pytest.mark.parametrize("side", ["source", "target"])
@given(data=st.data(), graph=graphs(loops=True, least=1))
def test_distances_from_a_node(side, data, graph):
    node = data.draw(st.sampled_from([*graph, "stranger"]))
    cutoff = data.draw(st.sampled_from([None, -1, 0, 1, 1.5, 2, math.inf]))
    check_outcome(f"single_{side}_shortest_path_length", graph, node, cutoff=cutoff)
    check_outcome("all_pairs_shortest_path_length", graph, cutoff)


@given(graph=graphs(loops=True), improved=st.booleans())
def test_closeness_of_parts(graph, improved):
    check_outcome("closeness_centrality", graph, wf_improved=improved)


@given(graph=graphs(), normalized=st.booleans(), endpoints=st.booleans())
def test_betweenness_by_scale(graph, normalized, endpoints):
    check_outcome("betweenness_centrality", graph, normalized=normalized, endpoints=endpoints)
    check_outcome("edge_betweenness_centrality", graph, normalized=normalized)


@given(graph=graphs(loops=True))
def test_rich_club(graph):
    check_outcome("rich_club_coefficient", graph, normalized=False)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # networkx divides by zero
@pytest.mark.filterwarnings("ignore:An input array is constant")
@pytest.mark.parametrize("name", ["assortativity_coefficient", "pearson_correlation_coefficient"])
@given(graph=graphs().filter(nx.number_of_edges))
def test_degree_assortativity(name, graph):
    value = nx.degree_assortativity_coefficient(graph, backend="chgraph")
    if math.isnan(value):  # all ends have one degree; networkx may find a number by rounding
        assert len({graph.degree(end) for link in graph.edges for end in link}) == 1
    else:
        theirs = dispatched(f"degree_{name}")(graph, backend="networkx")
        assert value == pytest.approx(theirs, abs=1e-9)


@given(data=st.data(), graph=graphs(loops=True))
def test_modularity(data, graph):
    for u, v in graph.edges:
        if data.draw(st.booleans()):
            graph[u][v]["weight"] = data.draw(st.sampled_from([0, 1, 2, 0.5, -1.5, True]))
    label = {node: data.draw(st.integers(0, 3)) for node in graph}
    communities = [{node for node in graph if label[node] == i} for i in range(4)]
    weight = data.draw(st.sampled_from(["weight", None, "other"]))
    resolution = data.draw(st.sampled_from([1, 0.5]))
    check_outcome("modularity", graph, communities, weight=weight, resolution=resolution)
    check_outcome("modularity", graph, tuple(communities[1:]))


def test_communities_may_be_told_once_only():
    graph = nx.barbell_graph(3, 0)
    halves = iter([[0, 1, 2], [3, 4, 5]])
    assert nx.community.modularity(graph, halves, backend="chgraph") == pytest.approx(5 / 14)


def test_modularity_says_which_partition_is_none():
    graph = nx.path_graph(3)
    with pytest.raises(nx.NetworkXError, match="partition of the graph Graph with 3 nodes and 2"):
        nx.community.modularity(graph, [{0, 1}], backend="chgraph")


@pytest.mark.parametrize("weight", ["weight", None])
def test_leiden_finds_two_cliques(weight):
    graph = nx.relabel_nodes(nx.barbell_graph(5, 0), str)
    graph.add_edge("0", "0", weight=0.5)
    found = nx.community.leiden_communities(graph, weight, seed=1, backend="chgraph")
    assert found == [{"0", "1", "2", "3", "4"}, {"5", "6", "7", "8", "9"}]


def test_leiden_follows_weights_resolution_and_seed():
    graph = nx.karate_club_graph()
    leiden = nx.community.leiden_communities
    nx.set_edge_attributes(graph, {link: i**2 for i, link in enumerate(graph.edges)}, "w")
    plain = leiden(graph, None, seed=1, backend="chgraph")
    assert leiden(graph, None, seed=1, backend="chgraph") == plain
    assert leiden(graph, "w", seed=1, backend="chgraph") != plain
    assert len(leiden(graph, None, 3, seed=1, backend="chgraph")) > len(plain)
    louvain = nx.community.louvain_communities(graph, None, seed=1)
    assert nx.community.modularity(graph, plain, None) >= nx.community.modularity(
        graph, louvain, None
    )


def test_leiden_without_links_and_with_negative_weights():
    leiden = nx.community.leiden_communities
    assert leiden(nx.empty_graph(2), backend="chgraph") == [{0}, {1}]
    graph = nx.Graph()
    graph.add_edge(0, 1, weight=-1)
    with pytest.raises(ValueError, match="at least 0 in 'weight'"):
        leiden(graph, backend="chgraph")
    graph.add_edge(0, 1, weight=0)
    assert leiden(graph, backend="chgraph") == [{0}, {1}]


@pytest.mark.usefixtures("automatic")
@pytest.mark.parametrize("measure", [nx.sigma, nx.omega])
def test_small_worldness_of_networkx_is_unchanged(measure):
    graph = nx.connected_watts_strogatz_graph(40, 4, 0.2, seed=1)
    ours = measure(graph, niter=1, nrand=2, seed=3)
    with nx.config.backend_priority(algos=[]):
        assert ours == pytest.approx(measure(graph, niter=1, nrand=2, seed=3), rel=1e-12)


def test_every_function_is_compared():
    compared = {*TWO_SIDED, *WITH_LOOPS, *PAIRS, *OTHERS, *NODES}
    by_themselves = {
        "single_source_shortest_path_length",
        "single_target_shortest_path_length",
        "degree_assortativity_coefficient",
        "degree_pearson_correlation_coefficient",
        "rich_club_coefficient",
        "modularity",
        "leiden_communities",
    }
    assert compared | by_themselves == set(FUNCTIONS)
