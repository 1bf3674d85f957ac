"""A layer and its neurons as one fast module, and a readout that integrates over time."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor, nn

from chgraph.checks import check_positive_int
from chgraph.graph import BipartiteGraph
from chsnn._plain_operations import needs_plain_operations
from chsnn.layers import Backend, Passage, SparseLinear, on_kernels
from chsnn.neurons import LIF, LIFNumbers
from chsnn.ops import mean_over_time, sparse_lif_rate
from chsnn.window import TargetWindow, learning_window


class SparseLIF(SparseLinear):
    """A sparse layer with the LIF neurons behind it: spikes over time in, spikes out.

    The numbers of ``LIF(...)(SparseLinear(...)(x))``, forward and backward, in fewer passes over
    memory: an input that is the same at every step is multiplied once, and if only the firing
    rates are wanted, the spikes are never written down. One module: a hook on it sees
    what goes in and what comes out.

    Parameters
    ----------
    graph : BipartiteGraph
    neuron : LIF, optional
        Whose settings (and learnt numbers) the neurons get; ``LIF()`` by default.
    bias : bool
    backend : {"auto", "sparse", "dense"}

    Attributes
    ----------
    neuron : LIFNumbers
        Threshold and decay of the neurons: parameters if they are learnt, else buffers.

    Raises
    ------
    TypeError
        If `neuron` is of a class of its own, whose ``forward`` would not be called.

    Examples
    --------
    >>> import torch
    >>> layer = SparseLIF(BipartiteGraph.from_biadjacency([[1, 0], [1, 1]]))
    >>> layer.set_values([2.0, 0.4, 2.0])
    >>> spikes = torch.tensor([[[1.0, 0.0]], [[0.0, 1.0]]])  # two steps of one sample
    >>> layer(spikes)[:, 0]
    tensor([[1., 0.],
            [0., 1.]], grad_fn=...)
    """

    def __init__(
        self,
        graph: BipartiteGraph,
        neuron: LIF | None = None,
        *,
        bias: bool = False,
        backend: Backend = "auto",
    ) -> None:
        super().__init__(graph, bias=bias, backend=backend)
        neuron = LIF() if neuron is None else neuron
        if type(neuron) is not LIF:
            raise TypeError(
                f"neuron must be a chsnn.LIF, got {type(neuron).__name__}: put a SparseLinear and "
                "neurons of your own one after the other"
            )
        self.neuron = LIFNumbers(**neuron.settings)

    @on_kernels
    def forward(self, x: Tensor, *, rate: bool = False) -> Tensor:
        """Run all time steps.

        Parameters
        ----------
        x : Tensor, shape (T, B, n_in)
            An input that is the same at every step (stride 0 in time, as direct encoding gives
            it) costs the product of one.
        rate : bool
            Whether to return only how often each neuron fires.

        Returns
        -------
        Tensor, shape (T, B, n_out), or (B, n_out) with `rate`
            Spikes, or their mean over time.
        """
        self._check(x)
        steps = _check_steps(x)
        # The gradient of an input that wants one is that of every step.
        is_constant = steps > 1 and x.stride(0) == 0 and not x.requires_grad
        source = x[0] if is_constant else x
        takers: list[Callable[[Tensor], None]] = []
        if self._watchers:
            takers = self._tell(Passage(source.detach(), steps if is_constant else 1))

        def tell(gradient: Tensor) -> None:
            for take in takers:
                take(gradient)

        window = learning_window()
        if window is not None:
            return self._run_inside(window, source, tell if takers else None, rate=rate)
        if is_constant and rate and self._fits_rate_kernel(x):
            return sparse_lif_rate(
                source,
                self.values,
                self.graph,
                self.bias,
                **self.neuron.kernel_settings(),
                steps=steps,
                current=self._current_graph,
                watch=tell if takers else None,
            )
        y = self._product(source)
        if takers and y.requires_grad:
            y.register_hook(tell)
        if is_constant and rate:
            return self.neuron.rate(y, steps)
        spikes, _ = self.neuron.run(y, steps=steps if is_constant else None)
        return mean_of_steps(spikes) if rate else spikes

    def _run_inside(
        self,
        window: TargetWindow,
        source: Tensor,
        tell: Callable[[Tensor], None] | None,
        *,
        rate: bool,
    ) -> Tensor:
        """Run all time steps, learning from those of a window only; the rate is that in it."""
        y = self._product(source)
        if tell is not None and y.requires_grad:
            y.register_hook(tell)
        if y.dim() == 2:  # the same at every step
            y = y.expand(window.steps, *y.shape)
            source = source.expand(window.steps, *source.shape)
        spikes, _ = self.neuron.run(window.gate(y, on_error=window.reads(self, source)))
        return window.mean(spikes) if rate else spikes

    def to_linear(self) -> DenseLIF:
        """Return a dense layer with the same neurons: the absent links have weight 0."""
        return DenseLIF(super().to_linear(), self.neuron).train(self.training)

    def _fits_rate_kernel(self, x: Tensor) -> bool:
        plain = x.dtype == self.values.dtype == self._result_dtype(x)
        return self.uses_sparse_kernels and plain and self.neuron.fits_kernel(x)

    def extra_repr(self) -> str:
        """Return the size of the layer, for printing."""
        return f"{super().extra_repr()}, {self.neuron.extra_repr()}"


class SparseReadout(SparseLinear):
    """A sparse layer whose outputs integrate over time without leak or threshold.

    The score of a class is the mean over time of what its output receives, which is the product
    of the mean input: one product, however many steps.

    Parameters
    ----------
    graph, bias, backend
        As for :class:`chsnn.SparseLinear`.

    Examples
    --------
    >>> import torch
    >>> layer = SparseReadout(BipartiteGraph.from_biadjacency([[1]]))
    >>> layer.set_values([2.0])
    >>> layer(torch.tensor([[[1.0]], [[0.0]]])), layer(torch.tensor([[0.5]]), steps=2)
    (tensor([[1.]], grad_fn=...), tensor([[1.]], grad_fn=...))
    """

    @on_kernels
    def forward(self, x: Tensor, *, steps: int | None = None) -> Tensor:
        """Return the mean over time of the products.

        Parameters
        ----------
        x : Tensor, shape (T, B, n_in); with `steps` (B, n_in)
            Spikes or values over time; with `steps` their mean over so many steps.
        steps : int, optional

        Returns
        -------
        Tensor, shape (B, n_out)
        """
        self._check(x)
        is_each = False
        if steps is not None:
            steps = check_positive_int("steps", steps)
            mean = x
        elif _check_steps(x) > 1 and x.stride(0) == 0 and not x.requires_grad:
            mean = x[0]
        else:
            # In a window the steps have no equal shares in the mean: it stands for them.
            mean, is_each = mean_to_learn_from(x), learning_window() is None
        y = self._product(mean, look_for_spikes=steps is None and x.shape[0] == 1)
        if (window := learning_window()) is not None:
            window.reads_mean(self, y)
        if self._watchers:
            if steps is not None:
                passage = Passage(x.detach(), steps, is_mean=True)
            else:
                passage = Passage(x.detach()) if is_each else Passage(mean.detach(), x.shape[0])
            self._report(passage, y, n_shares=x.shape[0] if is_each else 1)
        return y

    def _report(self, passage: Passage, y: Tensor, *, n_shares: int) -> None:
        """Tell who watches of a call; each of `n_shares` steps has its share in the mean."""
        takers = self._tell(passage)

        def tell(gradient: Tensor) -> None:
            if n_shares > 1:
                gradient = (gradient / n_shares).expand(n_shares, *gradient.shape)
            elif gradient.dim() < passage.inputs.dim():
                gradient = gradient[None]
            for take in takers:
                take(gradient)

        if takers and y.requires_grad:
            y.register_hook(tell)

    def to_linear(self) -> DenseReadout:
        """Return a dense readout: the absent links have weight 0."""
        return DenseReadout(super().to_linear()).train(self.training)


class DenseLIF(nn.Linear):
    """What :class:`SparseLIF` becomes when it is made dense: its weights, and its neurons.

    Parameters
    ----------
    linear : nn.Linear
        Whose parameters it takes.
    neuron : LIFNumbers

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> dense = chsnn.densify(chsnn.networks.mlp((8, 16, 3), sparsity=0.5))
    >>> type(dense.layers[0]).__name__
    'DenseLIF'
    >>> dense.layers[0](torch.zeros(5, 2, 8)).shape
    torch.Size([5, 2, 16])
    """

    def __init__(self, linear: nn.Linear, neuron: LIFNumbers) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.weight, self.bias = linear.weight, linear.bias
        self.neuron = neuron

    def forward(self, x: Tensor, *, rate: bool = False) -> Tensor:
        """Run all time steps, (T, B, n_in); as :class:`SparseLIF`."""
        current, window = super().forward(x), learning_window()
        if window is not None:
            spikes, _ = self.neuron.run(window.gate(current, on_error=window.reads(self, x)))
            return window.mean(spikes) if rate else spikes
        spikes, _ = self.neuron.run(current)
        return mean_of_steps(spikes) if rate else spikes


class DenseReadout(nn.Linear):
    """What :class:`SparseReadout` becomes when it is made dense.

    Parameters
    ----------
    linear : nn.Linear
        Whose parameters it takes.

    Examples
    --------
    >>> import torch
    >>> import chsnn
    >>> dense = chsnn.densify(chsnn.networks.mlp((8, 16, 3), sparsity=0.5))
    >>> type(dense.layers[-1]).__name__
    'DenseReadout'
    >>> dense.layers[-1](torch.zeros(5, 2, 16)).shape
    torch.Size([2, 3])
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__(linear.in_features, linear.out_features, device="meta")
        self.weight, self.bias = linear.weight, linear.bias

    def forward(self, x: Tensor, *, steps: int | None = None) -> Tensor:
        """Return the mean over time of the products; as :class:`SparseReadout`."""
        y = super().forward(mean_to_learn_from(x) if steps is None else x)
        if (window := learning_window()) is not None:
            window.reads_mean(self, y)
        return y


def _check_steps(x: Tensor) -> int:
    """Return the number of time steps, or raise if there is none."""
    if x.dim() < 2 or x.shape[0] == 0:
        raise ValueError(f"x must be (T, B, {x.shape[-1]}), got shape {tuple(x.shape)}")
    return len(x)  # a number also where torch.jit.trace makes shapes tensors


def mean_to_learn_from(x: Tensor) -> Tensor:
    """Return the mean over the first axis, or over the window that is learnt in."""
    window = learning_window()
    return mean_of_steps(x) if window is None else window.mean(x)


def mean_of_steps(x: Tensor) -> Tensor:
    """Return the mean over the first axis, by the fast kernel where it serves."""
    fits = x.device.type == "cpu" and x.dtype.itemsize >= 4 and x.is_floating_point()
    return mean_over_time(x) if fits and not needs_plain_operations() else x.mean(dim=0)
