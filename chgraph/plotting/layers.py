"""A network of layers, drawn as one: neurons in columns, links between them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.graph import BipartiteGraph
from chgraph.metrics.paths import as_layers
from chgraph.plotting._canvas import INK, LINK_COLOR, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_LARGEST_DOT, _SMALLEST_DOT = 80.0, 0.4  # square points


def layered_network(
    graphs: Sequence[Any], *, names: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a network of layers: a column of neurons each, and every link as a line.

    The area of a neuron grows with its links, one without any is an empty circle; the lines
    of a layer are the fainter the more there are.

    Parameters
    ----------
    graphs : sequence of BipartiteGraph or what :func:`chgraph.as_bipartite` takes
        First to last; the right side of each is the left side of the next.
    names : sequence of str, optional
        One per column; "inputs", "hidden 1", ..., "outputs" by default.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If there is no layer, two consecutive ones do not fit, or `names` has another length.

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> layers = [
    ...     chgraph.topology.regular(6, 8, 0.7, rng=0),
    ...     chgraph.topology.regular(8, 3, 0.5, rng=1),
    ... ]
    >>> ax = layered_network(layers, ax=Figure().add_subplot())
    """
    from matplotlib.collections import LineCollection

    layers = as_layers(graphs)
    sizes = [layers[0].n_left, *(layer.n_right for layer in layers)]
    titles = _titles(len(sizes)) if names is None else list(names)
    if len(titles) != len(sizes):
        raise ValueError(f"names must hold {len(sizes)} names, got {len(titles)}")
    axes = axes_of(ax)
    for column, layer in enumerate(layers):
        left, right = layer.links()
        ends = [_heights(layer.n_left)[left], _heights(layer.n_right)[right]]
        lines = np.empty((layer.n_links, 2, 2))
        lines[:, :, 0] = column, column + 1
        lines[:, :, 1] = np.stack(ends, axis=1)
        faint = float(np.clip(12.0 / max(layer.n_links, 1) ** 0.6, 0.03, 0.8))
        axes.add_collection(
            LineCollection(list(lines), colors=LINK_COLOR, alpha=faint, linewidths=0.7)
        )
    for column, degree in enumerate(_degrees(layers)):
        _draw_neurons(column, degree, axes)
    labels = [f"{title}\n{size:,}" for title, size in zip(titles, sizes, strict=True)]
    axes.set(xticks=range(len(sizes)), xticklabels=labels, yticks=[])
    axes.set(xlim=(-0.3, len(sizes) - 0.7), ylim=(1.03, -0.03))
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="x", length=0)
    return axes


def _titles(n_columns: int) -> list[str]:
    return ["inputs", *(f"hidden {i}" for i in range(1, n_columns - 1)), "outputs"]


def _heights(n_nodes: int) -> np.ndarray:
    """Return the places of the neurons of a column, the first on top (0), the last below (1)."""
    return (np.arange(n_nodes) + 0.5) / max(n_nodes, 1)


def _degrees(layers: Sequence[BipartiteGraph]) -> list[np.ndarray]:
    """Return the links, in and out, of the neurons of each column."""
    columns = [layers[0].left_degree, *(layer.right_degree.copy() for layer in layers)]
    for column, layer in zip(columns[1:], layers[1:], strict=False):
        column += layer.left_degree
    return columns


def _draw_neurons(column: int, degree: np.ndarray, axes: Axes) -> None:
    # As wide as neurons are apart, so that they do not run into a line.
    apart = axes.get_window_extent().height * 72 / axes.figure.dpi / max(degree.size, 1)
    room = float(np.clip(apart**2, _SMALLEST_DOT, _LARGEST_DOT))
    area = room * (0.15 + 0.85 * degree / max(int(degree.max(initial=1)), 1))
    dead = degree == 0
    place = np.full(degree.size, column)
    heights = _heights(degree.size)
    for nodes, face in ((~dead, INK), (dead, "white")):
        axes.scatter(
            place[nodes],
            heights[nodes],
            s=area[nodes],
            c=face,
            edgecolors=INK,
            linewidths=min(0.5, 0.15 * room**0.5),
            zorder=3,
        )
