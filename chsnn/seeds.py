"""One configured seed, a stream of random numbers for every purpose derived from it.

A stream depends on the seed and on what it is for (``"shuffle", epoch``; ``"regrow", step, name
of the layer``) and on nothing else, so any step can be replayed alone, a resumed run equals a
straight one, and no random state needs saving.
"""

from __future__ import annotations

from zlib import crc32

import numpy as np
import torch


def stream(seed: int, purpose: str, *indices: int | str) -> np.random.Generator:
    """Return the numpy generator of one purpose.

    Examples
    --------
    >>> bool(stream(1, "shuffle", 3).random() == stream(1, "shuffle", 3).random())
    True
    """
    key = tuple(i if isinstance(i, int) else _number(i) for i in (purpose, *indices))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))


def _number(name: str) -> int:
    # Not hash(), which differs from one process to the next.
    return crc32(name.encode())


def torch_stream(seed: int, purpose: str, *indices: int | str) -> torch.Generator:
    """Return the torch generator of one purpose."""
    generator = torch.Generator()
    generator.manual_seed(int(stream(seed, purpose, *indices).integers(2**63)))
    return generator


def seeded(seed: int, purpose: str, *indices: int | str) -> OwnStream:
    """Let torch's global generators follow a stream in the ``with`` block, and put them back.

    For what draws from them on its own: dropout, data loaders, encoders of one's own.
    """
    return OwnStream(seed, purpose, *indices)


class OwnStream:
    """A stream for torch's global generators in ``with`` blocks; each goes on where the last ended.

    Those of the CPU and, once they are in use, of the GPUs. Between blocks they are as they were.

    Examples
    --------
    >>> own = OwnStream(0, "dropout")
    >>> with own:
    ...     first = torch.rand(1)
    >>> with own:
    ...     second = torch.rand(1)
    >>> torch.equal(torch.cat([first, second]), torch.rand(2, generator=torch_stream(0, "dropout")))
    True
    """

    def __init__(self, seed: int, purpose: str, *indices: int | str) -> None:
        self._seed = int(stream(seed, purpose, *indices).integers(2**63))
        self._states: dict[torch.device, torch.Tensor] = {}
        self._others: list[tuple[torch.Generator, torch.Tensor]] = []

    def __enter__(self) -> None:
        self._others = [(generator, generator.get_state()) for generator in _generators()]
        for generator, _ in self._others:
            if generator.device in self._states:
                generator.set_state(self._states[generator.device])
            else:
                generator.manual_seed(self._seed)

    def __exit__(self, *_: object) -> None:
        for generator, state in self._others:
            self._states[generator.device] = generator.get_state()
            generator.set_state(state)


def _generators() -> list[torch.Generator]:
    """Return torch's global generators, those of GPUs once they are in use.

    Not torch.manual_seed: it keeps a seed for GPUs that start later, and takes a lock that a
    forked child may find taken.
    """
    of_gpus = torch.cuda.default_generators if torch.cuda.is_initialized() else ()
    return [torch.default_generator, *of_gpus]
