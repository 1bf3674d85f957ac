"""Names of nodes in pictures: written as they are, and where they cover the least."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FONT_SIZE = 7.5
_LONGEST = 32
_WIDTH, _HEIGHT = 0.58, 1.15  # of a letter, in font sizes
_AWAY = 7.0  # points from a node to its name
_SIDES = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)])
_HORIZONTAL = {1: "left", 0: "center", -1: "right"}
_VERTICAL = {1: "bottom", 0: "center", -1: "top"}


def written(name: Any) -> str:
    r"""Return a name as matplotlib is to write it: on one line, and never read as mathematics.

    Very long names lose their middle.

    Examples
    --------
    >>> written(r"$\frac$")
    '\\$\\frac\\$'
    >>> written("two\nlines")
    'two lines'
    """
    text = "".join(c if c.isprintable() else " " for c in str(name))
    if len(text) > _LONGEST:
        text = f"{text[: _LONGEST // 2]}\N{HORIZONTAL ELLIPSIS}{text[1 - _LONGEST // 2 :]}"
    return text.replace("$", r"\$")


def write_beside(names: Sequence[Any], places: np.ndarray, left: np.ndarray, axes: Axes) -> None:
    """Write names to the left of the places where `left`, else to the right."""
    for name, place, to_left in zip(names, places.tolist(), left.tolist(), strict=True):
        _write(name, place, (-1 if to_left else 1, 0), axes)


def write_around(names: Sequence[Any], places: np.ndarray, links: np.ndarray, axes: Axes) -> None:
    """Write each name on the side of its place where it covers other names and nodes least.

    The limits of the axes must stand already. Of free sides, that away from the neighbors.
    """
    window = axes.get_window_extent()
    scale = np.array([window.width, window.height]) * 72.0 / axes.figure.dpi
    low, high = (np.array(ends) for ends in zip(axes.get_xlim(), axes.get_ylim(), strict=True))
    points = (places - low) / (high - low) * scale
    taken = [(*point - 3.0, *point + 3.0) for point in points]
    middle = _middle_of_neighbors(points, links)
    for i in np.argsort(-points[:, 1], kind="stable").tolist():
        size = np.array([_WIDTH * len(str(names[i])), _HEIGHT]) * FONT_SIZE
        outward = points[i] - middle[i]
        outward /= max(float(np.hypot(*outward)), 1e-9)
        boxes = [_box(points[i], side, size) for side in _SIDES]
        cost = [
            _covered(box, taken) / size.prod() - 0.2 * float(side @ outward) / np.hypot(*side)
            for box, side in zip(boxes, _SIDES, strict=True)
        ]
        best = int(np.argmin(cost))
        taken.append(boxes[best])
        _write(names[i], places[i].tolist(), tuple(_SIDES[best].tolist()), axes)


def _write(name: Any, place: Any, side: tuple[int, int], axes: Axes) -> None:
    from matplotlib import patheffects

    across, up = side
    away = _AWAY if 0 in side else 0.7 * _AWAY
    text = axes.annotate(
        written(name),
        place,
        (away * across, away * up),
        textcoords="offset points",
        fontsize=FONT_SIZE,
        ha=_HORIZONTAL[across],
        va=_VERTICAL[up],
        zorder=5,
    )
    text.set_path_effects([patheffects.withStroke(linewidth=2.0, foreground="white")])


def _middle_of_neighbors(points: np.ndarray, links: np.ndarray) -> np.ndarray:
    """Return the mean place of the neighbors of each node, of all nodes where there is none."""
    total, degree = np.zeros_like(points), np.zeros(len(points))
    for own, other in (links.T, links[:, ::-1].T):
        np.add.at(total, own, points[other])
        np.add.at(degree, own, 1.0)
    alone = degree == 0
    total[alone], degree[alone] = points.mean(axis=0), 1.0
    return total / degree[:, None]


def _box(point: np.ndarray, side: np.ndarray, size: np.ndarray) -> tuple[float, ...]:
    """Return left, bottom, right and top of a name on one side of its place."""
    corner = point + _AWAY * side + (side - 1) / 2 * size
    return (*corner.tolist(), *(corner + size).tolist())


def _covered(box: tuple[float, ...], taken: list[tuple[Any, ...]]) -> float:
    """Return the area that a box shares with others."""
    others = np.array(taken, dtype=float)
    width = np.minimum(others[:, 2], box[2]) - np.maximum(others[:, 0], box[0])
    height = np.minimum(others[:, 3], box[3]) - np.maximum(others[:, 1], box[1])
    return float(np.sum(np.clip(width, 0, None) * np.clip(height, 0, None)))
