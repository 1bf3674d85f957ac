"""GraphML, GEXF, GML, Pajek, SIF and adjacency lists: names, sides, directions, repetitions."""

import time

import igraph
import networkx
import pytest

from chgraph import BipartiteGraph, Graph, GraphInputWarning
from tests.chgraph.files.conftest import links_of

PATH = [("a", "b"), ("b", "c")]
SIDED = BipartiteGraph.from_links(
    [0, 1, 1], [0, 0, 1], (2, 2), left_names=["a", "b"], right_names=["x", "y"]
)


def graphml(body, keys="", attributes='edgedefault="undirected"'):
    return f"<graphml>{keys}<graph {attributes}>{body}</graph></graphml>"


NODES = "".join(f'<node id="{name}"/>' for name in "abc")
EDGES = '<edge source="a" target="b"/><edge source="b" target="c"/>'


# ------------------------------------------------------------------------------- GraphML


def test_the_side_may_be_a_default(read):
    keys = '<key id="s" for="node" attr.name="bipartite" attr.type="int"><default>0</default></key>'
    nodes = '<node id="a"/><node id="b"/><node id="x"><data key="s">1</data></node>'
    links = '<edge source="a" target="x"/><edge source="x" target="b"/>'
    graph = read(graphml(nodes + links, keys), "net.graphml", bipartite=True)
    assert (graph.left_names, graph.right_names) == (("a", "b"), ("x",))
    assert links_of(graph) == [("a", "x"), ("b", "x")]
    for_all = keys.replace('for="node"', 'for="all"')
    assert read(graphml(nodes + links, for_all), "net.graphml", bipartite=True) == graph


def test_a_default_weight_is_a_weight(read):
    keys = '<key id="w" for="edge" attr.name="weight" attr.type="double"><default>2</default></key>'
    with pytest.warns(GraphInputWarning, match="1 weight attribute is ignored"):
        assert read(graphml(NODES + EDGES, keys), "net.graphml").n_links == 2


@pytest.mark.parametrize("bipartite", [None, True])
def test_parallel_links_are_counted_once_and_told(tmp_path, read, bipartite):
    graph = networkx.MultiGraph(SIDED.to_networkx())
    graph.add_edge("a", "x", weight=2.0)
    for kind in ("graphml", "gexf", "gml"):
        path = tmp_path / f"net.{kind}"
        getattr(networkx, f"write_{kind}")(graph, path)
        with pytest.warns(GraphInputWarning) as caught:
            found = read(path.read_bytes(), path.name, bipartite=bipartite)
        assert sorted(map(frozenset, links_of(found)), key=sorted) == sorted(
            map(frozenset, links_of(SIDED)), key=sorted
        )
        assert {str(warning.message) for warning in caught} == {
            "1 repeated links are counted once",
            "1 weight attribute is ignored",
        }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (graphml(NODES + EDGES) [:-10] + "<graph/></graphml>", "a second <graph>"),
        (graphml(f'<node id="g"><graph>{NODES}</graph></node>'), "a second <graph>"),
        (graphml(NODES + EDGES, attributes='edgedefault="foo"'), "edgedefault must be .* 'foo'"),
        (graphml(NODES + '<edge source="a"/>'), "an <edge> needs a source and a target"),
        (graphml(NODES + "<hyperedge/>"), "holds a <hyperedge>"),
        (graphml("<node/>"), "a <node> has no id"),
        ('<?xml version="1.0" encoding="foo"?>' + graphml(NODES + EDGES), "unknown encoding|foo"),
        ("<html><body/></html>", "its root element is <html>, not <graphml>: a web page"),
        ("<graphml/>", "holds no <graph>"),
    ],
)  # fmt: skip
def test_what_is_no_graphml_is_refused(read, text, message):
    with pytest.raises(
        ValueError, match=rf"net\.graphml: cannot be read as GraphML: .*({message})"
    ):
        read(text, "net.graphml")


def test_graphml_without_links_is_refused(read):
    with pytest.raises(ValueError, match=r"net\.graphml: holds no links"):
        read(graphml(NODES), "net.graphml")


def test_a_name_that_is_no_number_is_refused(read):
    keys = '<key id="n" for="node" attr.name="name" attr.type="double"/>'
    nodes = '<node id="a"><data key="n">NaN</data></node><node id="b"><data key="n">1</data></node>'
    text = graphml(nodes + '<edge source="a" target="b"/>', keys)
    with pytest.raises(ValueError, match="the name of node 'a' must be finite, got nan"):
        read(text, "net.graphml")
    text = (
        'graph [ node [ id 1 label 1.0E999 ] node [ id 2 label "b" ] edge [ source 1 target 2 ] ]'
    )
    with pytest.raises(ValueError, match="must be finite, got inf"):
        read(text, "net.gml")


def test_nodes_that_only_links_name_are_told(read):
    with pytest.warns(GraphInputWarning, match="1 nodes stand in links alone, as 'c'"):
        graph = read(graphml('<node id="a"/><node id="b"/>' + EDGES), "net.graphml")
    assert links_of(graph) == PATH


def test_directions_that_are_ignored(read):
    text = graphml(NODES + EDGES, attributes='edgedefault="directed"')
    with pytest.raises(ValueError, match=r"net\.graphml: the network is directed"):
        read(text, "net.graphml")
    assert links_of(read(text, "net.graphml", ignore_directions=True)) == PATH
    one = graphml(NODES + EDGES.replace("<edge", '<edge directed="true"', 1))
    with pytest.raises(ValueError, match="the network is directed"):
        read(one, "net.graphml")


@pytest.mark.parametrize("name", ["net.xml", "net.txt", "net"])
def test_graphml_and_gexf_under_other_names(read, name):
    assert (
        links_of(read('<?xml version="1.0"?>\n<!-- by hand -->' + graphml(NODES + EDGES), name))
        == PATH
    )
    prefixed = (
        graphml(NODES + EDGES).replace("</", "</g:").replace("<", "<g:").replace("<g:/g:", "</g:")
    )
    assert links_of(read(prefixed, name)) == PATH


def test_one_long_token_in_a_graphml_file(read):
    start = time.perf_counter()
    text = graphml(NODES + EDGES, f'<key id="k" note="{"x" * 10**7}"/>')
    assert links_of(read(text, "net.graphml")) == PATH
    nodes = f'node [ id 1 label "{"x" * 10**7}" ] node [ id 2 label "b" ]'
    assert read(f"graph [ {nodes} edge [ source 1 target 2 ] ]", "net.gml").n_links == 1
    assert time.perf_counter() - start < 10.0


# ---------------------------------------------------------------------------------- GEXF


@pytest.mark.parametrize("name", ["net.gexf", "net.txt"])
@pytest.mark.parametrize("version", ["1.1draft", "1.2draft"])
def test_gexf_keeps_names_and_sides(tmp_path, read, name, version):
    networkx.write_gexf(SIDED.to_networkx(), tmp_path / "out", version=version)
    text = (tmp_path / "out").read_bytes()
    assert set(read(text, name).names) == {"a", "b", "x", "y"}
    assert read(text, name, bipartite=True) == SIDED


def test_gexf_by_hand(read):
    text = (
        '<gexf><graph defaultedgetype="undirected"><attributes class="node">'
        '<attribute id="0" title="bipartite" type="integer"><default>0</default></attribute>'
        '</attributes><nodes><node id="0" label="a"/><node id="1" label="b">'
        '<attvalues><attvalue for="0" value="1"/></attvalues></node></nodes>'
        '<edges><edge source="0" target="1" weight="3.0"/></edges></graph></gexf>'
    )
    with pytest.warns(GraphInputWarning, match="weight"):
        assert links_of(read(text, "net.gexf", bipartite=True)) == [("a", "b")]
    directed = text.replace('"undirected"', '"directed"')
    with pytest.raises(ValueError, match=r"net\.gexf: the network is directed"):
        read(directed, "net.gexf")
    with pytest.raises(ValueError, match="cannot be read as GEXF: its root element is <graphml>"):
        read(graphml(NODES), "net.gexf")


# ----------------------------------------------------------------------------------- GML


def test_gml_with_a_repeated_link(read):
    nodes = " ".join(f'node [ id {i} label "{name}" ]' for i, name in enumerate("abc"))
    links = "edge [ source 0 target 1 ] edge [ source 1 target 2 ] edge [ source 1 target 0 ]"
    with pytest.warns(GraphInputWarning, match="1 repeated links are counted once"):
        assert links_of(read(f"graph [ {nodes} {links} ]", "net.gml")) == PATH
    without_labels = " ".join(f"node [ id {i} ]" for i in range(3))
    with pytest.warns(GraphInputWarning, match="1 repeated links are counted once"):
        assert read(f"graph [ {without_labels} {links} ]", "net.gml").names == (0, 1, 2)


def test_gml_weights_that_are_arrays(read):
    nodes = 'node [ id 0 label "a" ] node [ id 1 label "b" ]'
    text = f"graph [ {nodes} edge [ source 0 target 1 weight 1 weight 2 ] ]"
    with pytest.warns(GraphInputWarning, match="weight"):
        assert read(text, "net.gml").n_links == 1


def test_gml_of_any_script_and_under_another_name(read):
    text = 'Creator "me"\ngraph\n[\n node [ id 1 label "Ünal" ]\n node [ id 2 label "木" ]\n'
    text += " edge [ source 1 target 2 ]\n]\n"
    assert read(text, "net.gml").names == ("Ünal", "木")
    assert read(text, "net.txt").names == ("Ünal", "木")


# --------------------------------------------------------------------------------- Pajek


@pytest.mark.parametrize("name", ["net.net", "net.txt"])
def test_pajek_edges(read, name):
    text = '% by hand\n*Vertices 3\n1 "a"\n2 "b" 0.1 0.2\n3 "c"\n*Edges\n1 2\n2 3 1\n'
    assert links_of(read(text, name)) == PATH
    assert links_of(read(text.replace("\n", "\r\n"), name)) == PATH
    assert read("*vertices 4\n*edgeslist\n1 2 3\n", name).names == (1, 2, 3, 4)


def test_pajek_arcs_are_directed(read):
    text = "*Vertices 3\n*Arcs\n1 2 1\n2 3 1\n"
    with pytest.raises(ValueError, match=r"net\.net: the network is directed"):
        read(text, "net.net")
    assert links_of(read(text, "net.net", ignore_directions=True)) == [(1, 2), (2, 3)]
    assert links_of(read(text + "2 1 1\n3 2 1\n", "net.net")) == [(1, 2), (2, 3)]


def test_pajek_with_two_modes(read):
    text = '*Vertices 4 2\n1 "a"\n2 "b"\n3 "x"\n4 "y"\n*Edges\n1 3\n2 3\n4 2\n'
    assert read(text, "net.net") == SIDED
    assert read(text, "net.net", bipartite=False).n_nodes == 4
    assert read("*Vertices 4 2\n*Matrix\n1 0\n1 1\n", "net.net").shape == (2, 2)
    with pytest.raises(ValueError, match="line 3: the link joins two nodes of one side"):
        read("*Vertices 4 2\n*Edges\n1 2\n", "net.net")
    with pytest.raises(ValueError, match="says nothing of two sides"):
        read("*Vertices 4\n*Edges\n1 2\n", "net.net", bipartite=True)


def test_pajek_of_networkx_and_igraph(tmp_path, read):
    graph = networkx.path_graph(["a", "b", "c"])
    networkx.write_pajek(graph, tmp_path / "one")
    igraph.Graph(n=3, edges=[(0, 1), (1, 2)]).write_pajek(str(tmp_path / "two"))
    assert links_of(read((tmp_path / "one").read_bytes(), "net.net")) == PATH
    assert read((tmp_path / "two").read_bytes(), "net.net").n_links == 2


def test_pajek_repetitions_loops_and_weights_are_told(read):
    text = "*Vertices 3\n*Edges\n1 2 3.5\n2 1\n3 3\n"
    with pytest.warns(GraphInputWarning) as caught:
        assert read(text, "net.net").n_links == 1
    assert [str(warning.message).partition(": ")[2] for warning in caught] == [
        "weights are not kept",
        "1 self-loop is left out (line 5)",
        "1 repeated link is counted once (line 4)",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("*Vertices 2\n*Edges\n1 3\n", "line 3: expected a node from 1 to 2, got '3'"),
        ("*Vertices 2\n*Edges\n1\n", "line 3: expected 2 nodes, got 1"),
        ("*Vertices 99999999999\n*Edges\n1 2\n", "more than the file can hold"),
        ("*Vertices x\n*Edges\n1 2\n", "needs the number of nodes"),
        ("*Vertices 2\n*Vertices 2\n", "a second \\*Vertices"),
        ("*Vertices 2\n*Partition p\n1\n", "\\*Partition is not read"),
        ("*Vertices 2\n", "holds no links"),
        ("*Network x\n*Edges\n", "line 2: \\*Edges stands above \\*Vertices"),
    ],
)
def test_malformed_pajek_is_refused(read, text, message):
    with pytest.raises(ValueError, match=rf"net\.net: .*{message}"):
        read(text, "net.net")


# ------------------------------------------------------------------- SIF, adjacency lists


@pytest.mark.parametrize("separator", [" ", "\t"])
def test_sif(read, separator):
    text = "a pp b\nb pp c d\nlonely\n".replace(" ", separator)
    graph = read(text, "net.sif")
    assert graph.names == ("a", "b", "c", "d", "lonely")
    assert links_of(graph) == [*PATH, ("b", "d")]
    with pytest.warns(GraphInputWarning, match="2 kinds of interaction"):
        assert read(text + "a pd c\n".replace(" ", separator), "net.sif").n_links == 4
    assert read("a pp x\nb pp x y\n", "net.sif", bipartite=True) == SIDED
    with pytest.raises(ValueError, match="line 1: expected a node, a kind"):
        read("a b\n", "net.sif")
    with pytest.raises(ValueError, match="holds no links"):
        read("a\n", "net.sif")


def test_adjacency_lists(tmp_path, read):
    networkx.write_adjlist(networkx.path_graph(["a", "b", "c"]), tmp_path / "out")
    assert links_of(read((tmp_path / "out").read_bytes(), "net.adjlist")) == PATH
    assert read("a b c\nd e f\n", "net.adjlist") == Graph.from_links(
        [0, 0, 3, 3], [1, 2, 4, 5], names=list("abcdef")
    )


def test_igraphs_type_is_the_side_where_none_is_given(read):
    keys = (
        '<key id="b" for="node" attr.name="bipartite" attr.type="int"/>'
        '<key id="t" for="node" attr.name="type" attr.type="boolean"/>'
    )
    nodes = (
        '<node id="a"><data key="b">0</data><data key="t">true</data></node>'
        '<node id="x"><data key="t">true</data></node>'
    )
    text = graphml(nodes + '<edge source="x" target="a"/>', keys)
    assert links_of(read(text, "net.graphml", bipartite=True)) == [("a", "x")]
    with pytest.raises(ValueError, match="node 'x' has None"):
        read(
            text.replace('<data key="t">true</data></node></graph', "</node></graph").replace(
                '<node id="x"><data key="t">true</data>', '<node id="x">'
            ),
            "net.graphml",
            bipartite=True,
        )
