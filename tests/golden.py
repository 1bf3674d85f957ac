"""Golden vectors: those in tests/data, and all of them where CHGRAPH_GOLDEN names their folder."""

import functools
import json
import os
from pathlib import Path

import numpy as np
import pytest

from tests import naive

TOLERANCE = {"rtol": 1e-11, "atol": 1e-12}
FULL = bool(os.environ.get("CHGRAPH_FULL"))  # every pair of everything: minutes

_BUNDLED = Path(__file__).parent / "data"
_FOLDERS = [Path(os.environ["CHGRAPH_GOLDEN"])] if os.environ.get("CHGRAPH_GOLDEN") else []


def find(path):
    """Return where a golden file lies, the whole collection before the bundled part of it."""
    return next(p for p in (folder / path for folder in (*_FOLDERS, _BUNDLED)) if p.is_file())


def names(folder):
    """Return parameters: a name per npz file of a folder, and a skip in place of absent ones."""
    found = {
        path.stem for place in (*_FOLDERS, _BUNDLED) for path in (place / folder).glob("*.npz")
    }
    return [*sorted(found), *_absent()]


def entries(path):
    """Return parameters: the keys of a golden JSON file, and a skip in place of absent ones."""
    return [*read_json(path), *_absent()]


def _absent():
    skip = pytest.mark.skip(reason="CHGRAPH_GOLDEN does not name the folder of all golden vectors")
    return [] if _FOLDERS else [pytest.param("others", marks=skip)]


def load(folder, name):
    """Return one npz file as a dictionary."""
    with np.load(find(f"{folder}/{name}.npz")) as data:
        return {key: data[key] for key in data.files}


@functools.cache
def read_json(path):
    """Return the content of a JSON file."""
    return json.loads(find(path).read_text(encoding="utf-8"))


def monopartite(name):
    """Return neighbor sets, unlinked pairs and links of a monopartite network."""
    data = load("linkpred_monopartite", name)
    neighbors = naive.neighbors_from_edges(int(data["n"]), data["edges"])
    unlinked = [(u, v) for u, v in naive.all_pairs(neighbors) if v not in neighbors[u]]
    return neighbors, unlinked, [tuple(map(int, link)) for link in data["edges"]]


def biadjacency(data):
    """Return the 0/1 biadjacency of a bipartite file."""
    matrix = np.zeros((int(data["n_left"]), int(data["n_right"])), dtype=int)
    matrix[data["edges"][:, 0], data["edges"][:, 1]] = 1
    return matrix


def sample(n_pairs, limit):
    """Return all positions of a pair list, or a seeded sample when there are more than `limit`."""
    if FULL or n_pairs <= limit:
        return range(n_pairs)
    return sorted(np.random.default_rng(7).choice(n_pairs, limit, replace=False).tolist())


def one_graph(name):
    """Return links (2, E) and number of nodes of a measured network, a layer as one graph."""
    bipartite = read_json("topological_measures.json")[name]["bipartite_offset"]
    data = load("linkpred_bipartite" if bipartite else "linkpred_monopartite", name)
    links = data["edges"].T.astype(np.int64)
    if not bipartite:
        return links, int(data["n"])
    n_left, n_right = int(data["n_left"]), int(data["n_right"])
    return links + np.array([[0], [n_left]]), n_left + n_right


def stochastic():
    """Return parameters: the networks that have stochastic measures, and a skip as above."""
    measured = read_json("topological_measures.json")
    return [*(name for name in measured if "stochastic" in measured[name]), *_absent()]
