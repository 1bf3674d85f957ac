"""Grad R: every pair has a strength that goes on learning below zero, where it is not a link."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch.optim.adam import adam

from chgraph.checks import check_real
from chgraph.compilation import working_seconds
from chgraph.graph import BipartiteGraph
from chsnn.evolution.attach import Rewiring
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import all_but
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient


@dataclass(frozen=True)
class GradR(Rewiring):
    """Settings of gradient rewiring.

    Every pair of a layer has a fixed sign s and a strength theta; its weight is
    s * max(theta, 0), and it is a link while theta > 0. After each batch the strengths take an
    Adam step along s * dL/dw, which is defined below zero as well, plus
    alpha * sign(theta - mu) of a Laplace prior with mu = ln(2 (1 - p)) / alpha. How sparse the
    network becomes follows from training. The output layer stays dense.

    Parameters
    ----------
    alpha : float
        Strength of the prior, above 0.
    target_sparsity : float
        p, from 0.5 to below 1.

    Notes
    -----
    The strengths and their gradient are dense, O(n_in n_out) a layer and step: that is the
    method. The products of the network still follow the links.

    References
    ----------
    Chen, Yu, Fang, Huang and Tian, IJCAI 2021, arXiv 2105.04916.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> model = chsnn.networks.mlp((8, 16, 3), sparsity=0.0)
    >>> optimizer = torch.optim.Adam(model.parameters())
    >>> rewirer = chsnn.GradR(target_sparsity=0.9).attach(model, optimizer, total_steps=10)
    >>> rewirer.settings.target_sparsity
    0.9
    """

    alpha: float = 1e-3
    target_sparsity: float = 0.99

    def __post_init__(self) -> None:
        if check_real("alpha", self.alpha, minimum=0.0) == 0.0:
            raise ValueError("alpha must be above 0, got 0")
        check_real("target_sparsity", self.target_sparsity, minimum=0.5, below=1.0)

    @property
    def reads_gradients(self) -> bool:
        """Whether :meth:`step` needs the gradients of a backward pass: yes."""
        return True

    @property
    def owns_values(self) -> bool:
        """Whether weights are moved past the optimizer: yes, they follow the strengths."""
        return True

    @property
    def interval(self) -> int | None:
        """Optimizer steps from one rewiring to the next: after each."""
        return 1

    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of all layers but the output layer."""
        return all_but(layers, output)

    def begin(self, state: RewiringState) -> None:
        """Remember strengths and signs that make the weights there are.

        Raises
        ------
        ValueError
            If a layer is not fully connected: pairs without a link have no strength yet.
        """
        for name in state.targets:
            layer = state.layers[name]
            if layer.graph.density < 1.0:
                raise ValueError(
                    f"Grad R starts from a fully connected network, got layer {name!r} of sparsity "
                    f"{layer.graph.sparsity:.6g}"
                )
        state.memory["count"] = torch.zeros(())
        for name in state.targets:
            layer = state.layers[name]
            weight = layer.values.detach().float().view(layer.graph.shape)
            state.memory[f"sign.{name}"] = torch.where(weight < 0, -1.0, 1.0)
            state.memory[f"theta.{name}"] = weight.abs()
            state.memory[f"mean.{name}"] = torch.zeros_like(weight)
            state.memory[f"square.{name}"] = torch.zeros_like(weight)

    def follow(self, state: RewiringState, name: str) -> None:
        """Make strengths of the weights that a layer was given; pairs that lost theirs have 0."""
        layer, theta = state.layers[name], state.memory[f"theta.{name}"]
        sign, links = state.memory[f"sign.{name}"], layer.weight_mask().T
        weight = layer.dense_weight().detach().T.to(theta)
        theta.copy_(torch.where(links, weight.abs(), theta.clamp(max=0.0)))
        sign.copy_(torch.where(links, torch.where(weight < 0, -1.0, 1.0), sign))

    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Move all strengths along their gradient; as :meth:`chsnn.Evolution.step`.

        The learning rate is that of the layer's group in the optimizer (1 without an optimizer).
        """
        start = working_seconds()
        assert gradients is not None  # the rewirer gives them to who reads them
        pruned = regrown = links = 0
        count = state.memory["count"]
        for name in state.evolving:
            state.memory["count"] = count.clone()  # adam counts one up for every tensor
            before = state.graph(name)
            self._move(state, name, gradients[name])
            after = state.graph(name)
            stay = int((before.link_ids(*after.links()) >= 0).sum())
            pruned += before.n_links - stay
            regrown += after.n_links - stay
            links += before.n_links
            state.targets[name] = after.n_links
        return EvolutionRecord(
            zeta=pruned / max(links, 1),
            pruned=pruned,
            regrown=regrown,
            silent_inputs=state.silent_inputs(),
            seconds=working_seconds() - start,
        )

    def _move(self, state: RewiringState, name: str, gradient: LayerGradient) -> None:
        layer, memory = state.layers[name], state.memory
        self._take_what_was_loaded(state, name)
        theta, sign = memory[f"theta.{name}"], memory[f"sign.{name}"]
        mu = math.log(2.0 * (1.0 - self.target_sparsity)) / self.alpha
        slope = sign * gradient.rows(0, layer.graph.n_left)
        slope += self.alpha * torch.sign(theta - mu)
        adam(
            [theta],
            [slope],
            [memory[f"mean.{name}"]],
            [memory[f"square.{name}"]],
            [],
            [memory["count"]],
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=state.learning_rate(name),
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
        is_link = theta > 0
        state.rewire(name, BipartiteGraph.from_biadjacency(is_link.cpu().numpy()))
        layer.set_values((sign * theta)[is_link])
        layer.values.grad = None  # no optimizer's zero_grad reaches it any more

    def _take_what_was_loaded(self, state: RewiringState, name: str) -> None:
        """Begin from the layer's own weights where somebody has changed them in between."""
        layer, theta = state.layers[name], state.memory[f"theta.{name}"]
        places = tuple(torch.from_numpy(side).to(theta.device) for side in layer.graph.links())
        mine = (state.memory[f"sign.{name}"] * theta.clamp(min=0.0))[places]
        values = layer.values.detach()
        if values.numel() != int((theta > 0).sum()) or not torch.equal(mine.to(values), values):
            self.follow(state, name)
