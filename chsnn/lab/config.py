"""The configuration of a run: one dataclass is file, flags and documentation."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import tomli_w

from chgraph.checks import check_choice, check_positive_int, check_real, check_sparsity
from chgraph.storage import write_atomically
from chsnn.data import DATA_SETS
from chsnn.encoding import ENCODINGS, MOST_TIMESTEPS, Encoding
from chsnn.energy import HARDWARE
from chsnn.evolution import DPAP, SDSNN, DeepR, Evolution, GradR, Rewiring
from chsnn.learning import LEARNING_RULES, LearningRule, learning_rule
from chsnn.networks import PLANS, READOUTS, TOPOLOGIES, Readout, Topology
from chsnn.neurons import LIF, Model, Surrogate
from chsnn.settings import TrainingSettings
from chsnn.stp import STP
from chsnn.threads import check_threads
from chsnn.weights import WEIGHTS, Weights

Select = Literal["best", "last"]
SELECTS = ("best", "last")
LearningName = Literal["bptt", "s-tp"]
RewiringName = Literal["evolution", "DeepR", "GradR", "SDSNN", "DPAP", "none"]
NetworkName = Literal["mlp", "2conv2fc", "6conv2fc", "spikformer"]
NETWORKS = ("mlp", *PLANS, "spikformer")
REWIRINGS = ("evolution", "DeepR", "GradR", "SDSNN", "DPAP", "none")
# The table of a file that says which run it belongs to.
_RUN = "run"
# Which start fully connected and take links away.
_FROM_ALL_LINKS = ("GradR", "SDSNN", "DPAP")
_CHOICES = {
    "network": NETWORKS,
    "rewiring": REWIRINGS,
    "select": SELECTS,
    "data": DATA_SETS,
    "encoding": ENCODINGS,
    "readout": READOUTS,
    "topology": TOPOLOGIES,
    "weights": WEIGHTS,
    "hardware": HARDWARE,
    "learning": LEARNING_RULES,
}


@dataclass(frozen=True)
class NeuronConfig:
    """Settings of the LIF neurons; see :class:`chsnn.LIF`."""

    alpha: float = 0.5
    """Decay of the membrane potential per step, in [0, 1)."""
    v_th: float = 1.0
    """Firing threshold."""
    model: Model = "box"
    """Without ("box") or with ("current") a synaptic current."""
    alpha_syn: float = 0.5
    """Decay of the synaptic current per step."""
    surrogate: Surrogate = "triangle"
    """Surrogate gradient of the spike."""
    surrogate_alpha: float = 1.0
    """Parameter of the surrogate gradient."""

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> LIF:
        """Return neurons with these settings."""
        return LIF(**asdict(self))


@dataclass(frozen=True)
class STPConfig:
    """Settings of the learning "s-tp"; see :class:`chsnn.STP`."""

    window: int = 4
    """Time steps of every sample that are learnt from."""
    weight_bits: int | None = None
    """Bits of integer weights, 2 to 8; real weights if left out."""

    def __post_init__(self) -> None:
        self.build()

    def build(self) -> STP:
        """Return the rule of learning with these settings."""
        return STP(**asdict(self))


@dataclass(frozen=True)
class SpikformerConfig:
    """Sizes of the network "spikformer"; see :func:`chsnn.networks.spikformer`."""

    dim: int = 384
    """Channels of a token."""
    depth: int = 4
    """Blocks."""
    heads: int = 12
    """Heads of attention."""
    mlp_ratio: float = 4.0
    """Neurons between the last two layers of a block, in terms of dim."""
    patch: int = 4
    """Side of the square of pixels that becomes a token."""
    scale: float = 0.125
    """Factor of the products of attention."""

    def sizes(self) -> dict[str, Any]:
        """Return the sizes by name."""
        return asdict(self)


@dataclass(frozen=True, kw_only=True)
class RunConfig(TrainingSettings):
    """Everything that decides the outcome of a run.

    Examples
    --------
    >>> config = RunConfig(hidden=(64,), sparsity=0.9, epochs=2)
    >>> config.data, config.encoding
    ('digits', 'even')
    """

    data: str = "digits"
    """Data set: digits, digits-saccades; mnist, cifar10, cifar100, n-mnist of files."""
    train_images: int | None = None
    """Number of training images to use; all if left out."""
    network: NetworkName = "mlp"
    """Architecture: mlp with layers `hidden`, 2conv2fc or 6conv2fc of `width`, or spikformer."""
    hidden: tuple[int, ...] = (512, 512)
    """Neurons of each hidden layer of an mlp."""
    width: float = 1.0
    """Factor of the channels and hidden neurons of 2conv2fc and 6conv2fc."""
    sparsity: float = 0.95
    """Fraction of absent links, at the start, of every layer but the dense output layer."""
    layer_sparsities: tuple[float, ...] = ()
    """The same of each hidden layer of an mlp, where they are to differ, in place of sparsity."""
    encoding: Encoding = "even"
    """How an image becomes input: analogue, evenly spaced or random spikes; none: it is events."""
    timesteps: int = 8
    """Time steps per image; frames of a recording of events."""
    pool: int = 1
    """Side of the squares of pixels that are counted together in frames of events."""
    binary: bool = False
    """Whether a pixel of a frame of events says only that it had one, and so is a spike."""
    readout: Readout = "potential"
    """What scores a class in an mlp: potential of a neuron that never fires, or a firing rate."""
    topology: Topology = "SSCTI"
    """Initial topology of the first layer of an mlp; all other layers start regular."""
    weights: Weights = "SSWI"
    """Initial weights."""
    rewiring: RewiringName = "evolution"
    """How the topology changes: by the settings of that name, or not at all."""
    learning: LearningName = "bptt"
    """How a batch changes the weights: backpropagation through time, or S-TP in a window of it."""
    select: Select = "best"
    """Epoch whose network is measured: the best on the validation images, or the last."""
    baseline: bool = True
    """Whether to train the fully connected twin as well."""
    hardware: str = "ANP-I"
    """Hardware of the energy estimate."""
    threads: int | None = None
    """Threads of torch and numba; all cores if left out."""
    download: bool = False
    """Whether to fetch the data set's files if they are not there (needs the data extra)."""
    tensorboard: bool = False
    """Whether to write the history for TensorBoard as well (needs the logging extra)."""
    out: Path = Path("runs/run")
    """The run folder."""
    neuron: NeuronConfig = field(default_factory=NeuronConfig)
    stp: STPConfig = field(default_factory=STPConfig)
    spikformer: SpikformerConfig = field(default_factory=SpikformerConfig)
    evolution: Evolution = field(default_factory=Evolution)
    deep_r: DeepR = field(default_factory=DeepR)
    grad_r: GradR = field(default_factory=GradR)
    sd_snn: SDSNN = field(default_factory=SDSNN)
    dpap: DPAP = field(default_factory=DPAP)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.hidden, tuple):
            raise TypeError(f"hidden must be a list of layer sizes, got {self.hidden!r}")
        for size in self.hidden:
            check_positive_int("hidden", size)
        check_sparsity(self.sparsity)
        self._check_layer_sparsities()
        if check_positive_int("timesteps", self.timesteps) > MOST_TIMESTEPS:
            raise ValueError(f"timesteps must be at most {MOST_TIMESTEPS:,}, got {self.timesteps}")
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        check_positive_int("pool", self.pool)
        check_real("width", self.width, minimum=0.0, below=1e6)
        if self.network != "mlp" and self.readout != "potential":
            raise ValueError(f"readout must be potential with network {self.network}")
        for name in ("binary", "baseline", "download", "tensorboard"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if self.rewiring in _FROM_ALL_LINKS and self.sparsity > 0:
            raise ValueError(
                f"sparsity must be 0 with rewiring {self.rewiring}, which starts fully connected; "
                f"got {self.sparsity}"
            )
        if self.learning == "s-tp" and self.stp.window > self.timesteps:
            raise ValueError(
                f"stp.window must be at most the {self.timesteps} timesteps, got {self.stp.window}"
            )
        if self.threads is not None:
            check_threads("threads", self.threads)
        if self.train_images is not None:
            check_positive_int("train_images", self.train_images)

    def _check_layer_sparsities(self) -> None:
        given = self.layer_sparsities
        if not isinstance(given, tuple):
            raise TypeError(f"layer_sparsities must be a list of numbers, got {given!r}")
        if not given:
            return
        if self.network != "mlp" or len(given) != len(self.hidden):
            raise ValueError(
                "layer_sparsities must have a number for each hidden layer of an mlp, got "
                f"{len(given)} for network {self.network} with hidden {list(self.hidden)}"
            )
        for sparsity in given:
            check_sparsity(sparsity, name="layer_sparsities")
        if self.rewiring in _FROM_ALL_LINKS:
            raise ValueError(
                f"layer_sparsities must be left out with rewiring {self.rewiring}, which starts "
                "fully connected"
            )

    def training(self) -> TrainingSettings:
        """Return the settings of the trainer alone."""
        return TrainingSettings(**{f.name: getattr(self, f.name) for f in fields(TrainingSettings)})

    def fully_connected(self) -> RunConfig:
        """Return the configuration of the twin: every link present, nothing rewired."""
        return replace(self, sparsity=0.0, layer_sparsities=(), rewiring="none", baseline=False)

    def hidden_sparsities(self) -> tuple[float, ...]:
        """Return the sparsity of each hidden layer of an mlp."""
        return self.layer_sparsities or (self.sparsity,) * len(self.hidden)

    def rewiring_settings(self) -> Rewiring | None:
        """Return the settings of the rewiring that is to take place, None for no rewiring."""
        if self.rewiring == "none":
            return None
        complete = not any(self.layer_sparsities or (self.sparsity,))
        if complete and self.rewiring not in _FROM_ALL_LINKS:
            return None
        settings: dict[str, Rewiring] = {
            "evolution": self.evolution,
            "DeepR": self.deep_r,
            "GradR": self.grad_r,
            "SDSNN": self.sd_snn,
            "DPAP": self.dpap,
        }
        return settings[self.rewiring]

    def learning_rule(self) -> LearningRule:
        """Return the rule of learning."""
        return self.stp.build() if self.learning == "s-tp" else learning_rule(self.learning)

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as numbers, names and tables; what is left out is missing."""
        return _toml_ready(asdict(self))

    def write(self, path: Path, *, run: Mapping[str, str] | None = None) -> Path:
        """Write the configuration as TOML, atomically; `run` says which run it belongs to."""
        table = self.to_dict() | ({} if run is None else {_RUN: dict(run)})
        return write_atomically(path, tomli_w.dumps(table).encode())

    @classmethod
    def from_dict(cls, table: dict[str, Any]) -> RunConfig:
        """Return the configuration of which :meth:`to_dict` gave the table.

        Raises
        ------
        ValueError
            If a key is unknown, or a value out of range.
        """
        return cast(RunConfig, _from_table(RunConfig, table))

    @classmethod
    def read(cls, path: Path, *, out: Path | None = None) -> RunConfig:
        """Read a configuration from TOML; what it does not name has its default.

        The run that a file may say it belongs to is left out: `read_run` reads that.

        Parameters
        ----------
        path : Path
        out : Path, optional
            Run folder in place of the one in the file (which may have been moved).

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is not TOML, has an unknown key, or a value out of range.
        """
        table = _read_table(path)
        table.pop(_RUN, None)
        if out is not None:
            table["out"] = out
        try:
            return _from_table(RunConfig, table)
        except (TypeError, ValueError) as error:
            raise ValueError(f"{path}: {error}") from error


def read_run(path: Path) -> Any:
    """Return what a configuration file says of the run that it belongs to, None if nothing.

    Raises
    ------
    FileNotFoundError, ValueError
        As :meth:`RunConfig.read`.
    """
    return _read_table(path).get(_RUN)


def _read_table(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(f"no configuration file at {path}")
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path}: tables or lists are nested too deeply") from None
    except ValueError as error:  # no TOML, no UTF-8
        raise ValueError(f"{path}: {error}") from error


def _toml_ready(table: dict[str, Any]) -> dict[str, Any]:
    """Return the table without None (TOML has none), with paths as text and tuples as lists."""
    ready: dict[str, Any] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            ready[name] = _toml_ready(value)
        elif value is not None:
            value = list(value) if isinstance(value, tuple) else value
            ready[name] = str(value) if isinstance(value, Path) else value
    return ready


def _tuple_of_list(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


_READERS: dict[str, Any] = {
    "hidden": _tuple_of_list,
    "layer_sparsities": _tuple_of_list,
    "out": Path,
}


def _from_table(cls: type, table: dict[str, Any]) -> Any:
    """Build a (nested) dataclass from a table, refusing keys it does not have."""
    known = {f.name: f for f in fields(cls)}
    unknown = sorted(set(table) - set(known))
    if unknown:
        raise ValueError(f"unknown key {unknown[0]!r}; known are {', '.join(known)}")
    values = {}
    for name, value in table.items():
        default = known[name].default_factory
        if callable(default) and is_dataclass(default):
            if not isinstance(value, dict):
                raise ValueError(f"{name} must be a table, got {value!r}")
            values[name] = _from_table(default, value)
        else:
            values[name] = _READERS.get(name, lambda v: v)(value)
    return cls(**values)
