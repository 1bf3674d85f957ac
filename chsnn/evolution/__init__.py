"""When and how a model's topology changes."""

from typing import Any

from chsnn.evolution.attach import Rewiring
from chsnn.evolution.deep_r import DeepR
from chsnn.evolution.dpap import DPAP
from chsnn.evolution.evolution import REGROWTHS, Evolution, Regrowth
from chsnn.evolution.grad_r import GradR
from chsnn.evolution.record import EvolutionRecord, summed
from chsnn.evolution.rewirer import Rewirer, settings_document
from chsnn.evolution.sd_snn import SDSNN
from chsnn.evolution.state import RewiringState

# By the name that stands in a file.
REWIRINGS: dict[str, type[Any]] = {
    kind.__name__: kind for kind in (Evolution, DeepR, GradR, SDSNN, DPAP)
}

__all__ = [
    "DPAP",
    "REGROWTHS",
    "REWIRINGS",
    "SDSNN",
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
