"""Networks in files: whatever lies around becomes the right graph, or an error that says why not.

One module per family of formats: edge lists (:mod:`.edge_lists`), matrices as text
(:mod:`.text_matrices`) and in Matrix Market and .npz (:mod:`.matrices`), GraphML and GEXF
(:mod:`.xml_graphs`), GML (:mod:`.gml`), Pajek (:mod:`.pajek`), SIF and adjacency lists
(:mod:`.node_lists`). :mod:`.recognition` tells them apart, :mod:`.opening` unpacks. Graphs that
are saved lie in folders (:mod:`.folders`), also those too large for memory (:mod:`.building`).
"""

from chgraph.files.building import build_graph
from chgraph.files.folders import open_graph
from chgraph.files.reading import read_network

__all__ = ["build_graph", "open_graph", "read_network"]
