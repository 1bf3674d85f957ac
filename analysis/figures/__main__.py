"""``python -m analysis.figures [--results FOLDER] [--out FOLDER]``: all figures and tables.

Figures are written as SVG and PNG, tables as Markdown, and captions.md says for each what is ours
and what is published. Rows are those that the other studies have written to ``--results``.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import tyro

from analysis.figures import energy, gains, score, stages
from chgraph.plotting import save_figure
from chgraph.storage import write_atomically


@dataclass(frozen=True)
class Arguments:
    """Draw the paper's figures and write its tables, ours beside the published numbers."""

    results: Path = Path("analysis/results")
    """Folder of the rows of our studies."""
    out: Path = Path("analysis/results/figures")
    """Folder of figures, tables and captions."""


def main() -> None:
    """Draw and write everything."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.figures")
    results, out = arguments.results, arguments.out
    figures = {
        "figure_1": (stages.figure(), stages.CAPTION),
        "figure_2": (gains.figure(results), gains.CAPTION),
        "figure_3": (energy.figure(results), energy.CAPTION),
        "figure_4": (score.figure(), score.CAPTION),
    }
    for name, (drawing, _) in figures.items():
        for ending in ("svg", "png"):
            print(save_figure(drawing, out / f"{name}.{ending}"))
    tables = {
        "table_1": gains.table(results),
        "table_2": energy.table_2(results),
        "table_3": energy.table_3(results),
    }
    for name, text in tables.items():
        print(write_atomically(out / f"{name}.md", text.encode()))
    captions = "\n\n".join(
        f"![{name}]({name}.png)\n\n{said}" for name, (_, said) in figures.items()
    )
    print(write_atomically(out / "captions.md", (captions + "\n").encode()))


if __name__ == "__main__":
    main()
