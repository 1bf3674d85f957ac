"""Ranks and their correlation, in integers so that ties stay ties."""

import math

from tests.naive.graphs import Array


def doubled_average_ranks(values: Array) -> list[int]:
    """2 x average rank of each value: twice the smaller ones + the equal ones + 1 (integers)."""
    return [int(2 * (values < x).sum() + (values == x).sum() + 1) for x in values]


def pearson_of_integers(x: list[int], y: list[int]) -> float:
    """Pearson r of two integer lists, exact up to the last division; nan when one is constant."""
    n, sum_x, sum_y = len(x), sum(x), sum(y)
    covariance = n * sum(a * b for a, b in zip(x, y, strict=True)) - sum_x * sum_y
    var_x = n * sum(a * a for a in x) - sum_x**2
    var_y = n * sum(b * b for b in y) - sum_y**2
    if var_x == 0 or var_y == 0:
        return math.nan
    return covariance / math.sqrt(var_x * var_y)
