"""Prune, remove dead chains, regrow: the evolution step of CH-SNN and its relatives.

scores of links -> keep exactly k -> remove dead chains -> scores of missing links ->
add exactly as many -> carry weights and optimiser state
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from chgraph.checks import check_choice, check_positive_int, check_real
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import (
    REGROWTH_METHODS,
    REMOVAL_KINDS,
    SAMPLINGS,
    regrow_links,
    remove_dead_chains,
)
from chsnn.evolution.carry import NEW_WEIGHTS, NewWeights, new_values, remember, rewire
from chsnn.evolution.prune_regrow import add_links, keep_links, live_neurons, n_returned
from chsnn.evolution.record import EvolutionRecord, State, flags
from chsnn.evolution.schedules import (
    DENSITY_SCHEDULES,
    ZETA_SCHEDULES,
    DensitySchedule,
    ZetaSchedule,
    linear,
    sparsity_at,
    zeta_at,
)
from chsnn.gradients import LayerGradient
from chsnn.networks import SpikingMLP
from chsnn.seeds import stream

Regrowth = Literal["CH3-L3", "CH2-L3", "RA-L3", "CH3-L3n", "CH2-L3n", "random", "gradient"]
REGROWTHS = (*REGROWTH_METHODS, "gradient")


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
    until : float
        Fraction of training after which no link is pruned any more, in (0, 1].
    removal : {"LRS", "magnitude", "RI", "random"}
        Score by which links are kept.
    regrowth : {"CH3-L3", "CH2-L3", "RA-L3", "CH3-L3n", "CH2-L3n", "random", "gradient"}
        Rule by which links are added. "gradient": the size of the loss gradient that the link
        would have on the last batch (RigL).
    sampling : {"soft", "hard"}
        Draw in proportion to the scores, or take the best.
    regrowth_sampling : {"soft", "hard"}, optional
        The same for the regrowth alone, where it is to differ.
    temperature : float
        Exponent of the removal score in the soft draw of links to keep.
    temperature_end : float, optional
        Where the exponent is to be at the end of training, if it is to move.
    new_weights : {"zero", "SSWI", "last"}
        Weight of a regrown link: 0, drawn as at the start, or the one that the link had when
        it was last removed (0 if it never existed).
    density_schedule : {"constant", "sigmoid", "cubic"}
        How the layers go from the sparsity of the network to `final_sparsity`.
    final_sparsity : float, optional
        Fraction of absent links of every evolving layer at the end; not for "constant".
    density_until : float
        Fraction of training after which `final_sparsity` holds, in (0, 1].
    stop_overlap : float, optional
        A layer is pruned no more once more than this fraction of its regrown links are links
        that the same step had removed.

    References
    ----------
    CH-SNN, arXiv 2511.05581, sections 3.2.3 and 3.2.4 and equation 20; CHT, ICLR 2024 (early
    stop); CHTs and CHTss, arXiv 2501.19107 (temperature, density); RigL, arXiv 1911.11134.

    Examples
    --------
    >>> [round(Evolution(zeta=0.4).zeta_at(progress), 3) for progress in (0.0, 0.5, 1.0)]
    [0.4, 0.2, 0.0]
    """

    zeta: float = 0.3
    zeta_schedule: ZetaSchedule = "cosine"
    every: Literal["epoch"] | int = "epoch"
    until: float = 1.0
    removal: Literal["LRS", "magnitude", "RI", "random"] = "LRS"
    regrowth: Regrowth = "CH3-L3"
    sampling: Literal["soft", "hard"] = "soft"
    regrowth_sampling: Literal["soft", "hard"] | None = None
    temperature: float = 1.0
    temperature_end: float | None = None
    new_weights: NewWeights = "zero"
    density_schedule: DensitySchedule = "constant"
    final_sparsity: float | None = None
    density_until: float = 0.75
    stop_overlap: float | None = None

    def __post_init__(self) -> None:
        check_real("zeta", self.zeta, minimum=0.0, below=1.0)
        check_choice("zeta_schedule", self.zeta_schedule, ZETA_SCHEDULES)
        if self.every != "epoch":
            check_positive_int("every", self.every)
        for name in ("until", "density_until"):
            value = check_real(name, getattr(self, name), minimum=0.0)
            if not 0.0 < value <= 1.0:
                raise ValueError(f"{name} must lie in (0, 1], got {value}")
        check_choice("removal", self.removal, REMOVAL_KINDS)
        check_choice("regrowth", self.regrowth, REGROWTHS)
        check_choice("sampling", self.sampling, SAMPLINGS)
        if self.regrowth_sampling is not None:
            check_choice("regrowth_sampling", self.regrowth_sampling, SAMPLINGS)
        check_real("temperature", self.temperature, minimum=0.0)
        if self.temperature_end is not None:
            check_real("temperature_end", self.temperature_end, minimum=0.0)
        check_choice("new_weights", self.new_weights, NEW_WEIGHTS)
        self._check_density()
        if self.stop_overlap is not None:
            check_real("stop_overlap", self.stop_overlap, minimum=0.0, below=1.0)

    def _check_density(self) -> None:
        check_choice("density_schedule", self.density_schedule, DENSITY_SCHEDULES)
        if self.final_sparsity is not None:
            check_real("final_sparsity", self.final_sparsity, minimum=0.0, below=1.0)
        if (self.density_schedule == "constant") != (self.final_sparsity is None):
            raise ValueError(
                'final_sparsity goes with density_schedule "sigmoid" or "cubic", got '
                f"{self.final_sparsity} with {self.density_schedule!r}"
            )

    @property
    def reads_gradients(self) -> bool:
        """Whether :meth:`step` needs the gradients of a backward pass."""
        return self.regrowth == "gradient"

    def zeta_at(self, progress: float) -> float:
        """Return the fraction pruned when `progress` (0 to 1) of training is done."""
        return zeta_at(self.zeta, self.zeta_schedule, progress, self.until)

    def is_settled(self, progress: float) -> bool:
        """Whether the sparsity is the one that the network will end with."""
        return self.density_schedule == "constant" or progress >= self.density_until

    def is_due(self, steps_done: int, steps_per_epoch: int) -> bool:
        """Whether the network is to be rewired after this many optimiser steps."""
        return steps_done % (steps_per_epoch if self.every == "epoch" else self.every) == 0

    def owned_parameters(self, network: SpikingMLP) -> list[nn.Parameter]:
        """Return the parameters that the optimiser is to leave alone: none."""
        return []

    def begin(self, network: SpikingMLP, *, seed: int) -> State:
        """Return what is remembered between steps, before the first one.

        Raises
        ------
        ValueError
            If a layer of the network is sparser than `final_sparsity`.
        """
        state = {
            "stopped": flags([False] * len(network.graphs)),
            "first_links": torch.tensor([g.n_links for g in network.graphs]),
        }
        evolving = [g for g, t in zip(network.graphs, network.target_links, strict=True) if t]
        if self.final_sparsity is not None and evolving:
            sparsest = max(graph.sparsity for graph in evolving)
            if sparsest > self.final_sparsity + 1e-9:
                raise ValueError(
                    f"final_sparsity must be at least the {sparsest:.6g} that the network starts "
                    f"with, got {self.final_sparsity}"
                )
        return state

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
        state : dict of Tensor, optional
            What :meth:`begin` returned; changed in place. Without it the step is a first one.
        gradients : sequence of LayerGradient, optional
            Of the last batch, one per layer; needed by the "gradient" regrowth.
        n_threads : int, optional

        Returns
        -------
        EvolutionRecord

        Raises
        ------
        ValueError
            If gradients are needed and not given.
        """
        start = time.perf_counter()
        if self.reads_gradients and gradients is None:
            raise ValueError('gradients must be given for regrowth="gradient", got None')
        state = self.begin(network, seed=seed) if state is None else state
        zeta, before = self.zeta_at(progress), network.graphs
        network.target_links = self._targets(network, state, progress)
        pruned = self._prune(network, zeta, state, progress, seed, index)
        chains = remove_dead_chains(pruned)
        live = live_neurons(chains)
        grown = []
        for i, (layer, graph) in enumerate(zip(network.sparse_layers, chains.graphs, strict=True)):
            after = graph
            if (missing := (network.target_links[i] or 0) - graph.n_links) > 0:
                after = add_links(
                    graph,
                    missing,
                    method=self.regrowth,
                    sampling=self.regrowth_sampling or self.sampling,
                    gradient=None if gradients is None else gradients[i],
                    allowed=(live[i], live[i + 1]),
                    rng=stream(seed, "regrow", index, i),
                    n_threads=n_threads,
                )
            # In two moves, so that a link that was pruned and grown again starts anew.
            if self.new_weights == "last":
                remember(state, i, layer, graph)
            rewire(layer, graph, optimizer)
            fresh = new_values(self.new_weights, network, i, after, state, seed, index)
            rewire(layer, after, optimizer, fresh)
            grown.append(after)
        evolving = [i for i, target in enumerate(network.target_links) if target is not None]
        returned = {i: n_returned(before[i], chains.graphs[i], grown[i]) for i in evolving}
        new = {i: grown[i].n_links - chains.graphs[i].n_links for i in evolving}
        self._stop_layers(state, returned, new, progress)
        return EvolutionRecord(
            zeta=zeta,
            pruned=sum(before[i].n_links - pruned[i].n_links for i in evolving),
            chain_removed=sum(p.n_links - k.size for p, k in zip(pruned, chains.kept, strict=True)),
            regrown=sum(new.values()),
            returned=sum(returned.values()),
            missing=sum((network.target_links[i] or 0) - grown[i].n_links for i in evolving),
            dead_neurons=sum(int(mask.sum()) for mask in chains.dead),
            silent_inputs=int((grown[0].left_degree == 0).sum()),
            stopped_layers=int(state["stopped"].sum()),
            seconds=time.perf_counter() - start,
        )

    def warm_up(self, network: SpikingMLP) -> None:
        """Let numba compile, or load, the kernels that :meth:`step` needs; changes nothing.

        So that the first step's seconds are those of the step.
        """
        method = "random" if self.regrowth == "gradient" else self.regrowth
        for graph, target in zip(network.graphs, network.target_links, strict=True):
            if target is not None:
                regrow_links(graph, 0, method=method, sampling=self.sampling, rng=0)

    def _targets(
        self, network: SpikingMLP, state: State, progress: float
    ) -> tuple[int | None, ...]:
        """Return how many links each layer is to have after this step."""
        if self.final_sparsity is None:
            return network.target_links
        targets: list[int | None] = []
        for graph, target, first in zip(
            network.graphs, network.target_links, state["first_links"].tolist(), strict=True
        ):
            pairs = graph.n_left * graph.n_right
            sparsity = sparsity_at(
                1.0 - first / pairs,
                self.final_sparsity,
                self.density_schedule,
                progress,
                self.density_until,
            )
            targets.append(None if target is None else round((1.0 - sparsity) * pairs))
        return tuple(targets)

    def _prune(
        self,
        network: SpikingMLP,
        zeta: float,
        state: State,
        progress: float,
        seed: int,
        index: int,
    ) -> list[BipartiteGraph]:
        end = self.temperature if self.temperature_end is None else self.temperature_end
        pruned = []
        for i, (layer, target, stopped) in enumerate(
            zip(network.sparse_layers, network.target_links, state["stopped"].tolist(), strict=True)
        ):
            n_links = layer.graph.n_links
            n_keep = n_links - (0 if stopped else round(zeta * n_links))
            pruned.append(
                layer.graph
                if target is None
                else keep_links(
                    layer,
                    min(n_keep, target),
                    removal=self.removal,
                    sampling=self.sampling,
                    temperature=linear(self.temperature, end, progress),
                    rng=stream(seed, "prune", index, i),
                )
            )
        return pruned

    def _stop_layers(
        self, state: State, returned: dict[int, int], new: dict[int, int], progress: float
    ) -> None:
        if self.stop_overlap is None or not self.is_settled(progress):
            return
        for i, grown in new.items():
            if grown and returned[i] > self.stop_overlap * grown:
                state["stopped"][i] = True
