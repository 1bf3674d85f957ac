"""Labeled samples in three fixed parts."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import torch
from numpy.typing import ArrayLike
from torch import Tensor
from torch.utils.data import Subset

from chgraph.checks import check_flag, check_positive_int
from chsnn.data.checks import as_tensor, check_finite
from chsnn.data.labels import class_labels, is_one_hot

BATCHES_AHEAD = 16
EXAMPLES = 1_000  # of a Dataset that is read from files


@dataclass(frozen=True, eq=False, init=False)
class Samples:
    """Images and their classes, or other targets, checked once when they come together.

    Attributes
    ----------
    images : Tensor of float32, shape (N, ...)
        One or more values a sample, for the library's own encodings in [0, 1].
    labels : Tensor of int64, shape (N,), or of float32, shape (N,) or (N, ...)
        Classes 0, 1, ...; or the targets of a regression.
    over_time : bool
        Whether images are frames over time, (N, T, ...): their batches are time first, as models
        read them, (T, B, ...).

    Examples
    --------
    >>> import chsnn
    >>> samples = chsnn.data.Samples([[0.0, 1.0], [0.5, 0.5]], [0, 1])
    >>> len(samples), samples.labels
    (2, tensor([0, 1]))
    """

    images: Tensor
    labels: Tensor
    over_time: bool

    def __init__(
        self,
        images: Tensor | ArrayLike,
        labels: Tensor | ArrayLike,
        *,
        over_time: bool = False,
    ) -> None:
        """Bring images and labels together.

        Parameters
        ----------
        images : Tensor or array_like, shape (N, ...)
            Floating point, kept as float32; or bools, as 0 and 1.
        labels : Tensor or array_like
            Integers, bools or one-hot rows of any dtype are classes
            (:func:`chsnn.data.class_labels`). Other floats are targets of a regression, whole
            ones too.
        over_time : bool
            Whether images are frames over time, (N, T, ...).

        Raises
        ------
        ValueError
            If there is no sample, or not one label per image, a value is NaN or infinite, images
            are integers, or integer labels no classes.

        Examples
        --------
        >>> Samples([[0.5, 1.0], [0.0, 0.25]], [[1], [0]]).labels
        tensor([1, 0])
        >>> Samples([[0.5, 1.0], [0.0, 0.25]], [0.3, -2.0]).labels
        tensor([ 0.3000, -2.0000])
        """
        pixels, targets = _as_images(images), as_tensor("labels", labels)
        if len(pixels) != len(targets):
            raise ValueError(
                f"images and labels must be as many; got images of shape {tuple(pixels.shape)} "
                f"and labels of shape {tuple(targets.shape)}"
            )
        object.__setattr__(self, "labels", _as_targets(targets))
        check_finite("images", pixels, axis="sample")
        if check_flag("over_time", over_time) and pixels.ndim < 3:
            raise ValueError(f"images over time must be (N, T, ...), got {tuple(pixels.shape)}")
        object.__setattr__(self, "images", pixels)
        object.__setattr__(self, "over_time", over_time)

    def __len__(self) -> int:
        """Number of samples."""
        return int(self.labels.shape[0])

    def batches(
        self,
        size: int,
        order: Tensor | None = None,
        prepare: Callable[[Tensor], Tensor] = lambda images: images,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Yield (images, labels) of at most `size` samples, in `order` if given.

        Images over time come time first. `prepare` changes images, of several batches at a time,
        as gathering them is: one small batch costs more in calls than in work.
        """
        order = torch.arange(len(self)) if order is None else order
        for chosen in order.split(size * BATCHES_AHEAD):
            images, labels = self.images[chosen], self.labels[chosen]
            images = prepare(images.transpose(0, 1) if self.over_time else images)
            axis = 1 if self.over_time else 0
            yield from zip(images.split(size, axis), labels.split(size), strict=True)

    def __getitem__(self, chosen: Any) -> Samples:
        """Return some of the samples, by slice or indices."""
        return Samples(self.images[chosen], self.labels[chosen], over_time=self.over_time)


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set split for good: the test part is for one final measurement.

    Attributes
    ----------
    name : str
    n_classes : int
    train, validation, test : Samples or Dataset
        A torch Dataset where the samples are read as they are asked for: pairs of a tensor, as
        `sample_shape` says, and a class.
    in_shape : (C, H, W), optional
        Of an image, or of one step of frames over time; for flat images too.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> data.name, data.n_classes, data.in_shape
    ('digits', 10, (1, 8, 8))
    >>> len(data.train), len(data.validation), len(data.test)
    (1257, 180, 360)
    """

    name: str
    n_classes: int
    train: Any
    validation: Any
    test: Any
    in_shape: tuple[int, int, int] | None = None

    @property
    def over_time(self) -> bool:
        """Whether samples are spikes or counts over time already."""
        return bool(getattr(self.train, "over_time", False))

    @property
    def n_in(self) -> int:
        """Number of values in an image, or in one step of frames."""
        if self.in_shape is not None:
            return math.prod(self.in_shape)
        shape = self.examples(1).shape
        return math.prod(shape[2:] if self.over_time else shape[1:])

    def examples(self, n: int | None = None) -> Tensor:
        """Return the first `n` training inputs (all by default) as a model reads them.

        Images (n, ...), or frames [T, n, ...]. Of a Dataset 1,000 by default.
        """
        if isinstance(self.train, Samples):
            images = self.train.images[:n]
        else:
            n = min(EXAMPLES if n is None else n, len(self.train))
            images = torch.stack([self.train[i][0] for i in range(n)])
        return images.transpose(0, 1) if self.over_time else images

    def with_train_images(self, n: int) -> DataSet:
        """Return the data set with the first `n` training images only (their order is random).

        Raises
        ------
        ValueError
            If there are fewer.
        """
        check_positive_int("train_images", n)
        n_all = len(self.train)
        if n > n_all:
            raise ValueError(f"train_images must be at most {n_all}, got {n}")
        if isinstance(self.train, Samples):
            return replace(self, train=self.train[:n])
        first = getattr(self.train, "first", None)
        return replace(self, train=Subset(self.train, range(n)) if first is None else first(n))


def _as_images(images: Tensor | ArrayLike) -> Tensor:
    pixels = as_tensor("images", images)
    if pixels.numel() == 0:
        raise ValueError(f"images must hold at least one value, got shape {tuple(pixels.shape)}")
    if not pixels.is_floating_point() and pixels.dtype != torch.bool:
        raise ValueError(
            f"images must be floating point, got {pixels.dtype}: divide by 255, or by their "
            "largest value"
        )
    return pixels.to(torch.float32)


def _as_targets(labels: Tensor) -> Tensor:
    """Return classes as int64, targets of a regression as float32."""
    if not labels.is_floating_point() or is_one_hot(labels):
        return class_labels(labels)
    targets = labels.to(torch.float32)
    check_finite("labels", targets, axis="sample")
    return targets
