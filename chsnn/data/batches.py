"""One way to go through whatever samples come in: held in memory, from a loader, or in a list."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset

from chgraph.checks import check_count, check_positive_int
from chsnn.data.checks import as_tensor, check_finite
from chsnn.data.datasets import Samples
from chsnn.data.labels import class_labels

_TAKES = (
    "Samples, a pair (inputs, labels) of arrays, a torch DataLoader or map-style Dataset, or a "
    "list of batches (inputs, labels)"
)


def _as_they_are(inputs: Tensor) -> Tensor:
    return inputs


class Batches(ABC):
    """Batches that can be gone through again and again; :func:`as_batches` makes them.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> batches = chsnn.data.as_batches(data.train, 100, name="train")
    >>> batches.n_batches, batches.n_samples
    (13, 1257)
    """

    @property
    @abstractmethod
    def n_batches(self) -> int:
        """Number of batches in one pass.

        Raises
        ------
        TypeError
            If the source cannot say.
        """

    @property
    @abstractmethod
    def n_samples(self) -> int | None:
        """Number of samples in one pass; None if only a pass would tell."""

    @abstractmethod
    def iterate(
        self,
        order_rng: np.random.Generator | None = None,
        prepare: Callable[[Tensor], Tensor] = _as_they_are,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the batches once.

        Parameters
        ----------
        order_rng : numpy Generator, optional
            Shuffles samples held in memory; without it they come in order. A loader has its own
            order, from torch's global generator unless it was given another.
        prepare : callable
            Changes inputs; of one batch or of several at a time.

        Yields
        ------
        inputs : Tensor
        labels : Tensor
            Of the same samples.

        Raises
        ------
        ValueError
            At a batch that does not fit, or if there is none at all.
        TypeError
            At a batch that is not a pair.
        """


@dataclass(frozen=True, eq=False)
class SampleBatches(Batches):
    """Batches of samples that were checked when they came together.

    Attributes
    ----------
    samples : Samples
    size : int
        Of a batch; the last may be smaller.
    """

    samples: Samples
    size: int

    @property
    def n_batches(self) -> int:
        """Number of batches in one pass."""
        return -(-len(self.samples) // self.size)

    @property
    def n_samples(self) -> int:
        """Number of samples in one pass."""
        return len(self.samples)

    def iterate(
        self,
        order_rng: np.random.Generator | None = None,
        prepare: Callable[[Tensor], Tensor] = _as_they_are,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the samples, in the order that `order_rng` draws."""
        order = None
        if order_rng is not None:
            order = torch.from_numpy(order_rng.permutation(len(self.samples)))
        return self.samples.batches(self.size, order, prepare=prepare)


@dataclass(frozen=True, eq=False)
class OuterBatches(Batches):
    """Batches from a loader or a list, each checked when it comes.

    Attributes
    ----------
    source : iterable of (inputs, labels)
    name : str
        What the data are called in an error.
    """

    source: Iterable[Any]
    name: str

    @property
    def n_batches(self) -> int:
        """Number of batches in one pass."""
        length = _length(self.source)
        if length is None:
            raise TypeError(
                f"{self.name} has no length, and the number of its batches must be known before "
                "the first; give its dataset a __len__, or make a list of its batches"
            )
        return length

    @property
    def n_samples(self) -> int | None:
        """Number of samples in one pass of a loader that batches as torch does, else None."""
        sampler = getattr(self.source, "batch_sampler", None)
        n = _length(getattr(sampler, "sampler", None))
        if type(sampler) is not BatchSampler or n is None:
            return None
        return n - n % sampler.batch_size if sampler.drop_last else n

    def iterate(
        self,
        order_rng: np.random.Generator | None = None,
        prepare: Callable[[Tensor], Tensor] = _as_they_are,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the batches, in the order of their source."""
        index = -1
        for index, batch in enumerate(self.source):
            inputs, labels = check_batch(*_pair(batch, self.name, index), self.name, index)
            yield prepare(inputs), labels
        if index < 0:
            raise ValueError(f"{self.name} must hold at least one batch, got none")


def as_batches(
    data: Any, batch_size: int, *, name: str, shuffle: bool = False, workers: int = 0
) -> Batches:
    """Return data of any accepted kind as batches.

    Parameters
    ----------
    data : Samples, pair of arrays, DataLoader, Dataset, iterable of batches or Batches
        A pair (images, labels) becomes Samples. A DataLoader keeps its batch size and its
        sampler. An iterable, such as a list, has ready batches (inputs, labels) and can be
        gone through again.
    batch_size : int
        Of Samples, arrays and a Dataset.
    name : str
        What the data are called in an error.
    shuffle : bool
        Whether a Dataset is shuffled, by torch's global generator. Samples are by the generator
        given to ``iterate``.
    workers : int
        Processes that read the samples of a Dataset.

    Returns
    -------
    Batches

    Raises
    ------
    TypeError
        If the data are of another kind, or can be gone through only once.
    ValueError
        If there are none, or Samples refuse them.

    Examples
    --------
    >>> batches = as_batches(([[0.0], [0.5], [1.0]], np.array([0, 1, 1])), 2, name="train")
    >>> batches.n_batches, batches.n_samples
    (2, 3)
    >>> [labels.tolist() for _, labels in batches.iterate()]
    [[0, 1], [1]]
    """
    size = check_positive_int("batch_size", batch_size)
    if isinstance(data, Batches):
        return data
    if isinstance(data, Samples):
        return SampleBatches(data, size)
    if _is_pair_of_arrays(data):
        return SampleBatches(_samples(data, name), size)
    if isinstance(data, Dataset):
        data = _loader(data, size, name, shuffle, check_count("workers", workers))
    _check_iterable(data, name)
    if _length(data) == 0:
        raise ValueError(f"{name} must hold at least one batch, got none")
    return OuterBatches(data, name)


def check_batch(inputs: Any, labels: Any, name: str, index: int) -> tuple[Tensor, Tensor]:
    """Return a batch from outside as tensors if it can be learnt from.

    Parameters
    ----------
    inputs : Tensor or array_like, shape (B, ...) or (T, B, ...)
        Of any dtype.
    labels : Tensor or array_like, shape (B, ...)
        Integers and bools of shape (B,), (B, 1) or one-hot (B, C) become classes, those of more
        axes and floats stay as they are.
    name : str
        What the data are called in an error.
    index : int
        The batch's number, counted from 0.

    Returns
    -------
    inputs : Tensor
    labels : Tensor

    Raises
    ------
    ValueError
        If the batch is empty, inputs and labels are not of as many samples, a value is NaN or
        infinite, or labels are not classes.
    """
    where = f"{name} batch {index} (counted from 0): "
    inputs, labels = as_tensor(f"{where}inputs", inputs), as_tensor(f"{where}labels", labels)
    shapes = f"inputs of shape {tuple(inputs.shape)} and labels of shape {tuple(labels.shape)}"
    if inputs.numel() == 0 or labels.numel() == 0:
        raise ValueError(f"{where}must hold at least one sample, got {shapes}")
    if len(labels) not in inputs.shape[:2]:  # spikes over time have time first
        raise ValueError(f"{where}inputs and labels must be as many; got {shapes}")
    check_finite(f"{where}inputs", inputs)
    if labels.is_floating_point():
        check_finite(f"{where}labels", labels)
    elif labels.ndim <= 2:
        labels = class_labels(labels, name=f"{where}labels")
    return inputs, labels


def _pair(batch: Any, name: str, index: int) -> tuple[Any, Any]:
    if isinstance(batch, tuple | list) and len(batch) == 2:
        return batch[0], batch[1]
    got = type(batch).__name__
    if isinstance(batch, tuple | list):
        got = f"a {got} of {len(batch)}"
    raise TypeError(
        f"{name} batch {index} (counted from 0): must be a pair (inputs, labels), got {got}; "
        "write a loader that gives pairs"
    )


def _is_pair_of_arrays(data: Any) -> bool:
    if not (isinstance(data, tuple | list) and len(data) == 2):
        return False
    are_arrays = [hasattr(part, "__array__") for part in data]
    return any(are_arrays) and all(
        is_array or isinstance(part, list) for is_array, part in zip(are_arrays, data, strict=True)
    )


def _samples(pair: Any, name: str) -> Samples:
    try:
        return Samples(*pair)
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _loader(
    dataset: Dataset[Any], size: int, name: str, shuffle: bool, workers: int
) -> DataLoader[Any]:
    if isinstance(dataset, IterableDataset):
        raise TypeError(f"{name} is an IterableDataset; wrap it in a DataLoader")
    length = _length(dataset)
    if length is None:
        raise TypeError(f"{name} is a Dataset without a length; give it a __len__")
    if length == 0:
        raise ValueError(f"{name} must hold at least one sample, got an empty Dataset")
    # A pass in order leaves torch's global generator alone.
    generator = None if shuffle else torch.Generator()
    return DataLoader(
        dataset,
        batch_size=size,
        shuffle=shuffle,
        generator=generator,
        num_workers=workers,
        persistent_workers=workers > 0,
        collate_fn=getattr(dataset, "collate", None),  # time first where that is said
    )


def _check_iterable(data: Any, name: str) -> None:
    """Raise unless the data are batches that can be gone through again."""
    if isinstance(data, Iterator):
        raise TypeError(
            f"{name} is a {type(data).__name__}, empty after one pass; make a list of it or give a "
            "DataLoader"
        )
    is_single = isinstance(data, Mapping | str | bytes) or hasattr(data, "__array__")
    if is_single or not isinstance(data, Iterable):
        raise TypeError(f"{name} must be {_TAKES}; got {type(data).__name__}")
    if isinstance(data, tuple | list) and any(hasattr(part, "__array__") for part in data):
        raise TypeError(f"{name} must be {_TAKES}; got a {type(data).__name__} of {len(data)}")


def _length(source: Any) -> int | None:
    """Return the length of something, or None if it has none."""
    if not isinstance(source, Sized):
        return None
    try:
        return len(source)
    except (TypeError, NotImplementedError):  # a DataLoader of something without a length
        return None
