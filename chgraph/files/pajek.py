"""Pajek's .net: nodes with labels, edges (undirected) and arcs (directed), one or two modes."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterator

import numpy as np

from chgraph.files.links import Result, one_kind, two_sides
from chgraph.files.opening import Content

_FIELD = re.compile(r'"([^"]*)"|(\S+)')
_SECTIONS = ("edges", "arcs", "edgeslist", "arcslist", "matrix")
_SPARE = 1_000_000  # nodes that a file need not mention


class _Network:
    """What the lines of a file say, gathered section by section."""

    def __init__(self, content: Content) -> None:
        self.content = content
        self.n_nodes = -1
        self.n_left = 0
        self.labels: dict[int, str] = {}
        self.links: list[tuple[int, int]] = []
        self.lines: list[int] = []
        self.directed = False
        self.weighted = False
        self.matrix_row = 0

    def error(self, line: int, reason: str) -> ValueError:
        return self.content.error(f"line {line}: {reason}")

    def open(self, line: int, fields: list[str]) -> str:
        """Take the line that begins a section, and return its name."""
        section = fields[0][1:].lower()
        if section == "vertices":
            self._sizes(line, fields)
        elif section == "network" and self.n_nodes < 0:
            return section
        elif section not in _SECTIONS:
            raise self.error(
                line,
                f"{fields[0]} is not read; *Vertices, *Edges, *Arcs and *Matrix are",
            )
        elif self.n_nodes < 0:
            raise self.error(line, f"{fields[0]} stands above *Vertices")
        if section in ("arcs", "arcslist"):
            self.directed = True
        return section

    def _sizes(self, line: int, fields: list[str]) -> None:
        if self.n_nodes >= 0:
            raise self.error(line, "a second *Vertices; only one network is read")
        sizes = [int(field) for field in fields[1:3] if re.fullmatch(r"\d{1,18}", field)]
        if not sizes or len(sizes) < len(fields[1:3]):
            raise self.error(line, "*Vertices needs the number of nodes")
        self.n_nodes, self.n_left = sizes[0], sizes[1] if len(sizes) > 1 else 0
        if self.n_nodes > max(_SPARE, len(self.content.data)) or self.n_left > self.n_nodes:
            raise self.error(
                line, f"says {' '.join(fields[1:3])} nodes, more than the file can hold"
            )

    def node(self, line: int, field: str) -> int:
        if not re.fullmatch(r"\d{1,18}", field) or not 1 <= int(field) <= self.n_nodes:
            raise self.error(line, f"expected a node from 1 to {self.n_nodes}, got {field!r}")
        return int(field) - 1

    def take(self, line: int, section: str, fields: list[str]) -> None:
        """Take a line of a section."""
        if section in ("", "network"):
            raise self.error(line, "expected *Vertices")
        if section == "matrix":
            self._matrix_row(line, fields)
            return
        node = self.node(line, fields[0])
        if section == "vertices":
            if len(fields) > 1:
                self.labels[node] = fields[1]
            return
        if section.endswith("list"):
            others = [self.node(line, field) for field in fields[1:]]
        elif len(fields) < 2:
            raise self.error(line, "expected 2 nodes, got 1")
        else:
            others = [self.node(line, fields[1])]
            self.weighted |= len(fields) > 2 and fields[2] not in ("1", "1.0", "1.00")
        self._add(line, node, others)

    def _matrix_row(self, line: int, fields: list[str]) -> None:
        row, first = self.matrix_row, self.n_left
        width = self.n_nodes - first
        if len(fields) != width or row >= (first or self.n_nodes):
            raise self.error(line, f"expected {width} entries, or too many rows of *Matrix")
        try:
            values = list(map(float, fields))
        except ValueError as error:
            raise self.error(line, f"an entry of *Matrix is not a number: {error}") from error
        self._add(line, row, [first + i for i, value in enumerate(values) if value])
        self.weighted |= any(value not in (0.0, 1.0) for value in values)
        self.directed |= not first
        self.matrix_row += 1

    def _add(self, line: int, node: int, others: list[int]) -> None:
        self.links += [(node, other) for other in others]
        self.lines += [line] * len(others)

    def names(self) -> list[Hashable]:
        """Return the labels if every node has another one, else the numbers from 1."""
        labels = [self.labels.get(node, "") for node in range(self.n_nodes)]
        if all(labels) and len(set(labels)) == self.n_nodes:
            return list(labels)
        return list(range(1, self.n_nodes + 1))


def read_pajek(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of a Pajek file; two modes (``*Vertices 10 4``) are two sides.

    Raises
    ------
    ValueError
        If the file is malformed (with the line), holds no links or more than one network, or
        is directed: has arcs without their reverse.
    """
    network = _Network(content)
    section = ""
    for line, fields in _lines(content):
        if fields[0].startswith("*") and len(fields[0]) > 1 and fields[0][1].isalpha():
            section = network.open(line, fields)
        else:
            network.take(line, section, fields)
    if not network.links:
        raise content.error("holds no links")
    try:
        graph, notes = _graph(network, bipartite, ignore_directions)
    except ValueError as error:
        raise content.error(str(error)) from error
    if network.weighted:
        notes.insert(0, "weights are not kept")
    return graph, [f"{content.path}: {note}" for note in notes]


def _graph(network: _Network, bipartite: bool | None, ignore_directions: bool) -> Result:
    ends, lines = np.array(network.links), np.array(network.lines)
    names, n_left = network.names(), network.n_left
    if not (bipartite or (bipartite is None and n_left)):
        directed = network.directed and not ignore_directions
        return one_kind(ends, names, lines=lines, directed=directed)
    if not n_left:
        raise ValueError("says nothing of two sides: *Vertices needs the number of left nodes too")
    ends = np.sort(ends, axis=1)
    inside = np.flatnonzero((ends[:, 0] >= n_left) | (ends[:, 1] < n_left))
    if inside.size:
        raise ValueError(f"line {lines[inside[0]]}: the link joins two nodes of one side")
    return two_sides(ends - [0, n_left], names[:n_left], names[n_left:], lines=lines)


def _lines(content: Content) -> Iterator[tuple[int, list[str]]]:
    for number, line in enumerate(content.text().splitlines(), 1):
        start = line.lstrip()[:1]
        if not start or start == b"%":
            continue
        try:
            text = line.decode()
        except UnicodeDecodeError:
            text = line.decode("latin-1")  # as Pajek itself wrote for long
        yield number, [quoted or bare for quoted, bare in _FIELD.findall(text)] or [""]
