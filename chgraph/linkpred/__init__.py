"""Which links will appear: Cannistraci-Hebb rules."""

from chgraph.linkpred.automata import BIPARTITE_RULES, score_blocks

__all__ = ["BIPARTITE_RULES", "score_blocks"]
