"""Small networkx graphs of every kind, and results compared as networkx would give them."""

import math
import string

import networkx as nx
from hypothesis import strategies as st


@st.composite
def graphs(draw, loops=False, least=0):
    """Draw an undirected graph of named or numbered nodes, in an order of its own."""
    n_nodes = draw(st.integers(least, 12))
    names = draw(
        st.sampled_from([list(range(n_nodes)), list(string.ascii_letters[:n_nodes])]).flatmap(
            st.permutations
        )
    )
    pairs = [(u, v) for i, u in enumerate(names) for v in names[i + (not loops) :]]
    graph = nx.Graph()
    graph.add_nodes_from(names)
    if pairs:
        chosen = draw(st.lists(st.sampled_from(pairs), unique=True, max_size=len(pairs)))
        graph.add_edges_from(pair[:: draw(st.sampled_from([1, -1]))] for pair in chosen)
    return graph


@st.composite
def two_sided(draw):
    """Draw a bipartite graph, its sides mixed."""
    n_left, n_right = draw(st.integers(0, 6)), draw(st.integers(0, 6))
    names = draw(st.permutations([("l", i) for i in range(n_left)] + list(range(n_right))))
    pairs = [(("l", i), j) for i in range(n_left) for j in range(n_right)]
    graph = nx.Graph()
    graph.add_nodes_from(names)
    if pairs:
        graph.add_edges_from(draw(st.lists(st.sampled_from(pairs), unique=True)))
    return graph


def outcome(call, *args, **options):
    """Return what a call gives, generators listed, or the kind of what it raises."""
    try:
        result = call(*args, **options)
        return list(result) if hasattr(result, "__next__") else result
    except Exception as error:
        return type(error)


def same(ours, theirs):
    """Whether types, orders and values agree, fractions to rounding."""
    if type(ours) is not type(theirs):
        return False
    if isinstance(ours, dict):
        return list(ours) == list(theirs) and all(same(ours[key], theirs[key]) for key in ours)
    if isinstance(ours, list | tuple):
        return len(ours) == len(theirs) and all(map(same, ours, theirs))
    if isinstance(ours, float):
        both_nan = math.isnan(ours) and math.isnan(theirs)
        return both_nan or math.isclose(ours, theirs, rel_tol=1e-11, abs_tol=1e-12)
    return ours == theirs
