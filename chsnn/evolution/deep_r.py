"""Deep R: links with a fixed sign whose strength walks at random and dies at zero."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from chgraph.checks import check_real
from chgraph.compilation import working_seconds
from chgraph.graph import BipartiteGraph
from chgraph.topology import sample_unlinked
from chsnn.evolution.attach import Rewiring
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import lacking_links
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient
from chsnn.seeds import stream

_NEWBORN = 1e-12


@dataclass(frozen=True)
class DeepR(Rewiring):
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
    def interval(self) -> int | None:
        """Optimizer steps from one rewiring to the next: after each."""
        return 1

    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of the layers that lack a link."""
        return lacking_links(layers)

    def begin(self, state: RewiringState) -> None:
        """Remember the sign of every link."""
        for name in state.targets:
            self.follow(state, name)

    def follow(self, state: RewiringState, name: str) -> None:
        """Remember the signs of the links that a layer was given."""
        state.memory[f"sign.{name}"] = _signs(state.layers[name])

    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Move the strengths, replace the links that died; as :meth:`chsnn.Evolution.step`.

        The learning rate is that of the optimizer (1 without one).
        """
        start = working_seconds()
        pruned = returned = links = 0
        for name in state.evolving:
            before = state.graph(name)
            died = self._move(state, name)
            links += before.n_links
            pruned += died.size
            left, right = (ends[died] for ends in before.links())
            returned += int((state.graph(name).link_ids(left, right) >= 0).sum())
        return EvolutionRecord(
            zeta=pruned / max(links, 1),
            pruned=pruned,
            regrown=pruned,
            returned=returned,
            silent_inputs=state.silent_inputs(),
            seconds=working_seconds() - start,
        )

    def _move(self, state: RewiringState, name: str) -> np.ndarray:
        """Return the numbers of the links that died."""
        layer, sign = state.layers[name], state.memory[f"sign.{name}"]
        rng, rate = stream(state.seed, "deep r", state.events, name), state.learning_rate(name)
        noise = torch.from_numpy(rng.standard_normal(sign.numel(), dtype=np.float32))
        theta = sign * layer.values.detach().float().cpu() - rate * self.l1 + self.noise * noise
        layer.set_values(sign * theta)
        alive = (theta > 0).numpy()
        died = np.flatnonzero(~alive)
        if died.size:
            kept = layer.graph.keep_links(np.flatnonzero(alive))
            state.rewire(name, kept)
            born_sign = rng.choice(np.array([-1.0, 1.0], dtype=np.float32), size=died.size)
            grown = _grown(kept, died.size, rng)
            is_new = kept.link_ids(*grown.links()) < 0
            signs = np.empty(grown.n_links, np.float32)
            signs[~is_new], signs[is_new] = sign.numpy()[alive], born_sign
            state.rewire(name, grown, _NEWBORN * born_sign)
            sign = torch.from_numpy(signs)
        state.memory[f"sign.{name}"] = sign
        return died


def _signs(layer: SparseLinear) -> Tensor:
    return torch.where(layer.values.detach().float().cpu().signbit(), -1.0, 1.0)


def _grown(graph: BipartiteGraph, n: int, rng: np.random.Generator) -> BipartiteGraph:
    return graph.add_links(*sample_unlinked(graph, n, rng=rng))
