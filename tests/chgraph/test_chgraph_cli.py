"""The command line in-process: tables, files, pictures, and one line for everything wrong."""

import csv
import json
import subprocess
import sys

import networkx
import numba
import numpy as np
import pytest

from chgraph import BipartiteGraph, plotting
from chgraph.cli import main
from chgraph.files import read_network
from chgraph.linkpred.evaluation import evaluate
from chgraph.linkpred.predict import predict_links
from chgraph.metrics import summary
from tests.optional import needs_matplotlib

PNG = b"\x89PNG\r\n"


@pytest.fixture
def karate(tmp_path):
    """The karate club with names, as an edge list."""
    path = tmp_path / "karate.csv"
    links = networkx.karate_club_graph().edges()
    path.write_text("source,target\n" + "".join(f"m{u},m{v}\n" for u, v in links))
    return path


@pytest.fixture
def plants(tmp_path):
    """A bipartite edge list whose sides share the numbers of their nodes."""
    rng = np.random.default_rng(3)
    links = np.argwhere(rng.random((9, 12)) < 0.4)
    path = tmp_path / "plants.txt"
    path.write_text("\n".join(f"{u} {v}" for u, v in links.tolist()))
    return path


def fails(arguments, capsys):
    """Run, expect exit status 2 and one line on stderr, and return the line."""
    with pytest.raises(SystemExit) as stop:
        main([str(argument) for argument in arguments])
    out, error = capsys.readouterr()
    assert stop.value.code == 2
    assert out == ""
    assert error.count("\n") == 1
    assert error.startswith("chgraph: ")
    return error


# ---------------------------------------------------------------------------- predict


def test_predict_prints_the_table_of_the_library(karate, capsys):
    main(["predict", str(karate), "--k", "5", "--method", "CH2-L2"])
    expected = str(predict_links(read_network(karate), 5, method="CH2-L2"))
    assert capsys.readouterr().out == expected + "\n"


def test_predict_writes_csv_and_json_with_names(karate, tmp_path, capsys):
    expected = [(u, v, score) for u, v, score in predict_links(read_network(karate), 100)]
    for name in ("links.csv", "links.json"):
        (tmp_path / name).write_text("an older result")
        main(["predict", str(karate), "--out", str(tmp_path / name)])
        assert f"written: {tmp_path / name}" in capsys.readouterr().out
    with (tmp_path / "links.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [(r["source"], r["target"], float(r["score"])) for r in rows] == expected
    links = json.loads((tmp_path / "links.json").read_text())["links"]
    assert [(r["source"], r["target"], r["score"]) for r in links] == expected
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "karate.csv",
        "links.csv",
        "links.json",
    ]


def test_predicted_links_can_be_read_as_a_network(karate, tmp_path):
    main(["predict", str(karate), "--k", "7", "--out", str(tmp_path / "links.csv")])
    with pytest.warns(UserWarning, match="2 of 3 columns"):
        assert read_network(tmp_path / "links.csv").n_links == 7


def test_predict_json_is_one_document(karate, capsys):
    main(["predict", str(karate), "--k", "3", "--json"])
    document = json.loads(capsys.readouterr().out)
    assert document["method"] == "CH3-L3"
    assert len(document["links"]) == 3


def test_k_all_is_every_pair_with_a_score(karate, capsys):
    main(["predict", str(karate), "--k", "all", "--json"])
    links = json.loads(capsys.readouterr().out)["links"]
    assert len(links) == len(predict_links(read_network(karate)))


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--local-community", "on-path"], {"local_community": "on-path"}),
        (["--tie-break", "SPcorr"], {"tie_break": "SPcorr"}),
        (["--threads", "1"], {"n_threads": 1}),
    ],
)
def test_options_reach_the_library(karate, capsys, options, expected):
    main(["predict", str(karate), "--k", "20", "--json", *options])
    document = json.loads(capsys.readouterr().out)
    assert document == predict_links(read_network(karate), 20, **expected).to_dict()


def test_predict_on_two_sides(plants, capsys):
    main(["predict", str(plants), "--bipartite", "--k", "4", "--json"])
    links = json.loads(capsys.readouterr().out)["links"]
    graph = read_network(plants, bipartite=True)
    assert isinstance(graph, BipartiteGraph)
    expected = [(u, v, score) for u, v, score in predict_links(graph, 4)]
    assert [(link["source"], link["target"], link["score"]) for link in links] == expected


def test_the_header_can_be_told(tmp_path, capsys):
    path = tmp_path / "net.csv"
    path.write_text("ego,alter\na,b\nb,c\nc,d\n")
    main(["predict", str(path), "--header", "yes", "--json"])
    assert json.loads(capsys.readouterr().out)["links"] == [
        {"source": "a", "target": "d", "score": 1.0}
    ]


def test_what_is_left_out_is_warned_of_on_a_line_each(tmp_path, capsys):
    path = tmp_path / "net.txt"
    path.write_text("1 2 0.5\n2 3 1\n3 4 1\n4 4 1\n2 1 1\n")
    main(["predict", str(path)])
    out, error = capsys.readouterr()
    assert out.startswith("1 link predicted")
    assert error.splitlines() == [
        f"chgraph: warning: {path}: only the first 2 of 3 columns are read: no weights",
        f"chgraph: warning: {path}: 1 self-loop is left out (line 4)",
        f"chgraph: warning: {path}: 1 repeated link is counted once (line 5)",
    ]


@needs_matplotlib
@pytest.mark.parametrize("name", ["picture.png", "picture.SVG", "picture.pdf"])
def test_predict_draws_small_networks(karate, tmp_path, name):
    main(["predict", str(karate), "--k", "8", "--plot", str(tmp_path / name)])
    start = (tmp_path / name).read_bytes()[:6]
    assert start == {"g": PNG, "G": b"<?xml ", "f": b"%PDF-1"}[name[-1]]


@needs_matplotlib
def test_predict_draws_both_sides_and_large_networks(plants, tmp_path):
    picture = tmp_path / "plants.png"
    main(["predict", str(plants), "--bipartite", "--plot", str(picture)])
    assert picture.read_bytes().startswith(PNG)
    large = tmp_path / "large.txt"
    networkx.write_edgelist(networkx.gnm_random_graph(300, 900, seed=1), large)
    for sides in ([], ["--bipartite"]):
        main(["predict", str(large), *sides, "--plot", str(picture)])
        assert picture.read_bytes().startswith(PNG)


@needs_matplotlib
def test_names_that_look_like_mathematics_are_drawn(tmp_path, capsys):
    path, picture = tmp_path / "odd.csv", tmp_path / "odd.png"
    path.write_text("source,target\n$\\frac$,b\nb,c\nc,$x_1$\n")
    main(["predict", str(path), "--plot", str(picture)])
    assert "$\\frac$   $x_1$" in capsys.readouterr().out
    assert picture.read_bytes().startswith(PNG)


@needs_matplotlib
@pytest.mark.parametrize("as_json", [False, True])
def test_a_picture_that_fails_costs_no_result(karate, tmp_path, capsys, monkeypatch, as_json):
    def fails_to_draw(*_, **__):
        raise ValueError("no room to draw")

    monkeypatch.setattr(plotting, "predicted_links", fails_to_draw)
    out = tmp_path / "links.csv"
    options = ["--out", str(out), "--plot", str(tmp_path / "no.png"), *["--json"] * as_json]
    with pytest.raises(SystemExit) as stop:
        main(["predict", str(karate), "--k", "5", *options])
    printed, error = capsys.readouterr()
    assert (stop.value.code, error) == (2, "chgraph: no room to draw\n")
    assert len(json.loads(printed)["links"]) == 5 if as_json else "5 links predicted" in printed
    assert out.read_text().count("\n") == 6


# --------------------------------------------------------------------------- evaluate


@needs_matplotlib
def test_evaluate_gives_the_numbers_of_the_library(karate, tmp_path, capsys):
    out, picture = tmp_path / "results.json", tmp_path / "bars.png"
    small = ["--methods", "CH3-L3", "RA-L2", "--repeats", "2", "--seed", "5", "--connected"]
    main(["evaluate", str(karate), *small, "--json", "--out", str(out), "--plot", str(picture)])
    printed, written = json.loads(capsys.readouterr().out), json.loads(out.read_text())
    expected = evaluate(
        read_network(karate), methods=("CH3-L3", "RA-L2"), repeats=2, rng=5, connected=True
    ).to_dict()
    for document in (printed, written, expected):
        for row in [*document["rows"], *document["summary"].values()]:
            row.pop("seconds")
    assert printed == written == expected
    assert picture.read_bytes().startswith(PNG)


def test_evaluate_prints_a_table_and_writes_csv(plants, tmp_path, capsys):
    out = tmp_path / "new" / "results.csv"
    options = ["--bipartite", "--methods", "CH2-L3", "--repeats", "2", "--removed", "0.2"]
    main(["evaluate", str(plants), *options, "--out", str(out)])
    printed = capsys.readouterr().out
    assert "CH2-L3" in printed
    assert "AUC-PR" in printed
    with out.open(newline="") as file:
        assert [row["repeat"] for row in csv.DictReader(file)] == ["0", "1"]


# ---------------------------------------------------------------------------- metrics


def test_metrics_prints_the_table_of_the_library(karate, capsys):
    main(["metrics", str(karate)])
    assert capsys.readouterr().out.strip() == repr(summary(read_network(karate), rng=0))


@needs_matplotlib
def test_metrics_gives_the_numbers_of_the_library(plants, tmp_path, capsys):
    out, picture = tmp_path / "plants.json", tmp_path / "degrees.png"
    cost = "fast" if numba.config.DISABLE_JIT else "all"  # minutes of plain Python
    options = ["--bipartite", "--cost", cost, "--seed", "3", "--threads", "1"]
    main(["metrics", str(plants), *options, "--json", "--out", str(out), "--plot", str(picture)])
    printed, written = json.loads(capsys.readouterr().out), json.loads(out.read_text())
    expected = summary(read_network(plants, bipartite=True), cost=cost, rng=3).document()
    assert printed == written == json.loads(json.dumps(expected))
    assert ("powerlaw_p" in printed["measures"]) == (cost == "all")
    assert picture.read_bytes().startswith(PNG)


@needs_matplotlib
def test_metrics_writes_csv_and_draws_networks_of_one_kind(karate, tmp_path, capsys):
    out, picture = tmp_path / "table.csv", tmp_path / "degrees.svg"
    main(["metrics", str(karate), "--out", str(out), "--plot", str(picture)])
    assert capsys.readouterr().out.splitlines()[-2:] == [f"written: {out}", f"written: {picture}"]
    with out.open(newline="") as file:
        values = {row["measure"]: row["value"] for row in csv.DictReader(file)}
    assert (values["n_nodes"], values["n_links"]) == ("34", "78")
    assert picture.read_bytes().startswith(b"<?xml")


# ----------------------------------------------------------------------- what is wrong


@pytest.mark.parametrize("command", ["predict", "evaluate", "metrics"])
def test_bad_files_are_one_line_and_exit_2(command, tmp_path, capsys):
    assert "nowhere.csv: no such file" in fails([command, tmp_path / "nowhere.csv"], capsys)
    assert "is a folder" in fails([command, tmp_path], capsys)
    bad = tmp_path / "bad.csv"
    bad.write_text("a,b\n" * 16 + "c\n")
    assert "line 17: expected 2 fields or more, got 1" in fails([command, bad], capsys)
    bad.with_suffix(".mtx").write_text("no matrix")
    assert "bad.mtx: cannot be read" in fails([command, bad.with_suffix(".mtx")], capsys)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--method", "CH9-L3"], "CH9-L3"),
        (["--k", "-1"], "--k must be at least 1, or all; got -1"),
        (["--k", "0"], "--k must be at least 1, or all; got 0"),
        (["--k", "ten"], "--k: no type matching INT|{all} could be instantiated from ['ten'].\n"),
        (["--kay", "10"], "--kay"),
        (["--local-community", "near"], "local_community"),
        (["--tie-break", "luck"], "tie_break"),
        (["--threads", "0"], "n_threads"),
        (["--header", "maybe"], "maybe"),
        (["--out", "links.xlsx"], "--out must end in .csv or .json, got 'links.xlsx'"),
        (["--plot", "picture"], "--plot must end in .png or .pdf or .svg, got 'picture'"),
        (["--bipartite", "--method", "CH3-L2"], "L2"),
    ],
)
def test_bad_options_of_predict(karate, capsys, arguments, named):
    assert named in fails(["predict", karate, *arguments], capsys)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--methods", "CH3-L3", "magic"], "magic"),
        (["--methods", "CH3-L3", "CH3-L3"], "twice"),
        (["--removed", "1.5"], "removed"),
        (["--removed", "0.9", "--connected"], "connected"),
        (["--repeats", "0"], "repeats"),
        (["--seed", "-1"], "seed"),
        (["--out", "table.txt"], "--out"),
    ],
)
def test_bad_options_of_evaluate(karate, capsys, arguments, named):
    assert named in fails(["evaluate", karate, *arguments], capsys)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--cost", "cheap"], "cheap"),
        (["--seed", "-1"], "seed"),
        (["--threads", "0"], "n_threads"),
        (["--plot", "degrees.gif"], "--plot"),
        (["--method", "CH3-L3"], "--method"),
    ],
)
def test_bad_options_of_metrics(karate, capsys, arguments, named):
    assert named in fails(["metrics", karate, *arguments], capsys)


@pytest.mark.parametrize("arguments", [[], ["predit"], ["predict"], ["evaluate"], ["metrics"]])
def test_missing_and_unknown_commands(arguments, capsys):
    error = fails(arguments, capsys)
    assert "predict" in error or "FILE" in error


def test_the_input_is_never_replaced(karate, tmp_path, capsys):
    before = karate.read_bytes()
    (tmp_path / "alias.csv").symlink_to(karate)
    for out in (karate, tmp_path / "alias.csv"):
        assert "names FILE itself" in fails(["predict", karate, "--out", out], capsys)
    assert karate.read_bytes() == before


def test_an_older_result_stays_where_the_command_fails(karate, tmp_path, capsys):
    out = tmp_path / "links.csv"
    out.write_text("an older result")
    fails(["predict", karate, "--method", "magic", "--out", out], capsys)
    assert out.read_text() == "an older result"
    taken = tmp_path / "taken.csv"
    taken.mkdir()
    assert "taken.csv" in fails(["predict", karate, "--out", taken], capsys)
    assert list(taken.iterdir()) == []


# -------------------------------------------------------------------------------- help


@pytest.mark.parametrize("command", ["predict", "evaluate", "metrics"])
def test_help_has_an_example(command, capsys):
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    text = " ".join(capsys.readouterr().out.split())
    assert stop.value.code == 0
    assert f"Example: chgraph {command} yeast.csv" in text
    assert "FILE" in text


def test_it_runs_as_a_program_and_without_torch(karate):
    code = (
        "import sys; from chgraph.cli import main; "
        f"main(['predict', {str(karate)!r}, '--k', '1']); "
        "assert not {'torch', 'chsnn'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("1 link predicted by CH3-L3")
