"""DPAP: synapses and neurons that hardly take part in what is learnt fade, and are pruned."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor

from chgraph.checks import check_count, check_positive_int, check_real
from chgraph.compilation import working_seconds
from chgraph.graph import BipartiteGraph
from chsnn.evolution.activity import Activity
from chsnn.evolution.attach import Rewiring
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import all_but
from chsnn.evolution.schedules import published_epoch
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient


@dataclass(frozen=True)
class DPAP(Rewiring):
    """Settings of developmental plasticity-inspired adaptive pruning.

    After every batch each pair of neurons takes up BCM plasticity, the sum over the samples of
    x y (y - theta): x and y are traces of the spikes before and behind the layer, theta is the
    mean y so far. Once an epoch from `first_epoch` on, the survival of every synapse moves,

        R <- `fading` R + (2 unit(BCM) - `cost` [+ `bonus` if that is above 0]) exp(-k),

    k = floor((epoch - `first_epoch`) / `slowing`), and likewise that of every neuron, with its
    spine, unit(sum of its BCM) unit(sum of its traces), in place of BCM. Where R falls below 0 the
    synapse goes, or all synapses into the neuron. None comes back: how sparse the network becomes
    follows from training. The output layer stays as it is.

    Parameters
    ----------
    decay : float
        What is left of a trace after a time step, in [0, 1).
    survival : float
        R at the start, above 0.
    fading : float
        What is left of R after an epoch, in (0, 1].
    cost, bonus : float
        0 or more; those of fully connected layers by default.
    first_epoch : int
    slowing : int
        Epochs after which changes are smaller by a factor e.
    published_epochs : int
        Of the training that the two count in; one of another length is stretched to it.

    Notes
    -----
    unit(x) is 0 at the smallest x and 1 at the largest; where R changes, already from the 75th
    percentile on (of the authors' code). Our reading: theta is one number per neuron (theirs: one
    per neuron and place in the batch); the input of the network is traced as it is fed, and spikes
    of which only the rates are computed count as evenly spread. As there, pruned neurons keep their
    outgoing synapses, and unit is 1/2 throughout where three quarters of a layer share the smallest
    plasticity: it fades as a whole if hardly anything fires when pruning begins. Plasticity and
    survival are dense, O(n_in n_out) a layer.

    References
    ----------
    IEEE TPAMI 47 (2025) 240, arXiv 2211.12714; code: BrainCog,
    examples/Structural_Development/DPAP.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 64, 10), sparsity=0.0, encoding="even")
    >>> trainer = chsnn.Trainer(network, evolution=DPAP(), epochs=2, progress=False)
    >>> row = trainer.fit(data.train, data.validation).rows[0]
    >>> row["pruned"] > 0, row["regrown"]
    (True, 0)
    """

    decay: float = 0.5
    survival: float = 10.0
    fading: float = 0.999
    cost: float = 1.5
    bonus: float = 2.0
    first_epoch: int = 5
    slowing: int = 13
    published_epochs: int = 300

    def __post_init__(self) -> None:
        check_real("decay", self.decay, minimum=0.0, below=1.0)
        for name in ("survival", "fading", "cost", "bonus"):
            check_real(name, getattr(self, name), minimum=0.0)
        if self.survival == 0.0:
            raise ValueError("survival must be above 0, got 0")
        if not 0.0 < self.fading <= 1.0:
            raise ValueError(f"fading must lie in (0, 1], got {self.fading}")
        check_count("first_epoch", self.first_epoch)
        check_positive_int("slowing", self.slowing)
        check_positive_int("published_epochs", self.published_epochs)

    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of all layers but the output layer."""
        return all_but(layers, output)

    def begin(self, state: RewiringState) -> None:
        """Remember that nothing has been seen yet.

        Raises
        ------
        ValueError
            If the spikes behind a layer are not seen: no sparse layer is known to read them.
        """
        for name in state.targets:
            _reader(state, name)
        state.memory["epoch"] = torch.tensor(0)
        for name in state.targets:
            n_in, n_out = state.graph(name).shape
            state.memory[f"batches.{name}"] = torch.tensor(0)
            state.memory[f"bcm.{name}"] = torch.zeros(n_in, n_out)
            state.memory[f"survival.{name}"] = torch.full((n_in, n_out), float(self.survival))
            for kind in ("theta", "trace"):
                state.memory[f"{kind}.{name}"] = torch.zeros(n_out)
            state.memory[f"neurons.{name}"] = torch.full((n_out,), float(self.survival))

    def observer(self, state: RewiringState) -> Activity:
        """Return what watches the layers at every step: all that are pruned, and their readers."""
        names = {n for name in state.targets for n in (name, _reader(state, name))}
        layers = {name: layer for name, layer in state.layers.items() if name in names}
        return Activity(layers, decay=self.decay, into=partial(self._learn, state))

    @torch.no_grad()
    def _learn(self, state: RewiringState, traces: Mapping[str, Tensor]) -> None:
        """Take up the plasticity of a batch."""
        for name in state.evolving:
            reader = _reader(state, name)
            if name not in traces or reader not in traces:
                continue
            x, y = traces[name], traces[reader]
            if len(x) != len(y):
                raise RuntimeError(
                    f"the layer {name!r} was called with {len(x)} samples and {reader!r}, which "
                    f"reads its neurons, with {len(y)}: they cannot be set against each other"
                )
            bcm, theta, trace = (
                state.recall(f"{kind}.{name}", y.device) for kind in ("bcm", "theta", "trace")
            )
            n_batches = state.memory[f"batches.{name}"].add_(1)
            bcm.addmm_(x.T, y * (y - theta))
            theta.add_((y.mean(dim=0) - theta) / int(n_batches))
            trace.add_(y.sum(dim=0))

    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Move all survivals, prune where one is below 0; as :meth:`chsnn.Evolution.step`."""
        start = working_seconds()
        last = int(state.memory["epoch"])
        now = max(last, published_epoch(progress, self.published_epochs))
        state.memory["epoch"] = torch.tensor(now)
        pruned = links = 0
        for name in state.evolving:
            before = state.graph(name).n_links
            self._prune(state, name, range(last + 1, now + 1))
            state.targets[name] = state.graph(name).n_links
            links += before
            pruned += before - state.targets[name]
        return EvolutionRecord(
            zeta=pruned / max(links, 1),
            pruned=pruned,
            silent_inputs=state.silent_inputs(),
            seconds=working_seconds() - start,
        )

    @torch.no_grad()
    def _prune(self, state: RewiringState, name: str, epochs: range) -> None:
        layer, memory = state.layers[name], state.memory
        if not int(memory[f"batches.{name}"]):
            raise RuntimeError(
                f"no backward pass went through the layer {name!r} and its reader: DPAP prunes by "
                "what they read"
            )
        device = layer.values.device
        bcm, trace = (state.recall(f"{kind}.{name}", device) for kind in ("bcm", "trace"))
        synapses = state.recall(f"survival.{name}", device)
        neurons = state.recall(f"neurons.{name}", device)
        spine = _unit(bcm.sum(dim=0)) * _unit(trace)
        changes = [self._change(bcm), self._change(spine)]
        for epoch in epochs:
            if epoch >= self.first_epoch:
                slowed = math.exp(-((epoch - self.first_epoch) // self.slowing))
                for survival, change in zip((synapses, neurons), changes, strict=True):
                    survival.mul_(self.fading).add_(change, alpha=slowed)
        stays = layer.weight_mask().T & (synapses >= 0) & (neurons >= 0)
        state.rewire(name, BipartiteGraph.from_biadjacency(stays.cpu().numpy()))

    def _change(self, measure: Tensor) -> Tensor:
        """Return by how much a survival changes in the first epochs."""
        change = 2.0 * _unit(measure, percentile=75.0) - self.cost
        return torch.where(change > 0, change + self.bonus, change)


def _reader(state: RewiringState, name: str) -> str:
    """Return a layer that reads the neurons behind another one."""
    junction = state.wiring.junction_after(name)
    readers = () if junction is None else state.wiring.junctions[junction].targets
    if not readers:
        raise ValueError(
            f"DPAP must see the spikes behind layer {name!r}, and knows no sparse layer that reads "
            "them: make the next one sparse too (with sparsity 0 if it is to stay full) and give "
            "sparsify the inputs, or attach the wiring"
        )
    return readers[0]


def _unit(x: Tensor, *, percentile: float = 100.0) -> Tensor:
    """Scale to [0, 1]: 0 at the smallest, 1 from this percentile on; 1/2 if there is no range."""
    low, high = float(x.min()), float(np.percentile(x.cpu().numpy(), percentile))
    if high == low:
        return torch.full_like(x, 0.5)
    return ((x - low) / (high - low)).clamp(0.0, 1.0)
