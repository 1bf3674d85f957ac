"""How sparse a model is: links and neurons."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from torch import nn

from chsnn.modules import CONVOLUTIONS, unwrapped
from chsnn.sparse import sparse_layers
from chsnn.wiring import wiring_of

_DENSE = (nn.Linear, *CONVOLUTIONS)


def link_sparsity(model: nn.Module, layers: Iterable[str] | None = None) -> float:
    """Return the fraction of possible links that is absent.

    Parameters
    ----------
    model : Module
    layers : iterable of str, optional
        Names of the layers that count; by default all linear ones and convolutions. An
        ``nn.Linear`` is a layer with every link, and so is a convolution: a link per weight, as
        CH-SNN counts them (its Table 1).

    Returns
    -------
    float
        0 if there is no such layer.
    """
    wanted = None if layers is None else set(layers)
    existing = possible = 0
    for name, (links, pairs) in _links(model).items():
        if wanted is None or name in wanted:
            existing, possible = existing + links, possible + pairs
    return 1.0 - existing / possible if possible else 0.0


def _links(model: nn.Module) -> dict[str, tuple[int, int]]:
    """Return for every layer with weights how many links it has and could have."""
    counts = {
        name: (module.weight.numel(),) * 2
        for name, module in unwrapped(model).named_modules()
        if isinstance(module, _DENSE)
    }
    sparse = {
        name: (layer.graph.n_links, layer.in_features * layer.out_features)
        for name, layer in sparse_layers(model).items()
    }
    return {**counts, **sparse}


def node_sparsity(model: nn.Module) -> float:
    """Return the fraction of neurons between layers that have no incoming or no outgoing link.

    Of the populations that the model's wiring follows; 0 without any.
    """
    graphs = {name: layer.graph for name, layer in sparse_layers(model).items()}
    dead = total = 0
    for junction in wiring_of(model).junctions:
        lost = np.zeros(junction.size, dtype=bool)
        if junction.sources and not junction.open_in:
            lost |= sum(graphs[name].right_degree for name in junction.sources) == 0
        if junction.targets and not junction.open_out:
            lost |= sum(graphs[name].left_degree for name in junction.targets) == 0
        dead, total = dead + int(lost.sum()), total + junction.size
    return dead / total if total else 0.0
