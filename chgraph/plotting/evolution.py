"""How measures move while a network is trained."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from chgraph.plotting._canvas import axes_of, distinct_colors

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Row = Mapping[str, Any]


def metric_evolution(
    rows: Sequence[Row] | Sequence[Sequence[Row]],
    measures: Sequence[str],
    *,
    x: str | None = None,
    relative: bool = False,
    ax: Axes | None = None,
    color: str | None = None,
    label: str | None = None,
) -> Axes:
    """Draw the values of measures, a line each, over the rows of a history.

    Parameters
    ----------
    rows : sequence of mappings, or sequence of such sequences
        One mapping per moment, such as summaries (:func:`chgraph.metrics.summary`) or
        dictionaries with an epoch. What a row lacks, None and NaN leave a gap. Of several
        histories of equal length, such as one per seed, the mean is drawn, in a band of one
        standard deviation (n - 1) to either side.
    measures : sequence of str
        Keys of the rows.
    x : str, optional
        Key of the position of a row; its number by default.
    relative : bool
        Divide each measure by its first value, to show several of unlike size; with several
        histories each by its own.
    ax : Axes, optional
        Where to draw, for instance beside the same measure of other runs.
    color, label : str, optional
        Of the line and for the legend, where there is one measure only.

    Returns
    -------
    Axes

    Raises
    ------
    TypeError
        If `measures` is a single name.
    ValueError
        If there are no rows, no measures, or no row has one of them; if histories differ in
        length or in their positions; or if `color` or `label` is given for several measures.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> history = [{"epoch": 1, "accuracy": 0.8}, {"epoch": 2, "accuracy": 0.9}]
    >>> ax = metric_evolution(history, ["accuracy"], x="epoch", ax=Figure().add_subplot())
    >>> ax.get_xlabel()
    'epoch'
    """
    if isinstance(measures, str):
        raise TypeError(f"measures must be a sequence of names, got {measures!r}")
    histories = _histories(rows)
    if not histories or not histories[0] or not measures:
        raise ValueError("rows and measures must not be empty")
    if len(measures) > 1 and (color is not None or label is not None):
        raise ValueError("color and label go with one measure only, got several measures")
    _check_keys(histories, [*measures, *([] if x is None else [x])])
    axes, place = axes_of(ax), _places(histories, x)
    colors = distinct_colors(len(measures)) if color is None else [color]
    for name, own in zip(measures, colors, strict=True):
        values = np.array([_column(history, name) for history in histories])
        if relative:
            values = values / np.array([[_first(row)] for row in values])
        _draw(place, values, own, label or name, axes)
    only = measures[0] if len(measures) == 1 else "value"
    axes.set(xlabel=x or "row", ylabel=f"{only} / first value" if relative else only)
    _finish(axes, relative, label, len(measures))
    if np.array_equal(place, np.round(place)):  # there is no epoch 2.5
        from matplotlib.ticker import MaxNLocator

        axes.xaxis.set_major_locator(MaxNLocator("auto", integer=True))
    return axes


def _histories(rows: Sequence[Any]) -> list[Sequence[Row]]:
    """Return the histories given, a single one as a list of one."""
    if not rows or isinstance(rows[0], Mapping):
        return [cast(Sequence[Row], rows)] if rows else []
    lengths = [len(history) for history in rows]
    if min(lengths) < max(lengths):
        raise ValueError(f"rows must be histories of equal length, got lengths {lengths}")
    return list(rows)


def _check_keys(histories: list[Sequence[Row]], names: list[str]) -> None:
    keys = sorted({key for history in histories for row in history for key in row})
    missing = [name for name in names if name not in keys]
    if missing:
        raise ValueError(f"rows hold no {missing[0]!r}; they hold {', '.join(keys)}")


def _places(histories: list[Sequence[Row]], x: str | None) -> np.ndarray:
    if x is None:
        return np.arange(len(histories[0]))
    places = np.array([_column(history, x) for history in histories])
    if not np.array_equal(places, np.broadcast_to(places[0], places.shape), equal_nan=True):
        raise ValueError(f"rows must be histories with the same {x!r}, row by row")
    return places[0]


def _column(rows: Sequence[Row], name: str) -> np.ndarray:
    values = (row.get(name) for row in rows)
    return np.array([np.nan if value is None else float(value) for value in values])


def _first(values: np.ndarray) -> float:
    """Return the first value that is a number and not 0; NaN without one."""
    usable = values[np.isfinite(values) & (values != 0)]
    return float(usable[0]) if usable.size else float("nan")


def _draw(place: np.ndarray, values: np.ndarray, color: Any, label: str, axes: Axes) -> None:
    """Draw the mean of the histories (the rows of `values`), and their spread if there are more."""
    mean = values.mean(axis=0)
    axes.plot(place, mean, "o-", color=color, markersize=3, linewidth=1.4, label=label)
    if len(values) > 1:
        spread = values.std(axis=0, ddof=1)
        band = {"color": color, "alpha": 0.2, "linewidth": 0}
        axes.fill_between(place, mean - spread, mean + spread, **band)


def _finish(axes: Axes, relative: bool, label: str | None, n_measures: int) -> None:
    if relative:
        axes.axhline(1.0, color="#94a3b8", linewidth=0.8, zorder=0)
    if n_measures > 1:
        axes.legend(frameon=False, loc="upper left", bbox_to_anchor=(1.0, 1.0))
    elif label is not None:
        axes.legend(frameon=False)
    axes.spines[["top", "right"]].set_visible(False)
