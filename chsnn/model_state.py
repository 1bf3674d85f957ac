"""A model as tensors and a description: what a file holds, and how it becomes a model again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Junction, Wiring
from chsnn.layers import SparseLinear
from chsnn.modules import unwrapped
from chsnn.networks import BUILDERS
from chsnn.neurons import LIFNumbers
from chsnn.sparse import check_before_loading, sparse_layers
from chsnn.wiring import wiring_of

_EXTRA = "_extra_state"


@dataclass(frozen=True)
class Description:
    """Everything about a model that is no tensor, as JSON-ready names and numbers.

    Attributes
    ----------
    class_name : str
    builder : str or None
        Key of :data:`chsnn.networks.BUILDERS`; None for a class of somebody else's.
    specification : dict
        What the builder takes.
    layers : dict
        For every sparse layer its class, shape, bias, and the silent share of its input.
    wiring : list of dict
    frozen, parameters : list of str
        Names of the parameters that are not trained, and of all of them.
    """

    class_name: str
    builder: str | None = None
    specification: dict[str, Any] = field(default_factory=dict)
    layers: dict[str, dict[str, Any]] = field(default_factory=dict)
    wiring: list[dict[str, Any]] = field(default_factory=list)
    frozen: list[str] = field(default_factory=list)
    parameters: list[str] = field(default_factory=list)

    def to_dict(self) -> dict[str, Any]:
        """Return the description as a dictionary."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Description:
        """Return the description that :meth:`to_dict` gave."""
        return cls(**document)


def describe_model(model: nn.Module) -> Description:
    """Return a model's description."""
    root = unwrapped(model)
    builder = next((key for key, cls in BUILDERS.items() if type(root) is cls), None)
    return Description(
        class_name=f"{type(root).__module__}.{type(root).__qualname__}",
        builder=builder,
        specification={} if builder is None else root.specification(),
        layers={name: _layer_document(layer) for name, layer in sparse_layers(root).items()},
        wiring=[asdict(junction) for junction in wiring_of(root).junctions],
        frozen=[name for name, p in root.named_parameters() if not p.requires_grad],
        parameters=[name for name, _ in root.named_parameters()],
    )


def _layer_document(layer: SparseLinear) -> dict[str, Any]:
    return {
        "class": type(layer).__name__,
        "shape": list(layer.graph.shape),
        "bias": layer.bias is not None,
        "activity_sparsity": layer.input_activity_sparsity,
    }


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return a model's state as tensors that share no memory.

    Raises
    ------
    TypeError
        If something in it is no tensor.
    """
    tensors: dict[str, Tensor] = {}
    seen: set[int] = set()
    for name, value in unwrapped(model).state_dict().items():
        if not isinstance(value, Tensor):
            raise TypeError(
                f"the model's state must be tensors to be saved, {name!r} is a "
                f"{type(value).__name__}"
            )
        memory = value.untyped_storage().data_ptr()
        # A file format of plain arrays: what shares memory (tied weights) is written twice.
        tensors[name] = value.clone() if memory in seen else value
        seen.add(memory)
    return tensors


def build(description: Description) -> nn.Module:
    """Return a new model of one of the project's own classes, its tensors still to come.

    Raises
    ------
    ValueError
        If the class is somebody else's.
    """
    if description.builder not in BUILDERS:
        raise ValueError(
            f"the file holds a {description.class_name}, which is made by its own code: give one "
            "that is to take up the state, with model=..."
        )
    return BUILDERS[description.builder].from_specification(description.specification)


def restore(model: nn.Module, description: Description, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Give a model the saved state, with the types it was saved in.

    Parameters
    ----------
    model : Module
        Of the same architecture; a linear layer may stand where a sparse one was saved.
    description : Description
    tensors : mapping of str to Tensor

    Returns
    -------
    Module
        The model.

    Raises
    ------
    ValueError
        If the state does not fit; nothing has been changed then.
    """
    root = unwrapped(model)
    modules = dict(root.named_modules())
    _check_layers(modules, description)
    _check_keys(root, modules, description, tensors)
    for name, document in description.layers.items():
        module = modules[name]
        if isinstance(module, nn.Linear):
            empty = BipartiteGraph.from_links([], [], tuple(document["shape"]))
            _put(root, name, SparseLinear.from_linear(module, empty))
    for name, layer in sparse_layers(root).items():
        layer.input_activity_sparsity = description.layers[name]["activity_sparsity"]
    _fit_types(root, description, tensors)
    root.load_state_dict(dict(tensors))
    for name, parameter in root.named_parameters():
        parameter.requires_grad_(name not in description.frozen)
    if not isinstance(getattr(type(root), "wiring", None), property) and description.wiring:
        root.wiring = Wiring(tuple(Junction(**junction) for junction in description.wiring))
    check_before_loading(root)
    return model


def _check_layers(modules: Mapping[str, nn.Module], description: Description) -> None:
    for name, document in description.layers.items():
        module = modules.get(name)
        kind, shape = type(module).__name__, tuple(document["shape"])
        stands_in = type(module) is nn.Linear and document["class"] == "SparseLinear"
        if not stands_in and not (isinstance(module, SparseLinear) and kind == document["class"]):
            raise ValueError(f"model must have a {document['class']} at {name!r}, got {kind}")
        assert isinstance(module, nn.Linear | SparseLinear)
        if (module.in_features, module.out_features) != shape:
            raise ValueError(
                f"layer {name!r} must have shape {shape}, as saved, got "
                f"{(module.in_features, module.out_features)}"
            )
    for name, module in modules.items():
        if isinstance(module, SparseLinear) and name not in description.layers:
            raise ValueError(f"layer {name!r} of the model is sparse, the saved one was not")


def _check_keys(
    root: nn.Module,
    modules: Mapping[str, nn.Module],
    description: Description,
    tensors: Mapping[str, Tensor],
) -> None:
    """Raise unless the state names what the model will have, in the same shapes."""
    own = {f"{name}.{key}" for name in description.layers for key in _layer_keys(description, name)}
    here = {
        key: value
        for key, value in root.state_dict().items()
        if key.rpartition(".")[0] not in description.layers
    }
    expected = own | set(here)
    if missing := sorted(expected - set(tensors)):
        raise ValueError(f"the file lacks {missing[0]!r}, which the model has")
    if unknown := sorted(set(tensors) - expected):
        raise ValueError(f"the file has {unknown[0]!r}, which the model lacks")
    for key, value in here.items():
        of_neurons = isinstance(modules.get(key.rpartition(".")[0]), LIFNumbers)
        extra = key.endswith(_EXTRA)
        if not extra and not of_neurons and value.shape != tensors[key].shape:
            raise ValueError(
                f"{key!r} has shape {tuple(tensors[key].shape)} in the file and "
                f"{tuple(value.shape)} in the model"
            )


def _layer_keys(description: Description, name: str) -> list[str]:
    keys = ["values", "links_digest", _EXTRA]
    return [*keys, "bias"] if description.layers[name]["bias"] else keys


def _fit_types(root: nn.Module, description: Description, tensors: Mapping[str, Tensor]) -> None:
    """Give parameters and buffers the types they were saved in, and neurons' numbers their size."""
    for name, module in root.named_modules():
        for key, tensor in [*module._parameters.items(), *module._buffers.items()]:
            full = f"{name}.{key}" if name else key
            saved = tensors.get(full)
            if tensor is None or saved is None:
                continue
            if isinstance(module, LIFNumbers):
                fresh = torch.empty_like(saved, device=tensor.device)
                is_learnt = full in description.parameters
                setattr(module, key, nn.Parameter(fresh) if is_learnt else fresh)
            elif tensor.dtype != saved.dtype:
                tensor.data = tensor.data.to(saved.dtype)


def _put(root: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(root.get_submodule(parent), last, module)
