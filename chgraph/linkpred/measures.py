r"""How well scores tell positive node pairs (removed links) from negative ones.

A ranking has P positives and N negatives. Scores that agree to 12 significant digits tie.
Measures over thresholds take each group of equal scores at once: TP and FP count the
positives and negatives at or above a threshold. Measures of the top places break ties by
the stable order of the pairs, (source, target).

Most pairs of a large network score 0. They are counted, never listed: they tie at the
bottom, and where the top places reach into them only the places of their positives matter.

References: bioRxiv 2023.08.10.552825 (precision, AUC-PR, AUP@100); preprint 202209.0277
(AUC-mROC); Jarvelin and Kekalainen, ACM TOIS 20:422, 2002 (NDCG); Matthews, Biochim. Biophys.
Acta 405:442, 1975 (MCC).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from chgraph._rounding import round_significant
from chgraph.checks import check_count, check_positive_int
from chgraph.forking import cached_property

_AT_ONCE = 2**18


class Steps(NamedTuple):
    """Groups of equal scores that hold a positive, best first; int64 arrays.

    Attributes
    ----------
    found : ndarray
        Positives in the group.
    above, upto : ndarray
        Pairs with a higher score, and with a score at least as high.
    """

    found: np.ndarray
    above: np.ndarray
    upto: np.ndarray


@dataclass(frozen=True, eq=False)
class Ranking:
    """Candidate pairs by falling score, made by :func:`rank_pairs`.

    Attributes
    ----------
    score : ndarray of float64, shape (n_scored,)
        At 12 significant digits.
    positive : ndarray of bool, shape (n_scored,)
    order : ndarray of int64, shape (n_scored,)
        Place of each pair in the stable order that breaks ties.
    zero_places : ndarray of int64
        Places, from 0 and ascending, of the positives among the pairs that score 0.
    n_zero : int
        Number of pairs that score 0, all below the scored ones.

    Examples
    --------
    >>> ranking = rank_pairs([4.0, 3.0, 3.0, 1.0], [True, False, True, False])
    >>> ranking.n_pairs, ranking.n_positive
    (4, 2)
    >>> ranking.hits(1)
    array([1])
    """

    score: np.ndarray
    positive: np.ndarray
    order: np.ndarray
    zero_places: np.ndarray
    n_zero: int

    @property
    def n_pairs(self) -> int:
        """Number of candidate pairs, P + N."""
        return self.score.size + self.n_zero

    @property
    def n_positive(self) -> int:
        """Number of positives, P."""
        return int(np.count_nonzero(self.positive)) + self.zero_places.size

    @property
    def n_negative(self) -> int:
        """Number of negatives, N."""
        return self.n_pairs - self.n_positive

    @cached_property
    def _ascending(self) -> np.ndarray:
        return np.sort(self.score)

    @cached_property
    def steps(self) -> Steps:
        """The groups of equal scores that hold a positive, best first."""
        scores, n_scored = self._ascending, self.score.size
        values, found = np.unique(self.score[self.positive], return_counts=True)
        above = n_scored - np.searchsorted(scores, values[::-1], side="right")
        upto = n_scored - np.searchsorted(scores, values[::-1], side="left")
        found = found[::-1]
        if self.zero_places.size:
            found = np.append(found, self.zero_places.size)
            above, upto = np.append(above, n_scored), np.append(upto, self.n_pairs)
        return Steps(found, above, upto)

    def thresholds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield TP and FP at the end of each group of equal scores, best first, in chunks."""
        falling, n_scored = self._ascending[::-1], self.score.size
        upto, found = self.steps.upto, np.append(0, np.cumsum(self.steps.found))
        for start in range(0, max(n_scored, 1), _AT_ONCE):
            part = falling[start : start + _AT_ONCE + 1]
            ends = start + 1 + np.flatnonzero(part[1:] != part[:-1])
            if start + _AT_ONCE >= n_scored:
                last = [n for n in (n_scored, self.n_pairs) if n]
                ends = np.unique(np.append(ends, last))
            tp = found[np.searchsorted(upto, ends, side="right")]
            yield tp, ends - tp

    def hits(self, depth: int) -> np.ndarray:
        """Return the places, from 1 and ascending, of the positives among the first `depth`."""
        n_scored = self.score.size
        lowest = self._ascending[n_scored - depth] if 0 < depth < n_scored else -np.inf
        top = np.flatnonzero(self.score >= lowest)
        top = top[np.lexsort((self.order[top], -self.score[top]))][:depth]
        below = n_scored + self.zero_places
        return 1 + np.concatenate([np.flatnonzero(self.positive[top]), below[below < depth]])


def rank_pairs(
    score: Any, positive: Any, *, order: Any = None, zero_places: Any = (), n_zero: int = 0
) -> Ranking:
    """Rank candidate pairs: the scored ones given, those that score 0 only counted.

    Parameters
    ----------
    score : array_like of float, shape (n_scored,)
        Finite; above 0 if `n_zero` is not 0.
    positive : array_like of bool, shape (n_scored,)
        Whether each pair is a positive.
    order : array_like of int, optional
        Distinct numbers that break ties, lower first; as given by default.
    zero_places : array_like of int
        Strictly ascending places, from 0, of the positives among the pairs that score 0.
    n_zero : int
        Number of pairs that score 0.

    Raises
    ------
    ValueError
        If shapes or values do not fit, or there is no positive or no negative.

    Examples
    --------
    Two pairs with a score, and three that score 0, the second of them a positive:

    >>> ranking = rank_pairs([0.5, 0.9], [True, False], zero_places=[1], n_zero=3)
    >>> list(ranking.thresholds())
    [(array([0, 1, 2]), array([1, 1, 3]))]
    >>> ranking.hits(4)
    array([2, 4])
    """
    score, positive = np.asarray(score, dtype=np.float64), np.asarray(positive, dtype=bool)
    order = np.arange(score.size) if order is None else np.asarray(order, dtype=np.int64)
    if score.ndim != 1 or not score.shape == positive.shape == order.shape:
        raise ValueError(
            "score, positive and order must be one-dimensional and of equal length; got shapes "
            f"{score.shape}, {positive.shape}, {order.shape}"
        )
    places = np.asarray(zero_places, dtype=np.int64).reshape(-1)
    n_zero = check_count("n_zero", n_zero)
    if places.size and (places[0] < 0 or places[-1] >= n_zero or (np.diff(places) <= 0).any()):
        raise ValueError(f"zero_places must ascend strictly within [0, n_zero), n_zero={n_zero}")
    if not np.isfinite(score).all():
        raise ValueError("score must be finite; got NaN or infinity")
    if n_zero and score.size and score.min() <= 0:
        raise ValueError("score must be above 0 where n_zero counts the pairs that score 0")
    ranking = Ranking(_rounded(score), positive, order, places, int(n_zero))
    if not ranking.n_positive or not ranking.n_negative:
        raise ValueError(
            "there must be at least one positive and one negative pair; got "
            f"{ranking.n_positive} and {ranking.n_negative}"
        )
    return ranking


def _rounded(score: np.ndarray) -> np.ndarray:
    """Return a copy at 12 significant digits, in little further memory."""
    result = np.empty_like(score)
    for start in range(0, score.size, _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        result[part] = round_significant(score[part])
    return result


def precision(ranking: Ranking, k: int | None = None) -> float:
    """Return the share of positives in the first `k` places, by default k = P.

    Places beyond the last candidate pair count as missed.

    Examples
    --------
    >>> precision(rank_pairs([4, 3, 2, 1], [True, False, True, False]))
    0.5
    """
    k = ranking.n_positive if k is None else check_positive_int("k", k)
    return ranking.hits(k).size / k


def aup(ranking: Ranking, k: int | None = None) -> float:
    r"""Return the area under the precision of the first places (AUP@k, "auc_prec").

    .. math::
        \frac{1}{k - 1} \sum_{j=1}^{k-1} \frac{prec(j) + prec(j + 1)}{2}

    with prec(j) the share of positives in the first j places, and k = P by default. AUP@k
    takes k as it stands, also above P; AUP@1 is prec(1).

    Examples
    --------
    >>> aup(rank_pairs([4, 3, 2, 1], [True, False, True, False]), k=2)
    0.75
    """
    k = ranking.n_positive if k is None else check_positive_int("k", k)
    found = np.zeros(k + 1, dtype=np.int64)
    found[ranking.hits(k)] = 1
    values = np.cumsum(found)[1:] / np.arange(1, k + 1)
    return float(values[0] if k == 1 else np.trapezoid(values) / (k - 1))


def auc_pr(ranking: Ranking) -> float:
    r"""Return the area under precision over recall, from the first threshold on.

    .. math:: \frac{1}{1 - rec_1} \int_{rec_1}^1 prec \, d\,rec

    by the trapezoid rule over the unique thresholds, with rec = TP / P and
    prec = TP / (TP + FP); the precision of the first threshold if its recall is 1.

    Examples
    --------
    >>> auc_pr(rank_pairs([2, 1, 1], [True, True, False]))
    0.8333333333333333
    """
    found, above, upto = ranking.steps
    tp = np.cumsum(found)
    recalled = tp[0] if above[0] == 0 else 0  # TP at the first threshold
    if recalled == tp[-1]:
        return float(tp[0] / upto[0])
    # The area has width only between thresholds that differ in TP.
    before = np.divide(tp - found, above, out=np.zeros(tp.size), where=above > 0)
    widths = np.where(above > 0, found, 0)
    return float(np.sum(widths * (before + tp / upto) / 2) / (tp[-1] - recalled))


def auc_roc(ranking: Ranking) -> float:
    """Return the chance that a positive stands above a negative, a tie counting one half.

    Examples
    --------
    >>> auc_roc(rank_pairs([2, 1, 1], [True, True, False]))
    0.75
    """
    found, above, upto = ranking.steps
    tp, negatives = np.cumsum(found), ranking.n_negative
    fp_before, fp_upto = above - (tp - found), upto - tp
    doubled = np.sum(found * (2 * negatives - fp_before - fp_upto))
    return float(doubled / (2 * ranking.n_positive * negatives))


def auc_mroc(ranking: Ranking) -> float:
    r"""Return the area under the magnified ROC curve (AUC-mROC), 1/2 for a random ranking.

    .. math::
        x = \frac{\ln(1 + FP)}{\ln(1 + N)}, \quad
        t = \frac{\ln(1 + TP)}{\ln(1 + P)}, \quad
        r = \frac{\ln(1 + FP \cdot P / N)}{\ln(1 + P)}, \quad
        y = \frac{t - r}{1 - r} (1 - x) + x

    by the trapezoid rule over the unique thresholds, from (0, 0); y = 1 where FP = N.

    Examples
    --------
    >>> auc_mroc(rank_pairs([1, 1, 1], [True, True, False]))
    0.5
    """
    area = x_last = y_last = 0.0
    for tp, fp in ranking.thresholds():
        x, y = _mroc_points(tp, fp, ranking.n_positive, ranking.n_negative)
        x, y = np.append(x_last, x), np.append(y_last, y)
        area += float(np.trapezoid(y, x))
        x_last, y_last = x[-1], y[-1]
    return area


def _mroc_points(
    tp: np.ndarray, fp: np.ndarray, positives: int, negatives: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the magnified ROC curve."""
    x = np.log1p(fp) / np.log1p(negatives)
    random = np.log1p(fp * (positives / negatives)) / np.log1p(positives)
    gain = np.log1p(tp) / np.log1p(positives) - random
    share = np.divide(gain, 1 - random, out=np.zeros(x.size), where=fp < negatives)
    return x, share * (1 - x) + x


def ndcg(ranking: Ranking) -> float:
    r"""Return the normalized discounted cumulative gain.

    .. math:: \sum_{p} \frac{1}{\log_2(1 + rank_p)} \Big/ \sum_{i=1}^{P} \frac{1}{\log_2(1 + i)}

    over the positives p; tied pairs share their average rank.

    Examples
    --------
    >>> ndcg(rank_pairs([3, 2, 1], [True, True, False]))
    1.0
    """
    found, above, upto = ranking.steps
    gain = np.sum(found / np.log2(1 + (above + 1 + upto) / 2))
    return float(gain / np.sum(1 / np.log2(1 + np.arange(1, ranking.n_positive + 1))))


def mcc(ranking: Ranking) -> float:
    r"""Return Matthews' correlation when the first P places are called positive.

    .. math::
        \frac{TP \cdot TN - FP \cdot FN}{\sqrt{(TP + FP)(TP + FN)(TN + FP)(TN + FN)}}
        = \frac{TP}{P} - \frac{FP}{N}

    since there TP + FP = TP + FN = P and TN + FP = TN + FN = N.

    Examples
    --------
    >>> mcc(rank_pairs([4, 3, 2, 1], [True, False, True, False]))
    0.0
    """
    positives, negatives = ranking.n_positive, ranking.n_negative
    tp = ranking.hits(positives).size
    return tp / positives - (positives - tp) / negatives


def measure_all(ranking: Ranking, k: int = 100) -> dict[str, float]:
    """Return every measure by its name, AUP to the depth `k`.

    Examples
    --------
    >>> measures = measure_all(rank_pairs([4, 3, 2, 1], [True, False, True, False]), k=2)
    >>> list(measures)
    ['precision', 'AUC-PR', 'AUC-ROC', 'AUC-mROC', 'AUP@2', 'NDCG', 'MCC']
    >>> measures["AUC-ROC"]
    0.75
    """
    return {
        "precision": precision(ranking),
        "AUC-PR": auc_pr(ranking),
        "AUC-ROC": auc_roc(ranking),
        "AUC-mROC": auc_mroc(ranking),
        f"AUP@{k}": aup(ranking, k),
        "NDCG": ndcg(ranking),
        "MCC": mcc(ranking),
    }
