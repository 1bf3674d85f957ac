"""The processes that train one model together, as torchrun starts them, and what they tell each
other.

Whatever is asked here of one rank is asked of all, in the same order.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

_DTYPES = (
    *(torch.float32, torch.float64, torch.float16, torch.bfloat16),
    *(torch.int64, torch.int32, torch.int16, torch.int8, torch.uint8, torch.bool),
)
_LAUNCHED = "TORCHELASTIC_RUN_ID"  # in the environment of what torchrun starts


class DivergedRanks(RuntimeError):
    """Ranks of one training hold different models, or are not at the same step.

    Examples
    --------
    >>> raise DivergedRanks("layer 'fc1' is not the same on rank 1 as on rank 0")
    Traceback (most recent call last):
        ...
    chsnn.ranks.DivergedRanks: layer 'fc1' is not the same on rank 1 as on rank 0
    """


class Ranks:
    """The processes of a torch process group.

    Parameters
    ----------
    group : ProcessGroup, optional
        All processes by default.

    Attributes
    ----------
    rank : int
        Number of this process in the group.
    size : int

    Examples
    --------
    >>> import torch.distributed as dist
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> ranks = Ranks()
    >>> ranks.rank, ranks.size, ranks.is_first, ranks.told_by_first(lambda: 7)
    (0, 1, True, 7)
    >>> dist.destroy_process_group()
    """

    def __init__(self, group: Any = None) -> None:
        self.group: Any = dist.group.WORLD if group is None else group
        self.rank = dist.get_rank(self.group)
        self.size = dist.get_world_size(self.group)

    @property
    def is_first(self) -> bool:
        """Whether this is the rank that writes files and talks."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where small messages are: on the CPU, if the group can talk there."""
        kinds = str(dist.get_backend_config(self.group))
        is_cpu = "cpu:" in kinds or kinds in ("gloo", "mpi", "ucc")
        return torch.device("cpu" if is_cpu else "cuda")

    # ------------------------------------------------------------------------ numbers

    def most(self, numbers: Sequence[int]) -> list[int]:
        """Return the largest of each number over all ranks."""
        message = torch.tensor(list(numbers), dtype=torch.int64, device=self.device)
        dist.all_reduce(message, dist.ReduceOp.MAX, group=self.group)
        return message.tolist()

    def total(self, number: int) -> int:
        """Return the sum of a number over all ranks."""
        message = torch.tensor(number, dtype=torch.int64, device=self.device)
        dist.all_reduce(message, group=self.group)
        return int(message)

    def average(self, tensors: Sequence[Tensor]) -> None:
        """Put the mean over all ranks into every tensor, in as few messages as there are types."""
        kinds = dict.fromkeys((tensor.dtype, tensor.device) for tensor in tensors)
        for kind in kinds:
            alike = [t for t in tensors if (t.dtype, t.device) == kind]
            message = torch.cat([t.detach().reshape(-1) for t in alike])
            dist.all_reduce(message, group=self.group)
            message /= self.size
            parts = message.split([t.numel() for t in alike])
            for tensor, part in zip(alike, parts, strict=True):
                tensor.detach().copy_(part.view_as(tensor))

    def gather_rows(self, rows: Tensor) -> list[Tensor]:
        """Return the rows of every rank; they may be of different numbers.

        A rank that has none may not know of what kind theirs are: it gives any.
        """
        sizes = self.gather([len(rows), _DTYPES.index(rows.dtype), *rows.shape[1:]])
        _, kind, *shape = next((size for size in sizes if size[0]), sizes[0])
        longest = max(size[0] for size in sizes)
        padded = torch.zeros(longest, *shape, dtype=_DTYPES[kind], device=rows.device)
        if len(rows):
            padded[: len(rows)] = rows
        message = padded.contiguous().to(self._reach(rows))
        found = [torch.empty_like(message) for _ in range(self.size)]
        dist.all_gather(found, message, group=self.group)
        return [part[: n[0]].to(rows.device) for part, n in zip(found, sizes, strict=True)]

    def gather(self, numbers: Sequence[int]) -> list[list[int]]:
        """Return the whole numbers of every rank, which may be of different numbers."""
        (longest,) = self.most([len(numbers)])
        filled = [len(numbers), *numbers, *[0] * (longest - len(numbers))]
        message = torch.tensor(filled, dtype=torch.int64, device=self.device)
        found = [torch.empty_like(message) for _ in range(self.size)]
        dist.all_gather(found, message, group=self.group)
        return [part[1 : 1 + int(part[0])].tolist() for part in found]

    def broadcast(self, tensor: Tensor) -> None:
        """Put the numbers of the first rank into a tensor of all."""
        message = tensor.detach().contiguous().to(self._reach(tensor))
        dist.broadcast(message, dist.get_global_rank(self.group, 0), group=self.group)
        tensor.detach().copy_(message)

    def broadcast_rows(self, rows: Tensor) -> Tensor:
        """Return the rows of the first rank, of which the others may have another number."""
        (size,) = self.most([len(rows) if self.is_first else 0])
        message = rows.clone() if self.is_first else rows.new_zeros(size, *rows.shape[1:])
        self.broadcast(message)
        return message

    def _reach(self, tensor: Tensor) -> torch.device:
        """Return where the numbers of a tensor can be told: some groups talk on GPUs alone."""
        return tensor.device if tensor.is_cuda else self.device

    # ------------------------------------------------------------------------- the rest

    def wait(self) -> None:
        """Go on when all ranks are here."""
        self.most([0])

    def told_by_first(self, make: Callable[[], Any]) -> Any:
        """Return what a function gives on the first rank; the others wait for it.

        Parameters
        ----------
        make : callable
            Called on the first rank alone; returns names and numbers as JSON holds them.

        Raises
        ------
        RuntimeError
            On the others, if it raised something there.
        """
        found, error = None, None
        if self.is_first:
            try:
                found = make()
            except Exception as raised:
                error = raised
        said = None if error is None else f"{type(error).__name__}: {error}"
        document = self._tell([found, said])
        if error is not None:
            raise error
        if document[1] is not None:
            raise RuntimeError(f"rank 0 failed: {document[1]}")
        return document[0]

    def _tell(self, document: Any) -> Any:
        text = json.dumps(document, default=float).encode() if self.is_first else b""
        (size,) = self.most([len(text)])
        message = torch.zeros(size, dtype=torch.uint8)
        if self.is_first:
            message[:] = torch.from_numpy(np.frombuffer(text, np.uint8).copy())
        self.broadcast(message)
        return json.loads(message.numpy().tobytes())

    def check_same(self, contents: Mapping[str, bytes], advice: str) -> None:
        """Raise unless a named content is the same on every rank.

        Parameters
        ----------
        contents : mapping of str to bytes
            By name; their digests are compared.
        advice : str
            What the error says after the name.

        Raises
        ------
        DivergedRanks
            On every rank, with the first name that differs.
        """
        found = self.gather([_number_of(content) for content in contents.values()])
        for i, name in enumerate(contents):
            other = [
                r for r, theirs in enumerate(found) if theirs[i : i + 1] != found[0][i : i + 1]
            ]
            if other:
                raise DivergedRanks(
                    f"{name} is not the same on rank {other[0]} as on rank 0: {advice}"
                )


def _number_of(content: bytes) -> int:
    digest = hashlib.blake2b(content, digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def launched_ranks() -> Ranks | None:
    """Return the ranks that torchrun started, this process among them; None if it is alone.

    The process group is made if nobody has: gloo, and nccl where there is a GPU.

    Examples
    --------
    >>> launched_ranks() is None
    True
    """
    if not dist.is_available():
        return None
    if not dist.is_initialized():
        if _LAUNCHED not in os.environ or int(os.environ.get("WORLD_SIZE", "1")) == 1:
            return None
        dist.init_process_group("cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo")
    ranks = Ranks()
    return None if ranks.size == 1 else ranks


def is_first_process() -> bool:
    """Whether this process is alone, or the first of those that torchrun started."""
    return _LAUNCHED not in os.environ or os.environ.get("RANK", "0") == "0"


def own_device(device: torch.device | str) -> torch.device:
    """Return this rank's GPU for "cuda"; any other device as it is."""
    chosen = torch.device(device)
    if chosen.type == "cuda" and chosen.index is None and "LOCAL_RANK" in os.environ:
        chosen = torch.device("cuda", int(os.environ["LOCAL_RANK"]))
        torch.cuda.set_device(chosen)
    return chosen
