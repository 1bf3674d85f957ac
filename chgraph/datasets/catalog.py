"""What the bundled networks are: one value each, read from ``catalog.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Dataset:
    """A bundled network, described.

    Attributes
    ----------
    name : str
        For :func:`chgraph.datasets.load`.
    title : str
    nodes : tuple of str
        What the nodes are: one kind, or the left and the right one.
    links : str
        What a link means.
    n_nodes : tuple of int
        As many as there are kinds.
    n_links : int
    bipartite : bool
    reference : str
        Where it was published: cite this.
    source : str
        The function that makes it, or the file beside this module.
    license : str
        Under which it is passed on.
    notes : str
        What was left out or chosen.

    Examples
    --------
    >>> import chgraph
    >>> print(chgraph.datasets.describe("florentine_families"))
    florentine_families: Florentine families
    15 families, 20 links (marriages between two families)
    ...
    """

    name: str
    title: str
    nodes: tuple[str, ...]
    links: str
    n_nodes: tuple[int, ...]
    n_links: int
    bipartite: bool
    reference: str
    source: str
    license: str
    notes: str

    def __str__(self) -> str:
        counts = " and ".join(
            f"{n} {what}" for n, what in zip(self.n_nodes, self.nodes, strict=True)
        )
        lines = [
            f"{self.name}: {self.title}",
            f"{counts}, {self.n_links} links ({self.links})",
            f"Reference: {self.reference}",
            f"License: {self.license}, from {self.source}",
            self.notes,
        ]
        return "\n".join(line for line in lines if line)


@cache
def catalog() -> dict[str, Dataset]:
    """Return every bundled network by name."""
    text = files("chgraph.datasets").joinpath("catalog.toml").read_text(encoding="utf-8")
    return {name: _entry(name, table) for name, table in tomllib.loads(text).items()}


def _entry(name: str, table: dict[str, Any]) -> Dataset:
    sides: dict[str, Any] = {key: tuple(table.pop(key)) for key in ("nodes", "n_nodes")}
    return Dataset(name=name, **sides, **table)
