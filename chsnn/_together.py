"""What a trainer does where several ranks train one model; nothing where one process does."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from chsnn.data import Batches
from chsnn.data.shares import RankBatches
from chsnn.distributed import broadcast, join, share_buffers
from chsnn.ranks import Ranks
from chsnn.seeds import OwnStream

_SETTINGS = (
    "give every rank the same settings, seed and evolution, or let each train alone (ranks=None)"
)


class Together:
    """The ranks of a training, or none.

    Parameters
    ----------
    ranks : Ranks or None

    Attributes
    ----------
    writes : bool
        Whether this process shows progress and writes files.
    """

    def __init__(self, ranks: Ranks | None) -> None:
        self.ranks = ranks
        self.writes = ranks is None or ranks.is_first
        self._have_begun = False

    def begin(self, trainer: Any) -> None:
        """Begin, once, from the first rank's model, and where it has got to."""
        if self.ranks is None or self._have_begun:
            return
        settings = repr((trainer.settings, trainer.evolution)).encode()
        self.ranks.check_same({"what the training is to be": settings}, _SETTINGS)
        done = self.ranks.gather([len(trainer.history.rows)])
        if any(theirs != done[0] for theirs in done):
            self._send_checkpoint(trainer, self.ranks)
        broadcast(trainer.model, self.ranks)
        join(trainer.model, self.ranks)
        self._have_begun = True

    def _send_checkpoint(self, trainer: Any, ranks: Ranks) -> None:
        """Let all ranks go on from the first one's state, which they need not be able to read."""
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "checkpoint.safetensors"
            content = np.empty(0, np.uint8)
            if ranks.is_first:
                content = np.frombuffer(trainer.save(path).read_bytes(), np.uint8)
            message = ranks.broadcast_rows(torch.from_numpy(content.copy()))
            if not ranks.is_first:
                path.write_bytes(message.numpy().tobytes())
                trainer.take_up(path)

    def shares(self, batches: Batches) -> Batches:
        """Return this rank's share of batches."""
        if self.ranks is None or isinstance(batches, RankBatches):
            return batches
        return RankBatches(batches, self.ranks)

    def drawing(self, batches: Batches, seed: int, epoch: int) -> AbstractContextManager[Any]:
        """Return the block in which a model draws: on each rank from a stream of its own.

        What draws the order of samples goes on with one stream for all.
        """
        if self.ranks is None:
            return nullcontext()
        if isinstance(batches, RankBatches):
            batches.begin(epoch)
        return OwnStream(seed, "rank", self.ranks.rank, epoch)

    def end_epoch(self, model: nn.Module) -> None:
        """Give all ranks the same buffers, before anything is measured."""
        if self.ranks is not None:
            share_buffers(model, self.ranks)

    def agreed(self, flag: bool) -> bool:
        """Whether a flag is set on any rank."""
        return flag if self.ranks is None else bool(self.ranks.most([flag])[0])

    def first(self, make: Callable[..., Any], *args: Any) -> Any:
        """Return what is made on the first rank; the others wait for it."""
        return make(*args) if self.ranks is None else self.ranks.told_by_first(lambda: make(*args))
