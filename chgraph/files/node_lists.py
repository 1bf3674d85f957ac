"""Lines that list the neighbors of a node: Cytoscape's SIF, networkx's adjacency lists."""

from __future__ import annotations

import csv

import numpy as np

from chgraph.files.links import Result, by_appearance, one_kind, two_sides
from chgraph.files.opening import Content
from chgraph.files.separators import Separator
from chgraph.files.tables import Bad, Fields, content_lines, reasons


def read_sif(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of lines ``A pp B C``: a node, a kind of interaction, other nodes.

    Fields stand between tabs if the file has any, else between white space. A line with one
    field is a node without links. Kinds of interaction are not kept.
    """
    bad: Bad = []
    rows: list[tuple[int, Fields]] = []
    kinds: set[str] = set()
    for number, fields in _rows(content, bad):
        if len(fields) == 2:
            bad.append((number, "expected a node, a kind of interaction and other nodes, got 2"))
        else:
            kinds.update(fields[1:2])
            rows.append((number, [fields[0], *fields[2:]]))
    graph, notes = _network(content, rows, bad, bipartite)
    if len(kinds) > 1:
        notes.insert(0, f"{len(kinds)} kinds of interaction are not kept apart")
    return graph, [f"{content.path}: {note}" for note in notes]


def read_adjacency_list(
    content: Content, *, bipartite: bool | None, ignore_directions: bool
) -> Result:
    """Return the network of lines ``A B C``: a node and its neighbors."""
    bad: Bad = []
    graph, notes = _network(content, list(_rows(content, bad)), bad, bipartite)
    return graph, [f"{content.path}: {note}" for note in notes]


def _rows(content: Content, bad: Bad) -> list[tuple[int, Fields]]:
    data = content.text()
    separator = Separator("\t" if b"\t" in data else None)
    rows: list[tuple[int, Fields]] = []
    for number, line in content_lines(data):
        try:
            fields = separator.split(line.decode().strip(" "))
        except (ValueError, csv.Error):
            bad.append((number, "bytes that are not UTF-8 text, or a quotation mark left open"))
            continue
        while fields and not fields[-1]:
            fields.pop()
        if not all(fields):
            bad.append((number, f"field {fields.index('') + 1} is empty"))
        elif fields:
            rows.append((number, fields))
    return rows


def _network(
    content: Content, rows: list[tuple[int, Fields]], bad: Bad, bipartite: bool | None
) -> Result:
    if bad:
        raise content.error(reasons(bad))
    links = [(fields[0], other) for _, fields in rows for other in fields[1:]]
    if not links:
        raise content.error("holds no links")
    lines = np.array([number for number, fields in rows for _ in fields[1:]])
    number: dict[str, int] = {}
    for _, fields in rows:
        for name in fields:
            number.setdefault(name, len(number))
    codes = np.array([(number[u], number[v]) for u, v in links])
    if bipartite:
        left, left_names = by_appearance(codes[:, 0], list(number))
        right, right_names = by_appearance(codes[:, 1], list(number))
        return two_sides(np.column_stack([left, right]), left_names, right_names, lines=lines)
    alone = np.setdiff1d(np.arange(len(number)), codes)
    ends, names = by_appearance(np.vstack([codes, np.column_stack([alone, alone])]), list(number))
    return one_kind(ends[: len(links)], names, lines=lines)
