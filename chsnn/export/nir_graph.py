"""NIR, the exchange format of neuromorphic simulators and chips: out of a network, and back."""

from __future__ import annotations

import io
import itertools
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor, nn

from chgraph.checks import check_real
from chgraph.extras import import_extra
from chgraph.graph import BipartiteGraph
from chgraph.storage import write_atomically
from chsnn.export.chain import SpikingChain, chain_of
from chsnn.layers import SparseLinear
from chsnn.neurons import LIF

if TYPE_CHECKING:
    import nir

# Of snnTorch and of the reference models of NIR: one time step in seconds.
DT = 1e-4


def _nir() -> Any:
    return import_extra("nir", extra="nir", used_by="NIR")


def to_nir(model: nn.Module, path: str | Path | None = None, *, dt: float = DT) -> nir.NIRGraph:
    """Return a network as a NIR graph, written to a file if one is named.

    A neuron with decay alpha and threshold theta becomes a LIF of time constant
    ``dt / (1 - alpha)``, resistance 1 and threshold ``(1 - alpha) theta``. Weights of absent links
    are 0.

    Parameters
    ----------
    model : Module
        As :func:`chsnn.export.chain_of` takes it. Batch norms are folded into convolutions.
    path : str or Path, optional
        An HDF5 file that simulators read; written beside it first, then renamed.
    dt : float
        Seconds of a time step.

    Returns
    -------
    nir.NIRGraph
        Its input is what the first layer reads at every step, its output what the last part gives:
        the score of a class is the mean over time.

    Raises
    ------
    TypeError
        If the network has a part that NIR has no node for (a max pool, a synaptic current).
    ImportError
        Without the extra ``nir``.

    References
    ----------
    Pedersen et al., Neuromorphic intermediate representation, Nat. Commun. 15:8122 (2024).

    Examples
    --------
    >>> import chsnn
    >>> model = chsnn.networks.mlp((8, 16, 4), sparsity=0.5, encoding="none", timesteps=5)
    >>> sorted(to_nir(model).nodes)
    ['input', 'layers_0', 'layers_0_neurons', 'layers_1', 'output']
    """
    dt = check_real("dt", dt, minimum=0.0)
    if dt == 0.0:
        raise ValueError("dt must be the seconds of a time step, above 0")
    nir, chain = _nir(), chain_of(model)
    nodes: dict[str, Any] = {"input": nir.Input(np.array(chain.in_shape))}
    x = torch.zeros(1, 1, *chain.in_shape)
    for name, part in chain.parts.items():
        shape = tuple(x.shape[2:])
        nodes[name.replace(".", "_")] = _node(nir, name, part, shape, dt)
        x = part(x)[0] if isinstance(part, LIF) else part(x.flatten(0, 1))[None]
    nodes["output"] = nir.Output(np.array(x.shape[2:]))
    names = list(nodes)
    graph = nir.NIRGraph(nodes, list(itertools.pairwise(names)), metadata={})
    if path is not None:
        _write(graph, Path(path))
    return graph


def _write(graph: Any, path: Path) -> None:
    memory = io.BytesIO()
    _nir().write(memory, graph)
    write_atomically(path, memory.getvalue())


def _node(nir: Any, name: str, part: nn.Module, shape: tuple[int, ...], dt: float) -> Any:
    if isinstance(part, SparseLinear | nn.Linear):
        weight = part.dense_weight() if isinstance(part, SparseLinear) else part.weight
        if part.bias is None:
            return nir.Linear(_array(weight))
        return nir.Affine(_array(weight), _array(part.bias))
    if isinstance(part, nn.Conv2d):
        return _convolution_node(nir, name, part, shape)
    if isinstance(part, nn.AvgPool2d):
        if part.ceil_mode or part.divisor_override is not None or not part.count_include_pad:
            raise TypeError(f"{name!r} averages in a way that NIR has no node for")
        sizes = (part.kernel_size, part.stride, part.padding)
        return nir.AvgPool2d(*(np.array(_pair(size)) for size in sizes))
    if isinstance(part, nn.Flatten):
        return nir.Flatten({"input": np.array(shape)}, 0, -1)
    assert isinstance(part, LIF)
    return _neuron_node(nir, name, part, shape, dt)


def _convolution_node(nir: Any, name: str, conv: nn.Conv2d, shape: tuple[int, ...]) -> Any:
    if conv.padding_mode != "zeros" or isinstance(conv.padding, str):
        raise TypeError(f"{name!r} pads in a way that NIR has no node for: use numbers of zeros")
    bias = torch.zeros(conv.out_channels) if conv.bias is None else conv.bias
    return nir.Conv2d(
        input_shape=tuple(shape[1:]),
        weight=_array(conv.weight),
        stride=conv.stride,
        padding=conv.padding,
        dilation=conv.dilation,
        groups=conv.groups,
        bias=_array(bias),
    )


def _neuron_node(nir: Any, name: str, neurons: LIF, shape: tuple[int, ...], dt: float) -> Any:
    if neurons.model != "box":
        raise TypeError(f"{name!r} has a synaptic current: only the box model goes into NIR")
    alpha, v_th = (_per_neuron(n, shape) for n in (neurons.alpha, neurons.v_th))
    return nir.LIF(
        tau=dt / (1.0 - alpha),
        r=np.ones(shape),
        v_leak=np.zeros(shape),
        v_threshold=(1.0 - alpha) * v_th,
        v_reset=np.zeros(shape),
    )


def _per_neuron(numbers: Tensor, shape: tuple[int, ...]) -> np.ndarray:
    return np.broadcast_to(numbers.detach().double().cpu().numpy(), shape).copy()


def _array(tensor: Tensor) -> np.ndarray:
    return tensor.detach().cpu().numpy().copy()


def _pair(size: Any) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else tuple(size)


# ----------------------------------------------------------------------------------- back


def from_nir(graph: nir.NIRGraph | str | Path, *, dt: float = DT) -> SpikingChain:
    """Return a network from a NIR graph, its linear layers sparse where weights are 0.

    Parameters
    ----------
    graph : nir.NIRGraph, str or Path
        Nodes in a row: linear and affine layers, 2d convolutions, average pools, flattening, and
        LIF neurons that rest and are reset at 0.
    dt : float
        Seconds of a time step.

    Returns
    -------
    SpikingChain
        Takes (T, B, ...), returns what the last node gives at every step.

    Raises
    ------
    ValueError
        If the file is none of NIR, or the graph is not a row of nodes, or one of them has numbers
        that :class:`chsnn.LIF` has not; with its name.
    TypeError
        If a node is of another kind.

    Examples
    --------
    >>> import chsnn
    >>> model = chsnn.networks.mlp((8, 16, 4), sparsity=0.5, encoding="none", timesteps=5)
    >>> again = from_nir(to_nir(model))
    >>> x = (torch.rand(5, 3, 8) < 0.5).float()
    >>> bool(torch.allclose(again(x).mean(0), model(x)))
    True
    """
    if not isinstance(graph, str | Path | _nir().NIRGraph):
        raise TypeError(f"graph must be a NIR graph or a path, got {type(graph).__name__}")
    if not isinstance(graph, str | Path):
        return _chain(graph, dt)
    if not Path(graph).is_file():
        raise FileNotFoundError(f"no file at {graph}")
    try:
        read = _nir().read(graph)
    except (OSError, KeyError, ValueError, AttributeError, TypeError) as error:
        raise ValueError(f"{graph} is not an NIR file: {error}") from error
    return _chain(read, dt)


def _chain(graph: Any, dt: float) -> SpikingChain:
    names = _in_a_row(graph)
    first = graph.nodes[names[0]]
    in_shape = tuple(int(n) for n in np.atleast_1d(first.input_type["input"]))
    parts = {name: _part(name, graph.nodes[name], dt) for name in names[1:-1]}
    return SpikingChain(parts, in_shape=in_shape).eval()


def _in_a_row(graph: Any) -> list[str]:
    """Return the names of all nodes from the input to the output, or raise."""
    nir = _nir()
    following: dict[str, str] = {}
    for source, target in dict.fromkeys((str(a), str(b)) for a, b in graph.edges):
        if source in following or target in following.values():
            raise ValueError(
                f"graph must be a row of nodes, and {source!r} or {target!r} is a fork"
            )
        following[source] = target
    inputs = [name for name, node in graph.nodes.items() if isinstance(node, nir.Input)]
    if len(inputs) != 1:
        raise ValueError(f"graph must have one input, got {len(inputs)}")
    names = [inputs[0]]
    while names[-1] in following and len(names) <= len(graph.nodes):
        names.append(following[names[-1]])
    if len(names) != len(graph.nodes) or not isinstance(graph.nodes[names[-1]], nir.Output):
        raise ValueError("graph must be a row of nodes from its input to its output")
    return names


def _part(name: str, node: Any, dt: float) -> nn.Module:
    nir = _nir()
    if isinstance(node, nir.Linear | nir.Affine):
        return _linear(node.weight, getattr(node, "bias", None))
    if isinstance(node, nir.Conv2d):
        return _convolution(node)
    if isinstance(node, nir.AvgPool2d):
        sizes = (node.kernel_size, node.stride, node.padding)
        kernel, stride, padding = (_pair_of(size) for size in sizes)
        return nn.AvgPool2d(kernel, stride, padding)
    if isinstance(node, nir.Flatten):
        return nn.Flatten()
    if isinstance(node, nir.LIF):
        return _neurons(name, node, dt)
    raise TypeError(f"node {name!r} is a {type(node).__name__}, which no part of chsnn stands for")


def _linear(weight: np.ndarray, bias: np.ndarray | None) -> nn.Module:
    outputs, inputs = np.nonzero(weight)
    graph = BipartiteGraph.from_links(inputs, outputs, weight.shape[::-1])
    layer = SparseLinear(graph, bias=bias is not None)
    left, right = graph.links()
    layer.set_values(torch.from_numpy(np.asarray(weight[right, left], np.float32)))
    if bias is not None and layer.bias is not None:
        with torch.no_grad():
            layer.bias.copy_(torch.from_numpy(np.asarray(bias, np.float32)))
    return layer


def _convolution(node: Any) -> nn.Conv2d:
    n_out, n_in, *kernel = node.weight.shape
    padding = node.padding if isinstance(node.padding, str) else _pair_of(node.padding)
    conv = nn.Conv2d(
        n_in * int(node.groups),
        n_out,
        tuple(kernel),
        stride=_pair_of(node.stride),
        padding=padding,
        dilation=_pair_of(node.dilation),
        groups=int(node.groups),
    )
    with torch.no_grad():
        conv.weight.copy_(torch.from_numpy(np.asarray(node.weight, np.float32)))
        assert conv.bias is not None
        conv.bias.copy_(torch.from_numpy(np.asarray(node.bias, np.float32)))
    return conv


def _pair_of(size: Any) -> tuple[int, int]:
    numbers = np.broadcast_to(np.asarray(size), (2,))
    return int(numbers[0]), int(numbers[1])


def _neurons(name: str, node: Any, dt: float) -> LIF:
    for what in ("v_leak", "v_reset"):
        if np.any(getattr(node, what) != 0.0):
            raise ValueError(f"neurons {name!r} must rest and be reset at 0, got another {what}")
    alpha, gain = 1.0 - dt / node.tau, node.r * dt / node.tau
    if np.any(alpha < 0.0):
        raise ValueError(f"neurons {name!r} must have time constants of at least dt, {dt:g} s")
    return LIF(alpha=_one_or_all(alpha), v_th=_one_or_all(node.v_threshold / gain))


def _one_or_all(numbers: np.ndarray) -> float | np.ndarray:
    """Return a number that all neurons share, or one for each; rounded as they compute."""
    rounded = np.asarray(numbers, np.float64).round(12)
    return float(rounded.flat[0]) if np.unique(rounded).size == 1 else rounded
