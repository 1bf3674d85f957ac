"""Small bipartite graphs that every part of the packages must stand, drawn or at random."""

import numpy as np
from hypothesis import strategies as st

from chgraph import BipartiteGraph


def _random(n_left, n_right, density, seed):
    return np.random.default_rng(seed).random((n_left, n_right)) < density


BIADJACENCIES = {
    "one link": np.ones((1, 1), dtype=int),
    "no links": np.zeros((3, 4), dtype=int),
    "no left nodes": np.zeros((0, 3), dtype=int),
    "no right nodes": np.zeros((3, 0), dtype=int),
    "isolated nodes": np.array([[1, 0, 1], [0, 0, 0], [1, 0, 0]]),
    "complete": np.ones((4, 5), dtype=int),
    "star": np.ones((1, 6), dtype=int),
    "inward star": np.ones((6, 1), dtype=int),
    "path": np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1]]),
    "cycle": np.array([[1, 1, 0], [0, 1, 1], [1, 0, 1]]),
    "components": np.kron(np.eye(2, dtype=int), np.array([[1, 1, 0], [0, 1, 1]])),
    "wide": _random(3, 14, 0.4, 1),
    "tall": _random(14, 3, 0.4, 2),
    "dense": _random(7, 8, 0.8, 3),
    "sparse": _random(12, 10, 0.15, 4),
}
GRAPHS = {name: BipartiteGraph.from_biadjacency(matrix) for name, matrix in BIADJACENCIES.items()}


@st.composite
def biadjacencies(draw, max_nodes=7, min_nodes=1):
    """Draw a boolean biadjacency of any density."""
    sizes = st.integers(min_nodes, max_nodes)
    shape = draw(sizes), draw(sizes)
    density = draw(st.sampled_from([0.15, 0.3, 0.5, 0.8]))
    return _random(*shape, density, draw(st.integers(0, 2**32 - 1)))
