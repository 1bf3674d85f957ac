"""Removal scores and dead neurons (definitions.md 3)."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from tests.naive.graphs import Array


def lrs(weight_matrix: Array) -> Array:
    """LRS_ij = |W_ij|/(1 + sum_i |W_ij|) + |W_ij|/(1 + sum_j |W_ij|), W (n_in, n_out) (eq. 4)."""
    size = np.abs(np.asarray(weight_matrix, dtype=float))
    score = np.zeros_like(size)
    for i, j in itertools.product(*map(range, size.shape)):
        score[i, j] = size[i, j] / (1 + size[:, j].sum()) + size[i, j] / (1 + size[i, :].sum())
    return score


def relative_importance(weight_matrix: Array) -> Array:
    """RI_ij = |w| / row sum + |w| / column sum, 0 where there is no link (CHTs at alpha = 0)."""
    size = np.abs(np.asarray(weight_matrix, dtype=float))
    score = np.zeros_like(size)
    for i, j in itertools.product(*map(range, size.shape)):
        if size[i, j]:
            score[i, j] = size[i, j] / size[i, :].sum() + size[i, j] / size[:, j].sum()
    return score


def set_removal(weights: Sequence[float], n_removed: int) -> list[int]:
    """Which links SET takes, of weights in link order (definitions.md 9; Nat. Commun. 9:2383).

    Weights of 0 first. Then one by one the link closest to zero of the sign that has lost the
    smaller share of its links so far, counting the half of the one that would go; of equal
    shares, and of equal weights, the later link goes first.
    """
    zeros = [i for i, w in enumerate(weights) if w == 0]
    gone = sorted(zeros, reverse=True)[:n_removed]
    left = {}
    for sign in (1, -1):
        left[sign] = [i for i, w in enumerate(weights) if w * sign > 0]
        left[sign].sort(key=lambda i: (abs(weights[i]), -i))
    size = {sign: len(links) for sign, links in left.items()}
    while len(gone) < n_removed:
        shares = {
            sign: (size[sign] - len(links) + 0.5) / size[sign]
            for sign, links in left.items()
            if links
        }
        lowest = min(shares.values())
        next_links = [left[sign][0] for sign, share in shares.items() if share == lowest]
        link = max(next_links)
        left[1 if weights[link] > 0 else -1].remove(link)
        gone.append(link)
    return sorted(gone)


def dead_neurons(biadjacencies: Sequence[Array]) -> list[Array]:
    """Dead mask of each hidden layer: no incoming or no outgoing link left (definitions.md 3).

    Links of dead neurons are removed, backward and forward, until nothing changes; hidden layer h
    lies between biadjacencies[h] (its input side) and biadjacencies[h + 1]. Inputs are not altered.
    """
    layers = [np.array(layer, dtype=bool) for layer in biadjacencies]
    dead = [np.zeros(layer.shape[1], dtype=bool) for layer in layers[:-1]]
    changed = True
    while changed:
        changed = False
        hidden = list(range(len(dead)))
        for h in [*reversed(hidden), *hidden]:
            for z in range(len(dead[h])):
                alive = layers[h][:, z].any() and layers[h + 1][z, :].any()
                if not alive and not dead[h][z]:
                    dead[h][z] = changed = True
                    layers[h][:, z] = False
                    layers[h + 1][z, :] = False
    return dead


def dead_in_wiring(
    layers: Mapping[str, Array], junctions: Sequence[Mapping[str, Any]]
) -> tuple[list[Array], dict[str, Array]]:
    """Dead mask of each junction and the layers without the links of the dead.

    A junction is a dict: "size", and as wanted "sources" and "targets" (names of layers, those
    whose columns and those whose rows are its neurons), "open_in", "open_out". A neuron dies if
    all its columns in the sources, or all its rows in the targets, hold nothing; a side that is
    open or has no layer kills nobody. Start again at each death until a round has none.
    """
    left = {name: np.array(layer, dtype=bool) for name, layer in layers.items()}
    dead = [np.zeros(junction["size"], dtype=bool) for junction in junctions]
    changed = True
    while changed:
        changed = False
        for junction, gone in zip(junctions, dead, strict=True):
            sources, targets = junction.get("sources", ()), junction.get("targets", ())
            for z in range(junction["size"]):
                unfed = not any(left[name][:, z].any() for name in sources)
                unread = not any(left[name][z, :].any() for name in targets)
                unfed = unfed and len(sources) > 0 and not junction.get("open_in", False)
                unread = unread and len(targets) > 0 and not junction.get("open_out", False)
                if (unfed or unread) and not gone[z]:
                    gone[z] = changed = True
                    for name in sources:
                        left[name][:, z] = False
                    for name in targets:
                        left[name][z, :] = False
    return dead, left
