"""Changes graphs: scores of links, exactly k of them, dead chains, regrowth."""

from chgraph.rewiring.chain import ChainRemoval, remove_dead_chains
from chgraph.rewiring.regrowth import REGROWTH_METHODS, regrow_by_scores, regrow_links
from chgraph.rewiring.removal import REMOVAL_KINDS, removal_scores
from chgraph.rewiring.selection import SAMPLINGS, select_links
from chgraph.rewiring.wiring import Junction, Wiring

__all__ = [
    "REGROWTH_METHODS",
    "REMOVAL_KINDS",
    "SAMPLINGS",
    "ChainRemoval",
    "Junction",
    "Wiring",
    "regrow_by_scores",
    "regrow_links",
    "removal_scores",
    "remove_dead_chains",
    "select_links",
]
