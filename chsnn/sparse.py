"""Any torch model made sparse, layer by layer and in place, and dense again."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from chgraph.checks import check_choice, check_count, check_sparsity
from chgraph.graph import BipartiteGraph
from chgraph.rewiring import Wiring
from chgraph.topology import erdos_renyi, link_count, regular, spike_correlated
from chsnn.layers import SparseLinear
from chsnn.modules import unwrapped
from chsnn.readings import Reading, read_inputs
from chsnn.seeds import stream
from chsnn.threads import start_numba
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

    References
    ----------
    CH-SNN, arXiv 2511.05581, sections 3.2.1 and 3.2.2.

    Examples
    --------
    >>> model = nn.Sequential(nn.Linear(100, 50, bias=False), nn.ReLU(), nn.Linear(50, 10))
    >>> sparsify(model, 0.9)[0]
    SparseLinear(in_features=100, out_features=50, links=500, sparsity=0.9, ...)
    """
    if not isinstance(model, nn.Module):
        raise TypeError(f"model must be a torch module, got {type(model).__name__}")
    check_choice("topology", topology, SPARSIFY_TOPOLOGIES)
    check_choice("weights", weights, SPARSIFY_WEIGHTS)
    check_count("seed", seed)
    if topology == "SSCTI" and inputs is None:
        raise ValueError("inputs must be given for topology='SSCTI', got None")
    root = unwrapped(model)
    chosen = _choose(root, sparsity, layers)
    start_numba()
    reading = None if inputs is None else read_inputs(root, inputs, list(chosen))
    made = {}
    for name, (linear, share) in chosen.items():
        graph = _graph(name, linear, share, topology, weights, reading, seed)
        made[name] = _layer(root, name, linear, graph, weights, reading, seed)
    _replace(root, {chosen[name][0]: layer for name, layer in made.items()})
    if wiring is not None:
        wiring.check({name: layer.graph for name, layer in sparse_layers(root).items()})
    found = _wiring_of_new(root, inputs, chosen) if wiring is None else wiring
    if not isinstance(getattr(type(root), "wiring", None), property):
        root.wiring = found
    _log.info(describe(found, list(sparse_layers(root))))
    check_before_loading(root)
    return model


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
    if isinstance(model, SparseLinear):
        return model.to_linear()
    root = unwrapped(model)
    _replace(root, {layer: layer.to_linear() for layer in sparse_layers(root).values()})
    if "wiring" in vars(root):
        del root.wiring
    return model


# ---------------------------------------------------------------------------- choice


def _choose(
    root: nn.Module, sparsity: float | Mapping[str, float], layers: str | Sequence[str] | None
) -> dict[str, tuple[nn.Linear, float]]:
    """Return the layers to replace with the sparsity of each."""
    linears = {n: m for n, m in root.named_modules() if isinstance(m, nn.Linear)}
    whys = {name: _why_not(root, name, linear) for name, linear in linears.items()}
    plain = [name for name, why in whys.items() if why is None]
    shares = sparsity if isinstance(sparsity, Mapping) else {"*": sparsity}
    for pattern, share in shares.items():
        check_sparsity(
            share, f"sparsity[{pattern!r}]" if isinstance(sparsity, Mapping) else "sparsity"
        )
    if layers is not None:
        patterns = [layers] if isinstance(layers, str) else list(layers)
    else:
        patterns = list(sparsity) if isinstance(sparsity, Mapping) else plain[:-1]
    if not patterns:
        raise ValueError(
            f"model must have two linear layers that can be replaced, or name one with layers; "
            f"got {len(plain)}"
        )
    named: list[str] = []
    for pattern in patterns:
        fits = [name for name in linears if name == pattern or fnmatchcase(name, pattern)]
        if not fits:
            raise ValueError(
                f"layers must name linear layers of the model, {pattern!r} fits none of "
                f"{', '.join(linears) or 'none (there are no linear layers)'}"
            )
        # A layer named outright must be replaceable; a pattern passes over those that are not.
        named += [name for name in fits if whys[name] is None or name == pattern]
    for name in named:
        if whys[name] is not None:
            raise ValueError(f"layer {name!r} cannot be made sparse: {whys[name]}")
    chosen = {}
    for name in (n for n in linears if n in named):
        share = next((s for p, s in shares.items() if name == p or fnmatchcase(name, p)), None)
        if share is not None:
            link_count(linears[name].in_features, linears[name].out_features, share)
            chosen[name] = (linears[name], float(share))
    if not chosen:
        raise ValueError(f"sparsity must fit a layer that is named, got {dict(shares)}")
    return chosen


def _why_not(root: nn.Module, name: str, linear: nn.Linear) -> str | None:
    """Return why a layer cannot be replaced; None if it can."""
    if name == "":
        return "it is the model itself; put it into an nn.Sequential"
    if isinstance(linear, nn.LazyLinear):
        return "it has no size yet; run the model once"
    if type(linear) is not nn.Linear:
        return f"it is a {type(linear).__name__}, whose weight may be read past its forward"
    if parametrize.is_parametrized(linear) or "weight" not in linear._parameters:
        return "its weight is reparametrised; make that permanent first"
    if linear._forward_hooks or linear._forward_pre_hooks or linear._backward_hooks:
        return "it has hooks, which would be lost; remove them and register them anew"
    holders = [m for m in root.modules() for p in m._parameters.values() if p is linear.weight]
    return "its weight is tied to another module's" if len(holders) > 1 else None


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


def _wiring_of_new(root: nn.Module, inputs: Any, chosen: Mapping[str, Any]) -> Wiring:
    """Find out which layer feeds which, on the inputs or on random numbers of a likely shape."""
    if inputs is not None:
        return find_wiring(root, torch.as_tensor(inputs)[:2])
    first = next(iter(chosen.values()))[0]
    example = torch.rand(2, first.in_features, generator=torch.Generator().manual_seed(0))
    try:
        return find_wiring(root, example.to(first.weight))
    except Exception:  # whatever a model raises that does not take such an input
        return Wiring()


# --------------------------------------------------------------------------- loading


def check_before_loading(model: nn.Module) -> None:
    """Let ``model.load_state_dict`` refuse what does not fit before anything is overwritten."""
    if not getattr(model, "_refuses_misfits", False):
        model.register_load_state_dict_pre_hook(_refuse_misfits)
        model._refuses_misfits = True  # type: ignore[assignment]


def _refuse_misfits(model: nn.Module, state: Mapping[str, Tensor], prefix: str, *_: Any) -> None:
    errors = []
    layers = sparse_layers(model)
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
        if not name.endswith("_extra_state") and new.shape != tensor.shape:
            errors.append(f"{name}: {tuple(new.shape)} in the state, {tuple(tensor.shape)} here")
    if errors:
        raise RuntimeError("the state does not fit, nothing was loaded: " + "; ".join(errors))
