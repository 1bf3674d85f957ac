"""When and how a network's topology changes.

scores of links -> keep exactly k -> remove dead chains -> scores of missing links ->
add exactly as many -> carry weights and optimiser state
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
import torch

from chgraph._checks import check_choice, check_positive_int, check_real
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import (
    REGROWTH_METHODS,
    REMOVAL_KINDS,
    SAMPLINGS,
    regrow_links,
    removal_scores,
    remove_dead_chains,
    select_links,
)
from chsnn._seeds import stream
from chsnn.layers import SparseLinear
from chsnn.networks import SpikingMLP
from chsnn.optimizers import carry_state

SCHEDULES = ("cosine", "constant")


@dataclass(frozen=True)
class EvolutionRecord:
    """What one evolution step did, summed over the layers that evolve.

    Attributes
    ----------
    zeta : float
        Fraction of links pruned.
    pruned, chain_removed, regrown : int
        Links removed by score, lost with dead neurons (in every layer), and added.
    returned : int
        Regrown links that the same step had removed.
    missing : int
        Links that could not be regrown because no pair of live neurons was free.
    dead_neurons, silent_inputs : int
        Hidden neurons without incoming or outgoing link; inputs without outgoing link.
    seconds : float
    """

    zeta: float
    pruned: int
    chain_removed: int
    regrown: int
    returned: int
    missing: int
    dead_neurons: int
    silent_inputs: int
    seconds: float

    def to_dict(self) -> dict[str, Any]:
        """Return the record as a dictionary."""
        return asdict(self)


@dataclass(frozen=True)
class Evolution:
    """Settings of the rewiring: prune, remove dead chains, regrow as many links.

    Parameters
    ----------
    zeta : float
        Fraction of a layer's links pruned per step, in [0, 1).
    zeta_schedule : {"cosine", "constant"}
        "cosine": zeta / 2 * (1 + cos(pi * progress)), 0 at the end of training.
    every : "epoch" or int
        After every epoch, or after every so many optimiser steps.
    removal : {"LRS", "magnitude", "RI", "random"}
        Score by which links are kept.
    regrowth : {"CH3-L3", "CH2-L3", "RA-L3", "CH3-L3n", "CH2-L3n", "random"}
        Rule by which links are added.
    sampling : {"soft", "hard"}
        Draw in proportion to the scores, or take the best.
    temperature : float
        Exponent of the removal score in the soft draw of links to keep.

    References
    ----------
    CH-SNN, arXiv 2511.05581, sections 3.2.3 and 3.2.4 and equation 20.

    Examples
    --------
    >>> [round(Evolution(zeta=0.4).zeta_at(progress), 3) for progress in (0.0, 0.5, 1.0)]
    [0.4, 0.2, 0.0]
    """

    zeta: float = 0.3
    zeta_schedule: Literal["cosine", "constant"] = "cosine"
    every: Literal["epoch"] | int = "epoch"
    removal: Literal["LRS", "magnitude", "RI", "random"] = "LRS"
    regrowth: Literal["CH3-L3", "CH2-L3", "RA-L3", "CH3-L3n", "CH2-L3n", "random"] = "CH3-L3"
    sampling: Literal["soft", "hard"] = "soft"
    temperature: float = 1.0

    def __post_init__(self) -> None:
        check_real("zeta", self.zeta, minimum=0.0, below=1.0)
        check_choice("zeta_schedule", self.zeta_schedule, SCHEDULES)
        if self.every != "epoch":
            check_positive_int("every", self.every)
        check_choice("removal", self.removal, REMOVAL_KINDS)
        check_choice("regrowth", self.regrowth, REGROWTH_METHODS)
        check_choice("sampling", self.sampling, SAMPLINGS)
        check_real("temperature", self.temperature, minimum=0.0)

    def zeta_at(self, progress: float) -> float:
        """Return the fraction pruned when `progress` (0 to 1) of training is done."""
        if self.zeta_schedule == "constant":
            return self.zeta
        return self.zeta / 2.0 * (1.0 + math.cos(math.pi * progress))

    def step(
        self,
        network: SpikingMLP,
        optimizer: torch.optim.Optimizer | None,
        *,
        progress: float,
        seed: int,
        index: int,
        n_threads: int | None = None,
    ) -> EvolutionRecord:
        """Rewire the network once, in place.

        Parameters
        ----------
        network : SpikingMLP
        optimizer : Optimizer or None
            Whose per-link state is carried along.
        progress : float
            How much of training is done, 0 to 1.
        seed, index : int
            The configured seed and the number of this step; together they fix the draws.
        n_threads : int, optional

        Returns
        -------
        EvolutionRecord
        """
        start = time.perf_counter()
        zeta = self.zeta_at(progress)
        before = network.graphs
        pruned = self._prune(network, zeta, seed, index)
        chains = remove_dead_chains(pruned)
        grown = self._regrow(network, chains.graphs, chains.dead, seed, index, n_threads)
        # In two moves, so that a link that was pruned and grown again starts from zero.
        for layer, remaining, graph in zip(
            network.sparse_layers, chains.graphs, grown, strict=True
        ):
            _rewire(layer, remaining, optimizer)
            _rewire(layer, graph, optimizer)
        evolving = [i for i, target in enumerate(network.target_links) if target is not None]
        return EvolutionRecord(
            zeta=zeta,
            pruned=sum(before[i].n_links - pruned[i].n_links for i in evolving),
            chain_removed=sum(p.n_links - k.size for p, k in zip(pruned, chains.kept, strict=True)),
            regrown=sum(grown[i].n_links - chains.graphs[i].n_links for i in evolving),
            returned=sum(_n_returned(before[i], chains.graphs[i], grown[i]) for i in evolving),
            missing=sum((network.target_links[i] or 0) - grown[i].n_links for i in evolving),
            dead_neurons=sum(int(mask.sum()) for mask in chains.dead),
            silent_inputs=int((grown[0].left_degree == 0).sum()),
            seconds=time.perf_counter() - start,
        )

    def warm_up(self, network: SpikingMLP) -> None:
        """Let numba compile, or load, the kernels that :meth:`step` needs; changes nothing.

        So that the first step's seconds are those of the step.
        """
        for graph, target in zip(network.graphs, network.target_links, strict=True):
            if target is not None:
                regrow_links(graph, 0, method=self.regrowth, sampling=self.sampling, rng=0)

    def _prune(
        self, network: SpikingMLP, zeta: float, seed: int, index: int
    ) -> list[BipartiteGraph]:
        pruned = []
        for i, (layer, target) in enumerate(
            zip(network.sparse_layers, network.target_links, strict=True)
        ):
            graph = layer.graph
            n_pruned = round(zeta * graph.n_links)
            if target is not None and n_pruned:
                weights = layer.values.detach().cpu().numpy()
                keep = select_links(
                    removal_scores(graph, weights, kind=self.removal),
                    graph.n_links - n_pruned,
                    sampling=self.sampling,
                    temperature=self.temperature,
                    rng=stream(seed, "prune", index, i),
                )
                graph = graph.keep_links(keep)
            pruned.append(graph)
        return pruned

    def _regrow(
        self,
        network: SpikingMLP,
        graphs: tuple[BipartiteGraph, ...],
        dead: tuple[np.ndarray, ...],
        seed: int,
        index: int,
        n_threads: int | None,
    ) -> list[BipartiteGraph]:
        inputs, outputs = graphs[0].n_left, graphs[-1].n_right
        live = [np.ones(inputs, bool), *(~mask for mask in dead), np.ones(outputs, bool)]
        grown = []
        for i, (graph, target) in enumerate(zip(graphs, network.target_links, strict=True)):
            if target is not None and target > graph.n_links:
                new = regrow_links(
                    graph,
                    target - graph.n_links,
                    method=self.regrowth,
                    sampling=self.sampling,
                    allowed=(live[i], live[i + 1]),
                    rng=stream(seed, "regrow", index, i),
                    n_threads=n_threads,
                )
                graph = graph.add_links(*new)
            grown.append(graph)
        return grown


def _rewire(
    layer: SparseLinear, graph: BipartiteGraph, optimizer: torch.optim.Optimizer | None
) -> None:
    if graph is layer.graph or graph == layer.graph:
        return
    source = layer.set_graph(graph)
    if optimizer is not None:
        carry_state(optimizer, layer.values, source)


def _n_returned(before: BipartiteGraph, kept: BipartiteGraph, after: BipartiteGraph) -> int:
    """Count the links of `after` that `before` had and `kept`, part of both, had lost."""
    return int((before.link_ids(*after.links()) >= 0).sum()) - kept.n_links
