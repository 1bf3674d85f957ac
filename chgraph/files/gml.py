"""GML, by networkx's parser, with repeated links and names of any script."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from chgraph.files.links import Result
from chgraph.files.named import NamedNetwork
from chgraph.files.opening import Content

if TYPE_CHECKING:
    import networkx


def read_gml(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of a GML file, nodes by their ``label`` or else by id.

    Raises
    ------
    ValueError
        If the file is malformed, holds no links, or says that it is directed.
    """
    data = content.text()
    try:
        graph = _parsed(data)
    except Exception as error:  # the parser raises anything from KeyError to RecursionError
        reason = " ".join(str(error).split()) or type(error).__name__
        raise content.error(f"cannot be read as GML: {reason}") from error
    network = NamedNetwork(
        nodes={node: dict(values) for node, values in graph.nodes(data=True)},
        links=list(graph.edges()),
        directed=graph.is_directed(),
        weighted=any(weight != 1 for _, _, weight in graph.edges(data="weight", default=1)),
    )
    try:
        return network.graph(bipartite, ignore_directions, None)
    except ValueError as error:
        raise content.error(str(error)) from error


def _parsed(data: bytes) -> networkx.Graph:
    import networkx

    # GML is ASCII; other letters stand in it as numbers, which the parser reads back.
    lines = data.decode().encode("ascii", "xmlcharrefreplace").decode("ascii").splitlines()
    label: str = "label"
    for _ in range(3):
        try:
            return networkx.parse_gml(lines, label=label)
        except networkx.NetworkXError as error:
            if str(error).startswith("edge") and "duplicated" in str(error):
                text = "\n".join(lines)
                lines = re.sub(r"\bgraph\s*\[", "graph [ multigraph 1 ", text, count=1).splitlines()
            elif "label" in str(error) and label == "label":
                label = "id"
            else:
                raise
    return networkx.parse_gml(lines, label=label)
