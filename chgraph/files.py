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

from chgraph import _contents
from chgraph._edge_lists import read_edge_list
from chgraph._neighbor_lists import GraphInputWarning
from chgraph.bipartite import BipartiteGraph
from chgraph.graph import as_network
from chgraph.monopartite import Graph

if TYPE_CHECKING:
    import networkx

__all__ = ["read_network"]

Read = TypeVar("Read")
# Takes the name and the attributes of an XML element.
Start = Callable[[str, dict[str, str]], None] | None


def read_network(
    path: str | Path, *, bipartite: bool | None = None, header: bool | None = None
) -> Graph | BipartiteGraph:
    """Read a network from a file, in the format that the end of its name says.

    Parameters
    ----------
    path : str or Path
        - ``.mtx``: Matrix Market; ``.npz``: ``scipy.sparse.save_npz``. As
          :func:`chgraph.as_graph` and :func:`chgraph.as_bipartite` take a matrix.
        - ``.graphml``, ``.gml``, ``.gexf``: nodes go by the attribute ``name`` (GraphML) or
          ``label`` (GML, GEXF) where every node has a different one, else by their id. ``.xml``:
          GraphML or GEXF. ``.net``, ``.paj``: Pajek. ``.sif``: a source, a kind of link and its
          targets a line.
        - ``.csv``, ``.tsv``, ``.txt``, ``.edges`` and any other: an edge list, or a matrix of
          0 and 1 with three columns or more, see Notes.
        - Any of these packed: ``.gz``, ``.bz2``, ``.xz``.
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
    - Blank lines and lines that begin with ``#`` or ``%`` are skipped. The ``%`` line with which
      a file of the KONECT collection begins says whether there are two kinds of node (``bip``),
      and that a network is directed (``asym``), which is refused; its fields stand between any
      white space.
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
    ending, content = _contents.read_bytes(path)
    reader = _READERS.get(ending)
    if reader is None:
        _contents.refuse_foreign(path, ending, content)
        graph, notes = read_edge_list(path, content, bipartite=bipartite, header=header)
        for note in notes:
            warnings.warn(note, GraphInputWarning, stacklevel=2)
        return graph
    network = reader(path, content, bipartite)
    try:
        return as_network(network, bipartite)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_mtx(path: Path, content: bytes, bipartite: bool | None) -> Any:
    sound = io.BytesIO(_contents.sound_mtx(path, content))
    return _parsed(path, "Matrix Market", lambda: scipy.io.mmread(sound))


def _read_npz(path: Path, content: bytes, bipartite: bool | None) -> Any:
    sound = _contents.sound_npz(path, content)

    def load() -> Any:
        matrix = scipy.sparse.load_npz(sound)  # never unpickles
        if hasattr(matrix, "check_format"):
            # A crafted index out of range must not reach compiled code.
            matrix.check_format(full_check=True)
        return matrix

    return _parsed(path, "a scipy sparse matrix", load)


def _read_graphml(path: Path, content: bytes, bipartite: bool | None) -> networkx.Graph:
    import networkx

    _check_graphml(path, content)
    graph = _parsed(path, "GraphML", lambda: networkx.read_graphml(io.BytesIO(content)))
    names = dict(graph.nodes(data="name"))
    if None not in names.values() and len(set(names.values())) == len(graph):
        graph = networkx.relabel_nodes(graph, names)
    return _checked(path, graph, bipartite)


def _read_gml(path: Path, content: bytes, bipartite: bool | None) -> networkx.Graph:
    import networkx

    def read() -> networkx.Graph:
        try:
            return networkx.read_gml(io.BytesIO(content))
        except networkx.NetworkXError as error:
            if "label" not in str(error):
                raise
            return networkx.read_gml(io.BytesIO(content), label="id")

    return _checked(path, _parsed(path, "GML", read), bipartite)


def _read_gexf(path: Path, content: bytes, bipartite: bool | None) -> networkx.Graph:
    import networkx

    _check_xml(path, content, "GEXF")
    graph = _parsed(path, "GEXF", lambda: networkx.read_gexf(io.BytesIO(content)))
    labels = dict(graph.nodes(data="label"))
    if None not in labels.values() and len(set(labels.values())) == len(graph):
        graph = networkx.relabel_nodes(graph, labels)
    return _checked(path, graph, bipartite)


def _read_pajek(path: Path, content: bytes, bipartite: bool | None) -> networkx.Graph:
    import networkx

    text = content.removeprefix(b"\xef\xbb\xbf").decode(errors="replace")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("%")]
    graph = _parsed(path, "Pajek", lambda: networkx.parse_pajek(lines))
    return _checked(path, graph, bipartite)


def _read_sif(path: Path, content: bytes, bipartite: bool | None) -> networkx.Graph:
    """Read lines of a source, a kind of link and any number of targets (Cytoscape)."""
    import networkx

    graph: networkx.Graph = networkx.MultiGraph()
    for number, line in enumerate(content.decode(errors="replace").splitlines(), 1):
        fields = [f.strip() for f in line.split("\t")] if "\t" in line else line.split()
        if len(fields) == 2:
            raise ValueError(f"{path}: line {number}: expected a source, a kind and targets, got 2")
        graph.add_nodes_from(fields[:1])
        graph.add_edges_from((fields[0], target) for target in fields[2:])
    return _checked(path, graph, bipartite)


def _read_xml(path: Path, content: bytes, bipartite: bool | None) -> networkx.Graph:
    """Read XML by what it says that it is."""
    for opening, reader in ((b"<graphml", _read_graphml), (b"<gexf", _read_gexf)):
        if opening in content[:2000].lower():
            return reader(path, content, bipartite)
    raise ValueError(f"{path}: is XML, but neither GraphML nor GEXF")


_READERS: dict[str, Callable[[Path, bytes, bool | None], Any]] = {
    ".mtx": _read_mtx,
    ".npz": _read_npz,
    ".graphml": _read_graphml,
    ".gexf": _read_gexf,
    ".xml": _read_xml,
    ".gml": _read_gml,
    ".net": _read_pajek,
    ".paj": _read_pajek,
    ".sif": _read_sif,
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


def _check_xml(path: Path, content: bytes, kind: str, start: Start = None) -> None:
    """Raise if XML is malformed or defines entities, which can grow without bound.

    `start` is told every element's name and attributes.
    """

    def refuse(name: str, *_: Any) -> None:
        raise ValueError(f"{path}: defines the XML entity {name!r}; entities are not read")

    parser = expat.ParserCreate()
    parser.EntityDeclHandler = refuse
    parser.StartElementHandler = start
    try:
        parser.Parse(content, True)  # at once: in pieces a long token is read again and again
    except (expat.ExpatError, LookupError) as error:  # an encoding that nobody knows
        raise ValueError(f"{path}: cannot be read as {kind}: {error}") from error


def _check_graphml(path: Path, content: bytes) -> None:
    """Raise on what networkx's reader would take for something else."""
    graphs = 0

    def start(name: str, attributes: dict[str, str]) -> None:
        nonlocal graphs
        element = name.rpartition(":")[2]
        graphs += element == "graph"
        said = attributes.get("edgedefault", "undirected")
        if element == "graph" and graphs > 1:
            raise ValueError(f"{path}: holds more than one graph")
        if element == "graph" and said not in ("directed", "undirected"):
            raise ValueError(f"{path}: edgedefault must be directed or undirected, got {said!r}")
        if element == "edge" and not {"source", "target"} <= attributes.keys():
            raise ValueError(f"{path}: an edge must have a source and a target")

    _check_xml(path, content, "GraphML", start)


def _checked(path: Path, graph: networkx.Graph, bipartite: bool | None) -> networkx.Graph:
    """Return the graph with igraph's ``type`` as sides where asked; refuse a directed one."""
    if graph.is_directed():
        raise ValueError(
            f"{path}: the network is directed; to ignore directions, change edgedefault "
            "(GraphML) or directed (GML) in the file"
        )
    if not graph.number_of_edges():
        raise ValueError(f"{path}: holds no links")
    types = dict(graph.nodes(data="type"))
    if bipartite and all(value in (0, 1) for value in types.values()):
        for node, side in types.items():
            graph.nodes[node].setdefault("bipartite", int(side))
    return graph
