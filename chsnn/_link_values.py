"""Values on the links of a graph: their topology, how it changes, and how it is saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph
from chsnn import _layer_state as states
from chsnn._layer_state import digest_of, is_digest_of
from chsnn._on_links import MIXED, OnLinks, plain, tell_links
from chsnn._plain_operations import NO_SCRIPT, needs_plain_operations
from chsnn._weight_view import READ_ONLY
from chsnn.ranks import Ranks


class Averager(Protocol):
    """What averages the gradients of links over ranks."""

    def check_prepared(self) -> None:
        """Raise RuntimeError if links cannot change."""
        ...

    def forward_passes_by(self) -> None:
        """Take note of a forward pass past the wrapper of the model."""
        ...


@dataclass(frozen=True, eq=False)
class Averaging:
    """Who averages the gradient of a layer's values, and by which hook on them."""

    averager: Averager
    values: nn.Parameter
    hook: Any


class LinkValues(nn.Module):
    """One parameter per link of a graph, that is part of the state: what a sparse layer owns.

    Parameters
    ----------
    graph : BipartiteGraph

    Attributes
    ----------
    graph : BipartiteGraph
    values : Parameter, shape (n_links,)
        That knows its links, as do its copies: see :mod:`chsnn._on_links`.
    links_digest : Tensor
        Tells one set of links from another in a file; averages by position spoil it.
    """

    links_digest: Tensor
    # Of a model that several processes train: these, and who averages the gradient of the values.
    ranks: Ranks | None = None
    averaging: Averaging | None = None
    # Whether the values have ever been given other memory.
    has_moved = False

    def __init__(self, graph: BipartiteGraph) -> None:
        super().__init__()
        if not isinstance(graph, BipartiteGraph):
            raise TypeError(f"graph must be a BipartiteGraph, got {type(graph).__name__}")
        self.values = nn.Parameter(torch.zeros(graph.n_links))
        self.register_buffer("links_digest", torch.empty(states.DIGEST_SIZE))
        self._take(graph)

    @property
    def graph(self) -> BipartiteGraph:
        """The layer's topology. Change it with :meth:`set_graph`."""
        return self._graph

    def _current_graph(self) -> BipartiteGraph:
        return self._graph

    def _take(self, graph: BipartiteGraph) -> None:
        self._graph = graph
        self._places: Tensor | None = None  # only the dense path needs it; made when asked for
        self._tell_values()
        with torch.no_grad():
            self.links_digest.copy_(digest_of(graph))

    def _tell_values(self) -> None:
        values = self._parameters.get("values")  # none if they are pruned or reparametrised
        # A shape has one full graph: its values mix with nothing else, and stay as fast.
        if values is not None and (self._graph.density < 1.0 or isinstance(values, OnLinks)):
            tell_links(values, self._graph)

    @property
    def link_places(self) -> Tensor:
        """Position of every link in the flattened (n_out, n_in) weight, int64."""
        known = self._places
        if known is not None and known.device == self.values.device:
            return known
        left, right = self.graph.links()
        places = torch.from_numpy(right * self.graph.n_left + left).to(self.values.device)
        if not needs_plain_operations():  # a program's tensors are of the program
            self._places = places
        return places

    @torch.no_grad()
    def set_values(self, values: Any) -> None:
        """Set the weight of every link, in link order.

        Raises
        ------
        ValueError
            If there is not one value per link.
        RuntimeError
            If the values are pruned or reparametrised.
        """
        self._check_plain("set_values")
        tensor = torch.as_tensor(values, dtype=self.values.dtype, device=self.values.device)
        if tensor.shape != self.values.shape:
            raise ValueError(
                f"values must have shape ({self.graph.n_links},), got {tuple(tensor.shape)}"
            )
        self.values.copy_(tensor)

    @torch.no_grad()
    def set_graph(self, new_graph: BipartiteGraph, *, new_values: Any = 0.0) -> np.ndarray:
        """Change the topology: the only way to do so.

        Links that stay keep their value. A backward pass through a result from before raises.

        Parameters
        ----------
        new_graph : BipartiteGraph
            Of the same shape.
        new_values : float or array_like, shape (n_new,)
            Values of the links that the layer did not have, in link order.

        Returns
        -------
        ndarray of int64, shape (new_graph.n_links,)
            For each link its number in the old graph, -1 for a new link: the map along
            which optimizer state is carried.

        Raises
        ------
        TypeError
            If `new_graph` is not a BipartiteGraph.
        ValueError
            If the shape differs or there is not one value per new link.
        RuntimeError
            If the values are pruned or reparametrised.

        Examples
        --------
        >>> from chsnn import SparseLinear
        >>> layer = SparseLinear(BipartiteGraph.from_links([0], [0], (2, 1)))
        >>> layer.set_values([5.0])
        >>> layer.set_graph(BipartiteGraph.from_links([0, 1], [0, 0], (2, 1)))
        array([ 0, -1])
        >>> layer.values.tolist()
        [5.0, 0.0]
        """
        if not isinstance(new_graph, BipartiteGraph):
            raise TypeError(f"new_graph must be a BipartiteGraph, got {type(new_graph).__name__}")
        if new_graph.shape != self.graph.shape:
            raise ValueError(f"new_graph must have shape {self.graph.shape}, got {new_graph.shape}")
        self._check_plain("set_graph")
        source = self.graph.link_ids(*new_graph.links())
        is_new = torch.from_numpy(source < 0)
        n_new = int(is_new.sum())
        old = plain(self.values).detach()
        fresh = torch.as_tensor(new_values, dtype=old.dtype, device=old.device)
        if fresh.dim() > 0 and fresh.shape != (n_new,):
            raise ValueError(
                f"new_values must be a number or have shape ({n_new},), got {tuple(fresh.shape)}"
            )
        carried = old.new_empty(new_graph.n_links)
        is_new = is_new.to(old.device)
        carried[~is_new] = old[torch.from_numpy(source[source >= 0]).to(old.device)]
        carried[is_new] = fresh
        self._replace_values(carried)
        self._take(new_graph)
        return source

    def _replace_values(self, tensor: Tensor) -> None:
        """Put other memory, of another size, under the same Parameter.

        The object stays, so an optimizer goes on updating it. Autograd remembers the size where
        gradients arrive for as long as any earlier result is alive, and forgets it only when
        the type changes: hence the detour over another one.
        """
        if self.averaging is not None:
            self.averaging.averager.check_prepared()
        self.has_moved = True
        other = torch.float64 if tensor.dtype == torch.float32 else torch.float32
        self.values.grad = None
        self.values.data = torch.empty(0, dtype=other, device=tensor.device)
        self.values.data = tensor

    def _check_plain(self, what: str) -> None:
        """Raise if the values are not the parameter, but computed from others."""
        if "values" not in self._parameters:
            raise RuntimeError(
                f"{what} needs the layer's own values, and they are pruned or reparametrised: make "
                "that permanent first (torch.nn.utils.prune.remove)"
            )

    def register_parameter(self, name: str, param: nn.Parameter | None) -> None:
        """Add a parameter; one called weight has no place here."""
        if name in ("weight", "weight_orig"):
            raise TypeError(READ_ONLY)
        super().register_parameter(name, param)
        if name == "values" and "_graph" in self.__dict__:
            self._tell_values()

    def __delattr__(self, name: str) -> None:
        """Delete an attribute; the values stay."""
        if name == "values" and name in self._parameters:
            raise TypeError(
                "values of a SparseLinear cannot be parametrised (torch's parametrize takes no "
                "parameter of this name): use torch.nn.utils.prune, or call the layer with other "
                "values by torch.func.functional_call"
            )
        super().__delattr__(name)

    def __prepare_scriptable__(self) -> nn.Module:
        """Refuse torch.jit.script, which asks here."""
        raise TypeError(NO_SCRIPT)

    # ------------------------------------------------------------------------ state

    def get_extra_state(self) -> Tensor:
        """Return the graph as ``state_dict()`` holds it: integers, shape (2 + n_in + n_links,).

        Numbers of inputs and outputs, the degree of each input, and the outputs it is linked to.
        """
        self.check_digest()
        return states.encoded(self.graph)

    def set_extra_state(self, state: Any) -> None:
        """Do nothing: the graph is taken before the values are, see ``_load_from_state_dict``."""

    def graph_of_state(self, state: Mapping[str, Any], prefix: str = "") -> BipartiteGraph | None:
        """Return the graph that a state_dict holds for this layer, None if it has none of it.

        Nothing is changed.

        Raises
        ------
        ValueError
            If the state does not fit the layer, or its values not its graph.
        """
        return states.graph_of_state(self, self.graph, state, prefix)

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, *lists: Any
    ) -> None:
        try:
            graph = self.graph_of_state(state_dict, prefix)
        except ValueError as error:
            # Not one more line of torch's list of errors: it would go on loading.
            name = prefix[:-1] or type(self).__name__
            raise RuntimeError(f"the state does not fit: {name}: {error}") from error
        if graph is not None and graph != self.graph:
            self._replace_values(self.values.new_empty(graph.n_links))
            self._take(graph)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, *lists)
        is_assigned = local_metadata.get("assign_to_params_buffers", False)
        if graph is not None and not is_assigned:  # that of the state may be rounded
            self._take(self.graph)
        self._tell_values()

    def check_digest(self) -> None:
        """Raise if the values are a mixture of those of different links.

        Raises
        ------
        RuntimeError
            If somebody averaged this layer with one that has other links, by position.
        """
        if self.links_digest.is_meta or is_digest_of(self.links_digest, self.graph):
            return
        raise RuntimeError(MIXED)

    def _apply(self, fn: Any, recurse: bool = True) -> LinkValues:
        self.check_digest()
        super()._apply(fn, recurse)
        # A number type is for the values: the digest stays what it is.
        self.links_digest = self.links_digest.to(torch.float32)
        if not self.links_digest.is_meta:
            self._take(self.graph)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold."""
        return {**self.__dict__, "_places": None, "ranks": None, "averaging": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take what a copy or pickle holds."""
        super().__setstate__(state)
        self._tell_values()
