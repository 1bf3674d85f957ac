"""Any torch model made sparse, layer by layer and in place, and dense again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import nn

from chgraph.checks import check_choice, check_count
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Wiring
from chgraph.topology import erdos_renyi, link_count, regular, spike_correlated
from chsnn._input_reading import Reading, as_inputs, read_inputs
from chsnn._layer_choice import choose
from chsnn.layers import SparseLinear
from chsnn.loading import check_before_loading
from chsnn.modules import check_model, device_of, unwrapped
from chsnn.seeds import seeded, stream
from chsnn.weights import WEIGHTS, initial_weights, input_gain
from chsnn.wiring import describe, find_wiring

SparsifyTopology = Literal["auto", "SSCTI", "regular", "erdos_renyi"]
SPARSIFY_TOPOLOGIES = ("auto", "SSCTI", "regular", "erdos_renyi")
SPARSIFY_WEIGHTS = (*WEIGHTS, "keep")

_log = logging.getLogger(__name__)


def sparse_layers(model: nn.Module) -> dict[str, SparseLinear]:
    """Return the sparse layers of a model by name, in the model's order.

    A layer that is used under several names comes once, under the first.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> list(sparse_layers(sparsify(model, 0.5)))
    ['0']
    """
    modules = unwrapped(model).named_modules()
    return {name: module for name, module in modules if isinstance(module, SparseLinear)}


def sparsify(
    model: nn.Module,
    sparsity: float | Mapping[str, float],
    *,
    layers: str | Sequence[str] | None = None,
    inputs: Any = None,
    topology: SparsifyTopology = "auto",
    weights: Literal["SSWI", "kaiming", "keep"] = "SSWI",
    wiring: Wiring | None = None,
    seed: int = 0,
) -> nn.Module:
    """Replace linear layers of a model by sparse ones, in place.

    Parameters
    ----------
    model : Module
        Any; with ``nn.Linear`` layers.
    sparsity : float or mapping of str to float
        Fraction of absent links, in [0, 1). A mapping gives it by patterns of layer names: a
        layer has that of the first pattern that fits, and one that fits none stays dense.
    layers : str or sequence of str, optional
        Patterns (``"blocks.*.fc1"``) of the names of the layers to replace; by default those of
        the mapping, or else every ``nn.Linear`` but the last. Layers that their module reads past
        their ``forward`` (as nn.MultiheadAttention does), tied weights and reparametrised
        layers are left alone by default.
    inputs : array_like or Tensor, optional
        Some inputs of the model, as it takes them. The layer that reads them starts from their
        correlations (SSCTI), and the model is run on a few to see which layer feeds which.
    topology : {"auto", "SSCTI", "regular", "erdos_renyi"}
        "auto": SSCTI where a layer reads the inputs, else every node with the same number of
        links; with ``weights="keep"`` the links with the largest weights.
    weights : {"SSWI", "kaiming", "keep"}
        Of the links: drawn anew, or those that the layer has.
    wiring : Wiring, optional
        Which layer feeds which, where it is known; by default it is looked for
        (:func:`chsnn.find_wiring`). It is kept as ``model.wiring``.
    seed : int

    Returns
    -------
    Module
        The model.

    Raises
    ------
    ValueError
        If a pattern fits no layer, a layer cannot be replaced or would have no link, or the
        model does not take the inputs; nothing has been changed then.

    Notes
    -----
    A line is logged (``chsnn.sparse``) that says which neurons chain removal can follow: a warning
    if it cannot follow those between sparse layers.

    References
    ----------
    CH-SNN, arXiv 2511.05581, sections 3.2.1 and 3.2.2.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(100, 50, bias=False), nn.ReLU(), nn.Linear(50, 10))
    >>> sparsify(model, 0.9)[0]
    SparseLinear(in_features=100, out_features=50, links=500, sparsity=0.9, ...)
    """
    check_model(model)
    check_choice("topology", topology, SPARSIFY_TOPOLOGIES)
    check_choice("weights", weights, SPARSIFY_WEIGHTS)
    seed = check_count("seed", seed)
    if topology == "SSCTI" and inputs is None:
        raise ValueError("inputs must be given for topology='SSCTI', got None")
    if wiring is not None and not isinstance(wiring, Wiring):
        raise TypeError(f"wiring must be a Wiring, got {type(wiring).__name__}")
    root = unwrapped(model)
    if root is not model and isinstance(model, nn.parallel.DistributedDataParallel):
        raise ValueError(
            "model must be made sparse before DistributedDataParallel wraps it, which holds on to "
            "the parameters there are: chsnn.sparsify(model.module, ...), then wrap it again"
        )
    chosen = choose(root, sparsity, layers)
    examples = None if inputs is None else as_inputs(inputs, root)
    reading = None if examples is None else read_inputs(root, examples, list(chosen))
    made = {}
    for name, (linear, share) in chosen.items():
        graph = _graph(name, linear, share, topology, weights, reading, seed)
        made[name] = _layer(root, name, linear, graph, weights, reading, seed)
    every = _named_as_in(root, {**sparse_layers(root), **made})
    if wiring is None:
        wiring = _wiring_of_new(root, examples, list(every))
    wiring.check({name: layer.graph for name, layer in every.items()})
    _replace(root, {chosen[name][0]: layer for name, layer in made.items()})
    _say(root, wiring, list(every))
    check_before_loading(root)
    return model


def _named_as_in(root: nn.Module, layers: dict[str, SparseLinear]) -> dict[str, SparseLinear]:
    """Return layers in the order in which the model has them."""
    return {name: layers[name] for name, _ in root.named_modules() if name in layers}


def _say(root: nn.Module, wiring: Wiring, names: list[str]) -> None:
    """Keep the wiring at the model, and log in one line whose neurons are followed."""
    line = describe(wiring, names)
    closed = [one for one in wiring.junctions if one.closed_in or one.closed_out]
    followed = {name for one in closed for name in one.sources}
    # What comes after the last sparse layer is dense: nobody expects it to be followed.
    is_whole = followed >= set(names[:-1])
    if not isinstance(getattr(type(root), "wiring", None), property):
        if isinstance(getattr(root, "wiring", None), Wiring | None):
            root.wiring = wiring  # type: ignore[assignment]
        else:
            line += "; the model has a 'wiring' of its own, so give this one to attach"
            is_whole = False
    _log.log(logging.INFO if is_whole else logging.WARNING, line)


def densify(model: nn.Module) -> nn.Module:
    """Replace every sparse layer of a model by a plain torch one with the same outputs, in place.

    Returns
    -------
    Module
        The model; a sparse layer given by itself comes back as a new dense one.

    Examples
    --------
    >>> model = sparsify(nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2)), 0.5)
    >>> densify(model)[0]
    Linear(in_features=4, out_features=8, bias=True)
    """
    with seeded(0, "densify"):  # a new nn.Linear draws from the global stream
        if isinstance(model, SparseLinear):
            return model.to_linear()
        root = unwrapped(model)
        _replace(root, {layer: layer.to_linear() for layer in sparse_layers(root).values()})
    if "wiring" in vars(root):
        del root.wiring
    return model


# ------------------------------------------------------------------------ new layers


def _graph(
    name: str,
    linear: nn.Linear,
    sparsity: float,
    topology: str,
    weights: str,
    reading: Reading | None,
    seed: int,
) -> BipartiteGraph:
    shape, rng = (linear.in_features, linear.out_features), stream(seed, "topology", name)
    reads_input = reading is not None and reading.name == name
    if topology == "auto" and weights == "keep":
        return _largest(linear, link_count(*shape, sparsity))
    if topology == "erdos_renyi":
        return erdos_renyi(*shape, sparsity, rng=rng)
    if reads_input and topology in ("auto", "SSCTI") and sparsity > 0:
        assert reading is not None
        return spike_correlated(reading.observations, shape[1], sparsity, rng=rng)
    return regular(*shape, sparsity, rng=rng)


def _largest(linear: nn.Linear, n_links: int) -> BipartiteGraph:
    """Return the graph of the largest weights, equal ones in (left, right) order."""
    size = linear.weight.detach().abs().T.contiguous().view(-1).double().cpu().numpy()
    best = np.sort(np.argsort(-size, kind="stable")[:n_links])
    left, right = np.divmod(best, linear.out_features)
    return BipartiteGraph.from_links(left, right, (linear.in_features, linear.out_features))


def _layer(
    root: nn.Module,
    name: str,
    linear: nn.Linear,
    graph: BipartiteGraph,
    weights: str,
    reading: Reading | None,
    seed: int,
) -> SparseLinear:
    layer = SparseLinear.from_linear(linear, graph)
    if reading is not None and reading.name == name:
        layer.input_activity_sparsity = reading.activity_sparsity
    if weights != "keep":
        v_th, gain = input_gain(root, name)
        drawn = initial_weights(
            graph,
            weights,  # type: ignore[arg-type]
            v_th=v_th,
            activity_sparsity=layer.input_activity_sparsity,
            rng=stream(seed, "weights", name),
        )
        layer.set_values(drawn / gain)
    return layer


def _replace(root: nn.Module, new: Mapping[Any, nn.Module]) -> None:
    """Put new modules in the place of old ones, under every name that these have."""
    for parent in list(root.modules()):
        for name, child in list(parent._modules.items()):
            if child in new:
                setattr(parent, name, new[child])


def _wiring_of_new(root: nn.Module, inputs: torch.Tensor | None, names: list[str]) -> Wiring:
    """Find out which layer feeds which, on the inputs or on random numbers of a likely shape.

    While the layers are still dense: a model that cannot run is found before it is changed.
    """
    if inputs is not None:
        return find_wiring(root, inputs[:2].to(device_of(root)), layers=names)
    first = root.get_submodule(names[0])
    assert isinstance(first, nn.Linear | SparseLinear)
    example = torch.rand(2, first.in_features, generator=torch.Generator().manual_seed(0))
    try:
        return find_wiring(root, example.to(next(first.parameters())), layers=names)
    except Exception:  # whatever a model raises that does not take such an input
        return Wiring()
