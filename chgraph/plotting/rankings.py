"""Where several methods of link prediction put the same pairs."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from itertools import islice
from typing import TYPE_CHECKING

import numpy as np

from chgraph.checks import check_positive_int
from chgraph.plotting._canvas import axes_of
from chgraph.plotting._names import written

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from chgraph.linkpred.prediction import LinkPrediction

_WHITE_FROM = 10  # ranks that stand on dark cells


def rank_table(
    predictions: Sequence[LinkPrediction], *, first: int = 8, ax: Axes | None = None
) -> Axes:
    """Draw the ranks that methods give to the pairs which any of them puts among its first.

    A column per prediction and a row per pair, those with the best mean rank on top; where a
    prediction does not hold the pair the cell is blank.

    Parameters
    ----------
    predictions : sequence of LinkPrediction
        Of one network by several methods, from :func:`chgraph.predict_links`. In predictions
        of all pairs (``k=None``) a blank is a pair that the method scores 0.
    first : int
        How many pairs of each prediction are shown.
    ax : Axes, optional
        Where to draw; a new figure by default.

    Returns
    -------
    Axes

    Raises
    ------
    ValueError
        If no prediction holds a pair, or the predictions are of several networks.

    Examples
    --------
    >>> import chgraph
    >>> from matplotlib.figure import Figure
    >>> club = chgraph.datasets.load("karate")
    >>> several = [chgraph.predict_links(club, method=name) for name in ("CH3-L3", "RA")]
    >>> ax = rank_table(several, first=5, ax=Figure().add_subplot())
    """
    first = check_positive_int("first", first)
    if not any(len(prediction) for prediction in predictions):
        raise ValueError("predictions must hold at least one pair")
    if any(prediction.graph != predictions[0].graph for prediction in predictions):
        raise ValueError("predictions must be of one network, got several")
    pairs, ranks = _ranks(predictions, first)
    axes = axes_of(ax)
    axes.imshow(np.log2(ranks), cmap="viridis_r", aspect="auto")
    for row, column in np.argwhere(np.isfinite(ranks)).tolist():
        rank = int(ranks[row, column])
        color = "black" if rank < _WHITE_FROM else "white"
        axes.text(column, row, f"{rank}", ha="center", va="center", fontsize=7, color=color)
    axes.set_xticks(range(len(predictions)), [prediction.method for prediction in predictions])
    names = [f"{written(u)} - {written(v)}" for u, v in pairs]
    axes.set_yticks(range(len(pairs)), names, fontsize=8)
    axes.set(title="rank of each pair")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return axes


def _ranks(
    predictions: Sequence[LinkPrediction], first: int
) -> tuple[list[tuple[Hashable, Hashable]], np.ndarray]:
    """Return pairs by name and their ranks (pair, prediction), NaN where there is none."""
    known: list[dict[tuple[Hashable, Hashable], int]] = [
        {pair: rank for rank, pair in enumerate(zip(*p.names(), strict=True), start=1)}
        for p in predictions
    ]
    pairs = list(dict.fromkeys(pair for ranks in known for pair in islice(ranks, first)))
    table = np.array([[ranks.get(pair, np.nan) for ranks in known] for pair in pairs])
    order = np.argsort(np.nanmean(table, axis=1), kind="stable").tolist()
    return [pairs[i] for i in order], table[order]
