"""How well methods of link prediction do, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from chgraph._checks import check_choice
from chgraph.plotting._canvas import axes_of, distinct_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chgraph.linkpred.evaluation import Evaluation


def evaluation_bars(
    evaluation: Evaluation, *, measures: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw the mean of each measure as a bar per method, its standard deviation as a line.

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
    axes, table = axes_of(ax), evaluation.table()
    width, colors = 0.8 / len(table), distinct_colors(len(table))
    for i, (method, row) in enumerate(table.items()):
        place = np.arange(len(names)) + (i - (len(table) - 1) / 2) * width
        means, spreads = np.array([row[name] for name in names]).reshape(-1, 2).T
        error = None if np.isnan(spreads).any() else spreads
        style = {"elinewidth": 0.8, "ecolor": "#334155"}
        color = colors[i]
        axes.bar(place, means, width, yerr=error, color=color, label=method, error_kw=style)
    axes.set(xticks=range(len(names)), xticklabels=names, ylabel="mean over the repeats")
    axes.tick_params(axis="x", rotation=30)
    axes.axhline(0.0, color="#334155", linewidth=0.8)
    axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return axes
