"""Graphs in folders: what is saved, built piece by piece, opened, damaged."""

import gzip
import json
import os
import pickle
import shutil
import subprocess
import sys
import warnings
from itertools import pairwise

import numba
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import chgraph
from chgraph import BipartiteGraph, Graph
from chgraph._folders import MANIFEST, manifest_digest
from chgraph.files._sorting import ExternalSort

LEAST = 2**22
compiled_only = pytest.mark.skipif(numba.config.DISABLE_JIT, reason="slow without compilation")


def arrays_of(graph):
    names = (
        ("left_offsets", "left_neighbors", "right_offsets", "right_neighbors", "right_links")
        if graph.is_bipartite
        else ("offsets", "neighbors")
    )
    return {name: getattr(graph, name) for name in names}


def assert_same(one, other):
    assert type(one) is type(other)
    assert (one.shape, one.end_names) == (other.shape, other.end_names)
    for name, array in arrays_of(one).items():
        assert array.dtype == getattr(other, name).dtype
        np.testing.assert_array_equal(array, getattr(other, name))


def heavy(n_nodes=300, n_links=1500, seed=0):
    rng = np.random.default_rng(seed)
    ends = (n_nodes * rng.random((2 * n_links, 2)) ** 2).astype(np.int64)
    ends = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    return Graph.from_links(*rng.permutation(ends)[:n_links].T, n_nodes)


def layer(n_left=60, n_right=90, density=0.06, seed=0):
    rng = np.random.default_rng(seed)
    return BipartiteGraph.from_biadjacency(rng.random((n_left, n_right)) < density)


NAME = st.one_of(st.text(max_size=3), st.integers(-5, 5), st.tuples(st.integers(0, 3), st.text()))


@st.composite
def graphs(draw):
    n, m = draw(st.integers(0, 7)), draw(st.integers(0, 7))
    if draw(st.booleans()):
        n = m
        pairs = [(u, v) for u in range(n) for v in range(u + 1, n)]
    else:
        pairs = [(u, v) for u in range(n) for v in range(m)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    ends = [u for u, _ in chosen], [v for _, v in chosen]
    named = draw(st.booleans())

    def names(count):
        return draw(st.lists(NAME, min_size=count, max_size=count, unique=True)) if named else None

    if pairs and len(pairs) == n * (n - 1) // 2 and n == m:
        return Graph.from_links(*ends, n, names=names(n))
    return BipartiteGraph.from_links(*ends, (n, m), left_names=names(n), right_names=names(m))


# ------------------------------------------------------------------------- save and open


@given(graphs())
def test_what_is_saved_comes_back(tmp_path_factory, graph):
    folder = tmp_path_factory.mktemp("graph") / "g"
    assert graph.save(folder) == folder
    for verify in (False, True):
        opened = chgraph.open_graph(folder, verify=verify)
        assert opened == graph
        assert_same(opened, graph)
        assert opened.folder == folder
        assert not any(array.flags.writeable for array in arrays_of(opened).values())


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L2", "RA-L3", "CN", "PA"])
@pytest.mark.parametrize("k", [None, 40])
def test_an_opened_network_is_predicted_as_one_in_memory(tmp_path, method, k):
    graph = heavy()
    opened = chgraph.open_graph(graph.save(tmp_path / "g"))
    for options in ({}, {"nodes": [3, 5, 200]}):
        there, here = (
            chgraph.predict_links(g, k, method=method, **options) for g in (opened, graph)
        )
        assert len(here)
        for part in ("source", "target", "score"):
            assert np.array_equal(getattr(there, part), getattr(here, part))


@pytest.mark.parametrize("method", ["CH3-L3", "CH2-L3n", "RA-L3", "CAR"])
def test_an_opened_layer_is_predicted_as_one_in_memory(tmp_path, method):
    graph = layer()
    opened = chgraph.open_graph(graph.save(tmp_path / "g"))
    for k in (None, 30):
        there, here = (chgraph.predict_links(g, k, method=method) for g in (opened, graph))
        for part in ("source", "target", "score"):
            assert np.array_equal(getattr(there, part), getattr(here, part))


def test_measures_and_changes_of_an_opened_graph_are_those_in_memory(tmp_path):
    for number, graph in enumerate((heavy(), layer())):
        opened = chgraph.open_graph(graph.save(tmp_path / str(number)))
        assert dict(chgraph.metrics.summary(opened, rng=0)) == dict(
            chgraph.metrics.summary(graph, rng=0)
        )
        kept = opened.keep_links(range(0, graph.n_links, 2))
        assert kept == graph.keep_links(range(0, graph.n_links, 2))
        assert kept.folder is None


def test_a_pickled_graph_is_in_memory_and_read_only(tmp_path):
    for number, graph in enumerate((heavy(), layer())):
        opened = chgraph.open_graph(graph.save(tmp_path / str(number)))
        opened.link_ids([0], [1])
        back = pickle.loads(pickle.dumps(opened))
        assert_same(back, graph)
        assert back.folder is None
        assert not any(array.flags.writeable for array in arrays_of(back).values())


def test_names_that_files_cannot_hold_are_refused_and_nothing_is_left(tmp_path):
    graph = Graph.from_links([0], [1], names=[frozenset("a"), "b"])
    with pytest.raises(TypeError, match=r"names of nodes must be text, numbers or tuples"):
        graph.save(tmp_path / "g")
    assert list(tmp_path.iterdir()) == []


# ------------------------------------------------------------------------------ overwriting


def test_a_graph_is_replaced_only_when_told(tmp_path):
    folder = heavy(seed=1).save(tmp_path / "g")
    opened = chgraph.open_graph(folder)
    with pytest.raises(ValueError, match=r"g: there is a graph already; overwrite=True replaces"):
        heavy(seed=2).save(folder)
    heavy(seed=2).save(folder, overwrite=True)
    assert chgraph.open_graph(folder) == heavy(seed=2)
    assert opened == heavy(seed=1)  # maps of what was there stay as they are
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


@pytest.mark.parametrize("overwrite", [False, True])
def test_other_files_are_never_replaced(tmp_path, overwrite):
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ValueError, match="holds other files and no graph"):
        heavy().save(tmp_path, overwrite=overwrite)
    with pytest.raises(ValueError, match="is not a folder; a graph is saved as a folder"):
        heavy().save(tmp_path / "thesis.txt", overwrite=overwrite)
    assert (tmp_path / "thesis.txt").read_text() == "mine"


def test_an_error_while_writing_leaves_what_was_there(tmp_path, monkeypatch):
    folder = heavy(seed=1).save(tmp_path / "g")
    monkeypatch.setattr(os, "replace", _refuse)
    with pytest.raises(OSError, match="no"):
        heavy(seed=2).save(folder, overwrite=True)
    monkeypatch.undo()
    assert chgraph.open_graph(folder, verify=True) == heavy(seed=1)
    assert heavy(seed=2).save(folder, overwrite=True) == folder


def _refuse(*_):
    raise OSError("no")


# ---------------------------------------------------------------------------------- damage


@pytest.mark.parametrize("graph", [heavy(), layer()], ids=["network", "layer"])
@pytest.mark.parametrize("how", ["byte", "short", "long", "gone", "zeros"])
def test_a_damaged_file_is_refused_by_name(tmp_path, graph, how):
    folder = graph.save(tmp_path / "g")
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        broken = bytearray(whole)
        if how == "byte":
            broken[len(whole) // 2] ^= 0x40
        elif how == "short":
            broken = broken[:-3]
        elif how == "long":
            broken += b"\0\0\0\0"
        elif how == "zeros":
            broken[len(whole) // 2 :] = bytes(len(whole) - len(whole) // 2)
        path.unlink()
        if how != "gone":
            path.write_bytes(broken)
        with pytest.raises(ValueError, match=r"^[^\n]*$") as error:
            chgraph.open_graph(folder)
        assert path.name in str(error.value) or "neighbors.bin" in str(error.value)
        assert str(folder) in str(error.value)
        path.write_bytes(whole)
    assert chgraph.open_graph(folder) == graph


@given(st.data())
def test_no_damaged_list_is_let_through(tmp_path_factory, data):
    graph = data.draw(st.sampled_from([heavy(40, 120), layer(12, 15, 0.3)]))
    folder = graph.save(tmp_path_factory.mktemp("graph") / "g")
    names = [path.name for path in folder.iterdir() if path.suffix == ".bin"]
    path = folder / data.draw(st.sampled_from(sorted(names)))
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    changed = bytes(content) != path.read_bytes()
    path.write_bytes(content)
    if changed:
        with pytest.raises(ValueError, match="is damaged"):
            chgraph.open_graph(folder)
    else:
        assert chgraph.open_graph(folder) == graph


def test_another_valid_graph_in_its_place_is_seen_by_its_checksum_alone(tmp_path):
    one = Graph.from_links([0, 1, 2, 3], [1, 2, 3, 0])
    other = Graph.from_links([0, 2, 1, 3], [2, 1, 3, 0])
    first, second = one.save(tmp_path / "one"), other.save(tmp_path / "other")
    for name in ("neighbors.bin", "hub_neighbors.bin"):
        shutil.copy(second / name, first / name)
    assert chgraph.open_graph(first) == other
    with pytest.raises(ValueError, match=r"neighbors\.bin: is damaged: it does not have its"):
        chgraph.open_graph(first, verify=True)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"format": "other"}, "is not the manifest of a graph"),
        ({"version": 2}, "is of version 2; this chgraph reads version 1"),
        ({"kind": "Tree"}, "is not the manifest of a graph: kind 'Tree'"),
        ({"sides": [-1]}, "is not the manifest of a graph: sides"),
        ({"sides": [2**40]}, "is not the manifest of a graph: sides"),
        ({"sides": "ab"}, "is not the manifest of a graph"),
        ({"arrays": {}}, "is not the manifest of a graph"),
        ({"arrays": 7}, "is not the manifest of a graph"),
        ({"names": {"names": {"file": "../x"}}}, "is not the manifest of a graph"),
    ],
)
def test_a_manifest_that_says_something_else_is_refused(tmp_path, change, message):
    folder = heavy().save(tmp_path / "g")
    said = {**json.loads((folder / MANIFEST).read_text()), **change}
    said["sha256"] = manifest_digest(said)
    (folder / MANIFEST).write_text(json.dumps(said))
    with pytest.raises(ValueError, match=message):
        chgraph.open_graph(folder)


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b"[" * 100_000, b"null"])
def test_a_manifest_that_is_none_is_refused(tmp_path, content):
    folder = heavy().save(tmp_path / "g")
    (folder / MANIFEST).write_bytes(content)
    with pytest.raises(ValueError, match=r"manifest\.json: is "):
        chgraph.open_graph(folder)


def test_no_folder_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        chgraph.open_graph(tmp_path / "none")
    with pytest.raises(ValueError, match=r"it has no manifest\.json"):
        chgraph.open_graph(tmp_path)
    (tmp_path / "net.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match=r"chgraph\.read_network reads files"):
        chgraph.open_graph(tmp_path / "net.csv")
    with pytest.raises(TypeError, match="folder must be a path, got 3"):
        chgraph.open_graph(3)


# -------------------------------------------------------------------------------- building


@given(
    st.lists(st.integers(-(2**62), 2**62) | st.integers(0, 50), max_size=400),
    st.integers(1, 5),
)
def test_an_external_sort_is_a_sort(tmp_path_factory, numbers, step):
    values = np.repeat(np.array(numbers, np.int64), 40)
    sort = ExternalSort(tmp_path_factory.mktemp("runs"), 0)
    for start in range(0, values.size, 1000 * step):
        sort.add(values[start : start + 1000 * step])
    merged = list(sort.merged())
    np.testing.assert_array_equal(np.concatenate(merged), np.unique(values))
    assert sort.n_again == values.size - len(set(numbers))


def parts_of(ends, size):
    bounds = [*range(0, len(ends), size), len(ends)]
    return (ends[one:two] for one, two in pairwise(bounds))


@pytest.mark.filterwarnings("ignore::chgraph.GraphInputWarning")
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1), st.integers(1, 7))
def test_a_network_of_parts_is_that_of_the_whole(tmp_path_factory, pairs, size):
    ends = np.array(pairs)
    folder = tmp_path_factory.mktemp("graph")
    built = chgraph.build_graph(parts_of(ends, size), folder / "one", memory=LEAST)
    apart = np.unique(np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1), axis=0)
    assert_same(built, Graph.from_links(*apart.T, int(ends.max()) + 1))
    built = chgraph.build_graph(
        parts_of(ends, size), folder / "two", bipartite=True, shape=(10, 11), memory=LEAST
    )
    assert_same(built, BipartiteGraph.from_links(*np.unique(ends, axis=0).T, (10, 11)))


@compiled_only
def test_a_network_of_many_runs_is_that_of_the_whole(tmp_path):
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 60_000, (500_000, 2))
    ends[::1000, 1] = ends[::1000, 0]
    with pytest.warns(chgraph.GraphInputWarning) as seen:
        built = chgraph.build_graph(parts_of(ends, 70_001), tmp_path / "g", memory=LEAST)
    apart = np.sort(ends[ends[:, 0] != ends[:, 1]], axis=1)
    single = np.unique(apart, axis=0)
    said = sorted(str(warning.message) for warning in seen)
    assert said == sorted(
        [
            f"{len(ends) - len(apart)} self-loops are left out",
            f"{len(apart) - len(single)} repeated links are counted once",
        ]
    )
    assert_same(built, Graph.from_links(*single.T, 60_000))
    assert_same(built, chgraph.open_graph(tmp_path / "g", verify=True))
    assert [path.name for path in tmp_path.iterdir()] == ["g"]


LISTS = {
    "integers": "3 10\n10 2\n2 3\n# a comment\n3 10\n7 7\n",
    "names": "a\tb\nb\tc\n\nd\ta\nc\tb\nzoé\ta\n",
    "header": "id,source,target,weight\n1,x,y,0.5\n2,y,z,0.25\n",
    "konect": "% bip weighted\n1 1\t5\n2 1\t4\n2 2\t1\n",
    "mixed": "1 a\n2 b\n10 a\n" + "".join(f"{i} {i + 1}\n" for i in range(20, 400)),
    "quoted": '"a b","c"\nd,"a b"\n',
}


@pytest.mark.filterwarnings("ignore::chgraph.GraphInputWarning")
@pytest.mark.parametrize("kind", LISTS)
@pytest.mark.parametrize("bipartite", [None, True, False])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("size", [12, 2**20])
def test_a_list_in_pieces_is_read_as_the_whole(
    tmp_path, monkeypatch, kind, bipartite, packed, size
):
    text = LISTS[kind].encode()
    path = tmp_path / ("net.txt.gz" if packed else "net.txt")
    path.write_bytes(gzip.compress(text) if packed else text)
    monkeypatch.setattr("chgraph.files.building._PIECE", size)
    if kind == "header" and size == 12:
        pytest.skip("the columns are told from the first piece")
    built = chgraph.build_graph(path, tmp_path / "g", bipartite=bipartite, memory=LEAST)
    assert_same(built, chgraph.read_network(path, bipartite=bipartite))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no links"),
        ("# nothing\n", "holds no links"),
        ("a b\nc d\n" * 50 + "e\n", r"line 101: expected 2 fields or more, got 1"),
        ("a,b\n" * 50 + "e,\n", r"line 51: field 2 is empty"),
        ("a b\n" * 50 + "x y z\n", r"line 51: expected 2 fields"),
        ("a b\n" * 50 + "x \0\n", r"line 51: a NUL byte"),
        ("% asym\n1 2\n", "the network is directed"),
        ("0 1 1\n1 0 1\n1 1 0\n", "is a matrix as text"),
    ],
)
@pytest.mark.parametrize("size", [40, 2**20])
def test_a_malformed_list_is_refused_with_its_line(tmp_path, monkeypatch, text, message, size):
    monkeypatch.setattr("chgraph.files.building._PIECE", size)
    path = tmp_path / "net.txt"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as error:
        chgraph.build_graph(path, tmp_path / "g")
    assert str(path) in str(error.value)
    assert [p.name for p in tmp_path.iterdir()] == ["net.txt"]


@pytest.mark.parametrize(
    ("links", "options", "error", "message"),
    [
        (np.zeros((2, 2), int), {}, TypeError, r"of a single array pass \[array\]"),
        (3, {}, TypeError, "links must be a path or an iterable"),
        ([np.zeros((2, 3), int)], {}, ValueError, r"part 0 has dtype int64 and shape \(2, 3\)"),
        ([np.zeros((2, 2))], {}, ValueError, "part 0 has dtype float64"),
        ([[[0, 1]], [[-1, 2]]], {}, ValueError, "part 1 of links: nodes must lie in .* got -1"),
        ([[[0, 2**31]]], {}, ValueError, "nodes must lie in"),
        ([[[0, 5]]], {"shape": 5}, ValueError, "node 5 is outside shape"),
        ([[[0, 5]]], {"shape": (5, 5)}, ValueError, "shape must be the number of nodes"),
        ([[[0, 5]]], {"header": True}, ValueError, "are for a file of links"),
        ([[[0, 5]]], {"memory": 10}, ValueError, "memory must be at least"),
        ([[[0, 5]]], {"bipartite": 3}, TypeError, "bipartite must be True, False or None"),
        ("net.txt", {"shape": 5}, ValueError, "shape is for links given as arrays"),
        ("none.txt", {}, FileNotFoundError, "no such file"),
    ],
)
def test_wrong_arguments_are_refused_and_nothing_is_left(tmp_path, links, options, error, message):
    links = tmp_path / links if isinstance(links, str) else links
    with pytest.raises(error, match=message):
        chgraph.build_graph(links, tmp_path / "g", **options)
    assert list(tmp_path.iterdir()) == []


# ----------------------------------------------------------------------------------- memory

_PEAK = """
import sys, numpy as np, chgraph
from chgraph import jit

def anonymous():
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))

warm = chgraph.open_graph(sys.argv[1])
chgraph.predict_links(warm, 10, method="CH3-L3", n_threads=1, local_community=sys.argv[3])
before = anonymous()
import threading
peak, done = [0], threading.Event()
def watch():
    while not done.wait(0.002):
        peak[0] = max(peak[0], anonymous())
thread = threading.Thread(target=watch); thread.start()
graph = chgraph.open_graph(sys.argv[2])
chgraph.linkpred.automata.operations_of(graph)
ready = chgraph.linkpred.automata.rule_sources(graph, "CH3-L3", local_community=sys.argv[3])
ready.best(ready.costs.size - 20, ready.costs.size, 1000, 1, None)
done.set(); thread.join()
print(peak[0] - before, graph.n_links, graph.n_nodes)
"""


@compiled_only
@pytest.mark.skipif(not os.path.exists("/proc/self/status"), reason="no /proc to read memory from")
@pytest.mark.parametrize("bipartite", [False, True])
def test_memory_does_not_follow_the_links(tmp_path, bipartite):
    rng = np.random.default_rng(0)
    ends = rng.integers(0, 20_000, (3_000_000, 2))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", chgraph.GraphInputWarning)
        for name, size in (("small", 20_000), ("large", 3_000_000)):
            chgraph.build_graph([ends[:size]], tmp_path / name, bipartite=bipartite)
    command = [sys.executable, "-c", _PEAK, tmp_path / "small", tmp_path / "large", "on-path"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    used, n_links, n_nodes = map(int, done.stdout.split())
    assert n_links > 2_900_000
    # Blocks of links that are looked at together, and some numbers per node; never the links.
    assert used < 64 * 2**20 + 200 * n_nodes < 8 * n_links * 4
