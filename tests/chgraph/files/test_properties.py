"""Properties: both ways to read lines agree, what is written comes back, nothing else is raised."""

import io
import warnings

import igraph
import networkx
import numpy as np
import pytest
import scipy.io
from hypothesis import given, settings
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, GraphInputWarning
from chgraph.files import read_network, tables
from tests.chgraph.files.conftest import links_of

NAMES = st.one_of(
    st.integers(-3, 12).map(str),
    st.sampled_from(
        [
            "a",
            "b7",
            "\u2013",
            "Mus musculus",
            "source",
            "target",
            "NA",
            "0.5",
            "x" * 20,
            "y" * 40,
            "é",
            "木a",
            "n\u00a0b",
        ]
    ),
)
FIELDS = st.sampled_from(["", "1", "0.5", "NA", "w", "1e-3"])
SEPARATORS = st.sampled_from([",", ";", "\t", " ", "  ", ", ", " ;", " \t"])
TOPS = st.sampled_from(["", "# a note\n", "% bip weighted\n", "\n", "#source,target\n", " \n#\n"])


@st.composite
def texts(draw):
    """Text that may be an edge list."""
    separator, width = draw(SEPARATORS), draw(st.integers(2, 4))
    rows = draw(st.lists(st.tuples(NAMES, NAMES, *[FIELDS] * (width - 2)), min_size=1, max_size=8))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    lines = [separator.join(row) for row in rows]
    if draw(st.integers(0, 9)) == 0:
        lines.insert(
            draw(st.integers(0, len(lines))), draw(st.sampled_from(["", "x", "# c", '"q" r']))
        )
    return draw(TOPS) + end.join(lines) + draw(st.sampled_from(["", end, end * 2, " "]))


def outcome(path, **options):
    """The graph, or why there is none, and what is warned of."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = read_network(path, **options)
        except ValueError as error:
            result = str(error)
    return result, [str(warning.message) for warning in caught]


@given(texts(), st.sampled_from([None, True]), st.sampled_from([None, True, False]))
@settings(max_examples=300)
def test_the_fast_way_is_the_plain_way(tmp_path_factory, text, bipartite, header):
    path = tmp_path_factory.mktemp("lists") / "net.txt"
    path.write_text(text, newline="")
    options = {"bipartite": bipartite, "header": header}
    fast = outcome(path, **options)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tables, "_plain_table", lambda data, separator: None)
        plain = outcome(path, **options)
    assert fast == plain


@given(
    st.lists(st.text("ab \t,;0é\u00a0\u3000", max_size=30), max_size=6).map("\n".join), SEPARATORS
)
@settings(max_examples=300)
def test_both_ways_find_the_same_fields(text, separator):
    data = text.encode()
    found = []
    for sep in (tables.Separator(separator.strip(" ") or None), tables.Separator()):
        table = tables._plain_table(data, sep)
        if table is not None:
            bad = []
            careful = tables._careful_table(data, sep, bad)
            assert bad == []
            assert careful is not None
            every = slice(None), slice(None)
            assert table.fields(*every) == careful.fields(*every)
            assert table.lines.tolist() == careful.lines.tolist()
            found.append(table)
    assert all(table.width >= 2 for table in found)


def test_names_that_share_a_word_are_told_apart(monkeypatch, tmp_path):
    path = tmp_path / "net.txt"
    links = [(f"{'x' * 8}{u}{'y' * 8}{v}", f"{'x' * 8}{v}") for u in range(9) for v in range(9)]
    path.write_text("\n".join(f"{u} {v}" for u, v in links))
    expected = read_network(path, bipartite=True)
    assert set(links_of(expected)) == set(links)
    monkeypatch.setattr(tables, "_ODD", np.uint64(0))  # all that end alike collide
    assert read_network(path, bipartite=True) == expected


def test_the_fast_way_is_taken():
    for separator, text in (
        (None, "a b\nc d\n"),
        (None, "é b\n"),
        (",", "# x\na, b\nc,d"),
        ("\t", "a\tb c\n"),
    ):
        assert tables._plain_table(text.encode(), tables.Separator(separator)) is not None


GRAPHS = st.lists(
    st.tuples(st.integers(0, 7), st.integers(0, 7)).filter(lambda link: link[0] != link[1]),
    min_size=1,
    unique_by=frozenset,
)
WORDS = st.lists(
    st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=6),
    min_size=8,
    max_size=8,
    unique=True,
)


@given(GRAPHS, WORDS, st.sampled_from(["graphml", "gexf", "gml"]))
@settings(max_examples=60)
def test_what_networkx_writes_comes_back(tmp_path_factory, links, words, kind):
    graph = networkx.Graph([(words[u], words[v]) for u, v in links])
    path = tmp_path_factory.mktemp("graphs") / f"net.{kind}"
    getattr(networkx, f"write_{kind}")(graph, path)
    found = read_network(path)
    assert set(map(frozenset, links_of(found))) == set(map(frozenset, graph.edges))
    assert set(found.names) == set(graph)


@given(GRAPHS)
@settings(max_examples=40)
def test_what_igraph_writes_comes_back(tmp_path_factory, links):
    graph = igraph.Graph(n=8, edges=links)
    expected = sorted(tuple(sorted(link)) for link in links)
    folder = tmp_path_factory.mktemp("graphs")
    for kind, first in (("graphml", "n0"), ("gml", 0), ("pajek", 1)):
        path = folder / f"net.{'net' if kind == 'pajek' else kind}"
        getattr(graph, f"write_{kind}")(str(path))
        found = read_network(path)
        assert found.names[0] == first
        assert list(zip(*(end.tolist() for end in found.links()), strict=True)) == expected


@given(GRAPHS, st.booleans())
@settings(max_examples=40)
def test_matrices_come_back_from_text_and_matrix_market(tmp_path_factory, links, two):
    u, v = np.array(links).T
    graph = Graph.from_links(*np.unique(np.sort([u, v], axis=0), axis=1), 8)
    matrix = graph.adjacency()
    expected = BipartiteGraph.from_biadjacency(matrix) if two else graph
    folder = tmp_path_factory.mktemp("matrices")
    np.savetxt(folder / "net.txt", matrix.toarray(), fmt="%d")
    scipy.io.mmwrite(folder / "net.mtx", matrix)
    for name in ("net.txt", "net.mtx"):
        assert read_network(folder / name, bipartite=True if two else None) == expected


STARTS = st.sampled_from(
    [
        *(b"", b"*Vertices 3\n", b"*Vertices 3 1\n*Matrix\n", b"graph [ ", b"<graphml><graph>"),
        *(b"<gexf><graph><nodes>", b"%%MatrixMarket matrix coordinate real general\n3 3 2\n"),
        *(
            b"% asym\n",
            b",a,b,c\n",
            b"dl n=3\n",
            b"\xff\xfe",
            b"PK\x03\x04",
            b"\x1f\x8b\x08",
            b"# a\n",
        ),
    ]
)
PIECES = st.lists(
    st.sampled_from(
        [
            *(b"1 2\n", b"2 3 0.5\n", b"a,b\n", b'"', b"*Edges\n", b"*Arcs\n", b"]", b"[", b"\x00"),
            *(
                b'<node id="a"/>',
                b'<edge source="a" target="b"/>',
                b"</graph>",
                b"</graphml>",
                b"\r",
            ),
            *(
                b'node [ id 1 label "a" ]',
                b"edge [ source 1 target 1 ]",
                b"\xef\xbb\xbf",
                b"{}",
                b" ",
            ),
        ]
    ),
    max_size=8,
).map(b"".join)
ENDINGS = st.sampled_from(
    ["txt", "csv", "net", "gml", "graphml", "gexf", "mtx", "npz", "sif", "adjlist"]
)


@given(STARTS, st.one_of(PIECES, st.binary(max_size=60)), ENDINGS, st.sampled_from([None, True]))
@settings(max_examples=400)
def test_whatever_it_is_it_is_a_graph_or_one_line(tmp_path_factory, start, rest, ending, bipartite):
    path = tmp_path_factory.mktemp("any") / f"net.{ending}"
    path.write_bytes(start + rest)
    result, warned = outcome(path, bipartite=bipartite)
    if isinstance(result, str):
        assert result.startswith(f"{path}: ")
        assert "\n" not in result
    else:
        assert result.n_links > 0 or warned


def test_warnings_are_of_one_kind(tmp_path):
    path = tmp_path / "net.net"
    path.write_bytes(io.BytesIO(b"*Vertices 2\n*Edges\n1 2\n2 1\n").getvalue())
    with pytest.warns(GraphInputWarning) as caught:
        assert read_network(path).n_links == 1
    assert caught[0].filename == __file__
