"""Training: epochs of gradient descent with evolution between them, for any model and data."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from functools import partial
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from chgraph.checks import check_kind, shown
from chgraph.compilation import working_seconds
from chsnn._together import Together
from chsnn.checkpoint import (
    Checkpoint,
    SavedTraining,
    keep_previous,
    read_checkpoint,
    write_checkpoint,
)
from chsnn.data import Batches, as_batches
from chsnn.data.shares import check_whole
from chsnn.evaluation import BATCH
from chsnn.evolution import Rewirer, Rewiring
from chsnn.history import History, Ranking, Tally
from chsnn.learning import Learner, LearningRule, Loss, Parts
from chsnn.measuring import topology, validate
from chsnn.metrics import Metric, cross_entropy
from chsnn.modules import check_model
from chsnn.optimizers import make_optimizer
from chsnn.progress import EpochBar
from chsnn.ranks import Ranks, launched_ranks, own_device
from chsnn.seeds import seeded, stream, torch_stream
from chsnn.settings import TrainingSettings, changes_between

CHECKPOINT, BEST, HISTORY = "checkpoint.safetensors", "best.safetensors", "history.csv"


class TrainingDiverged(RuntimeError):
    """The loss or a weight became NaN or infinite; what was saved before still stands.

    Examples
    --------
    >>> import chsnn
    >>> issubclass(chsnn.TrainingDiverged, RuntimeError)
    True
    """


# Called with the trainer and the row of every epoch, once it is saved.
Callback = Callable[["Trainer", dict[str, Any]], None]


class Trainer:
    """Trains a model, rewiring it as it goes.

    Parameters
    ----------
    model : Module
        Any; what is rewired are its sparse layers (:func:`chsnn.sparsify`).
    evolution : Evolution, DeepR, GradR, SDSNN or DPAP, optional
        Rewire by these settings; the topology stays as it is without.
    loss : callable
        Takes scores and targets of a batch, returns a tensor of one number; cross entropy by
        default.
    metrics : str, callable or sequence of them, optional
        Names of :data:`chsnn.metrics.METRICS`, or functions of (scores, targets). The first
        decides which epoch is the best: the larger the better, but for "mse", "mae" and functions
        with an attribute `smaller_is_better`. Without any it is the validation loss. By default
        "accuracy" with the default loss, nothing with another.
    learning : "bptt", "s-tp" or LearningRule
        How a batch changes the weights: backpropagation through time, or inside a target window
        of every sample (:class:`chsnn.STP`).
    device : device or str, optional
        Where to train: the model is moved there, and every batch. Where the model is by default.
    settings : TrainingSettings, optional
        Epochs, batch size, optimizer, learning rate, seed and so on.
    folder : path, optional
        Where `checkpoint.safetensors` (after every epoch), the one before it
        (`checkpoint.previous.safetensors`), `best.safetensors` (best validation, of the epochs
        with the sparsity that the model ends with) and `history.csv` are written; nothing is
        written without.
    n_threads : int, optional
        Of the topology kernels.
    progress : bool
        Whether to show a progress bar.
    name : str
        Label of the progress bar.
    in_shape : (C, H, W), optional
        Of an image that comes as a row, for augmentations; square ones of one channel need none.
    run : mapping, optional
        Which run the training belongs to, JSON-ready with an `id`: every file in the folder
        carries it.
    callbacks : sequence of callable
        Called with (trainer, row) after every epoch, once it is saved; :meth:`stop` in one ends
        the training. On every rank.
    ranks : Ranks or None, optional
        The processes that train the model together (:mod:`chsnn.distributed`): those that torchrun
        started by default; None: this one alone.
    **changes
        Fields of :class:`TrainingSettings` by name, in place of those of `settings`.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> model = chsnn.networks.mlp((64, 64, 10), sparsity=0.8, encoding="even")
    >>> trainer = Trainer(model, evolution=chsnn.Evolution(), epochs=2, progress=False)
    >>> history = trainer.fit(data.train, data.validation)
    >>> history.column("epoch")
    [1, 2]
    """

    def __init__(
        self,
        model: nn.Module,
        *,
        evolution: Rewiring | None = None,
        loss: Loss = cross_entropy,
        metrics: str | Metric | Sequence[str | Metric] | None = None,
        learning: str | LearningRule = "bptt",
        device: torch.device | str | None = None,
        settings: TrainingSettings | None = None,
        folder: str | Path | None = None,
        n_threads: int | None = None,
        progress: bool = True,
        name: str = "training",
        in_shape: tuple[int, int, int] | None = None,
        run: Mapping[str, Any] | None = None,
        callbacks: Sequence[Callback] = (),
        ranks: Ranks | Literal["torchrun"] | None = "torchrun",
        **changes: Any,
    ) -> None:
        check_model(model)
        if isinstance(model, nn.parallel.DistributedDataParallel):
            raise TypeError(
                "model must not be wrapped: the trainer averages gradients over ranks by itself; "
                "give it model.module"
            )
        if next(model.parameters(), None) is None:
            raise ValueError("model must have parameters to train, got none")
        settings = TrainingSettings() if settings is None else settings
        check_kind("settings", settings, TrainingSettings, "a TrainingSettings")
        if not isinstance(evolution, Rewiring | None):
            raise TypeError(
                f"evolution must be settings of a rewiring, as Evolution(), got {shown(evolution)}"
            )
        self.settings = settings.changed(changes)
        self.parts = Parts.of(loss, metrics, learning)
        self.evolution = evolution
        self.ranks = launched_ranks() if ranks == "torchrun" else ranks
        self.model = model if device is None else model.to(own_device(device))
        self.optimizer = make_optimizer(
            self.model.parameters(),
            self.settings.optimizer,
            learning_rate=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )
        self._learner = Learner(
            self.model,
            self.optimizer,
            self.parts.smoothed(self.settings.label_smoothing),
            clip_norm=self.settings.clip_norm,
            rate_penalty=self.settings.rate_penalty,
            precision=self.settings.precision,
            channels_last=self.settings.channels_last,
            ranks=self.ranks,
        )
        self._together = Together(self.ranks)
        self.folder = None if folder is None else Path(folder)
        self.n_threads = n_threads
        self.progress = progress and self._together.writes
        self.name = name
        self.in_shape = in_shape
        self.run = run
        self.callbacks = tuple(callbacks)
        # What was changed when the training was resumed, in the order that it was.
        self.changes: list[dict[str, Any]] = []
        self.history = History()
        self.rewirer: Rewirer | None = None
        self._saved_rewirer: Mapping[str, Any] | None = None
        self._ranking = Ranking.by_first(self.parts.metrics, self._counts)
        self._is_stopped = False

    # ------------------------------------------------------------------------ fit

    def fit(self, train: Any, validation: Any = None) -> History:
        """Train for the epochs that are still to go.

        Parameters
        ----------
        train : Samples, pair of arrays, DataLoader, Dataset or list of batches
        validation : the same, optional
            Measured after every epoch; the best epoch's model is kept in the folder.

        Returns
        -------
        History
            One row per epoch, with those of a resumed run before.

        Raises
        ------
        TrainingDiverged
            If the loss or a weight is not finite.
        KeyboardInterrupt
            Passed on; the last finished epoch is in the folder.
        """
        self._is_stopped = False
        train = self._training_batches(train)
        if validation is not None:  # refused before any work
            workers = self.settings.workers
            validation = as_batches(validation, BATCH, name="validation", workers=workers)
            check_whole(validation)
        self._attach(train)
        if (folder := self.folder) is not None:
            self._together.first(self._begin_files, folder)
        while len(self.history.rows) < self.settings.epochs and not self._has_ended():
            row = self.epoch(train, validation)
            if folder is not None:
                self._together.first(self._save_epoch, folder, row)
            for callback in self.callbacks:
                callback(self, row)
        return self.history

    def stop(self) -> None:
        """End :meth:`fit` after the epoch that is being made; another `fit` goes on."""
        self._is_stopped = True

    def _has_ended(self) -> bool:
        patience = self.settings.patience
        waited = self._ranking.epochs_since_best(self.history.rows)
        self._is_stopped = self._together.agreed(self._is_stopped)
        return self._is_stopped or (patience is not None and waited >= patience)

    def _training_batches(self, train: Any) -> Batches:
        size, workers = self.settings.batch_size, self.settings.workers
        batches = as_batches(train, size, name="train", shuffle=True, workers=workers)
        return self._together.shares(batches)

    def epoch(self, train: Any, validation: Any = None) -> dict[str, Any]:
        """Train for one epoch, rewiring when it is due, and measure. Nothing is saved.

        Parameters
        ----------
        train, validation
            As for :meth:`fit`.

        Returns
        -------
        dict
            The epoch's row, which has been added to the history.

        Raises
        ------
        TrainingDiverged
            If the loss or a weight is not finite.
        """
        start = working_seconds()
        settings, number = self.settings, len(self.history.rows) + 1
        train = self._training_batches(train)
        self._attach(train)
        name = f"{self.name} {number}/{settings.epochs}"
        show = EpochBar(name, train.n_batches, self.progress, stays=number == settings.epochs)
        with seeded(settings.seed, "epoch", number), show as bar:
            try:
                tally = self._train_epoch(number, train, bar)
            except FloatingPointError as error:
                advice = f"try a learning rate below {settings.learning_rate:g}"
                raise TrainingDiverged(f"{error} in epoch {number}; {advice}") from error
            seconds = working_seconds() - start
            row = {"epoch": number, **tally.row(), "train_seconds": seconds}
            row = self._together.first(self._measured, row, tally, validation)
            self.history.rows.append(row)
            bar.say(row, self._ranking.column)
        return row

    def _measured(self, row: dict[str, Any], tally: Tally, validation: Any) -> dict[str, Any]:
        """Return the whole row of an epoch; the seconds of its training come last."""
        seconds = row.pop("train_seconds")
        if validation is not None:
            row |= validate(self.model, validation, parts=self.parts, seed=self.settings.seed)
        before = self.history.rows[-1] if self.history.rows else {}
        return row | {
            **tally.rewirings(before),
            **topology(self.model),
            "train_seconds": seconds,
        }

    def _train_epoch(self, number: int, train: Batches, bar: EpochBar) -> Tally:
        tally = Tally(self.parts.metrics, self.ranks)
        done, total = (number - 1) * train.n_batches, self.settings.epochs * train.n_batches
        own = self._together.drawing(train, self.settings.seed, number)
        for i, (inputs, wanted) in enumerate(self._shuffled(train, number), start=done):
            rate = self.settings.learning_rate_at(i / total)
            loss, scores = self._learner.step(inputs, wanted, learning_rate=rate, drawing=own)
            record = None if self.rewirer is None else self.rewirer.step()
            tally.add(loss, scores, wanted, record)
            bar.advance()
        # Where no neuron fires a loss is finite whatever the weights are.
        self._learner.check_weights()
        self._together.end_epoch(self.model)
        return tally

    def _shuffled(self, train: Batches, number: int) -> Iterator[tuple[Tensor, Tensor]]:
        seed, augment = self.settings.seed, self.settings.augmentation
        order = stream(seed, "shuffle", number)
        if not augment:
            return train.iterate(order)
        generator = torch_stream(seed, "shift", number)
        return train.iterate(order, partial(augment, generator=generator, in_shape=self.in_shape))

    # ------------------------------------------------------------------- evolution

    def _attach(self, train: Batches) -> None:
        """Put the evolution to work, once it is known how many batches an epoch has."""
        self._together.begin(self)
        if self.evolution is None:
            return
        n_batches = train.n_batches
        done, total = len(self.history.rows) * n_batches, self.settings.epochs * n_batches
        every = self.evolution.interval or n_batches
        if self.rewirer is None:
            self.rewirer = self.evolution.attach(
                self.model,
                self.optimizer,
                total_steps=total,
                every=every,
                seed=self.settings.seed,
                n_threads=self.n_threads,
                resume=self._saved_rewirer,
            )
        # A resumed training may have another length, and an epoch broken off begins again.
        self.rewirer.reschedule(steps=done, total_steps=total, every=every)

    # ----------------------------------------------------------------- the best epoch

    def best(self) -> float | None:
        """Return the best validation so far, by the first metric or the loss; None if none.

        Of the epochs that count: those with the sparsity that the model ends with.
        """
        return self._ranking.best(self.history.rows)

    def _counts(self, row: Mapping[str, Any]) -> bool:
        evolution, progress = self.evolution, row["epoch"] / self.settings.epochs
        return evolution is None or evolution.is_settled(progress)

    # ----------------------------------------------------------------- save, resume

    def _begin_files(self, folder: Path) -> None:
        if self.history.rows:  # the checkpoint has them: a table that was lost is there again
            self._write_history(folder)
        else:
            self.save(folder / CHECKPOINT)

    def _save_epoch(self, folder: Path, row: dict[str, Any]) -> None:
        # The best model first: a run that dies before its checkpoint is written trains this
        # epoch again and finds it the best again. The other way round it would be missed.
        if self._ranking.is_best(row, self.history.rows):
            self.save(folder / BEST)
        keep_previous(folder / CHECKPOINT)
        self.save(folder / CHECKPOINT)
        self._write_history(folder)

    def _write_history(self, folder: Path) -> None:
        self.history.write_csv(folder / HISTORY, run=None if self.run is None else self.run["id"])

    def save(self, path: str | Path) -> Path:
        """Write everything needed to go on: model, optimizer, evolution, history, settings.

        Written to a temporary file first and renamed, so a file that is there is whole. By the
        first rank; the others do nothing.
        """
        if not self._together.writes:
            return Path(path)
        rewirer = self._saved_rewirer if self.rewirer is None else self.rewirer.state_dict()
        return write_checkpoint(
            Path(path),
            Checkpoint(
                model=self.model,
                optimizer=self.optimizer,
                settings=self.settings,
                names=self.parts.names(),
                evolution=self.evolution,
                rewirer=rewirer,
                history=self.history.rows,
                run=self.run,
                changes=self.changes,
            ),
        )

    @classmethod
    def resume(cls, path: str | Path, *, model: nn.Module | None = None, **options: Any) -> Trainer:
        """Return a trainer that goes on where :meth:`save` left off, to the same results.

        Parameters
        ----------
        path : path
            A file written by :meth:`save`.
        model : Module, optional
            One of the same architecture, which takes up the saved state; needed for a class
            that is not the project's own.
        **options
            Keywords of a new trainer: those that a file cannot hold (`loss`, `metrics`,
            `learning`, where they are not the defaults), the folder and the like, and `epochs`,
            `batch_size` and `learning_rate` if they are to change.

        Raises
        ------
        ValueError
            If the file is not such a checkpoint or is damaged, or an option would change what
            has been trained already; a model that was given is as it was then.
        """
        saved = read_checkpoint(Path(path))
        settings, options = saved.settings_for(options)
        parts = {f.name: options[f.name] for f in fields(Parts) if f.name in options}
        Parts.of(**parts).check_same(saved.names, Path(path))
        restored = saved.restore_model(model)
        trainer = cls(restored, evolution=saved.evolution, settings=settings, **options)
        trainer._take_up(saved)
        return trainer

    def take_up(self, path: str | Path) -> None:
        """Go on where :meth:`save` left off, with the settings that this trainer has."""
        saved = read_checkpoint(Path(path))
        saved.restore_model(self.model)
        self._take_up(saved)

    def _take_up(self, saved: SavedTraining) -> None:
        saved.restore_optimizer(self.optimizer, self.model)
        self.run = saved.run if self.run is None else self.run
        done = len(saved.history)
        changed = changes_between(saved.settings, self.settings, epochs_done=done)
        self.changes = [*saved.changes, *changed]
        self.history = History(saved.history)
        self._saved_rewirer = saved.rewirer
