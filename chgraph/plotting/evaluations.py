"""How well methods of link prediction do: a point per repeat, beside a random ranking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.checks import check_choice
from chgraph.plotting._canvas import INK, LINK_COLOR, PREDICTED_COLOR, axes_of, distinct_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chgraph.linkpred.evaluation import Evaluation

_RANDOM: dict[str, Any] = {"colors": "#64748b", "linestyles": "--", "label": "random ranking"}
_GROUP = 0.84  # of the space of a measure, that its methods take


def evaluation_points(
    evaluation: Evaluation, *, measures: Sequence[str] | None = None, ax: Axes | None = None
) -> Axes:
    """Draw a point per repeat, the mean as a bar through them, and what a random ranking gets.

    Of several measures each is a group of columns, one color per method. Of one measure each
    column stands over the name of its method, those of Cannistraci-Hebb rules in color.

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

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> club = chgraph.datasets.load("karate")
    >>> found = chgraph.linkpred.evaluate(club, methods=["CH3-L3", "CN"], repeats=3, rng=0)
    >>> ax = evaluation_points(found, measures=["AUC-PR"], ax=Figure().add_subplot())
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['CH3-L3', 'CN']
    """
    known = (*evaluation.measures, "seconds")
    chosen = evaluation.measures if measures is None else measures
    names = [check_choice("measures", name, known) for name in chosen]
    axes = axes_of(ax)
    if len(names) == 1:
        _draw_methods(evaluation, names[0], axes)
    else:
        _draw_groups(evaluation, names, axes)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e2e8f0", linewidth=0.6)
    axes.set_axisbelow(True)
    return axes


def _draw_methods(evaluation: Evaluation, measure: str, axes: Axes) -> None:
    """Draw a column per method, its name below."""
    methods = evaluation.methods
    for place, method in enumerate(methods):
        color = PREDICTED_COLOR if method.startswith("CH") else INK
        _draw_column(evaluation.values(method, measure), place, 0.5, color, axes)
    _draw_random(evaluation, [measure], len(methods), axes)
    axes.set_xticks(range(len(methods)), methods, rotation=45, ha="right", rotation_mode="anchor")
    axes.set(ylabel=measure, xlim=(-0.6, len(methods) - 0.4))
    axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
    if axes.collections:
        axes.legend(frameon=False, fontsize=8, loc="lower right", bbox_to_anchor=(1.0, 1.0))


def _draw_groups(evaluation: Evaluation, names: Sequence[str], axes: Axes) -> None:
    """Draw a group of columns per measure, a color per method."""
    methods = evaluation.methods
    width, colors = _GROUP / len(methods), distinct_colors(len(methods))
    for i, method in enumerate(methods):
        for group, name in enumerate(names):
            place = group + (i - (len(methods) - 1) / 2) * width
            label = method if group == 0 else None
            _draw_column(evaluation.values(method, name), place, width, colors[i], axes, label)
    _draw_random(evaluation, names, 1, axes)
    for border in range(1, len(names)):
        axes.axvline(border - 0.5, color=LINK_COLOR, linewidth=0.4)
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    repeats = evaluation.settings["repeats"]
    about = "1 repeat" if repeats == 1 else f"{repeats} repeats and their mean"
    axes.set(ylabel=about, xlim=(-0.5, len(names) - 0.5))
    axes.legend(frameon=False, fontsize=8, loc="upper left", bbox_to_anchor=(1.0, 1.0))


def _draw_column(
    values: np.ndarray, place: float, width: float, color: Any, axes: Axes, label: str | None = None
) -> None:
    """Draw the points of a method side by side in the order of the repeats, and their mean."""
    across = place + 0.5 * width * (np.arange(values.size) / max(values.size - 1, 1) - 0.5)
    across = across if values.size > 1 else np.array([place])
    axes.plot(across, values, "o", color=color, alpha=0.55, mew=0, markersize=4.5, label=label)
    if values.size > 1:
        reach = 0.42 * width
        axes.plot([place - reach, place + reach], [values.mean()] * 2, color=color, linewidth=2.0)


def _draw_random(evaluation: Evaluation, names: Sequence[str], width: int, axes: Axes) -> None:
    """Draw, across the `width` columns of each measure, what a random ranking gets."""
    random = evaluation.settings.get("random", {})
    known = [(group, random[name]) for group, name in enumerate(names) if name in random]
    if known:
        left, values = np.array(known).T
        axes.hlines(values, left - 0.5, left + width - 0.5, zorder=1.5, **_RANDOM)
