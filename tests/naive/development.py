"""DPAP and SD-SNN of one fully connected layer, pair by pair (definitions.md 9)."""

import itertools
import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from tests.naive.graphs import Array


def spike_trace(spikes: Sequence[float], decay: float) -> float:
    """What is left at the end of S(t) = decay S(t-1) + x(t), over the number of steps."""
    left = 0.0
    for spike in spikes:
        left = decay * left + spike
    return left / len(spikes)


def traces(spikes: Array, decay: float) -> Array:
    """Traces (B, n) of spikes (T, B, n)."""
    _, n_samples, n = spikes.shape
    return np.array(
        [[spike_trace(spikes[:, b, i], decay) for i in range(n)] for b in range(n_samples)]
    )


def unit(values: Array, percentile: float = 100.0) -> Array:
    """Scale to [0, 1] between the smallest value and a percentile, 1/2 without a range."""
    low, high = values.min(), np.percentile(values, percentile)
    if low == high:
        return np.full(values.shape, 0.5)
    return np.array([min(max((v - low) / (high - low), 0.0), 1.0) for v in values.ravel()]).reshape(
        values.shape
    )


class AdaptivePruning:
    """DPAP: BCM plasticity of every pair, survival of synapses and neurons."""

    def __init__(self, links: Array, settings: Any) -> None:
        self.links, self.settings = np.array(links, dtype=bool), settings
        n_in, n_out = links.shape
        self.bcm, self.theta, self.activity = (
            np.zeros((n_in, n_out)),
            np.zeros(n_out),
            np.zeros(n_out),
        )
        self.synapses = np.full((n_in, n_out), settings.survival)
        self.neurons = np.full(n_out, settings.survival)
        self.batches: list[Array] = []

    def see(self, before: Array, behind: Array) -> None:
        """Take a batch of spikes before (T, B, n_in) and behind (T, B, n_out) the layer."""
        x, y = (traces(spikes, self.settings.decay) for spikes in (before, behind))
        for b, i, j in itertools.product(*map(range, (len(x), *self.links.shape))):
            self.bcm[i, j] += x[b, i] * y[b, j] * (y[b, j] - self.theta[j])
        self.activity += y.sum(axis=0)
        self.batches.append(y.mean(axis=0))
        self.theta = np.mean(self.batches, axis=0)

    def end_of_epoch(self, epoch: int) -> None:
        """Move every survival, and prune."""
        s = self.settings
        if epoch < s.first_epoch:
            return
        spine = unit(self.bcm.sum(axis=0)) * unit(self.activity)
        slowed = math.exp(-math.floor((epoch - s.first_epoch) / s.slowing))
        for survival, measure in ((self.synapses, self.bcm), (self.neurons, spine)):
            for place, share in np.ndenumerate(unit(measure, 75.0)):
                change = 2 * share - s.cost
                if change > 0:
                    change += s.bonus
                survival[place] = s.fading * survival[place] + change * slowed
        for i, j in np.argwhere(self.links):
            if self.synapses[i, j] < 0 or self.neurons[j] < 0:
                self.links[i, j] = False


class StructuralDevelopment:
    """SD-SNN: ranges of weights, neurons pruned by them, synapses regenerated."""

    def __init__(self, settings: Any) -> None:
        self.settings, self.epoch = settings, 0
        self.share = settings.first_pruned
        self.dead: set[int] = set()

    def _begin(self, weight: Array) -> None:
        largest = np.abs(weight).max()
        self.upper, self.lower = np.full(weight.shape, largest), np.full(weight.shape, -largest)
        self.size = np.abs(weight)
        pairs = list(np.ndindex(weight.shape))
        # Per pair what has been so in the epochs up to now without a break.
        self.above: dict[Any, list[float]] = {pair: [] for pair in pairs}
        self.below: dict[Any, list[float]] = {pair: [] for pair in pairs}
        self.falling: dict[Any, int] = dict.fromkeys(pairs, 0)
        self.wanted: dict[Any, int] = dict.fromkeys(pairs, 0)

    def _ranges(self, weight: Array) -> None:
        persistence = self.settings.persistence
        for pair, w in np.ndenumerate(weight):
            upper, lower = self.upper[pair], self.lower[pair]
            for run, is_beyond, excess in (
                (self.above[pair], w >= upper, w - upper),
                (self.below[pair], w <= lower, w - lower),
            ):
                if not is_beyond:
                    run.clear()
                    continue
                run.append(excess)
                if len(run) > persistence:  # the first epoch only begins the row
                    mean = sum(run[1:]) / (len(run) - 1)
                    if run is self.above[pair]:
                        self.upper[pair] += mean
                    else:
                        self.lower[pair] += mean
                    run[:] = [0.0]
            self.falling[pair] = self.falling[pair] + 1 if abs(w) < self.size[pair] else 0
            if self.falling[pair] > persistence:
                self.upper[pair] *= self.settings.shrink
                self.lower[pair] *= self.settings.shrink
                self.falling[pair] = 1
        self.size = np.abs(weight)

    def _regenerate(self, links: Array, score: Array) -> None:
        rank = min(99.0, self.settings.percentile + 1.1**self._since)
        limit = np.percentile(score, rank)
        for pair in np.ndindex(links.shape):
            is_wanted = score[pair] > limit and not links[pair]
            self.wanted[pair] = self.wanted[pair] + 1 if is_wanted else 0
            if self.wanted[pair] - 1 > self.settings.persistence:
                links[pair] = True
                self.wanted[pair] = 1

    def _prune(self, links: Array) -> None:
        n_in, n_out = links.shape
        ranges = unit(self.upper + np.abs(self.lower))
        sums = [sum(ranges[i, j] for i in range(n_in) if links[i, j]) for j in range(n_out)]
        lowest = sorted(range(n_out), key=lambda j: (sums[j], j))[: math.floor(n_out * self.share)]
        for j in lowest:
            if j not in self.dead:
                links[:, j] = False
                self.dead.add(j)
        left = sum(links[:, j].sum() >= max(1, 0.01 * n_in) for j in range(n_out)) / n_out
        rate = (
            self.settings.pruning_rate * math.exp(-self._since) if self._since <= 23 else 0.000225
        )
        self.share += rate * left

    @property
    def _since(self) -> int:
        return self.epoch - 2 * self.settings.persistence - 1

    def end_of_epoch(self, weight: Array, links: Array, score: Array) -> tuple[Array, Array]:
        """Return weights and links after an epoch, from those before (0 where there is no link)."""
        self.epoch += 1
        weight, links = np.where(links, weight, 0.0), np.array(links, dtype=bool)
        if self.epoch == 1:
            self._begin(weight)
        else:
            self._ranges(weight)
        if self.epoch > self.settings.persistence:
            weight = np.clip(weight, self.lower, self.upper)
        if self._since >= 0:
            self._regenerate(links, score)
            self._prune(links)
        return np.where(links, weight, 0.0), links
