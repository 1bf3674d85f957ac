"""Ultra-sparse spiking networks that rewire themselves by link prediction.

Every linear layer *is* a bipartite graph of :mod:`chgraph`; training alternates gradient
descent on the weights with Cannistraci-Hebb evolution of the topology. :func:`sparsify` makes the
layers of any torch model sparse.
"""

from importlib.metadata import version

from chsnn import _requirements  # noqa: F401  isort: skip  says what is missing, before it is missed
from chsnn import export, inference, networks
from chsnn.checkpoint import load, save
from chsnn.data import load_data
from chsnn.encoding import Encoder
from chsnn.energy import HARDWARE, EnergyReport, estimate_energy
from chsnn.evaluation import evaluate
from chsnn.evolution import DPAP, SDSNN, DeepR, Evolution, GradR, Rewirer
from chsnn.fused import SparseLIF
from chsnn.history import History
from chsnn.layers import SparseLinear
from chsnn.neurons import LIF
from chsnn.settings import TrainingSettings
from chsnn.sparse import densify, sparse_layers, sparsify
from chsnn.stp import STP
from chsnn.threads import set_threads
from chsnn.training import Trainer, TrainingDiverged
from chsnn.wiring import find_wiring

__version__ = version("chgraph")

__all__ = [
    "DPAP",
    "HARDWARE",
    "LIF",
    "SDSNN",
    "STP",
    "DeepR",
    "Encoder",
    "EnergyReport",
    "Evolution",
    "GradR",
    "History",
    "Rewirer",
    "SparseLIF",
    "SparseLinear",
    "Trainer",
    "TrainingDiverged",
    "TrainingSettings",
    "__version__",
    "densify",
    "estimate_energy",
    "evaluate",
    "export",
    "find_wiring",
    "inference",
    "load",
    "load_data",
    "networks",
    "save",
    "set_threads",
    "sparse_layers",
    "sparsify",
]
