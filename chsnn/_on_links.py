"""Tensors that know which links their numbers are of: different links never mix by position.

Averages of weights (EMA, SWA, soups) are loops over parameters, a state_dict, or a list of
clones: code that sees tensors and not layers. So the tensor itself has to notice.
"""

from __future__ import annotations

import copy
import weakref
from collections.abc import Callable
from typing import Any, cast

import torch
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph

MIXED = (
    "these values mix those of different links: somebody averaged or copied them by position "
    "across a change of the graph; average link by link, or start a new average (AveragedModel, "
    "a copy of the parameters) after each evolution step"
)

# Functions of torch by name, without the underscores of operators and of changes in place. What
# these return has the same numbers, or sums and multiples of them, in the same places:
_KEEPING = {"detach", "clone", "contiguous", "alias", "to", "type", "requires_grad"}
_KEEPING |= {"double", "float", "half", "bfloat16", "cpu", "cuda"}
_KEEPING |= {"add", "radd", "iadd", "sub", "subtract", "rsub", "isub", "neg", "negative"}
_KEEPING |= {"mul", "multiply", "rmul", "imul", "div", "divide", "true_divide", "truediv"}
_KEEPING |= {"itruediv", "idiv", "lerp", "addcmul", "addcdiv", "where"}
# These put numbers side by side, or into a place:
_MEETING = {"stack", "copy"}
# An optimizer's state and a sum over time begin as these:
_STARTING = {"zeros_like", "ones_like", "empty_like", "full_like"}
_IN_LISTS = {"add", "sub", "mul", "div", "lerp", "addcmul", "addcdiv", "copy"}
_GET_DATA = Tensor.data.__get__  # type: ignore[attr-defined]
_SET_DATA = Tensor.data.__set__  # type: ignore[attr-defined]

_KINDS: dict[Any, str] = {}  # of functions that have been met
# Links of plain tensors: no attribute, for that would be pickled with an optimizer's state.
_SUMS: dict[int, tuple[weakref.ref[Tensor], BipartiteGraph]] = {}  # by id, while they live
# What torch's own Parameter has. It calls a function as if there were no class of ours.
_plainly: Callable[..., Any] = nn.Parameter.__torch_function__


def _kind(func: Any) -> str:
    """Return what a function of torch does with numbers on links."""
    if func not in _KINDS:
        _KINDS[func] = _kind_by_name(func)
    return _KINDS[func]


def _kind_by_name(func: Any) -> str:
    if func == _GET_DATA:
        return "keeps"
    if func == _SET_DATA:
        return "meets"
    name = getattr(func, "__name__", "").strip("_")
    if name.startswith("foreach_"):
        return "lists" if name.removeprefix("foreach_") in _IN_LISTS else ""
    kinds = {"keeps": _KEEPING, "meets": _MEETING, "starts": _STARTING}
    return next((kind for kind, names in kinds.items() if name in names), "")


def plainly(function: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Call a function in which values are tensors like any other, and as fast."""
    return _plainly(function, (), args, options)


class OnLinks(Tensor):
    """One number per link of a graph, in link order: copies, sums and multiples of values.

    Two such tensors of different graphs in one sum, average or copy raise a RuntimeError.
    Whatever else is computed from it is a plain tensor.

    Attributes
    ----------
    links : BipartiteGraph
    """

    links: BipartiteGraph

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kind = _kind(func)
        if not kind:
            return _plainly(func, types, args, kwargs or {})
        links, are_all = _common_links(kind, args, kwargs or {})
        result = _plainly(func, types, args, kwargs or {})
        if links is None or not isinstance(args[0], Tensor):
            return result
        if kind in ("starts", "meets") or result is args[0]:
            # A sum that goes on: a plain tensor stays plain, but knows its links from here on.
            _remember(result if kind == "starts" else args[0], links)
        elif are_all and isinstance(result, Tensor):
            return on_links(result, links)
        return result

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """Return what a copied layer holds."""
        if id(self) not in memo:
            numbers = plain(self).detach().clone(memory_format=torch.preserve_format)
            memo[id(self)] = on_links(numbers, copy.deepcopy(self.links, memo))
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return what files hold: a plain tensor."""
        return plain(self).__reduce_ex__(protocol)


class LinkParameter(OnLinks, nn.Parameter):
    """The values of a layer."""

    def __deepcopy__(self, memo: dict[int, Any]) -> Tensor:
        """Return what a copied layer holds."""
        if id(self) not in memo:
            numbers = plain(self).detach().clone(memory_format=torch.preserve_format)
            parameter = nn.Parameter(numbers, self.requires_grad)
            memo[id(self)] = tell_links(parameter, copy.deepcopy(self.links, memo))
        return memo[id(self)]

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Return what files hold: a plain Parameter."""
        return nn.Parameter(plain(self).detach(), self.requires_grad).__reduce_ex__(protocol)

    def __repr__(self) -> str:  # type: ignore[override]
        """Return the numbers, as torch shows them."""
        return repr(nn.Parameter(plain(self).detach(), self.requires_grad))


def plain(tensor: Tensor) -> Tensor:
    """Return the same memory as a tensor that knows nothing of links."""
    return tensor.as_subclass(Tensor)


def on_links(tensor: Tensor, links: BipartiteGraph) -> OnLinks:
    """Return a tensor of the same memory that knows its links."""
    result = tensor if isinstance(tensor, OnLinks) else tensor.as_subclass(OnLinks)
    result.links = links
    return result


def tell_links(parameter: nn.Parameter, links: BipartiteGraph) -> LinkParameter:
    """Let a Parameter know its links from now on; it stays the object that it is.

    Which is why its class changes: optimizers and other modules may hold it already.
    """
    parameter.__class__ = LinkParameter
    told = cast(LinkParameter, parameter)
    told.links = links
    return told


def _remember(tensor: Tensor, links: BipartiteGraph) -> None:
    if isinstance(tensor, OnLinks):
        tensor.links = links
    else:
        key = id(tensor)
        _SUMS[key] = (weakref.ref(tensor, lambda _: _SUMS.pop(key, None)), links)


def _common_links(kind: str, args: Any, kwargs: Any) -> tuple[BipartiteGraph | None, bool]:
    """Return the links of what a function takes, and whether all that counts has them.

    Raises
    ------
    RuntimeError
        If they are of different links.
    """
    if kind == "lists":
        lists = [arg for arg in args if isinstance(arg, tuple | list)]
        for operands in zip(*lists, strict=False):
            _links_of(operands)
        return None, False
    if isinstance(args[0], tuple | list):  # a stack
        _links_of(args[0])
        return None, False
    return _links_of((*args, *kwargs.values()))


def _links_of(operands: Any) -> tuple[BipartiteGraph | None, bool]:
    found: BipartiteGraph | None = None
    are_all = True
    for operand in operands:
        if isinstance(operand, OnLinks):
            links: BipartiteGraph | None = operand.links
        elif isinstance(operand, Tensor):
            links = _SUMS[id(operand)][1] if id(operand) in _SUMS else None
        else:
            continue
        if links is None:
            # Numbers for all and conditions are neutral.
            are_all = are_all and (operand.dim() == 0 or operand.dtype == torch.bool)
        elif found is None:
            found = links
        elif links is not found and links != found:
            raise RuntimeError(MIXED)
    return found, are_all
