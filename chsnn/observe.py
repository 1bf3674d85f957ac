"""The one tap on a running model: what its layers read, and the gradient of what they give.

Layers report their own calls (:meth:`chsnn.SparseLinear.watch`), so that watching changes neither
the route through the code nor the numbers. Energy counts what is read; gradient regrowth (RigL)
and Grad R read the gradient of weights that do not exist. A layer's dense weight gradient is the
product of what came in and of what the loss says about what went out. Both pass through the layer
in any backward pass; keeping them is enough to compute any rows of the gradient later, and no
dense weight is ever made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from functools import partial

import numpy as np
import torch
from torch import Tensor

from chsnn.layers import Passage, SparseLinear

_BLOCK_BYTES = 32 * 2**20
# Takes a layer's name and one of its calls; may return what is to take the product's gradient.
NamedWatcher = Callable[[str, Passage], Callable[[Tensor], None] | None]


_STEPS: ContextVar[int] = ContextVar("steps", default=1)


@contextmanager
def standing_for(steps: int) -> Iterator[None]:
    """Say that what runs in the ``with`` block is the same at so many time steps.

    For a model that computes once what an image causes that is shown at every step: a chip
    computes it at every step, and so does who counts operations. It changes no number.

    Examples
    --------
    >>> with standing_for(8):
    ...     steps_stood_for()
    8
    """
    token = _STEPS.set(_STEPS.get() * steps)
    try:
        yield
    finally:
        _STEPS.reset(token)


def steps_stood_for() -> int:
    """Return how many time steps what runs now stands for."""
    return _STEPS.get()


@contextmanager
def watching(layers: Mapping[str, SparseLinear], watcher: NamedWatcher) -> Iterator[None]:
    """Report every call of the layers to `watcher` while the ``with`` block runs.

    Parameters
    ----------
    layers : mapping of str to SparseLinear
    watcher : callable
        Takes a layer's name and a :class:`chsnn.layers.Passage`.

    Examples
    --------
    >>> from chgraph import BipartiteGraph
    >>> layer = SparseLinear(BipartiteGraph.from_links([0], [0], (1, 1)))
    >>> seen = []
    >>> with watching({"fc": layer}, lambda name, passage: seen.append(name)):
    ...     _ = layer(torch.ones(1, 1))
    >>> seen
    ['fc']
    """
    with ExitStack() as stack:
        for name, layer in layers.items():
            stack.callback(layer.watch(partial(watcher, name)))
        yield


class LayerGradient:
    """What backward passes left at one layer, enough for its dense weight gradient.

    Where several processes train the model, it is the mean of what they have: each asks for the
    same rows in the same order.

    Parameters
    ----------
    name : str
    layer : SparseLinear

    Attributes
    ----------
    shape : tuple of int
        (n_in, n_out).
    """

    def __init__(self, name: str, layer: SparseLinear) -> None:
        self.name = name
        self.shape = layer.graph.shape
        self._layer = layer
        self._passages: list[tuple[Tensor, Tensor]] = []

    def watch(self, passage: Passage) -> Callable[[Tensor], None]:
        """Take part in a call of the layer: keep its input once the gradient comes."""
        inputs = passage.inputs

        def take(gradient: Tensor) -> None:
            self._passages.append((inputs, gradient.detach()))

        return take

    def clear(self) -> None:
        """Forget the passes so far."""
        self._passages.clear()

    def rows(self, start: int, stop: int) -> Tensor:
        """Return rows of the gradient, (stop - start, n_out): dL/dW of these inputs' links.

        The sum over all calls of the layer and all backward passes since :meth:`clear`.

        Raises
        ------
        RuntimeError
            If no backward pass went through the layer.
        """
        self.check_passed()
        total: Tensor | None = None
        for inputs, gradient in self._passages:
            part = _rows(inputs, gradient, start, stop)
            total = part if total is None else total + part
        if total is None:  # no sample of this rank came through
            total = torch.zeros(stop - start, self.shape[1], device=self._layer.values.device)
        if self._layer.ranks is not None:
            self._layer.ranks.average([total])
        return total

    def check_passed(self) -> None:
        """Raise RuntimeError if no backward pass went through the layer, on any rank."""
        ranks, n = self._layer.ranks, len(self._passages)
        if (n if ranks is None else ranks.total(n)) == 0:
            raise RuntimeError(
                f"no backward pass went through the layer {self.name!r} while its gradient was "
                "wanted: rewiring by gradients needs one before it"
            )

    def blocks(self) -> Iterator[tuple[int, np.ndarray]]:
        """Yield the sizes of the gradient in blocks of rows: (first row, float64 array)."""
        n_in, n_out = self.shape
        rows = max(1, _BLOCK_BYTES // (8 * n_out))
        for start in range(0, n_in, rows):
            block = self.rows(start, min(start + rows, n_in)).abs()
            yield start, block.to(torch.float64).cpu().numpy()


def _rows(x: Tensor, g: Tensor, start: int, stop: int) -> Tensor:
    if x.ndim > 2 and x.shape[0] > 1 and x.stride(0) == 0:  # the same at every step
        x, g = x[0], g.sum(dim=0)
    x, g = x.reshape(-1, x.shape[-1]).float(), g.reshape(-1, g.shape[-1]).float()
    return x[:, start:stop].T @ g


class GradientTap:
    """The dense gradients of some layers, from when it is opened until it is closed.

    Parameters
    ----------
    layers : mapping of str to SparseLinear

    Examples
    --------
    >>> from chgraph import BipartiteGraph
    >>> layer = SparseLinear(BipartiteGraph.from_links([0], [0], (2, 2)))
    >>> tap = GradientTap({"fc": layer})
    >>> tap.open()
    >>> layer(torch.ones(1, 2)).sum().backward()
    >>> tap.gradients["fc"].rows(0, 2)
    tensor([[1., 1.],
            [1., 1.]])
    >>> tap.close()
    """

    def __init__(self, layers: Mapping[str, SparseLinear]) -> None:
        self._layers = dict(layers)
        self.gradients = {name: LayerGradient(name, layer) for name, layer in layers.items()}
        self._stops: list[Callable[[], None]] = []

    def open(self) -> None:
        """Keep gradients from now on, those of before forgotten."""
        self.close()
        self._stops = [
            layer.watch(self.gradients[name].watch) for name, layer in self._layers.items()
        ]

    def close(self) -> None:
        """Keep no more, and forget what was kept."""
        for stop in self._stops:
            stop()
        self._stops = []
        for gradient in self.gradients.values():
            gradient.clear()
