"""Training: epochs of gradient descent with evolution between them."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from tqdm.auto import tqdm

from chgraph.checks import check_choice, check_count, check_positive_int
from chsnn.augmentation import check_square, random_shift
from chsnn.checkpoint import Checkpoint, keep_previous, read_checkpoint, write_checkpoint
from chsnn.data import Samples
from chsnn.energy import count_synaptic_operations
from chsnn.evaluation import evaluate
from chsnn.evolution import EvolutionRecord, Rewiring, State, summed
from chsnn.gradients import LayerGradient, record_gradients
from chsnn.history import History
from chsnn.networks import SpikingMLP, link_sparsity, node_sparsity
from chsnn.optimizers import (
    LEARNING_RATE_SCHEDULES,
    LearningRateSchedule,
    OptimizerName,
    make_optimizer,
)
from chsnn.seeds import stream, torch_stream

CHECKPOINT, BEST, HISTORY = "checkpoint.safetensors", "best.safetensors", "history.csv"


class TrainingDiverged(RuntimeError):
    """The loss became NaN or infinite; what was saved before still stands."""


class Trainer:
    """Trains a spiking network, rewiring it as it goes.

    Parameters
    ----------
    network : SpikingMLP
    evolution : Evolution, DeepR or GradR, optional
        Rewire by these settings; the topology stays as it is without.
    epochs : int
    batch_size : int
    optimizer : {"adam", "adamw", "sgd"}
    learning_rate : float
    learning_rate_schedule : {"cosine", "constant"}
        "cosine" falls to 0 at the end of training.
    weight_decay : float
    shift : int
        Move each training image by up to so many pixels at random, every time it is shown.
    seed : int
        Of the shuffling, of random shifts and encodings and of evolution.
    folder : path, optional
        Where `checkpoint.safetensors` (after every epoch), the one before it
        (`checkpoint.previous.safetensors`), `best.safetensors` (best validation accuracy, of
        the epochs with the sparsity that the network ends with) and `history.csv` are written;
        nothing is written without.
    n_threads : int, optional
        Of the topology kernels.
    progress : bool
        Whether to show a progress bar.
    name : str
        Label of the progress bar.
    on_epoch : callable, optional
        Called with the row of every epoch, once it is saved.

    Raises
    ------
    ValueError
        If a setting is out of range.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 64, 10), sparsity=0.8, encoding="even")
    >>> trainer = Trainer(network, evolution=chsnn.Evolution(), epochs=2, progress=False)
    >>> history = trainer.fit(data.train, data.validation)
    >>> [row["epoch"] for row in history.rows]
    [1, 2]
    """

    def __init__(
        self,
        network: SpikingMLP,
        *,
        evolution: Rewiring | None = None,
        epochs: int = 20,
        batch_size: int = 64,
        optimizer: OptimizerName = "adam",
        learning_rate: float = 1e-3,
        learning_rate_schedule: LearningRateSchedule = "cosine",
        weight_decay: float = 0.0,
        shift: int = 0,
        seed: int = 0,
        folder: str | Path | None = None,
        n_threads: int | None = None,
        progress: bool = True,
        name: str = "training",
        on_epoch: Callable[[dict[str, Any]], None] | None = None,
    ) -> None:
        self.network = network
        self.evolution = evolution
        self.epochs = check_positive_int("epochs", epochs)
        self.batch_size = check_positive_int("batch_size", batch_size)
        self.seed = check_count("seed", seed)
        self.optimizer_name: OptimizerName = optimizer
        self.learning_rate = learning_rate
        check_choice("learning_rate_schedule", learning_rate_schedule, LEARNING_RATE_SCHEDULES)
        self.learning_rate_schedule: LearningRateSchedule = learning_rate_schedule
        self.weight_decay = weight_decay
        self.shift = check_count("shift", shift)
        if shift:
            check_square(network.sizes[0])
        self.optimizer = make_optimizer(
            network,
            optimizer,
            learning_rate=learning_rate,
            weight_decay=weight_decay,
            without=[] if evolution is None else evolution.owned_parameters(network),
        )
        self.folder = None if folder is None else Path(folder)
        self.n_threads = n_threads
        self.progress = progress
        self.name = name
        self.on_epoch = on_epoch
        self.history = History()
        self._evolution_steps = 0
        self._evolution_state: State | None = None

    # ------------------------------------------------------------------------ fit

    def fit(self, train: Samples, validation: Samples) -> History:
        """Train for the epochs that are still to go.

        Parameters
        ----------
        train : Samples
        validation : Samples
            Measured after every epoch; the best epoch's network is kept in the folder.

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
        if self.evolution is not None:
            self.evolution.warm_up(self.network)
            if self._evolution_state is None:
                self._evolution_state = self.evolution.begin(self.network, seed=self.seed)
        if self.folder is not None and not self.history.rows:
            self.save(self.folder / CHECKPOINT)
        for epoch in range(len(self.history.rows) + 1, self.epochs + 1):
            row = self._epoch(epoch, train, validation)
            # Of equally good epochs the later one, which has trained longer.
            is_best = self._counts(row) and row["validation_accuracy"] >= self.best_accuracy()
            self.history.rows.append(row)
            if self.folder is not None:
                self._save_epoch(self.folder, is_best)
            if self.on_epoch is not None:
                self.on_epoch(row)
        return self.history

    def best_accuracy(self) -> float:
        """Return the best validation accuracy so far, of the epochs that count; -inf if none.

        Epochs count once the network has the sparsity that it ends with.
        """
        rows = [row for row in self.history.rows if self._counts(row)]
        return max((row["validation_accuracy"] for row in rows), default=-math.inf)

    def _counts(self, row: dict[str, Any]) -> bool:
        return self.evolution is None or self.evolution.is_settled(row["epoch"] / self.epochs)

    def _save_epoch(self, folder: Path, is_best: bool) -> None:
        # The best network first: a run that dies before its checkpoint is written trains this
        # epoch again and finds it the best again. The other way round it would be missed.
        if is_best:
            self.save(folder / BEST)
        keep_previous(folder / CHECKPOINT)
        self.save(folder / CHECKPOINT)
        self.history.write_csv(folder / HISTORY)

    def _epoch(self, epoch: int, train: Samples, validation: Samples) -> dict[str, Any]:
        start = time.perf_counter()
        losses, guesses, records = [], [], []
        order = torch.from_numpy(stream(self.seed, "shuffle", epoch).permutation(len(train)))
        encoder_stream = torch_stream(self.seed, "encode", epoch)
        shift_stream = torch_stream(self.seed, "shift", epoch)
        shift = partial(random_shift, pixels=self.shift, generator=shift_stream)
        n_batches = math.ceil(len(train) / self.batch_size)
        with self._bar(epoch, n_batches) as bar:
            batches = train.batches(self.batch_size, order, prepare=shift)
            for batch, (images, labels) in enumerate(batches):
                done = (epoch - 1) * n_batches + batch
                self._set_learning_rate(done / (self.epochs * n_batches))
                is_due = self.evolution is not None and self.evolution.is_due(done + 1, n_batches)
                with self._gradients(is_due) as gradients:
                    loss, scores = self._gradient_step(images, labels, encoder_stream)
                losses.append(loss * len(labels))
                guesses.append(scores)
                if is_due:
                    progress = (done + 1) / (self.epochs * n_batches)
                    records.append(self._evolve(progress, gradients))
                bar.update()
            train_seconds = time.perf_counter() - start
            row = {
                "epoch": epoch,
                "loss": sum(losses) / len(train),
                "train_accuracy": _accuracy(torch.cat(guesses), train.labels[order]),
                **self._measure(validation),
                **summed(records),
                **self._topology(),
                "train_seconds": train_seconds,
            }
            bar.set_postfix(loss=f"{row['loss']:.3f}", validation=_percent(row))
        return row

    def _gradient_step(
        self, images: Tensor, labels: Tensor, encoder_stream: torch.Generator
    ) -> tuple[float, Tensor]:
        if not self.network.training:  # an evaluation was in between
            self.network.train()
        scores = self.network(images, encoder_stream)
        loss = functional.cross_entropy(scores, labels)
        value = loss.item()
        if not math.isfinite(value):
            raise self._diverged(f"the loss is {value}")
        self.network.zero_grad()
        loss.backward()
        self.optimizer.step()
        return value, scores.detach()

    def _diverged(self, what: str) -> TrainingDiverged:
        return TrainingDiverged(
            f"{what} in epoch {len(self.history.rows) + 1}; "
            f"try a learning rate below {self.learning_rate:g}"
        )

    @contextmanager
    def _gradients(self, is_due: bool) -> Iterator[list[LayerGradient] | None]:
        """Keep the gradients of every layer if the rewiring that is due reads them."""
        reads = is_due and self.evolution is not None and self.evolution.reads_gradients
        with record_gradients(self.network) if reads else nullcontext() as gradients:
            yield gradients

    def _evolve(self, progress: float, gradients: list[LayerGradient] | None) -> EvolutionRecord:
        assert self.evolution is not None
        if not all(bool(layer.values.isfinite().all()) for layer in self.network.sparse_layers):
            raise self._diverged("a weight is not finite")
        record = self.evolution.step(
            self.network,
            self.optimizer,
            progress=progress,
            seed=self.seed,
            index=self._evolution_steps,
            state=self._evolution_state,
            gradients=gradients,
            n_threads=self.n_threads,
        )
        self._evolution_steps += 1
        return record

    def _set_learning_rate(self, progress: float) -> None:
        factor = 1.0
        if self.learning_rate_schedule == "cosine":
            factor = 0.5 * (1.0 + math.cos(math.pi * progress))
        for group in self.optimizer.param_groups:
            group["lr"] = self.learning_rate * factor

    def _measure(self, validation: Samples) -> dict[str, float]:
        with count_synaptic_operations(self.network) as counter:
            accuracy = evaluate(self.network, validation, seed=self.seed)
        hidden = counter.layers()[1:]
        return {
            "validation_accuracy": accuracy,
            "firing_rate": counter.firing_rate(),
            **{f"firing_rate_{i}": layer.input_rate for i, layer in enumerate(hidden, start=1)},
            "sops_per_sample": counter.sops_per_sample(),
        }

    def _topology(self) -> dict[str, float]:
        return {
            "link_sparsity": link_sparsity(self.network),
            "node_sparsity": node_sparsity(self.network),
        }

    @contextmanager
    def _bar(self, epoch: int, n_batches: int) -> Iterator[tqdm]:
        with tqdm(
            total=n_batches,
            desc=f"{self.name} {epoch}/{self.epochs}",
            disable=None if self.progress else True,
            leave=epoch == self.epochs,
        ) as bar:
            yield bar

    # ----------------------------------------------------------------- save, resume

    def save(self, path: str | Path) -> Path:
        """Write everything needed to go on: network, optimiser, history and settings.

        Written to a temporary file first and renamed, so a file that is there is whole.
        """
        settings = {
            "epochs": self.epochs,
            "batch_size": self.batch_size,
            "optimizer": self.optimizer_name,
            "learning_rate": self.learning_rate,
            "learning_rate_schedule": self.learning_rate_schedule,
            "weight_decay": self.weight_decay,
            "shift": self.shift,
            "seed": self.seed,
        }
        return write_checkpoint(
            Path(path),
            Checkpoint(
                network=self.network,
                optimizer_state=self.optimizer.state_dict()["state"],
                settings=settings,
                evolution=self.evolution,
                evolution_steps=self._evolution_steps,
                evolution_state=self._evolution_state,
                history=self.history.rows,
            ),
        )

    @classmethod
    def resume(
        cls,
        path: str | Path,
        *,
        folder: str | Path | None = None,
        n_threads: int | None = None,
        progress: bool = True,
        name: str = "training",
        on_epoch: Callable[[dict[str, Any]], None] | None = None,
    ) -> Trainer:
        """Return a trainer that goes on where :meth:`save` left off, to the same results.

        Parameters
        ----------
        path : path
            A file written by :meth:`save`.
        folder, n_threads, progress, name, on_epoch
            As for a new trainer.

        Raises
        ------
        ValueError
            If the file is not such a checkpoint or is damaged.
        """
        saved = read_checkpoint(Path(path))
        trainer = cls(
            saved.network,
            evolution=saved.evolution,
            folder=folder,
            n_threads=n_threads,
            progress=progress,
            name=name,
            on_epoch=on_epoch,
            **saved.settings,
        )
        groups = trainer.optimizer.state_dict()["param_groups"]
        state = {"state": saved.optimizer_state, "param_groups": groups}
        try:
            trainer.optimizer.load_state_dict(state)
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"{path} holds no state of {saved.settings['optimizer']}") from error
        trainer.history = History(saved.history)
        trainer._evolution_steps = saved.evolution_steps
        trainer._evolution_state = saved.evolution_state
        return trainer


def _accuracy(scores: Tensor, labels: Tensor) -> float:
    return float((scores.argmax(dim=1) == labels).double().mean())


def _percent(row: dict[str, Any]) -> str:
    return f"{100 * row['validation_accuracy']:.1f} %"
