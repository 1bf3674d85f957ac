"""Degree distributions, with the power law fitted to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.special

from chgraph.checks import check_count
from chgraph.metrics.powerlaw import PowerLawFit, powerlaw_fit, powerlaw_p
from chgraph.metrics.sizes import degrees
from chgraph.plotting._canvas import INK, axes_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

_REJECTED = 0.1  # p below which a power law is commonly ruled out


def degree_distribution(
    graph: Any,
    *,
    side: str | None = None,
    fit: bool = True,
    n_samples: int = 250,
    ax: Axes | None = None,
    color: str = INK,
    label: str | None = None,
) -> Axes:
    """Draw the share of nodes that have at least k links, on logarithmic axes.

    A power law is a straight line there, and each node counts, where a histogram's tail is
    noise. Nodes without links lower the left end of the curve.

    Parameters
    ----------
    graph : Graph, BipartiteGraph, array_like, scipy sparse, networkx.Graph or igraph.Graph
        As :func:`chgraph.metrics.degree_distribution` takes it.
    side : {"left", "right"}, optional
        One side of a layer; all nodes by default.
    fit : bool
        Whether to draw the law of :func:`chgraph.metrics.powerlaw_fit` too, from its xmin on;
        left out where there is none. Where it is rejected (p below 0.1) the line is dashed.
    n_samples : int
        Of :func:`chgraph.metrics.powerlaw_p` (seed 0), for the p in the legend; 0 leaves it out.
    ax : Axes, optional
        Where to draw, for instance the other side of the same layer; a new figure by default.
    color : str
    label : str, optional
        For the legend; "left nodes", "right nodes" or "nodes" by default.

    Returns
    -------
    Axes

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> names = chgraph.datasets.load("les_miserables")
    >>> ax = degree_distribution(names, n_samples=0, ax=Figure().add_subplot())
    >>> ax.get_xscale(), ax.get_yscale()
    ('log', 'log')
    """
    n_samples = check_count("n_samples", n_samples)
    degree = degrees(graph, side)
    axes = axes_of(ax)
    label = label or ("nodes" if side is None else f"{side} nodes")
    positive = np.unique(degree[degree > 0])
    share = np.searchsorted(np.sort(-degree), -positive, side="right") / max(degree.size, 1)
    axes.plot(positive, share, "o", color=color, alpha=0.5, mew=0, markersize=5, label=label)
    if fit and positive.size > 1:
        law, p = powerlaw_fit(graph, side=side), np.nan
        if n_samples:
            p = powerlaw_p(graph, side=side, n_samples=n_samples, rng=0).value
        line = _draw_law(law, positive[-1], degree.size, axes, color)
        line.set_linestyle("--" if p < _REJECTED else "-")
        line.set_label(_law_in_words(law, p, n_samples))
    axes.set(xlabel="links k", ylabel="share of nodes with at least k links")
    if positive.size > 1:
        axes.set(xscale="log", yscale="log")
        _label_degrees(axes)
    axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _label_degrees(axes: Axes) -> None:
    """Write whole numbers, of few decades 1, 2 and 5 of each, as degrees deserve."""
    from matplotlib.ticker import LogLocator, NullFormatter

    least, most = axes.dataLim.intervalx
    few = most < 200 * least
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,)))
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _draw_law(law: PowerLawFit, largest: int, n_nodes: int, axes: Axes, color: str) -> Line2D:
    """Draw the fitted share of nodes with at least k links, from xmin to the largest degree."""
    k = np.unique(np.geomspace(law.xmin, largest, 100))
    above = scipy.special.zeta(law.exponent, k) / scipy.special.zeta(law.exponent, law.xmin)
    return axes.plot(k, law.n_tail / n_nodes * above, color=color, linewidth=1.6)[0]


def _law_in_words(law: PowerLawFit, p: float, n_samples: int) -> str:
    text = rf"power law, $\gamma$ = {law.gamma:.2f} from k = {law.xmin} on"
    if np.isnan(p):
        return text
    value = f"p = {p:.2f}" if p >= 0.01 else f"p < {max(0.01, 1 / n_samples):.2g}"
    return f"{text}\n{'rejected, ' if p < _REJECTED else ''}{value}"
