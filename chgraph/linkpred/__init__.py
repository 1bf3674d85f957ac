"""Which links will appear: Cannistraci-Hebb rules."""

from chgraph.linkpred.automata import BIPARTITE_METHODS, score_blocks

__all__ = ["BIPARTITE_METHODS", "score_blocks"]
