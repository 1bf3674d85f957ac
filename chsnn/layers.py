"""The layer whose topology is a graph: the only place where graphs meet tensors."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph
from chsnn.ops import dense_linear, scatter_links, sparse_linear

_KERNEL_DTYPES = (torch.float32, torch.float64)
Backend = Literal["auto", "sparse", "dense"]
BACKENDS = ("auto", "sparse", "dense")

# Where a matrix product overtakes depends on the machine and on the columns: with 1,024 of them
# between 9 and 50 % of the links (analysis.benchmarks.sparse_compute, "one layer"), in training
# steps on 64 images above 30 % ("small-batch"). A narrow layer has too short a row for a matrix
# product to shine, and stays sparse.
SPARSE_BELOW_DENSITY = 0.3
NARROW_OUTPUTS = 64

_DIGEST_NUMBERS = 8
_GRAPH_KEY = "_extra_state"  # torch's name of a module's extra state in a state_dict


@dataclass(frozen=True, eq=False)
class Passage:
    """One call of a layer, as it is reported to those who watch it.

    Attributes
    ----------
    inputs : Tensor, shape (..., n_in)
        What the layer read, detached.
    steps : int
        How many time steps every row of `inputs` stands for.
    is_mean : bool
        Whether a row is the mean over these steps (firing rates), and not the same at each.
    """

    inputs: Tensor
    steps: int = 1
    is_mean: bool = False


# Takes a call of a layer; may return what is to take the gradient of the layer's product.
Watcher = Callable[[Passage], Callable[[Tensor], None] | None]


def outside_compiled_graphs(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let ``torch.compile`` break its graph around a method: kernels cannot be traced."""

    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        if torch.compiler.is_compiling():
            return torch.compiler.disable(method)(*args, **options)
        return method(*args, **options)

    return call


class SparseLinear(nn.Module):
    """A linear layer with one parameter per link of a bipartite graph; stands in for nn.Linear.

    Parameters
    ----------
    graph : BipartiteGraph
        Inputs left, outputs right. The topology; nothing else holds it.
    bias : bool
        Whether every output has an additive parameter.
    backend : {"auto", "sparse", "dense"}
        How the product is computed; the numbers agree to float32 rounding. "sparse": kernels
        over the links, cost O(links x columns) for the product and for both gradients, no
        ``(n_out, n_in)`` array anywhere; on the CPU. "dense": the values are scattered into a
        matrix first. "auto": sparse on the CPU below 30 % of the links or below 64 outputs,
        else dense.

    Attributes
    ----------
    in_features, out_features : int
    graph : BipartiteGraph
    values : Parameter, shape (n_links,)
        Weight of each link, in the graph's link order; 0 until set.
    bias : Parameter or None, shape (n_out,)

    Notes
    -----
    float64 is computed as such; bfloat16, float16 and autocast in float32 where the kernels
    compute, with the result in the type that nn.Linear would give.

    The graph is part of ``state_dict()``: loading another topology changes the topology. A
    digest of the links travels along as a small buffer, so that averages which torch or a loop
    of one's own takes by position (``AveragedModel``, an EMA of a state) over layers with
    different links are noticed and refused instead of used.

    Examples
    --------
    >>> layer = SparseLinear(BipartiteGraph.from_biadjacency([[1, 0], [1, 1], [0, 1]]))
    >>> layer.set_values([1.0, 2.0, 3.0, 4.0])
    >>> layer(torch.tensor([[1.0, 1.0, 1.0]]))
    tensor([[3., 7.]], grad_fn=...)
    >>> layer.to_linear()
    Linear(in_features=3, out_features=2, bias=False)
    """

    links_digest: Tensor
    # Of the layer that reads the input: the fraction of its input that is silent, which SSWI asks
    # for. None for every other layer.
    input_activity_sparsity: float | None = None

    def __init__(
        self, graph: BipartiteGraph, *, bias: bool = False, backend: Backend = "auto"
    ) -> None:
        super().__init__()
        if not isinstance(graph, BipartiteGraph):
            raise TypeError(f"graph must be a BipartiteGraph, got {type(graph).__name__}")
        check_choice("backend", backend, BACKENDS)
        self.in_features, self.out_features = graph.shape
        self.backend: Backend = backend
        self.values = nn.Parameter(torch.zeros(graph.n_links))
        self.bias = nn.Parameter(torch.zeros(graph.n_right)) if bias else None
        self.register_buffer("links_digest", torch.empty(_DIGEST_NUMBERS))
        self._watchers: tuple[Watcher, ...] = ()
        self._take(graph)

    @classmethod
    def from_linear(
        cls, linear: nn.Linear, graph: BipartiteGraph, *, backend: Backend = "auto"
    ) -> SparseLinear:
        """Return a layer with the weights that a linear layer has at the links of a graph.

        Parameters
        ----------
        linear : nn.Linear
            Its weights elsewhere are left behind; bias, type, device, training mode and what is
            frozen are taken over.
        graph : BipartiteGraph, of shape (in_features, out_features)
        backend : {"auto", "sparse", "dense"}

        Raises
        ------
        ValueError
            If the graph has another shape.

        Examples
        --------
        >>> graph = BipartiteGraph.from_links([0], [1], (2, 2))
        >>> layer = SparseLinear.from_linear(nn.Linear(2, 2), graph)
        >>> layer.values.shape, layer.bias.shape
        (torch.Size([1]), torch.Size([2]))
        """
        shape = (linear.in_features, linear.out_features)
        if graph.shape != shape:
            raise ValueError(
                f"graph must have shape {shape}, as the linear layer, got {graph.shape}"
            )
        layer = cls(graph, bias=linear.bias is not None, backend=backend)
        layer.to(device=linear.weight.device, dtype=linear.weight.dtype)
        left, right = graph.links()
        with torch.no_grad():
            layer.values.copy_(linear.weight[torch.from_numpy(right), torch.from_numpy(left)])
            if layer.bias is not None:
                layer.bias.copy_(linear.bias)
        layer.values.requires_grad_(linear.weight.requires_grad)
        if layer.bias is not None:
            layer.bias.requires_grad_(linear.bias.requires_grad)
        layer.train(linear.training)
        return layer

    @torch.no_grad()
    def to_linear(self) -> nn.Linear:
        """Return an nn.Linear with the same outputs: the absent links have weight 0."""
        kind = {"device": self.values.device, "dtype": self.values.dtype}
        linear = nn.Linear(*self.graph.shape, bias=self.bias is not None, **kind)
        linear.weight.copy_(self.dense_weight())
        linear.weight.requires_grad_(self.values.requires_grad)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
            linear.bias.requires_grad_(self.bias.requires_grad)
        return linear.train(self.training)

    # ------------------------------------------------------------------ compute

    @outside_compiled_graphs
    def forward(self, x: Tensor) -> Tensor:
        """Multiply: (..., n_in) to (..., n_out)."""
        self._check(x)
        y = self._product(x)
        takers = self._tell(Passage(x.detach()))
        if y.requires_grad:
            for take in takers:
                y.register_hook(take)
        # The product of an input that is the same at every step is held in memory once; a
        # result, as torch gives it, can be changed in place.
        return y.clone() if y.dim() > 1 and y.shape[0] > 1 and y.stride(0) == 0 else y

    def _product(self, x: Tensor, *, look_for_spikes: bool = True) -> Tensor:
        """Multiply (..., n_in) to (..., n_out); see :func:`chsnn.ops.sparse_linear`."""
        if not self.uses_sparse_kernels:
            return self._dense_product(x)
        kind = self._result_dtype(x)
        number = torch.float64 if self.values.dtype == torch.float64 else torch.float32
        y = sparse_linear(
            x.to(number),
            self.values.to(number),
            self.graph,
            None if self.bias is None else self.bias.to(number),
            look_for_spikes=look_for_spikes,
            current=self._current_graph,
        )
        return y.to(kind)

    def _dense_product(self, x: Tensor) -> Tensor:
        plain = x.dtype in _KERNEL_DTYPES and self._result_dtype(x) == x.dtype
        if self.graph.density == 1.0 and self.values.device.type == "cpu" and plain:
            # The values of a full graph are its (n_in, n_out) matrix, in link order.
            return dense_linear(x, self.values.view(self.graph.shape), self.bias)
        return functional.linear(x, self.dense_weight(), self.bias)

    def _result_dtype(self, x: Tensor) -> torch.dtype:
        """Return the type of the result, as torch rules it: autocast leaves float64 alone."""
        device = x.device.type
        if torch.is_autocast_enabled(device) and self.values.dtype != torch.float64:
            return torch.get_autocast_dtype(device)
        return x.dtype

    @property
    def uses_sparse_kernels(self) -> bool:
        """Whether the product is computed over the links, as `backend` says or "auto" chooses."""
        if self.backend != "auto":
            return self.backend == "sparse"
        if self.values.device.type != "cpu":
            return False
        small = self.graph.n_right < NARROW_OUTPUTS or not self.graph.n_links
        return small or self.graph.density < SPARSE_BELOW_DENSITY

    def _check(self, x: Tensor) -> None:
        """Raise unless the input fits, and the values belong to the links."""
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            raise ValueError(f"x must have {self.in_features} features, got shape {tuple(x.shape)}")
        if x.dtype != self.values.dtype and not self._casts(x):
            raise ValueError(f"x must be {self.values.dtype} as the layer is, got {x.dtype}")
        if x.device != self.values.device:
            raise ValueError(f"x must be on {self.values.device} as the layer is, got {x.device}")
        self.check_digest()

    def _casts(self, x: Tensor) -> bool:
        enabled = torch.is_autocast_enabled(x.device.type) and x.is_floating_point()
        return enabled and torch.float64 not in (x.dtype, self.values.dtype)

    def _tell(self, passage: Passage) -> list[Callable[[Tensor], None]]:
        """Report a call to all who watch; return what is to take the product's gradient."""
        takers = [watch(passage) for watch in self._watchers]
        return [take for take in takers if take is not None]

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Report every call from now on to `watcher`; returns what ends that.

        The route through the code stays the same. See :mod:`chsnn.observe`.
        """
        self._watchers = (*self._watchers, watcher)

        def stop() -> None:
            self._watchers = tuple(w for w in self._watchers if w is not watcher)

        return stop

    # ---------------------------------------------------------------- dense views

    def dense_weight(self) -> Tensor:
        """Return the weight as torch has it, (n_out, n_in), zeros where there is no link."""
        return scatter_links(self.values, self._places(), self.graph, self._current_graph)

    @property
    def weight(self) -> Tensor:
        """The weight as code written for nn.Linear reads it, (n_out, n_in): made when asked for.

        To read only: what changes it in place raises a TypeError, for the change would be lost.
        """
        return self.dense_weight().as_subclass(_ReadOnlyWeight)

    def weight_mask(self) -> Tensor:
        """Return a boolean (n_out, n_in) tensor, True where there is a link."""
        n_in, n_out = self.graph.shape
        mask = torch.zeros(n_out * n_in, dtype=torch.bool, device=self.values.device)
        mask[self._places()] = True
        return mask.view(n_out, n_in)

    def _places(self) -> Tensor:
        """Return the position of every link in the flattened (n_out, n_in) weight."""
        if self._cached_places is None or self._cached_places.device != self.values.device:
            left, right = self.graph.links()
            places = torch.from_numpy(right * self.graph.n_left + left)
            self._cached_places = places.to(self.values.device)
        return self._cached_places

    # ------------------------------------------------------------ graph and values

    @property
    def graph(self) -> BipartiteGraph:
        """The layer's topology. Change it with :meth:`set_graph`."""
        return self._graph

    def _current_graph(self) -> BipartiteGraph:
        return self._graph

    def _take(self, graph: BipartiteGraph) -> None:
        self._graph = graph
        # Only the dense path needs it; made when first asked for.
        self._cached_places: Tensor | None = None
        with torch.no_grad():
            self.links_digest.copy_(_digest(graph))
        self._intact: tuple[int, int] | None = None

    @torch.no_grad()
    def set_values(self, values: Any) -> None:
        """Set the weight of every link, in link order.

        Raises
        ------
        ValueError
            If there is not one value per link.
        """
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
            which optimiser state is carried.

        Raises
        ------
        TypeError
            If `new_graph` is no BipartiteGraph.
        ValueError
            If the shape differs or there is not one value per new link.

        Examples
        --------
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
        source = self.graph.link_ids(*new_graph.links())
        is_new = torch.from_numpy(source < 0)
        n_new = int(is_new.sum())
        old = self.values.detach()
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

        The object stays, so an optimiser goes on updating it. Autograd remembers the size where
        gradients arrive for as long as any earlier result is alive, and forgets it only when
        the type changes: hence the detour over another one.
        """
        other = torch.float64 if tensor.dtype == torch.float32 else torch.float32
        self.values.grad = None
        self.values.data = torch.empty(0, dtype=other, device=tensor.device)
        self.values.data = tensor

    # ------------------------------------------------------------------------ state

    def get_extra_state(self) -> Tensor:
        """Return the graph as ``state_dict()`` holds it: integers, shape (2 + n_in + n_links,).

        Numbers of inputs and outputs, the degree of each input, and the outputs it is linked to.
        """
        self.check_digest()
        graph = self.graph
        parts = (np.array(graph.shape), graph.left_degree, graph.left_neighbors)
        return torch.from_numpy(np.concatenate(parts).astype(np.int32))

    def set_extra_state(self, state: Any) -> None:
        """Do nothing: the graph is taken before the values are, see ``_load_from_state_dict``."""

    def graph_of_state(self, state: dict[str, Any], prefix: str = "") -> BipartiteGraph | None:
        """Return the graph that a state_dict holds for this layer, None if it has none of it.

        Nothing is changed.

        Raises
        ------
        ValueError
            If the state does not fit the layer, or its values not its graph.
        """
        if f"{prefix}weight" in state:
            raise ValueError(
                "the state is that of a dense layer; load it into the dense model, then sparsify it"
            )
        values, found = state.get(f"{prefix}values"), state.get(f"{prefix}{_GRAPH_KEY}")
        if values is None and found is None:
            return None
        if values is None or found is None:
            raise ValueError("the state must have both the links and their values")
        graph = _decoded(found)
        if graph.shape != self.graph.shape:
            raise ValueError(
                f"the state is of a layer {graph.shape}, this one is {self.graph.shape}"
            )
        if values.shape != (graph.n_links,):
            raise ValueError(
                f"the state has values of shape {tuple(values.shape)} for {graph.n_links} links"
            )
        bias = state.get(f"{prefix}bias")
        if bias is not None and self.bias is not None and bias.shape != self.bias.shape:
            raise ValueError(f"the state has a bias of shape {tuple(bias.shape)}")
        digest = state.get(f"{prefix}links_digest")
        if digest is not None and not _same_digest(digest, graph):
            raise ValueError(_MIXED)
        return graph

    def _load_from_state_dict(
        self, state_dict: Any, prefix: str, local_metadata: Any, strict: bool, *lists: Any
    ) -> None:
        errors = lists[-1]
        try:
            graph = self.graph_of_state(state_dict, prefix)
        except ValueError as error:
            errors.append(f"{prefix[:-1] or 'SparseLinear'}: {error}")
            return
        if graph is not None and graph != self.graph:
            self._replace_values(self.values.new_empty(graph.n_links))
            self._take(graph)
        super()._load_from_state_dict(state_dict, prefix, local_metadata, strict, *lists)
        if graph is not None:  # the digest of a state may have been through another type
            self._take(self.graph)

    def check_digest(self) -> None:
        """Raise if the values are a mixture of those of different links.

        Raises
        ------
        RuntimeError
            If somebody averaged this layer with one that has other links, by position.
        """
        digest = self.links_digest
        if digest.is_meta or digest.is_inference():
            return
        state = (id(digest), digest._version)
        if state == self._intact:
            return
        if not _same_digest(digest, self.graph):
            raise RuntimeError(_MIXED)
        self._intact = state

    def _apply(self, fn: Any, recurse: bool = True) -> SparseLinear:
        self.check_digest()
        super()._apply(fn, recurse)
        # A number type is for the values: the digest stays what it is.
        self.links_digest = self.links_digest.to(torch.float32)
        if not self.links_digest.is_meta:
            self._take(self.graph)
        return self

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold: all but who watches."""
        return {**self.__dict__, "_watchers": (), "_cached_places": None, "_intact": None}

    def extra_repr(self) -> str:
        """Return the size of the layer, for printing."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"links={self.graph.n_links}, sparsity={self.graph.sparsity:.4g}, "
            f"bias={self.bias is not None}, backend={self.backend}"
        )


class _ReadOnlyWeight(Tensor):
    """A dense weight made from a layer's values; changes would be lost, so they are refused."""

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(func, "__name__", "")
        in_place = name.endswith("_") and not name.endswith("__")
        if in_place or name in _ASSIGNMENTS:
            raise TypeError(
                "the weight of a SparseLinear is made from its values when it is read: change "
                "those, with set_values(...)"
            )
        result = super().__torch_function__(func, types, args, kwargs or {})
        # What is computed from it is a tensor like any other; another view of it is not.
        is_other = isinstance(result, cls) and name not in _VIEWS
        return result.as_subclass(Tensor) if is_other else result


_ASSIGNMENTS = ("__setitem__", "__set__", "__iadd__", "__imul__", "__isub__", "__itruediv__")
_VIEWS = ("__get__", "__getitem__", "detach", "view", "t", "transpose", "requires_grad_")


_MIXED = (
    "these values mix those of different links: somebody averaged or copied them by position "
    "across a change of the graph; average link by link, or start a new average (AveragedModel) "
    "after each evolution step"
)


def _digest(graph: BipartiteGraph) -> Tensor:
    """Return numbers in [0, 1) that tell one set of links from another."""
    digest = hashlib.blake2b(graph.left_offsets.tobytes(), digest_size=4 * _DIGEST_NUMBERS)
    digest.update(graph.left_neighbors.tobytes())
    # 24 bits, which float32 holds exactly.
    words = np.frombuffer(digest.digest(), np.uint32) >> 8
    return torch.from_numpy(words.astype(np.float32) / 2**24)


def _same_digest(digest: Tensor, graph: BipartiteGraph) -> bool:
    tolerance = 1e-6 + (torch.finfo(digest.dtype).eps if digest.is_floating_point() else 0.0)
    if digest.shape != (_DIGEST_NUMBERS,):
        return False
    return bool(((digest.detach().float().cpu() - _digest(graph)).abs() <= tolerance).all())


def _decoded(state: Any) -> BipartiteGraph:
    """Return the graph of :meth:`SparseLinear.get_extra_state`; ValueError for anything else."""
    if not isinstance(state, Tensor) or state.dim() != 1 or state.is_floating_point():
        raise ValueError("the state holds no graph that can be read")
    numbers = state.detach().cpu().numpy().astype(np.int64)
    if numbers.size < 2 or (numbers < 0).any() or numbers.size < 2 + numbers[0]:
        raise ValueError("the state holds no graph that can be read")
    n_left, n_right = int(numbers[0]), int(numbers[1])
    degree, right = numbers[2 : 2 + n_left], numbers[2 + n_left :]
    if degree.sum() != right.size:
        raise ValueError("the state holds no graph that can be read")
    return BipartiteGraph.from_links(np.repeat(np.arange(n_left), degree), right, (n_left, n_right))
