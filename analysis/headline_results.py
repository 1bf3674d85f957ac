"""The README's table of results, written from the rows of the studies and benchmarks.

``python -m analysis.headline_results [--readme FILE]`` replaces what stands between the two marks
in the README; a test asserts that what stands there is what the rows say.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import tyro

from chgraph.storage import write_atomically

BEGIN, END = "<!-- results -->\n", "<!-- end of results -->\n"
_DENSE = "fully connected"


@dataclass(frozen=True)
class Result:
    """A line of the table: what was measured, ours, what it stands beside, how to repeat it."""

    what: str
    ours: str
    beside: str
    command: str


def results(folder: Path) -> list[Result]:
    """Return the lines of the table from the JSON rows in a folder."""
    return [
        _link_prediction(_rows(folder, "link_prediction.json")),
        _link_accuracy(_rows(folder, "link_accuracy.json")),
        _networkx(_rows(folder, "networkx_backend.json")),
        _headline(_rows(folder, "mnist_headline.json")),
        _methods(_rows(folder, "mnist_2fc.json")),
        _convolutional(_rows(folder, "mnist_2conv2fc.json")),
        *_operations(_rows(folder, "stp_3fc.json")),
        *_speed(_rows(folder, "sparse_compute.json")),
    ]


def table(lines: list[Result]) -> str:
    """Return the lines as a Markdown table."""
    text = "| | ours | beside it | command: `python -m analysis.`... |\n|---|---|---|---|\n"
    for line in lines:
        text += f"| {line.what} | {line.ours} | {line.beside} | `{line.command}` |\n"
    return text


def _rows(folder: Path, name: str) -> list[dict[str, Any]]:
    return list(json.loads((folder / name).read_text(encoding="utf-8")))


def _the(rows: list[dict[str, Any]], what: str) -> dict[str, Any]:
    """Return the row of a benchmark whose text begins with `what`."""
    return next(row for row in rows if row["what"].startswith(what))


def _seconds(value: float) -> str:
    return f"{value:.3g} s" if value >= 1 else f"{1e3 * value:.3g} ms"


def _accuracy(rows: list[dict[str, Any]], part: str, method: str) -> str:
    found = [100 * r["accuracy"] for r in rows if (r["part"], r["method"]) == (part, method)]
    spread = f" ± {stdev(found):.2f}" if len(found) > 1 else ""
    return f"{fmean(found):.2f}{spread} %"


def _link_prediction(rows: list[dict[str, Any]]) -> Result:
    command = "benchmarks.link_prediction"
    speed = _the(rows, "predict_links, yeast, the 10,000 best")
    return Result(
        "yeast interactome (4,951 nodes): the 10,000 best new links, exact",
        _seconds(speed["ours"]),
        f"authors' module {_seconds(speed['peer'])}",
        command,
    )


def _link_accuracy(rows: list[dict[str, Any]]) -> Result:
    found = {row["method"]: row["auc_pr"] for row in rows}
    return Result(
        "the same, 10 % of its links removed and found again: AUC-PR of CH3-L3",
        f"{found['CH3-L3']:.3f}",
        f"RA-L3 {found['RA-L3']:.3f}, resource allocation {found['RA']:.3f}",
        "link_accuracy",
    )


def _networkx(rows: list[dict[str, Any]]) -> Result:
    row = _the(rows, "yeast: betweenness_centrality")
    return Result(
        'networkx code unchanged, `backend="chgraph"`: betweenness of yeast',
        _seconds(row["ours"]),
        f"networkx {_seconds(row['peer'])}",
        "benchmarks.networkx_backend",
    )


def _headline(rows: list[dict[str, Any]]) -> Result:
    return Result(
        "MNIST, 784-1568-10, 99 % of the first layer's links absent: test accuracy",
        _accuracy(rows, "main", "sparse, 99 %"),
        f"{_DENSE}, tuned as long: {_accuracy(rows, 'main', _DENSE)}",
        "mnist_headline",
    )


def _methods(rows: list[dict[str, Any]]) -> Result:
    best = "CHTs"
    return Result(
        "the same on 10,000 images, beside other methods",
        _accuracy(rows, "methods", "CH-SNN"),
        f"{_DENSE} {_accuracy(rows, 'methods', _DENSE)}, {best} {_accuracy(rows, 'methods', best)}",
        "mnist_2fc",
    )


def _convolutional(rows: list[dict[str, Any]]) -> Result:
    return Result(
        "MNIST, 2Conv2FC, linear layer 95 % sparse: test accuracy",
        _accuracy(rows, "main", "CH-SNN"),
        f"{_DENSE} {_accuracy(rows, 'main', _DENSE)}",
        "architectures mnist_2conv2fc",
    )


def _operations(rows: list[dict[str, Any]]) -> list[Result]:
    """Return the fewer operations of the 3FC networks, of the parts that are finished."""
    rows = [row for row in rows if row["learning"] == "bptt"]
    lines = []
    for part, says in (("main", "94.6 %"), ("sparsest", "98.4 %")):
        ratios = [r["sop_ratio"] for r in rows if (r["part"], r["method"]) == (part, "CH-SNN")]
        if ratios:
            lines.append(
                Result(
                    f"MNIST, 784-1568-1568-10, {says} of all links absent: synaptic operations",
                    f"{fmean(ratios):.0f} times fewer, {_accuracy(rows, part, 'CH-SNN')}",
                    f"{_DENSE} {_accuracy(rows, part, _DENSE)}",
                    f"stp_3fc --parts {part}",
                )
            )
    return lines


def _speed(rows: list[dict[str, Any]]) -> list[Result]:
    step = _the(rows, "training step, 784-1568-1568-10, T 8, batch 128, 99% sparse")
    epoch = _the(rows, "one epoch of 55,000 images, 784-1568-10, 99 %, batch 64, 2 threads")
    return [
        Result(
            f"{what}, 99 % sparse",
            _seconds(row["ours"]),
            f"{peer} {_seconds(row['peer'])}",
            "benchmarks.sparse_compute",
        )
        for what, row, peer in (
            ("training step of 784-1568-1568-10, batch 128", step, "dense Norse"),
            ("epoch of MNIST, 784-1568-10", epoch, "same code, fully connected"),
        )
    ]


def in_page(page: str, lines: list[Result]) -> str:
    """Return a page with the table between its two marks.

    Raises
    ------
    ValueError
        If the page does not have both marks.
    """
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"the page must have the lines {BEGIN.strip()} and {END.strip()}")
    return before + BEGIN + table(lines) + END + after


@dataclass(frozen=True)
class Arguments:
    """Write the README's table of results."""

    results: Path = Path("analysis/results")
    """Folder of the rows."""
    readme: Path = Path("README.md")
    """The page."""


def main() -> None:
    """Replace the table in the page."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.headline_results")
    page = arguments.readme.read_text(encoding="utf-8")
    print(write_atomically(arguments.readme, in_page(page, results(arguments.results)).encode()))


if __name__ == "__main__":
    main()
