"""Grad R: every pair has a strength that goes on learning below zero, where it is no link."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.optim.adam import adam

from chgraph.checks import check_real
from chgraph.graph import BipartiteGraph
from chsnn.evolution.record import EvolutionRecord, State
from chsnn.gradients import LayerGradient
from chsnn.layers import SparseLinear
from chsnn.networks import SpikingMLP


@dataclass(frozen=True)
class GradR:
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

    def owned_parameters(self, network: SpikingMLP) -> list[nn.Parameter]:
        """Return the weights of all layers but the last, which follow the strengths."""
        return [layer.values for layer in network.sparse_layers[:-1]]

    def begin(self, network: SpikingMLP, *, seed: int) -> State:
        """Return strengths and signs that make the weights the network has.

        Raises
        ------
        ValueError
            If a layer is not fully connected: pairs without a link have no strength yet.
        """
        state: State = {"count": torch.zeros(())}
        for i, layer in enumerate(network.sparse_layers[:-1]):
            if layer.graph.density < 1.0:
                raise ValueError(
                    "Grad R starts from a fully connected network, got a layer of sparsity "
                    f"{layer.graph.sparsity:.6g}"
                )
            weight = layer.values.detach().cpu().view(layer.graph.shape)
            state[f"sign.{i}"] = torch.where(weight < 0, -1.0, 1.0)
            state[f"theta.{i}"] = weight.abs()
            state[f"mean.{i}"] = torch.zeros_like(weight)
            state[f"square.{i}"] = torch.zeros_like(weight)
        network.target_links = _links(network)
        return state

    def is_due(self, steps_done: int, steps_per_epoch: int) -> bool:
        """Whether to rewire after this many optimiser steps: after each."""
        return True

    def is_settled(self, progress: float) -> bool:
        """Whether the sparsity is the one that the network will end with: never known."""
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
        """Move all strengths along their gradient; as :meth:`chsnn.Evolution.step`.

        The learning rate is that of the optimiser.

        Raises
        ------
        ValueError
            If there is no optimiser, or gradients or the state are missing.
        """
        start = time.perf_counter()
        if optimizer is None or gradients is None or state is None:
            raise ValueError("Grad R needs an optimiser, gradients and its state")
        rate = float(optimizer.param_groups[0]["lr"])
        pruned = regrown = links = 0
        count = state["count"]
        for i, layer in enumerate(network.sparse_layers[:-1]):
            state["count"] = count.clone()  # adam counts one up for every tensor
            before = layer.graph
            self._move(layer, i, state, gradients[i], rate)
            stay = int((before.link_ids(*layer.graph.links()) >= 0).sum())
            pruned += before.n_links - stay
            regrown += layer.graph.n_links - stay
            links += before.n_links
        network.target_links = _links(network)
        return EvolutionRecord(
            zeta=pruned / max(links, 1),
            pruned=pruned,
            chain_removed=0,
            regrown=regrown,
            returned=0,
            missing=0,
            dead_neurons=0,
            silent_inputs=int((network.graphs[0].left_degree == 0).sum()),
            stopped_layers=0,
            seconds=time.perf_counter() - start,
        )

    def _move(
        self, layer: SparseLinear, i: int, state: State, gradient: LayerGradient, rate: float
    ) -> None:
        theta, sign = state[f"theta.{i}"], state[f"sign.{i}"]
        mu = math.log(2.0 * (1.0 - self.target_sparsity)) / self.alpha
        slope = sign * gradient.rows(0, layer.graph.n_left)
        slope += self.alpha * torch.sign(theta - mu)
        adam(
            [theta],
            [slope],
            [state[f"mean.{i}"]],
            [state[f"square.{i}"]],
            [],
            [state["count"]],
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )
        is_link = theta > 0
        graph = BipartiteGraph.from_biadjacency(is_link.numpy())
        if graph != layer.graph:
            layer.set_graph(graph)
        layer.set_values((sign * theta)[is_link])


def _links(network: SpikingMLP) -> tuple[int | None, ...]:
    return (*(graph.n_links for graph in network.graphs[:-1]), None)
