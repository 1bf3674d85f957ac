"""The configuration of a run: one dataclass is file, flags and documentation."""

from __future__ import annotations

import tomllib
from dataclasses import asdict, dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal

import tomli_w

from chgraph.checks import check_choice, check_positive_int, check_sparsity
from chgraph.storage import write_atomically
from chsnn.data import DATA_SETS
from chsnn.encoding import ENCODINGS, MOST_TIMESTEPS, Encoding
from chsnn.energy import HARDWARE
from chsnn.evolution import DeepR, Evolution, GradR, Rewiring
from chsnn.networks import READOUTS, TOPOLOGIES, Readout, Topology
from chsnn.neurons import LIF, Model, Surrogate
from chsnn.settings import TrainingSettings
from chsnn.threads import check_threads
from chsnn.weights import WEIGHTS, Weights

Select = Literal["best", "last"]
SELECTS = ("best", "last")
RewiringName = Literal["evolution", "DeepR", "GradR", "none"]
REWIRINGS = ("evolution", "DeepR", "GradR", "none")
_CHOICES = {
    "rewiring": REWIRINGS,
    "select": SELECTS,
    "data": DATA_SETS,
    "encoding": ENCODINGS,
    "readout": READOUTS,
    "topology": TOPOLOGIES,
    "weights": WEIGHTS,
    "hardware": HARDWARE,
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


@dataclass(frozen=True, kw_only=True)
class RunConfig(TrainingSettings):
    """Everything that decides the outcome of a run."""

    data: str = "digits"
    """Data set: digits, or mnist from the folder CHSNN_DATA/mnist."""
    train_images: int | None = None
    """Number of training images to use; all if left out."""
    hidden: tuple[int, ...] = (512, 512)
    """Neurons of each hidden layer."""
    sparsity: float = 0.95
    """Fraction of absent links, at the start, of every layer but the dense output layer."""
    encoding: Encoding = "even"
    """How an image becomes input: analogue at every step, evenly spaced or random spikes."""
    timesteps: int = 8
    """Time steps per image."""
    readout: Readout = "potential"
    """What scores a class: potential of an output neuron that never fires, or its rate."""
    topology: Topology = "SSCTI"
    """Initial topology of the first layer."""
    weights: Weights = "SSWI"
    """Initial weights."""
    rewiring: RewiringName = "evolution"
    """How the topology changes: by the settings of evolution, deep_r or grad_r, or not at all."""
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
    evolution: Evolution = field(default_factory=Evolution)
    deep_r: DeepR = field(default_factory=DeepR)
    grad_r: GradR = field(default_factory=GradR)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.hidden, tuple):
            raise TypeError(f"hidden must be a list of layer sizes, got {self.hidden!r}")
        for size in self.hidden:
            check_positive_int("hidden", size)
        check_sparsity(self.sparsity)
        if check_positive_int("timesteps", self.timesteps) > MOST_TIMESTEPS:
            raise ValueError(f"timesteps must be at most {MOST_TIMESTEPS:,}, got {self.timesteps}")
        for name, choices in _CHOICES.items():
            check_choice(name, getattr(self, name), choices)
        if self.encoding == "none":
            raise ValueError("encoding must make spikes of the images of a data set, got 'none'")
        for name in ("baseline", "download", "tensorboard"):
            if not isinstance(getattr(self, name), bool):
                raise TypeError(f"{name} must be true or false, got {getattr(self, name)!r}")
        if self.rewiring == "GradR" and self.sparsity > 0:
            raise ValueError(
                "sparsity must be 0 with rewiring GradR, which starts fully connected and ends "
                f"near grad_r.target_sparsity; got {self.sparsity}"
            )
        if self.threads is not None:
            check_threads("threads", self.threads)
        if self.train_images is not None:
            check_positive_int("train_images", self.train_images)

    def training(self) -> TrainingSettings:
        """Return the settings of the trainer alone."""
        return TrainingSettings(**{f.name: getattr(self, f.name) for f in fields(TrainingSettings)})

    def fully_connected(self) -> RunConfig:
        """Return the configuration of the twin: every link present, nothing rewired."""
        return replace(self, sparsity=0.0, rewiring="none", baseline=False)

    def rewiring_settings(self) -> Rewiring | None:
        """Return the settings of the rewiring that is to take place, None for no rewiring."""
        if self.rewiring == "GradR":
            return self.grad_r
        if self.rewiring == "none" or self.sparsity == 0:  # where every link exists
            return None
        return self.deep_r if self.rewiring == "DeepR" else self.evolution

    def to_dict(self) -> dict[str, Any]:
        """Return the configuration as numbers, names and tables; what is left out is missing."""
        return _toml_ready(asdict(self))

    def write(self, path: Path) -> Path:
        """Write the configuration as TOML, atomically."""
        return write_atomically(path, tomli_w.dumps(self.to_dict()).encode())

    @classmethod
    def read(cls, path: Path, *, out: Path | None = None) -> RunConfig:
        """Read a configuration from TOML; what it does not name has its default.

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
        if not path.is_file():
            raise FileNotFoundError(f"no configuration file at {path}")
        try:
            table = tomllib.loads(path.read_text(encoding="utf-8"))
            if out is not None:
                table["out"] = out
            return _from_table(RunConfig, table)
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, TypeError, ValueError) as error:
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


_READERS: dict[str, Any] = {"hidden": _tuple_of_list, "out": Path}


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
