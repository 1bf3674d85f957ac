"""How well methods of link prediction do, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chgraph.checks import check_choice
from chgraph.plotting._canvas import LINK_COLOR, PREDICTED_COLOR, axes_of, distinct_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chgraph.linkpred.evaluation import Evaluation


_SPREAD = {"elinewidth": 0.8, "ecolor": "#334155"}


def evaluation_bars(
    evaluation: Evaluation, *, measures: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the mean of each measure as a bar per method, its standard deviation as a line.

    Of several measures each is a group of bars, one color per method. Of one measure each
    bar stands over the name of its method, those of Cannistraci-Hebb rules in color.

    Parameters
    ----------
    evaluation : Evaluation
        From :func:`chgraph.linkpred.evaluate`.
    measures : sequence of str, optional
        Names of the measures to draw, by default all but the seconds.
    ax : Axes, optional

    Returns
    -------
    Axes
    """
    known = (*evaluation.measures, "seconds")
    chosen = evaluation.measures if measures is None else measures
    names = [check_choice("measures", name, known) for name in chosen]
    axes = axes_of(ax)
    if len(names) == 1:
        _draw_methods(evaluation, names[0], axes)
    else:
        _draw_groups(evaluation, names, axes)
    axes.axhline(0.0, color="#334155", linewidth=0.8)
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _draw_methods(evaluation: Evaluation, measure: str, axes: Axes) -> None:
    """Draw a bar per method, its name below."""
    means, spreads = np.array([row[measure] for row in evaluation.table().values()]).T
    colors = [
        PREDICTED_COLOR if method.startswith("CH") else LINK_COLOR for method in evaluation.methods
    ]
    place = np.arange(len(means))
    axes.bar(place, means, 0.7, yerr=_finite(spreads), color=colors, error_kw=_SPREAD)
    axes.set(xticks=place, xticklabels=evaluation.methods, ylabel=measure)
    axes.tick_params(axis="x", rotation=60)


def _draw_groups(evaluation: Evaluation, names: Sequence[str], axes: Axes) -> None:
    """Draw a group of bars per measure, a color per method."""
    table = evaluation.table()
    width, colors = 0.8 / len(table), distinct_colors(len(table))
    for i, (method, row) in enumerate(table.items()):
        place = np.arange(len(names)) + (i - (len(table) - 1) / 2) * width
        means, spreads = np.array([row[name] for name in names]).reshape(-1, 2).T
        color, error = colors[i], _finite(spreads)
        axes.bar(place, means, width, yerr=error, color=color, label=method, error_kw=_SPREAD)
    axes.set(xticks=range(len(names)), xticklabels=names, ylabel="mean over the repeats")
    axes.tick_params(axis="x", rotation=30)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _finite(spreads: np.ndarray) -> np.ndarray | None:
    """Return the lengths of the error bars; None after a single repeat, which has no spread."""
    return None if np.isnan(spreads).any() else spreads
