"""Runs of several methods, sparsities and seeds summed up: means, spreads, gains, a table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from chsnn.lab.methods import FULLY_CONNECTED


@dataclass(frozen=True)
class Summary:
    """The runs of one method at one sparsity.

    Attributes
    ----------
    method : str
    sparsity : float
        The one asked for.
    rows : tuple of dict
        One per seed.
    gains : tuple of float
        Accuracy above that of the fully connected network with the same seed; empty where
        there is none.
    """

    method: str
    sparsity: float
    rows: tuple[dict[str, Any], ...]
    gains: tuple[float, ...]

    def mean(self, name: str) -> float:
        """Return the mean of a measurement over the seeds."""
        return fmean(row[name] for row in self.rows)

    def deviation(self, name: str) -> float:
        """Return its standard deviation, 0 for one seed."""
        return spread([row[name] for row in self.rows])


def summarize(rows: Sequence[dict[str, Any]]) -> list[Summary]:
    """Group the rows by method and sparsity, in the order they come."""
    dense = {row["seed"]: row["accuracy"] for row in rows if row["method"] == FULLY_CONNECTED}
    groups: dict[tuple[str, float], list[dict[str, Any]]] = {}
    for row in rows:
        groups.setdefault((row["method"], row["sparsity"]), []).append(row)
    summaries = []
    for (method, sparsity), members in groups.items():
        gains = tuple(r["accuracy"] - dense[r["seed"]] for r in members if r["seed"] in dense)
        summaries.append(Summary(method, sparsity, tuple(members), gains))
    return summaries


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the comparison as a Markdown table: means and standard deviations over seeds."""
    head, *body = table_cells(rows)
    lines = [head, ["---"] * len(head), *body]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def table_cells(rows: Sequence[dict[str, Any]]) -> list[list[str]]:
    """Return the comparison as texts, a line of names of columns and a line per method."""
    columns: list[tuple[str, Callable[[Summary], str]]] = [
        ("method", lambda s: s.method),
        ("sparsity asked (%)", lambda s: f"{100 * s.sparsity:.10g}" if s.sparsity else ""),
        ("test accuracy (%)", lambda s: _cell(s, "accuracy", 100, ".2f")),
        ("gain (points)", lambda s: _gain(s.gains) if s.sparsity else ""),
        ("links absent (%)", lambda s: _cell(s, "link_sparsity", 100, ".2f", spread=False)),
        ("neurons removed (%)", lambda s: _cell(s, "node_sparsity", 100, ".1f", spread=False)),
        ("SOPs a sample", lambda s: _cell(s, "sops_per_sample", 1, ",.0f")),
        ("MACs a sample", lambda s: _cell(s, "macs_per_sample", 1, ",.0f", spread=False)),
        ("energy a sample (nJ)", lambda s: _cell(s, "energy_per_sample_j", 1e9, ",.1f")),
        ("training (s)", lambda s: _cell(s, "train_seconds", 1, ",.0f", spread=False)),
        ("seeds", lambda s: str(len(s.rows))),
    ]
    head = [name for name, _ in columns]
    return [head, *([cell(summary) for _, cell in columns] for summary in summarize(rows))]


def _cell(s: Summary, name: str, factor: float, form: str, *, spread: bool = True) -> str:
    text = f"{factor * s.mean(name):{form}}"
    return f"{text} ± {factor * s.deviation(name):{form}}" if spread and len(s.rows) > 1 else text


def _gain(gains: Sequence[float]) -> str:
    if not gains:
        return ""
    text = f"{100 * fmean(gains):+.2f}"
    return f"{text} ± {100 * spread(gains):.2f}" if len(gains) > 1 else text


def spread(values: Sequence[float]) -> float:
    """Return the standard deviation, 0 for one value."""
    return stdev(values) if len(values) > 1 else 0.0
