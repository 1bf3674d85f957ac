"""A run from configuration to report: data -> network -> training -> measurement -> files."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, cast

from chgraph.graph import BipartiteGraph
from chgraph.plotting import save_figure
from chsnn.augmentation import check_square
from chsnn.checkpoint import load, previous_of
from chsnn.data import DataSet, load_data
from chsnn.energy import estimate_energy
from chsnn.evaluation import evaluate
from chsnn.lab import plotting
from chsnn.lab.config import RunConfig
from chsnn.lab.report import Outcome, report, write_report
from chsnn.lab.tensorboard import open_writer
from chsnn.networks import SpikingMLP, mlp
from chsnn.settings import CHANGEABLE
from chsnn.threads import threads
from chsnn.training import BEST, CHECKPOINT, HISTORY, Trainer

CONFIG, REPORT = "config.toml", "report.json"
# What a run has been trained with so far: config.toml is a person's to edit.
TRAINED = "trained.toml"
# What may change when a run goes on, beside CHANGEABLE: none of it decides the outcome.
_FREE = ("out", "threads", "download", "tensorboard", "hardware")
PREVIOUS = "checkpoint.previous.safetensors"
BASELINE = "baseline"
TENSORBOARD = "tensorboard"
PICTURES = ("learning_curves.png", "first_layer.png", "activity.png")


@dataclass(frozen=True)
class Experiment:
    """A run whose input has been checked and whose data and networks are ready.

    Attributes
    ----------
    config : RunConfig
    data : DataSet
    network : SpikingMLP
        As it starts.
    twin : SpikingMLP or None
        The fully connected baseline as it starts.
    """

    config: RunConfig
    data: DataSet
    network: SpikingMLP
    twin: SpikingMLP | None

    @classmethod
    def prepare(cls, config: RunConfig) -> Experiment:
        """Check everything that can be checked before work begins; nothing is written.

        Raises
        ------
        ValueError
            If a setting is out of range, or `config.out` exists and is not a run folder.
        """
        check_folder(config.out)
        data = load_data(config.data, download=config.download)
        if config.train_images is not None:
            data = data.with_train_images(config.train_images)
        network = build_network(config, data)
        twin = build_network(config.fully_connected(), data) if config.baseline else None
        return cls(config, data, network, twin)

    def run(self, *, resume: bool = False, progress: bool = True) -> dict[str, Any]:
        """Train, measure on the test set, and write the run folder.

        Parameters
        ----------
        resume : bool
            Go on from the checkpoints in the folder instead of starting anew.
        progress : bool
            Whether to show progress bars.

        Returns
        -------
        dict
            The content of `report.json`.

        Raises
        ------
        TrainingDiverged
            If a loss is not finite.
        """
        with threads(self.config.threads):
            return self._run(resume=resume, progress=progress)

    def _run(self, *, resume: bool, progress: bool) -> dict[str, Any]:
        folder = self.config.out
        if not resume:
            _clear(folder)
        self.config.write(folder / CONFIG)
        self.config.write(folder / TRAINED)
        before = self.network.graphs[0]
        outcome = _train_and_measure(
            self.config, self.data, self.network, folder, "sparse", resume, progress
        )
        baseline = None
        if self.twin is not None:
            baseline = _train_and_measure(
                self.config.fully_connected(),
                self.data,
                self.twin,
                folder / BASELINE,
                "fully connected",
                resume,
                progress,
            )
            outcome = replace(outcome, energy=replace(outcome.energy, baseline=baseline.energy))
        _draw(folder, before, outcome, baseline)
        document = report(outcome, baseline)
        write_report(folder / REPORT, document)
        return document


def build_network(config: RunConfig, data: DataSet) -> SpikingMLP:
    """Return the network of a configuration as it starts, before any training."""
    return mlp(
        (data.n_in, *config.hidden, data.n_classes),
        sparsity=config.sparsity,
        inputs=data.train.images,
        encoding=config.encoding,
        timesteps=config.timesteps,
        neuron=config.neuron.build(),
        readout=config.readout,
        topology=config.topology,
        weights=config.weights,
        seed=config.seed,
    )


def open_run(folder: Path) -> tuple[RunConfig, SpikingMLP]:
    """Return the configuration and the chosen network (best or last epoch) of a run folder.

    Raises
    ------
    FileNotFoundError
        If the folder is not a run folder or has no finished epoch yet.
    ValueError
        If a file in it is damaged.
    """
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no {CONFIG}")
    config = RunConfig.read(folder / CONFIG, out=folder)
    return config, _chosen(folder, config)


def config_to_resume(folder: Path) -> RunConfig:
    """Return the configuration with which the run in a folder can go on.

    That of its file, which may have been edited: what does not decide what has been trained
    already (epochs, batch size, learning rate, threads, ...) is taken up.

    Raises
    ------
    FileNotFoundError
        If it is no run folder.
    ValueError
        If anything else was changed; nothing is written then.
    """
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no {CONFIG}")
    config = RunConfig.read(folder / CONFIG, out=folder)
    if (folder / TRAINED).is_file():
        check_changes(RunConfig.read(folder / TRAINED, out=folder), config)
    return config


def check_changes(trained: RunConfig, config: RunConfig) -> None:
    """Raise ValueError if a run cannot go on from one configuration to another."""
    may_change = (*CHANGEABLE, *_FREE)
    for setting in fields(config):
        before, after = getattr(trained, setting.name), getattr(config, setting.name)
        if before != after and setting.name not in may_change:
            raise ValueError(
                f"{setting.name} cannot change in a run that goes on (it was {before!r}, "
                f"{CONFIG} says {after!r}); what can is {', '.join(may_change)}"
            )


def _chosen(folder: Path, config: RunConfig) -> SpikingMLP:
    """Return the network of the epoch that the configuration selects."""
    path = folder / (BEST if config.select == "best" else CHECKPOINT)
    return cast(SpikingMLP, load(path))


def check_folder(folder: Path) -> None:
    """Raise ValueError if `folder` exists and is neither empty nor a run folder."""
    if not folder.exists():
        return
    if not folder.is_dir():
        raise ValueError(f"out must be a folder, and {folder} is a file; nothing was changed")
    if any(folder.iterdir()) and not (folder / CONFIG).is_file():
        raise ValueError(
            f"out must be new, empty or a run folder, and {folder} has other files and no "
            f"{CONFIG}; nothing was changed"
        )


def _clear(folder: Path) -> None:
    """Remove what an earlier run left in its own folder, so that no result is stale."""
    names = (REPORT, TRAINED, HISTORY, CHECKPOINT, PREVIOUS, BEST, *PICTURES)
    for place in (folder, folder / BASELINE):
        for name in names:
            (place / name).unlink(missing_ok=True)


def _train_and_measure(
    config: RunConfig,
    data: DataSet,
    network: SpikingMLP,
    folder: Path,
    name: str,
    resume: bool,
    progress: bool,
) -> Outcome:
    """Train (or go on training) a network; measure one epoch's on the test set, once."""
    options: dict[str, Any] = {
        "folder": folder,
        "n_threads": config.threads,
        "progress": progress,
        "name": name,
    }
    with open_writer(folder / TENSORBOARD if config.tensorboard else None) as write:
        if write is not None:
            options["callbacks"] = [lambda _, row: write(row)]
        trainer = _resumed(config, folder, options) if resume else None
        if trainer is None:
            trainer = _new_trainer(config, network, options)
        history = trainer.fit(data.train, data.validation)
    chosen = _chosen(folder, config)
    return Outcome(
        config=config,
        network=chosen,
        history=history,
        best_validation_accuracy=trainer.best() or 0.0,
        accuracy=evaluate(chosen, data.test, seed=config.seed),
        energy=estimate_energy(chosen, data.test, hardware=config.hardware, seed=config.seed),
    )


def _new_trainer(config: RunConfig, network: SpikingMLP, options: dict[str, Any]) -> Trainer:
    if config.shift:
        check_square(network.sizes[0])
    evolution = config.rewiring_settings()
    return Trainer(network, evolution=evolution, settings=config.training(), **options)


def _resumed(config: RunConfig, folder: Path, options: dict[str, Any]) -> Trainer | None:
    """Return a trainer that goes on from the folder's checkpoint; None if there is none yet.

    If the last checkpoint is damaged the one before it serves, with a warning: the epoch in
    between is trained again, to the same result.
    """
    path = folder / CHECKPOINT
    if not path.is_file():
        return None
    options = {**options, **{name: getattr(config, name) for name in CHANGEABLE}}
    try:
        return Trainer.resume(path, **options)
    except ValueError as error:
        previous = previous_of(path)
        if not previous.is_file():
            raise
        trainer = Trainer.resume(previous, **options)
        epoch = len(trainer.history.rows)
        warnings.warn(f"{error}; going on from the one before it (epoch {epoch})", stacklevel=2)
        return trainer


def _draw(folder: Path, before: BipartiteGraph, outcome: Outcome, baseline: Outcome | None) -> None:
    curves, links, activity = (folder / name for name in PICTURES)
    twin = None if baseline is None else baseline.history
    sparsity = outcome.config.sparsity
    save_figure(plotting.learning_curves(outcome.history, twin, sparsity=sparsity), curves)
    save_figure(plotting.first_layer(before, outcome.network.graphs[0]), links)
    save_figure(plotting.activity(outcome.energy), activity)
