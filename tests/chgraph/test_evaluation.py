"""Evaluation of methods on removed links: against the definitions, and the contract."""

import csv
import json
import sys

import networkx
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph import BipartiteGraph, Graph
from chgraph._progress import progress_bar
from chgraph.linkpred import _trials, evaluation
from chgraph.linkpred._chance import expected_by_chance
from chgraph.linkpred._pairs import ScoredPairs
from chgraph.linkpred.adaptive import adaptive_scores
from chgraph.linkpred.evaluation import evaluate
from chgraph.linkpred.measures import measure_all
from chgraph.plotting import evaluation_points
from tests import naive, zoo
from tests.optional import needs_matplotlib, needs_pandas

KARATE = Graph.from_links(*np.array(networkx.karate_club_graph().edges()).T)
COMPONENTS = networkx.disjoint_union(networkx.cycle_graph(7), networkx.wheel_graph(6))
LAYER = BipartiteGraph.from_biadjacency(np.random.default_rng(3).random((9, 12)) < 0.3)
METHODS = ("CH3-L3", "RA-L3")


def remove_links(graph, n_removed, connected, rng):
    return _trials.without_links(graph, _trials.drawn_links(graph, n_removed, connected, rng))


def without_seconds(result):
    return [{key: row[key] for key in row if key != "seconds"} for row in result.rows]


def candidate_pairs(graph):
    """All unlinked pairs in (source, target) order."""
    n_left, n_right = graph.shape
    linked = set(zip(*(ends.tolist() for ends in graph.links()), strict=True))
    if isinstance(graph, BipartiteGraph):
        pairs = [(u, v) for u in range(n_left) for v in range(n_right)]
    else:
        pairs = [(u, v) for u in range(n_left) for v in range(u + 1, n_left)]
    return [pair for pair in pairs if pair not in linked]


def naive_measures(scores, labels, k):
    return {
        "precision": naive.precision_at(scores, labels),
        "AUC-PR": naive.auc_pr(scores, labels),
        "AUC-ROC": naive.auc_roc(scores, labels),
        "AUC-mROC": naive.auc_mroc(scores, labels),
        f"AUP@{k}": naive.auc_prec(scores, labels, k),
        "NDCG": naive.ndcg(scores, labels),
        "MCC": naive.mcc(scores, labels),
    }


def links_of(graph):
    return set(zip(*(ends.tolist() for ends in graph.links()), strict=True))


@st.composite
def networks(draw):
    """Draw a graph of either kind from which 1 to all but one links can be removed."""
    matrix = draw(zoo.biadjacencies(max_nodes=8, min_nodes=3))
    if draw(st.booleans()):
        graph = BipartiteGraph.from_biadjacency(matrix)
    else:
        square = np.zeros((sum(matrix.shape),) * 2, dtype=bool)
        square[: matrix.shape[0], -matrix.shape[1] :] = matrix
        order = np.random.default_rng(0).permutation(len(square))
        graph = Graph.from_adjacency((square | square.T)[np.ix_(order, order)])
    return graph


@given(networks(), st.integers(0, 2**32 - 1), st.sampled_from([0, 2]))
def test_ranking_is_that_of_all_pairs_listed(graph, seed, zeros):
    """Scores with ties, zeros among positives and negatives, chunks in any order."""
    if graph.n_links < 2 or not candidate_pairs(graph):
        return
    rng = np.random.default_rng(seed)
    trial = remove_links(graph, int(rng.integers(1, graph.n_links)), False, rng)
    pairs = candidate_pairs(trial.graph)
    scores = np.maximum(rng.integers(1 - zeros, 4, len(pairs)), 0.0) / 3
    scored = rng.permutation(np.flatnonzero(scores))
    source, target = np.array(pairs).T

    def chunks(*_, **__):
        for part in np.array_split(scored, 3):
            yield ScoredPairs(source[part], target[part], scores[part])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_trials, "_scored_chunks", chunks)
        ranking, _ = _trials.rank_unlinked(trial, "any")
    hidden = links_of(graph)
    expected = naive_measures(scores, [pair in hidden for pair in pairs], 6)
    assert measure_all(ranking, 6) == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("graph", [KARATE, LAYER], ids=["karate", "layer"])
@pytest.mark.parametrize("method", ["CH3-L3", "RA-L3"])
def test_measures_of_real_scores(graph, method):
    row = evaluate(graph, methods=[method], repeats=1, rng=4, k=10, removed=0.2).rows[0]
    n_removed = round(0.2 * graph.n_links)
    trial = remove_links(graph, n_removed, False, np.random.default_rng(4))
    if isinstance(graph, BipartiteGraph):
        neighbors, shift = naive.bipartite_neighbors(trial.graph.biadjacency().toarray()), 9
    else:
        matrix, shift = trial.graph.adjacency().toarray(), 0
        neighbors = [set(np.flatnonzero(line).tolist()) for line in matrix]
    pairs, hidden = candidate_pairs(trial.graph), links_of(graph)
    rule = method.partition("-")[0]
    scores = [
        naive.round_significant(naive.ch_score(neighbors, u, v + shift, rule, 3)) for u, v in pairs
    ]
    expected = naive_measures(scores, [pair in hidden for pair in pairs], 10)
    assert min(scores) == 0.0
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-11, abs=1e-12)


@pytest.mark.parametrize("graph", [KARATE, LAYER], ids=["karate", "layer"])
def test_adaptive_ranks_serve_as_scores(graph):
    row = evaluate(graph, methods=["CHA"], repeats=1, rng=0, k=6).rows[0]
    n_removed = round(0.1 * graph.n_links)
    trial = remove_links(graph, n_removed, False, np.random.default_rng(0))
    result, hidden = adaptive_scores(trial.graph, "CHA"), links_of(graph)
    rank = dict(zip(zip(result.source, result.target, strict=True), result.rank, strict=True))
    pairs = candidate_pairs(trial.graph)
    expected = naive_measures([rank[p] for p in pairs], [p in hidden for p in pairs], 6)
    assert {name: row[name] for name in expected} == pytest.approx(expected, rel=1e-11, abs=1e-12)


# -------------------------------------------------------------------------- removal


@pytest.mark.parametrize("connected", [False, True])
@pytest.mark.parametrize("graph", [KARATE, LAYER], ids=["karate", "layer"])
def test_removed_links_are_distinct_and_the_rest_stays(graph, connected):
    trial = remove_links(graph, 6, connected, np.random.default_rng(0))
    lost = links_of(graph) - links_of(trial.graph)
    assert len(lost) == np.unique(trial.removed).size == 6
    assert links_of(trial.graph) < links_of(graph)
    assert trial.n_unlinked == len(candidate_pairs(trial.graph))
    assert trial.graph.shape == graph.shape


@pytest.mark.parametrize(
    "graph",
    [KARATE, LAYER, Graph.from_networkx(COMPONENTS)],
    ids=["karate", "layer", "two components"],
)
def test_connected_keeps_components_at_the_limit(graph):
    parts = networkx.number_connected_components(graph.to_networkx())
    available = _trials.n_outside_forest(graph)
    rests = []
    for seed in range(10):
        trial = remove_links(graph, available, True, np.random.default_rng(seed))
        rest = trial.graph.to_networkx()
        assert networkx.is_forest(rest)
        assert networkx.number_connected_components(rest) == parts
        rests.append(frozenset(links_of(trial.graph)))
    assert len(set(rests)) > 1  # the forest is drawn afresh


def test_connected_refuses_more_than_there_are():
    tree_and_one = networkx.path_graph(20)
    tree_and_one.add_edge(0, 19)
    with pytest.raises(ValueError, match="is 2 links, but connected=True leaves only 1 of the 20"):
        evaluate(tree_and_one, connected=True)
    result = evaluate(tree_and_one, connected=True, removed=0.05, repeats=1, methods=["RA-L3"])
    assert result.settings["removed"] == 1


def test_every_link_is_removed_equally_often():
    counts = np.zeros(KARATE.n_links)
    numbers = _trials._pair_numbers(KARATE, *KARATE.links())
    rng = np.random.default_rng(1)
    for _ in range(2000):
        counts += np.isin(numbers, remove_links(KARATE, 8, False, rng).removed)
    expected = 2000 * 8 / 78
    assert (np.abs(counts - expected) < 5 * np.sqrt(expected)).all()


def test_pair_numbers_count_all_pairs():
    empty = Graph.from_links([], [], 6), BipartiteGraph.from_links([], [], (3, 4))
    for graph, n_pairs in zip(empty, (15, 12), strict=True):
        numbers = _trials._pair_numbers(graph, *np.array(candidate_pairs(graph)).T)
        assert numbers.tolist() == list(range(n_pairs))
        assert graph.n_pairs == n_pairs


# ------------------------------------------------------------------------- contract


def test_same_seed_same_result_at_any_number_of_threads():
    runs = [evaluate(KARATE, methods=METHODS, repeats=3, rng=5, n_threads=n) for n in (None, 1, 2)]
    assert without_seconds(runs[0]) == without_seconds(runs[1]) == without_seconds(runs[2])
    other = evaluate(KARATE, methods=METHODS, repeats=3, rng=6)
    assert without_seconds(other) != without_seconds(runs[0])
    generator = evaluate(KARATE, methods=METHODS, repeats=3, rng=np.random.default_rng(5))
    assert without_seconds(generator) == without_seconds(runs[0])


def test_methods_share_the_removed_links():
    both = evaluate(KARATE, methods=METHODS, repeats=3, rng=5)
    alone = evaluate(KARATE, methods=METHODS[1:], repeats=3, rng=5)
    of_second = [row for row in without_seconds(both) if row["method"] == METHODS[1]]
    assert of_second == without_seconds(alone)


def test_result():
    result = evaluate(KARATE, methods=METHODS, repeats=4, rng=0, k=5, connected=True)
    assert result.methods == METHODS
    assert [(row["method"], row["repeat"]) for row in result.rows[:3]] == [
        ("CH3-L3", 0),
        ("RA-L3", 0),
        ("CH3-L3", 1),
    ]
    values = result.values("RA-L3", "AUC-PR")
    mean, sd = result.table()["RA-L3"]["AUC-PR"]
    assert (mean, sd) == pytest.approx((values.mean(), values.std(ddof=1)))
    assert result.settings == {
        "network": "Graph(34 nodes, 78 links, density 0.139)",
        "links": 78,
        "removed": 8,
        "repeats": 4,
        "connected": True,
        "local_community": "all",
        "k": 5,
        "random": expected_by_chance(8, 34 * 33 // 2 - 78 + 8, 5),
    }
    with pytest.raises(ValueError, match=r"measure must be one of 'precision', .*; got 'AUC'"):
        result.values("RA-L3", "AUC")


def test_table_for_people():
    result = evaluate(KARATE, methods=METHODS, repeats=4, rng=0, k=5, connected=True)
    title, header, *rows, foot = str(result).splitlines()
    assert title == (
        "8 of 78 links of Graph(34 nodes, 78 links, density 0.139) removed, "
        "components kept connected, 4 repeats"
    )
    assert header.split() == ["method", *result.measures, "seconds"]
    assert [row.split()[0] for row in rows] == list(METHODS)
    assert foot == "mean±standard deviation over 4 repeats; * best of the column"
    for column, measure in enumerate((*result.measures, "seconds"), start=1):
        means = [result.table()[method][measure].mean for method in METHODS]
        best = min(means) if measure == "seconds" else max(means)
        assert [row.split()[column].endswith("*") for row in rows] == [m == best for m in means]
    assert "±" not in str(evaluate(KARATE, methods=METHODS, repeats=1, rng=0))


def test_files(tmp_path):
    result = evaluate(KARATE, methods=METHODS, repeats=2, rng=0)
    with open(result.to_csv(tmp_path / "out" / "rows.csv"), newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["AUC-PR"]) for row in rows] == [row["AUC-PR"] for row in result.rows]
    document = json.loads(result.to_json(str(tmp_path / "out" / "all.json")).read_text())
    assert document["rows"] == list(result.rows)
    assert document["summary"]["RA-L3"]["NDCG"]["mean"] == result.table()["RA-L3"]["NDCG"].mean
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["all.json", "rows.csv"]
    once = evaluate(KARATE, methods=["RA-L3"], repeats=1, rng=0).to_dict()
    assert json.loads(json.dumps(once, allow_nan=False))["summary"]["RA-L3"]["MCC"]["sd"] is None


@needs_pandas
def test_frame(monkeypatch):
    result = evaluate(KARATE, methods=METHODS, repeats=2, rng=0)
    frame = result.to_frame()
    assert list(frame.columns) == ["method", "repeat", *result.measures, "seconds"]
    assert frame["AUC-PR"].tolist() == [row["AUC-PR"] for row in result.rows]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pip install "chgraph\[frames\]"'):
        result.to_frame()


def drawn(axes):
    """The points of each column, from left to right, and the heights of its mean."""
    points = [line for line in axes.lines if line.get_marker() == "o"]
    points.sort(key=lambda line: np.mean(line.get_xdata()))
    bars = [line for line in axes.lines if line.get_linewidth() == 2.0]
    bars.sort(key=lambda line: np.mean(line.get_xdata()))
    return [line.get_ydata().tolist() for line in points], [bar.get_ydata()[0] for bar in bars]


@needs_matplotlib
@pytest.mark.parametrize("repeats", [1, 3])
def test_plot(repeats):
    plt = pytest.importorskip("matplotlib.pyplot")
    result = evaluate(KARATE, methods=METHODS, repeats=repeats, rng=0)
    figure, axes = plt.subplots()
    assert evaluation_points(result, ax=axes) is axes
    points, means = drawn(axes)
    columns = [(m, name) for name in result.measures for m in METHODS]
    assert points == [result.values(*column).tolist() for column in columns]
    expected = [result.values(*column).mean() for column in columns] if repeats > 1 else []
    assert means == pytest.approx(expected)
    (random,) = axes.collections
    heights = [segment[0, 1] for segment in random.get_segments()]
    assert heights == [result.settings["random"][name] for name in result.measures]
    legend = [text.get_text() for text in axes.get_legend().get_texts()]
    assert legend == [*METHODS, "random ranking"]
    plt.close(figure)


@needs_matplotlib
def test_plot_of_one_measure():
    plt = pytest.importorskip("matplotlib.pyplot")
    result = evaluate(KARATE, methods=METHODS, repeats=3, rng=0)
    alone = evaluation_points(result, measures=["NDCG"])
    assert drawn(alone)[0] == [result.values(method, "NDCG").tolist() for method in METHODS]
    assert [text.get_text() for text in alone.get_xticklabels()] == list(METHODS)
    assert alone.get_ylabel() == "NDCG"
    segment = alone.collections[0].get_segments()[0].tolist()
    level = result.settings["random"]["NDCG"]
    assert segment == [[-0.5, level], [1.5, level]]
    plt.close(alone.figure)
    seconds = evaluation_points(result, measures=["seconds"])
    assert not seconds.collections
    plt.close(seconds.figure)
    with pytest.raises(ValueError, match="measures must be one of"):
        evaluation_points(result, measures=["AUC"])


def test_progress_bar(capsys):
    evaluate(KARATE, methods=METHODS, repeats=2, rng=0, progress=True)
    shown = capsys.readouterr().err
    assert "RA-L3, repeat 2 of 2: 100%" in shown
    evaluate(KARATE, methods=METHODS, repeats=2, rng=0)
    evaluate(KARATE, methods=METHODS, repeats=2, rng=0, progress=False)
    assert capsys.readouterr().err == ""


def test_progress_of_a_task_never_passes_its_end():
    with progress_bar(2, True) as bar:
        told = evaluation._within_task(bar, 0)
        for fraction in (0.5, 0.4, 0.3, 0.2):
            told(fraction)
        assert bar.n == 1.0


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"methods": "CH3-L3"}, TypeError, "methods must be a sequence of names"),
        ({"methods": 3}, TypeError, "methods must be a sequence of names"),
        ({"methods": ()}, ValueError, "methods must hold at least one name"),
        ({"methods": ("RA-L3", "RA-L3")}, ValueError, "none twice"),
        ({"methods": ("XY",)}, ValueError, "method must be one of 'RA-L2'.*got 'XY'"),
        ({"removed": 0}, ValueError, "0 of 78 links is 0"),
        ({"removed": 0.999}, ValueError, "of 78 links is 78"),
        ({"removed": 1.0}, ValueError, r"removed must be in \[0, 1\) .*got 1.0"),
        ({"removed": "0.1"}, TypeError, "removed must be a number, got '0.1'"),
        ({"repeats": 0}, ValueError, "repeats must be at least 1, got 0"),
        ({"rng": "seed"}, TypeError, "rng must be None, a non-negative integer seed"),
        ({"connected": 1}, TypeError, "connected must be True or False, got 1"),
        ({"k": 0}, ValueError, "k must be at least 1, got 0"),
        ({"local_community": "any"}, ValueError, "local_community must be one of 'all', 'on-path'"),
        ({"n_threads": 0}, ValueError, "n_threads must be at least 1, got 0"),
        ({"progress": "yes"}, TypeError, "progress must be True, False or None, got 'yes'"),
        ({"bipartite": True}, ValueError, "bipartite=True contradicts the Graph given"),
    ],
)
def test_refused_before_any_work(monkeypatch, options, error, message):
    monkeypatch.setattr(evaluation, "drawn_links", None)
    with pytest.raises(error, match=message):
        evaluate(KARATE, **options)


def test_refused_networks():
    with pytest.raises(ValueError, match=r"method 'CH3-L2'.*use L3"):
        evaluate(LAYER, methods=["CH3-L2"])
    with pytest.raises(ValueError, match="complete network has no negatives"):
        evaluate(networkx.complete_graph(8))
    with pytest.raises(ValueError, match=r"0\.1 of 0 links is 0"):
        evaluate(Graph.from_links([], [], 5))
    with pytest.raises(TypeError, match="expected a Graph"):
        evaluate("karate")
