"""When and how a network's topology changes."""

from chsnn.evolution.deep_r import DeepR
from chsnn.evolution.evolution import REGROWTHS, Evolution, Regrowth
from chsnn.evolution.grad_r import GradR
from chsnn.evolution.record import EvolutionRecord, State, summed
from chsnn.evolution.rewiring import Rewiring

__all__ = [
    "REGROWTHS",
    "DeepR",
    "Evolution",
    "EvolutionRecord",
    "GradR",
    "Regrowth",
    "Rewiring",
    "State",
    "summed",
]
