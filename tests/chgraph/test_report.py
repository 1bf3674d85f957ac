"""The summary: every measure, reasons for what is missing, and all that can be done with it."""

import csv
import functools
import json
import math
import pickle
import sys

import networkx as nx
import numba
import numpy as np
import pytest
from hypothesis import given

from chgraph import BipartiteGraph, Graph, GraphInputWarning, as_bipartite, metrics
from chgraph.metrics import _bits_core, _overlap_core, registry, report
from chgraph.metrics._workspace import Workspace
from tests import zoo
from tests.chgraph.test_metrics import graphs
from tests.optional import needs_pandas

FLORENTINE = nx.florentine_families_graph()
LAYER = as_bipartite(np.random.default_rng(0).random((8, 11)) < 0.3)
ALL_IF_COMPILED = "fast" if numba.config.DISABLE_JIT else "all"
DEGENERATE = {
    "nothing": Graph.from_links([], []),
    "one node": nx.empty_graph(1),
    "no links": nx.empty_graph(4),
    "one link": nx.path_graph(2),
    "star": nx.star_graph(5),
    "clique": nx.complete_graph(4),
    "disconnected": nx.disjoint_union(nx.path_graph(3), nx.cycle_graph(4)),
    **zoo.GRAPHS,
}


@pytest.fixture(autouse=True)
def few_null_models_without_compilation(monkeypatch):
    """Plain Python takes a second for 200 null models."""
    if numba.config.DISABLE_JIT:
        few = functools.partial(metrics.rich_club_p, n_nulls=10)
        monkeypatch.setattr(registry, "rich_club_p", few)


def test_values_are_those_of_the_measures_alone():
    for graph in (FLORENTINE, LAYER):
        found = metrics.summary(graph, cost="all", rng=1)
        for name, value in found.items():
            measure = getattr(metrics, name)
            if not next(m for m in metrics.MEASURES if m.name == name).random:
                assert value == measure(graph), name
    assert found["modularity"] <= metrics.modularity(LAYER, n_starts=50, rng=0) + 1e-12


def test_shared_work_is_done_once(monkeypatch):
    calls = []
    for module, name in ((_bits_core, "hop_counts"), (_overlap_core, "overlap_sums")):
        kernel = getattr(module, name)

        def counted(*arguments, kernel=kernel, name=name):
            calls.append(name)
            return kernel(*arguments)

        monkeypatch.setattr(module, name, counted)
    metrics.summary(LAYER, rng=0)
    assert sorted(calls) == ["hop_counts", "overlap_sums", "overlap_sums"]  # of either side


def test_each_kind_of_graph_has_its_measures():
    one_kind, layer = metrics.summary(FLORENTINE, rng=0), metrics.summary(LAYER, rng=0)
    assert set(layer) - set(one_kind) == {
        "layer_density",
        "latapy_clustering",
        "robins_alexander_clustering",
        "nodf",
        "barber_modularity",
    }
    assert set(one_kind) <= set(layer)
    assert {m.name for m in metrics.MEASURES if m.cost == "fast"} == set(layer)
    everything = metrics.summary(LAYER, cost="all", rng=0)
    assert {m.name for m in metrics.MEASURES if m.suits(LAYER)} == set(everything)


def test_names_and_meanings_are_one_line_each():
    names = [measure.name for measure in metrics.MEASURES]
    assert len(set(names)) == len(names)
    for measure in metrics.MEASURES:
        assert hasattr(metrics, measure.name)
        assert 5 < len(measure.meaning) <= 75
        assert "\n" not in measure.meaning
        assert measure.cost in ("fast", "slow")
        assert measure.applies_to in ("any", "bipartite", "monopartite")


@pytest.mark.parametrize("name", DEGENERATE)
def test_degenerate_graphs_have_values_or_reasons(name):
    found = metrics.summary(DEGENERATE[name], cost=ALL_IF_COMPILED, rng=0)
    for measure, value in found.items():
        assert math.isnan(value) == (measure in found.reasons)
        assert not math.isinf(value)
    assert all(len(reason) > 10 for reason in found.reasons.values())
    for reason in found.reasons.values():
        assert reason in repr(found)


@given(graphs(), zoo.biadjacencies())
def test_random_graphs_have_values_in_range(graph, matrix):
    for found in (metrics.summary(graph, rng=0), metrics.summary(as_bipartite(matrix), rng=0)):
        for name in ("density", "clustering", "global_efficiency", "local_efficiency"):
            assert 0 <= found[name] <= 1 or name in found.reasons
        for name in ("assortativity", "lcp_corr", "modularity"):
            assert -1 <= found[name] <= 1 or name in found.reasons


@pytest.mark.skipif(numba.config.DISABLE_JIT, reason="slow without compilation")
def test_small_world_measures_share_their_null_models(monkeypatch):
    made = []

    def counted(graph, *, rng):
        made.append(metrics.small_world(graph, rng=rng))
        return made[-1]

    monkeypatch.setattr(registry, "small_world", counted)
    found = metrics.summary(FLORENTINE, cost="all", rng=1)
    assert len(made) == 1
    for part in ("omega", "sigma", "omega_efficiency", "sigma_efficiency"):
        assert found.estimates[f"small_world_{part}"] == getattr(made[0], part)


def test_seeds_decide_and_measures_have_streams_of_their_own():
    one, two = (metrics.summary(LAYER, cost="all", rng=5).to_dict() for _ in range(2))
    assert one == two
    fast = metrics.summary(LAYER, rng=5)
    assert fast.to_dict() == {name: value for name, value in one.items() if name in fast}
    assert metrics.summary(LAYER, cost="all", rng=6)["powerlaw_p"] != one["powerlaw_p"]
    generator = np.random.default_rng(5)
    assert metrics.summary(LAYER, cost="all", rng=generator).to_dict() == one


# ------------------------------------------------------------------------------ the object


def test_it_is_a_mapping():
    found = metrics.summary(FLORENTINE, rng=0)
    assert (found["n_nodes"], found["n_links"], len(found)) == (15, 20, len(list(found)))
    assert dict(found) == dict(found.items())
    assert "nodf" not in found
    with pytest.raises(KeyError, match="nodf"):
        found["nodf"]


def test_it_prints_as_a_table():
    found = metrics.summary(FLORENTINE, cost="all", rng=0)
    lines = repr(found).splitlines()
    assert lines[0] == repr(found.graph)
    assert lines[1].split() == ["measure", "value", "meaning"]
    assert len(lines) == 2 + len(found)
    for line, (name, meaning) in zip(lines[2:], found.meanings.items(), strict=True):
        assert line.startswith(name)
        assert meaning in line
    assert f"± {found.errors['powerlaw_p']:.2g}" in repr(found)
    empty = metrics.summary(nx.empty_graph(3), rng=0)
    line = next(line for line in repr(empty).splitlines() if line.startswith("assortativity"))
    assert " -  " in line
    assert line.endswith("(none: the graph has no links)")


def test_dictionaries_are_ready_for_json():
    found = metrics.summary(nx.star_graph(3), cost="all", rng=0)
    document = json.loads(json.dumps(found.document(), allow_nan=False))
    assert document["measures"] == found.to_dict()
    assert document["network"] == "Graph(4 nodes, 3 links, density 0.5)"
    assert document["cost"] == "all"
    assert document["error"] == found.errors
    assert "structural_consistency" in document["error"]
    empty = metrics.summary(nx.empty_graph(2), rng=0)
    assert empty.to_dict()["modularity"] is None
    assert empty.document()["undefined"]["modularity"] == "the graph has no links"
    json.dumps(empty.document(), allow_nan=False)


def test_it_saves(tmp_path):
    found = metrics.summary(nx.path_graph(4), cost="all", rng=0)
    written = json.loads(found.to_json(tmp_path / "new" / "path.json").read_text())
    assert written == json.loads(json.dumps(found.document()))
    with found.to_csv(tmp_path / "path.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["measure"] for row in rows] == list(found)
    np.testing.assert_equal([float(row["value"]) for row in rows], list(found.values()))


@needs_pandas
def test_it_becomes_a_frame(monkeypatch):
    found = metrics.summary(nx.empty_graph(2), cost="all", rng=0)
    frame = found.to_frame()
    assert list(frame.columns) == ["measure", "value", "error", "meaning", "reason"]
    assert frame.measure.tolist() == list(found)
    assert frame.set_index("measure").reason["modularity"] == "the graph has no links"
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"chgraph\[frames\]"):
        found.to_frame()


def test_values_survive_pickling():
    undefined = pickle.loads(pickle.dumps(metrics.Undefined("why")))
    assert math.isnan(undefined)
    assert undefined.reason == "why"
    summary = metrics.summary(nx.empty_graph(2), cost="all", rng=0)
    again = pickle.loads(pickle.dumps(summary))
    assert (again.document(), repr(again)) == (summary.document(), repr(summary))


# ------------------------------------------------------------------------- adding measures


def test_measures_can_be_added(monkeypatch):
    def half(graph, *, rng):
        assert isinstance(graph, Graph | BipartiteGraph)
        assert isinstance(rng, np.random.Generator)
        return metrics.Estimate(0.5, spread=0.5, n_draws=4)

    def refused(work):
        assert isinstance(work, Workspace)
        raise ValueError("more than I can bear")

    added = (
        *metrics.MEASURES,
        registry.Measure("half", "one half, as a rule", half, random=True, shares=False),
        registry.Measure("refused", "what nobody knows", refused, applies_to="monopartite"),
        registry.Measure("slow", "takes its time", lambda work: 1.0, cost="slow"),
    )
    monkeypatch.setattr(report, "MEASURES", added)
    found = metrics.summary(FLORENTINE, rng=0)
    assert (found["half"], found.reasons["refused"]) == (0.5, "more than I can bear")
    assert found.errors["half"] == 0.25
    assert "slow" not in found
    assert "refused" not in metrics.summary(LAYER, rng=0)
    assert metrics.summary(LAYER, cost="all", rng=0)["slow"] == 1.0
    assert "one half, as a rule" in repr(found)


def test_values_without_a_reason_say_so(monkeypatch):
    odd = registry.Measure("odd", "not a number at all", lambda work: math.nan)
    monkeypatch.setattr(report, "MEASURES", (odd,))
    assert metrics.summary(FLORENTINE, rng=0).reasons == {"odd": "not a number"}


# ------------------------------------------------------------------------------- arguments


def test_square_layers_say_that_they_are():
    matrix = np.triu(np.ones((4, 4)), 1)
    with pytest.raises(ValueError, match="symmetric"):
        metrics.summary(matrix)
    assert metrics.summary(matrix, bipartite=True, rng=0)["n_nodes"] == 8


def test_progress_is_shown_when_asked_for(capsys):
    metrics.summary(FLORENTINE, rng=0, progress=True)
    assert "powerlaw_gamma: 100%" in capsys.readouterr().err
    metrics.summary(FLORENTINE, rng=0)
    metrics.summary(FLORENTINE, rng=0, progress=False)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"cost": "cheap"}, ValueError, "cost must be one of 'fast', 'all'; got 'cheap'"),
        ({"progress": "yes"}, TypeError, "progress must be True, False or None, got 'yes'"),
        ({"rng": "seed"}, TypeError, "rng must be"),
        ({"bipartite": 2}, TypeError, "bipartite must be"),
    ],
)
def test_bad_arguments_are_named(options, error, message):
    with pytest.raises(error, match=message):
        metrics.summary(FLORENTINE, **options)


def test_bad_networks_are_refused():
    with pytest.raises(TypeError, match="got str"):
        metrics.summary("karate")
    with pytest.raises(ValueError, match="directed"):
        metrics.summary(nx.DiGraph([(0, 1)]))
    with pytest.warns(GraphInputWarning, match="self-loops"):
        metrics.summary([[1, 1], [1, 0]], rng=0)
