"""What a run of rewiring works on and remembers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Wiring
from chsnn.layers import SparseLinear
from chsnn.optimizers import carry_state, check_carries, group_of
from chsnn.ranks import Ranks


@dataclass(eq=False)
class RewiringState:
    """The layers of a model with what their rewiring needs.

    Attributes
    ----------
    layers : dict of str to SparseLinear
        All sparse layers of the model, by name.
    wiring : Wiring
        Which of them feeds which.
    optimizers : tuple of Optimizer
        Whose per-link state is carried along.
    targets : dict of str to int
        How many links each layer that is rewired is to have.
    thresholds : dict of str to float
        Of the neurons behind each layer, which weights drawn by SSWI are made for.
    seed : int
    n_threads : int or None
        Of the topology kernels.
    events : int
        Rewirings so far, which number the random streams.
    last_progress : float
        How much of training is done when the last rewiring comes: targets are reached by then.
    stopped : set of str
        Layers whose rewiring has come to rest.
    first_links : dict of str to int
        Links that each layer began with.
    memory : dict of str to Tensor
        What else is remembered, as named tensors: a checkpoint holds them as they are.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> model = chsnn.networks.mlp((8, 16, 3), sparsity=0.5)
    >>> rewirer = chsnn.Evolution().attach(
    ...     model, torch.optim.Adam(model.parameters()), total_steps=10, every=5
    ... )
    >>> rewirer.state.targets
    {'layers.0': 64}
    """

    layers: dict[str, SparseLinear]
    wiring: Wiring
    optimizers: Sequence[torch.optim.Optimizer]
    targets: dict[str, int]
    thresholds: dict[str, float] = field(default_factory=dict)
    seed: int = 0
    n_threads: int | None = None
    events: int = 0
    last_progress: float = 1.0
    stopped: set[str] = field(default_factory=set)
    first_links: dict[str, int] = field(default_factory=dict)
    memory: dict[str, Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.first_links = self.first_links or {n: self.graph(n).n_links for n in self.targets}
        self._seen = self.graphs()
        self._loaded: set[int] = set()
        # Noted now: a way of rewiring may take its parameters out of the optimizers.
        self._groups: dict[str, tuple[int, int]] = {}
        for name, layer in self.layers.items():
            for i, optimizer in enumerate(self.optimizers):
                if (place := group_of(optimizer, layer.values)) is not None:
                    self._groups[name] = (i, place)

    @property
    def ranks(self) -> Ranks | None:
        """The processes that train the model together; None if this one does alone."""
        return next((one.ranks for one in self.layers.values() if one.ranks is not None), None)

    def graph(self, name: str) -> BipartiteGraph:
        """Return the graph of a layer."""
        return self.layers[name].graph

    def graphs(self) -> dict[str, BipartiteGraph]:
        """Return the graphs of all layers by name."""
        return {name: layer.graph for name, layer in self.layers.items()}

    @property
    def frozen(self) -> list[str]:
        """Layers whose weights are not trained: they are left alone."""
        return [name for name, layer in self.layers.items() if not layer.values.requires_grad]

    @property
    def evolving(self) -> list[str]:
        """Layers that are rewired: those with a target, without the frozen ones."""
        frozen = set(self.frozen)
        return [name for name in self.targets if name not in frozen]

    def rewire(self, name: str, graph: BipartiteGraph, fresh: float | np.ndarray = 0.0) -> None:
        """Give a layer a new graph, with its weights and optimizer state; new links get `fresh`."""
        layer = self.layers[name]
        if graph is layer.graph or graph == layer.graph:
            return
        n_before = layer.graph.n_links
        source = layer.set_graph(graph, new_values=fresh)
        for optimizer in self.optimizers:
            carry_state(optimizer, layer.values, source, n_before)
        self._seen[name] = layer.graph

    def has_loaded(self, optimizer: int) -> None:
        """Note that the optimizer of this number has taken up a state.

        That is of the links that the layers have when it is next used: model and optimizer are
        restored from one moment, in any order.
        """
        self._loaded.add(optimizer)

    def recall(self, key: str, device: torch.device) -> Tensor:
        """Return what is remembered, moved for good to where it is needed."""
        self.memory[key] = self.memory[key].to(device)
        return self.memory[key]

    def follow_changes(self) -> list[str]:
        """Carry the optimizers' state over changes of links that somebody else has made.

        A state_dict that was loaded, or ``set_graph`` by hand. Returns the layers' names.
        """
        changed = [n for n, layer in self.layers.items() if layer.graph is not self._seen[n]]
        for i, optimizer in enumerate(self.optimizers):
            if i in self._loaded:
                for layer in self.layers.values():
                    check_carries(optimizer, layer.values)
                continue
            for name in changed:
                layer, before = self.layers[name], self._seen[name]
                source = before.link_ids(*layer.graph.links())
                carry_state(optimizer, layer.values, source, before.n_links)
        self._loaded.clear()
        self._seen = self.graphs()
        return changed

    def learning_rate(self, name: str) -> float:
        """Return the learning rate of a layer's weights; 1 if no optimizer was given them."""
        if name not in self._groups:
            return 1.0
        optimizer, place = self._groups[name]
        return float(self.optimizers[optimizer].param_groups[place]["lr"])

    def silent_inputs(self) -> int:
        """Count the inputs without a link, of layers that read nothing another one feeds."""
        fed = {name for junction in self.wiring.junctions for name in junction.targets}
        open_layers = [layer for name, layer in self.layers.items() if name not in fed]
        return sum(int((layer.graph.left_degree == 0).sum()) for layer in open_layers)
