"""The operations of a running model that are not a sparse layer's: what they multiply, by name.

Torch itself says what it computes (``TorchDispatchMode``), whatever a model's code looks like:
layers, weights of recurrent cells, functional calls, attention. Nothing is changed on the way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from chsnn.energy.fan_out import Geometry
from chsnn.layers import SparseLinear
from chsnn.modules import CONVOLUTIONS
from chsnn.populations import is_neuron

# Takes the name of an operation, what it reads, and what tells its links.
OnMatrix = Callable[[str, Tensor, Tensor], None]
OnConvolution = Callable[[str, Tensor, Tensor, Geometry], None]

_aten = torch.ops.aten
# Position of the two factors among the arguments.
_PRODUCTS = {
    _aten.mm: (0, 1),
    _aten.addmm: (1, 2),
    _aten.bmm: (0, 1),
    _aten.baddbmm: (1, 2),
    _aten.mv: (0, 1),
    _aten.addmv: (1, 2),
    _aten.dot: (0, 1),
}


def _known(*names: str) -> tuple[Any, ...]:
    """Return the operations that this version of torch has."""
    found = (getattr(_aten, name, None) for name in names)
    return tuple(operation for operation in found if operation is not None)


_ATTENTION = _known(
    "_scaled_dot_product_flash_attention_for_cpu",
    "_scaled_dot_product_flash_attention",
    "_scaled_dot_product_efficient_attention",
    "_scaled_dot_product_cudnn_attention",
    "_scaled_dot_product_attention_math",
)
# Computed as a whole by a library: what goes on inside is not to be seen.
_OPAQUE = _known("mkldnn_rnn_layer", "_cudnn_rnn", "_thnn_fused_lstm_cell")


class RunningModules:
    """Which modules of a model are running, outermost first, while the ``with`` block runs."""

    def __init__(self, model: nn.Module) -> None:
        self._names = {module: name for name, module in model.named_modules()}
        self.stack: list[nn.Module] = []
        self._owners = {
            parameter.untyped_storage().data_ptr(): (module, name)
            for module in self._names
            for name, parameter in module.named_parameters(recurse=False)
        }

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Keep the stack up to date."""
        with ExitStack() as hooks:
            for module in self._names:
                before = module.register_forward_pre_hook(self._enter)
                after = module.register_forward_hook(self._leave, always_call=True)
                hooks.callback(before.remove)
                hooks.callback(after.remove)
            yield
        self.stack.clear()

    def _enter(self, module: nn.Module, arguments: Any) -> None:
        self.stack.append(module)

    def _leave(self, module: nn.Module, arguments: Any, output: Any) -> None:
        if module in self.stack:
            del self.stack[self.stack.index(module) :]

    def in_sparse_layer(self) -> bool:
        """Whether a sparse layer is running: it reports its calls itself."""
        return any(isinstance(module, SparseLinear) for module in self.stack)

    def weight_name(self, weight: Tensor) -> str | None:
        """Return how to call an operation with this weight; None if it is not a parameter.

        The layer's name, for a parameter of another name than "weight" with that as well.
        """
        owner = self._owners.get(weight.untyped_storage().data_ptr())
        if owner is None:
            return None
        module, parameter = owner
        parts = (self._names[module], "" if parameter == "weight" else parameter)
        return ".".join(part for part in parts if part) or type(module).__name__

    def here(self) -> str:
        """Return the name of the innermost module that runs."""
        if not self.stack:
            return ""
        return self._names[self.stack[-1]]

    def is_linear(self) -> bool:
        """Whether the innermost module is a layer with a weight, perhaps a derived one."""
        return bool(self.stack) and isinstance(self.stack[-1], (nn.Linear, *CONVOLUTIONS))


class OperationTap(TorchDispatchMode):
    """Tells of every product and convolution that torch computes while the ``with`` block runs.

    Parameters
    ----------
    running : RunningModules
    on_layer : callable
        Takes name, input (rows, n_in) and weight (n_in, n_out).
    on_product : callable
        Takes name and both factors, (..., n, k) and (..., k, m), of a product of activations.
    on_convolution : callable
        Takes name, input, weight and :class:`chsnn.energy.fan_out.Geometry`.
    on_opaque : callable
        Takes name and operation of what cannot be counted.
    """

    def __init__(
        self,
        running: RunningModules,
        *,
        on_layer: OnMatrix,
        on_product: OnMatrix,
        on_convolution: OnConvolution,
        on_opaque: Callable[[str, str], None],
    ) -> None:
        super().__init__()
        self._running = running
        self._on_layer, self._on_product = on_layer, on_product
        self._on_convolution, self._on_opaque = on_convolution, on_opaque

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Compute as ever, then tell."""
        kwargs = kwargs or {}
        packet = func.overloadpacket
        known = packet in _PRODUCTS or packet in _ATTENTION or packet in _OPAQUE
        if not known and packet is not _aten.convolution:
            return self._others(func, args, kwargs)
        result = func(*args, **kwargs)
        if not self._running.in_sparse_layer():
            self._tell(packet, args)
        return result

    def _others(self, func: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Compute what is not counted; in inference mode its parts may be."""
        if torch.is_inference_mode_enabled() and func._can_decompose():
            with self:
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        return func(*args, **kwargs)

    def _tell(self, packet: Any, args: tuple[Any, ...]) -> None:
        if packet in _PRODUCTS:
            left, right = (args[place] for place in _PRODUCTS[packet])
            self._tell_product(_as_matrix(left, row=True), _as_matrix(right, row=False))
        elif packet is _aten.convolution:
            x, weight, _, *geometry = args
            self._on_convolution(self._named(weight), x, weight, _geometry(*geometry))
        elif packet in _ATTENTION:
            query, key, value = args[:3]
            name = self._product_name()
            self._on_product(name, query, key.transpose(-2, -1))
            # Weights after a softmax are all there.
            weights = query.new_ones(()).expand(*query.shape[:-1], key.shape[-2]) * 0.5
            self._on_product(name, weights, value)
        else:
            self._on_opaque(self._running.here(), str(packet))

    def _tell_product(self, left: Tensor, right: Tensor) -> None:
        name = self._running.weight_name(right)
        if name is not None and right.dim() == 2:
            self._on_layer(name, left, right)
        elif (name := self._running.weight_name(left)) is not None and left.dim() == 2:
            self._on_layer(name, right.t(), left.t())
        elif self._running.is_linear() and right.dim() == 2:
            self._on_layer(self._running.here(), left, right)
        else:
            self._on_product(self._product_name(), left, right)

    def _named(self, weight: Tensor) -> str:
        return self._running.weight_name(weight) or self._running.here() or "convolution"

    def _product_name(self) -> str:
        return ".".join(part for part in (self._running.here(), "products") if part)


def _as_matrix(x: Tensor, *, row: bool) -> Tensor:
    if x.dim() > 1:
        return x
    return x[None] if row else x[:, None]


def _geometry(
    stride: list[int],
    padding: list[int],
    dilation: list[int],
    transposed: bool,
    output_padding: list[int],
    groups: int,
) -> Geometry:
    return Geometry(
        tuple(stride), tuple(padding), tuple(dilation), transposed, tuple(output_padding), groups
    )


@contextmanager
def neuron_outputs(
    model: nn.Module, told: Callable[[str, nn.Module, tuple[Any, ...], dict[str, Any], Any], None]
) -> Iterator[None]:
    """Report what every population of neurons in a model gives while the ``with`` block runs."""
    with ExitStack() as hooks:
        for name, module in model.named_modules():
            if is_neuron(module):
                hook = module.register_forward_hook(partial(told, name), with_kwargs=True)
                hooks.callback(hook.remove)
        yield
