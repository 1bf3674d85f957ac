"""Reading networks from files: every format, what lines may hold, what is said about the rest."""

import io
import re
import time
import warnings
import zipfile

import igraph
import networkx
import numpy as np
import pytest
import scipy.io
import scipy.sparse
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph, GraphInputWarning
from chgraph.files import read_network

PATH_A_D = Graph.from_links([0, 1, 2], [1, 2, 3], names=["a", "b", "c", "d"])


@pytest.fixture
def read(tmp_path):
    """Read a file of the given content; what it warns of fails the test unless expected."""

    def write_and_read(content, name="net.csv", **options):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_network(path, **options)

    return write_and_read


def links_of(graph):
    """The links as pairs of names."""
    if isinstance(graph, BipartiteGraph):
        sides = graph.left_names, graph.right_names
    else:
        sides = graph.names, graph.names
    columns = graph.links()
    return [(sides[0][u], sides[1][v]) for u, v in zip(*columns, strict=True)]


# -------------------------------------------------------------------------- edge lists


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize(
    ("name", "separator"),
    [
        ("net.csv", ","),
        ("net.csv", ";"),
        ("net.csv", ", "),
        ("net.tsv", "\t"),
        ("net.edges", " "),
        ("net.txt", "   "),
        ("net", " \t"),
    ],
)
def test_every_separator_and_line_ending(read, name, separator, ending):
    text = ending.join(separator.join(link) for link in ("ab", "bc", "cd")) + ending
    assert read(text, name) == PATH_A_D


def test_comments_blank_lines_and_byte_order_mark_are_skipped(read):
    text = "# a network\n\n% of four\na,b\n   \n  # more\nb,c\nc,d"
    assert read(b"\xef\xbb\xbf" + text.encode()) == PATH_A_D


def test_names_keep_spaces_commas_and_quotes(read):
    graph = read('"Smith, J",Doe\nDoe, Van Dyke \n"say ""hi""",Doe\n')
    assert graph.names == ("Smith, J", "Doe", "Van Dyke", 'say "hi"')
    spaced = read('"Homo sapiens"  "Mus musculus"\n"Mus musculus" 5"-x\n', "net.txt")
    assert spaced.names == ("Homo sapiens", "Mus musculus", '5"-x')


def test_names_of_any_script(read):
    assert read("Ünal,木村\n木村,Ωmega\n").names == ("Ünal", "木村", "Ωmega")


def test_names_stand_in_order_of_appearance_reading_line_by_line(read):
    assert read("d,a\nc,d\na,b\n").names == ("d", "a", "c", "b")


def test_integers_are_numbers_in_ascending_order(read):
    graph = read("10 2\n2 33\n-1 10\n", "net.txt")
    assert graph.names == (-1, 2, 10, 33)
    assert all(type(name) is int for name in graph.names)
    assert links_of(graph) == [(-1, 10), (2, 10), (2, 33)]


@pytest.mark.parametrize("odd", ["x", "007", "1.0", "+3", "٣", "1_000", "9" * 30])
def test_one_name_that_is_no_plain_integer_makes_all_names_text(read, odd):
    assert read(f"1,2\n2,{odd}\n").names == ("1", "2", odd)


@pytest.mark.parametrize(
    "header",
    [
        *("source,target", "From,To", '"node_1","node_2"', "u,v"),
        *("Source ID;Target ID", "ProteinA,ProteinB", "i,j", "src,dst"),
    ],
)
def test_usual_column_names_are_a_header(read, header):
    separator = ";" if ";" in header else ","
    text = "\n".join([header, *(separator.join(link) for link in ("ab", "bc", "cd"))])
    assert read(text) == PATH_A_D


def test_usual_column_names_are_nodes_where_they_appear_again(read):
    assert read("u,v\nv,w\nw,x\n").names == ("u", "v", "w", "x")


def test_a_line_of_words_above_numbers_is_a_header(read):
    assert read("ego,alter\n1,2\n2,3\n").names == (1, 2, 3)
    two = read("plant,pollinator\n1,bee\n2,fly\n", bipartite=True)
    assert (two.left_names, two.right_names) == ((1, 2), ("bee", "fly"))
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):
        assert read("gene,partner,score\na,b,0.5\nb,c,1e-3\nc,d,7\n") == PATH_A_D


@pytest.mark.parametrize("text", ["a,b\nb,c\nc,d\n", "s,1\n1,2\n2,3\n", "1,2\n2,x\n", "x,y\n"])
def test_other_first_lines_are_links(read, text):
    assert read(text).n_links == text.count("\n")


def test_a_first_line_without_weight_is_no_header(read):
    with pytest.warns(GraphInputWarning):
        assert read("a,b,NA\nb,c,3\nc,d,5\n").n_links == 3


def test_the_caller_knows_better_about_the_header(read):
    assert read("ego,alter\nb,c\n", header=True).names == ("b", "c")
    assert read("source,target\nb,c\n", header=False).names == ("source", "target", "b", "c")


def test_more_columns_are_ignored_with_a_warning(read):
    with pytest.warns(GraphInputWarning, match=r"net\.csv: only the first 2 of 4 columns"):
        assert read("a,b,1,x\nb,c,2,\nc,d,,\n") == PATH_A_D


@pytest.mark.parametrize("text", ["a,b,\nb,c,\nc,d,\n", "a b {}\nb c {}\nc d {}\n"])
def test_empty_columns_draw_no_warning(read, text):
    assert read(text) == PATH_A_D


def test_what_networkx_writes_comes_back(tmp_path):
    graph = networkx.path_graph(["a", "b", "c", "d"])
    networkx.write_edgelist(graph, tmp_path / "plain.edgelist")
    assert read_network(tmp_path / "plain.edgelist") == PATH_A_D
    networkx.set_edge_attributes(graph, {link: {"w": 2.5, "t": "x, y"} for link in graph.edges})
    networkx.write_edgelist(graph, tmp_path / "data.edgelist")
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):
        assert read_network(tmp_path / "data.edgelist") == PATH_A_D


def test_self_loops_and_repeated_links_are_told_with_their_lines(read):
    text = "# note\na,b\nb,b\nb,a\n\nc,d\nb,c\na,b\ne,e\n"
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        graph = read(text)
    messages = [str(warning.message) for warning in caught]
    assert [message.partition(": ")[2] for message in messages] == [
        "2 self-loops are left out (lines 3, 9)",
        "2 repeated links are counted once (lines 4, 8)",
    ]
    assert all(warning.category is GraphInputWarning for warning in caught)
    assert graph.names == ("a", "b", "c", "d", "e")
    assert links_of(graph) == [("a", "b"), ("b", "c"), ("c", "d")]


def test_only_the_first_lines_of_many_are_told(read):
    with pytest.warns(
        GraphInputWarning, match=r"8 repeated links .* \(lines 2, 3, 4, 5, 6, \.\.\.\)"
    ):
        assert read("a b\n" * 9, "net.txt").n_links == 1


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\nb\nc,d\n", "line 2: expected 2 fields or more, got 1"),
        ("a,b\nb,c,3\n", "line 2: expected 2 fields, as in line 1, got 3"),
        ("#\na b 1\nb c\n", "line 3: expected 3 fields, as in line 2, got 2"),
        ("a,b\n,c\nc,\n", "line 2: field 1 is empty; line 3: field 2 is empty"),
        (b"a,b\nb,c\xff\n", "line 2: bytes that are not UTF-8 text"),
        ('a,b\n"b,c\nc,d\n', "line 2: a quotation mark that is not closed"),
        ("a b\nHomo sapiens Mus\n", "line 2: expected 2 fields, as in line 1, got 3"),
        ("a,b\n" * 8 + "x\n" * 7, "line 13: expected 2 fields or more, got 1; and 2 more lines"),
        ("", "holds no links"),
        ("# nothing\n\n", "holds no links"),
        ("source,target\n", "holds no links"),
        (b"\x1f\x8b\x08\x00\x9c\n\xfe", "cannot be unpacked as gzip"),
    ],
)
def test_malformed_files_are_refused_with_path_and_line(read, content, message):
    with pytest.raises(ValueError, match=r"net\.csv: .*" + re.escape(message)):
        read(content)


def test_two_columns_are_two_sides_where_said_so(read):
    graph = read("a,b\nb,a\na,a\n", bipartite=True)
    assert graph == BipartiteGraph.from_links(
        [0, 1, 0], [0, 1, 1], (2, 2), left_names=["a", "b"], right_names=["b", "a"]
    )
    with pytest.warns(GraphInputWarning, match=r"1 repeated link is counted once \(line 3\)"):
        assert read("a,b\nb,a\na,b\n", bipartite=True).n_links == 2


def test_each_side_has_numbers_or_names_of_its_own(read):
    graph = read("20,x\n3,y\n20,y\n", bipartite=True)
    assert (graph.left_names, graph.right_names) == ((3, 20), ("x", "y"))
    assert links_of(graph) == [(3, "y"), (20, "x"), (20, "y")]


def test_a_konect_header_says_that_there_are_two_sides(read):
    text = "% bip unweighted\n1 1\n1 2\n2 1\n"
    assert read(text, "out.konect") == read(text, "out.konect", bipartite=True)
    with pytest.warns(GraphInputWarning) as caught:
        assert isinstance(read(text, "out.konect", bipartite=False), Graph)
    assert len(caught) == 2


@given(
    st.lists(
        st.tuples(st.integers(0, 9), st.integers(0, 9)).filter(lambda link: link[0] != link[1]),
        min_size=1,
        unique_by=frozenset,
    ),
    st.sampled_from([",", "\t", ";", " "]),
)
def test_a_written_list_of_links_comes_back(tmp_path_factory, links, separator):
    path = tmp_path_factory.mktemp("lists") / "net.txt"
    path.write_text("\n".join(f"{u}{separator}{v}" for u, v in links))
    assert set(map(frozenset, links_of(read_network(path)))) == set(map(frozenset, links))
    path.write_text("\n".join(f"n{u}{separator}n{v}" for u, v in links))
    named = {frozenset((f"n{u}", f"n{v}")) for u, v in links}
    assert set(map(frozenset, links_of(read_network(path)))) == named


def test_a_long_list_is_read_as_numpy_reads_it(tmp_path):
    ends = np.random.default_rng(0).integers(0, 20_000, (100_000, 2))
    path = tmp_path / "long.txt"
    np.savetxt(path, ends, fmt="%d")
    with pytest.warns(GraphInputWarning) as caught:
        graph = read_network(path)
    assert len(caught) == 2
    expected = {(min(u, v), max(u, v)) for u, v in ends.tolist() if u != v}
    assert links_of(graph) == sorted(expected)
    assert graph.names == tuple(np.unique(ends).tolist())


# ---------------------------------------------------------------------------- matrices


def test_matrix_market_by_its_shape_and_symmetry(tmp_path):
    path = tmp_path / "net.mtx"
    scipy.io.mmwrite(path, PATH_A_D.adjacency(), field="pattern", symmetry="symmetric")
    assert read_network(path) == Graph.from_adjacency(PATH_A_D.adjacency())
    assert read_network(path, bipartite=True).shape == (4, 4)
    scipy.io.mmwrite(path, scipy.sparse.coo_array(np.eye(2, 3)))
    assert read_network(path) == BipartiteGraph.from_biadjacency(np.eye(2, 3))
    with pytest.raises(ValueError, match=r"net\.mtx: adjacency must be square"):
        read_network(path, bipartite=False)
    scipy.io.mmwrite(path, scipy.sparse.coo_array(np.triu(np.ones((3, 3)), 1)))
    with pytest.raises(ValueError, match=r"net\.mtx: adjacency must be symmetric"):
        read_network(path)


def test_matrix_market_weights_are_told(read):
    text = "%%MatrixMarket matrix coordinate real general\n2 3 2\n1 1 0.5\n2 3 1\n"
    with pytest.warns(GraphInputWarning, match="weights"):
        assert read(text, "net.mtx").n_links == 2


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1 2\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n1 x 3\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 1\n5 1 3\n",
        "%%MatrixMarket matrix coordinate real general\n2 2 4\n1 1 3\n",
    ],
)
def test_malformed_matrix_market_is_refused(read, text):
    with pytest.raises(ValueError, match=r"net\.mtx: cannot be read as Matrix Market: \S"):
        read(text, "net.mtx")


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "dia"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_npz_of_every_sparse_format(tmp_path, form, kind):
    matrix = getattr(scipy.sparse, f"{form}_{kind}")(PATH_A_D.adjacency())
    scipy.sparse.save_npz(tmp_path / "net.npz", matrix)
    assert read_network(tmp_path / "net.npz") == Graph.from_adjacency(PATH_A_D.adjacency())


def test_npz_that_is_no_sparse_matrix_is_refused(tmp_path):
    path = tmp_path / "net.npz"
    np.savez(path, weights=np.eye(3))
    with pytest.raises(ValueError, match=r"net\.npz: cannot be read as a scipy sparse matrix"):
        read_network(path)
    for content in (b"", b"PK\x03\x04 broken", b"plain text"):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"net\.npz: cannot be read as a scipy sparse matrix"):
            read_network(path)


def test_npz_is_never_unpickled(tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / "sprung"), "w"))

    np.savez(tmp_path / "net.npz", format=np.array(Trap(), dtype=object))
    with pytest.raises(ValueError, match=r"allow_pickle=False"):
        read_network(tmp_path / "net.npz")
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize("form", ["csr", "csc", "bsr"])
@pytest.mark.parametrize("index", [10**6, -7])
def test_npz_with_indices_out_of_range_is_refused(tmp_path, form, index):
    scipy.sparse.save_npz(tmp_path / "good.npz", scipy.sparse.eye_array(3, format=form))
    bad = io.BytesIO()
    with np.load(tmp_path / "good.npz") as good:
        parts = {name: good[name].copy() for name in good.files}
    parts["indices"][0] = index
    np.savez(bad, **parts)
    (tmp_path / "net.npz").write_bytes(bad.getvalue())
    assert zipfile.is_zipfile(tmp_path / "net.npz")
    with pytest.raises(ValueError, match=r"net\.npz: cannot be read as a scipy sparse matrix"):
        read_network(tmp_path / "net.npz")


# -------------------------------------------------------------------- GraphML and GML


@pytest.mark.parametrize("kind", ["graphml", "gml"])
def test_graphml_and_gml_keep_the_names(tmp_path, kind):
    graph = networkx.path_graph(["a", "b", "c", "d"])
    getattr(networkx, f"write_{kind}")(graph, tmp_path / f"net.{kind}")
    assert read_network(tmp_path / f"net.{kind}") == PATH_A_D


@pytest.mark.parametrize("kind", ["graphml", "gml"])
def test_graphml_and_gml_of_igraph_keep_names_and_sides(tmp_path, kind):
    graph = igraph.Graph.Bipartite([1, 0, 0], [(0, 1), (0, 2)])
    if kind == "gml":
        graph.vs["type"] = [1, 0, 0]  # GML has no booleans
    graph.vs["name"] = graph.vs["label"] = ["x", "y", "z"]
    path = tmp_path / f"net.{kind}"
    getattr(graph, f"write_{kind}")(str(path))
    assert read_network(path).names == ("x", "y", "z")
    assert links_of(read_network(path, bipartite=True)) == [("y", "x"), ("z", "x")]


@pytest.mark.parametrize("kind", ["graphml", "gml"])
def test_two_sides_by_the_node_attribute(tmp_path, kind):
    graph = BipartiteGraph.from_links(
        [0, 1, 1], [0, 0, 1], (2, 2), left_names=["a", "b"], right_names=["x", "y"]
    )
    getattr(networkx, f"write_{kind}")(graph.to_networkx(), tmp_path / f"net.{kind}")
    assert read_network(tmp_path / f"net.{kind}", bipartite=True) == graph
    assert read_network(tmp_path / f"net.{kind}").n_nodes == 4
    getattr(networkx, f"write_{kind}")(networkx.path_graph(3), tmp_path / f"net.{kind}")
    with pytest.raises(ValueError, match="needs the attribute 'bipartite'"):
        read_network(tmp_path / f"net.{kind}", bipartite=True)


@pytest.mark.parametrize("kind", ["graphml", "gml"])
def test_directed_and_weighted_graph_files(tmp_path, kind):
    path = tmp_path / f"net.{kind}"
    write = getattr(networkx, f"write_{kind}")
    write(networkx.DiGraph([("a", "b")]), path)
    with pytest.raises(ValueError, match=rf"net\.{kind}: the network is directed"):
        read_network(path)
    weighted = networkx.Graph()
    weighted.add_edge("a", "b", weight=2.5)
    weighted.add_edge("a", "a", weight=1.0)
    write(weighted, path)
    with pytest.warns(GraphInputWarning) as caught:
        assert read_network(path).n_links == 1
    assert {str(w.message).split()[1] for w in caught} == {"self-loops", "weight"}


def test_gml_without_labels_goes_by_id(read):
    text = "graph [ node [ id 3 ] node [ id 5 ] edge [ source 3 target 5 ] ]"
    assert read(text, "net.gml").names == (3, 5)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("net.graphml", ""),
        ("net.graphml", "<graphml><graph>"),
        ("net.graphml", "<html></html>"),
        ("net.gml", "graph [ node [ id 1 "),
        ("net.gml", "graph [ node [ id 1 label \"a\" ] edge [ source 1 target 9 ] ]"),
        ("net.gml", "graph " + "[ a " * 5000),
        ("net.gml", "a,b\n"),
    ],
)  # fmt: skip
def test_malformed_graph_files_are_refused(read, name, text):
    with pytest.raises(ValueError, match=rf"{name}: cannot be read as \w+: \S"):
        read(text, name)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_xml_entities_are_refused(read, encoding):
    declared = "".join(f'<!ENTITY e{i} "{f"&e{i - 1};" * 10}">' for i in range(1, 9))
    text = (
        f'<?xml version="1.0" encoding="{encoding}"?>'
        f'<!DOCTYPE graphml [<!ENTITY e0 "ha">{declared}]><graphml><graph id="&e8;"/></graphml>'
    )
    start = time.perf_counter()
    with pytest.raises(ValueError, match=r"net\.graphml: defines the XML entity 'e0'"):
        read(text.encode(encoding), "net.graphml")
    assert time.perf_counter() - start < 5.0


def test_an_external_entity_reads_no_other_file(read, tmp_path):
    (tmp_path / "secret").write_text("token")
    text = (
        f'<!DOCTYPE graphml [<!ENTITY x SYSTEM "file://{tmp_path}/secret">]>'
        "<graphml><graph id='&x;'/></graphml>"
    )
    with pytest.raises(ValueError, match="defines the XML entity 'x'"):
        read(text, "net.graphml")


# ----------------------------------------------------------------------------- calling


def test_what_is_no_file_is_said_to_be_none(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nowhere\.csv: no such file"):
        read_network(tmp_path / "nowhere.csv")
    with pytest.raises(ValueError, match="is a folder"):
        read_network(str(tmp_path))


@pytest.mark.parametrize("argument", ["bipartite", "header"])
def test_arguments_are_true_false_or_none(tmp_path, argument):
    with pytest.raises(TypeError, match=f"{argument} must be True, False or None, got 'yes'"):
        read_network(tmp_path, **{argument: "yes"})


def test_the_ending_counts_in_capitals_too(tmp_path):
    scipy.sparse.save_npz(tmp_path / "net.npz", PATH_A_D.adjacency())
    (tmp_path / "net.npz").rename(tmp_path / "NET.NPZ")
    assert read_network(tmp_path / "NET.NPZ").n_links == 3


def test_warnings_point_to_the_caller(read, tmp_path):
    (tmp_path / "net.csv").write_text("a,a\na,b\n")
    with pytest.warns(GraphInputWarning) as caught:
        graph = read_network(tmp_path / "net.csv")
    assert graph.n_links == 1
    assert caught[0].filename == __file__
