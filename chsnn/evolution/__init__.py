"""When and how a model's topology changes."""

from chsnn.evolution.attach import Rewiring
from chsnn.evolution.deep_r import DeepR
from chsnn.evolution.evolution import REGROWTHS, Evolution, Regrowth
from chsnn.evolution.grad_r import GradR
from chsnn.evolution.record import EvolutionRecord, summed
from chsnn.evolution.rewirer import Rewirer, settings_document
from chsnn.evolution.state import RewiringState

__all__ = [
    "REGROWTHS",
    "DeepR",
    "Evolution",
    "EvolutionRecord",
    "GradR",
    "Regrowth",
    "Rewirer",
    "Rewiring",
    "RewiringState",
    "settings_document",
    "summed",
]
