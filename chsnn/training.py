"""Training: epochs of gradient descent with evolution between them, for any model and data."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, fields, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from tqdm.auto import tqdm

from chsnn.augmentation import random_shift
from chsnn.checkpoint import Checkpoint, keep_previous, read_checkpoint, write_checkpoint
from chsnn.data import Batches, as_batches
from chsnn.energy import SynapticCounter, count_synaptic_operations
from chsnn.evaluation import all_scores
from chsnn.evolution import EvolutionRecord, Rewirer, Rewiring, summed
from chsnn.history import History
from chsnn.learning import LearningRule, Loss, learning_rule
from chsnn.metrics import Metric, cross_entropy, measured, named_metrics
from chsnn.modules import device_of
from chsnn.optimizers import make_optimizer
from chsnn.seeds import seeded, stream, torch_stream
from chsnn.settings import CHANGEABLE, TrainingSettings
from chsnn.sparse import sparse_layers
from chsnn.sparsity import link_sparsity, node_sparsity

CHECKPOINT, BEST, HISTORY = "checkpoint.safetensors", "best.safetensors", "history.csv"


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite; what was saved before still stands."""


# Called with the trainer and the row of every epoch, once it is saved.
Callback = Callable[["Trainer", dict[str, Any]], None]


class Trainer:
    """Trains a model, rewiring it as it goes.

    Parameters
    ----------
    model : Module
        Any; what is rewired are its sparse layers (:func:`chsnn.sparsify`).
    evolution : Evolution, DeepR or GradR, optional
        Rewire by these settings; the topology stays as it is without.
    loss : callable
        Takes scores and targets of a batch, returns a tensor of one number; cross entropy by
        default.
    metrics : str, callable or sequence of them, optional
        Names of :data:`chsnn.metrics.METRICS`, or functions of (scores, targets). The first
        decides which epoch is the best, the larger the better; without any it is the validation
        loss. By default "accuracy" with the default loss, nothing with another.
    learning : "bptt" or LearningRule
        How a batch changes the weights.
    device : device or str, optional
        Where to train: the model is moved there, and every batch. Where the model is by default.
    settings : TrainingSettings, optional
        Epochs, batch size, optimiser, learning rate, seed and so on.
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
    callbacks : sequence of callable
        Called with (trainer, row) after every epoch, once it is saved; :meth:`stop` in one ends
        the training.
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
        callbacks: Sequence[Callback] = (),
        **changes: Any,
    ) -> None:
        if not isinstance(model, nn.Module):
            raise TypeError(f"model must be a torch module, got {type(model).__name__}")
        self.settings = _changed(settings or TrainingSettings(), changes)
        self.loss = loss
        by_default = ("accuracy",) if loss is cross_entropy else ()
        self.metrics = named_metrics(by_default if metrics is None else metrics)
        self.learning = learning_rule(learning)
        self.evolution = evolution
        self.model = model if device is None else model.to(device)
        self.device = device_of(self.model)
        self.optimizer = make_optimizer(
            self.model.parameters(),
            self.settings.optimizer,
            learning_rate=self.settings.learning_rate,
            weight_decay=self.settings.weight_decay,
        )
        self.folder = None if folder is None else Path(folder)
        self.n_threads = n_threads
        self.progress = progress
        self.name = name
        self.callbacks = tuple(callbacks)
        self.history = History()
        self.rewirer: Rewirer | None = None
        self._saved_rewirer: Mapping[str, Any] | None = None
        self._stopped = False

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
            If the loss is not finite.
        KeyboardInterrupt
            Passed on; the last finished epoch is in the folder.
        """
        size = self.settings.batch_size
        train = as_batches(train, size, name="train", shuffle=True)
        if validation is not None:
            validation = as_batches(validation, size, name="validation")
        self._attach(train)
        if self.folder is not None and not self.history.rows:
            self.save(self.folder / CHECKPOINT)
        while len(self.history.rows) < self.settings.epochs and not self._has_ended():
            row = self.epoch(train, validation)
            if self.folder is not None:
                self._save_epoch(self.folder, row)
            for callback in self.callbacks:
                callback(self, row)
        return self.history

    def stop(self) -> None:
        """End the training after the epoch that is being made."""
        self._stopped = True

    def _has_ended(self) -> bool:
        return self._stopped or self._waited_long_enough()

    def _waited_long_enough(self) -> bool:
        rows, patience = self.history.rows, self.settings.patience
        counted = [i for i, row in enumerate(rows) if self._counts(row)]
        if patience is None or not counted or self._merit(rows[0]) is None:
            return False
        best = max(counted, key=lambda i: self._merit(rows[i]))
        return len(rows) - 1 - best >= patience

    def epoch(self, train: Any, validation: Any = None) -> dict[str, Any]:
        """Train for one epoch, rewiring when it is due, and measure.

        Parameters
        ----------
        train, validation
            As for :meth:`fit`.

        Returns
        -------
        dict
            The epoch's row, which has been added to the history.
        """
        start = time.perf_counter()
        settings, number = self.settings, len(self.history.rows) + 1
        train = as_batches(train, settings.batch_size, name="train", shuffle=True)
        self._attach(train)
        with seeded(settings.seed, "epoch", number), self._bar(number, train.n_batches) as bar:
            row, records = self._train_epoch(number, train, bar)
            seconds = time.perf_counter() - start
            row |= {} if validation is None else self._measure(validation)
            row |= {**summed(records), **self._topology(), "train_seconds": seconds}
            self.history.rows.append(row)
            bar.set_postfix_str(self._postfix(row))
        return row

    def _train_epoch(
        self, number: int, train: Batches, bar: tqdm
    ) -> tuple[dict[str, Any], list[EvolutionRecord]]:
        settings, seen = self.settings, 0
        losses: list[float] = []
        scores: list[Tensor] = []
        targets: list[Tensor] = []
        records: list[EvolutionRecord] = []
        prepare = partial(
            random_shift,
            pixels=settings.shift,
            generator=torch_stream(settings.seed, "shift", number),
        )
        order = stream(settings.seed, "shuffle", number)
        batches = train.iterate(order, prepare) if settings.shift else train.iterate(order)
        done = (number - 1) * train.n_batches
        for i, (inputs, wanted) in enumerate(batches):
            self._set_learning_rate((done + i) / (settings.epochs * train.n_batches))
            value, given = self._gradient_step(inputs, wanted)
            losses.append(value * len(wanted))
            seen += len(wanted)
            if self.metrics:
                scores.append(given.cpu())
                targets.append(wanted.cpu())
            if self.rewirer is not None and (record := self._rewire()) is not None:
                records.append(record)
            bar.update()
        row = {"epoch": number, "loss": sum(losses) / seen}
        if self.metrics:
            row |= _prefixed("train", measured(self.metrics, torch.cat(scores), torch.cat(targets)))
        return row, records

    def _gradient_step(self, inputs: Tensor, wanted: Tensor) -> tuple[float, Tensor]:
        if not self.model.training:  # an evaluation was in between
            self.model.train()
        inputs, wanted = inputs.to(self.device), wanted.to(self.device)
        loss, scores = self.learning.gradients(self.model, inputs, wanted, self.loss)
        value = loss.item()
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value}")
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        return value, scores

    def _diverged(self, what: str) -> TrainingDiverged:
        return TrainingDiverged(
            f"{what} in epoch {len(self.history.rows) + 1}; "
            f"try a learning rate below {self.settings.learning_rate:g}"
        )

    # ------------------------------------------------------------------- evolution

    def _attach(self, train: Batches) -> None:
        """Put the evolution to work, once it is known how many batches an epoch has."""
        if self.evolution is None or self.rewirer is not None:
            return
        n_batches = train.n_batches
        total, done = self.settings.epochs * n_batches, len(self.history.rows) * n_batches
        every = self.evolution.interval or n_batches
        self.rewirer = self.evolution.attach(
            self.model,
            self.optimizer,
            total_steps=total,
            every=every,
            seed=self.settings.seed,
            n_threads=self.n_threads,
            resume=self._saved_rewirer,
        )
        # A resumed training may be of another length than when it was saved.
        self.rewirer.reschedule(steps=done, total_steps=total, every=every)

    def _rewire(self) -> EvolutionRecord | None:
        assert self.rewirer is not None
        try:
            return self.rewirer.step()
        except FloatingPointError as error:
            raise self._diverged(str(error)) from error

    def _set_learning_rate(self, progress: float) -> None:
        factor = 1.0
        if self.settings.learning_rate_schedule == "cosine":
            factor = 0.5 * (1.0 + math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * factor

    # -------------------------------------------------------------------- measuring

    def _measure(self, validation: Any) -> dict[str, float]:
        validation = as_batches(validation, self.settings.batch_size, name="validation")
        counts = bool(sparse_layers(self.model))
        with count_synaptic_operations(self.model) if counts else nullcontext() as counter:
            scores, targets = all_scores(self.model, validation, seed=self.settings.seed)
        with torch.no_grad():
            loss = float(self.loss(scores, targets))
        row = {"validation_loss": loss}
        row |= _prefixed("validation", measured(self.metrics, scores, targets))
        return row | (_activity(counter, len(targets)) if counter is not None else {})

    def _topology(self) -> dict[str, float]:
        return {
            "link_sparsity": link_sparsity(self.model),
            "node_sparsity": node_sparsity(self.model),
        }

    def _merit(self, row: dict[str, Any]) -> float | None:
        """Return what makes an epoch better than another; None without validation."""
        for name in self.metrics:
            return row.get(f"validation_{name}")
        return -row["validation_loss"] if "validation_loss" in row else None

    def best(self) -> float | None:
        """Return the best validation so far, by the first metric or the loss; None if none.

        Of the epochs that count: those with the sparsity that the model ends with.
        """
        merits = [self._merit(row) for row in self.history.rows if self._counts(row)]
        known = [merit for merit in merits if merit is not None]
        if not known:
            return None
        return max(known) if self.metrics else -max(known)

    def _is_best(self, row: dict[str, Any]) -> bool:
        merit, others = self._merit(row), [r for r in self.history.rows if r is not row]
        if merit is None or not self._counts(row):
            return False
        # Of equally good epochs the later one, which has trained longer.
        return all(merit >= self._merit(r) for r in others if self._counts(r))

    def _counts(self, row: dict[str, Any]) -> bool:
        progress = row["epoch"] / self.settings.epochs
        return self.evolution is None or self.evolution.is_settled(progress)

    def _postfix(self, row: dict[str, Any]) -> str:
        name = next(iter(self.metrics), "loss")
        value = row.get(f"validation_{name}")
        shown = "" if value is None else f", validation {name} {value:.3f}"
        return f"loss {row['loss']:.3f}{shown}"

    @contextmanager
    def _bar(self, epoch: int, n_batches: int) -> Iterator[tqdm]:
        with tqdm(
            total=n_batches,
            desc=f"{self.name} {epoch}/{self.settings.epochs}",
            disable=None if self.progress else True,
            leave=epoch == self.settings.epochs,
        ) as bar:
            yield bar

    # ----------------------------------------------------------------- save, resume

    def _save_epoch(self, folder: Path, row: dict[str, Any]) -> None:
        # The best model first: a run that dies before its checkpoint is written trains this
        # epoch again and finds it the best again. The other way round it would be missed.
        if self._is_best(row):
            self.save(folder / BEST)
        keep_previous(folder / CHECKPOINT)
        self.save(folder / CHECKPOINT)
        self.history.write_csv(folder / HISTORY)

    def save(self, path: str | Path) -> Path:
        """Write everything needed to go on: model, optimiser, evolution, history, settings.

        Written to a temporary file first and renamed, so a file that is there is whole.
        """
        rewirer = self._saved_rewirer if self.rewirer is None else self.rewirer.state_dict()
        return write_checkpoint(
            Path(path),
            Checkpoint(
                model=self.model,
                optimizer=self.optimizer,
                settings=asdict(self.settings),
                names=self._names(),
                evolution=self.evolution,
                rewirer=rewirer,
                history=self.history.rows,
            ),
        )

    def _names(self) -> dict[str, Any]:
        """Return the names of what a file cannot hold, to see that the same is given again."""
        return {
            "loss": _name_of(self.loss),
            "metrics": list(self.metrics),
            "learning": type(self.learning).__name__,
        }

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
            has been trained already.
        """
        saved = read_checkpoint(Path(path), model=model)
        settings = TrainingSettings(**saved.settings)
        for name in {f.name for f in fields(settings)} & set(options) - set(CHANGEABLE):
            if options[name] != getattr(settings, name):
                raise ValueError(
                    f"{name} cannot change in a training that goes on (it was "
                    f"{getattr(settings, name)!r}, asked for is {options[name]!r}); what can is "
                    f"{', '.join(CHANGEABLE)}"
                )
        trainer = cls(saved.model, evolution=saved.evolution, settings=settings, **options)
        for kind, name in saved.names.items():
            if trainer._names()[kind] != name:
                raise ValueError(
                    f"{kind} must be given as in the training that {path} holds: it was {name!r}, "
                    f"this is {trainer._names()[kind]!r}"
                )
        saved.restore_optimizer(trainer.optimizer)
        trainer.history = History(saved.history)
        trainer._saved_rewirer = saved.rewirer
        return trainer


def _changed(settings: TrainingSettings, changes: Mapping[str, Any]) -> TrainingSettings:
    known = [f.name for f in fields(TrainingSettings)]
    if unknown := [name for name in changes if name not in known]:
        raise TypeError(f"Trainer has no setting {unknown[0]!r}; settings are {', '.join(known)}")
    mine = {name: getattr(settings, name) for name in known}
    return replace(TrainingSettings(**mine), **changes)


def _name_of(function: Any) -> str:
    return getattr(function, "__qualname__", type(function).__qualname__)


def _prefixed(prefix: str, values: Mapping[str, float]) -> dict[str, float]:
    return {f"{prefix}_{name}": value for name, value in values.items()}


def _activity(counter: SynapticCounter, n_samples: int) -> dict[str, float]:
    """Return the columns of an epoch that say how active the neurons were."""
    counter.n_samples = n_samples
    return {
        "firing_rate": counter.firing_rate(),
        **{f"firing_rate.{layer.name}": layer.input_rate for layer in counter.hidden_layers()},
        "sops_per_sample": counter.sops_per_sample(),
    }
