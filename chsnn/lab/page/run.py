"""The page of one run, from its folder."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from chgraph.storage import write_atomically
from chsnn.lab.folder import PAGE
from chsnn.lab.page.activity import activity, against_operations, sample_rasters
from chsnn.lab.page.charts import Axis, Scale, Series, epoch_axis, line_chart
from chsnn.lab.page.document import page, settings_table
from chsnn.lab.page.files import RunFiles, column
from chsnn.lab.page.html import Child, Markup, element, figure, grid, section, table
from chsnn.lab.page.numbers import (
    MISSING,
    TIMES,
    count,
    difference,
    is_missing,
    number,
    percent,
    times,
)
from chsnn.lab.page.topology import degrees, evolution, frames

Form = Callable[[float], str]
Compare = Callable[[float, float], str]


def write_run_page(folder: Path, out: Path | None = None) -> Path:
    """Write `report.html` of a run folder, finished or not; return its path.

    Parameters
    ----------
    folder : Path
    out : Path, optional
        Another file.

    Raises
    ------
    FileNotFoundError
        If it is not a run folder.
    ValueError
        If its configuration cannot be read, or a file belongs to another run.
    """
    path = folder / PAGE if out is None else out
    return write_atomically(path, run_page(RunFiles.read(folder)).encode())


def run_page(run: RunFiles) -> str:
    """Return the page of a run as HTML."""
    parts: list[tuple[str, Child]] = [
        ("Summary", _summary(run)),
        ("Learning", _learning(run)),
        ("Topology", frames(run.topology)),
        ("Degrees", degrees(run.topology)),
        ("Evolution", evolution(run.history, run.topology)),
        ("Activity", activity(run)),
        ("Samples", sample_rasters(run)),
        ("Energy", _energy(run)),
        ("Settings", _settings(run)),
    ]
    title = f"{_said(run, 'data')}, {network_name(run)}"
    return page(title, _subtitle(run), parts, run=run.run)


def network_name(run: RunFiles) -> str:
    """Return what the network is called: its sizes if it is an MLP."""
    network = (run.report or {}).get("network", run.config.get("network", "network"))
    return "-".join(map(str, network)) if isinstance(network, list) else str(network)


def _said(run: RunFiles, name: str) -> str:
    return str((run.report or {}).get(name, run.config.get(name, "?")))


def _subtitle(run: RunFiles) -> str:
    words = [
        f"run {run.name}",
        f"{_said(run, 'timesteps')} time steps",
        f"{len(run.history)} epochs",
        f"seed {_said(run, 'seed')}",
    ]
    if each := run.config.get("layer_sparsities"):
        shares = " and ".join(f"{100 * sparsity:.4g}" for sparsity in each)
        words.insert(1, f"{shares} % of the hidden layers' links absent at the start")
    elif isinstance(sparsity := run.config.get("sparsity"), float | int):
        words.insert(1, f"{100 * sparsity:.4g} % of the links absent at the start")
    return " · ".join(words)


# --------------------------------------------------------------------------- summary


def _summary(run: RunFiles) -> Markup:
    notes = [element("li", note[0].upper() + note[1:] + ".") for note in run.notes]
    missing = element("ul", *notes, class_="missing") if notes else None
    if run.report is None:
        return section("Summary", missing, against_operations(run))
    beside = element(
        "div",
        element("div", *_beside_twin(run.report)),
        against_operations(run),
        class_="beside",
    )
    return section("Summary", _headline(run.report), beside, missing)


def _headline(report: dict[str, Any]) -> Markup:
    """Return the result in a sentence."""
    result = element("b", percent(report["accuracy"]), class_="sparse")
    twin = report.get("baseline")
    if twin is None:
        words = f" of the test samples classified right, {count(report['sops_per_sample'])} "
        return element("p", result, words + "synaptic operations a sample.", class_="headline")
    ours, others = report["sops_per_sample"], twin["sops_per_sample"]
    fewer, how = times(ours, others).removesuffix(TIMES), "fewer synaptic operations."
    if ours > others:
        fewer, how = times(others, ours).removesuffix(TIMES), "as many synaptic operations."
    theirs = element("b", percent(twin["accuracy"]), class_="twin")
    return element(
        "p",
        result,
        " test accuracy, beside ",
        theirs,
        " of the fully connected twin, with ",
        element("b", f"{fewer}times"),
        f" {how}",
        class_="headline",
    )


# What the table says: label, key of the report, factor, how it is written, what is compared.
_MEASURES: tuple[tuple[str, str, float, Form, Compare | None], ...] = (
    ("test accuracy (%)", "accuracy", 100.0, "{:.2f}".format, difference),
    ("validation accuracy (%)", "best_validation_accuracy", 100.0, "{:.2f}".format, difference),
    ("links", "links", 1.0, count, times),
    ("links absent (%)", "link_sparsity", 100.0, "{:.2f}".format, None),
    ("… of rewired layers", "sparse_layers_sparsity", 100.0, "{:.2f}".format, None),
    ("neurons removed (%)", "node_sparsity", 100.0, "{:.2f}".format, None),
    ("firing rate (%)", "firing_rate", 100.0, "{:.2f}".format, times),
    ("SOPs a sample", "sops_per_sample", 1.0, count, times),
    ("MACs a sample", "macs_per_sample", 1.0, count, times),
    ("energy a sample (nJ)", "energy_per_sample_j", 1e9, number, times),
    ("training (s)", "train_seconds", 1.0, number, times),
    ("… of it evolution (s)", "evolution_seconds", 1.0, number, None),
)


def _beside_twin(report: dict[str, Any]) -> list[Markup]:
    """Return the measurements, those of the twin beside them, and how they compare."""
    twin = report.get("baseline")
    rows: list[list[Child]] = []
    for label, key, factor, form, compare in _MEASURES:
        values = [_value(one, key) for one in (report, twin) if one is not None]
        if key == "macs_per_sample" and not any(values):
            continue  # every layer reads spikes
        cells: list[Child] = [MISSING if is_missing(v) else form(factor * v) for v in values]
        if twin is not None:
            ours, theirs = values
            cells.append("" if compare is None else compare(ours, theirs))
        rows.append([label, *cells])
    head = ["", "sparse"] if twin is None else ["", "sparse", "twin", "twin ÷ sparse"]
    words = "Firing rate: spikes a neuron and time step."
    if twin is not None:
        words = f"Twin: the same network with every link, trained alike. {words}"
    return [table(head, rows, class_="summary"), element("p", words, class_="about")]


def _value(report: dict[str, Any], key: str) -> float:
    """Return a measurement, NaN if the report does not have it."""
    if key == "links":
        layers = report.get("layers")
        return math.nan if not layers else float(sum(layer["n_links"] for layer in layers))
    value = report.get(key)
    return math.nan if value is None else float(value)


# --------------------------------------------------------------------------- learning


def _learning(run: RunFiles) -> Child:
    if not run.history:
        return None
    charts = []
    percents = ("validation_accuracy", "validation accuracy (%)", 100.0, False)
    train = ("train_accuracy", "training accuracy (%)", 100.0, False)
    losses = ("loss", "training loss", 1.0, True)
    for name, title, factor, log in (percents, train, losses):
        if any(name in row for row in run.history):
            charts.append(figure(_curve(run, name, title, factor, log), title))
    about = "Epoch by epoch. The ring is the epoch whose network was measured on the test samples."
    return section("Learning", grid(*charts), about=about)


def _curve(run: RunFiles, name: str, title: str, factor: float, log: bool) -> Markup:
    lines = []
    for label, kind, rows in (
        ("sparse", "sparse", run.history),
        ("twin", "twin", run.twin_history),
    ):
        if rows:
            values = [factor * value for value in column(rows, name)]
            ring = measured_epoch(run, rows)
            lines.append(Series(label, kind, column(rows, "epoch"), values, ring=ring))
    epochs = [x for line in lines for x in line.xs]
    scale = Scale.over([y for line in lines for y in line.ys], log=log)
    return line_chart(
        lines,
        x=epoch_axis(epochs),
        y=Axis(scale, title),
        title=f"{title} over epochs",
    )


def measured_epoch(run: RunFiles, rows: list[dict[str, float | None]]) -> int | None:
    """Return the place of the epoch whose network was measured; None if it does not show."""
    report = run.report if rows is run.history else (run.report or {}).get("baseline")
    if report is None:
        return None
    if run.config.get("select") == "last":
        return len(rows) - 1
    best = report.get("best_validation_accuracy")
    found = [i for i, row in enumerate(rows) if row.get("validation_accuracy") == best]
    return found[-1] if found else None


# --------------------------------------------------------------------------- energy, settings


def _energy(run: RunFiles) -> Child:
    report = run.report
    if report is None:
        return None
    about = (
        f"An estimate for {report.get('hardware', '?')}: operations counted on the test samples, "
        "times the energy of one."
    )
    terms = [
        [term["name"], number(1e9 * term["joule"]), term["source"]]
        for term in report.get("energy_terms", [])
    ]
    parts = table(["", "nJ a sample", "source"], terms, class_="plain") if terms else None
    left_out = report.get("not_counted")
    words = "The run does not say what its estimate leaves out."
    if left_out is not None:
        words = "Not counted:" if left_out else "Nothing is left out."
    items = element("ul", *(element("li", item) for item in left_out)) if left_out else None
    return section("Energy", parts, element("p", words), items, about=about)


def _settings(run: RunFiles) -> Markup:
    whole = element("summary", "All settings of the run")
    body = element("details", whole, settings_table(run.config))
    return section("Settings", body, about="As in config.toml, with which the run can be repeated.")
