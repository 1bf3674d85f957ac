"""What a run found: a dictionary for machines (report.json) and a few lines for people."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from chgraph.storage import write_atomically
from chsnn.energy import EnergyReport
from chsnn.history import History
from chsnn.lab.config import RunConfig
from chsnn.lab.networks import Network, described, rewired_layers
from chsnn.sparsity import link_sparsity, node_sparsity


@dataclass(frozen=True)
class Outcome:
    """One trained network with its measurements on the test set.

    Attributes
    ----------
    config : RunConfig
    network : Module
        Of the epoch that the configuration selects.
    history : History
    best_validation_accuracy : float
    accuracy : float
        On the test set.
    energy : EnergyReport
        On the test set.
    learnt : dict or None
        Shares of spikes, updates and operations that took part in learning, where that is counted.
    """

    config: RunConfig
    network: Network
    history: History
    best_validation_accuracy: float
    accuracy: float
    energy: EnergyReport
    learnt: dict[str, float] | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as JSON-ready numbers and names."""
        return {
            "data": self.config.data,
            "network": described(self.config, self.network),
            "timesteps": self.config.timesteps,
            "seed": self.config.seed,
            "learning": self.config.learning,
            "learnt": self.learnt,
            "epochs": len(self.history.rows),
            "accuracy": self.accuracy,
            "link_sparsity": link_sparsity(self.network),
            # All but the output layer, which is dense and loses only what dead neurons had.
            "sparse_layers_sparsity": link_sparsity(self.network, rewired_layers(self.network)),
            "node_sparsity": node_sparsity(self.network),
            "firing_rate": self.energy.firing_rate,
            "sops_per_sample": self.energy.sops_per_sample,
            "macs_per_sample": self.energy.macs_per_sample,
            "energy_per_sample_j": self.energy.energy_per_sample_j,
            "hardware": self.energy.hardware,
            "train_seconds": sum(self.history.column("train_seconds")),
            "evolution_seconds": sum(self.history.column("evolution_seconds")),
            "best_validation_accuracy": self.best_validation_accuracy,
            "n_test": self.energy.n_samples,
            "layers": self.energy.to_dict()["layers"],
            "energy_terms": [asdict(term) for term in self.energy.terms],
            "not_counted": list(self.energy.not_counted),
        }


def report(outcome: Outcome, baseline: Outcome | None) -> dict[str, Any]:
    """Return the whole report: the sparse network's outcome, the twin's, and their ratios."""
    return {
        **outcome.to_dict(),
        "baseline": None if baseline is None else baseline.to_dict(),
        "sop_ratio": outcome.energy.sop_ratio,
        "energy_ratio": outcome.energy.energy_ratio,
    }


def write_report(path: Path, document: dict[str, Any]) -> Path:
    """Write the report as JSON, atomically."""
    return write_atomically(path, (json.dumps(document, indent=2) + "\n").encode())


def summary(document: dict[str, Any]) -> str:
    """Return the report in a few lines for a person."""
    network = document["network"]
    name = network if isinstance(network, str) else "-".join(str(size) for size in network)
    lines = [
        f"{document['data']}, {name}, {document['timesteps']} time steps, "
        f"{document['epochs']} epochs, seed {document['seed']}",
        f"{'':<28}{'sparse':>14}" + (f"{'fully connected':>18}" if document["baseline"] else ""),
    ]
    rows = (
        ("test accuracy", "accuracy", "{:.2%}"),
        ("links absent", "link_sparsity", "{:.2%}"),
        ("neurons removed", "node_sparsity", "{:.2%}"),
        ("firing rate", "firing_rate", "{:.4f}"),
        ("SOPs per sample", "sops_per_sample", "{:,.0f}"),
        ("energy per sample (nJ)", "energy_nj", "{:,.1f}"),
        ("training (s)", "train_seconds", "{:.1f}"),
        ("of which evolution (s)", "evolution_seconds", "{:.2f}"),
    )
    for label, key, pattern in rows:
        line = f"{label:<28}{pattern.format(_value(document, key)):>14}"
        if document["baseline"]:
            line += f"{pattern.format(_value(document['baseline'], key)):>18}"
        lines.append(line)
    if document["sop_ratio"]:
        lines.append(f"{document['sop_ratio']:.1f} times fewer synaptic operations")
    return "\n".join(lines)


def _value(document: dict[str, Any], key: str) -> float:
    if key == "energy_nj":
        return document["energy_per_sample_j"] * 1e9
    return document[key]
