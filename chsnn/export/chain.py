"""A network as a chain of plain parts: layers, neurons, pools, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn

from chgraph.checks import check_positive_int, shown
from chsnn.encoding import Encoder
from chsnn.fused import DenseLIF, DenseReadout, SparseLIF, SparseReadout
from chsnn.layers import SparseLinear
from chsnn.modules import check_model, unwrapped
from chsnn.networks.conv import SpikingConv
from chsnn.networks.mlp import SpikingMLP
from chsnn.networks.stages import ConvStage, over_steps
from chsnn.neurons import LIF, LIFNumbers

_FUSED = (SparseLIF, SparseReadout, DenseLIF, DenseReadout)
_PLAIN = (SparseLinear, nn.Linear, nn.Conv2d, nn.AvgPool2d, nn.Flatten, LIF)


class SpikingChain(nn.Module):
    """Layers, neurons and pools in a row, over all time steps at once.

    Parameters
    ----------
    parts : dict of str to Module
        :class:`chsnn.SparseLinear`, ``nn.Linear``, ``nn.Conv2d``, ``nn.AvgPool2d``, ``nn.Flatten``
        and :class:`chsnn.LIF`, by name, in order.
    in_shape : tuple of int
        Of one sample at one time step.

    Examples
    --------
    >>> chain = SpikingChain({"fc": nn.Linear(3, 2), "lif": LIF()}, in_shape=(3,))
    >>> chain(torch.rand(5, 4, 3)).shape  # T, B, n
    torch.Size([5, 4, 2])
    """

    def __init__(self, parts: dict[str, nn.Module], *, in_shape: tuple[int, ...]) -> None:
        super().__init__()
        is_mapping = isinstance(parts, Mapping)
        if not is_mapping or not all(isinstance(part, nn.Module) for part in parts.values()):
            raise TypeError(f"parts must be modules by name, got {shown(parts)}")
        if not isinstance(in_shape, Sequence) or isinstance(in_shape, str | bytes):
            raise TypeError(f"in_shape must be sizes of a sample, got {shown(in_shape)}")
        for size in in_shape:
            check_positive_int("in_shape", size)
        self._names = tuple(parts)
        for i, part in enumerate(parts.values()):
            self.add_module(str(i), part)
        self.in_shape = tuple(in_shape)

    @property
    def parts(self) -> dict[str, nn.Module]:
        """The parts by name, in order."""
        return {name: self.get_submodule(str(i)) for i, name in enumerate(self._names)}

    def forward(self, x: Tensor) -> Tensor:
        """Run all time steps: (T, B, ...) to the output of the last part, (T, B, n)."""
        for part in self.parts.values():
            x = part(x)[0] if isinstance(part, LIF) else over_steps(part, x)
        return x


def chain_of(model: nn.Module) -> SpikingChain:
    """Return a model as a chain of plain parts with its numbers, norms folded into convolutions.

    Parameters
    ----------
    model : Module
        As :func:`chsnn.networks.mlp` and :func:`chsnn.networks.conv` make it (with average pools),
        a :class:`SpikingChain`, or an ``nn.Sequential`` of the parts that one has.

    Returns
    -------
    SpikingChain
        A copy, in evaluation mode. Its output is that of the last part at every step: the score of
        a class is its mean over time.

    Raises
    ------
    TypeError
        If the model has a part that cannot stand in a chain, with its name.

    Examples
    --------
    >>> import chsnn
    >>> model = chsnn.networks.mlp((8, 16, 4), sparsity=0.5, encoding="none", timesteps=5)
    >>> list(chain_of(model).parts)
    ['layers.0', 'layers.0.neurons', 'layers.1']
    """
    inner = unwrapped(model)
    parts = dict(_parts(inner))
    chain = SpikingChain(parts, in_shape=_in_shape(inner, parts))
    return chain.eval()


def encoder_of(model: nn.Module) -> Encoder | None:
    """Return the encoder of a model that has one."""
    encoder = getattr(unwrapped(model), "encoder", None)
    return encoder if isinstance(encoder, Encoder) else None


def _in_shape(model: nn.Module, parts: dict[str, nn.Module]) -> tuple[int, ...]:
    if isinstance(model, SpikingConv | SpikingChain):
        return tuple(model.in_shape)
    first = next(iter(parts.values()), None)
    if isinstance(first, SparseLinear | nn.Linear):
        return (first.in_features,)
    name = next(iter(parts), "nothing")
    raise TypeError(
        f"model must start with a linear layer, or say the shape of its input, got {name!r}: "
        "put its parts into a chsnn.export.SpikingChain(parts, in_shape=...)"
    )


def _parts(model: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if isinstance(model, SpikingMLP):
        for name, layer in model.layers.named_children():
            yield from _fused(f"layers.{name}", layer)
    elif isinstance(model, SpikingConv):
        for name, stage in model.stages.named_children():
            yield from _stage(f"stages.{name}", stage)
        yield "flatten", nn.Flatten()
        yield from _fused("hidden", model.hidden)
        yield from _fused("readout", model.readout)
    elif isinstance(model, SpikingChain):
        yield from model.parts.items()
    elif isinstance(model, nn.Sequential):
        yield from _of_sequential("", model)
    else:
        raise TypeError(
            "model must be a chain of layers and neurons, as chsnn.networks.mlp and conv or an "
            f"nn.Sequential of them, got {type(model).__name__}{_first_of(model)}"
        )


def _first_of(model: nn.Module) -> str:
    for name, module in check_model(model).named_modules():
        if name and not isinstance(module, (*_PLAIN, *_FUSED, nn.ModuleList, LIFNumbers)):
            return f" with {name!r}, a {type(module).__name__}"
    return ""


def _of_sequential(prefix: str, model: nn.Sequential) -> Iterator[tuple[str, nn.Module]]:
    for child, module in model.named_children():
        name = f"{prefix}{child}"
        if isinstance(module, nn.Sequential):
            yield from _of_sequential(f"{name}.", module)
        elif isinstance(module, _FUSED):
            yield from _fused(name, module)
        elif isinstance(module, _PLAIN):
            yield name, module
        elif not isinstance(module, nn.Identity):
            raise _refused(name, module)


def _refused(name: str, module: nn.Module) -> TypeError:
    known = ", ".join(kind.__name__ for kind in _PLAIN)
    return TypeError(
        f"model must have parts of the kinds {known} alone, got {name!r}, a {type(module).__name__}"
    )


def _fused(name: str, layer: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Yield the weights of a layer, and its neurons if it has any."""
    if isinstance(layer, SparseLinear):
        plain = SparseLinear(layer.graph, bias=layer.bias is not None, backend=layer.backend)
        plain.to(device=layer.values.device, dtype=layer.values.dtype)
        plain.set_values(layer.values.detach())
        if layer.bias is not None and plain.bias is not None:
            with torch.no_grad():
                plain.bias.copy_(layer.bias)
        yield name, plain
    elif isinstance(layer, nn.Linear):
        linear = nn.Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
        linear.load_state_dict({k: v for k, v in layer.state_dict().items() if "." not in k})
        yield name, linear
    else:
        raise _refused(name, layer)
    numbers = getattr(layer, "neuron", None)
    if isinstance(numbers, LIFNumbers):
        yield f"{name}.neurons", LIF(**numbers.settings)


def _stage(name: str, stage: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(stage, ConvStage):
        raise _refused(name, stage)
    yield f"{name}.conv", folded(stage.conv, stage.norm)
    yield f"{name}.neurons", LIF(**stage.neurons.settings)
    if isinstance(stage.pool, nn.AvgPool2d):
        yield f"{name}.pool", stage.pool
    elif not isinstance(stage.pool, nn.Identity):
        raise _refused(f"{name}.pool", stage.pool)


@torch.no_grad()
def folded(conv: nn.Conv2d, norm: nn.Module) -> nn.Conv2d:
    """Return a convolution that does what one does with the batch norm behind it, in evaluation.

    In double precision, so that only the result is rounded: a spike may still flip where a
    potential is within rounding of the threshold.
    """
    weight = conv.weight.double()
    bias = weight.new_zeros(conv.out_channels) if conv.bias is None else conv.bias.double()
    if isinstance(norm, nn.BatchNorm2d):
        assert norm.running_mean is not None
        assert norm.running_var is not None
        gain = norm.weight.double() / torch.sqrt(norm.running_var.double() + norm.eps)
        bias = (bias - norm.running_mean.double()) * gain + norm.bias.double()
        weight = weight * gain.view(-1, 1, 1, 1)
    new = nn.Conv2d(
        conv.in_channels,
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        stride=conv.stride,  # type: ignore[arg-type]
        padding=conv.padding,  # type: ignore[arg-type]
        dilation=conv.dilation,  # type: ignore[arg-type]
        groups=conv.groups,
    )
    assert new.bias is not None
    new.weight.copy_(weight)
    new.bias.copy_(bias)
    return new.to(conv.weight.dtype)
