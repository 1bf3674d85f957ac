"""Deep R: links with a fixed sign whose strength walks at random and dies at zero."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_real
from chgraph.graph import BipartiteGraph
from chgraph.topology import sample_unlinked
from chsnn.evolution.carry import rewire
from chsnn.evolution.record import EvolutionRecord, State
from chsnn.gradients import LayerGradient
from chsnn.layers import SparseLinear
from chsnn.networks import SpikingMLP
from chsnn.seeds import stream

_NEWBORN = 1e-12


@dataclass(frozen=True)
class DeepR:
    """Settings of deep rewiring.

    Every link has a fixed sign and a strength theta > 0; its weight is their product. After
    each gradient step the strength also shrinks by learning rate * `l1` and gets Gaussian noise.
    A link whose strength is no longer above 0 becomes dormant, and as many others, drawn uniformly
    from the pairs without a link, start from strength 1e-12 with a random sign.

    Parameters
    ----------
    l1 : float
        Strength of the pull towards zero, 0 or more.
    noise : float
        Standard deviation of the noise of a step, 0 or more.

    References
    ----------
    Bellec, Kappel, Maass and Legenstein, ICLR 2018, arXiv 1711.05136.

    Examples
    --------
    >>> import chsnn
    >>> data = chsnn.load_data("digits")
    >>> network = chsnn.networks.mlp((64, 64, 10), sparsity=0.8, encoding="even")
    >>> trainer = chsnn.Trainer(network, evolution=DeepR(), epochs=1, progress=False)
    >>> row = trainer.fit(data.train, data.validation).rows[0]
    >>> row["regrown"] == row["pruned"] > 0, network.graphs[0].n_links
    (True, 819)
    """

    l1: float = 1e-5
    noise: float = 1e-5

    def __post_init__(self) -> None:
        check_real("l1", self.l1, minimum=0.0)
        check_real("noise", self.noise, minimum=0.0)

    @property
    def reads_gradients(self) -> bool:
        """Whether :meth:`step` needs the gradients of a backward pass: no."""
        return False

    def owned_parameters(self, network: SpikingMLP) -> list[nn.Parameter]:
        """Return the parameters that the optimiser is to leave alone: none."""
        return []

    def begin(self, network: SpikingMLP, *, seed: int) -> State:
        """Return the sign of every link."""
        return {
            f"sign.{i}": torch.where(layer.values.detach() < 0, -1.0, 1.0)
            for i, layer in enumerate(network.sparse_layers)
            if network.target_links[i] is not None
        }

    def is_due(self, steps_done: int, steps_per_epoch: int) -> bool:
        """Whether to rewire after this many optimiser steps: after each."""
        return True

    def is_settled(self, progress: float) -> bool:
        """Whether the sparsity is the one that the network will end with: always."""
        return True

    def warm_up(self, network: SpikingMLP) -> None:
        """Do nothing: no kernel needs compiling."""

    def step(
        self,
        network: SpikingMLP,
        optimizer: torch.optim.Optimizer | None,
        *,
        progress: float,
        seed: int,
        index: int,
        state: State | None = None,
        gradients: Sequence[LayerGradient] | None = None,
        n_threads: int | None = None,
    ) -> EvolutionRecord:
        """Move the strengths, replace the links that died; as :meth:`chsnn.Evolution.step`.

        The learning rate is that of the optimiser (1 without one).
        """
        start = time.perf_counter()
        state = self.begin(network, seed=seed) if state is None else state
        rate = 1.0 if optimizer is None else float(optimizer.param_groups[0]["lr"])
        pruned = returned = links = 0
        for i, layer in enumerate(network.sparse_layers):
            if network.target_links[i] is None:
                continue
            rng = stream(seed, "deep r", index, i)
            before = layer.graph
            died, state[f"sign.{i}"] = self._move(layer, state[f"sign.{i}"], rate, rng, optimizer)
            links += before.n_links
            pruned += died.size
            left, right = (ends[died] for ends in before.links())
            returned += int((layer.graph.link_ids(left, right) >= 0).sum())
        return EvolutionRecord(
            zeta=pruned / max(links, 1),
            pruned=pruned,
            chain_removed=0,
            regrown=pruned,
            returned=returned,
            missing=0,
            dead_neurons=0,
            silent_inputs=int((network.graphs[0].left_degree == 0).sum()),
            stopped_layers=0,
            seconds=time.perf_counter() - start,
        )

    def _move(
        self,
        layer: SparseLinear,
        sign: Tensor,
        rate: float,
        rng: np.random.Generator,
        optimizer: torch.optim.Optimizer | None,
    ) -> tuple[np.ndarray, Tensor]:
        """Return the numbers of the links that died, and the signs of those there are now."""
        noise = torch.from_numpy(rng.standard_normal(sign.numel(), dtype=np.float32))
        theta = sign * layer.values.detach().cpu() - rate * self.l1 + self.noise * noise
        layer.set_values(sign * theta)
        alive = (theta > 0).numpy()
        died = np.flatnonzero(~alive)
        if died.size:
            rewire(layer, layer.graph.keep_links(np.flatnonzero(alive)), optimizer)
            born_sign = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=died.size)
            kept, grown = layer.graph, _grown(layer.graph, died.size, rng)
            is_new = kept.link_ids(*grown.links()) < 0
            signs = np.empty(grown.n_links, np.float32)
            signs[~is_new], signs[is_new] = sign.numpy()[alive], born_sign
            rewire(layer, grown, optimizer, _NEWBORN * born_sign)
            sign = torch.from_numpy(signs)
        return died, sign


def _grown(graph: BipartiteGraph, n: int, rng: np.random.Generator) -> BipartiteGraph:
    return graph.add_links(*sample_unlinked(graph, n, rng=rng))
