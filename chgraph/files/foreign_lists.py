"""Lists of lines that would pass for links, though they are something else."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise


def is_tgf(lines: Sequence[str]) -> bool:
    """Whether lines are Trivial Graph Format: nodes, a line ``#``, links between these nodes.

    Examples
    --------
    >>> is_tgf(["1 first", "2 second", "#", "1 2 a label"]), is_tgf(["#", "a b", "b c"])
    (True, False)
    """
    texts = [line.split() for line in lines if line.strip()]
    if texts.count(["#"]) != 1:
        return False
    place = texts.index(["#"])
    nodes = [fields[0] for fields in texts[:place]]
    links = texts[place + 1 :]
    return (
        len(set(nodes)) == len(nodes) > 0
        and bool(links)
        and all(len(fields) > 1 and {*fields[:2]} <= {*nodes} for fields in links)
    )


def is_lgl(lines: Sequence[str]) -> bool:
    """Whether lines are LGL: a line ``# node``, then its neighbors, perhaps with weights.

    Examples
    --------
    >>> is_lgl(["# a", "b 1", "c 2", "# b", "c 1"]), is_lgl(["# SNAP", "# links", "1 2"])
    (True, False)
    """
    texts = [line.split() for line in lines if line.strip()]
    if not texts or texts[0][0] != "#":
        return False
    heads = [fields for fields in texts if fields[0] == "#"]
    others = [fields for fields in texts if fields[0] != "#"]
    apart = all(a[0] != "#" or b[0] != "#" for a, b in pairwise(texts))
    return (
        len(heads) > 1
        and apart
        and texts[-1][0] != "#"
        and all(len(fields) == 2 for fields in heads)
        and all(len(fields) == 1 or _is_weight(fields) for fields in others)
    )


def is_multiline(lines: Sequence[str], *, whole: bool) -> bool:
    """Whether lines are networkx's multiline adjacency list: a node and the number of its links.

    Below it stands a line with the neighbor, and perhaps a dictionary, for each of them.

    Examples
    --------
    >>> is_multiline(["a 2", "b {}", "c {}", "b 0", "c 0"], whole=True)
    True
    >>> is_multiline(["1 2", "2 3", "3 1"], whole=True)
    False
    """
    texts = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    place, dictionaries = 0, 0
    while place < len(texts):
        head = texts[place]
        if len(head) != 2 or not re.fullmatch(r"\d{1,9}", head[1].strip()):
            return False
        below = texts[place + 1 : place + 1 + int(head[1])]
        if len(below) < int(head[1]) and whole:
            return False
        if not all(len(fields) == 1 or fields[1].lstrip().startswith("{") for fields in below):
            return False
        dictionaries += len(below)
        place += 1 + int(head[1])
    return dictionaries > 0


def _is_weight(fields: Sequence[str]) -> bool:
    return (
        len(fields) == 2 and re.fullmatch(r"[-+]?[\d.]+(e[-+]?\d+)?", fields[1], re.I) is not None
    )
