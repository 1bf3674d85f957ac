"""Bundled networks by name."""

from __future__ import annotations

import csv
from importlib.resources import files

import networkx

from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_choice
from chgraph.datasets.catalog import Dataset, catalog
from chgraph.monopartite import Graph


def names() -> tuple[str, ...]:
    """Return the names of all bundled networks.

    Examples
    --------
    >>> import chgraph
    >>> "karate" in chgraph.datasets.names()
    True
    """
    return tuple(catalog())


def describe(name: str) -> Dataset:
    """Return what a bundled network is: nodes, links, reference, license.

    Parameters
    ----------
    name : str
        One of :func:`names`.

    Raises
    ------
    ValueError
        If there is no network of that name.

    Examples
    --------
    >>> import chgraph
    >>> chgraph.datasets.describe("andean_frugivory").license
    'CC0-1.0 (Dryad)'
    """
    return catalog()[check_choice("name", name, catalog())]


def load(name: str) -> Graph | BipartiteGraph:
    """Return a bundled network, with the names of its nodes.

    Parameters
    ----------
    name : str
        One of :func:`names`; :mod:`chgraph.datasets` lists them with their licenses.

    Returns
    -------
    Graph or BipartiteGraph
        By :class:`chgraph.datasets.Dataset`. Without weights.

    Raises
    ------
    ValueError
        If there is no network of that name.

    See Also
    --------
    describe : where it was published, under which license it is passed on.
    chgraph.read_network : a network of one's own.

    Examples
    --------
    >>> import chgraph
    >>> forest = chgraph.datasets.load("andean_frugivory")
    >>> forest
    BipartiteGraph(22 x 45, 117 links, density 0.118)
    >>> print(chgraph.predict_links(forest, k=2))
    2 links predicted by CH3-L3
    ...
    """
    entry = describe(name)
    return _from_file(entry) if entry.source.endswith(".csv") else _from_networkx(entry)


def _from_file(entry: Dataset) -> Graph | BipartiteGraph:
    text = files("chgraph.datasets").joinpath(entry.source).read_text(encoding="utf-8")
    first, second = zip(*(row[:2] for row in list(csv.reader(text.splitlines()))[1:]), strict=True)
    return (BipartiteGraph if entry.bipartite else Graph).from_named_links(first, second)


def _from_networkx(entry: Dataset) -> Graph | BipartiteGraph:
    graph = getattr(networkx, entry.source.removeprefix("networkx."))()
    bare: networkx.Graph = networkx.Graph()  # without weights, which would draw a warning
    bare.add_nodes_from(graph.nodes(data=entry.bipartite))
    bare.add_edges_from(graph.edges)
    return (BipartiteGraph if entry.bipartite else Graph).from_networkx(bare)
