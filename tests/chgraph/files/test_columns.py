"""Which columns hold the links, by their names or by number, and what a header is."""

import pytest

from chgraph import GraphInputWarning
from chgraph.cli import main
from chgraph.files import read_network
from tests.chgraph.files.conftest import links_of

PATH = [("a", "b"), ("b", "c")]


def test_one_missing_weight_makes_no_link_of_the_header(read):
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):
        assert links_of(read("gene,partner,score\na,b,0.5\nb,c,NA\n")) == PATH
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):
        assert links_of(read("x,y,score\na,b,0.5\na,d,7\nb,c,NA\n"))[0] == ("a", "b")
    with pytest.warns(GraphInputWarning, match="2 of 3 columns"):  # its names are nodes
        assert read("a,b,score\nb,e,0.5\na,d,7\nb,c,NA\n").n_links == 4


@pytest.mark.parametrize(
    "header",
    [
        *("FromNodeId,ToNodeId", "user,item", "drug,target", "predator,prey", "USER_ID,item_id"),
        *("Gene1,Gene2", "src,dest", "disease,gene", "from_node_id,to_node_id", "host,parasite"),
    ],
)
def test_common_headers_above_text_are_headers(read, header):
    assert links_of(read(f"{header}\na,b\nb,c\n")) == PATH


def test_a_first_line_that_may_be_a_header_is_told(read):
    text = "orchid,visitor\nrose,bee\nrose,fly\nlily,bee\n"
    with pytest.warns(GraphInputWarning, match=r"line 1 \('orchid', 'visitor'\) is read as a link"):
        assert read(text).n_links == 4
    assert read(text, header=False).n_links == 4
    assert read(text, header=True).n_links == 3


@pytest.mark.parametrize("text", ["a1,b7\nc,d\ne,f\ng,h\n", "ab,cd\ncd,e\ne,f\nf,g\n"])
def test_other_first_lines_are_not(read, text):
    assert read(text).n_links == 4


@pytest.mark.parametrize(
    "text",
    [
        "id,source,target\n7,a,b\n8,b,c\n",
        ",source,target\n0,a,b\n1,b,c\n",
        "weight,from,to\n1,a,b\n2,b,c\n",
        "#weight,from,to\n1,a,b\n2,b,c\n",
        "source,kind,target\na,x,b\nb,x,c\n",
    ],
)
@pytest.mark.filterwarnings("ignore:.*are read. no weights")
def test_a_usual_pair_further_right_chooses_its_columns(read, text):
    assert links_of(read(text)) == PATH


def test_an_index_column_without_a_name_is_not_an_end(read):
    with pytest.warns(GraphInputWarning, match="columns 2 and 3 of 3"):
        assert links_of(read(",x,y\n0,a,b\n1,b,c\n")) == PATH


@pytest.mark.filterwarnings("ignore:.*are read. no weights")
def test_columns_by_name_and_by_number(read):
    text = "day,who,whom,n\nMo,a,b,1\nTu,b,c,1\n"
    assert links_of(read(text, source="who", target="whom")) == PATH
    assert links_of(read(text, source=2, target="whom")) == PATH
    assert links_of(read(text, source=2, target=3, header=True)) == PATH
    assert read(text, source=3, target=2, bipartite=True, header=True).left_names == ("b", "c")
    above = "# day,who,whom,n\nMo,a,b,1\nTu,b,c,1\n"
    assert links_of(read(above, source="who", target="whom")) == PATH


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"source": "who"}, ValueError, "source and target go together"),
        (
            {"source": "x", "target": "b"},
            ValueError,
            "source='x' is not a column; line 1 has 'a', 'b'",
        ),
        ({"source": 0, "target": 1}, ValueError, "source must be a column from 1 to 2, got 0"),
        ({"source": 1, "target": 3}, ValueError, "target must be a column from 1 to 2, got 3"),
        ({"source": 2, "target": 2}, ValueError, "source and target are both column 2"),
        ({"source": 1.0, "target": 2}, TypeError, "source must be the name of a column"),
        ({"source": True, "target": 2}, TypeError, "source must be the name of a column"),
        ({"source": "a", "target": 2, "header": False}, ValueError, "header=False has no names"),
        ({"ignore_directions": 1}, TypeError, "ignore_directions must be True or False"),
    ],
)
def test_columns_that_are_not_there(read, options, error, message):
    with pytest.raises(error, match=message):
        read("a,b\nb,c\n", **options)


def test_only_edge_lists_have_columns(read):
    with pytest.raises(ValueError, match=r"net\.gml: source and target choose columns"):
        read("graph [ ]", "net.gml", source=1, target=2)


def test_an_empty_end_is_told_with_its_column(read):
    with pytest.raises(ValueError, match="line 2: field 3 is empty"):
        read("x,a,b\nx,b,\n", source=2, target=3)


def test_the_command_takes_columns_and_directions(tmp_path, capsys):
    path = tmp_path / "net.csv"
    path.write_text("day,who,whom\nMo,a,b\nTu,b,c\nWe,c,d\n")
    main(["predict", str(path), "--source", "who", "--target", "3"])
    assert "a       d      1" in capsys.readouterr().out
    path.write_text("% asym\na b\nb c\nc d\n")
    main(["predict", str(path), "--ignore-directions"])
    assert "a       d      1" in capsys.readouterr().out
    assert read_network(path, ignore_directions=True).n_links == 3


@pytest.mark.filterwarnings("ignore:.*are read. no weights")
def test_sif_under_another_name(read):
    assert links_of(read("a pp b\nb pd c\n", "net.txt")) == PATH
