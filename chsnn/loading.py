"""A state that does not fit a model is refused before anything of the model is overwritten."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from torch import Tensor, nn
from torch.nn.modules.module import register_module_module_registration_hook
from torch.nn.parallel import DistributedDataParallel

from chsnn._link_averaging import prepare
from chsnn.layers import SparseLinear

_MARK = "_refuses_misfits"


def check_before_loading(model: nn.Module) -> None:
    """Let ``model.load_state_dict`` refuse what does not fit before anything is overwritten.

    And let a wrapper that averages gradients leave links to us (:mod:`chsnn.distributed`).

    Needed only for a model whose parts were put together before they got their sparse layers;
    whatever a sparse layer is put into, and what that is put into, does so by itself.
    """
    if not _refuses(model):
        model.register_load_state_dict_pre_hook(_refuse_misfits)
        model.__dict__[_MARK] = True
        if not isinstance(model, DistributedDataParallel):
            prepare(model)


def _tell_owner(owner: nn.Module, name: str, part: nn.Module | None) -> None:
    if isinstance(part, SparseLinear) or (part is not None and _refuses(part)):
        check_before_loading(owner)


def _refuses(model: nn.Module) -> bool:
    return _MARK in model.__dict__  # past a wrapper's __getattr__, which answers for another


# Torch loads layer by layer: when a sparse layer meets what does not fit, those before it are
# overwritten. Only the module that holds them all can look first.
register_module_module_registration_hook(_tell_owner)


def _refuse_misfits(model: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    errors = []
    # Under every name that a shared layer has: each is in the state.
    modules = dict(model.named_modules(remove_duplicate=False))
    layers = {name: m for name, m in modules.items() if isinstance(m, SparseLinear)}
    for name, layer in layers.items():
        try:
            layer.graph_of_state(state, f"{prefix}{name}." if name else prefix)
        except ValueError as error:
            errors.append(f"{name or type(layer).__name__}: {error}")
    # Not by model.state_dict(): that refuses to give values which are spoilt, and these are what
    # somebody may be about to replace.
    for name, tensor in (*_all_of(model.named_parameters), *_all_of(model.named_buffers)):
        new = state.get(f"{prefix}{name}")
        if name.rpartition(".")[0] in layers or not isinstance(new, Tensor):
            continue
        if isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer):
            continue
        if new.shape != tensor.shape:
            errors.append(f"{name}: {tuple(new.shape)} in the state, {tuple(tensor.shape)} here")
    if errors:
        raise RuntimeError("the state does not fit, nothing was loaded: " + "; ".join(errors))


def _all_of(named: Callable[..., Iterable[tuple[str, Tensor]]]) -> Iterable[tuple[str, Tensor]]:
    return named(remove_duplicate=False)
