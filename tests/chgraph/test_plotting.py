"""Pictures: what is drawn is what the graph says."""

import itertools

import networkx as nx
import numpy as np
import pytest

from chgraph import Graph, as_bipartite, as_graph, metrics, plotting, predict_links
from chgraph.linkpred.prediction import LinkPrediction
from chgraph.plotting._names import written
from tests import naive
from tests.chgraph.test_metrics import neighbor_sets

plt = pytest.importorskip("matplotlib.pyplot", reason="the extra viz is not installed")
Axes = pytest.importorskip("matplotlib.axes").Axes
to_hex = pytest.importorskip("matplotlib.colors").to_hex
KARATE = nx.Graph(nx.karate_club_graph().edges)
FLORENTINE = nx.florentine_families_graph()
SORTED = np.kron(np.eye(2, dtype=int), np.ones((2, 3), dtype=int))
BLOCKS = SORTED[[0, 2, 1, 3]][:, [0, 3, 4, 1, 5, 2]]


@pytest.fixture
def ax():
    figure, axes = plt.subplots()
    yield axes
    plt.close(figure)


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def lines(axes):
    return {line.get_label(): line for line in axes.lines}


@pytest.mark.parametrize(
    "draw",
    [
        lambda **to: plotting.degree_distribution(FLORENTINE, **to),
        lambda **to: plotting.biadjacency(as_bipartite(BLOCKS), order="community", **to),
        lambda **to: plotting.layered_network([np.ones((2, 3))], **to),
        lambda **to: plotting.metric_evolution([{"a": 1}, {"a": 2}], ["a"], **to),
        lambda **to: plotting.link_example(nx.path_graph(4), 0, 3, **to),
    ],
)
def test_axes_in_axes_out(draw, ax):
    assert draw(ax=ax) is ax
    alone = draw()
    assert isinstance(alone, Axes)
    assert alone is not ax
    alone.figure.canvas.draw()
    plt.close(alone.figure)


# -------------------------------------------------------------------------------- degrees


def test_degrees_are_shares_of_nodes_with_at_least_as_many(ax):
    plotting.degree_distribution(FLORENTINE, ax=ax)
    degree = np.array([d for _, d in FLORENTINE.degree])
    k, share = lines(ax)["nodes"].get_data()
    assert k.tolist() == np.unique(degree).tolist()
    np.testing.assert_allclose(share, [(degree >= x).mean() for x in k])
    assert (ax.get_xscale(), ax.get_yscale()) == ("log", "log")


def test_the_fitted_law_begins_at_its_xmin(ax):
    plotting.degree_distribution(FLORENTINE, ax=ax)
    fit = metrics.powerlaw_fit(FLORENTINE)
    p = metrics.powerlaw_p(FLORENTINE, n_samples=250, rng=0).value
    law = rf"power law, $\gamma$ = {fit.gamma:.2f} from k = {fit.xmin} on"
    assert labels(ax)[1] == f"{law}\np = {p:.2f}"
    assert (p >= 0.1, ax.lines[1].get_linestyle()) == (True, "-")
    k, share = ax.lines[1].get_data()
    assert (k[0], share[0]) == (fit.xmin, pytest.approx(fit.n_tail / 15))
    assert (np.diff(share) < 0).all()


def test_a_rejected_law_is_dashed(ax):
    """Degrees of a random graph are no power law from their smallest on."""
    random = nx.watts_strogatz_graph(1000, 10, 0.3, seed=0)
    assert metrics.powerlaw_p(random, n_samples=50, rng=0).value < 0.1
    plotting.degree_distribution(random, n_samples=50, ax=ax)
    assert labels(ax)[1].endswith("\nrejected, p < 0.02")
    assert ax.lines[1].get_linestyle() == "--"
    plotting.degree_distribution(random, n_samples=0, ax=ax)
    assert labels(ax)[3].endswith(" on")
    assert ax.lines[3].get_linestyle() == "-"


def test_both_sides_share_axes(ax):
    layer = np.tril(np.ones((5, 7)))
    plotting.degree_distribution(layer, side="left", ax=ax)
    plotting.degree_distribution(
        layer, side="right", fit=False, label="outputs", color="red", ax=ax
    )
    assert labels(ax)[0] == "left nodes"
    assert labels(ax)[-1] == "outputs"
    assert len(ax.lines) == 3
    # Two outputs have no links: the curve begins below 1.
    assert lines(ax)["outputs"].get_ydata()[0] == pytest.approx(5 / 7)


@pytest.mark.parametrize(
    ("largest", "written"), [(40, ["1", "2", "5", "10", "20"]), (300, ["1", "10"])]
)
def test_degrees_are_written_as_whole_numbers(largest, written, ax):
    plotting.degree_distribution(nx.star_graph(largest), ax=ax)
    ax.figure.canvas.draw()
    low, high = ax.get_xlim()
    shown = [x for x in ax.xaxis.get_majorticklocs() if low <= x <= high]
    assert ax.xaxis.get_major_formatter().format_ticks(shown)[: len(written)] == written
    assert {text.get_text() for text in ax.get_xticklabels(minor=True)} <= {""}


@pytest.mark.parametrize("graph", [nx.cycle_graph(4), nx.empty_graph(3), Graph.from_links([], [])])
def test_without_a_law_none_is_drawn(graph, ax):
    plotting.degree_distribution(graph, ax=ax)
    assert labels(ax) == ["nodes"]
    assert ax.get_xscale() == "linear"
    ax.figure.canvas.draw()


# ------------------------------------------------------------------------------ biadjacency


def test_communities_stand_together(ax):
    plotting.biadjacency(as_bipartite(BLOCKS), order="community", ax=ax)
    columns, rows = ax.lines[0].get_data()
    seen = np.zeros(BLOCKS.shape, dtype=int)
    seen[rows.astype(int), columns.astype(int)] = 1
    assert seen.tolist() == SORTED.tolist()
    frames = sorted(patch.get_bbox().bounds for patch in ax.patches)
    assert frames == [(-0.5, -0.5, 3.0, 2.0), (2.5, 1.5, 3.0, 2.0)]


def test_ticks_are_whole_nodes(ax):
    plotting.biadjacency(as_bipartite(np.eye(3)), ax=ax)
    for ticks in (ax.get_xticks(), ax.get_yticks()):
        assert ticks.tolist() == np.round(ticks).tolist()
        assert set(range(3)) <= set(ticks)


def test_orders_move_nodes_only():
    matrix = np.random.default_rng(1).random((9, 12)) < 0.3
    for order in plotting.ORDERS:
        axes = plotting.biadjacency(as_bipartite(matrix), order=order)
        columns, rows = axes.lines[0].get_data()
        assert sorted(np.bincount(rows, minlength=9)) == sorted(matrix.sum(axis=1))
        assert sorted(np.bincount(columns, minlength=12)) == sorted(matrix.sum(axis=0))
        assert len(set(zip(rows, columns, strict=True))) == matrix.sum()
        if order == "degree":
            assert (np.diff(np.bincount(rows, minlength=9)) <= 0).all()
        plt.close(axes.figure)
    with pytest.raises(ValueError, match="order must be one of 'index', 'degree', 'community'"):
        plotting.biadjacency(as_bipartite(matrix), order="size")


def test_a_layer_without_links_has_no_frames(ax):
    plotting.biadjacency(as_bipartite(np.zeros((2, 3))), order="community", ax=ax)
    assert len(ax.patches) == 0
    assert ax.lines[0].get_xdata().size == 0


# ------------------------------------------------------------------------- layered networks


def test_every_link_is_a_line_and_every_neuron_a_dot(ax):
    layers = [np.array([[1, 1, 0], [0, 0, 0]]), np.array([[1], [0], [1]])]
    plotting.layered_network(layers, ax=ax)
    drawn = [segment for part in ax.collections[:2] for segment in part.get_segments()]
    assert len(drawn) == 4
    np.testing.assert_allclose(drawn[1], [[0, 0.25], [1, 0.5]])
    dots = np.concatenate([part.get_offsets() for part in ax.collections[2:]])
    assert sorted(dots[:, 0].tolist()) == [0, 0, 1, 1, 1, 2]
    hollow = [
        part.get_offsets().tolist()
        for part in ax.collections[2:]
        if len(part.get_offsets()) and to_hex(part.get_facecolor()[0]) == "#ffffff"
    ]
    assert hollow == [[[0.0, 0.75]]]  # input 1 has no links
    names = [text.get_text() for text in ax.get_xticklabels()]
    assert names == ["inputs\n2", "hidden 1\n3", "outputs\n1"]


def test_neurons_of_a_wide_layer_do_not_touch(ax):
    plotting.layered_network([np.ones((200, 2))], ax=ax)
    apart = ax.get_window_extent().height * 72 / ax.figure.dpi / 200  # points
    dots = [part.get_sizes() for part in ax.collections if len(part.get_offsets()) == 200]
    assert len(dots) == 1
    assert 0.5 * apart < dots[0].max() ** 0.5 <= apart


def test_many_links_are_fainter_than_few(ax):
    plotting.layered_network([np.ones((4, 100)), np.ones((100, 1))], ax=ax)
    many, few = (part.get_alpha() for part in ax.collections[:2] if part.get_alpha())
    assert many < few <= 0.8


def test_columns_can_be_named(ax):
    plotting.layered_network([np.ones((2, 2))], names=["retina", "cortex"], ax=ax)
    assert ax.get_xticklabels()[0].get_text() == "retina\n2"
    with pytest.raises(ValueError, match="names must hold 2 names, got 1"):
        plotting.layered_network([np.ones((2, 2))], names=["retina"], ax=ax)


# -------------------------------------------------------------------------------- evolution


def test_measures_become_lines_over_rows(ax):
    rows = [{"epoch": 2, "a": 4.0, "b": None}, {"epoch": 4, "a": 5.0, "b": 3}, {"epoch": 6, "b": 6}]
    plotting.metric_evolution(rows, ["a", "b"], x="epoch", ax=ax)
    assert labels(ax) == ["a", "b"]
    np.testing.assert_equal(lines(ax)["a"].get_data(), [[2, 4, 6], [4, 5, np.nan]])
    np.testing.assert_equal(lines(ax)["b"].get_ydata(), [np.nan, 3, 6])
    assert ax.get_xlabel() == "epoch"


def test_relative_values_begin_at_one(ax):
    rows = [{"a": np.nan, "b": 0.0}, {"a": 5.0, "b": 3}, {"a": 10.0, "b": 6}]
    plotting.metric_evolution(rows, ["a", "b"], relative=True, ax=ax)
    np.testing.assert_equal(lines(ax)["a"].get_data(), [[0, 1, 2], [np.nan, 1, 2]])
    np.testing.assert_equal(lines(ax)["b"].get_ydata(), [0, 1, 2])


def test_summaries_are_rows(ax):
    rows = [metrics.summary(nx.cycle_graph(n), rng=0) for n in (4, 5, 6)]
    plotting.metric_evolution(rows, ["characteristic_path_length"], ax=ax)
    np.testing.assert_allclose(ax.lines[0].get_ydata(), [4 / 3, 1.5, 9 / 5])
    assert ax.get_ylabel() == "characteristic_path_length"


def test_of_several_histories_mean_and_spread_are_drawn(ax):
    histories = [[{"epoch": e, "a": e + shift} for e in (0, 1, 2)] for shift in (1.0, 2.0, 6.0)]
    plotting.metric_evolution(histories, ["a"], x="epoch", color="red", label="three seeds", ax=ax)
    assert lines(ax)["three seeds"].get_color() == "red"
    np.testing.assert_allclose(lines(ax)["three seeds"].get_data(), [[0, 1, 2], [3, 4, 5]])
    band = ax.collections[0].get_paths()[0].vertices
    spread = np.std([1.0, 2.0, 6.0], ddof=1)
    assert {round(y, 9) for x, y in band if x == 1} == {round(4 - spread, 9), round(4 + spread, 9)}
    assert labels(ax) == ["three seeds"]


def test_relative_histories_begin_at_their_own_first_value(ax):
    plotting.metric_evolution(
        [[{"a": 1}, {"a": 3}], [{"a": 10}, {"a": 10}]], ["a"], relative=True, ax=ax
    )
    np.testing.assert_allclose(lines(ax)["a"].get_ydata(), [1, 2])


def test_positions_that_are_whole_numbers_stay_so(ax):
    plotting.metric_evolution([{"epoch": e, "a": e} for e in (1, 2, 3)], ["a"], x="epoch", ax=ax)
    assert all(tick == round(tick) for tick in ax.get_xticks())
    plotting.metric_evolution([{"t": t, "a": t} for t in (0.5, 1, 1.5)], ["a"], x="t", ax=ax)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (([{"a": 1}], "a"), TypeError, "measures must be a sequence of names, got 'a'"),
        (([], ["a"]), ValueError, "must not be empty"),
        (([{"a": 1}], []), ValueError, "must not be empty"),
        (([{"a": 1}], ["b"]), ValueError, "rows hold no 'b'; they hold a"),
        (([[]], ["a"]), ValueError, "must not be empty"),
        (([[{"a": 1}], []], ["a"]), ValueError, r"equal length, got lengths \[1, 0\]"),
    ],
)
def test_rows_must_hold_the_measures(arguments, error, message):
    with pytest.raises(error, match=message):
        plotting.metric_evolution(*arguments)


def test_what_goes_with_one_line_is_refused_for_several():
    with pytest.raises(ValueError, match="color and label go with one measure only"):
        plotting.metric_evolution([{"a": 1, "b": 2}], ["a", "b"], label="both")
    with pytest.raises(ValueError, match="histories with the same 'epoch', row by row"):
        plotting.metric_evolution(
            [[{"epoch": 1, "a": 1}], [{"epoch": 2, "a": 1}]], ["a"], x="epoch"
        )


# ------------------------------------------------------------------------------ predictions


def test_sides_of_a_small_bipartite_network_stand_in_columns(ax):
    women = as_bipartite(nx.davis_southern_women_graph())
    prediction = predict_links(women, 3)
    plotting.predicted_links(women, prediction, ax=ax)
    assert set(lines(ax)["left node"].get_xdata()) == {0.0}
    assert set(lines(ax)["right node"].get_xdata()) == {1.0}
    drawn, predicted = (np.array(part.get_segments()) for part in ax.collections)
    assert (len(drawn), len(predicted)) == (89, 3)
    place = {text.get_text(): text.xy for text in ax.texts}
    assert [[place[u], place[v]] for u, v, _ in prediction] == [
        [tuple(end) for end in line] for line in predicted.tolist()
    ]


def test_columns_are_ordered_to_keep_links_short(ax):
    layer = as_bipartite(np.eye(6, dtype=int)[[3, 0, 5, 1, 4, 2]])
    plotting.predicted_links(layer, predict_links(layer, 0), ax=ax)
    across = np.array(ax.collections[0].get_segments())
    np.testing.assert_allclose(across[:, 0, 1], across[:, 1, 1])


def test_nodes_without_links_stand_last(ax):
    layer = as_bipartite([[0, 0], [1, 0], [0, 1]])
    plotting.predicted_links(layer, predict_links(layer, 0), ax=ax)
    place = {text.get_text(): text.xy for text in ax.texts if text.xy[0] == 0.0}
    assert place["0"][1] == min(y for _, y in place.values())


def caves():
    """Fifty caves of six on a ring, each with a link less."""
    return as_graph(nx.connected_caveman_graph(50, 6))


def test_of_a_large_network_the_neighborhood_of_the_best_pairs_is_drawn(ax):
    graph = caves()
    prediction = predict_links(graph, 30)
    plotting.predicted_links(graph, prediction, first=3, ax=ax)
    links, predicted = ax.collections
    place = {int(text.get_text()): text.xy for text in ax.texts}
    best = list(prediction)[:3]
    assert 6 <= len(place) <= 40
    assert [[place[u], place[v]] for u, v, _ in best] == [
        [tuple(end) for end in line] for line in np.array(predicted.get_segments()).tolist()
    ]
    # All links among the nodes shown, and no other.
    drawn = {tuple(sorted(map(tuple, line))) for line in np.array(links.get_segments()).tolist()}
    inside = graph.to_networkx().subgraph(place).edges
    assert drawn == {tuple(sorted((place[u], place[v]))) for u, v in inside}
    assert ax.get_title() == "best 3 of 30 links predicted by CH3-L3"


def test_widths_follow_the_scores(ax):
    prediction = predict_links(KARATE, 8, method="CN")
    plotting.predicted_links(prediction.graph, prediction, ax=ax)
    widths = np.array(ax.collections[1].get_linewidths())
    np.testing.assert_allclose(widths, 4.5 * prediction.score / prediction.score[0])
    assert max(ax.collections[0].get_linewidths()) < widths.min()


def test_names_cover_neither_each_other_nor_nodes(ax):
    prediction = predict_links(KARATE, 8, method="CN")
    plotting.predicted_links(prediction.graph, prediction, ax=ax)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert len(boxes) == 34
    cover = sum(a.overlaps(b) for a, b in itertools.combinations(boxes, 2))
    assert cover <= 1
    nodes = ax.transData.transform(np.transpose(ax.lines[0].get_data()))
    assert sum(box.contains(*node) for box in boxes for node in nodes) <= 1


@pytest.mark.parametrize(
    ("graph", "matrix"),
    [
        (nx.gnp_random_graph(40, 0.1, seed=1), False),  # small
        (nx.gnp_random_graph(60, 0.5, seed=1), True),  # dense
        (nx.gnp_random_graph(400, 0.02, seed=1), False),  # a neighborhood of it
        (as_bipartite(np.random.default_rng(0).random((20, 30)) < 0.4), True),
    ],
)
def test_no_hairball_is_drawn(graph, matrix, ax):
    prediction = predict_links(graph, 12)
    plotting.predicted_links(prediction.graph, prediction, ax=ax)
    assert (len(ax.collections) == 0) == matrix
    if not matrix:
        assert len(ax.collections[0].get_segments()) <= 120


def test_more_than_300_nodes_are_a_matrix(ax):
    matching = Graph.from_links(np.arange(0, 800, 2), np.arange(1, 800, 2))
    for n_pairs, matrix in ((150, False), (151, True)):
        ends = np.arange(n_pairs), np.arange(400, 400 + n_pairs)
        prediction = LinkPrediction(*ends, np.ones(n_pairs), "ours", matching)
        ax.clear()
        plotting.predicted_links(matching, prediction, first=200, ax=ax)
        assert (not ax.collections) == matrix


def test_the_matrix_is_ordered_by_community(ax):
    blocks = nx.disjoint_union(nx.complete_graph(25), nx.complete_graph(20))
    blocks.remove_edge(0, 1)
    order = np.random.default_rng(1).permutation(45).tolist()
    mixed = as_graph(nx.relabel_nodes(blocks, dict(enumerate(order)), copy=True))
    prediction = predict_links(mixed, 1, method="CN")
    plotting.predicted_links(mixed, prediction, ax=ax)
    columns, rows = lines(ax)["link"].get_data()
    assert ((columns < 25) == (rows < 25)).all()
    assert lines(ax)["predicted"].get_xdata().size == 2  # both directions
    frames = sorted(patch.get_bbox().bounds for patch in ax.patches)
    assert frames == [(-0.5, -0.5, 25.0, 25.0), (24.5, 24.5, 20.0, 20.0)]
    places = dict(zip(ax.get_yticks(), (t.get_text() for t in ax.get_yticklabels()), strict=True))
    u, v, _ = next(iter(prediction))
    drawn = {places[i] for i in lines(ax)["predicted"].get_xdata()}
    assert drawn == {str(u), str(v)}


def test_bars_are_the_best_scores_by_name(ax):
    women = as_bipartite(nx.davis_southern_women_graph())
    prediction = predict_links(women, 20)
    plotting.ranked_links(prediction, first=5, ax=ax)
    best = list(prediction)[:5]
    assert [bar.get_width() for bar in ax.patches] == [score for _, _, score in best]
    names = [f"{u} \N{EN DASH} {v}" for u, v, _ in best]
    assert [text.get_text() for text in ax.get_yticklabels()] == names
    low, high = ax.get_ylim()
    assert low > high  # the best on top
    for draw in (plotting.ranked_links, lambda p, **to: plotting.predicted_links(p.graph, p, **to)):
        with pytest.raises(ValueError, match="first must be at least 1"):
            draw(prediction, first=0)


def test_no_prediction_is_an_empty_ranking(ax):
    plotting.ranked_links(predict_links(nx.complete_graph(3)), ax=ax)
    ax.figure.canvas.draw()
    assert not ax.patches
    assert [text.get_text() for text in ax.texts] == ["no pair is predicted"]


@pytest.mark.parametrize("name", [r"$\frac$", "$x_1$", "$", r"\$5", "a $b$ $c"])
def test_names_are_written_as_they_are(name, ax):
    path = nx.path_graph([name, "b", "c", "d"])
    prediction = predict_links(path)
    for draw in (
        lambda: plotting.predicted_links(prediction.graph, prediction, ax=ax),
        lambda: plotting.ranked_links(prediction, ax=ax),
        lambda: plotting.rank_table([prediction], ax=ax),
        lambda: plotting.link_example(path, name, "d", ax=ax),
    ):
        ax.clear()
        draw()
        ax.figure.canvas.draw()
        texts = [t for t in (*ax.texts, *ax.get_yticklabels()) if "$" in t.get_text()]
        assert texts
        for text in texts:
            shown, mathematics = text._preprocess_math(text.get_text())
            assert (mathematics, name in shown) == (False, True)


def test_long_names_and_names_of_several_lines_are_one_line_in_the_picture():
    assert written("two\nlines") == "two lines"
    short = written("x" * 20 + "y" * 40)
    assert (len(short), short[:16], short[-15:]) == (32, "x" * 16, "y" * 15)


def test_ranks_of_several_methods_stand_side_by_side(ax):
    karate = nx.karate_club_graph()
    network = nx.Graph(karate.edges())
    predictions = [predict_links(network, method=name) for name in ("CN", "CH3-L3")]
    plotting.rank_table(predictions, first=3, ax=ax)
    assert [text.get_text() for text in ax.get_xticklabels()] == ["CN", "CH3-L3"]
    rows = [text.get_text() for text in ax.get_yticklabels()]
    known = [[f"{u} - {v}" for u, v, _ in prediction] for prediction in predictions]
    assert set(rows) == set(known[0][:3]) | set(known[1][:3])
    written = {text.get_position(): int(text.get_text()) for text in ax.texts}
    for (column, row), rank in written.items():
        assert known[column][rank - 1] == rows[row]
    # A cell is blank only where the method does not know the pair.
    for row, name in enumerate(rows):
        assert [(column, row) in written for column in (0, 1)] == [
            name in listed for listed in known
        ]


def test_rank_tables_need_pairs_of_one_network(ax):
    path, cycle = (predict_links(network) for network in (nx.path_graph(4), nx.cycle_graph(6)))
    with pytest.raises(ValueError, match="predictions must be of one network"):
        plotting.rank_table([path, cycle], ax=ax)
    for empty in ([], [predict_links(nx.empty_graph(2))]):
        with pytest.raises(ValueError, match="predictions must hold at least one pair"):
            plotting.rank_table(empty, ax=ax)


# ------------------------------------------------------------------------------ an example


def drawn_links(axes, label):
    """Number of curves of the kind that the legend calls `label`."""
    style = lines(axes)[label]
    look = style.get_color(), style.get_linestyle(), style.get_linewidth()
    return sum((o.get_color(), o.get_linestyle(), o.get_linewidth()) == look for o in axes.lines)


@pytest.mark.parametrize("network", [nx.karate_club_graph(), nx.gnp_random_graph(14, 0.4, seed=2)])
def test_the_community_of_a_pair_is_drawn(network, ax):
    graph = Graph.from_links(*np.array(network.edges()).T)
    neighbors = neighbor_sets(graph)
    best = predict_links(graph, 1)
    u, v = int(best.source[0]), int(best.target[0])
    plotting.link_example(graph, u, v, ax=ax)
    paths = naive.simple_paths(neighbors, u, v, 3)
    inner = {z for path in paths for z in path}
    whole = [(u, *path, v) for path in paths]
    on_paths = {frozenset(link) for path in whole for link in itertools.pairwise(path)}
    inside = {frozenset((a, b)) for a in inner for b in neighbors[a] & inner}
    external = sum(len(neighbors[z] - inner - {u, v}) for z in inner)
    assert ax.get_title().endswith(f"over {len(paths)} L3 paths")
    assert drawn_links(ax, "on an L3 path") == len(on_paths)
    if inside - on_paths:
        assert drawn_links(ax, "other internal link") == len(inside - on_paths)
    else:
        assert "other internal link" not in labels(ax)
    written = [int(text.get_text()) for text in ax.texts]
    if max(len(neighbors[z] - inner - {u, v}) for z in inner) <= 9:
        assert drawn_links(ax, "external link") == external
        assert sorted(written) == sorted([u, v, *inner])
    assert set(written) >= {u, v, *inner}


def test_a_pair_of_a_layer(ax):
    layer = as_bipartite([[1, 1, 0, 0], [1, 0, 1, 1], [0, 1, 1, 0]])
    plotting.link_example(layer, 0, 2, ax=ax)
    # Paths 0 - 0 - 1 - 2 and 0 - 1 - 2 - 2; left node 1 has one link out of the community.
    score = naive.ch_score(naive.bipartite_neighbors(layer.biadjacency().toarray()), 0, 5, "CH3", 3)
    assert ax.get_title() == f"CH3-L3 = {score:.4g} over 2 L3 paths"
    assert drawn_links(ax, "on an L3 path") == 6
    assert drawn_links(ax, "external link") == 1


def test_nodes_go_by_the_names_that_the_network_has(ax):
    women = nx.davis_southern_women_graph()
    plotting.link_example(women, "Nora Fayette", "E8", bipartite=True, ax=ax)
    best = predict_links(women, 1, bipartite=True)
    assert ax.get_title().startswith(f"CH3-L3 = {best.score[0]:.4g} over ")
    assert {"Nora Fayette", "E8"} <= {text.get_text() for text in ax.texts}
    with pytest.raises(ValueError, match="v must be a node of the network, got 'Flora Price'"):
        plotting.link_example(women, "Nora Fayette", "Flora Price", bipartite=True, ax=ax)


def test_many_external_links_are_a_number(ax):
    graph = nx.path_graph(4)
    graph.add_edges_from((1, node) for node in range(4, 19))
    plotting.link_example(graph, 0, 3, ax=ax)
    assert drawn_links(ax, "external link") == 9
    assert "15" in [text.get_text() for text in ax.texts]


def test_a_pair_without_paths_has_no_community(ax):
    plotting.link_example(nx.empty_graph(2), 0, 1, ax=ax)
    assert ax.get_title() == "CH3-L3 = 0 over 0 L3 paths"
    assert labels(ax) == ["candidate link", "seed node"]


@pytest.mark.parametrize(
    ("pair", "message"),
    [
        ((0, 4), "v must be a node of the network, got 4"),
        ((-1, 2), "u must be a node of the network, got -1"),
        ((1, 1), "two different nodes, got 1 twice"),
        ((0, 1), "must not be linked; 0 and 1 are"),
    ],
)
def test_bad_pairs_are_named(pair, message, ax):
    with pytest.raises(ValueError, match=message):
        plotting.link_example(nx.path_graph(4), *pair, ax=ax)
