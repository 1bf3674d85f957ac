"""Networks in files: edge lists, Matrix Market, GraphML, GML and scipy's .npz."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from xml.parsers import expat

import scipy.io
import scipy.sparse

from chgraph._edge_lists import read_edge_list
from chgraph._neighbor_lists import GraphInputWarning
from chgraph.bipartite import BipartiteGraph
from chgraph.graph import as_network
from chgraph.monopartite import Graph

if TYPE_CHECKING:
    import networkx

__all__ = ["read_network"]

Read = TypeVar("Read")


def read_network(
    path: str | Path, *, bipartite: bool | None = None, header: bool | None = None
) -> Graph | BipartiteGraph:
    """Read a network from a file, in the format that the end of its name says.

    Parameters
    ----------
    path : str or Path
        - ``.mtx``: Matrix Market; ``.npz``: ``scipy.sparse.save_npz``. As
          :func:`chgraph.as_graph` and :func:`chgraph.as_bipartite` take a matrix.
        - ``.graphml``, ``.gml``: nodes go by the attribute ``name`` (GraphML) or ``label``
          (GML) where every node has a different one, else by their id.
        - ``.csv``, ``.tsv``, ``.txt``, ``.edges`` and any other: an edge list, see Notes.
    bipartite : bool, optional
        True: two kinds of node. Edge lists then have left nodes in the first column and
        right nodes in the second (one name on both sides is two nodes); GraphML and GML
        need the node attribute ``bipartite`` (or igraph's ``type``). False: one kind. By
        default one kind, but two for a matrix that is not square and for an edge list that
        begins with ``% bip`` (KONECT).
    header : bool, optional
        Whether the first line of an edge list names its columns; found out by default.

    Returns
    -------
    Graph or BipartiteGraph
        With the names of the file.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is malformed (edge lists: with the line numbers), holds no links or a
        directed network, or contradicts `bipartite`.

    Warns
    -----
    GraphInputWarning
        On weights, self-loops and repeated links, which are not kept.

    Notes
    -----
    Edge lists are UTF-8 text with one link per line.

    - Fields stand between tabs, semicolons or commas: the first of these that more than
      half of the first 100 lines hold; else between white space. They may be in double
      quotes. Every line has as many fields as the first; those after the second (weights)
      are not used.
    - Blank lines and lines that begin with ``#`` or ``%`` are skipped.
    - The first line is a header if its first two fields are a usual pair of column names
      (source, target; from, to; node1, node2; u, v; ...) and name no node further down;
      or if none of its first three fields is a number, but one of these columns holds a
      number in every other line.
    - Names are text, unless all (bipartite: all of a side) are integers as Python writes
      them: then they are int. Nodes stand in order of first appearance, integers in
      ascending order. The order of the two nodes of a line means nothing, unless bipartite.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "food.csv")
    ...     _ = path.write_text("predator,prey,weight\\nfox,hare,3\\nfox,mouse,2\\nowl,mouse,1\\n")
    ...     with warnings.catch_warnings(action="ignore", category=GraphInputWarning):
    ...         one_kind = read_network(path)
    ...         two_kinds = read_network(path, bipartite=True)
    >>> one_kind.names
    ('fox', 'hare', 'mouse', 'owl')
    >>> two_kinds
    BipartiteGraph(2 x 2, 3 links, density 0.75)
    """
    for name, value in (("bipartite", bipartite), ("header", header)):
        if value not in (None, True, False):
            raise TypeError(f"{name} must be True, False or None, got {value!r}")
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(f"{path}: is a folder, not a file")
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        graph, notes = read_edge_list(path, bipartite=bipartite, header=header)
        for note in notes:
            warnings.warn(note, GraphInputWarning, stacklevel=2)
        return graph
    content = reader(path, bipartite)
    try:
        return as_network(content, bipartite)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_mtx(path: Path, bipartite: bool | None) -> Any:
    return _parsed(path, "Matrix Market", lambda: scipy.io.mmread(path))


def _read_npz(path: Path, bipartite: bool | None) -> Any:
    content = io.BytesIO(path.read_bytes())

    def load() -> Any:
        matrix = scipy.sparse.load_npz(content)  # never unpickles
        if hasattr(matrix, "check_format"):
            # A crafted index out of range must not reach compiled code.
            matrix.check_format(full_check=True)
        return matrix

    return _parsed(path, "a scipy sparse matrix", load)


def _read_graphml(path: Path, bipartite: bool | None) -> networkx.Graph:
    import networkx

    _refuse_entities(path)
    graph = _parsed(path, "GraphML", lambda: networkx.read_graphml(path))
    names = dict(graph.nodes(data="name"))
    if None not in names.values() and len(set(names.values())) == len(graph):
        graph = networkx.relabel_nodes(graph, names)
    return _checked(path, graph, bipartite)


def _read_gml(path: Path, bipartite: bool | None) -> networkx.Graph:
    import networkx

    def read() -> networkx.Graph:
        try:
            return networkx.read_gml(path)
        except networkx.NetworkXError as error:
            if "label" not in str(error):
                raise
            return networkx.read_gml(path, label="id")

    return _checked(path, _parsed(path, "GML", read), bipartite)


_READERS: dict[str, Callable[[Path, bool | None], Any]] = {
    ".mtx": _read_mtx,
    ".npz": _read_npz,
    ".graphml": _read_graphml,
    ".gml": _read_gml,
}


def _parsed(path: Path, kind: str, read: Callable[[], Read]) -> Read:
    """Return what a reader of another library returns; whatever it raises is a ValueError."""
    try:
        return read()
    except OSError:
        raise
    except Exception as error:  # these readers raise anything from KeyError to RecursionError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise ValueError(f"{path}: cannot be read as {kind}: {reason}") from error


def _refuse_entities(path: Path) -> None:
    """Raise if the XML is malformed or defines entities, which can grow without bound."""

    def refuse(name: str, *_: Any) -> None:
        raise ValueError(f"{path}: defines the XML entity {name!r}; entities are not read")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    with path.open("rb") as file:
        try:
            parser.ParseFile(file)
        except expat.ExpatError as error:
            raise ValueError(f"{path}: cannot be read as GraphML: {error}") from error


def _checked(path: Path, graph: networkx.Graph, bipartite: bool | None) -> networkx.Graph:
    """Return the graph with igraph's ``type`` as sides where asked; refuse a directed one."""
    if graph.is_directed():
        raise ValueError(
            f"{path}: the network is directed; to ignore directions, change edgedefault "
            "(GraphML) or directed (GML) in the file"
        )
    types = dict(graph.nodes(data="type"))
    if bipartite and all(value in (0, 1) for value in types.values()):
        for node, side in types.items():
            graph.nodes[node].setdefault("bipartite", int(side))
    return graph
