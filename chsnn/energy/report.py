"""What a network's activity costs: a table for people, numbers for machines."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from chgraph.storage import write_atomically
from chsnn.energy.activity import LayerActivity, NeuronActivity, SampleActivity

_CSV_COLUMNS = (
    "name",
    "kind",
    "n_links",
    "n_possible",
    "spikes",
    "input_rate",
    "sops",
    "macs",
    "effective_sops",
    "effective_macs",
    "dense_operations",
)


@dataclass(frozen=True)
class EnergyTerm:
    """One part of the energy of a sample.

    Attributes
    ----------
    name : str
    joule : float
        Per sample.
    source : str
        Of the figure per operation.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 100, 10), sparsity=0.9, inputs=data.train.images)
    >>> report = chsnn.estimate_energy(network, data.test, hardware="ANP-I")
    >>> report.terms[0].name, report.terms[0].joule > 0
    ('synaptic operations', True)
    """

    name: str
    joule: float
    source: str


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
        Structural: every existing link counts.
    energy_per_sample_j : float
        Of the SOPs, in joules.
    mac_energy_per_sample_j : float or None
        Of the MACs of an analogue input, None where the hardware has no figure for them.
    link_sparsity : float
        Over all layers.
    neurons : tuple of NeuronActivity
    terms : tuple of EnergyTerm
        Every part of the energy that the hardware has a figure for.
    not_counted : tuple of str
        What the energy leaves out, in words.
    samples : SampleActivity or None
        Sample by sample, if that was asked for.
    baseline : EnergyReport or None
        Of the network compared with.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 100, 10), sparsity=0.9, inputs=data.train.images)
    >>> report = chsnn.estimate_energy(network, data.test)
    >>> report.hardware, report.n_samples
    ('ANP-I', 360)
    >>> report.sops_per_sample > 0
    True
    >>> [layer.name for layer in report.layers]
    ['layers.0', 'layers.1']
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
    neurons: tuple[NeuronActivity, ...] = ()
    terms: tuple[EnergyTerm, ...] = ()
    not_counted: tuple[str, ...] = ()
    samples: SampleActivity | None = None
    baseline: EnergyReport | None = None

    @property
    def effective_sops_per_sample(self) -> float:
        """SOPs over links whose weight is not 0 (NeuroBench's effective accumulates)."""
        return sum(layer.effective_sops for layer in self.layers) / self.n_samples

    @property
    def effective_macs_per_sample(self) -> float:
        """MACs of inputs that are not 0 over links whose weight is not 0, as NeuroBench has it."""
        return sum(layer.effective_macs for layer in self.layers) / self.n_samples

    @property
    def dense_operations_per_sample(self) -> float:
        """Operations of layers with every link and inputs without zeros (NeuroBench's "Dense")."""
        return sum(layer.dense_operations for layer in self.layers) / self.n_samples

    @property
    def neuron_updates_per_sample(self) -> float:
        """Neurons times steps."""
        return sum(population.updates for population in self.neurons) / self.n_samples

    @property
    def total_energy_per_sample_j(self) -> float:
        """Sum of all terms."""
        return sum(term.joule for term in self.terms)

    @property
    def sops_by_step_per_sample(self) -> tuple[float, ...] | None:
        """SOPs at each time step of the layers that tell them; None if none does."""
        told = [layer.sops_by_step for layer in self.layers if layer.sops_by_step is not None]
        if not told:
            return None
        return tuple(sum(at_step) / self.n_samples for at_step in zip(*told, strict=True))

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

    def against(self, baseline: EnergyReport | None) -> EnergyReport:
        """Return the report beside that of another network."""
        return replace(self, baseline=baseline)

    def to_dict(self) -> dict[str, Any]:
        """Return the report as JSON-ready numbers, ratios included."""
        mine = asdict(replace(self, samples=None, baseline=None))
        for name in ("effective_sops", "effective_macs", "dense_operations", "neuron_updates"):
            mine[f"{name}_per_sample"] = getattr(self, f"{name}_per_sample")
        return {
            **mine,
            "total_energy_per_sample_j": self.total_energy_per_sample_j,
            "samples": None if self.samples is None else self.samples.to_dict(),
            "baseline": None if self.baseline is None else self.baseline.to_dict(),
            "sop_ratio": self.sop_ratio,
            "energy_ratio": self.energy_ratio,
        }

    def write_csv(self, path: str | Path) -> Path:
        """Write a row per layer, totals over all samples, atomically; return the path."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(_CSV_COLUMNS)
        writer.writerows([getattr(layer, name) for name in _CSV_COLUMNS] for layer in self.layers)
        return write_atomically(Path(path), text.getvalue().encode())

    def __str__(self) -> str:
        """Return a table with a line per layer."""
        width = max(12, *(len(layer.name) + 2 for layer in self.layers))
        lines = [
            f"{'layer':<{width}}{'links':>10}{'sparsity':>10}{'input rate':>12}"
            f"{'SOPs/sample':>14}{'MACs/sample':>14}"
        ]
        lines += [
            f"{a.name:<{width}}{a.n_links:>10,}{a.sparsity:>10.2%}{a.input_rate:>12.4f}"
            f"{a.sops / self.n_samples:>14,.1f}{a.macs / self.n_samples:>14,.1f}"
            for a in self.layers
        ]
        lines.append(
            f"{self.sops_per_sample:,.1f} SOPs a sample, {self.energy_per_sample_j * 1e9:.3g} nJ "
            f"on {self.hardware} (estimate)"
        )
        if self.macs_per_sample:
            lines.append(f"{self.macs_per_sample:,.1f} MACs a sample of values that are not spikes")
        lines.append(
            f"effective: {self.effective_sops_per_sample:,.1f} SOPs, "
            f"{self.effective_macs_per_sample:,.1f} MACs a sample"
        )
        if self.samples is not None:
            low, middle, high = np.quantile(self.samples.sops, (0.05, 0.5, 0.95))
            lines.append(
                f"SOPs of single samples: median {middle:,.0f}, 90 % of them from {low:,.0f} to "
                f"{high:,.0f}"
            )
        if self.sops_by_step_per_sample is not None:
            at_steps = ", ".join(f"{sops:,.0f}" for sops in self.sops_by_step_per_sample)
            untold = [layer.name for layer in self.layers if layer.sops_by_step is None]
            without = f" (without {', '.join(untold)}: not told apart)" if untold else ""
            lines.append(f"SOPs at each step: {at_steps}{without}")
        lines += [
            f"{term.name}: {term.joule * 1e9:.3g} nJ a sample ({term.source})"
            for term in self.terms[1:]
        ]
        if self.sop_ratio is not None:
            lines.append(f"{self.sop_ratio:.1f} times fewer SOPs than the baseline")
        if self.not_counted:
            lines.append(f"not counted: {'; '.join(self.not_counted)}")
        return "\n".join(lines)


def _ratio(theirs: float | None, ours: float) -> float | None:
    return theirs / ours if theirs is not None and ours > 0 else None
