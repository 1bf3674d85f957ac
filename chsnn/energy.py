"""Synaptic operations, and the energy they cost on neuromorphic hardware.

A synaptic operation (SOP) is one spike crossing one existing link. An analogue input is no
spike: its layer costs multiply-accumulates (MACs), one per link and step, and is reported apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from chgraph.checks import check_choice
from chsnn.data import as_batches
from chsnn.evaluation import BATCH
from chsnn.hardware import HARDWARE
from chsnn.layers import Passage, SparseLinear
from chsnn.modules import device_of, evaluating
from chsnn.observe import watching
from chsnn.ops import count_events
from chsnn.seeds import seeded
from chsnn.sparse import sparse_layers


@dataclass(frozen=True)
class LayerActivity:
    """What crossed one layer.

    Attributes
    ----------
    name : str
    n_links, n_possible : int
        Links that exist, and that a dense layer would have.
    spikes : float
        Spikes that reached the layer, over all samples and steps.
    input_rate : float
        Mean spikes per input neuron and step.
    sops, macs : float
        Over all samples and steps.
    """

    name: str
    n_links: int
    n_possible: int
    spikes: float
    input_rate: float
    sops: float
    macs: float

    @property
    def sparsity(self) -> float:
        """Fraction of possible links that is absent."""
        return 1.0 - self.n_links / self.n_possible


class SynapticCounter:
    """Running totals of what crosses each :class:`SparseLinear` of a model.

    Attributes
    ----------
    n_samples : int
        Samples shown so far; whoever shows them adds to it, for no tensor's shape tells.
    """

    def __init__(
        self, layers: Mapping[str, SparseLinear], *, count_input_as_spikes: bool = False
    ) -> None:
        self._layers = dict(layers)
        self._all_spikes = count_input_as_spikes
        self.n_samples = 0
        self._called: dict[str, None] = {}
        self._neuron_steps = dict.fromkeys(layers, 0)
        self._spikes = dict.fromkeys(layers, 0.0)
        self._crossings = dict.fromkeys(layers, 0.0)
        self._columns = dict.fromkeys(layers, 0)
        self._analogue = dict.fromkeys(layers, False)

    @torch.no_grad()
    def observe(self, name: str, passage: Passage) -> None:
        """Add one call of the named layer."""
        self._called.setdefault(name)
        x, steps = passage.inputs, passage.steps
        if passage.is_mean:
            per_neuron, are_spikes = _spikes_of_rates(x, steps)
        else:
            counted, are_spikes = count_events(x)
            per_neuron = counted.double() * steps
        out_degree = torch.from_numpy(self._layers[name].graph.left_degree).to(x.device)
        self._spikes[name] += float(per_neuron.sum())
        self._crossings[name] += float((per_neuron * out_degree).sum())
        columns = steps * x.numel() // max(1, x.shape[-1])
        self._columns[name] += columns
        self._neuron_steps[name] += columns * x.shape[-1]
        # One value that is no spike makes the whole input analogue, in every batch.
        self._analogue[name] |= not are_spikes

    def layers(self) -> tuple[LayerActivity, ...]:
        """Return the totals per layer."""
        return tuple(self._activity(name) for name in self._layers)

    def hidden_layers(self) -> tuple[LayerActivity, ...]:
        """Return those of the layers that read hidden neurons: all called after the first."""
        return tuple(self._activity(name) for name in list(self._called)[1:])

    def _activity(self, name: str) -> LayerActivity:
        graph = self._layers[name].graph
        is_spikes = self._all_spikes or not self._analogue[name]
        spikes = self._spikes[name] if is_spikes else 0.0
        return LayerActivity(
            name=name,
            n_links=graph.n_links,
            n_possible=graph.n_left * graph.n_right,
            spikes=spikes,
            input_rate=spikes / max(self._neuron_steps[name], 1),
            sops=self._crossings[name] if is_spikes else 0.0,
            macs=0.0 if is_spikes else float(graph.n_links * self._columns[name]),
        )

    def firing_rate(self) -> float:
        """Return spikes per hidden neuron and step, dead neurons counted as silent."""
        hidden = list(self._called)[1:]
        steps = sum(self._neuron_steps[name] for name in hidden)
        return sum(self._spikes[name] for name in hidden) / max(steps, 1)

    def sops_per_sample(self) -> float:
        """Return synaptic operations per sample, all layers and steps."""
        return sum(layer.sops for layer in self.layers()) / max(self.n_samples, 1)


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
    model: nn.Module, *, count_input_as_spikes: bool = False
) -> Iterator[SynapticCounter]:
    """Count what crosses every :class:`SparseLinear` while the ``with`` block runs.

    From what the layers really read, whatever its shape and however often they are called. The
    model is not changed, nor the route through its code.

    Parameters
    ----------
    model : Module
    count_input_as_spikes : bool
        Whether non-zero values other than 1 count as spikes instead of as MACs.

    Yields
    ------
    SynapticCounter
        Whose `n_samples` the caller sets, for what is said per sample.

    Raises
    ------
    ValueError
        If the model has no :class:`SparseLinear`.

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
    layers = sparse_layers(model)
    if not layers:
        raise ValueError("model must have at least one SparseLinear layer to count, got none")
    counter = SynapticCounter(layers, count_input_as_spikes=count_input_as_spikes)
    with watching(layers, counter.observe):
        yield counter


@dataclass(frozen=True)
class EnergyReport:
    """Synaptic operations of a network on some data, and what they cost.

    Attributes
    ----------
    hardware : str
    n_samples : int
    layers : tuple of LayerActivity
    firing_rate : float
        Spikes per hidden neuron and step.
    sops_per_sample, macs_per_sample : float
    energy_per_sample_j : float
        Of the SOPs, in joules.
    mac_energy_per_sample_j : float or None
        Of the MACs of an analogue input, None where the hardware has no figure for them.
    link_sparsity : float
        Over all layers.
    baseline : EnergyReport or None
        Of the network compared with.
    """

    hardware: str
    n_samples: int
    layers: tuple[LayerActivity, ...]
    firing_rate: float
    sops_per_sample: float
    macs_per_sample: float
    energy_per_sample_j: float
    mac_energy_per_sample_j: float | None
    link_sparsity: float
    baseline: EnergyReport | None = None

    @property
    def sop_ratio(self) -> float | None:
        """SOPs per sample of the baseline over ours; None without baseline or without SOPs."""
        theirs = None if self.baseline is None else self.baseline.sops_per_sample
        return _ratio(theirs, self.sops_per_sample)

    @property
    def energy_ratio(self) -> float | None:
        """Energy per sample of the baseline over ours; None without baseline or energy."""
        theirs = None if self.baseline is None else self.baseline.energy_per_sample_j
        return _ratio(theirs, self.energy_per_sample_j)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready numbers, ratios included."""
        return {**asdict(self), "sop_ratio": self.sop_ratio, "energy_ratio": self.energy_ratio}

    def __str__(self) -> str:
        """Return a table with a line per layer."""
        lines = [f"{'layer':<12}{'links':>10}{'sparsity':>10}{'input rate':>12}{'SOPs/sample':>14}"]
        lines += [
            f"{a.name:<12}{a.n_links:>10,}{a.sparsity:>10.2%}{a.input_rate:>12.4f}"
            f"{a.sops / self.n_samples:>14,.1f}"
            for a in self.layers
        ]
        lines.append(
            f"{self.sops_per_sample:,.1f} SOPs a sample, {self.energy_per_sample_j * 1e9:.3g} nJ "
            f"on {self.hardware} (estimate)"
        )
        if self.macs_per_sample:
            lines.append(f"{self.macs_per_sample:,.1f} MACs a sample for the analogue input")
        if self.sop_ratio is not None:
            lines.append(f"{self.sop_ratio:.1f} times fewer SOPs than the baseline")
        return "\n".join(lines)


def estimate_energy(
    model: nn.Module,
    data: Any,
    *,
    hardware: str = "ANP-I",
    baseline: nn.Module | EnergyReport | None = None,
    count_input_as_spikes: bool = False,
    seed: int = 0,
) -> EnergyReport:
    """Count the synaptic operations of a model on data and estimate their energy.

    Energy is SOPs times the energy per SOP of the hardware: an estimate that leaves out
    memory, leakage and input/output.

    Parameters
    ----------
    model : Module
        With :class:`SparseLinear` layers; run in evaluation mode and left as it was.
    data : Samples, pair of arrays, DataLoader, Dataset or list of batches
    hardware : str
        A key of :data:`HARDWARE`.
    baseline : Module or EnergyReport, optional
        The model to compare with, measured on the same data, or its report.
    count_input_as_spikes : bool
        Whether to count the non-zero values of an analogue input as spikes.
    seed : int
        Of a random encoding.

    Returns
    -------
    EnergyReport

    Raises
    ------
    ValueError
        If the hardware is unknown, or not that of the baseline's report, or the model has no
        sparse layer or the data no sample.

    References
    ----------
    CH-SNN, arXiv 2511.05581, section 4.2. :data:`HARDWARE` names the source of each figure.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> sparse = chsnn.networks.mlp((64, 64, 10), sparsity=0.9, encoding="even")
    >>> dense = chsnn.networks.mlp((64, 64, 10), sparsity=0.0, encoding="even")
    >>> report = estimate_energy(sparse, data.test, baseline=dense)
    >>> report.sops_per_sample < report.baseline.sops_per_sample
    True
    """
    check_choice("hardware", hardware, HARDWARE)
    if isinstance(baseline, EnergyReport) and baseline.hardware != hardware:
        raise ValueError(
            f"baseline must be a report for the same hardware, {hardware}, got {baseline.hardware}"
        )
    if isinstance(baseline, nn.Module):
        baseline = estimate_energy(
            baseline,
            data,
            hardware=hardware,
            count_input_as_spikes=count_input_as_spikes,
            seed=seed,
        )
    counter = _run_counted(model, data, count_input_as_spikes, seed)
    layers = counter.layers()
    sops = counter.sops_per_sample()
    macs = sum(layer.macs for layer in layers) / counter.n_samples
    chip = HARDWARE[hardware]
    return EnergyReport(
        hardware=hardware,
        n_samples=counter.n_samples,
        layers=layers,
        firing_rate=counter.firing_rate(),
        sops_per_sample=sops,
        macs_per_sample=macs,
        energy_per_sample_j=sops * chip.sop_joule,
        mac_energy_per_sample_j=None if chip.mac_joule is None else macs * chip.mac_joule,
        link_sparsity=1.0 - sum(a.n_links for a in layers) / sum(a.n_possible for a in layers),
        baseline=baseline,
    )


@torch.no_grad()
def _run_counted(
    model: nn.Module, data: Any, count_input_as_spikes: bool, seed: int
) -> SynapticCounter:
    device = device_of(model)
    with (
        evaluating(model),
        seeded(seed, "evaluate"),
        count_synaptic_operations(model, count_input_as_spikes=count_input_as_spikes) as counter,
    ):
        for inputs, labels in as_batches(data, BATCH, name="data").iterate():
            model(inputs.to(device))
            counter.n_samples += len(labels)
    return counter


def _ratio(theirs: float | None, ours: float) -> float | None:
    return theirs / ours if theirs is not None and ours > 0 else None
