"""Files of other formats: refused in one sentence that names them and says what to do."""

import io
import json
import pickle
import zipfile

import networkx
import numpy as np
import pytest

from chgraph.files import read_network
from tests.chgraph.files.conftest import links_of

PATH = networkx.path_graph(["a", "b", "c"])


def written(write, *arguments):
    """What a writer of networkx writes."""
    out = io.BytesIO()
    write(*arguments, out)
    return out.getvalue()


def zipped(*names):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name in names:
            archive.writestr(name, "a,b\n")
    return out.getvalue()


def array():
    out = io.BytesIO()
    np.save(out, np.eye(3))
    return out.getvalue()


FOREIGN = [
    ("c a road\np sp 3 2\na 1 2 7\na 2 3 8\n", "DIMACS"),
    ("p edge 3 2\ne 1 2\ne 2 3\n", "DIMACS"),
    ("1 first\n2 second\n#\n1 2 a label\n", "TGF"),
    ("1 first\n2 second\n#\n1 2\n", "TGF"),
    ("# a\nb 1\n# b\nc 2\n", "LGL"),
    ("<http://x/a> <http://x/knows> <http://x/b> .\n", "N-Triples"),
    ("# a\n_:a <http://x/knows> _:b .\n", "N-Triples"),
    (written(networkx.write_multiline_adjlist, PATH), "multiline adjacency list"),
    ("a 1\nb {}\nb 1\nc {'weight': 2}\nc 0\n", "multiline adjacency list"),
    (written(networkx.write_edgelist, networkx.grid_2d_graph(2, 2)), "tuples"),
    ("<!DOCTYPE html>\n<html><body>404, not found</body></html>\n", "web page"),
    ("\n<html>\n<p>a, b</p>\n</html>\n", "web page"),
    ("<?xml version='1.0'?><html><p/></html>", "web page"),
    ("<?xml version='1.0'?><svg></svg>", "XML of <svg>"),
    ("dl n=3 format=edgelist1\ndata:\n1 2\n2 3\n", "UCINET DL"),
    ("DL\nN = 3\nDATA:\n0 1 0\n1 0 1\n0 1 0\n", "UCINET DL"),
    ("graph {\n a -- b\n}\n", "Graphviz DOT"),
    ("strict digraph x {\n a -> b\n}\n", "Graphviz DOT"),
    ('{"nodes": [{"id": 1}], "links": []}', "JSON"),
    ('[["a", "b"], ["b", "c"]]', "JSON"),
    ("*node data\nID type\na 1\n*tie data\nfrom to\na b\n", "VNA"),
    (pickle.dumps(PATH), "pickle"),
    (zipped("net.csv"), "archive"),
    (zipped("[Content_Types].xml", "xl/workbook.xml"), "spreadsheet"),
    (array(), "numpy array"),
    (b"MATLAB 5.0 MAT-file, " + bytes(200), "MATLAB"),
    (b"%PDF-1.7\na b\n", "PDF"),
    (b"\x89HDF\r\n\x1a\n", "binary table"),
    (b">>graph6<<D?{", "graph6"),
    ("LEDA.GRAPH\nstring\nint\n", "LEDA"),
    (bytes(257) + b"ustar\x00" + bytes(250), "archive"),
]


# Numbers for names: one text holds the time, and two workers must collect the same tests.
@pytest.mark.parametrize(("content", "what"), FOREIGN, ids=map(str, range(len(FOREIGN))))
@pytest.mark.parametrize("name", ["net.txt", "net.dat"])
def test_foreign_openings_are_refused_by_name(read, content, what, name):
    with pytest.raises(ValueError, match=rf"{name}: .*\b{what}") as caught:
        read(content, name)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value).split(": ", 1)[1]) < 200


@pytest.mark.parametrize(
    ("name", "what"),
    [
        *(("net.xlsx", "spreadsheet"), ("net.pkl", "pickle"), ("net.gpickle", "pickle")),
        *(("net.zip", "archive"), ("net.json", "JSON"), ("net.dot", "DOT"), ("net.mat", "MATLAB")),
        *(("net.tgf", "TGF"), ("net.lgl", "LGL"), ("net.nt", "N-Triples"), ("net.dl", "DL")),
        *(("net.npy", "numpy array"), ("net.g6", "graph6"), ("net.parquet", "binary table")),
        *(("NET.XLSX", "spreadsheet"), ("net.multiline_adjlist", "multiline")),
    ],
)
def test_foreign_endings_are_refused_by_name(read, name, what):
    with pytest.raises(ValueError, match=rf"{name}: .*\b{what}"):
        read("a b\nb c\n", name)


def test_a_pickle_is_never_loaded(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    for name in ("net.pkl", "net.txt", "net"):
        (tmp_path / name).write_bytes(pickle.dumps(Trap()))
        with pytest.raises(ValueError, match="is a pickle"):
            read_network(tmp_path / name)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    "text",
    [
        "c a\nb c\n",
        "p sp\nsp c\n",
        "graph a\na b\n",
        "dl b\nb c\n",
        "{a} b\nb c\n",
        "[a b\nb c\n",
        "# a\n# b\na b\nb c\n",
        "#\na b\nb c\n",
        "a b\n#\nb c\n",
        "<a> b\nb <c>\n",
        "*a b\nb c\n",
        "a 1\n1 2\n",
        "(a) b\nb (c)\n",
    ],
)
def test_names_that_only_look_foreign_are_names(read, text):
    graph = read(text, "net.txt")
    expected = [tuple(line.split()) for line in text.splitlines() if line[0] != "#"]
    assert sorted(map(sorted, links_of(graph))) == sorted(map(sorted, expected))


def test_what_is_refused_is_one_line_in_json_too(read):
    with pytest.raises(ValueError, match="is JSON; read it with networkx"):
        read(json.dumps(networkx.node_link_data(PATH, edges="links")), "net.txt")
