"""Random graphs for the tests of the oracles."""

import networkx as nx
import numpy as np

from tests import naive


def random_graph(n, p, seed):
    """A networkx G(n, p) and its neighbor sets."""
    graph = nx.gnp_random_graph(n, p, seed=seed)
    return graph, naive.neighbors_from_edges(n, graph.edges)


def random_biadjacency(n_left, n_right, p, seed):
    """A random 0/1 matrix."""
    return (np.random.default_rng(seed).random((n_left, n_right)) < p).astype(int)
