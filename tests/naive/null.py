"""Null models by enumeration: all graphs that swaps reach, and how likely each is.

A graph is a frozenset of links; a link is a frozenset of two nodes, or for two kinds of
nodes a pair (left, right).
"""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from tests.naive.graphs import Array

State = frozenset[Any]


def as_state(links: Iterable[Sequence[int]], two_sided: bool) -> State:
    """The graph with these links."""
    make = tuple if two_sided else frozenset
    return frozenset(make(int(node) for node in link) for link in links)


def swaps_of(state: State, two_sided: bool) -> list[tuple[Any, Any, State | None]]:
    """Every (link, other link, graph after the swap or None): a-b, c-d become a-d, c-b.

    Each ordered pair of different links stands once for each way to swap: two ways, or one
    where links have a left and a right end.
    """
    found: list[tuple[Any, Any, State | None]] = []
    for link, other in itertools.permutations(sorted(state, key=sorted), 2):
        a, b = sorted(link) if not two_sided else link
        ends = tuple(sorted(other)) if not two_sided else other
        for c, d in [ends] if two_sided else [ends, ends[::-1]]:
            new = as_state([(a, d), (c, b)], two_sided)
            four = two_sided or len({a, b, c, d}) == 4
            allowed = four and len(new) == 2 and not new & state
            found.append((link, other, state - {link, other} | new if allowed else None))
    return found


def reachable(state: State, two_sided: bool) -> list[State]:
    """All graphs that swaps lead to, the given one first."""
    states, known = [state], {state}
    for current in states:
        for _, _, after in swaps_of(current, two_sided):
            if after is not None and after not in known:
                known.add(after)
                states.append(after)
    return states


def muscoloni_chances(state: State, two_sided: bool, n_swaps: int) -> tuple[list[State], Array]:
    """Chance of each reachable graph after `n_swaps` swaps of the CM null model (definitions.md 7).

    One link is drawn in proportion to its degree product w, another one to (smallest +
    largest product over all pairs of nodes) - w; draws without a swap are drawn again.
    """
    states = reachable(state, two_sided)
    degree: dict[Any, int] = {}
    for link in state:
        for side, node in enumerate(link):
            key = (side, node) if two_sided else node
            degree[key] = degree.get(key, 0) + 1

    def product(pair: Any) -> int:
        u, v = [(side, node) if two_sided else node for side, node in enumerate(pair)]
        return degree[u] * degree[v]

    if two_sided:
        sides = [[node for side, node in degree if side == wanted] for wanted in (0, 1)]
        products = [product(pair) for pair in itertools.product(*sides)]
    else:
        products = [product(pair) for pair in itertools.combinations(degree, 2)]
    ends = min(products) + max(products)

    step = np.zeros((len(states), len(states)))
    for i, current in enumerate(states):
        for link, other, after in swaps_of(current, two_sided):
            if after is not None:
                rest = sum(ends - product(x) for x in current if x != link)
                chance = product(link) * (ends - product(other)) / rest
                step[i, states.index(after)] += chance
    step /= step.sum(axis=1, keepdims=True)
    return states, np.linalg.matrix_power(step, n_swaps)[0]
