"""Files as they lie around: read as what they are, or refused by name in one sentence."""

import bz2
import gzip
import io
import lzma
import pickle
import zipfile

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp

from chgraph import BipartiteGraph, Graph, GraphInputWarning, read_network

KARATE = nx.Graph(nx.karate_club_graph().edges())


def written(tmp_path, name, content):
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def links(graph):
    sources, targets = graph.links()
    names = [graph.end_names[i] or range(graph.shape[i]) for i in (0, 1)]
    return [(names[0][u], names[1][v]) for u, v in zip(sources, targets, strict=True)]


# ------------------------------------------------------------------------------- KONECT


@pytest.mark.parametrize("top", ["% bip weighted\n", "% BIP unweighted\n", "\n\n%bip\n"])
def test_konect_files_with_two_kinds_of_node(tmp_path, top):
    path = written(tmp_path, "out.net", f"{top}% 3 2 2\n1 1\t5\n2 1\t4\n2 2\t1\n")
    with pytest.warns(GraphInputWarning, match="columns are read"):
        graph = read_network(path.rename(tmp_path / "out.works"))
    assert isinstance(graph, BipartiteGraph)
    assert (graph.left_names, graph.right_names) == ((1, 2), (1, 2))
    assert links(graph) == [(1, 1), (2, 1), (2, 2)]


def test_konect_files_of_one_kind_of_node_and_directed_ones(tmp_path):
    graph = read_network(written(tmp_path, "out.friends", "% sym unweighted\n1 2\n2\t3\n"))
    assert links(graph) == [(1, 2), (2, 3)]
    with pytest.raises(ValueError, match=r"the network is directed; ignore_directions=True"):
        read_network(written(tmp_path, "out.votes", "% ASYM positive\n1 2\n2 3\n"))


# ----------------------------------------------------------------------------- matrices


@pytest.mark.parametrize("separator", [" ", ",", "\t", " , "])
def test_matrices_of_zeros_and_ones(tmp_path, separator):
    matrix = nx.to_numpy_array(KARATE, dtype=int)
    text = "\n".join(separator.join(map(str, row)) for row in matrix) + "\n"
    graph = read_network(written(tmp_path, "karate.txt", text))
    assert (graph.n_nodes, graph.n_links) == (34, 78)
    layer = read_network(written(tmp_path, "layer.txt", "1 0 1 0\n0 1 1 0\n1 1 1 0\n"))
    assert layer == BipartiteGraph.from_biadjacency([[1, 0, 1, 0], [0, 1, 1, 0], [1, 1, 1, 0]])


def test_links_between_nodes_zero_and_one_stay_links(tmp_path):
    assert read_network(written(tmp_path, "a.txt", "0 1\n1 2\n")).n_links == 2
    with pytest.warns(GraphInputWarning):
        assert read_network(written(tmp_path, "b.txt", "0 1 1\n1 2 1\n")).n_links == 2


# ----------------------------------------------------------------------- formats by name


def test_gexf_and_graphml_by_any_name(tmp_path):
    named = nx.relabel_nodes(nx.path_graph(4), lambda u: f"n{u}")
    nx.write_gexf(named, tmp_path / "a.gexf")
    nx.write_gexf(named, tmp_path / "b.xml")
    nx.write_graphml(named, tmp_path / "c.xml")
    for name in ("a.gexf", "b.xml", "c.xml"):
        graph = read_network(tmp_path / name)
        assert links(graph) == [("n0", "n1"), ("n1", "n2"), ("n2", "n3")]
    with pytest.raises(ValueError, match=r"d\.xml: "):
        read_network(written(tmp_path, "d.xml", "<svg></svg>"))


def test_pajek(tmp_path):
    text = '*Vertices 3\n1 "Ann"\n2 "Bob"\n3 "Cid"\n*Edges\n1 2\n2 3 1\n'
    for name in ("a.net", "a.paj"):
        assert links(read_network(written(tmp_path, name, text))) == [
            ("Ann", "Bob"),
            ("Bob", "Cid"),
        ]
    with pytest.raises(ValueError, match="directed"):
        read_network(written(tmp_path, "b.net", text.replace("*Edges", "*Arcs")))


def test_sif(tmp_path):
    text = "A pp B\nB pd C D\nE\n"
    with pytest.warns(GraphInputWarning, match="2 kinds of interaction"):
        graph = read_network(written(tmp_path, "net.sif", text))
    assert links(graph) == [("A", "B"), ("B", "C"), ("B", "D")]
    assert graph.names == ("A", "B", "C", "D", "E")
    with pytest.raises(ValueError, match="line 1: expected a node, a kind of interaction"):
        read_network(written(tmp_path, "bad.sif", "A B\n"))


@pytest.mark.parametrize("pack", [gzip.compress, bz2.compress, lzma.compress])
def test_packed_files(tmp_path, pack):
    ending = {gzip.compress: "gz", bz2.compress: "bz2", lzma.compress: "xz"}[pack]
    path = written(tmp_path, f"a.csv.{ending}", pack(b"source,target\na,b\nb,c\n"))
    assert links(read_network(path)) == [("a", "b"), ("b", "c")]
    buffer = io.BytesIO()
    nx.write_graphml(nx.path_graph(3), buffer)
    assert (
        read_network(written(tmp_path, f"b.graphml.{ending}", pack(buffer.getvalue()))).n_links == 2
    )
    with pytest.raises(ValueError, match="cannot be unpacked"):
        read_network(written(tmp_path, f"c.csv.{ending}", pack(b"a,b\n" * 50)[:-9]))


def test_what_unpacks_without_bound_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("chgraph.files.opening._LEAST", 10_000)
    path = written(tmp_path, "bomb.csv.gz", gzip.compress(b"1 2\n" * 500_000))
    with pytest.raises(ValueError, match=r"bomb\.csv\.gz: .* it unpacks to more than"):
        read_network(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("net.xlsx", b"PK\x03\x04....", "a spreadsheet; save the sheet as CSV"),
        ("net.csv", b"PK\x03\x04....", "an archive of files; unpack it"),
        ("net.pkl", pickle.dumps([1]), "a pickle, which can run any code"),
        ("net.txt", pickle.dumps([1]), "a pickle, which can run any code"),
        ("net.html", "<!DOCTYPE html>\n<html>a b</html>\n", "a web page"),
        ("net.txt", "  <html><body>404 not found</body></html>", "a web page"),
        ("net.gr", "p sp 3 2\na 1 2 1\n", "DIMACS; keep the two nodes"),
        ("net.txt", "p edge 3 2\ne 1 2\n", "DIMACS; keep the two nodes"),
        ("net.tgf", "1 a\n2 b\n#\n1 2\n", "TGF; the lines below"),
        ("net.lgl", "# a\nb\n", "LGL; read it with igraph"),
        ("net.nt", "<a> <b> <c> .\n", "RDF, as N-Triples"),
        ("net.txt", "DL n=3 format=edgelist1\n", "UCINET DL; read it with igraph"),
        ("net.csv", b"a,b\nc\0,d\n", "a NUL byte"),
    ],
)
def test_foreign_files_are_named(tmp_path, name, content, message):
    with pytest.raises(ValueError, match=f"{name}: (is |line 2: ){message}"):
        read_network(written(tmp_path, name, content))


# ----------------------------------------------------------------------- columns, headers


@pytest.mark.parametrize(
    "top",
    ["FromNodeId,ToNodeId", "user,item", "drug,target", "plant,pollinator", "node1,node2"],
)
def test_headers_of_the_field_are_known(tmp_path, top):
    graph = read_network(written(tmp_path, "a.csv", f"{top}\na,b\nb,c\n"))
    assert links(graph) == [("a", "b"), ("b", "c")]


def test_a_missing_weight_makes_no_link_of_the_header(tmp_path):
    path = written(tmp_path, "a.csv", "gene,partner,score\na,b,0.5\nb,c,NA\n")
    with pytest.warns(GraphInputWarning, match="columns are read"):
        assert links(read_network(path)) == [("a", "b"), ("b", "c")]


# ------------------------------------------------------------------------------- GraphML

HEAD = '<graphml xmlns="http://graphml.graphdrawing.org/xmlns">'


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ('<graph edgedefault="undirected"><edge source="a"/></graph>', "source|target"),
        ('<graph edgedefault="foo"><edge source="a" target="b"/></graph>', "edgedefault"),
        ('<graph edgedefault="undirected"><node id="a"/></graph>', "holds no links"),
        (
            2 * '<graph edgedefault="undirected"><edge source="a" target="b"/></graph>',
            "holds a second <graph>",
        ),
    ],
)
def test_graphml_that_is_something_else_is_refused(tmp_path, body, message):
    with pytest.raises(ValueError, match=message):
        read_network(written(tmp_path, "a.graphml", f"{HEAD}{body}</graphml>"))


def test_an_unknown_encoding_is_refused(tmp_path):
    text = f'<?xml version="1.0" encoding="foo"?>{HEAD}</graphml>'
    with pytest.raises(ValueError, match="cannot be read as GraphML"):
        read_network(written(tmp_path, "a.graphml", text))


def test_a_long_token_is_read_once(tmp_path):
    name = "x" * 10_000_000
    body = f'<graph edgedefault="undirected"><edge source="{name}" target="b"/></graph>'
    path = written(tmp_path, "a.graphml", f"{HEAD}{body}</graphml>")
    with pytest.warns(GraphInputWarning) as said:
        assert read_network(path).n_links == 1
    assert all(len(str(one.message)) < 500 for one in said)


# --------------------------------------------------------- files that would take the process

MTX = "%%MatrixMarket matrix coordinate pattern general\n"


@pytest.mark.parametrize("end", ["", " ", "\r", "\t ", " \r\n\n"])
def test_matrix_market_may_end_in_any_white_space(tmp_path, end):
    graph = read_network(written(tmp_path, "a.mtx", f"{MTX}2 3 2\n1 2\n2 3{end}"))
    assert graph == BipartiteGraph.from_links([0, 1], [1, 2], (2, 3))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"{MTX}2 3 2\n1 2\n2 3\0", "NUL"),
        ("%%MatrixMarket matrix array real general\n0 0\n", "nothing in it"),
        (f"{MTX}500000000 500000000 1\n1 2\n", "500,000,000 x 500,000,000"),
        (f"{MTX}3 3 2000000000\n1 2\n", "2,000,000,000 entries"),
        ("%%MatrixMarket matrix array real general\n50000 50000\n1\n", "50,000 x 50,000"),
        (f"{MTX}3 3\n1 2\n", "line of sizes"),
        (f"{MTX}3 -3 1\n1 2\n", "line of sizes"),
        (f"{MTX}three 3 1\n1 2\n", "line of sizes"),
    ],
)
def test_matrix_market_files_that_lie_are_refused(tmp_path, content, message):
    with pytest.raises(ValueError, match=message):
        read_network(written(tmp_path, "a.mtx", content))


def npz(tmp_path, name, **arrays):
    np.savez_compressed(tmp_path / name, **arrays)
    return tmp_path / name


def test_npz_files_that_lie_are_refused(tmp_path, monkeypatch):
    matrix = sp.coo_array(([1.0], ([0], [1])), (500_000_000, 500_000_000))
    sp.save_npz(tmp_path / "wide.npz", matrix)
    with pytest.raises(ValueError, match="500,000,000 x 500,000,000"):
        read_network(tmp_path / "wide.npz")
    monkeypatch.setattr("chgraph.files.opening._LEAST", 10_000)
    zeros = {"row": np.zeros(10**6, int), "col": np.zeros(10**6, int), "data": np.ones(10**6)}
    path = npz(tmp_path, "bomb.npz", **zeros, shape=np.array([3, 3]), format=np.array("coo"))
    with pytest.raises(ValueError, match=r"bomb\.npz: .*unpack"):
        read_network(path)
    with pytest.raises(ValueError, match="cannot be read as a scipy sparse matrix"):
        read_network(written(tmp_path, "no.npz", b"PK\x03\x04 nothing"))
    with zipfile.ZipFile(tmp_path / "odd.npz", "w") as archive:
        archive.writestr("shape.npy", b"not an array")
    with pytest.raises(ValueError, match="cannot be read as a scipy sparse matrix"):
        read_network(tmp_path / "odd.npz")


def test_matrices_in_files_are_read_as_ever(tmp_path):
    matrix = nx.to_scipy_sparse_array(KARATE, weight=None)
    matrix.data = np.ones_like(matrix.data)
    sp.save_npz(tmp_path / "karate.npz", matrix)
    assert read_network(tmp_path / "karate.npz") == Graph.from_adjacency(matrix)
