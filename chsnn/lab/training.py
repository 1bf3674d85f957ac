"""The training of one network of a run, from its checkpoint or anew, and its measurement."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from chsnn.checkpoint import load, previous_of
from chsnn.data import DataSet
from chsnn.energy import estimate_energy
from chsnn.evaluation import evaluate
from chsnn.lab.config import RunConfig
from chsnn.lab.folder import TENSORBOARD, TOPOLOGY
from chsnn.lab.networks import Network
from chsnn.lab.recording import TopologyRecorder
from chsnn.lab.report import Outcome
from chsnn.lab.tensorboard import open_writer
from chsnn.learning_count import LearningCount
from chsnn.settings import CHANGEABLE
from chsnn.tensor_file import UnreadableCheckpoint
from chsnn.training import BEST, CHECKPOINT, Trainer


@dataclass(frozen=True, eq=False)
class Training:
    """A network that is to be trained, or to be trained on.

    Attributes
    ----------
    config : RunConfig
        Whose `out` is where the network's own files go.
    trainer : Trainer
    """

    config: RunConfig
    trainer: Trainer

    @classmethod
    def of(
        cls,
        config: RunConfig,
        network: Network,
        *,
        name: str,
        run: Mapping[str, str] | None,
        resume: bool,
        progress: bool,
    ) -> Training:
        """Return the training of a network, or of the one in the folder's checkpoint.

        Nothing is written. `run` is what its files are to say that they belong to.

        Raises
        ------
        ValueError
            If the training cannot go on with this configuration.
        """
        options: dict[str, Any] = {
            "folder": config.out,
            "n_threads": config.threads,
            "progress": progress,
            "name": name,
            "run": run,
            "learning": config.learning_rule(),
        }
        trainer = _resumed(config, options) if resume else None
        if trainer is None:
            evolution = config.rewiring_settings()
            trainer = Trainer(network, evolution=evolution, settings=config.training(), **options)
        return cls(config, trainer)

    def keep_topology(self, in_shape: tuple[int, int, int] | None) -> None:
        """Keep the topology of every epoch to come in the run folder."""
        recorder = TopologyRecorder(self.config.out / TOPOLOGY, self.trainer, image=in_shape)
        self.trainer.callbacks += (recorder,)

    def outcome(self, data: DataSet) -> Outcome:
        """Train to the end; measure the network of one epoch on the test set, once."""
        config = self.config
        with open_writer(config.out / TENSORBOARD if config.tensorboard else None) as write:
            if write is not None:
                self.trainer.callbacks += (lambda _, row: write(row),)
            history = self.trainer.fit(data.train, data.validation)
        network = chosen(config)
        return Outcome(
            config=config,
            network=network,
            history=history,
            best_validation_accuracy=self.trainer.best() or 0.0,
            accuracy=evaluate(network, data.test, seed=config.seed),
            energy=estimate_energy(network, data.test, hardware=config.hardware, seed=config.seed),
            learnt=self._learnt(),
        )

    def _learnt(self) -> dict[str, float] | None:
        """Return what took part in learning, where the rule counts it."""
        count = getattr(self.trainer.parts.learning, "count", None)
        return count.to_dict() if isinstance(count, LearningCount) else None


def chosen(config: RunConfig) -> Network:
    """Return the network of the epoch that the configuration selects, from the run folder."""
    return cast(Network, load(config.out / (BEST if config.select == "best" else CHECKPOINT)))


def _resumed(config: RunConfig, options: dict[str, Any]) -> Trainer | None:
    """Return a trainer that goes on from the folder's checkpoint; None if there is none yet.

    If the last checkpoint is damaged the one before it serves, with a warning: the epoch in
    between is trained again, to the same result.
    """
    path = config.out / CHECKPOINT
    if not path.is_file():
        return None
    options = {**options, **{name: getattr(config, name) for name in CHANGEABLE}}
    try:
        return Trainer.resume(path, **options)
    except UnreadableCheckpoint as error:
        previous = previous_of(path)
        if not previous.is_file():
            raise
        trainer = Trainer.resume(previous, **options)
        epoch = len(trainer.history.rows)
        warnings.warn(f"{error}; going on from the one before it (epoch {epoch})", stacklevel=2)
        return trainer
