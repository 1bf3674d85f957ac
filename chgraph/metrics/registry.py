"""The measures that a summary holds, each with a line of meaning: the list to add one to."""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from chgraph.graph import BipartiteGraph, Graph
from chgraph.metrics import communities, distances, layers, local, paths, powerlaw, sizes
from chgraph.metrics._workspace import Workspace
from chgraph.metrics.estimate import Estimate
from chgraph.metrics.rich_club import rich_club_p
from chgraph.metrics.small_world import small_world
from chgraph.metrics.spectral import structural_consistency
from chgraph.metrics.undefined import Undefined


@dataclass(frozen=True)
class Measure:
    """A measure as the summary knows it.

    Attributes
    ----------
    name : str
    meaning : str
        One line for a reader who does not know the measure.
    call : callable
        Takes the graph, and the keyword `rng` if `random`; returns a number, an
        :class:`Estimate` with its spread, or an :class:`Undefined` with the reason.
    cost : {"fast", "slow"}
        Slow ones are left out by ``cost="fast"``.
    applies_to : {"any", "bipartite", "monopartite"}
        Kind of graph.
    random : bool
        Whether the value depends on `rng`.
    shares : bool
        Whether `call` also takes a workspace, in which measures leave intermediate results
        for each other; else it is given the graph itself.
    stream : str
        Measures of one stream are given equal random numbers; by default each has its own,
        so that its value is the same whichever others are asked for.

    Examples
    --------
    >>> import chgraph
    >>> [nodf] = [measure for measure in chgraph.metrics.MEASURES if measure.name == "nodf"]
    >>> nodf.applies_to, nodf.cost
    ('bipartite', 'fast')
    """

    name: str
    meaning: str
    call: Callable[..., float | Estimate]
    cost: str = "fast"
    applies_to: str = "any"
    random: bool = False
    shares: bool = True
    stream: str = ""

    def of(self, work: Workspace, entropy: int) -> float | Estimate:
        """Return the value; what the measure refuses to compute is undefined."""
        name = self.stream or self.name
        stream = np.random.default_rng([entropy, zlib.crc32(name.encode())])
        options = {"rng": stream} if self.random else {}
        try:
            return self.call(work if self.shares else work.graph, **options)
        except ValueError as error:
            return Undefined(str(error))

    def suits(self, graph: Graph | BipartiteGraph) -> bool:
        """Whether the measure applies to this kind of graph."""
        kind = "bipartite" if graph.is_bipartite else "monopartite"
        return self.applies_to in ("any", kind)


def _of_small_world(part: str) -> Callable[..., Estimate]:
    """Return the measure that is one part of :func:`small_world`, computed once for all."""

    def call(work: Workspace, *, rng: np.random.Generator) -> Estimate:
        found = work.once("small_world", lambda: small_world(work.graph, rng=rng))
        estimate: Estimate = getattr(found, part)
        return estimate

    return call


def _p_of_rich_club(graph: Graph | BipartiteGraph, *, rng: np.random.Generator) -> Estimate:
    return rich_club_p(graph, rng=rng).p


_SLOW: dict[str, Any] = {"cost": "slow", "random": True}
_SMALL_WORLD: dict[str, Any] = {**_SLOW, "stream": "small_world"}

MEASURES: tuple[Measure, ...] = (
    Measure("n_nodes", "number of nodes", sizes.n_nodes),
    Measure("n_links", "number of links", sizes.n_links),
    Measure("average_degree", "links of a node, on average", sizes.average_degree),
    Measure("density", "share of all pairs of nodes that are linked", sizes.density),
    Measure(
        "layer_density",
        "share of all pairs of a left and a right node that are linked",
        sizes.layer_density,
        applies_to="bipartite",
    ),
    Measure("assortativity", "do hubs link to hubs (1) or to leaves (-1)", sizes.assortativity),
    Measure(
        "characteristic_path_length",
        "links from a node to another, on average",
        distances.characteristic_path_length,
    ),
    Measure(
        "global_efficiency", "1 / distance of two nodes, on average", distances.global_efficiency
    ),
    Measure(
        "closeness",
        "mean harmonic centrality: sum of 1 / distance to all other nodes",
        distances.mean_harmonic_centrality,
    ),
    Measure("radiality", "diameter + 1 - distance, on average", distances.radiality),
    Measure(
        "edge_betweenness", "shortest paths across a link, on average", distances.edge_betweenness
    ),
    Measure(
        "node_betweenness",
        "shortest paths (both ways) through a node, on average",
        distances.node_betweenness,
    ),
    Measure("clustering", "share of a node's pairs of neighbors that are linked", local.clustering),
    Measure(
        "local_efficiency", "global efficiency among a node's neighbors", local.local_efficiency
    ),
    Measure(
        "lcp_corr", "do links with more common neighbors have denser communities", local.lcp_corr
    ),
    Measure(
        "latapy_clustering",
        "overlap of the neighborhoods of two nodes that share a neighbor",
        layers.latapy_clustering,
        applies_to="bipartite",
    ),
    Measure(
        "robins_alexander_clustering",
        "share of the paths of three links that a link closes",
        layers.robins_alexander_clustering,
        applies_to="bipartite",
    ),
    Measure(
        "nodf",
        "nestedness in percent: do leaves link to what hubs link to",
        layers.nodf,
        applies_to="bipartite",
    ),
    Measure("n_l3_paths", "paths of three links, which L3 link prediction reads", paths.n_l3_paths),
    Measure(
        "modularity",
        "links inside communities beyond chance",
        communities.modularity,
        random=True,
    ),
    Measure(
        "barber_modularity",
        "the same, with chance links between the two sides only",
        communities.barber_modularity,
        applies_to="bipartite",
        random=True,
    ),
    Measure(
        "powerlaw_gamma",
        "exponent of the degree distribution; scale-free up to 3",
        powerlaw.powerlaw_gamma,
    ),
    Measure(
        "powerlaw_p",
        "plausibility of that power law; below 0.1 ruled out",
        powerlaw.powerlaw_p,
        **_SLOW,
    ),
    Measure(
        "structural_consistency",
        "share of removed links that the spectrum of the rest finds",
        structural_consistency,
        shares=False,
        **_SLOW,
    ),
    Measure(
        "small_world_omega",
        "lattice-like (-1), small world (0) or random (1)",
        _of_small_world("omega"),
        **_SMALL_WORLD,
    ),
    Measure(
        "small_world_sigma",
        "clustering per path length, of random graphs 1",
        _of_small_world("sigma"),
        **_SMALL_WORLD,
    ),
    Measure(
        "small_world_omega_efficiency",
        "the same with efficiencies; not bounded by 1",
        _of_small_world("omega_efficiency"),
        **_SMALL_WORLD,
    ),
    Measure(
        "small_world_sigma_efficiency",
        "the same as sigma, with efficiencies",
        _of_small_world("sigma_efficiency"),
        **_SMALL_WORLD,
    ),
    Measure(
        "rich_club_p",
        "do hubs link to each other by chance; below 0.05 more than that",
        _p_of_rich_club,
        shares=False,
        **_SLOW,
    ),
)
