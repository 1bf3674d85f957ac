"""What torch functions do with the neurons that stand on the last axis of a tensor."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Literal, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional


def _functions(names: str, forms: Iterable[str] = ("{}",)) -> set[Any]:
    """Return every torch function of these names, as function and as method."""
    spaces = (torch, Tensor, functional, torch.special)
    called = [form.format(name) for name in names.split() for form in forms]
    return {getattr(space, name) for name in called for space in spaces if hasattr(space, name)}


def _getters(names: str) -> set[Any]:
    return {getattr(Tensor, name).__get__ for name in names.split() if hasattr(Tensor, name)}


_IN_PLACE = ("{}", "{}_")
_OPERATOR = ("{}", "{}_", "__{}__", "__r{}__", "__i{}__")
# They look at no value.
METADATA = _getters(
    "shape dtype device ndim layout requires_grad is_leaf is_cuda is_cpu is_sparse is_meta is_mps "
    "is_quantized is_nested itemsize nbytes names grad_fn _version"
) | _functions(
    "size dim numel nelement ndimension stride is_floating_point is_complex get_device is_tensor "
    "element_size is_contiguous storage_offset requires_grad_ is_inference __hash__ __len__"
)
SHAPE_ONLY = _functions(
    "ones_like empty_like full_like rand_like randn_like new_ones new_full new_empty"
)
ZEROS = _functions("zeros zeros_like new_zeros")
# Element by element, if the other arguments are numbers or broadcast.
_PRODUCTS = _functions("mul multiply div divide true_divide truediv", _OPERATOR)
_ABSORBING = _PRODUCTS | _functions("prelu")  # 0 whatever the other tensor is
_NEVER_SILENT = _functions("alpha_dropout feature_alpha_dropout", _IN_PLACE)
_ELEMENTWISE = (
    _ABSORBING
    | _NEVER_SILENT
    | _functions("add sub subtract rsub neg abs pow", _OPERATOR)
    | _functions(
        "absolute negative sign square sqrt exp expm1 log1p sin sinh asinh cos tan atan erf "
        "relu relu6 leaky_relu rrelu elu celu selu gelu silu mish tanh tanhshrink softsign "
        "hardtanh hardswish hardshrink softshrink sigmoid hardsigmoid softplus logsigmoid "
        "clamp clip clamp_min clamp_max floor ceil round trunc nan_to_num maximum minimum dropout",
        _IN_PLACE,
    )
)
# Elements go elsewhere, or into another type.
_MOVES = _getters("data T mT") | _functions(
    "__getitem__ select narrow index_select unbind split chunk tensor_split unsqueeze squeeze "
    "expand flatten unflatten reshape view permute transpose swapaxes movedim moveaxis t flip roll "
    "repeat tile clone detach contiguous to float double half bfloat16 type int long bool cpu cuda"
)
_JOINS = _functions("stack cat concat concatenate hstack vstack")
_MEANS = _functions("mean sum amax amin")
_BATCH_NORM = _functions("batch_norm")
# They give the memory away.
LEAKS = _functions("data_ptr")
_PLAIN = (type(None), bool, int, float, complex, str, bytes, slice, type(...))
_PLAIN_TORCH = (torch.dtype, torch.device, torch.layout, torch.memory_format, np.generic)


class Population:
    """Neurons that tensors have on their last axis; merged with others as it turns out.

    The value at neuron i depends on neuron i alone. With a closed in-side it is 0 while nothing
    comes in; with a closed out-side nobody but followed layers reads it.
    """

    def __init__(self, index: int, size: int, *, is_driven: bool) -> None:
        self.index = index
        self.size = size
        self.open_in = is_driven
        self.open_out = False
        self._same_as: Population | None = None

    def root(self) -> Population:
        """Return the population that this one has become."""
        return self if self._same_as is None else self._same_as.root()

    def merge(self, other: Population) -> None:
        """Make both one, the older of the two."""
        if self.root() is other.root():
            return
        older, younger = sorted((self.root(), other.root()), key=lambda one: one.index)
        younger._same_as = older
        older.open_in |= younger.open_in
        older.open_out |= younger.open_out
        if older.size != younger.size:
            older.open()

    def open(self) -> None:
        """Claim nothing of these neurons any more."""
        root = self.root()
        root.open_in = root.open_out = True


# What is known of a tensor: whose values it holds, that it is 0, or nothing.
Content = Population | Literal["zeros"] | None


class Call(NamedTuple):
    function: Any
    args: tuple[Any, ...]
    kwargs: Mapping[str, Any]
    operands: list[tuple[Tensor, Content]]
    result: Any

    def again(self, function: Any, replace: Callable[[Tensor, Content], Tensor]) -> Any:
        """Call a function with the same arguments but other tensors."""
        others = {id(x): replace(x, content) for x, content in self.operands}

        def swap(value: Any) -> Any:
            if isinstance(value, Tensor):
                return others[id(value)]
            if type(value) in (list, tuple):
                return type(value)(map(swap, value))
            return value

        kwargs = {name: swap(value) for name, value in self.kwargs.items()}
        return function(*map(swap, self.args), **kwargs)


# ------------------------------------------------------------ rules


def _is_elementwise(call: Call, n: int) -> bool:
    """Whether element i of the last axis is made of elements i alone."""
    populations = [x for x, content in call.operands if isinstance(content, Population)]
    same = all(x.shape[-1] == n for x in populations)
    x = call.result
    return same and isinstance(x, Tensor) and x.dim() > 0 and x.shape[-1] == n


def _keeps_last_axis(call: Call, n: int) -> bool:
    """Whether places are moved and the last axis is not: neurons' numbers go through it."""
    x, *others = call.operands
    if x[0] is not (call.args or (None,))[0] or any(content is not None for _, content in others):
        return False
    return _numbers_arrive(call, call.function, n)


def _joins_along_others(call: Call, n: int) -> bool:
    same = all(x.dim() > 0 and x.shape[-1] == n for x, _ in call.operands)
    return same and _numbers_arrive(call, call.function, n)


def _averages_others(call: Call, n: int) -> bool:
    # The mean of equal numbers is that number; sum and extremes go over the same axes.
    is_first = call.operands[0][0] is (call.args or (None,))[0]
    return is_first and len(call.operands) == 1 and _numbers_arrive(call, torch.mean, n)


def _is_norm_of_neurons(call: Call, n: int) -> bool:
    """Whether a batch norm's channels are the last axis."""
    x, *others = call.operands
    return x[0].dim() == 2 and all(content is None for _, content in others)


def _numbers_arrive(call: Call, function: Any, n: int) -> bool:
    """Whether the numbers 0 to n - 1 on the last axis come out there again."""
    numbers = torch.arange(n, dtype=torch.float64)

    def replace(x: Tensor, content: Content) -> Tensor:
        if content is None and call.function not in _JOINS:
            # An index. What it is this time must not matter for the last axis.
            return torch.zeros_like(x)
        return numbers.to(x.device).expand(x.shape).contiguous()

    try:
        moved = call.again(function, replace)
    except (RuntimeError, TypeError, ValueError, IndexError):
        return False
    tensors = [x for x in leaves(moved) if isinstance(x, Tensor)]
    return all(x.dim() > 0 and x.shape[-1] == n for x in tensors) and all(
        torch.allclose(x.double(), numbers.to(x).double().expand(x.shape), rtol=0.0, atol=0.1)
        for x in tensors
    )


def stays_silent(call: Call) -> bool:
    """Whether the result is 0 where all that is followed is 0."""
    function = call.function
    if function in _NEVER_SILENT or function in _BATCH_NORM:
        return False
    is_driven = any(content is None for _, content in call.operands)
    if function in _MOVES or function in _MEANS:
        return True  # other tensors say where
    if function in _JOINS or (is_driven and function not in _ABSORBING):
        return not is_driven
    result = call.again(
        function, lambda x, content: x.clone() if content is None else torch.zeros_like(x)
    )
    return not bool((result != 0).any())


RULES: dict[Any, Callable[[Call, int], bool]] = {
    **dict.fromkeys(_ELEMENTWISE, _is_elementwise),
    **dict.fromkeys(_MOVES, _keeps_last_axis),
    **dict.fromkeys(_JOINS, _joins_along_others),
    **dict.fromkeys(_MEANS, _averages_others),
    **dict.fromkeys(_BATCH_NORM, _is_norm_of_neurons),
}


# ------------------------------------------------------------ tensors and what holds them


def leaves(value: Any) -> Iterator[Any]:
    """Return what nested containers and data classes hold in the end."""
    if isinstance(value, Mapping):
        value = list(value.values())
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = [getattr(value, field.name) for field in dataclasses.fields(value)]
    if isinstance(value, list | tuple | set | frozenset) and not isinstance(value, torch.Size):
        for part in value:
            yield from leaves(part)
    else:
        yield value


def is_opaque(leaf: Any) -> bool:
    return not isinstance(leaf, (Tensor, torch.Size, *_PLAIN, *_PLAIN_TORCH))
