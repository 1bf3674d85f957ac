"""A run from configuration to report: data -> network -> training -> measurement -> files."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from chgraph.graph import BipartiteGraph
from chgraph.plotting import save_figure
from chsnn.data import EVENT_SETS, DataSet, load_data
from chsnn.lab import plotting
from chsnn.lab.config import RunConfig
from chsnn.lab.folder import (
    BASELINE,
    CONFIG,
    PICTURES,
    REPORT,
    SAMPLES,
    check_folder,
    check_free,
)
from chsnn.lab.identity import FULLY_CONNECTED, SPARSE, RunIdentity, check_run
from chsnn.lab.networks import Network, build_network, image_read, rewired_layers
from chsnn.lab.page import write_run_page
from chsnn.lab.report import Outcome, report, write_report
from chsnn.lab.spikes import ShownSample, shown_samples, write_samples
from chsnn.lab.starting import finish_start, start_anew, write_config, writing
from chsnn.lab.tensorboard import check_installed
from chsnn.lab.training import Training, chosen
from chsnn.sparse import sparse_layers
from chsnn.sparsity import link_sparsity
from chsnn.threads import threads
from chsnn.training import CHECKPOINT


@dataclass(frozen=True)
class Experiment:
    """A run whose input has been checked and whose data and networks are ready.

    Attributes
    ----------
    config : RunConfig
    data : DataSet
    network : Module
        As it starts.
    twin : Module or None
        The fully connected baseline as it starts.

    Examples
    --------
    >>> from chsnn.lab.config import RunConfig
    >>> experiment = Experiment.prepare(RunConfig(hidden=(32,), sparsity=0.9, epochs=1))
    >>> experiment.data.name, experiment.network.layers[0].graph.shape
    ('digits', (64, 32))
    """

    config: RunConfig
    data: DataSet
    network: Network
    twin: Network | None

    @classmethod
    def prepare(cls, config: RunConfig) -> Experiment:
        """Check everything that can be checked before work begins; nothing is written.

        Raises
        ------
        ValueError
            If a setting is out of range or does not fit the data, or `config.out` is not a folder
            that can be written, or has other files than those of a run.
        """
        check_folder(config.out)
        if config.tensorboard:
            check_installed()
        data = load_for(config)
        if config.train_images is not None:
            data = data.with_train_images(config.train_images)
        _check_data(config, data)
        network = build_network(config, data)
        _check_rewiring(config, network)
        twin = build_network(config.fully_connected(), data) if config.baseline else None
        return cls(config, data, network, twin)

    def run(
        self, *, resume: bool = False, overwrite: bool = False, progress: bool = True
    ) -> dict[str, Any]:
        """Train, measure on the test set, and write the run folder.

        Parameters
        ----------
        resume : bool
            Go on from the checkpoints in the folder instead of starting anew.
        overwrite : bool
            Whether to replace an earlier run in the folder, finished or not.
        progress : bool
            Whether to show progress bars.

        Returns
        -------
        dict
            The content of `report.json`.

        Raises
        ------
        ValueError
            If the folder holds an earlier run, and is neither to go on nor to be replaced; if
            another process writes into it; if it is to go on and a file in it belongs to another
            run, or was trained with other settings.
        TrainingDiverged
            If a loss or a weight is not finite.
        """
        folder = self.config.out
        check_folder(folder)
        if not (resume or overwrite):
            check_free(folder)
        with writing(folder), threads(self.config.threads):
            if not (resume or overwrite):  # what another process has made since
                check_free(folder)
            return self._run(resume=resume, progress=progress)

    def _run(self, *, resume: bool, progress: bool) -> dict[str, Any]:
        folder, before = self.config.out, first_graph(self.network)
        run = check_run(folder, self.config) if resume else None
        if run is None and not (resume and (folder / CHECKPOINT).is_file()):
            run = RunIdentity.new(self.config)
        trainings = self._trainings(run, resume=resume, progress=progress)
        if resume:
            write_config(self.config, folder, run)
        else:
            assert run is not None
            start_anew(self.config, trainings[0].trainer, run)
        trainings[0].keep_topology(image_read(self.config, self.data))
        outcome, *others = [training.outcome(self.data) for training in trainings]
        baseline = others[0] if others else None
        if baseline is not None:
            outcome = replace(outcome, energy=replace(outcome.energy, baseline=baseline.energy))
        _draw(folder, before, outcome, baseline)
        document = report(outcome, baseline)
        document |= {"run": None if run is None else run.to_dict()}
        document |= {"changes": trainings[0].trainer.changes}
        shown = self._shown(outcome.network)
        write_samples(folder / SAMPLES, shown, run=None if run is None else run.id)
        write_report(folder / REPORT, document)
        write_run_page(folder)
        return document

    def _shown(self, network: Network) -> list[ShownSample]:
        """Return some test samples with the spikes they cause."""
        data, config = self.data, self.config
        return shown_samples(
            network,
            data.test,
            timesteps=config.timesteps,
            over_time=data.over_time,
            image=data.in_shape,
            seed=config.seed,
        )

    def _trainings(self, run: RunIdentity | None, **how: bool) -> list[Training]:
        """Return the trainings of the network and its twin, ready to start or to go on."""
        names = {name: None if run is None else run.of(name) for name in (SPARSE, FULLY_CONNECTED)}
        config = self.config
        trainings = [Training.of(config, self.network, name=SPARSE, run=names[SPARSE], **how)]
        if self.twin is not None:
            config = replace(config.fully_connected(), out=config.out / BASELINE)
            name, run_of_twin = FULLY_CONNECTED, names[FULLY_CONNECTED]
            trainings.append(Training.of(config, self.twin, name=name, run=run_of_twin, **how))
        return trainings


def load_for(config: RunConfig) -> DataSet:
    """Return the data set of a configuration; recordings as so many frames as time steps."""
    is_events = config.data in EVENT_SETS
    options: dict[str, Any] = {"timesteps": config.timesteps} if is_events else {}
    if is_events and config.pool != 1:
        options["pool"] = config.pool
    if is_events and config.binary:
        options["binary"] = True
    return load_data(config.data, download=config.download, **options)


def _check_data(config: RunConfig, data: DataSet) -> None:
    if data.over_time != (config.encoding == "none"):
        takes = "'none': its samples are over time" if data.over_time else "'direct' or 'even'"
        raise ValueError(f"encoding of {data.name} must be {takes}, got {config.encoding!r}")
    config.augmentation.check(data.in_shape or (data.n_in,), over_time=data.over_time)


def open_run(folder: Path, *, baseline: bool = False) -> tuple[RunConfig, Network]:
    """Return the configuration and the chosen network (best or last epoch) of a run folder.

    Parameters
    ----------
    folder : Path
    baseline : bool
        Whether to return the fully connected twin in place of the network.

    Raises
    ------
    FileNotFoundError
        If the folder is not a run folder or has no finished epoch yet.
    ValueError
        If a file in it is damaged, belongs to another run or was trained with other settings.

    Examples
    --------
    >>> import tempfile
    >>> from chsnn.lab.config import RunConfig
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     config = RunConfig(
    ...         hidden=(16,),
    ...         sparsity=0.8,
    ...         epochs=1,
    ...         train_images=100,
    ...         out=Path(folder, "run"),
    ...     )
    ...     _ = Experiment.prepare(config).run(progress=False)
    ...     again, network = open_run(Path(folder, "run"))
    >>> again.hidden, network.layers[0].graph.shape
    ((16,), (64, 16))
    """
    config = read_config(folder)
    check_run(folder, config)
    return config, chosen(replace(config, out=folder / BASELINE) if baseline else config)


def read_config(folder: Path) -> RunConfig:
    """Return the configuration in a run folder.

    Raises
    ------
    FileNotFoundError
        If it is not a run folder.
    ValueError
        If the file is damaged.
    """
    finish_start(folder)
    if not (folder / CONFIG).is_file():
        raise FileNotFoundError(f"{folder} is not a run folder: it has no {CONFIG}")
    return RunConfig.read(folder / CONFIG, out=folder)


def config_to_resume(folder: Path) -> RunConfig:
    """Return the configuration with which the run in a folder can go on.

    That of its file, which may have been edited: what does not decide what has been trained
    already (epochs, batch size, learning rate, threads, ...) is taken up.

    Raises
    ------
    FileNotFoundError
        If it is not a run folder.
    ValueError
        If anything else was changed, or a file belongs to another run; nothing is written then.
    """
    config = read_config(folder)
    check_run(folder, config)
    return config


def _check_rewiring(config: RunConfig, network: Network) -> None:
    """Raise if the network cannot be rewired as the configuration says."""
    rewiring = config.rewiring_settings()
    if rewiring is not None:
        rewiring.attach(copy.deepcopy(network), total_steps=1, every=1).detach()


def first_graph(network: Network) -> BipartiteGraph:
    """Return the topology of the first sparse layer."""
    return next(iter(sparse_layers(network).values())).graph


def _draw(folder: Path, before: BipartiteGraph, outcome: Outcome, baseline: Outcome | None) -> None:
    curves, links, activity = (folder / name for name in PICTURES)
    twin = None if baseline is None else baseline.history
    sparsity = outcome.config.sparsity
    if outcome.config.layer_sparsities:  # one number for layers that differ
        sparsity = link_sparsity(outcome.network, rewired_layers(outcome.network))
    save_figure(plotting.learning_curves(outcome.history, twin, sparsity=sparsity), curves)
    save_figure(plotting.first_layer(before, first_graph(outcome.network)), links)
    save_figure(plotting.activity(outcome.energy), activity)
