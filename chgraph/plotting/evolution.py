"""How measures move while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chgraph.plotting._canvas import axes_of, distinct_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def metric_evolution(
    rows: Sequence[Mapping[str, Any]],
    measures: Sequence[str],
    *,
    x: str | None = None,
    relative: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the values of measures, a line each, over the rows of a history.

    Parameters
    ----------
    rows : sequence of mappings
        One per moment, such as summaries (:func:`chgraph.metrics.summary`) or dictionaries
        with an epoch. What a row lacks, None and NaN leave a gap.
    measures : sequence of str
        Keys of the rows.
    x : str, optional
        Key of the position of a row; its number by default.
    relative : bool
        Divide each measure by its first value, to show several of unlike size.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If `measures` is a single name.
    ValueError
        If there are no rows, no measures, or no row has one of them.
    """
    if isinstance(measures, str):
        raise TypeError(f"measures must be a sequence of names, got {measures!r}")
    if not rows or not measures:
        raise ValueError("rows and measures must not be empty")
    keys = sorted({key for row in rows for key in row})
    missing = [name for name in (*measures, *([] if x is None else [x])) if name not in keys]
    if missing:
        raise ValueError(f"rows hold no {missing[0]!r}; they hold {', '.join(keys)}")
    axes = axes_of(ax)
    place = np.arange(len(rows)) if x is None else _column(rows, x)
    for name, color in zip(measures, distinct_colors(len(measures)), strict=True):
        values = _column(rows, name)
        if relative:
            values = values / _first(values)
        axes.plot(place, values, "o-", color=color, markersize=3, linewidth=1.4, label=name)
    if relative:
        axes.axhline(1.0, color="#94a3b8", linewidth=0.8, zorder=0)
    only = measures[0] if len(measures) == 1 else "value"
    axes.set(xlabel=x or "row", ylabel=f"{only} / first value" if relative else only)
    if len(measures) > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    axes.spines[["top", "right"]].set_visible(False)
    return axes


def _column(rows: Sequence[Mapping[str, Any]], name: str) -> np.ndarray:
    values = (row.get(name) for row in rows)
    return np.array([np.nan if value is None else float(value) for value in values])


def _first(values: np.ndarray) -> float:
    """Return the first value that is a number and not 0; NaN without one."""
    usable = values[np.isfinite(values) & (values != 0)]
    return float(usable[0]) if usable.size else float("nan")
