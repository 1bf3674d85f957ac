"""What a Cannistraci-Hebb rule is: a value, read from its name once."""

from __future__ import annotations

import re
from dataclasses import dataclass

from chgraph.linkpred._node_terms import RULES as TERMS

_NAME = re.compile(r"(RA|CH\d(?:\.\d)?)-L(\d+)(n?)")
_WORDS = {
    "RA": "resource allocation",
    "CH1": "internal links over degree",
    "CH2": "many internal, few external links",
    "CH3": "few external links",
    "CH3.1": "many internal, few external links, external ones weighing more",
}


@dataclass(frozen=True)
class Rule:
    """A rule of link prediction by paths.

    Attributes
    ----------
    term : {"RA", "CH1", "CH2", "CH3", "CH3.1"}
        What a node of the local community counts.
    length : int
        Links of a path.
    node_based : bool
        Whether nodes are summed instead of paths (bipartite graphs, length 3).

    Examples
    --------
    >>> Rule.read("CH3-L3n")
    Rule(term='CH3', length=3, node_based=True)
    >>> Rule("CH2", 2).name
    'CH2-L2'
    """

    term: str
    length: int
    node_based: bool = False

    @classmethod
    def read(cls, name: object) -> Rule | None:
        """Return the rule of this name, also one that is not offered; None if there is none."""
        match = _NAME.fullmatch(str(name))
        return None if match is None else cls(match[1], int(match[2]), bool(match[3]))

    @property
    def name(self) -> str:
        """Name among the methods."""
        return f"{self.term}-L{self.length}{'n' if self.node_based else ''}"

    @property
    def joins_sides(self) -> bool:
        """Whether its paths lead from one side of a bipartite graph to the other."""
        return self.length % 2 == 1

    @property
    def description(self) -> str:
        """What it counts, in a line."""
        if self.node_based:
            return f"{self.term}-L{self.length} summed over nodes instead of paths (bipartite)"
        return f"{_WORDS[self.term]}, over paths of {self.length} links"


OFFERED = (
    *(Rule(term, length) for term in TERMS for length in (2, 3)),
    Rule("CH2", 3, node_based=True),
    Rule("CH3", 3, node_based=True),
)
"""The rules that are methods."""


def rule_of(method: str) -> Rule:
    """Return the rule that is a method.

    Raises
    ------
    ValueError
        If there is none of this name.
    """
    rule = Rule.read(method)
    if rule not in OFFERED:
        raise ValueError(f"method must be one of the rules by paths, got {method!r}")
    assert rule is not None
    return rule
