"""Axes to draw on, colors, and the way of a figure into a file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.extras import import_extra
from chgraph.graph import BipartiteGraph, Graph
from chgraph.storage import write_atomically

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, LINK_COLOR, PREDICTED_COLOR = "#1f3b4d", "#94a3b8", "#c2410c"


def axes_of(ax: Axes | None) -> Axes:
    """Return the axes given, or those of a new figure."""
    if ax is not None:
        return ax
    plt = import_extra("matplotlib.pyplot", extra="viz", used_by="a picture")
    axes: Axes = plt.subplots()[1]
    return axes


def distinct_colors(n: int) -> list[Any]:
    """Return `n` colors that can be told apart, the familiar ones while they suffice."""
    import matplotlib

    if n <= 10:
        return [f"C{i}" for i in range(n)]
    return list(matplotlib.colormaps["turbo"](np.linspace(0.05, 0.95, n)))


def frame_nodes(shape: tuple[int, int], axes: Axes) -> None:
    """Let the axes of a matrix of (rows, columns) end with its nodes, with ticks at whole ones."""
    axes.set(xlim=(-0.5, shape[1] - 0.5), ylim=(shape[0] - 0.5, -0.5))
    axes.locator_params(integer=True)


def node_names(graph: Graph | BipartiteGraph) -> list[Any]:
    """Return the names (or numbers) of all nodes, right nodes behind the left ones."""
    sides = zip(graph.sides, graph.end_names, strict=False)
    return [name for n, names in sides for name in (range(n) if names is None else names)]


def save_figure(figure: Figure, path: Path) -> Path:
    """Write a figure in the format of the path's ending, atomically; nothing of it is cut off.

    The same figure gives the same bytes: an SVG is without date and random names.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from matplotlib.figure import Figure
    >>> figure = Figure()
    >>> line = figure.add_subplot().plot([1, 3, 2])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_figure(figure, Path(folder, "line.svg")).name
    'line.svg'
    """
    import matplotlib

    picture = io.BytesIO()
    kind = path.suffix[1:].lower()
    undated = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}.get(kind)
    with matplotlib.rc_context({"svg.hashsalt": path.stem}):
        figure.savefig(picture, format=kind, dpi=150, bbox_inches="tight", metadata=undated)
    return write_atomically(path, picture.getvalue())
