"""One model trained by several processes, as torchrun starts them.

Three ways, in each of which all ranks hold the same weights and the same links, bit for bit:

- :class:`chsnn.Trainer`, which notices torchrun by itself;
- a loop of one's own around ``DistributedDataParallel(model)``, with ``rewirer.step()``;
- a loop of one's own without it, that calls :func:`average_gradients` after each backward pass.

A rewiring is decided by every rank alike: from the same weights, from gradients and spikes of all
ranks, and from one seed. After it they compare what they hold.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from chsnn._link_averaging import (
    average_gradients_of,
    averager_of,
    check_links,
    link_layers,
    prepare,
    share_links,
)
from chsnn._link_values import LinkValues
from chsnn.modules import trained_parameters, unwrapped
from chsnn.ranks import DivergedRanks, Ranks, launched_ranks

_OTHER_PARTS = (
    "make the same architecture on every rank, or let each train alone (Trainer(..., ranks=None))"
)

__all__ = [
    "DivergedRanks",
    "Ranks",
    "average_gradients",
    "broadcast",
    "check_same",
    "launched_ranks",
    "prepare",
]


def join(model: nn.Module, ranks: Ranks | None = None) -> Ranks | None:
    """Note by which processes a model is trained, and return them.

    Parameters
    ----------
    model : Module
    ranks : Ranks, optional
        Those of the DistributedDataParallel that the model is, or that were noted before, by
        default.

    Returns
    -------
    Ranks or None
        None if this process trains alone.

    Raises
    ------
    RuntimeError
        If a DistributedDataParallel holds the model that was not prepared for links that change.
    """
    layers = link_layers(unwrapped(model))
    wrapped = _wrapper_of(model)
    if ranks is None and wrapped is not None and layers:
        averager_of(wrapped).check_prepared()
    if ranks is not None:
        for layer in layers.values():
            layer.ranks = ranks
    return next((layer.ranks for layer in layers.values() if layer.ranks is not None), None)


def _wrapper_of(model: nn.Module) -> DistributedDataParallel | None:
    inner = getattr(model, "_orig_mod", None)  # of torch.compile
    if isinstance(inner, nn.Module):
        return _wrapper_of(inner)
    return model if isinstance(model, DistributedDataParallel) else None


@torch.no_grad()
def broadcast(model: nn.Module, ranks: Ranks | None = None) -> None:
    """Give all ranks the first one's model: links, parameters and buffers.

    Parameters
    ----------
    model : Module
        Of the same architecture on every rank; its links may differ.
    ranks : Ranks, optional
        All processes by default.

    Raises
    ------
    DivergedRanks
        If a rank's model has other parts.

    Examples
    --------
    >>> import torch.distributed as dist
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> import chsnn
    >>> model = chsnn.sparsify(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)), 0.5)
    >>> broadcast(model)
    >>> dist.destroy_process_group()
    """
    ranks = Ranks() if ranks is None else ranks
    root = unwrapped(model)
    layers = link_layers(root)
    ranks.check_same({"the model": _parts(root, layers)}, _OTHER_PARTS)
    share_links(layers, ranks)
    links = {id(layer.values) for layer in layers.values()}
    for tensor in (*root.parameters(), *root.buffers()):
        if id(tensor) not in links:
            ranks.broadcast(tensor)


def _parts(root: nn.Module, layers: Mapping[str, LinkValues]) -> bytes:
    """Return what tells one architecture from another, whatever links it has."""
    links = {id(layer.values) for layer in layers.values()}
    shapes = {name: layer.graph.shape for name, layer in layers.items()}
    others = [
        (name, tuple(tensor.shape), str(tensor.dtype))
        for name, tensor in (*root.named_parameters(), *root.named_buffers())
        if id(tensor) not in links
    ]
    return repr((shapes, others)).encode()


def share_buffers(model: nn.Module, ranks: Ranks) -> None:
    """Give all ranks the first one's buffers, such as the running means of a batch norm."""
    root = unwrapped(model)
    digests = {id(layer.links_digest) for layer in link_layers(root).values()}
    for buffer in root.buffers():
        if id(buffer) not in digests:
            ranks.broadcast(buffer)


def average_gradients(model: nn.Module, ranks: Ranks | None = None) -> None:
    """Put the mean over all ranks into the gradient of every parameter.

    After the backward pass of a loop without DistributedDataParallel, on every rank.

    Parameters
    ----------
    model : Module
    ranks : Ranks, optional
        All processes by default.

    Raises
    ------
    DivergedRanks
        If a parameter has another size on another rank.

    Examples
    --------
    >>> import torch.distributed as dist
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> import chsnn
    >>> model = chsnn.sparsify(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)), 0.5)
    >>> model(torch.ones(1, 8)).sum().backward()
    >>> average_gradients(model)
    >>> dist.destroy_process_group()
    """
    ranks = Ranks() if ranks is None else ranks
    join(model, ranks)
    average_gradients_of(trained_parameters(model), ranks)


def check_same(model: nn.Module, ranks: Ranks | None = None) -> None:
    """Raise unless all ranks hold the same links and values, bit for bit.

    Parameters
    ----------
    model : Module
    ranks : Ranks, optional
        All processes by default.

    Raises
    ------
    DivergedRanks
        On every rank, with the name of the first layer that differs.

    Examples
    --------
    >>> import torch.distributed as dist
    >>> dist.init_process_group("gloo", store=dist.HashStore(), rank=0, world_size=1)
    >>> import chsnn
    >>> model = chsnn.sparsify(nn.Sequential(nn.Linear(8, 8), nn.Linear(8, 2)), 0.5)
    >>> check_same(model)
    >>> dist.destroy_process_group()
    """
    check_links(link_layers(unwrapped(model)), Ranks() if ranks is None else ranks)
