"""One configured seed, a stream of random numbers for every purpose derived from it.

A stream depends on the seed and on what it is for (``"shuffle", epoch``; ``"regrow", step, name
of the layer``) and on nothing else, so any step can be replayed alone, a resumed run equals a
straight one, and no random state needs saving.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
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


@contextmanager
def seeded(seed: int, purpose: str, *indices: int | str) -> Iterator[None]:
    """Let torch's global generators follow a stream in the ``with`` block, and put them back.

    For what draws from them on its own: dropout, data loaders, encoders of one's own.
    """
    with torch.random.fork_rng():
        torch.manual_seed(int(stream(seed, purpose, *indices).integers(2**63)))
        yield


class OwnStream:
    """A stream for torch's global generator in ``with`` blocks; each goes on where the last ended.

    Between them the generator is as it was.

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
        self._state = torch_stream(seed, purpose, *indices).get_state()

    def __enter__(self) -> None:
        self._others = torch.get_rng_state()
        torch.set_rng_state(self._state)

    def __exit__(self, *_: object) -> None:
        self._state = torch.get_rng_state()
        torch.set_rng_state(self._others)
