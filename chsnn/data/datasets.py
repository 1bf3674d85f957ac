"""Labelled samples in three fixed parts."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from chgraph.checks import check_positive_int

BATCHES_AHEAD = 16


@dataclass(frozen=True, eq=False)
class Samples:
    """Images and their classes.

    Attributes
    ----------
    images : Tensor of float32, shape (N, n_in)
        Intensities in [0, 1].
    labels : Tensor of int64, shape (N,)
    """

    images: Tensor
    labels: Tensor

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

        `prepare` changes images, of several batches at a time, as gathering them is: one small
        batch costs more in calls than in work.
        """
        order = torch.arange(len(self)) if order is None else order
        for chosen in order.split(size * BATCHES_AHEAD):
            images, labels = prepare(self.images[chosen]), self.labels[chosen]
            yield from zip(images.split(size), labels.split(size), strict=True)


@dataclass(frozen=True, eq=False)
class DataSet:
    """A data set split for good: the test part is for one final measurement."""

    name: str
    n_classes: int
    train: Samples
    validation: Samples
    test: Samples

    @property
    def n_in(self) -> int:
        """Number of values in an image."""
        return int(self.train.images.shape[1])

    def with_train_images(self, n: int) -> DataSet:
        """Return the data set with the first `n` training images only (their order is random).

        Raises
        ------
        ValueError
            If there are fewer.
        """
        check_positive_int("train_images", n)
        if n > len(self.train):
            raise ValueError(f"train_images must be at most {len(self.train)}, got {n}")
        return replace(self, train=Samples(self.train.images[:n], self.train.labels[:n]))
