"""One rank's share of every batch, so that all ranks together see the batches of one process."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, IterableDataset

from chsnn.data.batches import Batches, OuterBatches, SampleBatches
from chsnn.ranks import Ranks

_ORDER = (
    "ranks must go through the same samples in the same order, each takes its share of every "
    "batch; let the sampler draw from torch's generator alone, or give a DistributedSampler"
)


def share_of(n: int, ranks: Ranks) -> slice:
    """Return which of `n` samples are this rank's; ranks have them in order, as equal as can be.

    Examples
    --------
    >>> class Second:
    ...     rank, size = 1, 2
    >>> share_of(5, Second())
    slice(2, 5, None)
    """
    return slice(n * ranks.rank // ranks.size, n * (ranks.rank + 1) // ranks.size)


def is_split(source: Any) -> bool:
    """Whether a loader gives each rank samples of its own already, by a DistributedSampler."""
    samplers = (getattr(source, "sampler", None), getattr(source, "batch_sampler", None))
    return any(getattr(sampler, "num_replicas", 1) > 1 for sampler in samplers)


def check_whole(data: Batches) -> None:
    """Raise ValueError if a rank has only its share of what the first one is to measure."""
    if is_split(getattr(data, "source", None)):
        raise ValueError(
            "validation must be whole on every rank, the first one measures it; give it without a "
            "DistributedSampler"
        )


class RankBatches(Batches):
    """This rank's share of batches.

    Samples in memory and lists are gone through by every rank. Of a loader as torch makes it each
    reads its own samples alone; what comes from another kind of loader is split when it is there.
    A loader with a DistributedSampler is taken as it is: its batch size is that of a rank.

    Parameters
    ----------
    whole : Batches
    ranks : Ranks

    Raises
    ------
    ValueError
        If ranks have other numbers of batches.
    """

    def __init__(self, whole: Batches, ranks: Ranks) -> None:
        self.whole = whole
        self.ranks = ranks
        if isinstance(whole, SampleBatches) and whole.size < ranks.size:
            raise ValueError(
                f"batch_size must be at least the number of ranks, {ranks.size}, got {whole.size}"
            )
        numbers = [n for (n,) in ranks.gather([whole.n_batches])]
        if len(set(numbers)) > 1:
            raise ValueError(f"ranks must have as many batches each, got {numbers}")

    @property
    def n_batches(self) -> int:
        """Number of batches in one pass."""
        return self.whole.n_batches

    @property
    def n_samples(self) -> int | None:
        """Number of samples in one pass, of all ranks; None if only a pass would tell."""
        return self.whole.n_samples

    def begin(self, epoch: int) -> None:
        """Let a DistributedSampler draw the order of an epoch."""
        sampler = getattr(getattr(self.whole, "source", None), "sampler", None)
        if (set_epoch := getattr(sampler, "set_epoch", None)) is not None:
            set_epoch(epoch)

    def iterate(
        self,
        order_rng: np.random.Generator | None = None,
        prepare: Callable[[Tensor], Tensor] = lambda inputs: inputs,
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Go through the shares; a batch of fewer samples than ranks leaves some without any."""
        source: Any = getattr(self.whole, "source", None)
        if source is not None and is_split(source):
            yield from self.whole.iterate(order_rng, prepare)
        elif _is_plain_loader(source):
            yield from self._read(source, prepare)
        else:
            yield from self._split(order_rng, prepare)

    def _split(
        self, order_rng: np.random.Generator | None, prepare: Callable[[Tensor], Tensor]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        for i, (inputs, labels) in enumerate(self.whole.iterate(order_rng, prepare)):
            if i == 0:
                content = labels.detach().cpu().contiguous().numpy().tobytes()
                self.ranks.check_same({"the first batch": content}, _ORDER)
            mine = share_of(len(labels), self.ranks)
            axis = self._axis(inputs, labels)
            yield (inputs[mine] if axis == 0 else inputs[:, mine]), labels[mine]

    def _axis(self, inputs: Tensor, labels: Tensor) -> int:
        """Return the axis of a batch that its samples are along."""
        if isinstance(self.whole, SampleBatches):
            return 1 if self.whole.samples.over_time else 0
        n = len(labels)
        if inputs.shape[0] != n:
            return 1
        if inputs.dim() > 2 and inputs.shape[1] == n:
            raise ValueError(
                f"train: a batch of shape {tuple(inputs.shape)} may have its {n} samples first or "
                "second (time first), and cannot be split among ranks: give a DataLoader with a "
                "DistributedSampler, or another batch size"
            )
        return 0

    def _read(
        self, loader: DataLoader[Any], prepare: Callable[[Tensor], Tensor]
    ) -> Iterator[tuple[Tensor, Tensor]]:
        sampler = _ShareSampler(loader.batch_sampler, self.ranks)
        name = self.whole.name if isinstance(self.whole, OuterBatches) else "train"
        mine = OuterBatches(_with_batches(loader, sampler), name)
        for inputs, labels in mine.iterate(prepare=prepare):
            if sampler.sizes.popleft():
                yield inputs, labels
            else:  # read because a loader gives no empty batch
                yield inputs[:0], labels[:0]


class _ShareSampler:
    """Samples of one rank, batch by batch; one that is not its own where it has none."""

    def __init__(self, batches: Any, ranks: Ranks) -> None:
        self._batches = batches
        self._ranks = ranks
        self.sizes: deque[int] = deque()

    def __len__(self) -> int:
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Any]]:
        for i, batch in enumerate(self._batches):
            if i == 0:
                content = repr(list(batch)).encode()
                self._ranks.check_same({"the first batch": content}, _ORDER)
            mine = list(batch)[share_of(len(batch), self._ranks)]
            self.sizes.append(len(mine))
            yield mine or list(batch)[:1]


def _is_plain_loader(source: Any) -> bool:
    return (
        type(source) is DataLoader
        and type(source.batch_sampler) is BatchSampler
        and not isinstance(source.dataset, IterableDataset)
    )


def _with_batches(loader: DataLoader[Any], batches: _ShareSampler) -> DataLoader[Any]:
    """Return a loader like another one, of other batches."""
    return DataLoader(
        loader.dataset,
        batch_sampler=batches,
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        timeout=loader.timeout,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
        generator=loader.generator,
        prefetch_factor=loader.prefetch_factor,
    )
