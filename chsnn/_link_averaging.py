"""Gradients of links averaged over ranks beside DistributedDataParallel, which cannot do it.

DistributedDataParallel holds on to the memory and size of every parameter that it averages, and the
values of a sparse layer change both when the layer is rewired. So they are left out of it (it has a
list of names for that, which the outermost module carries), and averaged here, at the end of each
backward pass in which it averages the rest: never within ``no_sync``, and on every rank, whether or
not its own samples came through the layer.

What cannot be averaged is refused: an unprepared model once its links change, a second backward
pass after one forward pass, and ranks with another number of links or of passes.
"""

from __future__ import annotations

import hashlib
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.autograd import Variable
from torch.nn.parallel import DistributedDataParallel

from chsnn._layer_state import decoded, encoded
from chsnn._link_values import Averaging, LinkValues
from chsnn._on_links import plain
from chsnn.ranks import DivergedRanks, Ranks

_IGNORED = "_ddp_params_and_buffers_to_ignore"
UNPREPARED = (
    "its DistributedDataParallel averages the values of the sparse layers itself, and cannot once "
    "links change: call chsnn.distributed.prepare(model) on the module that you wrap, before "
    "wrapping it"
)
_TWICE = (
    "a second backward pass came after one forward pass of DistributedDataParallel, which averages "
    "gradients in the first alone: add the losses up and call backward once, or run the earlier "
    "forward passes within no_sync()"
)
_JOINED = (
    "DistributedDataParallel.join() cannot be used with sparse layers: give every rank the same "
    "number of batches (DistributedSampler does)"
)
_OTHER_SIZE = (
    "has other sizes on different ranks: begin with chsnn.distributed.broadcast(model), and change "
    "links by one rewirer on every rank"
)
_OTHER_CONTENT = (
    "ranks must begin from one model (chsnn.distributed.broadcast), average every gradient and "
    "rewire at the same steps from the same seed"
)
_MIXED_PRECISION = (
    "DistributedDataParallel(mixed_precision=...) cannot be used with sparse layers: use "
    "torch.autocast"
)
_STEPS = (
    "ranks are not at the same step: every rank must make the same forward and backward passes "
    "through DistributedDataParallel"
)


class LinkNames:
    """Names of what a DistributedDataParallel of a module is to leave to us, as they are now.

    Parameters
    ----------
    model : Module
    others : iterable of str
        What else it is to leave out.
    """

    def __init__(self, model: nn.Module, others: Iterable[str] = ()) -> None:
        self._model = model
        self._others = tuple(others)

    def __iter__(self) -> Iterator[str]:
        yield from self._others
        for name, module in self._model.named_modules(remove_duplicate=False):
            if isinstance(module, LinkValues):
                prefix = f"{name}." if name else ""
                # The digest of its links too: another rank's would be put over it.
                yield from (f"{prefix}values", f"{prefix}links_digest")


def prepare(model: nn.Module) -> nn.Module:
    """Let a DistributedDataParallel of this very module leave links to us; returns the module.

    Whatever holds a sparse layer is prepared by itself; it is needed where somebody has set a list
    of their own, of parameters that DistributedDataParallel is to ignore.

    Raises
    ------
    TypeError
        If the module is wrapped already: that is too late.

    Examples
    --------
    >>> import chsnn
    >>> model = chsnn.sparsify(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)), 0.5)
    >>> model._ddp_params_and_buffers_to_ignore = ["1.bias"]
    >>> list(prepare(model)._ddp_params_and_buffers_to_ignore)
    ['1.bias', '0.values', '0.links_digest']
    """
    if isinstance(model, DistributedDataParallel):
        raise TypeError("model must be prepared before DistributedDataParallel wraps it")
    others = model.__dict__.get(_IGNORED, ())
    model.__dict__[_IGNORED] = LinkNames(model, () if isinstance(others, LinkNames) else others)
    return model


def link_layers(model: nn.Module) -> dict[str, LinkValues]:
    """Return all that has values on links in a model, by name."""
    return {n: module for n, module in model.named_modules() if isinstance(module, LinkValues)}


class LinkAverager:
    """Averages the gradients of the links of one DistributedDataParallel.

    Parameters
    ----------
    wrapped : DistributedDataParallel
    """

    def __init__(self, wrapped: DistributedDataParallel) -> None:
        self._wrapped = weakref.ref(wrapped)
        self.ranks = Ranks(wrapped.process_group)
        self.layers = link_layers(wrapped.module)
        ignored = wrapped.parameters_to_ignore
        self.is_prepared = all(f"{n}.values".lstrip(".") in ignored for n in self.layers)
        # What the last forward pass wants of its backward pass, or that this has been.
        self._state = "outside"
        self._is_queued = False
        self._passes = 0
        for layer in self.layers.values():
            layer.ranks = self.ranks
        if self.is_prepared:
            share_links(self.layers, self.ranks)
            wrapped.register_forward_hook(_after_forward)
        else:
            check_links(self.layers, self.ranks)

    @property
    def is_alive(self) -> bool:
        """Whether the wrapper is still there."""
        return self._wrapped() is not None

    def check_prepared(self) -> None:
        """Raise RuntimeError if the wrapper averages values itself, which cannot change then."""
        if not self.is_prepared and self.is_alive:
            raise RuntimeError(UNPREPARED)

    def forward_begins(self, layer: LinkValues) -> None:
        """Take note of a forward pass with gradients through the wrapper, and one of its layers."""
        self._take_state()
        before, values = layer.averaging, layer._parameters.get("values")
        if values is None or not values.requires_grad:  # pruned, or frozen
            return
        if before is not None and before.averager is self and before.values is values:
            return
        if before is not None:
            before.hook.remove()
        if not self.is_prepared and layer.has_moved:
            raise RuntimeError(UNPREPARED)
        hook = values.register_post_accumulate_grad_hook(partial(_arrived, weakref.ref(self)))
        layer.averaging = Averaging(self, values, hook)

    def _take_state(self) -> None:
        wrapped = self._wrapped()
        assert wrapped is not None
        if wrapped._join_config.enable:
            raise RuntimeError(_JOINED)
        if wrapped.mixed_precision is not None:
            raise RuntimeError(_MIXED_PRECISION)
        self._state = "averages" if wrapped.require_backward_grad_sync else "adds up"
        self._is_queued = False  # a backward pass that failed left it so

    def forward_passes_by(self) -> None:
        """Take note of a forward pass past the wrapper: its gradients stay on this rank."""
        if self._state == "done":
            self._state = "outside"

    def forward_ends(self, output: Any) -> None:
        """Have the backward pass noticed on ranks where it comes through no sparse layer."""
        if not torch.is_grad_enabled():
            return
        self._take_state()
        for tensor in _tensors_in(output):
            if tensor.requires_grad:
                tensor.register_hook(partial(_arrived, weakref.ref(self)))

    def gradient_arrives(self) -> None:
        """Average when the backward pass that brought a gradient is over."""
        if not self.is_prepared:
            return
        if self._state == "done":
            raise RuntimeError(_TWICE)
        if self._state == "averages" and not self._is_queued:
            self._is_queued = True
            _at_the_end_of_backward(self._let_wrapper_go_first)

    def _let_wrapper_go_first(self) -> None:
        # All of the wrapper's messages have been sent by now; what waits for them is queued before.
        _at_the_end_of_backward(self._average)

    def _average(self) -> None:
        self._is_queued, self._state = False, "done"
        self._passes += 1
        own = {f"layer {n!r}": one._parameters.get("values") for n, one in self.layers.items()}
        trained = {n: one for n, one in own.items() if one is not None and one.requires_grad}
        average_gradients_of(trained, self.ranks, passes=self._passes)


def _tensors_in(output: Any) -> Iterator[Tensor]:
    """Yield the tensors of what a model returned, in tuples, lists and dictionaries."""
    if isinstance(output, Tensor):
        yield output
    elif isinstance(output, Mapping | tuple | list):
        for part in output.values() if isinstance(output, Mapping) else output:
            yield from _tensors_in(part)


def _at_the_end_of_backward(function: Callable[[], None]) -> None:
    Variable._execution_engine.queue_callback(function)


def _arrived(averager: weakref.ref[LinkAverager], _: Tensor) -> None:
    """Take note of a gradient, as a hook of a parameter or an output."""
    if (found := averager()) is not None and found.is_alive:
        found.gradient_arrives()


def _after_forward(wrapped: nn.Module, inputs: Any, output: Any) -> None:
    """Take note of the end of a forward pass, as a hook of the wrapper."""
    if isinstance(wrapped, DistributedDataParallel) and wrapped in _AVERAGERS:
        _AVERAGERS[wrapped].forward_ends(output)


# One for every wrapper, while it lives.
_AVERAGERS: weakref.WeakKeyDictionary[DistributedDataParallel, LinkAverager] = (
    weakref.WeakKeyDictionary()
)


def averager_of(wrapped: DistributedDataParallel) -> LinkAverager:
    """Return what averages the links of a wrapper; at first all take the first rank's links."""
    if wrapped not in _AVERAGERS:
        _AVERAGERS[wrapped] = LinkAverager(wrapped)
    return _AVERAGERS[wrapped]


def notice_forward(layer: LinkValues) -> None:
    """Take note that a layer is run forward, with gradients."""
    wrapped = getattr(DistributedDataParallel, "_active_ddp_module", None)
    if wrapped is not None:
        averager_of(wrapped).forward_begins(layer)
    elif layer.averaging is not None:
        layer.averaging.averager.forward_passes_by()


# ------------------------------------------------------------------------- gradients, links


def average_gradients_of(
    parameters: Mapping[str, nn.Parameter],
    ranks: Ranks,
    *,
    passes: int = 0,
    also: Sequence[Tensor] = (),
) -> None:
    """Put the mean over ranks into the gradients of parameters, and into some other tensors.

    A gradient that is there on some ranks counts as 0 on the others.

    Raises
    ------
    DivergedRanks
        If a parameter has another size on another rank, or ranks have made other numbers of
        `passes`.
    """
    numbers = [passes, *(parameter.numel() for parameter in parameters.values())]
    has = [int(parameter.grad is not None) for parameter in parameters.values()]
    n, largest = len(numbers), ranks.most([*numbers, *(-number for number in numbers), *has])
    for i, name in enumerate(["", *parameters]):
        if largest[i] != -largest[n + i]:
            raise DivergedRanks(_STEPS if i == 0 else f"{name} {_OTHER_SIZE}")
    gradients = []
    for parameter, any_has in zip(parameters.values(), largest[2 * n :], strict=True):
        if not any_has:
            continue
        if parameter.grad is None:
            parameter.grad = torch.zeros_like(plain(parameter).detach())
        if parameter.grad.is_sparse:
            raise ValueError("gradients must be dense to be averaged: set sparse=False there")
        gradients.append(plain(parameter.grad))
    ranks.average([*gradients, *also])


def digest_of_layer(layer: LinkValues) -> bytes:
    """Return 8 bytes that tell the links and the values of one layer from those of another."""
    graph = layer.graph
    digest = hashlib.blake2b(np.array(graph.shape, np.int64).tobytes(), digest_size=8)
    digest.update(graph.left_offsets.tobytes())
    digest.update(graph.left_neighbors.tobytes())
    values = plain(layer.values).detach().cpu().contiguous()
    digest.update(values.view(torch.uint8).numpy().tobytes())
    return digest.digest()


def check_links(layers: Mapping[str, LinkValues], ranks: Ranks) -> None:
    """Raise unless links and values are the same on all ranks, bit for bit.

    Raises
    ------
    DivergedRanks
        On every rank, with the name of the first layer that differs.
    """
    found = {f"layer {name!r}": digest_of_layer(layer) for name, layer in layers.items()}
    ranks.check_same(found, _OTHER_CONTENT)


@torch.no_grad()
def share_links(layers: Mapping[str, LinkValues], ranks: Ranks) -> None:
    """Give the links and values of the first rank to all, where they differ."""
    digests = [
        int.from_bytes(digest_of_layer(one), "little", signed=True) for one in layers.values()
    ]
    found = ranks.gather(digests)
    for i, layer in enumerate(layers.values()):
        if all(theirs[i] == found[0][i] for theirs in found):
            continue
        links = ranks.broadcast_rows(encoded(layer.graph))
        if (graph := decoded(links, layer.graph.shape)) != layer.graph:
            layer.set_graph(graph)
        values = plain(layer.values).detach().clone()
        ranks.broadcast(values)
        layer.set_values(values)
