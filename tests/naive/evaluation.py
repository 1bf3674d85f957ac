"""Measures of a link prediction (definitions.md 5)."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from tests.naive.ranks import doubled_average_ranks


def trapezoid(y: Sequence[float], x: Sequence[float]) -> float:
    """Area under the polyline through the points (x_i, y_i)."""
    return math.fsum((x[i + 1] - x[i]) * (y[i] + y[i + 1]) / 2 for i in range(len(x) - 1))


def threshold_counts(scores: Sequence[float], labels: Sequence[bool]) -> list[tuple[int, int]]:
    """(TP, FP) at the end of each group of equal scores, best group first (definitions.md 5)."""
    if not any(labels) or all(labels):
        raise ValueError("the evaluation needs at least one positive and one negative")
    counts = []
    tp = fp = 0
    order = sorted(zip(scores, labels, strict=True), key=lambda item: -item[0])
    for _, group in itertools.groupby(order, key=lambda item: item[0]):
        for _, label in group:
            tp, fp = tp + bool(label), fp + (not label)
        counts.append((tp, fp))
    return counts


def labels_best_first(scores: Sequence[float], labels: Sequence[bool]) -> list[bool]:
    """Labels by falling score; ties keep the given order (definitions.md 5: stable order)."""
    order = sorted(range(len(scores)), key=lambda i: -scores[i])
    return [bool(labels[i]) for i in order]


def n_positive(labels: Sequence[bool]) -> int:
    """P, the number of positives."""
    return sum(1 for label in labels if label)


def precision_at(scores: Sequence[float], labels: Sequence[bool], k: int | None = None) -> float:
    """TP in the top k, divided by k; k = P by default (definitions.md 5)."""
    k = n_positive(labels) if k is None else k
    return sum(labels_best_first(scores, labels)[:k]) / k


def auc_pr(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """trapz(recall, precision) over unique thresholds / (1 - recall_1) (definitions.md 5).

    When the first threshold already has recall 1, the precision there.
    """
    positives = n_positive(labels)
    counts = threshold_counts(scores, labels) if not all(labels) else [(positives, 0)]
    precision = [tp / (tp + fp) for tp, fp in counts]
    recall = [tp / positives for tp, _ in counts]
    if counts[0][0] == positives:
        return precision[0]
    return trapezoid(precision, recall) / (1 - recall[0])


def auc_prec(scores: Sequence[float], labels: Sequence[bool], k: int | None = None) -> float:
    """AUP@k: trapz(precision over the top 1..k) / (k - 1), k = P by default (definitions.md 5).

    For k = 1, where the formula is 0/0, the precision at 1.
    """
    k = n_positive(labels) if k is None else k
    precision = [precision_at(scores, labels, top) for top in range(1, k + 1)]
    return precision[0] if k == 1 else trapezoid(precision, list(range(1, k + 1))) / (k - 1)


def auc_roc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Share of (positive, negative) pairs in the right order, a tie is 1/2 (definitions.md 5)."""
    positive = [s for s, label in zip(scores, labels, strict=True) if label]
    negative = [s for s, label in zip(scores, labels, strict=True) if not label]
    wins = sum((a > b) + (a == b) / 2 for a in positive for b in negative)
    return wins / (len(positive) * len(negative))


def mroc_point(tp: int, fp: int, positives: int, negatives: int) -> tuple[float, float]:
    """(fpr_m, normalized tpr_m) of one threshold (definitions.md 5); (1, 1) once FP = N."""
    if fp == negatives:
        return 1.0, 1.0
    fpr = math.log(1 + fp) / math.log(1 + negatives)
    tpr = math.log(1 + tp) / math.log(1 + positives)
    random = math.log(1 + fp * positives / negatives) / math.log(1 + positives)
    return fpr, (tpr - random) / (1 - random) * (1 - fpr) + fpr


def auc_mroc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """AUC-mROC: trapezoid from (0, 0) over the unique thresholds (definitions.md 5)."""
    counts = [(0, 0), *threshold_counts(scores, labels)]
    tp, fp = counts[-1]
    points = [mroc_point(a, b, tp, fp) for a, b in counts]
    return trapezoid([y for _, y in points], [x for x, _ in points])


def ndcg(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Sum over positives of 1 / log2(1 + average rank), over the ideal sum (definitions.md 5)."""
    ranks = [rank / 2 for rank in doubled_average_ranks(-np.asarray(scores, dtype=float))]
    gain = math.fsum(
        1 / math.log2(1 + rank) for rank, label in zip(ranks, labels, strict=True) if label
    )
    return gain / math.fsum(1 / math.log2(1 + i) for i in range(1, n_positive(labels) + 1))


def mcc(scores: Sequence[float], labels: Sequence[bool]) -> float:
    """Matthews correlation when the top P are called positive, stable order (definitions.md 5)."""
    positives = n_positive(labels)
    tp = sum(labels_best_first(scores, labels)[:positives])
    fp = fn = positives - tp
    tn = len(labels) - positives - fp
    product = (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn)
    return (tp * tn - fp * fn) / math.sqrt(product) if product else 0.0
