"""``read_network``: one door for every file with a network."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from chgraph._neighbor_lists import GraphInputWarning, warn_of_input
from chgraph.bipartite import BipartiteGraph
from chgraph.checks import check_flag, check_flag_or_none
from chgraph.files.columns import Wish
from chgraph.files.edge_lists import read_edge_list
from chgraph.files.gml import read_gml
from chgraph.files.links import Result
from chgraph.files.matrices import read_mtx, read_npz
from chgraph.files.node_lists import read_adjacency_list, read_sif
from chgraph.files.opening import open_file
from chgraph.files.pajek import read_pajek
from chgraph.files.recognition import kind_of
from chgraph.files.xml_graphs import read_gexf, read_graphml
from chgraph.monopartite import Graph

__all__ = ["GraphInputWarning", "read_network"]

_READERS: dict[str, Callable[..., Result]] = {
    "mtx": read_mtx,
    "npz": read_npz,
    "graphml": read_graphml,
    "gexf": read_gexf,
    "gml": read_gml,
    "pajek": read_pajek,
    "sif": read_sif,
    "adjacency list": read_adjacency_list,
}


def read_network(
    path: str | Path,
    *,
    bipartite: bool | None = None,
    header: bool | None = None,
    source: int | str | None = None,
    target: int | str | None = None,
    ignore_directions: bool = False,
) -> Graph | BipartiteGraph:
    """Read a network from a file: whatever a network scientist downloads.

    Parameters
    ----------
    path : str or Path
        Any of these, as it is or in gzip, bz2, xz or zstd (extra ``zstd``):

        - ``.mtx``: Matrix Market; ``.npz``: ``scipy.sparse.save_npz``. As
          :func:`chgraph.as_graph` and :func:`chgraph.as_bipartite` take a matrix.
        - ``.graphml``, ``.gexf``, ``.gml``: nodes go by the attribute ``name`` (GraphML) or
          ``label`` (the others) where every node has a different one, else by their id.
        - ``.sif``: Cytoscape's ``A pp B``; ``.adjlist``: a node and its neighbors.
        - ``.csv``, ``.tsv``, ``.txt``, ``.edges``, ``out.*`` and any other: by how it begins
          one of the above, Pajek's .net, a matrix as text, or an edge list, see Notes.

        Other formats are refused by name, with what to do.
    bipartite : bool, optional
        True: two kinds of node. Edge lists then have left nodes in the first column and
        right nodes in the second (one name on both sides is two nodes); GraphML, GEXF and
        GML need the node attribute ``bipartite`` (or igraph's ``type``). False: one kind. By
        default one kind, but two for a matrix that is not square or has other names for its
        rows than for its columns, for an edge list that begins with ``% bip`` (KONECT), and
        for a Pajek file with two modes.
    header : bool, optional
        Whether the first line of an edge list names its columns; found out by default.
    source, target : str or int, optional
        The columns of an edge list that hold the two ends (bipartite: left and right), by
        their names in the first line, or in the comment above it, or by their numbers from 1.
    ignore_directions : bool
        Read a directed network as undirected, which else is refused.

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
        directed network, is of a format that is not read, or contradicts an argument.
    ImportError
        If it is a zstd file and there is no library for these.

    Warns
    -----
    GraphInputWarning
        On weights, self-loops and repeated links, which are not kept; on comments and first
        lines that may be something else.

    Notes
    -----
    Edge lists are UTF-8 text with one link per line. The `guide to files
    <docs/guide/files.md>` says more.

    - Fields stand between tabs, semicolons or commas: the first of these that more than
      half of the first 100 lines hold; else between white space. White space separates as
      well where it would stand inside a name in every line, with numbers behind the second
      word (``1 1<tab>5``). Fields may be in double quotes. Every line has as many fields as
      the first; those that are not chosen (weights) are not used.
    - Blank lines and lines that begin with ``#`` or ``%`` are skipped.
    - A network is directed if it begins with ``% asym`` (KONECT), unless every link stands in
      both directions.
    - The first line is a header if its first two fields are a usual pair of column names
      (source, target; from, to; node1, node2; user, item; u, v; ...) and name no node further
      down; or if none of its first three fields is a number, but one of these columns holds a
      number in every other line. A usual pair that stands further right chooses its columns
      (``id,source,target``).
    - Names are text, unless all (bipartite: all of a side) are integers as Python writes
      them: then they are int. Nodes stand in order of first appearance, integers in
      ascending order. The order of the two nodes of a line means nothing, unless bipartite.

    Examples
    --------
    >>> import tempfile, warnings
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
        check_flag_or_none(name, value)
    ignore = check_flag("ignore_directions", ignore_directions)
    wish = column_wish(header, source, target)
    content = open_file(Path(path))
    kind = "edge list" if wish.columns and content.ending == ".sif" else kind_of(content)
    reader = _READERS.get(kind)
    if reader is None:
        graph, notes = read_edge_list(
            content, bipartite=bipartite, ignore_directions=ignore, wish=wish
        )
    elif wish.columns:
        raise content.error(f"source and target choose columns of an edge list; this is {kind}")
    else:
        graph, notes = reader(content, bipartite=bipartite, ignore_directions=ignore)
    for note in notes:
        warn_of_input(note)
    return graph


def column_wish(header: bool | None, source: int | str | None, target: int | str | None) -> Wish:
    """Return what a caller says of the columns of an edge list, checked."""
    for name, value in (("source", source), ("target", target)):
        if value is not None and (isinstance(value, bool) or not isinstance(value, int | str)):
            raise TypeError(
                f"{name} must be the name of a column or its number from 1, got {value!r}"
            )
    if (source is None) != (target is None):
        raise ValueError(
            f"source and target go together, got source={source!r} and target={target!r}"
        )
    if header is False and (isinstance(source, str) or isinstance(target, str)):
        raise ValueError("header=False has no names of columns; give source and target as numbers")
    return Wish(None if header is None else bool(header), source, target)
