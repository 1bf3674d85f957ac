"""Which layer feeds which: said by a model, or found by running it once.

A neuron may be taken out with its links only if no output of the model changes. So whatever is
not understood is taken as something that reads or drives the neurons, and nobody dies there.
"""

from __future__ import annotations

import copy
import dataclasses
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any, Literal

import norse.torch as norse
import numpy as np
import torch
from norse.torch.functional.reset import reset_subtract, reset_value
from torch import Tensor, nn

from chgraph.rewiring.wiring import Junction, Wiring
from chsnn._tracing import Tracer, is_of_use
from chsnn._tracing_rules import leaves
from chsnn.layers import SparseLinear
from chsnn.modules import unwrapped
from chsnn.neurons import LIF
from chsnn.seeds import seeded, stream, torch_stream

Side = Literal["in", "out"]
# Norse's cells and layers without connections among their neurons.
_NORSE_NEURONS = (
    norse.LIFCell,
    norse.LIF,
    norse.LIFBoxCell,
    norse.LICell,
    norse.LI,
    norse.LIBoxCell,
)
# Above the rounding of float32, relative to the largest output.
_TOLERANCE = 1e-6


def wiring_of(model: nn.Module) -> Wiring:
    """Return the wiring that a model says itself, as its attribute `wiring`; else all is open.

    Examples
    --------
    >>> wiring_of(nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2)))
    Wiring(junctions=())
    """
    said = getattr(unwrapped(model), "wiring", None)
    return said if isinstance(said, Wiring) else Wiring()


def find_wiring(
    model: nn.Module, example: Tensor | tuple[Any, ...], *, layers: Iterable[str] | None = None
) -> Wiring:
    """Find which layer feeds which by running a model once.

    A copy of the model runs on the example, in the mode (training or not) the model is in, and
    every torch function it calls is seen: neurons are followed through elementwise functions
    and modules, the LIF of this package and Norse's feed-forward cells, residual sums, flattening
    and loops over time. A side of a population is open where something else reads the neurons
    (the output of the model too, but not the states of neurons that it returns beside it, which go
    back to the same neurons) or drives them (the input, a bias, a norm). Each closed side is then
    put to the test on the example: weights that should not matter are changed.

    Parameters
    ----------
    model : nn.Module
        Left as it is. If it cannot be copied, or holds scripted modules, everything is open.
    example : Tensor or tuple
        The input, or the arguments, of the model.
    layers : iterable of str, optional
        Names of the layers to follow, as ``named_modules`` has them: nn.Linear or SparseLinear.
        All SparseLinear by default. A layer with a ``forward`` of its own is not followed.

    Returns
    -------
    Wiring
        With the junctions that have sources, targets and at least one closed side, in the order
        in which they come up.

    Raises
    ------
    TypeError
        If an argument is of the wrong kind, or `layers` names something that is not linear.
    ValueError
        If `layers` names a module that the model lacks.

    Notes
    -----
    A model whose path depends on the values it meets is followed on the path that the example
    takes; where other values lead elsewhere, say the wiring yourself.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.ReLU(), nn.Linear(3, 2))
    >>> find_wiring(model, torch.ones(1, 4), layers=["0", "2"]).junctions
    (Junction(size=3, sources=('0',), targets=('2',), open_in=False, open_out=False),)
    """
    _check(model, example)
    followed = _followed(model, layers)
    if any(isinstance(module, torch.jit.ScriptModule) for module in model.modules()):
        return Wiring()
    args = example if isinstance(example, tuple) else (example,)
    try:
        copy.deepcopy(model)
    except Exception:  # whatever a model of one's own raises when it cannot be copied
        return Wiring()
    try:
        found = _trace(model, args, followed)
    except Exception:
        _run(copy.deepcopy(model), _copied(args))  # an error of the model itself shows here
        return Wiring()
    tested = (_tested(junction, model, args) for junction in found.junctions)
    return Wiring(tuple(junction for junction in tested if is_of_use(junction)))


def describe(wiring: Wiring, names: Iterable[str]) -> str:
    """Say in one line which layers' neurons are followed and which are not.

    Parameters
    ----------
    wiring : Wiring
    names : iterable of str
        The layers in question.

    Examples
    --------
    >>> wiring = Wiring((Junction(8, ("fc1",), ("fc2",)),))
    >>> describe(wiring, ["fc1", "fc2"])
    'chains are followed between fc1 -> fc2; not after fc2 (something else reads or drives its
    neurons)'
    """
    notes = {(True, True): "", (True, False): " (only neurons without input die)"}
    notes[False, True] = " (only neurons that nobody reads die)"
    pairs, followed = [], set()
    for one in wiring.junctions:
        if one.closed_in or one.closed_out:
            ends = f"{' + '.join(one.sources)} -> {' + '.join(one.targets)}"
            pairs.append(ends + notes[one.closed_in, one.closed_out])
            followed |= set(one.sources)
    parts = [f"chains are followed between {', '.join(pairs)}" if pairs else "no chain is followed"]
    rest = [name for name in names if name not in followed]
    if rest:
        owner = "its" if len(rest) == 1 else "their"
        why = f"something else reads or drives {owner} neurons"
        parts.append(f"not after {', '.join(rest)} ({why})")
    return "; ".join(parts)


# ------------------------------------------------------------ the run


def _check(model: Any, example: Any) -> None:
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch.nn.Module, got {type(model).__name__}")
    if not isinstance(example, Tensor | tuple):
        raise TypeError(
            f"example must be a Tensor or a tuple of arguments, got {type(example).__name__}"
        )


def _followed(model: nn.Module, layers: Iterable[str] | None) -> dict[str, tuple[int, int]]:
    """Return (n_in, n_out) of the layers whose calls are links and nothing else."""
    if isinstance(layers, str):
        raise TypeError(f"layers must be several names, as [{layers!r}], got {layers!r}")
    if layers is None:
        layers = [name for name, m in model.named_modules() if isinstance(m, SparseLinear)]
    modules = dict(model.named_modules(remove_duplicate=False))
    found: dict[nn.Linear | SparseLinear, str] = {}
    for name in layers:
        if name not in modules:
            raise ValueError(f"layers names {name!r}; the model has no such module")
        layer = modules[name]
        if not isinstance(layer, nn.Linear | SparseLinear):
            kind = type(layer).__name__
            raise TypeError(f"layers must name Linear or SparseLinear, {name!r} is a {kind}")
        if _is_just_linear(layer):
            found.setdefault(layer, name)
    return {name: (layer.in_features, layer.out_features) for layer, name in found.items()}


def _is_just_linear(layer: nn.Linear | SparseLinear) -> bool:
    """Whether nobody has put a forward or a computed weight of his own in its place."""
    forward = type(layer).forward
    if "forward" in vars(layer):
        return False
    if isinstance(layer, SparseLinear):
        return forward.__module__.partition(".")[0] == __name__.partition(".")[0]
    own = dict(layer.named_parameters(recurse=False))
    return forward is nn.Linear.forward and "weight" in own


def _trace(
    model: nn.Module, args: tuple[Any, ...], followed: Mapping[str, tuple[int, int]]
) -> Wiring:
    model = copy.deepcopy(model)
    args = _copied(args)
    tracer = Tracer()
    modules = dict(model.named_modules(remove_duplicate=False))
    for name, sizes in followed.items():
        tracer.follow_layer(name, modules[name], sizes)
    for module in model.modules():
        if type(module) is LIF:
            # Their thresholds are above 0, or they raise.
            tracer.follow_neurons(module, ("forward", "run", "rate", "step"), rests=True)
        elif type(module) in _NORSE_NEURONS and _resets_alone(module):
            tracer.follow_neurons(module, ("forward",), rests=_rests(module))
    with _undisturbed(), tracer:
        result = model(*args)
    kept = [_without_states(_kept(module)) for module in model.modules()]
    return tracer.wiring(_without_states(result), kept)


def _kept(module: nn.Module) -> list[Any]:
    """Return what a module holds besides its parameters and modules."""
    others = ("_parameters", "_modules")
    return [value for name, value in vars(module).items() if name not in others]


def _without_states(result: Any) -> Any:
    """Return what a model gives without the states of neurons, its own business."""
    if isinstance(result, tuple) and hasattr(result, "_fields"):
        is_state = type(result).__module__.partition(".")[0] in ("norse", "chsnn")
        return None if is_state else [_without_states(one) for one in result]
    if isinstance(result, tuple | list):
        return [_without_states(one) for one in result]
    return result


def _resets_alone(neurons: Any) -> bool:
    return getattr(neurons.p, "reset_method", reset_value) in (reset_value, reset_subtract)


def _rests(neurons: Any) -> bool:
    """Whether Norse's neurons, without input and from the start, stay at 0 and never fire."""
    leak = torch.as_tensor(neurons.p.v_leak)
    threshold = torch.as_tensor(getattr(neurons.p, "v_th", 1.0))
    is_learnt = leak.requires_grad or threshold.requires_grad
    return not is_learnt and bool((leak == 0).all()) and bool((threshold > 0).all())


def _copied(args: tuple[Any, ...]) -> tuple[Any, ...]:
    """Return arguments that a model can change without harm."""
    return tuple(x.detach().clone() if isinstance(x, Tensor) else copy.deepcopy(x) for x in args)


@contextmanager
def _undisturbed() -> Iterator[None]:
    """Run without gradients, the same at every time, and without a trace in random streams."""
    with ExitStack() as stack:
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(seeded(0, "wiring"))
        if "torch._dynamo" in sys.modules:  # else nothing is compiled, and loading it takes seconds
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        yield


def _run(model: nn.Module, args: tuple[Any, ...]) -> list[Any]:
    with _undisturbed():
        found = leaves(_without_states(model(*args)))
        return [leaf.clone() if isinstance(leaf, Tensor) else leaf for leaf in found]


# ------------------------------------------------------------ the test


def _tested(junction: Junction, model: nn.Module, args: tuple[Any, ...]) -> Junction:
    """Return the junction with the sides opened where weights matter that should not."""
    half = stream(0, "wiring", *junction.sources).random(junction.size) < 0.5
    if not half.any():
        half[:] = True
    try:
        for training in sorted({False, any(module.training for module in model.modules())}):
            silent = _outputs(junction, half, None, model, args, training)
            for side in _sides_to_test(junction):
                other = _outputs(junction, half, side, model, args, training)
                if not _are_equal(silent, other):
                    junction = _opened(junction, side)
    except Exception:
        # A mode or weights that the model cannot take.
        return dataclasses.replace(junction, open_in=True, open_out=True)
    return junction


def _sides_to_test(junction: Junction) -> list[Side]:
    """Return the sides whose weights must not matter: those across from a closed one."""
    sides: dict[Side, bool] = {"in": junction.closed_out, "out": junction.closed_in}
    return [side for side, is_claimed in sides.items() if is_claimed]


def _opened(junction: Junction, changed: Side) -> Junction:
    """Return the junction after a change on one side was noticed: the other one is open."""
    if changed == "in":
        return dataclasses.replace(junction, open_out=True)
    return dataclasses.replace(junction, open_in=True)


def _outputs(
    junction: Junction,
    half: np.ndarray,
    changed: Side | None,
    model: nn.Module,
    args: tuple[Any, ...],
    training: bool,
) -> list[Any]:
    """Return the outputs with the weights of half the neurons at 0, but one side's changed."""
    model = copy.deepcopy(model)
    if not training:
        model.eval()
    modules = dict(model.named_modules(remove_duplicate=False))
    names: dict[Side, tuple[str, ...]] = {"in": junction.sources, "out": junction.targets}
    # A recurrent layer is on both sides: what is 0 is set last.
    for side in sorted(names, key=lambda side: side != changed):
        for name in names[side]:
            weights, places = _weights_of(modules[name], half, side)
            with torch.no_grad():
                new = 3 * weights + _noise(weights, name) if side == changed else weights * 0
                weights.copy_(torch.where(places, new, weights))
    return _run(model, _copied(args))


def _weights_of(layer: Any, half: np.ndarray, side: Side) -> tuple[Tensor, Tensor]:
    """Return a layer's weights, and where those into or out of the chosen neurons are."""
    if isinstance(layer, SparseLinear):
        left, right = layer.graph.links()
        return layer.values, torch.from_numpy(half[right if side == "in" else left]).to(
            layer.values.device
        )
    chosen = torch.from_numpy(half).to(layer.weight.device)
    return layer.weight, (chosen[:, None] if side == "in" else chosen).expand(layer.weight.shape)


def _noise(weights: Tensor, name: str) -> Tensor:
    """Return weights of the usual size, so that layers which are still 0 are tested too."""
    noise = torch.randn(weights.shape, generator=torch_stream(0, "wiring", name))
    return noise.to(weights)


def _are_equal(outputs: list[Any], others: list[Any]) -> bool:
    if len(outputs) != len(others):
        return False
    return all(_is_equal(a, b) for a, b in zip(outputs, others, strict=True))


def _is_equal(a: Any, b: Any) -> bool:
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return type(a) is type(b) and a == b
    if a.shape != b.shape:
        return False
    a, b = a.double().nan_to_num(nan=torch.pi), b.double().nan_to_num(nan=torch.pi)
    scale = a.abs().max() if a.numel() else 0.0
    return torch.allclose(a, b, rtol=0.0, atol=_TOLERANCE * float(scale))
