"""When a function runs here: said beside each function, read by networkx's dispatcher.

networkx asks :func:`can_run` with the graph and the arguments as they were given, before it
converts anything; what is declined runs in networkx itself. :func:`should_run` declines what
would take longer to convert than to do.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import networkx as nx

from chgraph.interop.network import Network, cached

Function = TypeVar("Function", bound=Callable[..., Any])
Check = Callable[[Any, dict[str, Any]], str | None]

_OLDEST = (3, 6)  # of networkx: what functions return has changed with versions
_SMALL = 32  # nodes: networkx is done before a graph is converted
_FEW = 8  # a part of the nodes or pairs that is this many times smaller than the graph is small


@dataclass(frozen=True)
class Rule:
    """What a function of the backend takes.

    Attributes
    ----------
    signature : inspect.Signature
        networkx's own.
    loops : bool
        Whether self-loops are allowed.
    fixed : mapping of str to object
        Arguments that must have this value.
    nodes, pairs : str or None
        Arguments that must be None or a collection: of nodes of the graph, of pairs.
    check : callable or None
        Returns why a graph and its arguments do not suit, or None.
    light : bool
        Whether the work is so little that only a converted graph is worth it.
    """

    signature: inspect.Signature
    loops: bool = True
    fixed: Mapping[str, Any] = field(default_factory=dict)
    nodes: str | None = None
    pairs: str | None = None
    check: Check | None = None
    light: bool = False


RULES: dict[str, Rule] = {}


def runs_when(**limits: Any) -> Callable[[Function], Function]:
    """Register a function under its name with the limits of its :class:`Rule`."""

    def register(function: Function) -> Function:
        RULES[function.__name__] = Rule(inspect.signature(function), **limits)
        return function

    return register


def can_run(name: str, args: Any, kwargs: dict[str, Any]) -> bool | str:
    """Return True, or why the function does not run here with these arguments."""
    if tuple(map(int, re.findall(r"\d+", nx.__version__)[:2])) < _OLDEST:
        return f"networkx {nx.__version__} is older than the backend knows"
    rule = RULES.get(name)
    if rule is None:
        return f"{name} is not of this backend"
    try:
        given = _given(rule, args, kwargs)
    except TypeError as error:
        return str(error)
    graph = given.pop("G")
    return (
        _unfit_graph(graph, rule)
        or _unfit_values(given, rule)
        or (rule.nodes and _unfit_nodes(graph, given[rule.nodes]))
        or (rule.pairs and _unfit_pairs(given[rule.pairs]))
        or (rule.check and rule.check(graph, given))
        or True
    )


def should_run(name: str, args: Any, kwargs: dict[str, Any]) -> bool | str:
    """Return True, or why it would not pay to convert the graph; assumes that it can run."""
    rule = RULES[name]
    given = _given(rule, args, kwargs)
    graph = given.pop("G")
    if cached(graph) is not None:
        return True
    if rule.light or len(graph) < _SMALL:
        return "to convert the graph would take longer than the work itself"
    part = given.get(rule.nodes or rule.pairs or "")
    if part is not None and _FEW * len(part) < len(graph):
        return "to convert the graph would take longer than these few nodes"
    return True


def _given(rule: Rule, args: Any, kwargs: dict[str, Any]) -> dict[str, Any]:
    bound = rule.signature.bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.arguments


def _unfit_graph(graph: Any, rule: Rule) -> str | None:
    if not isinstance(graph, nx.Graph | Network):
        return f"the graph must be networkx's, got {type(graph).__name__}"
    if graph.is_directed():
        return "directed graphs are not covered"
    if graph.is_multigraph():
        return "multigraphs are not covered"
    if not rule.loops and has_loops(graph):
        return "graphs with self-loops are not covered"
    return None


def has_loops(graph: Any) -> bool:
    """Whether a networkx graph or a converted one has a self-loop."""
    net = cached(graph)
    if net is not None:
        return net.n_loops > 0
    return any(node in around for node, around in graph.adjacency())


def _unfit_values(given: dict[str, Any], rule: Rule) -> str | None:
    for name, value in rule.fixed.items():
        if given[name] is not value:
            return f"{name} other than {value!r} is not covered"
    return None


def _unfit_nodes(graph: Any, nodes: Any) -> str | None:
    if nodes is None:
        return None
    if nodes in graph or not _is_collection(nodes):
        return "only collections of nodes are covered"
    return None if all(node in graph for node in nodes) else "some nodes are not in the graph"


def _unfit_pairs(pairs: Any) -> str | None:
    return None if pairs is None or _is_collection(pairs) else "only collections are covered"


def _is_collection(values: Any) -> bool:
    """Whether it can be gone through twice; text is not meant, its letters might be."""
    return isinstance(values, Collection) and not isinstance(values, str | bytes)
