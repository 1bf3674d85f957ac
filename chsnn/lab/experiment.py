"""A run from configuration to report: data -> network -> training -> measurement -> files."""

from __future__ import annotations

import copy
import itertools
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chgraph.graph import BipartiteGraph
from chgraph.plotting import save_figure
from chgraph.topology import link_count
from chsnn.augmentation import check_square
from chsnn.data import DataSet, load_data
from chsnn.evolution import Evolution
from chsnn.lab import plotting
from chsnn.lab.config import RunConfig
from chsnn.lab.folder import (
    BASELINE,
    CONFIG,
    PICTURES,
    REPORT,
    TRAINED,
    check_folder,
    start_anew,
)
from chsnn.lab.report import Outcome, report, write_report
from chsnn.lab.tensorboard import check_installed
from chsnn.lab.training import Training, chosen
from chsnn.networks import SpikingMLP, mlp
from chsnn.settings import CHANGEABLE, check_unchanged
from chsnn.threads import threads

# What may change when a run goes on, beside CHANGEABLE: none of it decides the outcome.
_FREE = ("out", "threads", "download", "tensorboard", "hardware")


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
            If a setting is out of range or does not fit the data, or `config.out` is no folder
            that can be written, or has other files than those of a run.
        """
        check_folder(config.out)
        if config.tensorboard:
            check_installed()
        data = load_data(config.data, download=config.download)
        if config.train_images is not None:
            data = data.with_train_images(config.train_images)
        if config.shift:
            check_square(data.n_in)
        network = build_network(config, data)
        _check_rewiring(config, network)
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
            If a loss or a weight is not finite.
        """
        with threads(self.config.threads):
            return self._run(resume=resume, progress=progress)

    def _run(self, *, resume: bool, progress: bool) -> dict[str, Any]:
        folder, before = self.config.out, self.network.graphs[0]
        trainings = self._trainings(resume, progress)
        if resume:
            self.config.write(folder / TRAINED)
            self.config.write(folder / CONFIG)
        else:
            start_anew(self.config, trainings[0].trainer)
        outcome, *others = [training.outcome(self.data) for training in trainings]
        baseline = others[0] if others else None
        if baseline is not None:
            outcome = replace(outcome, energy=replace(outcome.energy, baseline=baseline.energy))
        _draw(folder, before, outcome, baseline)
        document = report(outcome, baseline)
        write_report(folder / REPORT, document)
        return document

    def _trainings(self, resume: bool, progress: bool) -> list[Training]:
        """Return the trainings of the network and its twin, ready to start or to go on."""
        how: dict[str, bool] = {"resume": resume, "progress": progress}
        trainings = [Training.of(self.config, self.network, name="sparse", **how)]
        if self.twin is not None:
            config = replace(self.config.fully_connected(), out=self.config.out / BASELINE)
            trainings.append(Training.of(config, self.twin, name="fully connected", **how))
        return trainings


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


def check_links(config: RunConfig, data: DataSet) -> None:
    """Raise ValueError if a layer would have no link, at the start or at the end."""
    rewiring = config.rewiring_settings()
    final = rewiring.final_sparsity if isinstance(rewiring, Evolution) else None
    for shape in itertools.pairwise((data.n_in, *config.hidden)):
        for sparsity in (config.sparsity, config.sparsity if final is None else final):
            link_count(*shape, sparsity)


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
    return config, chosen(config)


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
        trained = RunConfig.read(folder / TRAINED, out=folder)
        may_change = (*CHANGEABLE, *_FREE)
        check_unchanged(trained, config, may_change, what="run", says=f"{CONFIG} says")
    return config


def _check_rewiring(config: RunConfig, network: SpikingMLP) -> None:
    """Raise if the network cannot be rewired as the configuration says."""
    rewiring = config.rewiring_settings()
    if rewiring is not None:
        rewiring.attach(copy.deepcopy(network), total_steps=1, every=1).detach()


def _draw(folder: Path, before: BipartiteGraph, outcome: Outcome, baseline: Outcome | None) -> None:
    curves, links, activity = (folder / name for name in PICTURES)
    twin = None if baseline is None else baseline.history
    sparsity = outcome.config.sparsity
    save_figure(plotting.learning_curves(outcome.history, twin, sparsity=sparsity), curves)
    save_figure(plotting.first_layer(before, outcome.network.graphs[0]), links)
    save_figure(plotting.activity(outcome.energy), activity)
