"""Figure 4: CH3-L3 on a small layer, the part of every path written on its middle link."""

from __future__ import annotations

import itertools

import numpy as np
from matplotlib.figure import Figure

import chgraph

LINKS = ((0, 0), (0, 1), (1, 0), (1, 2), (2, 1), (2, 2), (2, 3), (3, 3), (3, 0))
PAIR = (0, 2)
_CANDIDATE, _PATH, _OTHER = "#c2410c", "#0f766e", "#cbd5e1"
CAPTION = (
    "Figure 4. The CH3-L3 score of the pair joined by a dashed line: every path of three links "
    "between the two adds 1 / sqrt((1 + de1)(1 + de2)), where de counts the links of its two "
    "middle nodes that leave the local community (written beside them). The sum is the score that "
    "chgraph.score_links gives, written on the dashed line. A drawing, no run."
)


def figure() -> Figure:
    """Draw Figure 4."""
    left_ends, right_ends = zip(*LINKS, strict=True)
    graph = chgraph.BipartiteGraph.from_links(left_ends, right_ends, (4, 4))
    u, v = PAIR
    dense = graph.biadjacency().toarray() != 0
    near_u, near_v = np.flatnonzero(dense[u]), np.flatnonzero(dense[:, v])
    external = _external(dense, u, v, near_u, near_v)
    drawing = Figure(figsize=(7.5, 4.4), layout="constrained")
    ax = drawing.subplots()
    for left, right in LINKS:
        ax.plot([0, 1], [-left, -right], color=_OTHER, linewidth=1.2, zorder=1)
    total = 0.0
    for z2, z1 in itertools.product(near_u.tolist(), near_v.tolist()):
        if not dense[z1, z2]:
            continue
        part = 1 / np.sqrt((1 + external["right", z2]) * (1 + external["left", z1]))
        total += float(part)
        for left, right in ((u, z2), (z1, z2), (z1, v)):
            ax.plot([0, 1], [-left, -right], color=_PATH, linewidth=2.2, zorder=2)
        ax.annotate(
            f"{part:.3f}",
            (0.5, -(z1 + z2) / 2),
            fontsize=9,
            color=_PATH,
            ha="center",
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
            zorder=4,
        )
    (score,) = chgraph.score_links(graph, [PAIR])
    if not np.isclose(score, total):
        raise AssertionError(f"the parts add up to {total}, chgraph says {score}")
    ax.plot([0, 1], [-u, -v], color=_CANDIDATE, linewidth=2, linestyle="--", zorder=3)
    ax.annotate(
        f"score {score:.3f}",
        (0.22, -u - 0.22 * (v - u)),
        color=_CANDIDATE,
        fontsize=11,
        ha="center",
        bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "edgecolor": "none"},
        zorder=5,
    )
    for side, x in (("left", 0), ("right", 1)):
        for node in range(4):
            seeds = (side, node) in {("left", u), ("right", v)}
            color = _CANDIDATE if seeds else "#0f172a"
            ax.plot(x, -node, "o", markersize=11, color=color, zorder=6)
            de = external.get((side, node))
            text = "" if de is None else f"de = {de}"
            ax.annotate(text, (x + (0.05 if x else -0.05), -node), va="center",
                        ha="left" if x else "right", fontsize=9)  # fmt: skip
    ax.set(xlim=(-0.3, 1.3), ylim=(-3.5, 0.5), xticks=[0, 1], xticklabels=["inputs", "neurons"])
    ax.set_yticks([])
    ax.spines[:].set_visible(False)
    return drawing


def _external(
    dense: np.ndarray, u: int, v: int, near_u: np.ndarray, near_v: np.ndarray
) -> dict[tuple[str, int], int]:
    """Return the links of each middle node of a path that leave the local community."""
    on_path = {(z1, z2) for z1 in near_v for z2 in near_u if dense[z1, z2]}
    lefts, rights = {z1 for z1, _ in on_path}, {z2 for _, z2 in on_path}
    external = {}
    for z1 in lefts:
        inside = sum(dense[z1, z] for z in rights)
        external["left", z1] = int(dense[z1].sum() - inside - dense[z1, v])
    for z2 in rights:
        inside = sum(dense[z, z2] for z in lefts)
        external["right", z2] = int(dense[:, z2].sum() - inside - dense[u, z2])
    return external
