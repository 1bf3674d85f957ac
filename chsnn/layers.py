"""The layer whose topology is a graph: the only place where graphs meet tensors."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph
from chsnn.neurons import LIF
from chsnn.ops import dense_linear, mean_over_time, sparse_lif_rate, sparse_linear

_KERNEL_DTYPES = (torch.float32, torch.float64)
Backend = Literal["auto", "sparse", "dense"]
BACKENDS = ("auto", "sparse", "dense")
Steps = Literal["each", "once", "mean"]
STEPS = ("each", "once", "mean")

# Where a matrix product overtakes depends on the machine and on the columns: with 1,024 of them
# between 9 and 50 % of the links (analysis.benchmarks.sparse_compute, "one layer"), in training
# steps on 64 images above 30 % ("small-batch"). A narrow layer has too short a row for a matrix
# product to shine, and stays sparse.
SPARSE_BELOW_DENSITY = 0.3
NARROW_OUTPUTS = 64


class SparseLinear(nn.Module):
    """A linear layer with one parameter per link of a bipartite graph.

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
    graph : BipartiteGraph
    values : Parameter, float32, shape (n_links,)
        Weight of each link, in the graph's link order; 0 until set.
    bias : Parameter or None, shape (n_out,)

    Examples
    --------
    >>> layer = SparseLinear(BipartiteGraph.from_biadjacency([[1, 0], [1, 1], [0, 1]]))
    >>> layer.set_values([1.0, 2.0, 3.0, 4.0])
    >>> layer(torch.tensor([[1.0, 1.0, 1.0]]))
    tensor([[3., 7.]], grad_fn=...)
    >>> layer.dense_weight()
    tensor([[1., 2., 0.],
            [0., 3., 4.]], grad_fn=...)
    """

    def __init__(
        self, graph: BipartiteGraph, *, bias: bool = False, backend: Backend = "auto"
    ) -> None:
        super().__init__()
        if not isinstance(graph, BipartiteGraph):
            raise TypeError(f"graph must be a BipartiteGraph, got {type(graph).__name__}")
        check_choice("backend", backend, BACKENDS)
        self.backend: Backend = backend
        self.values = nn.Parameter(torch.zeros(graph.n_links))
        self.bias = nn.Parameter(torch.zeros(graph.n_right)) if bias else None
        self._take(graph)

    def _take(self, graph: BipartiteGraph) -> None:
        self._graph = graph
        # Only the dense path needs it; made when first asked for.
        self._cached_places: Tensor | None = None

    @property
    def graph(self) -> BipartiteGraph:
        """The layer's topology. Change it with :meth:`set_graph`."""
        return self._graph

    def forward(self, x: Tensor, *, steps: Steps = "each") -> Tensor:
        """Multiply: (..., n_in) to (..., n_out).

        An input that is the same at every time step (a ``[T, B, n]`` view with stride 0
        in time, as direct encoding gives) is multiplied once.

        Parameters
        ----------
        x : Tensor, shape (..., n_in)
        steps : {"each", "once", "mean"}
            What to return of a first axis of time steps: the product of each step; of the
            first step only, for an input that is the same at every step; or the mean over
            time, which is the product of the mean and costs that of one step.
        """
        check_choice("steps", steps, STEPS)
        if steps == "once":
            return self.product(x[0])
        if steps == "mean":
            mine = x.device.type == "cpu" and x.dtype in _KERNEL_DTYPES
            mean = mean_over_time(x) if mine else x.mean(dim=0)
            return self.product(mean, look_for_spikes=x.shape[0] == 1)
        if x.ndim > 1 and x.shape[0] > 1 and x.stride(0) == 0:
            once = self.product(x[0])
            return once.expand(x.shape[0], *once.shape)
        return self.product(x)

    def firing_rate(self, x: Tensor, neuron: LIF, steps: int) -> Tensor:
        """Return how often neurons behind this layer fire for an input that does not change.

        The numbers of ``neuron(self(x), steps=steps)[0].mean(dim=0)`` without writing down what
        the neurons receive or when they spike; no hook of either module is called.

        Parameters
        ----------
        x : Tensor, shape (B, n_in)
        neuron : LIF
        steps : int
            How often `x` is shown.

        Returns
        -------
        Tensor, shape (B, n_out)
            Spikes per step, in [0, 1].
        """
        if self.uses_sparse_kernels and neuron.fits_kernel(x):
            settings = neuron.kernel_settings()
            return sparse_lif_rate(x, self.values, self.graph, self.bias, **settings, steps=steps)
        return neuron.rate(self.product(x), steps)

    def product(self, x: Tensor, *, look_for_spikes: bool = True) -> Tensor:
        """Multiply (..., n_in) to (..., n_out); see :func:`chsnn.ops.sparse_linear`.

        What :meth:`forward` does for each step, without its hooks.
        """
        if self.uses_sparse_kernels:
            return sparse_linear(
                x, self.values, self.graph, self.bias, look_for_spikes=look_for_spikes
            )
        if self.graph.density == 1.0 and self.values.device.type == "cpu":
            # The values of a full graph are its (n_in, n_out) matrix, in link order.
            return dense_linear(x, self.values.view(self.graph.shape), self.bias)
        return functional.linear(x, self.dense_weight(), self.bias)

    @property
    def uses_sparse_kernels(self) -> bool:
        """Whether the product is computed over the links, as `backend` says or "auto" chooses."""
        if self.backend != "auto":
            return self.backend == "sparse"
        if self.values.device.type != "cpu" or self.values.dtype not in _KERNEL_DTYPES:
            return False
        small = self.graph.n_right < NARROW_OUTPUTS or not self.graph.n_links
        return small or self.graph.density < SPARSE_BELOW_DENSITY

    def dense_weight(self) -> Tensor:
        """Return the weight as torch has it, (n_out, n_in), zeros where there is no link."""
        n_in, n_out = self.graph.shape
        flat = self.values.new_zeros(n_out * n_in).scatter(0, self._places(), self.values)
        return flat.view(n_out, n_in)

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

        Links that stay keep their value.

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
        is_new = source < 0
        n_new = int(is_new.sum())
        old_values = self.values.detach().cpu().numpy()
        fresh = np.asarray(new_values, dtype=old_values.dtype)
        if fresh.ndim > 0 and fresh.shape != (n_new,):
            raise ValueError(
                f"new_values must be a number or have shape ({n_new},), got {fresh.shape}"
            )
        carried = np.empty(new_graph.n_links, dtype=old_values.dtype)
        carried[~is_new] = old_values[source[~is_new]]
        carried[is_new] = fresh
        self._replace_values(torch.from_numpy(carried).to(self.values.device))
        self._take(new_graph)
        return source

    def _replace_values(self, tensor: Tensor) -> None:
        """Put other memory, of another size, under the same Parameter.

        The object stays, so an optimiser goes on updating it. Autograd remembers the size where
        gradients arrive for as long as any earlier result is alive, and forgets it only when
        the type changes: hence the detour over another one.
        """
        other = torch.float64 if tensor.dtype == torch.float32 else torch.float32
        self.values.data = torch.empty(0, dtype=other, device=tensor.device)
        self.values.data = tensor
        self.values.grad = None

    def extra_repr(self) -> str:
        """Return the size of the layer, for printing."""
        n_in, n_out = self.graph.shape
        return (
            f"{n_in}, {n_out}, links={self.graph.n_links}, sparsity={self.graph.sparsity:.4g}, "
            f"bias={self.bias is not None}, backend={self.backend}"
        )
