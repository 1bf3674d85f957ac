"""Every method of link prediction by name, and which network each can score."""

from __future__ import annotations

from chgraph.checks import check_choice
from chgraph.graph import BipartiteGraph, Graph
from chgraph.linkpred import automata, classic

ADAPTIVE_METHODS: dict[str, tuple[str, ...]] = {
    "CHA": ("CH2-L2", "CH3-L2", "CH2-L3", "CH3-L3"),
    "CHA-CH3.1": ("CH3-L2", "CH3.1-L2", "CH3-L3", "CH3.1-L3"),
}
"""Candidate rules of each adaptive method; an earlier one wins where AUPRs are equal."""

LOCAL_COMMUNITIES = ("all", "on-path")

METHODS: dict[str, str] = {
    **automata.AUTOMATA_METHODS,
    **classic.CLASSIC_METHODS,
    "CHA": "adaptive: the best of CH2-L2, CH3-L2, CH2-L3, CH3-L3 for this network, SPcorr for ties",
    "CHA-CH3.1": "adaptive: the best of CH3-L2, CH3.1-L2, CH3-L3, CH3.1-L3, SPcorr for ties",
}
"""Every method of link prediction by name, with a line of description."""


_IN_LOWER_CASE = {name.lower(): name for name in METHODS}


def check_method(graph: Graph | BipartiteGraph, method: str) -> str:
    """Return the method's name, in whatever case it was written, if it can score such a graph.

    Raises
    ------
    ValueError
        If the name is unknown, or the method is not defined for the graph; says why.
    """
    if isinstance(method, str):
        method = _IN_LOWER_CASE.get(method.lower(), method)
    reason = automata.refusal(graph, method)
    if reason is not None:
        raise ValueError(f"method {method!r}: {reason}")
    check_choice("method", method, METHODS)
    if method in classic.CLASSIC_METHODS:
        classic.check_classic_method(graph, method)
    return method
