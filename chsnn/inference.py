"""Event-driven inference: a trained network compiled to link lists, run spike by spike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_positive_int
from chgraph.graph import BipartiteGraph
from chsnn._kernels import inference as kernels
from chsnn.encoding import Encoder
from chsnn.fused import SparseLIF, SparseReadout
from chsnn.layers import SparseLinear
from chsnn.neurons import LIFNumbers


@dataclass(frozen=True)
class Neurons:
    """Numbers of the neurons of a stage; `alpha_syn` is None in the box model."""

    alpha: float
    v_th: float
    alpha_syn: float | None = None

    @classmethod
    def of(cls, neurons: LIFNumbers) -> Neurons:
        """Read the numbers that the neurons compute with."""
        if neurons.alpha.numel() > 1 or neurons.v_th.numel() > 1:
            raise ValueError("neurons must share one alpha and one v_th, got one per neuron")
        alpha_syn = neurons.alpha_syn if neurons.model == "current" else None
        return cls(neurons.alpha.item(), neurons.v_th.item(), alpha_syn)


@dataclass(frozen=True)
class Stage:
    """A layer and its neurons; without neurons (the last only) its currents are the output."""

    graph: BipartiteGraph
    values: np.ndarray
    bias: np.ndarray | None
    neurons: Neurons | None

    @classmethod
    def of(cls, layer: SparseLinear) -> Stage:
        """Copy a layer's numbers."""
        values = layer.values.detach().cpu().numpy().copy()
        bias = None if layer.bias is None else layer.bias.detach().cpu().numpy().copy()
        neurons = Neurons.of(layer.neuron) if isinstance(layer, SparseLIF) else None
        return cls(layer.graph, values, bias, neurons)


@dataclass(frozen=True, eq=False)
class EventRun:
    """What one sample, or a batch of B samples, gave and did.

    Attributes
    ----------
    scores : Tensor, shape (n_classes,) or (B, n_classes)
        As the network's.
    spikes : ndarray of int64
        Of each layer of neurons, over all samples and steps.
    sops : ndarray of int64
        Links of each linear layer that a spike crossed, over all samples and steps; as
        :func:`chsnn.estimate_energy` counts them.
    macs : int
        Multiply-accumulates of an analogue input, one per link and step; as
        :func:`chsnn.estimate_energy` counts them (the engine itself multiplies once, not at
        every step, and skips zeros).
    trains : tuple of Tensor of bool, shape (T, n) or (T, B, n)
        Spikes of each layer of neurons; empty unless they were asked for.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> network = chsnn.networks.mlp((8, 16, 3), sparsity=0.5)
    >>> run = chsnn.inference.compile_network(network).classify(torch.rand(5, 8))
    >>> run.scores.shape, run.spikes.shape
    (torch.Size([5, 3]), (1,))
    """

    scores: Tensor
    spikes: np.ndarray
    sops: np.ndarray
    macs: int
    trains: tuple[Tensor, ...] = ()


class EventNetwork:
    """A feed-forward network run spike by spike on the CPU: the cost follows the links crossed.

    :func:`compile_network` makes one. Spikes are bit for bit those of the network on the same
    samples, with its layers computed by the "sparse" backend; so are the scores of the "rate"
    readout, while those of the "potential" readout agree to rounding (the network multiplies the
    mean of the spikes, the engine adds spike by spike).

    Parameters
    ----------
    stages : sequence of Stage
    encoder : Encoder

    Attributes
    ----------
    sizes : tuple of int
        Number of neurons of each layer, inputs first.
    encoder : Encoder

    Raises
    ------
    ValueError
        If there is no stage, or two neighboring ones do not fit.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> network = chsnn.networks.mlp((8, 16, 3), sparsity=0.5)
    >>> engine = chsnn.inference.compile_network(network)
    >>> engine.sizes
    (8, 16, 3)
    """

    def __init__(self, stages: Sequence[Stage], encoder: Encoder) -> None:
        if not stages:
            raise ValueError("stages must hold at least one layer")
        for before, after in itertools.pairwise(stages):
            if before.graph.n_right != after.graph.n_left or before.neurons is None:
                raise ValueError(
                    f"stages must follow one another through neurons, got {before.graph.n_right} "
                    f"outputs before {after.graph.n_left} inputs"
                )
        self.encoder = encoder
        self.sizes = (stages[0].graph.n_left, *(stage.graph.n_right for stage in stages))
        self._program = _program(stages)

    def classify(self, images: Any, generator: torch.Generator | None = None) -> EventRun:
        """Encode an image, or a small batch, as the network does, and run it.

        Parameters
        ----------
        images : array_like or Tensor, shape (n_in,) or (B, ...)
            Each sample with n_in values; with the encoding "none" spikes, (T, n_in) or
            (T, B, n_in).
        generator : torch.Generator, optional
            Source of randomness of a random encoding; torch's global one if left out.

        Raises
        ------
        ValueError
            If a sample has not n_in values.
        """
        if self.encoder.kind == "none":
            return self(images)
        images = np.atleast_1d(self._array(images))
        single = images.ndim == 1
        shape = (len(images), math.prod(images.shape[1:]))
        batch = images[None] if single else images.reshape(shape)
        self._check("images", batch, "B,")
        if self.encoder.kind == "direct":
            return self(batch[0] if single else batch, steps=self.encoder.timesteps)
        spikes = self.encoder(torch.tensor(batch), generator)
        return self(spikes[:, 0] if single else spikes)

    def __call__(self, x: Any, *, steps: int | None = None, trains: bool = False) -> EventRun:
        """Run a sample, or the samples of a batch one by one.

        Parameters
        ----------
        x : array_like or Tensor, shape (T, n_in) or (T, B, n_in)
            Spikes, 0 or 1; with `steps` images, shape (n_in,) or (B, n_in), of any values.
        steps : int, optional
            At how many steps the images are shown.
        trains : bool
            Whether to keep the spikes of all neurons.

        Returns
        -------
        EventRun

        Raises
        ------
        ValueError
            If `x` has another shape, or is not binary without `steps`.
        """
        x = self._array(x)
        single = x.ndim == (2 if steps is None else 1)
        batch = x[..., None, :] if single else x
        self._check("x", batch, "T, B," if steps is None else "B,")
        if steps is not None:
            record, macs = self._run_images(batch, check_positive_int("steps", steps), trains)
        elif kernels.are_spikes(batch.reshape(-1)):
            record, macs = self._run_spikes(batch, trains), 0
        else:
            raise ValueError("x must be 0 or 1 at every step; for an analogue image give steps")
        scores, kept = self._scores(record, steps is not None), self._trains(record)
        if single:
            scores, kept = scores[0], tuple(train[:, 0] for train in kept)
        return EventRun(scores, record.spikes, record.sops, macs, kept)

    def _array(self, x: Any) -> np.ndarray:
        if isinstance(x, Tensor):
            x = x.detach().cpu().numpy()
        return np.asarray(x, self._program.values.dtype)

    def _check(self, name: str, batch: np.ndarray, axes: str) -> None:
        fits = batch.ndim == axes.count(",") + 1 and batch.shape[-1] == self.sizes[0]
        if not fits or not batch.size:
            raise ValueError(
                f"{name} must have shape ({axes} {self.sizes[0]}), or that without B, and not "
                f"be empty; got a batch of shape {batch.shape}"
            )

    def _run_spikes(self, x: np.ndarray, keep_trains: bool) -> kernels.Record:
        """Run spikes (T, B, n_in)."""
        record = self._new_record(x.shape[1], len(x), keep_trains)
        spikes = np.ascontiguousarray(x.swapaxes(0, 1))
        unused = np.empty((len(spikes), 0), spikes.dtype)
        kernels.run_samples(self._program, spikes, unused, record)
        return record

    def _run_images(
        self, images: np.ndarray, steps: int, keep_trains: bool
    ) -> tuple[kernels.Record, int]:
        """Run images (B, n_in) shown at every step: the first layer's currents never change."""
        program, images = self._program, np.ascontiguousarray(images)
        record = self._new_record(len(images), steps, keep_trains)
        currents = np.empty((len(images), self.sizes[1]), images.dtype)
        crossed = kernels.receive_images(program, images, currents)
        unused = np.empty((len(images), 0, self.sizes[0]), images.dtype)
        kernels.run_samples(program, unused, currents, record)
        if kernels.are_spikes(images.reshape(-1)):
            record.sops[0] += steps * crossed
            return record, 0
        return record, len(images) * steps * int(program.offsets[self.sizes[0]])

    def _new_record(self, n_samples: int, steps: int, keep_trains: bool) -> kernels.Record:
        n_layers, n_spiking = len(self.sizes) - 1, self._program.d.size
        n_neurons = sum(self.sizes[1 : 1 + n_spiking])
        return kernels.Record(
            out=np.empty((n_samples, steps, self.sizes[-1]), self._program.values.dtype),
            trains=np.empty((n_samples, steps if keep_trains else 0, n_neurons), np.bool_),
            sops=np.zeros(n_layers, np.int64),
            spikes=np.zeros(n_spiking, np.int64),
        )

    def _scores(self, record: kernels.Record, is_constant: bool) -> Tensor:
        """Take the mean over time of the outputs, as the network does.

        In torch and over the memory that the network's layers have: the order of the sum, and
        with it the last bit, depends on both.
        """
        if is_constant and not self._program.d.size:  # one layer, multiplied once
            return _feature_major(record.out[:, 0].T)
        return _feature_major(record.out.T).mean(dim=0)

    def _trains(self, record: kernels.Record) -> tuple[Tensor, ...]:
        if not record.trains.size:
            return ()
        widths = list(self.sizes[1 : 1 + record.spikes.size])
        return torch.from_numpy(record.trains.swapaxes(0, 1)).split(widths, dim=-1)


def compile_network(network: nn.Module) -> EventNetwork:
    """Compile a trained network for event-driven inference on the CPU.

    The values are copied: the result does not follow later training or evolution.

    Parameters
    ----------
    network : Module
        An encoder and layers one after the other, as :func:`chsnn.networks.mlp` makes it: its
        attributes `encoder` and `layers`.

    Returns
    -------
    EventNetwork

    Raises
    ------
    TypeError
        If it is built otherwise.

    Examples
    --------
    >>> import chsnn
    >>> network = chsnn.networks.mlp((64, 128, 10), sparsity=0.9, encoding="even")
    >>> run = compile_network(network).classify(torch.rand(64))
    >>> run.scores.shape, run.sops.shape
    (torch.Size([10]), (2,))
    """
    encoder: Any = getattr(network, "encoder", None)
    layers: Any = getattr(network, "layers", None)
    in_a_row = isinstance(encoder, Encoder) and isinstance(layers, nn.ModuleList)
    if not in_a_row or not all(isinstance(one, SparseLIF | SparseReadout) for one in layers):
        raise TypeError(
            "network must be an encoder and spiking layers in a row, as chsnn.networks.mlp makes "
            f"it, got {type(network).__name__}{_said(_foreign_layer(network))}"
        )
    return EventNetwork([Stage.of(layer) for layer in layers], encoder)


def _foreign_layer(network: nn.Module) -> tuple[str, str] | None:
    """Return name and type of the first part that is not a spiking layer of an MLP."""
    for name, module in network.named_modules():
        if name and not isinstance(module, SparseLIF | SparseReadout | LIFNumbers | nn.ModuleList):
            return name, type(module).__name__
    return None


def _said(layer: tuple[str, str] | None) -> str:
    return "" if layer is None else f" with {layer[0]!r}, a {layer[1]}"


def _program(stages: Sequence[Stage]) -> kernels.Program:
    """Lay the stages out in flat arrays."""
    number = stages[0].values.dtype
    graphs = [stage.graph for stage in stages]
    neurons = [stage.neurons for stage in stages if stage.neurons is not None]
    shifts = _starts([graph.n_links for graph in graphs])
    no_bias = [np.zeros(graph.n_right, number) for graph in graphs]
    synaptic = [1.0 if n.alpha_syn is None else 1.0 - n.alpha_syn for n in neurons]
    return kernels.Program(
        first_in=_starts([graph.n_left for graph in graphs]),
        first_out=_starts([graph.n_right for graph in graphs]),
        offsets=np.concatenate(
            [g.left_offsets + shift for g, shift in zip(graphs, shifts[:-1], strict=True)]
        ),
        targets=np.concatenate([graph.left_neighbors for graph in graphs]),
        values=np.concatenate([stage.values for stage in stages]),
        bias=np.concatenate(
            [b if s.bias is None else s.bias for s, b in zip(stages, no_bias, strict=True)]
        ),
        # In the precision of the network from the start, as Norse's parameters are.
        d=number.type(1) - np.array([n.alpha for n in neurons], number),
        theta=np.array([n.v_th for n in neurons], number),
        filtered=np.array([n.alpha_syn is not None for n in neurons], np.bool_),
        d_syn=np.array(synaptic, np.float32).astype(number),
    )


def _starts(sizes: Sequence[int]) -> np.ndarray:
    return np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)


def _feature_major(memory: np.ndarray) -> Tensor:
    """Return a tensor (..., features) over an array (features, ...)."""
    return torch.from_numpy(np.ascontiguousarray(memory)).movedim(0, -1)
