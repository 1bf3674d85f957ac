"""The tables of the documentation, copied from those of the studies and benchmarks.

``python -m analysis.results_page [PAGE ...]`` replaces every table that stands below a line
``<!-- NAME.md, table N -->`` by the N-th table of that page of the results; a test asserts that
the pages say what the results say. ``<!-- NAME.md, table N: TEXT -->`` takes the rows that begin
so; a text that ends with a colon is then left out. Tables of benchmarks are first written anew from
their rows (NAME.json).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import tyro

from analysis.benchmarks._rows import Row, table
from analysis.benchmarks.first_call import by_call
from analysis.benchmarks.networkx_backend import by_function
from chgraph.storage import write_atomically

PAGES = (Path("docs/results.md"), Path("docs/guide/networkx.md"))
BENCHMARKS: Mapping[str, Callable[[list[Row]], str]] = {
    "architectures": table,
    "first_call": by_call,
    "link_prediction": table,
    "metrics": table,
    "networkx_backend": by_function,
    "scale": table,
    "sparse_compute": table,
}
_MARK = re.compile(r"^<!-- (\w+\.md), table (\d+)(?:: (.*?))? -->\n(?:\|.*\n)*", re.M)
_TABLE = re.compile(r"(?:^\|.*\n)+", re.M)


def table_of(text: str, number: int, begin: str = "") -> str:
    """Return the number-th table (from 1) of a page, of it the rows whose text begins so.

    Raises
    ------
    ValueError
        If the page has fewer tables, or no row begins so.
    """
    tables = _TABLE.findall(text)
    if number > len(tables):
        raise ValueError(f"table must be at most {len(tables)}, got {number}")
    lines = tables[number - 1].splitlines(keepends=True)
    rows = [line for line in lines[2:] if line.startswith(f"| {begin}")]
    if not rows:
        raise ValueError(f"no row begins with {begin!r}")
    if begin.endswith(":"):
        rows = [f"| {row.removeprefix(f'| {begin}').lstrip()}" for row in rows]
    return "".join([*lines[:2], *rows])


def filled(page: str, results: Path) -> str:
    """Return a page with all its marked tables as the results have them."""

    def of(mark: re.Match[str]) -> str:
        name, number, begin = mark[1], int(mark[2]), mark[3] or ""
        text = (results / name).read_text(encoding="utf-8")
        return mark[0].split("\n", 1)[0] + "\n" + table_of(text, number, begin)

    return _MARK.sub(of, page)


def benchmark_tables(results: Path) -> dict[str, str]:
    """Return the tables of the benchmarks by name, from their rows."""
    found = {}
    for name, show in BENCHMARKS.items():
        rows = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        found[name] = show([Row(**{k: v for k, v in row.items() if k != "ratio"}) for row in rows])
    return found


@dataclass(frozen=True)
class Arguments:
    """Write the tables of the documentation."""

    pages: tyro.conf.Positional[tuple[Path, ...]] = PAGES
    """The pages."""
    results: Path = Path("analysis/results")
    """Folder of rows and tables."""


def main() -> None:
    """Write the benchmarks' tables, then the pages."""
    arguments = tyro.cli(Arguments, prog="python -m analysis.results_page")
    for name, text in benchmark_tables(arguments.results).items():
        write_atomically(arguments.results / f"{name}.md", text.encode())
    for path in arguments.pages:
        page = filled(path.read_text(encoding="utf-8"), arguments.results)
        print(write_atomically(path, page.encode()))


if __name__ == "__main__":
    main()
