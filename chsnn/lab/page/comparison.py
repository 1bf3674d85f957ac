"""The page of a comparison: methods side by side, sorted, each with its name."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any
from urllib.parse import quote

from chgraph.storage import write_atomically
from chsnn.lab.folder import PAGE, ROWS, folder_of_run
from chsnn.lab.methods import FULLY_CONNECTED
from chsnn.lab.page.charts import Axis, Scale, Series, line_chart
from chsnn.lab.page.document import page, settings_table
from chsnn.lab.page.dots import Dot, DotRow, dot_table
from chsnn.lab.page.html import Child, Markup, element, figure, grid, join, section, table
from chsnn.lab.page.numbers import count, number, percent
from chsnn.lab.summaries import Summary, spread, summarize, table_cells

OURS = "CH-SNN"


@dataclass(frozen=True)
class Measure:
    """What methods are compared by: a title, a number of a row, how it is written and placed.

    A number is multiplied by the factor after means are taken, as everywhere.
    """

    title: str
    of: Callable[[dict[str, Any]], float]
    form: Callable[[float], str]
    scale: Callable[[Sequence[float]], Scale]
    about: str = ""
    factor: float = 1.0


def _linear(values: Sequence[float]) -> Scale:
    return Scale.over(values, zero=True)


def _logarithmic(values: Sequence[float]) -> Scale:
    return Scale.over(values, log=True)


_ACCURACY = Measure(
    "Test accuracy (%)",
    lambda row: row["accuracy"],
    "{:.2f}".format,
    lambda values: Scale.short_of(100.0, values),
    "placed by the logarithm of the error",
    100.0,
)
_SOPS = Measure("SOPs a sample", lambda r: r["sops_per_sample"], count, _logarithmic, "log scale")
_LINKS = Measure(
    "Links left (%)",
    lambda row: 1 - row["link_sparsity"],
    "{:.2f}".format,
    _logarithmic,
    "all layers, log scale",
    100.0,
)
_SECONDS = Measure(
    "Training (s)", lambda r: r["train_seconds"], "{:,.1f}".format, _logarithmic, "log scale"
)
_RATE = Measure("Firing rate (%)", lambda r: r["firing_rate"], "{:.1f}".format, _linear, "", 100.0)
_NEURONS = Measure(
    "Neurons removed (%)", lambda r: r["node_sparsity"], "{:.1f}".format, _linear, "", 100.0
)


def write_comparison_page(folder: Path, out: Path | None = None) -> Path:
    """Write `report.html` of a comparison, as far as its runs are finished; return its path.

    Parameters
    ----------
    folder : Path
        With `comparison.json`.
    out : Path, optional
        Another file.

    Raises
    ------
    FileNotFoundError
        If it is not the folder of a comparison.
    ValueError
        If its rows cannot be read.
    """
    source = folder / ROWS
    if not source.is_file():
        raise FileNotFoundError(f"{folder} is not the folder of a comparison: it has no {ROWS}")
    try:
        rows = json.loads(source.read_text(encoding="utf-8"))
        text = comparison_page(rows, folder)
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{source} is damaged: {error!r}") from error
    return write_atomically(folder / PAGE if out is None else out, text.encode())


def comparison_page(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    """Return the page of a comparison as HTML.

    Parameters
    ----------
    rows : sequence of dict
        A row per run, as in `comparison.json`.
    folder : Path
        Of the comparison: the pages of its runs are linked to.
    """
    summaries = summarize(rows)
    asked = sorted({s.sparsity for s in summaries if s.sparsity}) or [0.0]
    parts: list[tuple[str, Child]] = [
        ("Summary", _summary(summaries, asked)),
        ("Methods", _methods(summaries, asked)),
        ("Over sparsities", _over_sparsities(summaries, asked)),
        ("Ablation", _ablation(summaries, asked)),
        ("Table", _table(rows)),
        ("Runs", _runs(rows, folder)),
        ("Settings", _settings(rows)),
    ]
    methods = {s.method for s in summaries}
    return page(f"{len(methods)} methods, {_shared(rows, 'data')}", _subtitle(rows, folder), parts)


def _shared(rows: Sequence[dict[str, Any]], name: str) -> str:
    """Return what all runs have in common under a name, or all that there is."""
    values = list(dict.fromkeys(_said(row.get(name)) for row in rows))
    return ", ".join(values) if values else "?"


def _said(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list) else str(value)


def _subtitle(rows: Sequence[dict[str, Any]], folder: Path) -> str:
    words = [
        f"comparison {folder.resolve().name}",
        _shared(rows, "network"),
        f"{_shared(rows, 'timesteps')} time steps",
        f"{_shared(rows, 'epochs')} epochs",
        f"{len(rows)} runs, seeds {', '.join(str(s) for s in sorted({r['seed'] for r in rows}))}",
    ]
    return " · ".join(words)


def _group(summaries: Sequence[Summary], sparsity: float) -> list[Summary]:
    """Return the methods at one sparsity, and the fully connected network, best first."""
    group = [s for s in summaries if s.sparsity in (0.0, sparsity)]
    return sorted(group, key=lambda s: -s.mean("accuracy"))


def _summary(summaries: Sequence[Summary], asked: Sequence[float]) -> Markup:
    groups = [[s for s in _group(summaries, a) if s.sparsity] for a in asked]
    findings = [_finding(group[0]) for group in groups if group]
    if len(findings) == 1:
        return section("Summary", element("p", findings[0], class_="headline"))
    lines = [element("li", finding) for finding in findings]
    return section("Summary", element("ul", *lines, class_="findings") if lines else None)


def _finding(best: Summary) -> Markup:
    """Return in words which sparse method is the best at its sparsity."""
    gain = "."
    if best.gains:
        points = f"{100 * fmean(best.gains):+.2f}".replace("-", "\N{MINUS SIGN}")
        gain = f", {points} points beside the fully connected network, seed by seed."
    kind = "sparse" if best.method == OURS else None
    return join(
        f"Best with {100 * best.sparsity:.4g}\N{NO-BREAK SPACE}% of the links absent: ",
        element("b", best.method, class_=kind),
        " with ",
        element("b", percent(best.mean("accuracy"))),
        gain,
    )


# ---------------------------------------------------------------------------------- methods


def _methods(summaries: Sequence[Summary], asked: Sequence[float]) -> Markup:
    parts: list[Child] = []
    for sparsity in asked:
        group = _group(summaries, sparsity)
        title = f"{100 * sparsity:.4g} % of the links absent, as asked for" if sparsity else None
        parts += [
            None if title is None else element("h3", title),
            _side_by_side(group, (_ACCURACY, _SOPS, _LINKS, _SECONDS)),
        ]
    about = "A large dot is the mean over seeds, a small one a seed. Most accurate first."
    return section("Methods", *parts, about=about)


def _side_by_side(group: Sequence[Summary], measures: Sequence[Measure]) -> Markup:
    figures = [figure(_dots(group, m), m.title, m.about or None) for m in measures]
    return element("div", *figures, class_="halves")


def _dots(group: Sequence[Summary], measure: Measure) -> Markup:
    """Return a row per method: a dot per seed, their mean, and both in digits."""
    rows, means = [], {}
    for s in group:
        kind, form = kind_of(s.method), measure.form
        raw = [measure.of(row) for row in s.rows]
        values = [measure.factor * value for value in raw]
        mean = means[s.method] = measure.factor * fmean(raw)
        dots = [
            Dot(value, f"{kind} small", f"seed {row['seed']}: {form(value)}")
            for value, row in zip(values, s.rows, strict=True)
        ]
        dots = [*(dots if len(dots) > 1 else []), Dot(mean, kind, f"{s.method}: {form(mean)}")]
        text = (
            f"{form(mean)} ± {form(measure.factor * spread(raw))}"
            if len(values) > 1
            else form(mean)
        )
        rows.append(DotRow(s.method, dots, text, kind=kind))
    scale = measure.scale([dot.value for row in rows for dot in row.dots])
    several = any(len(s.rows) > 1 for s in group)
    head = ("method", "", "mean ± s.d." if several else "")
    return dot_table(rows, scale, head=head, mark=means.get(FULLY_CONNECTED))


def kind_of(method: str) -> str:
    """Return the color of a method: ours, the fully connected network, or another."""
    return {OURS: "sparse", FULLY_CONNECTED: "twin"}.get(method, "other")


# ------------------------------------------------------------------------- small multiples


def _over_sparsities(summaries: Sequence[Summary], asked: Sequence[float]) -> Child:
    if len(asked) < 2:
        return None
    best = _group(summaries, asked[-1])
    methods = list(dict.fromkeys(s.method for s in (*best, *summaries) if s.sparsity))
    methods = [method for method in methods if not _is_variant(method)]
    if len(methods) < 2:
        return None
    charts = [figure(_lines(summaries, [method]), method) for method in methods]
    about = "Test accuracy (%) against the links absent (%), one method each, all on one scale."
    return section("Over sparsities", grid(*charts), about=about)


def _is_variant(method: str) -> bool:
    return method.startswith(f"{OURS}, ")


def _lines(summaries: Sequence[Summary], methods: Sequence[str]) -> Markup:
    """Return mean accuracies over sparsities, beside that of the fully connected network."""
    sparse = [s for s in summaries if s.sparsity]
    xs = sorted({100 * s.sparsity for s in sparse})
    y = Scale.over([100 * row["accuracy"] for s in summaries for row in s.rows])
    dense = [100 * s.mean("accuracy") for s in summaries if s.method == FULLY_CONNECTED]
    lines = [Series("", "twin dashed", [xs[0], xs[-1]], dense * 2)] if dense else []
    for method in methods:
        mine = sorted((s for s in sparse if s.method == method), key=lambda s: s.sparsity)
        lines.append(
            Series(
                "" if len(methods) == 1 else method.removeprefix(f"{OURS}, "),
                kind_of(method),
                [100 * s.sparsity for s in mine],
                [100 * s.mean("accuracy") for s in mine],
            )
        )
    return line_chart(
        lines,
        x=Axis(Scale.over(xs), "links absent (%)"),
        y=Axis(y, "test accuracy (%)"),
        title=f"test accuracy of {', '.join(methods)} against sparsity",
        dots=True,
    )


def _ablation(summaries: Sequence[Summary], asked: Sequence[float]) -> Child:
    variants = list(dict.fromkeys(s.method for s in summaries if _is_variant(s.method)))
    if not variants or all(s.method != OURS for s in summaries):
        return None
    if len(asked) > 1:
        charts = [figure(_lines(summaries, [OURS, v]), v) for v in variants]
        about = f"{OURS} with one part exchanged: test accuracy (%) against the links absent (%)."
        return section("Ablation", grid(*charts), about=about)
    group = [s for s in summaries if s.method in (OURS, *variants)]
    about = f"{OURS} with one part exchanged, everything else equal."
    shown = _side_by_side(group, (_ACCURACY, _SOPS, _RATE, _NEURONS))
    return section("Ablation", shown, about=about)


# ------------------------------------------------------------------------ table, runs, settings


def _table(rows: Sequence[dict[str, Any]]) -> Markup:
    head, *body = table_cells(rows)
    cells: list[list[Child]] = [
        [name, *(cell.replace("-", "\N{MINUS SIGN}") for cell in numbers)]
        for name, *numbers in body
    ]
    return section("Table", table(head, cells, class_="runs"), about="Means ± standard deviations.")


def _runs(rows: Sequence[dict[str, Any]], folder: Path) -> Markup:
    cells: list[list[Child]] = []
    for row in rows:
        own = folder_of_run(folder, row["method"], row["sparsity"], row["seed"])
        name: Child = row["method"]
        if (own / PAGE).is_file():
            address = quote((own / PAGE).relative_to(folder).as_posix())
            name = element("a", row["method"], href=address)
        asked = f"{100 * row['sparsity']:.4g}" if row["sparsity"] else ""
        seconds = number(row["train_seconds"])
        cells.append([name, asked, str(row["seed"]), percent(row["accuracy"]), seconds])
    head = ["method", "sparsity (%)", "seed", "test accuracy", "training (s)"]
    whole = element("summary", f"All {len(rows)} runs, with their pages")
    body = element("details", whole, table(head, cells, class_="runs"))
    return section("Runs", body)


def _settings(rows: Sequence[dict[str, Any]]) -> Child:
    every = [row.get("settings") for row in rows]
    first = every[0] if every else None
    if not isinstance(first, dict):
        return None
    same = {
        k: v for k, v in first.items() if all(isinstance(s, dict) and s.get(k) == v for s in every)
    }
    whole = element("summary", "Settings that all runs share")
    return section("Settings", element("details", whole, settings_table(same)))
