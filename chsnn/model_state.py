"""A model as tensors and a description: what a file holds, and how it becomes a model again."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Junction, Wiring
from chsnn.layers import SparseLinear
from chsnn.loading import check_before_loading
from chsnn.modules import unwrapped
from chsnn.networks import BUILDERS
from chsnn.neurons import LIFNumbers
from chsnn.sparse import sparse_layers
from chsnn.wiring import wiring_of

_EXTRA = "_extra_state"
_ALWAYS = 10_000_000  # numbers that a model may have, whatever its file holds: 80 MB
_MAKERS = (torch.empty, torch.zeros, torch.ones, torch.rand, torch.randn)


@dataclass(frozen=True)
class Description:
    """Everything about a model that is not a tensor, as JSON-ready names and numbers.

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
        specification={} if builder is None else cast(Any, root).specification(),
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
        If something in it is not a tensor.
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


def build(description: Description, tensors: Mapping[str, Tensor]) -> nn.Module:
    """Return a new model of one of the project's own classes, its tensors still to come.

    Parameters
    ----------
    description : Description
    tensors : mapping of str to Tensor
        Those to come: a model of sizes that they cannot fill is not made.

    Raises
    ------
    ValueError
        If the class is somebody else's, or a size cannot be; before memory is taken for it.
    """
    if description.builder not in BUILDERS:
        raise ValueError(
            f"the file holds a {description.class_name}, which is made by its own code: give one "
            "that is to take up the state, with model=..."
        )
    most = max(_ALWAYS, 2 * sum(tensor.numel() for tensor in tensors.values()))
    _check_sizes(description, most)
    with _Bounded(most):
        model = BUILDERS[description.builder].from_specification(description.specification)
    for name, layer in sparse_layers(model).items():
        if description.layers[name]["bias"] and layer.bias is None:  # added after it was built
            layer.bias = nn.Parameter(torch.zeros(layer.out_features))
    return model


def _check_sizes(description: Description, most: int) -> None:
    for number in _whole_numbers(description.specification):
        if number > most:
            raise ValueError(_too_large(number))
    depth = description.specification.get("depth", 0)
    if isinstance(depth, int) and depth > len(description.parameters):
        raise ValueError(f"the file states {depth:,} blocks, and has not so many parameters")


def _whole_numbers(document: Any) -> Iterator[int]:
    """Yield every integer in a JSON-ready document."""
    if isinstance(document, int):
        yield document
    elif isinstance(document, Mapping | list | tuple):
        for part in document.values() if isinstance(document, Mapping) else document:
            yield from _whole_numbers(part)


def _too_large(size: int) -> str:
    return f"the file states a size of {size:,}, and has not so many numbers"


class _Bounded(TorchFunctionMode):
    """In the ``with`` block no tensor is made of more than so many numbers."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._left = most

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in _MAKERS:
            size = kwargs["size"] if kwargs and "size" in kwargs else args
            self._left -= math.prod(_whole_numbers(size))
            if self._left < 0:
                raise ValueError(_too_large(math.prod(_whole_numbers(size))))
        return func(*args, **(kwargs or {}))


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
    wiring = Wiring(tuple(Junction(**junction) for junction in description.wiring))
    layers = _layers_to_be(root, description)
    _check_state(root, layers, description, tensors)
    for name, layer in layers.items():
        if root.get_submodule(name) is not layer:
            _put(root, name, layer)
        layer.input_activity_sparsity = description.layers[name]["activity_sparsity"]
    _fit_types(root, description, tensors)
    for name, layer in layers.items():
        graph = layer.graph_of_state(tensors, _prefix(name))
        if graph is not None and graph != layer.graph:
            layer.set_graph(graph)
    root.load_state_dict(dict(tensors))
    for name, parameter in root.named_parameters():
        if parameter.requires_grad == (name in description.frozen):
            parameter.requires_grad_(not parameter.requires_grad)
    if not isinstance(getattr(type(root), "wiring", None), property) and wiring != wiring_of(root):
        root.wiring = wiring  # type: ignore[assignment]
    check_before_loading(root)
    return model


# ------------------------------------------------------------------ what fits, before any change


def _layers_to_be(root: nn.Module, description: Description) -> dict[str, SparseLinear]:
    """Return the sparse layers that the model is to have: its own, and some for linear ones."""
    modules = dict(root.named_modules())
    layers = {name: _layer(name, modules.get(name), d) for name, d in description.layers.items()}
    for name, module in modules.items():
        if isinstance(module, SparseLinear) and name not in layers:
            raise ValueError(f"layer {name!r} of the model is sparse, the saved one was not")
    return layers


def _layer(name: str, module: nn.Module | None, document: dict[str, Any]) -> SparseLinear:
    kind, shape = type(module).__name__, tuple(document["shape"])
    stands_in = type(module) is nn.Linear and document["class"] == "SparseLinear" and name != ""
    if not stands_in and not (isinstance(module, SparseLinear) and kind == document["class"]):
        raise ValueError(f"model must have a {document['class']} at {name!r}, got {kind}")
    assert isinstance(module, nn.Linear | SparseLinear)
    if (module.in_features, module.out_features) != shape:
        raise ValueError(
            f"layer {name!r} must have shape {shape}, as saved, got "
            f"{(module.in_features, module.out_features)}"
        )
    if (module.bias is not None) != document["bias"]:
        has, had = ("no", "a") if document["bias"] else ("a", "no")
        raise ValueError(f"layer {name!r} must have {had} bias, as saved, got one with {has} bias")
    if isinstance(module, SparseLinear):
        return module
    return SparseLinear.from_linear(module, BipartiteGraph.from_links([], [], shape))


def _check_state(
    root: nn.Module,
    layers: Mapping[str, SparseLinear],
    description: Description,
    tensors: Mapping[str, Tensor],
) -> None:
    """Raise unless the state names what the model will have, in the same shapes."""
    here = _state_to_be(root, layers)
    if missing := sorted(set(here) - set(tensors)):
        raise ValueError(f"the file lacks {missing[0]!r}, which the model has")
    if unknown := sorted(set(tensors) - set(here)):
        raise ValueError(f"the file has {unknown[0]!r}, which the model lacks")
    numbers = _neuron_numbers(root)
    others = {key: tensor for key, tensor in tensors.items() if key not in numbers}
    for name, layer in layers.items():
        try:
            layer.graph_of_state(others, _prefix(name))
        except ValueError as error:
            raise ValueError(f"layer {name!r}: {error}") from error
    of_links = tuple(f"{_prefix(name)}values" for name in _every_name(root, layers))
    for key, value in here.items():
        if key in numbers or key.endswith(_EXTRA) or key.startswith(of_links):
            continue
        if value.shape != tensors[key].shape:
            raise ValueError(
                f"{key!r} has shape {tuple(tensors[key].shape)} in the file and "
                f"{tuple(value.shape)} in the model"
            )
    kept = {key: value for key, value in here.items() if key not in numbers}
    _check_parameters(kept, set(description.parameters), tensors)


def _check_parameters(
    here: Mapping[str, Any], saved: set[str], tensors: Mapping[str, Tensor]
) -> None:
    """Raise unless what is learnt, and what is tied to what, is as it was saved."""
    firsts: dict[int, str] = {}
    for key, value in here.items():
        is_learnt = isinstance(value, nn.Parameter)
        first = firsts.setdefault(id(value), key) if is_learnt else key
        if first != key and not torch.equal(tensors[first], tensors[key]):
            raise ValueError(f"{first!r} and {key!r} are tied in the model and not in the file")
        if first == key and is_learnt != (key in saved):
            ours, theirs = ("a", "none") if is_learnt else ("no", "one")
            raise ValueError(
                f"{key!r} is {ours} parameter of its own in the model, and {theirs} in the file"
            )


def _state_to_be(root: nn.Module, layers: Mapping[str, SparseLinear]) -> dict[str, Any]:
    """Return the state that the model will have once the layers stand in their places."""
    names = _every_name(root, layers)
    prefixes = tuple(_prefix(name) for name in names)
    state = root.state_dict(keep_vars=True)
    here = {key: value for key, value in state.items() if not key.startswith(prefixes)}
    for name, layer in names.items():
        own = layer.state_dict(keep_vars=True)
        here |= {f"{_prefix(name)}{key}": value for key, value in own.items()}
    return here


def _every_name(root: nn.Module, layers: Mapping[str, SparseLinear]) -> dict[str, SparseLinear]:
    """Return the layers under all names that their places have: one may be used twice."""
    places = {root.get_submodule(name): layer for name, layer in layers.items()}
    modules = root.named_modules(remove_duplicate=False)
    return {name: places[module] for name, module in modules if module in places}


def _prefix(name: str) -> str:
    return f"{name}." if name else ""


def _neuron_numbers(root: nn.Module) -> set[str]:
    """Return the names of the numbers of neurons: one or one each, learnt or not, as saved."""
    names = root.named_modules(remove_duplicate=False)
    return {
        f"{_prefix(name)}{key}"
        for name, module in names
        if isinstance(module, LIFNumbers)
        for key in ("alpha", "v_th")
    }


# ------------------------------------------------------------------------------------- changes


def _fit_types(root: nn.Module, description: Description, tensors: Mapping[str, Tensor]) -> None:
    """Give parameters and buffers the types they were saved in, and neurons' numbers their size."""
    numbers = _neuron_numbers(root)
    for name, module in root.named_modules():
        for key, tensor in [*module._parameters.items(), *module._buffers.items()]:
            full = f"{_prefix(name)}{key}"
            saved = tensors.get(full)
            if tensor is None or saved is None:
                continue
            if full in numbers:
                fresh = torch.empty_like(saved, device=tensor.device)
                delattr(module, key)
                if full in description.parameters:
                    module.register_parameter(key, nn.Parameter(fresh))
                else:
                    module.register_buffer(key, fresh)
            elif tensor.dtype != saved.dtype:
                tensor.data = tensor.data.to(saved.dtype)


def _put(root: nn.Module, name: str, module: nn.Module) -> None:
    """Put a module in the place of another, under every name that this has."""
    old = root.get_submodule(name)
    for parent in list(root.modules()):
        for key, child in list(parent._modules.items()):
            if child is old:
                setattr(parent, key, module)
