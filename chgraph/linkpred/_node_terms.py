"""Node terms of the Cannistraci-Hebb rules, as tables for the kernels.

A local-community node z of degree d with di internal links has ``de = d - di - seeds``
external ones, where ``seeds`` (1 or 2) says how many of u and v it is linked to. Its term
therefore depends on (d, di, seeds) only and is tabulated once per graph: every rule then
costs the kernels the same as the cheapest one.
"""

from __future__ import annotations

import numpy as np

RULES = ("RA", "CH1", "CH2", "CH3", "CH3.1")


def node_term(
    rule: str, degree: np.ndarray, internal: np.ndarray, external: np.ndarray
) -> np.ndarray:
    """Term t(z) of local-community nodes (table in definitions.md 2)."""
    outward = 1.0 + external
    if rule == "RA":
        return 1.0 / degree
    if rule == "CH1":
        return internal / degree
    if rule == "CH2":
        return (1.0 + internal) / outward
    if rule == "CH3":
        return 1.0 / outward
    if rule == "CH3.1":
        return (1.0 + internal) / outward ** (1.0 + external / outward)
    raise ValueError(f"unknown rule {rule!r}; known: {', '.join(RULES)}")


def term_table(
    degrees: np.ndarray, rule: str, *, seeds: int = 1, root: bool = True, least_internal: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Node terms over (degree, internal degree), one stretch per distinct degree.

    The distinct degrees sum to at most twice the number of links: the table never outgrows
    the graph. Combinations that no local community holds (fewer internal links than
    ``least_internal``, or more links than the degree) are 0, so that kernels may read them.

    Parameters
    ----------
    degrees
        Degree of every node, int64[n].
    rule
        One of ``RULES``.
    seeds
        Links of the node to the two end nodes of the pair: 1, or 2 for their common neighbors.
    root
        Tabulate the square root: a path of three links is the product of two roots.
    least_internal
        1 for sums over nodes (a node without internal link is on no path), else 0.

    Returns
    -------
    start : int64[n], where the stretch of each node begins.
    values : float64, the term of node z with di internal links is ``values[start[z] + di]``.
    """
    distinct, which = np.unique(degrees, return_inverse=True)
    begins = np.concatenate(([0], np.cumsum(distinct + 1)))
    degree = np.repeat(distinct, distinct + 1)
    internal = np.arange(begins[-1]) - np.repeat(begins[:-1], distinct + 1)
    external = degree - internal - seeds
    valid = (external >= 0) & (internal >= least_internal)
    values = np.zeros(degree.size, np.float64)
    terms = node_term(rule, degree[valid], internal[valid], external[valid])
    values[valid] = np.sqrt(terms) if root else terms
    return begins[:-1][which].astype(np.int64), values
