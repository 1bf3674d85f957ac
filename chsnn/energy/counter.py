"""Running totals of what crosses the layers of a running model, and of what its neurons do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph
from chsnn.energy.activity import Kind, LayerActivity, NeuronActivity, SampleActivity
from chsnn.energy.fan_out import FanOut, Geometry, of_convolution, of_matrix, of_sparse
from chsnn.energy.operations import OperationTap, RunningModules, neuron_outputs
from chsnn.energy.steps import Crossings, StepTotals, spikes_of_means
from chsnn.layers import Passage, SparseLinear
from chsnn.modules import unwrapped
from chsnn.observe import steps_stood_for, watching
from chsnn.ops import count_events
from chsnn.sparse import sparse_layers


@dataclass
class _Totals:
    """What crossed a layer so far, were its input spikes and were it none."""

    kind: Kind
    n_links: int
    n_possible: int
    is_analogue: bool = False
    spikes: float = 0.0
    neuron_steps: float = 0.0
    crossings: float = 0.0
    working: float = 0.0  # crossings of links whose weight is not 0
    links: float = 0.0  # existing links, once per row
    dense: float = 0.0
    by_step: StepTotals | None = None

    def add(self, events: Tensor, rows: float, fan: FanOut, *, are_spikes: bool) -> None:
        """Add a call: how often every input was not 0, in how many rows."""
        self.spikes += float(events.sum())
        self.neuron_steps += rows * events.numel()
        self.crossings += float((events * fan.existing).sum())
        self.working += float((events * fan.effective).sum())
        self.links += rows * float(fan.existing.sum())
        self.dense += rows * fan.possible
        # One value that is not a spike makes the whole input analogue, in every batch.
        self.is_analogue |= not are_spikes

    def activity(self, name: str, *, all_spikes: bool) -> LayerActivity:
        """Return the totals; with `all_spikes` other values count as spikes too."""
        is_spikes = all_spikes or not self.is_analogue
        spikes = self.spikes if is_spikes else 0.0
        return LayerActivity(
            name=name,
            n_links=self.n_links,
            n_possible=self.n_possible,
            spikes=spikes,
            input_rate=spikes / max(self.neuron_steps, 1),
            sops=self.crossings if is_spikes else 0.0,
            macs=0.0 if is_spikes else self.links,
            effective_sops=self.working if is_spikes else 0.0,
            effective_macs=0.0 if is_spikes else self.working,
            dense_operations=self.dense,
            kind=self.kind,
            spikes_by_step=self._at_steps(0, is_spikes),
            sops_by_step=self._at_steps(1, is_spikes),
        )

    def _at_steps(self, column: int, is_spikes: bool) -> tuple[float, ...] | None:
        if self.by_step is None or not self.by_step.are_known:
            return None
        return tuple((self.by_step.counts[:, column] * is_spikes).tolist())


@dataclass
class _NeuronTotals:
    updates: float = 0.0
    spikes: float = 0.0


@dataclass
class SynapticCounter:
    """Running totals of what crosses each layer of a model, and of what its neurons do.

    :func:`count_synaptic_operations` makes one.

    Attributes
    ----------
    model : Module
    count_input_as_spikes : bool
    n_samples : int
        Samples shown so far; whoever shows them adds to it, for no tensor's shape tells.
    opaque : set of str
        Modules that a library computes as a whole: not counted.
    timesteps : int or None
        Of the model, where counts are wanted at each; needs :meth:`showing`.

    Examples
    --------
    >>> import chsnn
    >>> import chgraph
    >>> layer = chsnn.SparseLinear(
    ...     chgraph.BipartiteGraph.from_biadjacency([[1, 1], [0, 1]])
    ... )
    >>> with count_synaptic_operations(nn.Sequential(layer)) as counter:
    ...     _ = layer(torch.tensor([[[1.0, 0.0]]]))
    ...     counter.n_samples += 1
    >>> counter.sops_per_sample()
    2.0
    """

    model: nn.Module
    count_input_as_spikes: bool = False
    n_samples: int = 0
    opaque: set[str] = field(default_factory=set)
    timesteps: int | None = None

    def __post_init__(self) -> None:
        self._sparse: Mapping[str, SparseLinear] = sparse_layers(self.model)
        self._totals = {
            name: self._empty("sparse", layer.graph.n_links, layer.in_features * layer.out_features)
            for name, layer in self._sparse.items()
        }
        self._n_shown = 0
        self._means: dict[int, tuple[Tensor, Tensor]] = {}
        self._called: dict[str, None] = {}
        self._neurons: dict[str, _NeuronTotals] = {}
        self._fans: dict[Any, FanOut] = {}
        self._sparse_fans: dict[str, tuple[BipartiteGraph, int, FanOut]] = {}
        self._order = {name: i for i, (name, _) in enumerate(self.model.named_modules())}

    @contextmanager
    def showing(self, n_samples: int) -> Iterator[None]:
        """Count `n_samples` samples, on which the ``with`` block runs the model once."""
        self._n_shown = n_samples
        yield
        self.n_samples += n_samples
        self._means.clear()
        for totals in self._totals.values():
            if totals.by_step is not None:
                totals.by_step.settle()

    # ------------------------------------------------------------------ what is observed

    @torch.no_grad()
    def sparse_layer(self, name: str, passage: Passage) -> None:
        """Add one call of a sparse layer."""
        x, steps = passage.inputs, passage.steps * steps_stood_for()
        if passage.is_mean:
            events, are_spikes = _spikes_of_rates(x, steps)
        else:
            counted, are_spikes = _events_of_features(x)
            events = counted.double() * steps
        rows = steps * x.numel() // max(1, x.shape[-1])
        fan = self._sparse_fan(name)
        self._called.setdefault(name)
        totals = self._totals[name]
        totals.add(events.cpu(), rows, fan, are_spikes=are_spikes)
        read = self._means.get(x.data_ptr(), (x, None))[1] if passage.is_mean else x
        self._at_steps(totals, read, fan.crossings, stands_for=1 if passage.is_mean else steps)

    @torch.no_grad()
    def dense_layer(self, name: str, x: Tensor, weight: Tensor) -> None:
        """Add one product of (rows, n_in) with a weight (n_in, n_out)."""
        steps = steps_stood_for()
        events, are_spikes = _events_of_features(x)
        key = (name, weight.data_ptr(), weight.shape, _version_of(weight))
        fan = self._fan(key, lambda: of_matrix(weight))
        totals = self._totals_of(name, "dense", weight.numel())
        totals.add(events.double().cpu() * steps, x.shape[0] * steps, fan, are_spikes=are_spikes)
        self._at_steps(totals, x, fan.crossings, stands_for=steps)

    @torch.no_grad()
    def convolution(self, name: str, x: Tensor, weight: Tensor, geometry: Geometry) -> None:
        """Add one convolution of images (B, C, ...)."""
        steps, shape = steps_stood_for(), tuple(x.shape[1:])
        key = (name, weight.data_ptr(), shape, geometry, _version_of(weight))
        fan = self._fan(key, lambda: of_convolution(weight, shape, geometry))
        events = (x != 0).sum(0).double().cpu() * steps
        totals = self._totals_of(name, "convolution", weight.numel())
        totals.add(events, x.shape[0] * steps, fan, are_spikes=_are_spikes(x))
        self._at_steps(totals, x, fan.crossings, stands_for=steps, features=x.dim() - 1)

    @torch.no_grad()
    def product(self, name: str, left: Tensor, right: Tensor) -> None:
        """Add one product of activations, (..., n, k) with (..., k, m).

        Its links are the entries of whichever factor is not a spike, or of the right one: every
        spike of the other is read against a whole row of it.
        """
        left, right = left.detach(), right.detach()
        spikes = _are_spikes(left), _are_spikes(right)
        n, k, m = left.shape[-2], left.shape[-1], right.shape[-1]
        if spikes[1] and not spikes[0]:
            left, right, n, m = right.transpose(-2, -1), left.transpose(-2, -1), m, n
        batch = left.numel() // max(1, n * k)
        by_row = (right != 0).sum(-1).double()
        working = float(((left != 0).sum(-2).double() * by_row).sum())
        events = (left != 0).double().sum().cpu()
        steps = steps_stood_for()
        totals = self._totals_of(name, "product", 0)
        totals.spikes += steps * float(events)
        totals.neuron_steps += steps * batch * n * k
        totals.crossings += steps * float(events) * m
        totals.working += steps * working
        totals.links += steps * batch * n * k * m
        totals.dense += steps * batch * n * k * m
        totals.is_analogue |= not any(spikes)
        crossings = partial(_spikes_times, fan_out=m)
        self._at_steps(totals, left, crossings, stands_for=steps, features=2)

    def neurons(
        self, name: str, module: nn.Module, args: Any, kwargs: dict[str, Any], output: Any
    ) -> None:
        """Add what a population of neurons gave in one call."""
        spikes = output[0] if isinstance(output, tuple) else output
        if not isinstance(spikes, Tensor):
            return
        steps = 1
        if kwargs.get("rate"):
            steps = args[0].shape[0]  # the mean over them was given
            fired = float(_spikes_of_rates(spikes, steps)[0].sum())
        else:
            fired = float((spikes != 0).sum()) if _are_spikes(spikes) else 0.0
        totals = self._neurons.setdefault(name, _NeuronTotals())
        totals.updates += steps * spikes.numel()
        totals.spikes += fired

    def _at_steps(
        self,
        totals: _Totals,
        read: Tensor | None,
        crossings: Crossings,
        *,
        stands_for: int,
        features: int = 1,
    ) -> None:
        """Add at which steps a call was, if that is wanted; None for what was read is unknown."""
        if self.timesteps is None or totals.by_step is None:
            return
        if read is None:
            totals.by_step.are_known = False
        else:
            totals.by_step.add(
                read,
                stands_for=stands_for,
                n_samples=self._n_shown,
                features=features,
                crossings=crossings,
            )

    def _sparse_fan(self, name: str) -> FanOut:
        """Return the fan-out of a sparse layer, whose links and weights may change meanwhile."""
        layer = self._sparse[name]
        graph, version, fan = self._sparse_fans.get(name, (None, -1, None))
        if fan is None or graph is not layer.graph or version != layer.values._version:
            fan = of_sparse(layer)
            self._sparse_fans[name] = (layer.graph, layer.values._version, fan)
        return fan

    def _fan(self, key: Any, made: Any) -> FanOut:
        if key not in self._fans:
            self._fans[key] = made()
        return self._fans[key]

    def _totals_of(self, name: str, kind: Kind, n_weights: int) -> _Totals:
        self._called.setdefault(name)
        return self._totals.setdefault(name, self._empty(kind, n_weights, n_weights))

    def _empty(self, kind: Kind, n_links: int, n_possible: int) -> _Totals:
        by_step = None if self.timesteps is None else StepTotals(self.timesteps)
        return _Totals(kind, n_links, n_possible, by_step=by_step)

    # ------------------------------------------------------------------ what it adds up to

    def layers(self) -> tuple[LayerActivity, ...]:
        """Return the totals per layer, in the order of the model."""
        return tuple(self._activity(name) for name in sorted(self._totals, key=self._place))

    def _place(self, name: str) -> tuple[int, str]:
        """Return where a layer stands; what is part of a module comes behind it."""
        owner = name
        while owner not in self._order and "." in owner:
            owner = owner.rpartition(".")[0]
        return self._order.get(owner, len(self._order)), name

    def hidden_layers(self) -> tuple[LayerActivity, ...]:
        """Return those of the layers that read hidden neurons: all called after the first."""
        return tuple(self._activity(name) for name in list(self._called)[1:])

    def populations(self) -> tuple[NeuronActivity, ...]:
        """Return what each population of neurons did."""
        return tuple(
            NeuronActivity(name, totals.updates, totals.spikes)
            for name, totals in self._neurons.items()
        )

    def _activity(self, name: str) -> LayerActivity:
        return self._totals[name].activity(name, all_spikes=self.count_input_as_spikes)

    def mark(self) -> dict[str, tuple[float, float, float]]:
        """Return where the totals stand, for :meth:`between`."""
        return {name: (t.crossings, t.links, t.spikes) for name, t in self._totals.items()}

    def between(self, marks: list[dict[str, tuple[float, float, float]]]) -> SampleActivity:
        """Return what was added from mark to mark, the first from nothing.

        Whether a layer reads spikes is what all of its calls say.
        """
        sums = np.zeros((3, len(marks)))
        for name, totals in self._totals.items():
            column = np.array([mark.get(name, (0.0, 0.0, 0.0)) for mark in marks]).T
            crossings, links, spikes = np.diff(column, axis=1, prepend=0.0)
            if totals.is_analogue and not self.count_input_as_spikes:
                sums[1] += links
            else:
                sums[0] += crossings
                sums[2] += spikes
        return SampleActivity(*sums)

    def firing_rate(self) -> float:
        """Return spikes per hidden neuron and step, dead neurons counted as silent.

        Of the neurons that layers read as spikes; what was averaged, pooled or added up on the way
        is left out.
        """
        hidden = [
            self._totals[name]
            for name in list(self._called)[1:]
            if self.count_input_as_spikes or not self._totals[name].is_analogue
        ]
        steps = sum(totals.neuron_steps for totals in hidden)
        return sum(totals.spikes for totals in hidden) / max(steps, 1)

    def sops_per_sample(self) -> float:
        """Return synaptic operations per sample, all layers and steps."""
        return sum(layer.sops for layer in self.layers()) / max(self.n_samples, 1)


def _spikes_times(events: Tensor, *, fan_out: int) -> Tensor:
    return fan_out * events.flatten(1).sum(1)


def _version_of(weight: Tensor) -> int:
    """Return a number that changes when a weight is changed in place."""
    return 0 if weight.is_inference() else weight._version


def _events_of_features(x: Tensor) -> tuple[Tensor, bool]:
    """Count per feature the values that are not 0, and say whether all are spikes."""
    counts, are_spikes = count_events(x)
    return counts, are_spikes or _are_spikes(x)


def _are_spikes(x: Tensor) -> bool:
    """Whether all values are 0, 1 or -1."""
    return bool(((x == 0) | (x.abs() == 1)).all())


def _spikes_of_rates(rates: Tensor, steps: int) -> tuple[Tensor, bool]:
    """Return how many spikes each neuron's rates over `steps` steps stand for, and if they do."""
    numbers = rates.detach().double() * steps
    whole = numbers.round()
    # A rate is rounded to its type, and that error grows with the steps.
    close = min(0.25, 1e-3 + steps * torch.finfo(rates.dtype).eps)
    in_range = (whole >= 0) & (whole <= steps)
    are_spikes = bool((((numbers - whole).abs() < close) & in_range).all())
    counts = whole if are_spikes else (numbers != 0).double() * steps
    return counts.reshape(-1, rates.shape[-1]).sum(dim=0), are_spikes


@contextmanager
def count_synaptic_operations(
    model: nn.Module, *, count_input_as_spikes: bool = False, timesteps: int | None = None
) -> Iterator[SynapticCounter]:
    """Count what crosses every layer of a model while the ``with`` block runs.

    From what the layers really read, whatever its shape and however often they are called: sparse
    and dense layers, convolutions by what really reads each pixel, weights of recurrent cells,
    products of activations as in attention. The model is not changed.

    Parameters
    ----------
    model : Module
    count_input_as_spikes : bool
        Whether non-zero values other than 1 and -1 count as spikes instead of as MACs.
    timesteps : int, optional
        Of the model: counts at each step are kept too. Each pass then runs within
        :meth:`SynapticCounter.showing`.

    Yields
    ------
    SynapticCounter
        Whose `n_samples` the caller sets, for what is said per sample.

    Raises
    ------
    ValueError
        If the model has no layer with weights.

    Examples
    --------
    >>> from chgraph import BipartiteGraph
    >>> layer = SparseLinear(BipartiteGraph.from_biadjacency([[1, 1], [0, 1]]))
    >>> with count_synaptic_operations(nn.Sequential(layer)) as counter:
    ...     _ = layer(torch.tensor([[[1.0, 1.0]], [[1.0, 0.0]]]))
    ...     counter.n_samples += 1
    >>> counter.sops_per_sample()
    5.0
    """
    inner = unwrapped(model)
    if next(inner.parameters(), None) is None:
        raise ValueError("model must have at least one layer to count, got none")
    counter = SynapticCounter(inner, count_input_as_spikes, timesteps=timesteps)
    running = RunningModules(inner)
    tap = OperationTap(
        running,
        on_layer=counter.dense_layer,
        on_product=counter.product,
        on_convolution=counter.convolution,
        on_opaque=lambda name, _: counter.opaque.add(name),
    )
    with ExitStack() as stack:
        stack.enter_context(running.watched())
        stack.enter_context(neuron_outputs(inner, counter.neurons))
        if timesteps is not None:
            stack.enter_context(spikes_of_means(inner, counter._means))
        stack.enter_context(watching(counter._sparse, counter.sparse_layer))
        stack.enter_context(tap)
        yield counter
