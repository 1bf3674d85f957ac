"""SD-SNN: dendrites whose range follows their weight; neurons are pruned, synapses come back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from chgraph.checks import check_positive_int, check_real
from chgraph.compilation import working_seconds
from chgraph.graph import BipartiteGraph
from chsnn.evolution.attach import Rewiring
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import all_but
from chsnn.evolution.schedules import published_epoch
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import GradientTap, LayerGradient

# The percentile of scores rises by 1.1 to the power of the epochs since pruning began, to 99.
_RISE, _HIGHEST = 1.1, 99.0
# In the authors' code the share of pruned neurons rises at a slow, constant pace after so many
# epochs of pruning; a neuron counts as pruned with less than this share of its synapses.
_LATE, _LATE_RATE, _FEW = 23, 0.000225, 0.01
# Counts of epochs in a row: not in the set now; 0 is since this epoch.
_NOT = -1
_RANGE = ("upper", "lower", "size", "excess", "above", "below", "falling")


@dataclass(frozen=True)
class SDSNN(Rewiring):
    """Settings of structural development: dendritic ranges, neuron pruning, regeneration.

    Every pair of a layer has a range of weights, r- to r+: at first the largest size of a weight on
    either side. Once an epoch:

    - r+ (and likewise r-) grows by the mean excess if the weight has been beyond it for
      `persistence` epochs in a row; both shrink by `shrink` if the size of the weight has fallen
      as long;
    - after `persistence` epochs weights are clipped to their range;
    - after 2 `persistence` epochs an absent synapse returns if its score has been above a
      percentile of all scores for more than `persistence` epochs; the percentile is `percentile`
      + 1.1^k, k epochs after pruning began, and at most 99;
    - then neurons are pruned, each once in its life: those with the smallest sum of ranges,
      r+ - r- scaled to [0, 1], over the synapses they have lose these. Their share is
      `first_pruned`, and rises by `pruning_rate` exp(-k) of the neurons that are left.

    How sparse the network becomes follows from training. The output layer stays as it is.

    Parameters
    ----------
    persistence : int
        Epochs.
    shrink : float
        In (0, 1).
    percentile : float
        From 0 to below 99; that of fully connected layers by default.
    first_pruned, pruning_rate : float
        In [0, 1).
    published_epochs : int
        Of the training that `persistence` counts in; one of another length is stretched to it.

    Notes
    -----
    The rates of neuron pruning are those of the authors' code for the fully connected layer on
    MNIST, which has 300 neurons (the rise is a tenth of their number there). Our reading: the score
    of an absent synapse is where gradient descent at one rate would have taken it from 0 since the
    rewiring before, the negative sum of its gradients (in their code, where the optimizer took it:
    what is pruned is trained on, and set to 0 again); it returns with weight 0. Pruned neurons keep
    their outgoing synapses, as there. A surrogate gradient that is 0 at rest, such as the triangle
    of width 1, gives a neuron without synapses no score: none of them returns then. Ranges and
    scores are dense, O(n_in n_out) a layer, and so is the work of a step, as in Grad R.

    References
    ----------
    Inf. Sci. 689 (2025) 121481, arXiv 2211.12219; code: BrainCog and Brain-Cog-Lab/SD-SNN,
    examples/Structural_Development/SD-SNN.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 64, 10), sparsity=0.0, encoding="even")
    >>> trainer = chsnn.Trainer(network, evolution=SDSNN(), epochs=2, progress=False)
    >>> trainer.fit(data.train, data.validation).rows[0]["pruned"] == int(0.35 * 64) * 64
    True
    """

    persistence: int = 18
    shrink: float = 0.75
    percentile: float = 60.0
    first_pruned: float = 0.35
    pruning_rate: float = 0.3
    published_epochs: int = 600

    def __post_init__(self) -> None:
        check_positive_int("persistence", self.persistence)
        if check_real("shrink", self.shrink, minimum=0.0, below=1.0) == 0.0:
            raise ValueError("shrink must be above 0, got 0")
        check_real("percentile", self.percentile, minimum=0.0, below=_HIGHEST)
        for name in ("first_pruned", "pruning_rate"):
            check_real(name, getattr(self, name), minimum=0.0, below=1.0)
        check_positive_int("published_epochs", self.published_epochs)

    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of all layers but the output layer."""
        return all_but(layers, output)

    def begin(self, state: RewiringState) -> None:
        """Remember that no neuron has been pruned yet, and that no synapse has a score."""
        state.memory["epoch"] = torch.tensor(0)
        for name in state.targets:
            n_in, n_out = state.graph(name).shape
            state.memory[f"score.{name}"] = torch.zeros(n_in, n_out)
            state.memory[f"pruned.{name}"] = torch.zeros(n_out, dtype=torch.bool)
            state.memory[f"share.{name}"] = torch.tensor(self.first_pruned, dtype=torch.float64)

    def follow(self, state: RewiringState, name: str) -> None:
        """Take the weights that a layer was given as those of the epoch before."""
        if f"size.{name}" in state.memory:
            state.memory[f"size.{name}"] = _weight(state.layers[name]).abs()

    def observer(self, state: RewiringState) -> _Scores:
        """Return what adds up the scores of all pairs at every step."""
        return _Scores(state)

    @torch.no_grad()
    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Move ranges, clip, regenerate, prune; as :meth:`chsnn.Evolution.step`."""
        start = working_seconds()
        last = int(state.memory["epoch"])
        now = max(last, published_epoch(progress, self.published_epochs))
        state.memory["epoch"] = torch.tensor(now)
        pruned = regrown = links = 0
        for name in state.evolving:
            before = state.graph(name)
            self._develop(state, name, last, now)
            after = state.graph(name)
            stay = int((before.link_ids(*after.links()) >= 0).sum())
            pruned, regrown = pruned + before.n_links - stay, regrown + after.n_links - stay
            links += before.n_links
            state.targets[name] = after.n_links
        return EvolutionRecord(
            zeta=pruned / max(links, 1),
            pruned=pruned,
            regrown=regrown,
            silent_inputs=state.silent_inputs(),
            seconds=working_seconds() - start,
        )

    def _develop(self, state: RewiringState, name: str, last: int, now: int) -> None:
        """Bring a layer from one epoch to another."""
        self._move_ranges(state, name, now - last)
        if now > self.persistence:
            self._clip(state, name)
        if self._since(now) >= 0:
            mask = state.layers[name].weight_mask().T.contiguous()
            mask |= self._returning(state, name, now, now - last)
            mask[:, self._dying(state, name, mask, range(last + 1, now + 1))] = False
            state.rewire(name, BipartiteGraph.from_biadjacency(mask.cpu().numpy()))
        state.memory[f"score.{name}"].zero_()

    def _since(self, epoch: int) -> int:
        """Return the epochs since pruning began; negative before."""
        return epoch - 2 * self.persistence - 1

    def _move_ranges(self, state: RewiringState, name: str, passed: int) -> None:
        weight = _weight(state.layers[name])
        if f"size.{name}" not in state.memory:
            self._first_ranges(state, name, weight)
            return
        upper, lower, size, excess, above, below, falling = (
            state.recall(f"{kind}.{name}", weight.device) for kind in _RANGE
        )
        # A weight is beyond one end at most, so that one sum serves both.
        _count(above, weight >= upper, passed)
        _count(below, weight <= lower, passed)
        _count(falling, weight.abs() < size, passed)
        excess.add_(torch.where(above > 0, weight - upper, 0.0), alpha=passed)
        excess.add_(torch.where(below > 0, weight - lower, 0.0), alpha=passed)
        excess.masked_fill_((above <= 0) & (below <= 0), 0.0)
        for end, beyond in ((upper, above), (lower, below)):
            grows = beyond >= self.persistence
            end.add_(torch.where(grows, excess / beyond.clamp(min=1), 0.0))
            excess.masked_fill_(grows, 0.0)
            beyond.masked_fill_(grows, 0)
        shrinks = falling >= self.persistence
        upper.copy_(torch.where(shrinks, self.shrink * upper, upper))
        lower.copy_(torch.where(shrinks, self.shrink * lower, lower))
        falling.masked_fill_(shrinks, 0)
        size.copy_(weight.abs())

    def _first_ranges(self, state: RewiringState, name: str, weight: Tensor) -> None:
        largest = float(weight.abs().max())
        counts = dict.fromkeys(("above", "below", "falling", "wanted"), _NOT)
        state.memory |= {
            f"upper.{name}": torch.full_like(weight, largest),
            f"lower.{name}": torch.full_like(weight, -largest),
            f"size.{name}": weight.abs(),
            f"excess.{name}": torch.zeros_like(weight),
            **{
                f"{kind}.{name}": torch.full_like(weight, value, dtype=torch.int32)
                for kind, value in counts.items()
            },
        }

    def _clip(self, state: RewiringState, name: str) -> None:
        layer = state.layers[name]
        places = tuple(torch.from_numpy(side) for side in layer.graph.links())
        upper, lower = (state.memory[f"{kind}.{name}"][places] for kind in ("upper", "lower"))
        values = layer.values.detach().to(upper)
        layer.set_values(torch.maximum(torch.minimum(values, upper), lower))

    def _returning(self, state: RewiringState, name: str, now: int, passed: int) -> Tensor:
        """Return the mask of the absent synapses that come back."""
        score = state.memory[f"score.{name}"]
        rank = min(_HIGHEST, self.percentile + _RISE ** min(self._since(now), 100))
        limit = float(np.percentile(score.cpu().numpy(), rank))
        wanted = state.recall(f"wanted.{name}", score.device)
        absent = ~state.layers[name].weight_mask().T
        _count(wanted, (score > limit) & absent, passed)
        returning = wanted > self.persistence
        wanted.masked_fill_(returning, 0)
        return returning

    def _dying(self, state: RewiringState, name: str, mask: Tensor, epochs: range) -> Tensor:
        """Return the numbers of the neurons that lose their synapses, from the mask of these."""
        n_in, n_out = mask.shape
        upper, lower = (state.memory[f"{kind}.{name}"] for kind in ("upper", "lower"))
        pruned = state.recall(f"pruned.{name}", mask.device)
        share = state.memory[f"share.{name}"]
        strength = (_unit(upper + lower.abs()) * mask).sum(dim=0)
        lowest = torch.argsort(strength, stable=True)[: int(n_out * float(share))]
        dying = lowest[~pruned[lowest]]
        pruned[dying] = True
        n_synapses = mask.sum(dim=0)
        n_synapses[dying] = 0
        left = float((n_synapses >= _FEW * n_in).logical_and(n_synapses > 0).sum()) / n_out
        for epoch in epochs:
            since = self._since(epoch)
            if since >= 0:
                rate = _LATE_RATE if since > _LATE else self.pruning_rate * math.exp(-since)
                share.add_(rate * left)
        return dying


class _Scores:
    """Adds up the negative gradient of every pair of the layers, linked or not."""

    def __init__(self, state: RewiringState) -> None:
        self._state = state
        self._tap = GradientTap({name: state.layers[name] for name in state.targets})
        self._tap.open()

    def deliver(self) -> None:
        """Take in the gradients since the last time."""
        for name in self._state.evolving:
            gradient = self._tap.gradients[name]
            rows = gradient.rows(0, gradient.shape[0])
            self._state.recall(f"score.{name}", rows.device).sub_(rows)
        self._tap.open()

    def close(self) -> None:
        """Keep gradients no more."""
        self._tap.close()


def _count(count: Tensor, is_in: Tensor, passed: int) -> None:
    """Count the epochs that pairs are in a set without a break, in place."""
    count.copy_(torch.where(is_in, torch.where(count < 0, 0, count + passed), _NOT))


def _weight(layer: SparseLinear) -> Tensor:
    return layer.dense_weight().detach().float().T.contiguous()


def _unit(x: Tensor) -> Tensor:
    """Scale to [0, 1]; 1/2 if there is no range."""
    low, high = float(x.min()), float(x.max())
    return torch.full_like(x, 0.5) if low == high else (x - low) / (high - low)
