"""Edge lists as they are downloaded: separators, KONECT, SNAP, comments, encodings."""

import contextlib
import time

import numpy as np
import pytest

from chgraph import BipartiteGraph, Graph, GraphInputWarning
from tests.chgraph.files.conftest import links_of


@pytest.mark.parametrize(
    ("text", "links"),
    [
        ("a\tb 0.5\n", [("a", "b")]),
        ("a\tb 0.5\nb\tc 2\n", [("a", "b"), ("b", "c")]),
        ("a b 0,5\nb c 0,25\n", [("a", "b"), ("b", "c")]),
        ("a b\t0.5\nb c\t1\n", [("a", "b"), ("b", "c")]),
        ("1 2\t5\n2 3\t4\n", [(1, 2), (2, 3)]),
        ("1\t2 5\n2\t3 4\n", [(1, 2), (2, 3)]),
        ("a;b 0.5\nb;c 1.5\n", [("a", "b"), ("b", "c")]),
        ("x y\tw\n1 2\t5\n2 3\t4\n", [(1, 2), (2, 3)]),
    ],
)
def test_mixed_separators(read, text, links):
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):
        assert links_of(read(text, "net.txt")) == links


@pytest.mark.parametrize(
    "text",
    [
        "Homo sapiens\tMus musculus\nMus musculus\tFelis catus\n",
        "Doe, J\nvan Dyke, Doe\n",
        "Homo sapiens\tMus musculus\t0.5\nMus musculus\tFelis catus\t1\n",
        "Homo sapiens\t5\t0.5\nMus musculus\t6\t1\n",
    ],
)
@pytest.mark.filterwarnings("ignore:.*columns are read")
def test_names_with_blanks_stay_whole(read, text):
    assert any(" " in str(name) for name in read(text).names)


def test_what_may_be_two_names_is_told(read):
    with pytest.warns(GraphInputWarning, match="between tabs, so that 'Homo sapiens' is one name"):
        graph = read("Homo sapiens\t5\nMus musculus\t6\n", bipartite=True)
    assert graph.left_names == ("Homo sapiens", "Mus musculus")


def test_a_no_break_space_is_a_part_of_a_name(read):
    assert read("a\u00a0b c\nc d\n", "net.txt").names == ("a\u00a0b", "c", "d")
    with pytest.raises(ValueError, match="line 2: expected 2 fields or more, got 1"):
        read("a b\nb\u00a0c\n", "net.txt")


# ----------------------------------------------------------------------- KONECT and SNAP


def test_konect_with_a_tab_before_the_weight(read):
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):
        graph = read("% bip weighted\n1 1\t5\n2 1\t4\n", "out.konect")
    assert (graph.left_names, graph.right_names) == ((1, 2), (1,))
    assert links_of(graph) == [(1, 1), (2, 1)]


@pytest.mark.parametrize("top", ["% BIP unweighted\n", "\n% bip\n", "\n \n%bip unweighted\n"])
def test_a_konect_header_is_seen_in_any_letters_and_below_blank_lines(read, top):
    assert isinstance(read(top + "1 1\n1 2\n2 1\n", "out.konect"), BipartiteGraph)


def test_an_asymmetric_konect_network_is_directed(read):
    text = "% asym unweighted\n% 3 3 3\n1 2\n2 3\n"
    with pytest.raises(ValueError, match=r"out\.x: the network is directed; ignore_directions"):
        read(text, "out.x")
    assert links_of(read(text, "out.x", ignore_directions=True)) == [(1, 2), (2, 3)]
    assert links_of(read(text + "2 1\n3 2\n", "out.x")) == [(1, 2), (2, 3)]
    assert isinstance(read("% sym unweighted\n1 2\n2 3\n", "out.x"), Graph)


def test_snap_says_that_it_is_directed(read):
    text = "# Directed graph: x.txt\n# Nodes: 3 Edges: 2\n# FromNodeId\tToNodeId\n0\t1\n1\t2\n"
    with pytest.warns(GraphInputWarning, match="directions are not kept"):
        assert links_of(read(text, "net.txt")) == [(0, 1), (1, 2)]
    assert read(text.replace("# Directed", "# Undirected"), "net.txt").n_links == 2
    assert read(text, "net.txt", ignore_directions=True).n_links == 2


# ------------------------------------------------------------------------------ comments


@pytest.mark.parametrize(
    "text", ["a,b\n#a,c\nb,c\n", "a b\n# a c\nb c\n", "a\tb\n%a\tc\nb\tc\n", "a,b\nb,c\n#a,c\n"]
)
def test_a_comment_like_a_link_is_told(read, text):
    number = next(i for i, line in enumerate(text.splitlines(), 1) if line[0] in "#%")
    with pytest.warns(GraphInputWarning, match=rf"1 comment \(line {number}\) has 2 fields"):
        assert links_of(read(text, "net.txt")) == [("a", "b"), ("b", "c")]


@pytest.mark.parametrize(
    "text",
    [
        "# my network\na b\nb c\n",
        "#source,target\na,b\nb,c\n",
        "# Nodes Edges\n% 1000 50\na b\nb c\n",
        "a,b\n# a remark\nb,c\n",
    ],
)
def test_other_comments_are_not(read, text):
    assert links_of(read(text, "net.txt")) == [("a", "b"), ("b", "c")]


# ----------------------------------------------------------------------------- encodings


def test_utf_16_is_read_by_its_mark(read):
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        mark = b"" if encoding == "utf-16" else "\ufeff".encode(encoding)
        assert read(mark + "a,木\n木,c\n".encode(encoding)).names == ("a", "木", "c")


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_its_mark_is_refused(read, encoding):
    with pytest.raises(ValueError, match=r"net\.csv: line 1: a NUL byte.*save it as UTF-8"):
        read("a,b\nb,c\n".encode(encoding))


def test_a_nul_byte_is_refused_with_its_line(read):
    with pytest.raises(ValueError, match="line 2: a NUL byte"):
        read(b"a,b\nb\0,c\n")


def test_marks_of_joined_files_make_no_new_nodes(read):
    assert read(b"\xef\xbb\xbfa,b\n\xef\xbb\xbfb,c\n").names == ("a", "b", "c")
    with pytest.raises(ValueError, match="line 2: a byte-order mark inside a line"):
        read("a,b\nb,\ufeffc\n")


# ------------------------------------------------------------------------------- bad files


def test_one_long_token_takes_no_long_time(read):
    start = time.perf_counter()
    assert read("a" * 10**7 + ",b\nb,c\n").n_nodes == 3
    with pytest.raises(ValueError, match="line 2: expected 2 fields"):
        read("a,b\n" + "x" * 10**7)
    assert time.perf_counter() - start < 5.0


@pytest.mark.parametrize(
    "text",
    [
        "a," + " " * 10**6 + "b\n",
        " " * 10**6 + "a b\n" + "\n" * 10**6,
        "\n" * 10**6 + "a b",
        " \t\r\n" * 10**5 + "a b",
        "#" * 10**6 + "\na b",
        "# c\n" * 10**5 + "a b",
    ],
)
def test_much_of_nothing_takes_no_long_time(read, text):
    start = time.perf_counter()
    assert links_of(read(text)) == [("a", "b")]
    assert time.perf_counter() - start < 5.0


@pytest.mark.parametrize(
    "text",
    [
        "creator " * 8000 + "\n",
        "<!--" * 20_000,
        "<?" * 20_000,
        "id" * 10**6 + "," + "id" * 10**6 + "\n",
        "a," + "1" * 10**6 + "\n",
        '"' * 10**6,
        "{" * 10**6 + "}",
        "[" * 60_000,
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_crafted_text_takes_no_long_time(read, text):
    start = time.perf_counter()
    with contextlib.suppress(ValueError):
        assert read(text + "\n").n_nodes >= 1
    assert time.perf_counter() - start < 5.0


def test_a_million_links(tmp_path, read):
    ends = np.random.default_rng(0).integers(0, 200_000, (1_000_000, 2))
    text = "\n".join(f"{u} {v}" for u, v in ends.tolist())
    with pytest.warns(GraphInputWarning):
        graph = read(text, "long.txt")
    ends = ends[ends[:, 0] != ends[:, 1]]
    expected = np.unique(np.sort(ends, axis=1), axis=0)
    names = np.array(graph.names)
    assert np.array_equal(np.stack([names[end] for end in graph.links()], axis=1), expected)
