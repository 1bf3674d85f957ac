"""The layer whose topology is a graph: the only place where graphs meet tensors."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph
from chsnn._link_averaging import notice_forward, prepare
from chsnn._link_values import LinkValues
from chsnn._on_links import plainly
from chsnn._plain_operations import breaks_graphs, needs_plain_operations
from chsnn._weight_view import READ_ONLY, ReadOnlyWeight
from chsnn.ops import dense_linear, scatter_links, sparse_linear
from chsnn.ops.layout import check_dense

_KERNEL_DTYPES = (torch.float32, torch.float64)
Backend = Literal["auto", "sparse", "dense"]
BACKENDS = ("auto", "sparse", "dense")

# Where a matrix product overtakes depends on the machine and on the columns: with 1,024 of them
# between 9 and 50 % of the links (analysis.benchmarks.sparse_compute, "one layer"), in training
# steps on 64 images above 30 % ("small-batch"). A narrow layer has too short a row for a matrix
# product to shine, and stays sparse.
SPARSE_BELOW_DENSITY = 0.3
NARROW_OUTPUTS = 64


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


def on_kernels(method: Callable[..., Any]) -> Callable[..., Any]:
    """Let a layer's method run by the kernels: they read numbers, and cannot be traced.

    ``torch.compile`` breaks its graph around it, and values are tensors like any other inside.
    Where no kernel has a place the method is run all the same, and looks itself.
    """

    @functools.wraps(method)
    def call(*args: Any, **options: Any) -> Any:
        if breaks_graphs():
            return torch.compiler.disable(call)(*args, **options)
        return plainly(method, *args, **options)

    return call


def _autocasts(device: str) -> bool:
    # Of a device that knows no autocast (meta) torch must not be asked.
    return torch.amp.is_autocast_available(device) and torch.is_autocast_enabled(device)


class SparseLinear(LinkValues):
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

    The graph is part of ``state_dict()``: loading another topology changes the topology, and a
    state that does not fit is refused before anything of the model is overwritten. The values
    know their links, as do their copies: averages by position (``AveragedModel``, an EMA of a
    state or of parameters) over different links raise a RuntimeError. In files a digest of the
    links, a small buffer, tells an average of different links.

    Examples
    --------
    >>> layer = SparseLinear(BipartiteGraph.from_biadjacency([[1, 0], [1, 1], [0, 1]]))
    >>> layer.set_values([1.0, 2.0, 3.0, 4.0])
    >>> layer(torch.tensor([[1.0, 1.0, 1.0]]))
    tensor([[3., 7.]], grad_fn=...)
    >>> layer.to_linear()
    Linear(in_features=3, out_features=2, bias=False)
    """

    # Of the layer that reads the input: the fraction of its input that is silent, which SSWI asks
    # for. None for every other layer.
    input_activity_sparsity: float | None = None

    def __init__(
        self, graph: BipartiteGraph, *, bias: bool = False, backend: Backend = "auto"
    ) -> None:
        super().__init__(graph)
        check_choice("backend", backend, BACKENDS)
        self.in_features, self.out_features = graph.shape
        self.backend: Backend = backend
        self.bias = nn.Parameter(torch.zeros(graph.n_right)) if bias else None
        self._watchers: tuple[Watcher, ...] = ()
        prepare(self)

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
        TypeError
            If `linear` is not an nn.Linear (with a size) or `graph` not a BipartiteGraph.
        ValueError
            If the graph has another shape.

        Examples
        --------
        >>> graph = BipartiteGraph.from_links([0], [1], (2, 2))
        >>> layer = SparseLinear.from_linear(nn.Linear(2, 2), graph)
        >>> layer.values.shape, layer.bias.shape
        (torch.Size([1]), torch.Size([2]))
        """
        if not isinstance(linear, nn.Linear) or isinstance(linear, nn.LazyLinear):
            raise TypeError(f"linear must be an nn.Linear, got {type(linear).__name__}")
        if not isinstance(graph, BipartiteGraph):
            raise TypeError(f"graph must be a BipartiteGraph, got {type(graph).__name__}")
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
        kind: dict[str, Any] = {"device": self.values.device, "dtype": self.values.dtype}
        linear = nn.Linear(*self.graph.shape, bias=self.bias is not None, **kind)
        linear.weight.copy_(self.dense_weight())
        linear.weight.requires_grad_(self.values.requires_grad)
        if self.bias is not None:
            linear.bias.copy_(self.bias)
            linear.bias.requires_grad_(self.bias.requires_grad)
        return linear.train(self.training)

    # ------------------------------------------------------------------ compute

    @on_kernels
    def forward(self, x: Tensor) -> Tensor:
        """Multiply: (..., n_in) to (..., n_out)."""
        self._check(x)
        y = self._product(x)
        if self._watchers:
            for take in self._tell(Passage(x.detach())):
                if y.requires_grad:
                    y.register_hook(take)
        # The product of an input that is the same at every step is held in memory once; a
        # result, as torch gives it, can be changed in place.
        return y.clone() if y.dim() > 1 and y.shape[0] > 1 and y.stride(0) == 0 else y

    def _product(self, x: Tensor, *, look_for_spikes: bool = True) -> Tensor:
        """Multiply (..., n_in) to (..., n_out); see :func:`chsnn.ops.sparse_linear`."""
        if needs_plain_operations():
            return functional.linear(x, self.dense_weight(), self.bias)
        if not self.uses_sparse_kernels:
            return self._dense_product(x)
        kind = self._result_dtype(x)
        if x.dtype == kind == self.values.dtype and kind in _KERNEL_DTYPES:
            return sparse_linear(
                x,
                self.values,
                self.graph,
                self.bias,
                look_for_spikes=look_for_spikes,
                current=self._current_graph,
            )
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
            weight = self.values.view(self.graph.shape)
            current = self._current_graph
            return dense_linear(x, weight, self.bias, graph=self.graph, current=current)
        return functional.linear(x, self.dense_weight(), self.bias)

    def _result_dtype(self, x: Tensor) -> torch.dtype:
        """Return the type of the result, as torch rules it: autocast leaves float64 alone."""
        device = x.device.type
        if _autocasts(device) and self.values.dtype != torch.float64:
            return torch.get_autocast_dtype(device)
        return x.dtype

    @property
    def uses_sparse_kernels(self) -> bool:
        """Whether the product is computed over the links, as `backend` says or "auto" chooses."""
        if self.backend != "auto":
            return self.backend == "sparse"
        if not self.values.is_cpu:
            return False
        graph = self._graph
        small = graph.n_right < NARROW_OUTPUTS or not graph.n_links
        return small or graph.density < SPARSE_BELOW_DENSITY

    def _check(self, x: Tensor) -> None:
        """Raise unless the input fits, and the values belong to the links."""
        values = self.values
        if torch.is_grad_enabled():
            notice_forward(self)
        if x.dim() == 0 or x.shape[-1] != self.in_features:
            raise ValueError(f"x must have {self.in_features} features, got shape {tuple(x.shape)}")
        check_dense("x", x)
        if x.dtype != values.dtype and not self._casts(x):
            raise ValueError(f"x must be {values.dtype} as the layer is, got {x.dtype}")
        if x.device != values.device:
            raise ValueError(f"x must be on {values.device} as the layer is, got {x.device}")

    def _casts(self, x: Tensor) -> bool:
        enabled = _autocasts(x.device.type) and x.is_floating_point()
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
        if needs_plain_operations():
            empty = self.values.new_zeros(self.out_features * self.in_features)
            filled = empty.scatter(0, self.link_places, self.values)
            return filled.view(self.out_features, self.in_features)
        return scatter_links(self.values, self.link_places, self.graph, self._current_graph)

    @property
    def weight(self) -> Tensor:
        """The weight as code written for nn.Linear reads it, (n_out, n_in): made when asked for.

        To read only: what changes it in place raises a TypeError, for the change would be lost.
        """
        weight = self.dense_weight()
        return weight if needs_plain_operations() else weight.as_subclass(ReadOnlyWeight)

    @weight.setter
    def weight(self, weight: Any) -> None:
        raise TypeError(READ_ONLY)

    def weight_mask(self) -> Tensor:
        """Return a boolean (n_out, n_in) tensor, True where there is a link."""
        n_in, n_out = self.graph.shape
        mask = torch.zeros(n_out * n_in, dtype=torch.bool, device=self.values.device)
        mask[self.link_places] = True
        return mask.view(n_out, n_in)

    def __getstate__(self) -> dict[str, Any]:
        """Return what copies and pickles hold: all but who watches."""
        return {**super().__getstate__(), "_watchers": ()}

    def extra_repr(self) -> str:
        """Return the size of the layer, for printing."""
        return (
            f"in_features={self.in_features}, out_features={self.out_features}, "
            f"links={self.graph.n_links}, sparsity={self.graph.sparsity:.4g}, "
            f"bias={self.bias is not None}, backend={self.backend}"
        )
