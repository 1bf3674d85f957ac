"""The settings of a training, stated once: keywords of the trainer, lines of a run's file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from chgraph.checks import (
    check_choice,
    check_count,
    check_positive_float32,
    check_positive_int,
    check_real,
)
from chsnn.augmentation import Augmentation
from chsnn.learning import PRECISIONS, Precision
from chsnn.optimizers import (
    LEARNING_RATE_SCHEDULES,
    OPTIMIZERS,
    LearningRateSchedule,
    OptimizerName,
)

# What a training may be resumed with; everything else decides what has been trained already.
CHANGEABLE = ("epochs", "batch_size", "learning_rate")
_LARGEST = float(np.finfo(np.float32).max)


@dataclass(frozen=True, kw_only=True)
class TrainingSettings:
    """Everything about a training that is a number or a name.

    Examples
    --------
    >>> import chsnn
    >>> settings = chsnn.TrainingSettings(epochs=3, learning_rate=0.01)
    >>> settings.optimizer, settings.learning_rate_schedule
    ('adam', 'cosine')
    """

    epochs: int = 30
    """Passes over the training samples."""
    batch_size: int = 16
    """Samples per gradient step; a DataLoader has its own."""
    optimizer: OptimizerName = "adam"
    """Rule of the gradient step."""
    learning_rate: float = 0.003
    """Learning rate at the start."""
    learning_rate_schedule: LearningRateSchedule = "cosine"
    """How the learning rate falls: along a cosine to 0 at the end, or not."""
    warm_up: int = 0
    """Epochs at the start in which the learning rate rises from a hundredth."""
    weight_decay: float = 0.0
    """Weight decay of the optimizer."""
    clip_norm: float | None = None
    """Norm to which the gradient of all parameters is clipped; not at all if left out."""
    label_smoothing: float = 0.0
    """Share of every target that cross entropy spreads over all classes, in training."""
    rate_penalty: float = 0.0
    """Times the mean firing rates of all populations of neurons: added to the loss, in training."""
    precision: Precision = "float32"
    """Numbers in training: float32, or bfloat16 where torch holds it to be safe (autocast)."""
    channels_last: bool = False
    """Whether images keep their channels together in memory: faster convolutions on a GPU."""
    workers: int = 0
    """Processes that prepare the samples of a Dataset; a DataLoader has its own."""
    patience: int | None = None
    """Stop after so many epochs without a better validation; never if left out."""
    shift: int = 0
    """Move each training image by up to so many pixels at random, every time it is shown."""
    roll: int = 0
    """Move it by up to so many pixels in a circle."""
    flip: bool = False
    """Mirror every other training image left to right."""
    swap_polarity: bool = False
    """Exchange OFF and ON events of every other training sample."""
    cutout: int = 0
    """Cover a square of so many pixels a side of each training image."""
    drop_events: float = 0.0
    """Take away up to this share of a while, an area or all events of each training sample."""
    seed: int = 0
    """The one seed of all randomness."""

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size"):
            check_positive_int(name, getattr(self, name))
        check_choice("optimizer", self.optimizer, OPTIMIZERS)
        check_choice("learning_rate_schedule", self.learning_rate_schedule, LEARNING_RATE_SCHEDULES)
        check_choice("precision", self.precision, PRECISIONS)
        if not isinstance(self.channels_last, bool):
            raise TypeError(f"channels_last must be true or false, got {self.channels_last!r}")
        # Larger numbers are infinite in the precision in which weights are moved.
        check_positive_float32("learning_rate", self.learning_rate)
        check_real("weight_decay", self.weight_decay, minimum=0.0, below=_LARGEST)
        if self.clip_norm is not None:
            check_positive_float32("clip_norm", self.clip_norm)
        if self.patience is not None:
            check_positive_int("patience", self.patience)
        check_real("label_smoothing", self.label_smoothing, minimum=0.0, below=1.0)
        check_real("rate_penalty", self.rate_penalty, minimum=0.0, below=_LARGEST)
        if check_count("warm_up", self.warm_up) >= self.epochs:
            raise ValueError(
                f"warm_up must be less than the {self.epochs} epochs, got {self.warm_up}"
            )
        check_count("workers", self.workers)
        self.augmentation  # noqa: B018  checks its own
        check_count("seed", self.seed)

    @property
    def augmentation(self) -> Augmentation:
        """What is done to training samples every time they are shown."""
        return Augmentation(**{f.name: getattr(self, f.name) for f in fields(Augmentation)})

    def learning_rate_at(self, progress: float) -> float:
        """Return the learning rate when `progress` (0 to 1) of training is done.

        Examples
        --------
        >>> TrainingSettings(learning_rate=0.5).learning_rate_at(0.5)
        0.25
        >>> TrainingSettings(learning_rate=0.5, epochs=10, warm_up=2).learning_rate_at(0.2)
        0.5
        """
        rising = self.warm_up / self.epochs
        if progress < rising:
            return self.learning_rate * (0.01 + 0.99 * progress / rising)
        if self.learning_rate_schedule == "constant":
            return self.learning_rate
        falling = (progress - rising) / (1.0 - rising)
        return self.learning_rate * (0.5 * (1.0 + math.cos(math.pi * min(1.0, falling))))

    def changed(self, changes: Mapping[str, Any]) -> TrainingSettings:
        """Return these settings, of a training alone, with some changed.

        Raises
        ------
        TypeError
            If there is no setting of a name.
        ValueError
            If a value is out of range.
        """
        known = [f.name for f in fields(TrainingSettings)]
        if unknown := [name for name in changes if name not in known]:
            raise TypeError(
                f"Trainer has no setting {unknown[0]!r}; settings are {', '.join(known)}"
            )
        mine = {name: getattr(self, name) for name in known}
        return replace(TrainingSettings(**mine), **changes)


def resumed_settings(
    saved: TrainingSettings, changes: Mapping[str, Any], *, epochs_done: int
) -> TrainingSettings:
    """Return the settings with which a training goes on.

    Parameters
    ----------
    saved : TrainingSettings
    changes : mapping
        Fields by name; of those that are not in :data:`CHANGEABLE` only the saved value.
    epochs_done : int

    Raises
    ------
    ValueError
        If a setting cannot change, or fewer epochs are asked for than there have been.

    Examples
    --------
    >>> resumed_settings(TrainingSettings(epochs=5), {"epochs": 9}, epochs_done=3).epochs
    9
    """
    settings = saved.changed(changes)
    check_unchanged(saved, settings, CHANGEABLE, what="training", says="asked for is")
    if settings.epochs < epochs_done:
        raise ValueError(
            f"epochs must be at least the {epochs_done} that there have been, got {settings.epochs}"
        )
    return settings


def changes_between(
    before: TrainingSettings, after: TrainingSettings, *, epochs_done: int
) -> list[dict[str, Any]]:
    """Return which settings differ, as a record of what was changed after so many epochs.

    Examples
    --------
    >>> changes_between(TrainingSettings(), TrainingSettings(epochs=9), epochs_done=3)
    [{'after_epoch': 3, 'setting': 'epochs', 'before': 30, 'now': 9}]
    """
    return [
        {"after_epoch": epochs_done, "setting": name, "before": old, "now": new}
        for name in (setting.name for setting in fields(TrainingSettings))
        if (old := getattr(before, name)) != (new := getattr(after, name))
    ]


def check_unchanged(
    before: TrainingSettings,
    after: TrainingSettings,
    may_change: Sequence[str],
    *,
    what: str,
    says: str,
) -> None:
    """Raise ValueError, by name, at a field that differs and is not among those that may change.

    `what` goes on, and who `says` the new value, are for the message.
    """
    for setting in fields(before):
        old, new = getattr(before, setting.name), getattr(after, setting.name)
        if old != new and setting.name not in may_change:
            raise ValueError(
                f"{setting.name} cannot change in a {what} that goes on (it was {old!r}, "
                f"{says} {new!r}); what can is {', '.join(may_change)}"
            )
