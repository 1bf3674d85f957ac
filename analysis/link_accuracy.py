"""How well each rule finds links that were taken away: AUC-PR on the yeast interactome.

``python -m analysis.link_accuracy [--methods CH3-L3 ...]`` removes 10 % of the links, ten times,
and ranks all unlinked pairs by each method. Methods that the table has are not measured again
(``--again`` does). The network is read from the folder CHSNN_DATA names. All take some minutes,
but for SPM, which takes half an hour.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tyro

import chgraph
from analysis._earlier import rows_in
from analysis.benchmarks.link_prediction import yeast
from chgraph.storage import write_atomically

NAME = "link_accuracy"
METHODS = (
    "CH3-L3",
    "CH2-L3",
    "RA-L3",
    "CH3-L2",
    "CHA",
    "CN",
    "JC",
    "AA",
    "RA",
    "PA",
    "Katz",
    "SPM",
)
_REMOVED, _REPEATS, _THREADS = 0.1, 10, 2


@dataclass(frozen=True)
class Arguments:
    """Measure how well each rule finds links that were taken away."""

    methods: tuple[str, ...] = METHODS
    """Of :data:`chgraph.METHODS`."""
    again: bool = False
    """Whether to measure what the table has already."""
    out: Path = Path("analysis/results")
    """Folder of rows and table."""


def measured(graph: chgraph.Graph, method: str) -> dict[str, Any]:
    """Return the row of a method; the same seed removes the same links for all."""
    found = chgraph.linkpred.evaluate(
        graph,
        methods=[method],
        removed=_REMOVED,
        repeats=_REPEATS,
        rng=0,
        n_threads=_THREADS,
        progress=True,
    )
    cells = found.table()[method]
    return {
        "network": "yeast_dip",
        "method": method,
        "auc_pr": cells["AUC-PR"].mean,
        "spread": cells["AUC-PR"].sd,
        "seconds": cells["seconds"].mean,
        "removed": _REMOVED,
        "repeats": _REPEATS,
    }


def table(rows: Sequence[dict[str, Any]]) -> str:
    """Return the rows as a Markdown table, the best method first."""
    text = "| method | AUC-PR | standard deviation | repeats |\n|---|---|---|---|\n"
    for row in sorted(rows, key=lambda row: -row["auc_pr"]):
        numbers = f"{row['auc_pr']:.4f} | {row['spread']:.4f} | {row['repeats']}"
        text += f"| {row['method']} | {numbers} |\n"
    return text


def write_results(rows: Sequence[dict[str, Any]], out: Path) -> str:
    """Write a row per method, and the table; return the table."""
    text = table(rows)
    write_atomically(out / f"{NAME}.json", (json.dumps(list(rows), indent=1) + "\n").encode())
    write_atomically(out / f"{NAME}.md", text.encode())
    return text


def main() -> None:
    """Measure what is asked for, print the table, and write it."""
    arguments = tyro.cli(Arguments, prog=f"python -m analysis.{NAME}")
    graph = yeast()
    if graph is None:
        raise SystemExit("CHSNN_DATA must name the folder that holds networks/yeast_dip.csv")
    rows = {row["method"]: row for row in rows_in(arguments.out / f"{NAME}.json")}
    for method in arguments.methods:
        if arguments.again or method not in rows:
            rows[method] = measured(graph, method)
            write_results(list(rows.values()), arguments.out)
    print(write_results(list(rows.values()), arguments.out))


if __name__ == "__main__":
    main()
