"""Measures of a ranking against the definitions, closed forms and refused input."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chgraph.linkpred import measures
from chgraph.linkpred._chance import expected_by_chance
from chgraph.linkpred.measures import measure_all, rank_pairs
from tests import naive
from tests.frequencies import n_draws

# (ours, the definition) of the measures without a depth
PAIRS = [
    (measures.precision, naive.precision_at),
    (measures.aup, naive.auc_prec),
    (measures.auc_pr, naive.auc_pr),
    (measures.auc_roc, naive.auc_roc),
    (measures.auc_mroc, naive.auc_mroc),
    (measures.ndcg, naive.ndcg),
    (measures.mcc, naive.mcc),
]
CLOSE = {"rtol": 1e-11, "atol": 1e-12}


@st.composite
def labeled_scores(draw, zeros=True):
    """Draw scores with many ties, some of them 0, and labels of both kinds."""
    n = draw(st.integers(2, 40))
    levels = draw(st.integers(1, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = rng.integers(0 if zeros else 1, levels + 1, n) / 7
    labels = np.zeros(n, dtype=bool)
    labels[rng.choice(n, rng.integers(1, n), replace=False)] = True
    return scores, labels


def compact(scores, labels, seed=0):
    """The ranking from the scored pairs in any order and the places of zero-scored positives."""
    scored = np.flatnonzero(scores > 0)
    np.random.default_rng(seed).shuffle(scored)
    at_zero = labels[scores == 0]
    return rank_pairs(
        scores[scored],
        labels[scored],
        order=scored,
        zero_places=np.flatnonzero(at_zero),
        n_zero=at_zero.size,
    )


@given(labeled_scores())
def test_measures_are_the_definitions(drawn):
    ranking = compact(*drawn)
    for ours, definition in PAIRS:
        np.testing.assert_allclose(
            ours(ranking), definition(*drawn), **CLOSE, err_msg=ours.__name__
        )


@given(labeled_scores(), st.integers(1, 60))
def test_depth_is_the_callers(drawn, k):
    ranking = compact(*drawn)
    assert measures.precision(ranking, k) == pytest.approx(naive.precision_at(*drawn, k))
    assert measures.aup(ranking, k) == pytest.approx(naive.auc_prec(*drawn, k))


@given(labeled_scores())
def test_counting_the_zeros_is_listing_them(drawn):
    listed, counted = rank_pairs(*drawn), compact(*drawn, seed=1)
    assert measure_all(listed, 7) == measure_all(counted, 7)
    for ours, theirs in zip(listed.thresholds(), counted.thresholds(), strict=True):
        np.testing.assert_array_equal(ours, theirs)


@given(labeled_scores(), st.integers(1, 9))
def test_thresholds_in_chunks(drawn, at_once):
    ranking = compact(*drawn)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measures, "_AT_ONCE", at_once)
        chunks = list(ranking.thresholds())
        assert measures.auc_mroc(ranking) == pytest.approx(naive.auc_mroc(*drawn), abs=1e-12)
    tp, fp = np.concatenate(chunks, axis=1)
    assert list(zip(tp, fp, strict=True)) == naive.threshold_counts(*drawn)


@given(labeled_scores(zeros=False), st.integers(0, 2**32 - 1))
def test_measures_see_neither_the_last_bits_nor_the_scale_nor_the_order_given(drawn, seed):
    scores, labels = drawn
    rng = np.random.default_rng(seed)
    noisy = scores * 1e-9 * (1 + rng.uniform(-1e-15, 1e-15, scores.size))
    order = rng.permutation(scores.size)
    shuffled = rank_pairs(noisy[order], labels[order], order=order)
    assert measure_all(shuffled) == measure_all(rank_pairs(scores, labels))


@given(labeled_scores())
def test_hits_are_the_places_of_the_positives(drawn):
    ranking, best_first = compact(*drawn), naive.labels_best_first(*drawn)
    for depth in range(1, len(best_first) + 3):
        expected = [place for place, label in enumerate(best_first[:depth], 1) if label]
        assert ranking.hits(depth).tolist() == expected


def test_perfect_predictor():
    found = measure_all(rank_pairs(np.arange(60, 0, -1), np.arange(60) < 12), k=12)
    assert found == pytest.approx(dict.fromkeys(found, 1.0))


def test_worst_predictor():
    positives, negatives = 5, 11
    labels = np.arange(16) >= negatives
    ranking = rank_pairs(np.arange(16, 0, -1), labels)
    heights = [j / (negatives + j) for j in range(positives + 1)]
    gain = sum(1 / math.log2(1 + negatives + j) for j in range(1, positives + 1))
    ideal = sum(1 / math.log2(1 + j) for j in range(1, positives + 1))
    assert measures.precision(ranking) == measures.auc_roc(ranking) == 0.0
    assert measures.aup(ranking, 11) == 0.0
    assert measures.mcc(ranking) == pytest.approx(-positives / negatives)
    assert measures.auc_pr(ranking) == pytest.approx(naive.trapezoid(heights, range(6)) / positives)
    assert measures.ndcg(ranking) == pytest.approx(gain / ideal)


@pytest.mark.parametrize("n_zero", [0, 20])
def test_all_tied_is_random(n_zero):
    """All pairs score the same, be it 1 or 0."""
    labels = np.arange(20) % 4 == 0
    if n_zero:
        ranking = rank_pairs([], [], zero_places=np.flatnonzero(labels), n_zero=20)
    else:
        ranking = rank_pairs(np.ones(20), labels)
    assert measures.auc_roc(ranking) == measures.auc_mroc(ranking) == 0.5
    assert measures.auc_pr(ranking) == 0.25
    assert measures.precision(ranking) == 2 / 5  # places 1 and 5, by the stable order
    ideal = sum(1 / math.log2(1 + j) for j in range(1, 6))
    assert measures.ndcg(ranking) == pytest.approx(5 / math.log2(1 + 10.5) / ideal)


def test_random_ranking_has_half_the_magnified_area():
    rng = np.random.default_rng(0)
    labels = np.arange(2000) < 200
    areas = [measures.auc_mroc(rank_pairs(rng.random(2000), labels)) for _ in range(200)]
    assert np.mean(areas) == pytest.approx(0.5, abs=0.01)


def test_zeros_are_counted_not_listed():
    """Ten billion pairs score 0, one positive at their very end."""
    n_zero = 10**10
    ranking = rank_pairs([1.0, 2.0], [True, False], zero_places=[n_zero - 1], n_zero=n_zero)
    assert (ranking.n_positive, ranking.n_negative) == (2, n_zero)
    found = measure_all(ranking, k=2)
    assert found["precision"] == 0.5
    assert found["AUP@2"] == 0.25
    wins = (n_zero - 1) * 1.5  # all zeros lose to the scored positive and tie with the other
    assert found["AUC-ROC"] == pytest.approx(wins / (2 * n_zero), rel=1e-15)
    rank_at_zero = 2 + (1 + n_zero) / 2
    gain = 1 / math.log2(3) + 1 / math.log2(1 + rank_at_zero)
    assert found["NDCG"] == pytest.approx(gain / (1 + 1 / math.log2(3)))


@pytest.mark.parametrize(("n_positive", "n_pairs", "k"), [(8, 120, 20), (3, 9, 12), (5, 40, 1)])
def test_chance_is_the_mean_of_random_rankings(n_positive, n_pairs, k):
    rng, found = np.random.default_rng(0), []
    for _ in range(n_draws(1000)):
        labels = rng.permutation(n_pairs) < n_positive
        found.append(measure_all(rank_pairs(-np.arange(n_pairs), labels), k))
    expected = expected_by_chance(n_positive, n_pairs, k)
    assert list(expected) == list(found[0])
    for name, value in expected.items():
        values = np.array([row[name] for row in found])
        error = values.std() / np.sqrt(values.size)
        # Areas by the trapezoid rule depart from their limits where there are few pairs.
        slack = {"AUC-PR": 0.15, "AUC-mROC": 0.05}.get(name, 0.0)
        assert value == pytest.approx(values.mean(), abs=4.5 * error + slack), name


def test_chance_in_many_pairs_is_the_sum_over_all_of_them():
    n_pairs = 2**18 + 5000
    discounts = 1 / np.log2(1 + np.arange(1, n_pairs + 1))
    expected = 7 / n_pairs * discounts.sum() / discounts[:7].sum()
    assert expected_by_chance(7, n_pairs)["NDCG"] == pytest.approx(expected, rel=1e-9)


def test_first_place_alone():
    ranking = rank_pairs([3, 2, 1], [True, False, True])
    assert measures.aup(ranking, 1) == 1.0
    assert list(measure_all(ranking, 1))[4] == "AUP@1"


@pytest.mark.parametrize(
    ("arguments", "options", "message"),
    [
        (([1.0, 2.0], [True]), {}, "equal length; got shapes"),
        (([1.0, 2.0], [True, False]), {"order": [1]}, "equal length"),
        (([[1.0]], [[True]]), {}, "one-dimensional"),
        (([1.0, np.nan], [True, False]), {}, "score must be finite"),
        (([1.0, np.inf], [True, False]), {}, "score must be finite"),
        (([1.0, 0.0], [True, False]), {"n_zero": 1}, "score must be above 0"),
        (([1.0], [True]), {"zero_places": [2], "n_zero": 2}, "zero_places must ascend"),
        (([1.0], [True]), {"zero_places": [1, 1], "n_zero": 2}, "zero_places must ascend"),
        (([1.0], [True]), {"zero_places": [-1], "n_zero": 2}, "zero_places must ascend"),
        (([1.0], [True]), {"n_zero": -1}, "n_zero must be at least 0"),
        (([1.0], [True]), {}, "one positive and one negative pair; got 1 and 0"),
        (([1.0], [False]), {}, "got 0 and 1"),
    ],
)
def test_refused_rankings(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        rank_pairs(*arguments, **options)


@pytest.mark.parametrize("measure", [measures.precision, measures.aup])
def test_refused_depths(measure):
    ranking = rank_pairs([2, 1], [True, False])
    with pytest.raises(ValueError, match="k must be at least 1, got 0"):
        measure(ranking, 0)
    with pytest.raises(TypeError, match="k must be an integer"):
        measure(ranking, 1.5)
