"""Prune, remove dead chains, regrow: the evolution step of CH-SNN and its relatives.

scores of links -> keep exactly k -> remove dead chains -> scores of missing links ->
add exactly as many -> carry weights and optimizer state
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from chgraph.checks import check_choice, check_positive_int, check_real
from chgraph.compilation import working_seconds
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import (
    REGROWTH_METHODS,
    REMOVAL_KINDS,
    SAMPLINGS,
    ChainRemoval,
    regrow_links,
    remove_dead_chains,
)
from chgraph.topology import link_count
from chsnn.evolution.attach import Rewiring
from chsnn.evolution.carry import NEW_WEIGHTS, NewWeights, new_values, remember
from chsnn.evolution.prune_regrow import add_links, keep_links, n_returned
from chsnn.evolution.record import EvolutionRecord
from chsnn.evolution.rewiring import lacking_links
from chsnn.evolution.schedules import (
    DENSITY_SCHEDULES,
    ZETA_SCHEDULES,
    DensitySchedule,
    ZetaSchedule,
    linear,
    sparsity_at,
    zeta_at,
)
from chsnn.evolution.state import RewiringState
from chsnn.layers import SparseLinear
from chsnn.observe import LayerGradient
from chsnn.seeds import stream

Regrowth = Literal["CH3-L3", "CH2-L3", "RA-L3", "CH3-L3n", "CH2-L3n", "random", "gradient"]
REGROWTHS = (*REGROWTH_METHODS, "gradient")


@dataclass(frozen=True)
class Evolution(Rewiring):
    """Settings of the rewiring: prune, remove dead chains, regrow as many links.

    Nothing is rewired after the last step of training: see :class:`chsnn.Rewirer`.

    Parameters
    ----------
    zeta : float
        Fraction of a layer's links pruned per step, in [0, 1).
    zeta_schedule : {"cosine", "constant"}
        "cosine": zeta / 2 * (1 + cos(pi * progress)), 0 at the end of training.
    every : "epoch" or int
        After every epoch, or after every so many optimizer steps; ``attach`` may be given
        another number.
    until : float
        Fraction of training after which no link is pruned any more, in (0, 1].
    removal : {"LRS", "magnitude", "RI", "SET", "random"}
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
        Where the exponent is to be when pruning ends (`until`), if it is to move.
    new_weights : {"zero", "SSWI", "kaiming", "last"}
        Weight of a regrown link: 0, drawn as at the start by one of the two rules, or the one
        that the link had when it was last removed (0 if it never existed).
    density_schedule : {"constant", "sigmoid", "cubic", "extra"}
        How the layers go from the sparsity of the network to `final_sparsity`. "extra": in two
        steps; every pruning goes down to `final_sparsity`, and the regrowth back up.
    final_sparsity : float, optional
        Fraction of absent links of every evolving layer at the end; not for "constant".
    density_until : float
        Fraction of training after which `final_sparsity` holds, in (0, 1]; it holds from the last
        rewiring on if that comes earlier.
    stop_overlap : float, optional
        A layer is pruned no more once more than this fraction of its regrown links are links
        that the same step had removed.

    References
    ----------
    CH-SNN, arXiv 2511.05581, sections 3.2.3 and 3.2.4 and equation 20; CHT, ICLR 2024 (early
    stop); CHTs and CHTss, arXiv 2501.19107 (temperature, density); SET, Nat. Commun. 9:2383;
    RigL, arXiv 1911.11134.

    Examples
    --------
    >>> [round(Evolution(zeta=0.4).zeta_at(progress), 3) for progress in (0.0, 0.5, 1.0)]
    [0.4, 0.2, 0.0]
    """

    zeta: float = 0.3
    zeta_schedule: ZetaSchedule = "cosine"
    every: Literal["epoch"] | int = "epoch"
    until: float = 1.0
    removal: Literal["LRS", "magnitude", "RI", "SET", "random"] = "LRS"
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
                'final_sparsity goes with density_schedule "sigmoid", "cubic" or "extra", got '
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

    @property
    def interval(self) -> int | None:
        """Optimizer steps from one rewiring to the next; None: once an epoch."""
        return None if self.every == "epoch" else self.every

    def layers_to_rewire(self, layers: Mapping[str, SparseLinear], output: str) -> list[str]:
        """Return the names of the layers that lack a link."""
        return lacking_links(layers)

    def begin(self, state: RewiringState) -> None:
        """Check that the layers fit the settings.

        Raises
        ------
        ValueError
            If a layer is sparser than `final_sparsity`, or would have no link there.
        """
        if self.final_sparsity is None:
            return
        for name in state.targets:
            graph = state.graph(name)
            try:
                link_count(*graph.shape, self.final_sparsity)
            except ValueError as error:
                raise ValueError(f"final_sparsity of layer {name!r}: {error}") from None
            if graph.sparsity > self.final_sparsity + 1e-9:
                raise ValueError(
                    f"final_sparsity must be at least the {graph.sparsity:.6g} that layer "
                    f"{name!r} starts with, got {self.final_sparsity}"
                )

    def warm_up(self, state: RewiringState) -> None:
        """Let numba compile, or load, what :meth:`step` needs, so that its seconds are its own."""
        method = "random" if self.regrowth == "gradient" else self.regrowth
        for name in state.targets:
            regrow_links(
                state.graph(name),
                0,
                method=method,
                sampling=self.sampling,
                rng=0,
                n_threads=state.n_threads,
            )

    def step(
        self,
        state: RewiringState,
        *,
        progress: float,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> EvolutionRecord:
        """Rewire once, in place.

        Parameters
        ----------
        state : RewiringState
            The layers, and what is remembered; changed in place.
        progress : float
            How much of training is done, 0 to 1.
        gradients : mapping of str to LayerGradient, or None
            Of the last batch; needed by the "gradient" regrowth.

        Returns
        -------
        EvolutionRecord
        """
        start = working_seconds()
        zeta, before, evolving = self.zeta_at(progress), state.graphs(), state.evolving
        self._set_targets(state, evolving, progress)
        pruned = {**before, **self._prune(state, evolving, zeta, progress)}
        chains = remove_dead_chains(pruned, state.wiring, fixed=state.frozen)
        grown = self._grow(state, evolving, chains, gradients)
        for name in state.layers:
            self._give(state, name, chains.graphs[name], grown.get(name, chains.graphs[name]))
        new = {n: grown[n].n_links - chains.graphs[n].n_links for n in evolving}
        returned = {n: n_returned(before[n], chains.graphs[n], grown[n]) for n in evolving}
        self._stop_layers(state, returned, new, progress)
        return EvolutionRecord(
            zeta=zeta,
            pruned=sum(before[n].n_links - pruned[n].n_links for n in evolving),
            chain_removed=sum(g.n_links - chains.kept[n].size for n, g in pruned.items()),
            regrown=sum(new.values()),
            returned=sum(returned.values()),
            missing=sum(state.targets[n] - grown[n].n_links for n in evolving),
            dead_neurons=sum(int(mask.sum()) for mask in chains.dead),
            silent_inputs=state.silent_inputs(),
            stopped_layers=len(state.stopped),
            seconds=working_seconds() - start,
        )

    def _set_targets(self, state: RewiringState, evolving: list[str], progress: float) -> None:
        """Say how many links each layer is to have after this step; never more than before."""
        if self.final_sparsity is None:
            return
        for name in evolving:
            pairs = math.prod(state.graph(name).shape)
            sparsity = sparsity_at(
                1.0 - state.first_links[name] / pairs,
                self.final_sparsity,
                self.density_schedule,
                progress,
                min(self.density_until, state.last_progress),
            )
            state.targets[name] = min(state.targets[name], round((1.0 - sparsity) * pairs))

    def _most_kept(self, state: RewiringState, name: str) -> int:
        """Return how many links a layer may keep at most when it is pruned."""
        if self.density_schedule != "extra" or self.final_sparsity is None:
            return state.targets[name]
        return round((1.0 - self.final_sparsity) * math.prod(state.graph(name).shape))

    def _prune(
        self, state: RewiringState, evolving: list[str], zeta: float, progress: float
    ) -> dict[str, BipartiteGraph]:
        end = self.temperature if self.temperature_end is None else self.temperature_end
        pruned = {}
        for name in evolving:
            n_links = state.graph(name).n_links
            n_keep = n_links - (0 if name in state.stopped else round(zeta * n_links))
            pruned[name] = keep_links(
                state.layers[name],
                min(n_keep, self._most_kept(state, name)),
                removal=self.removal,
                sampling=self.sampling,
                temperature=linear(self.temperature, end, min(1.0, progress / self.until)),
                rng=stream(state.seed, "prune", state.events, name),
            )
        return pruned

    def _grow(
        self,
        state: RewiringState,
        evolving: list[str],
        chains: ChainRemoval,
        gradients: Mapping[str, LayerGradient] | None,
    ) -> dict[str, BipartiteGraph]:
        grown = {}
        for name in evolving:
            graph = chains.graphs[name]
            missing = state.targets[name] - graph.n_links
            if missing > 0:
                graph = add_links(
                    graph,
                    missing,
                    method=self.regrowth,
                    sampling=self.regrowth_sampling or self.sampling,
                    gradient=None if gradients is None else gradients[name],
                    allowed=chains.live(name),
                    rng=stream(state.seed, "regrow", state.events, name),
                    n_threads=state.n_threads,
                )
            grown[name] = graph
        return grown

    def _give(
        self, state: RewiringState, name: str, kept: BipartiteGraph, grown: BipartiteGraph
    ) -> None:
        """Give a layer its links in two moves: one that went and came again starts anew."""
        if self.new_weights == "last":
            remember(state, name, kept)
        state.rewire(name, kept)
        state.rewire(name, grown, new_values(self.new_weights, state, name, grown))

    def _stop_layers(
        self,
        state: RewiringState,
        returned: dict[str, int],
        new: dict[str, int],
        progress: float,
    ) -> None:
        if self.stop_overlap is None or not self.is_settled(progress):
            return
        for name, grown in new.items():
            if grown and returned[name] > self.stop_overlap * grown:
                state.stopped.add(name)
