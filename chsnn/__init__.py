"""Ultra-sparse spiking networks that rewire themselves by link prediction.

Every linear layer *is* a bipartite graph of :mod:`chgraph`; training alternates gradient
descent on the weights with Cannistraci-Hebb evolution of the topology.
"""

from importlib.metadata import version

from chsnn import inference, networks
from chsnn.data import load_data
from chsnn.encoding import Encoder
from chsnn.energy import HARDWARE, EnergyReport, estimate_energy
from chsnn.evaluation import evaluate
from chsnn.evolution import DeepR, Evolution, GradR
from chsnn.history import History
from chsnn.layers import SparseLinear
from chsnn.neurons import LIF
from chsnn.threads import set_threads, start_numba
from chsnn.training import Trainer, TrainingDiverged

__version__ = version("chsnn")

start_numba()

__all__ = [
    "HARDWARE",
    "LIF",
    "DeepR",
    "Encoder",
    "EnergyReport",
    "Evolution",
    "GradR",
    "History",
    "SparseLinear",
    "Trainer",
    "TrainingDiverged",
    "__version__",
    "estimate_energy",
    "evaluate",
    "inference",
    "load_data",
    "networks",
    "set_threads",
]
