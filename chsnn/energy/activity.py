"""What crossed a layer, and what a population of neurons did: totals over samples and steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

Kind = Literal["sparse", "dense", "convolution", "product"]


@dataclass(frozen=True)
class LayerActivity:
    """What crossed one layer.

    Two conventions stand side by side. *Structural*: every existing link counts, whatever its
    weight; a spike costs a synaptic operation at each, and an analogue input a
    multiply-accumulate at each, at every step. *Effective* (NeuroBench): links of weight 0 and
    inputs of 0 do nothing.

    Attributes
    ----------
    name : str
    n_links, n_possible : int
        Weights that exist, and that a dense layer would have; 0 for a product of activations.
    spikes : float
        Spikes that reached the layer, over all samples and steps; 0 if it reads other values.
    input_rate : float
        Mean spikes per input neuron and step.
    sops, macs : float
        Structural, over all samples and steps.
    effective_sops, effective_macs : float
    dense_operations : float
        What a layer with every link and an input without zeros would cost.
    kind : {"sparse", "dense", "convolution", "product"}
        "product": of activations with each other, as in attention.
    spikes_by_step, sops_by_step : tuple of float or None
        At each time step, over all samples; None where that was not asked for or does not show.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 100, 10), sparsity=0.9, inputs=data.train.images)
    >>> layer = chsnn.estimate_energy(network, data.test).layers[0]
    >>> layer.kind, layer.n_possible
    ('sparse', 6400)
    >>> layer.sops <= layer.spikes * 100
    True
    """

    name: str
    n_links: int
    n_possible: int
    spikes: float
    input_rate: float
    sops: float
    macs: float
    effective_sops: float
    effective_macs: float
    dense_operations: float
    kind: Kind
    spikes_by_step: tuple[float, ...] | None = None
    sops_by_step: tuple[float, ...] | None = None

    @property
    def sparsity(self) -> float:
        """Fraction of possible links that is absent."""
        return 1.0 - self.n_links / self.n_possible if self.n_possible else 0.0


@dataclass(frozen=True)
class NeuronActivity:
    """What a population of spiking neurons did, dead ones counted as silent.

    Attributes
    ----------
    name : str
        Of the module of neurons, or of the layer that they belong to.
    updates : float
        Neurons times steps times samples.
    spikes : float
        Over all of them; 0 for integrators, which give potentials.

    Examples
    --------
    >>> NeuronActivity(name="layers.0", updates=8000.0, spikes=400.0).rate
    0.05
    """

    name: str
    updates: float
    spikes: float

    @property
    def rate(self) -> float:
        """Spikes per neuron and step."""
        return self.spikes / self.updates if self.updates else 0.0


@dataclass(frozen=True, eq=False)
class SampleActivity:
    """What single samples did, in their order.

    Attributes
    ----------
    sops, macs, spikes : ndarray of float64, shape (n,)
        Spikes are those that layers read.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 100, 10), sparsity=0.9, inputs=data.train.images)
    >>> report = chsnn.estimate_energy(network, data.test, per_sample=True)
    >>> report.samples.sops.shape
    (360,)
    """

    sops: np.ndarray
    macs: np.ndarray
    spikes: np.ndarray

    def to_dict(self) -> dict[str, list[float]]:
        """Return lists of numbers."""
        return {
            "sops": self.sops.tolist(),
            "macs": self.macs.tolist(),
            "spikes": self.spikes.tolist(),
        }
