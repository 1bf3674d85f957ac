"""A state that does not fit a model is refused before anything of the model is overwritten."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from chsnn.layers import SparseLinear


def check_before_loading(model: nn.Module) -> None:
    """Let ``model.load_state_dict`` refuse what does not fit before anything is overwritten."""
    if not getattr(model, "_refuses_misfits", False):
        model.register_load_state_dict_pre_hook(_refuse_misfits)
        model._refuses_misfits = True  # type: ignore[assignment]


def _refuse_misfits(model: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    errors = []
    layers = {n: m for n, m in model.named_modules() if isinstance(m, SparseLinear)}
    for name, layer in layers.items():
        try:
            layer.graph_of_state(dict(state), f"{prefix}{name}." if name else prefix)
        except ValueError as error:
            errors.append(f"{name or type(layer).__name__}: {error}")
    own = {f"{prefix}{name}.values" for name in layers}
    for name, tensor in model.state_dict(prefix=prefix, keep_vars=True).items():
        new = state.get(name)
        if name in own or not isinstance(tensor, Tensor) or not isinstance(new, Tensor):
            continue
        if isinstance(tensor, nn.UninitializedParameter | nn.UninitializedBuffer):
            continue
        if not name.endswith("_extra_state") and new.shape != tensor.shape:
            errors.append(f"{name}: {tuple(new.shape)} in the state, {tuple(tensor.shape)} here")
    if errors:
        raise RuntimeError("the state does not fit, nothing was loaded: " + "; ".join(errors))
