"""Files of a given content, and graphs as the links that they say."""

import pytest

from chgraph import BipartiteGraph
from chgraph.files import read_network


@pytest.fixture
def read(tmp_path):
    """Read a file of the given content; what it warns of fails the test unless expected."""

    def write_and_read(content, name="net.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_network(path, **options)

    return write_and_read


def links_of(graph):
    """The links as pairs of names."""
    if isinstance(graph, BipartiteGraph):
        sides = graph.left_names, graph.right_names
    else:
        sides = graph.names, graph.names
    return [(sides[0][u], sides[1][v]) for u, v in zip(*graph.links(), strict=True)]
