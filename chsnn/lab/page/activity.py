"""Sections on spikes: accuracy against operations, rates and operations by layer, samples."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chsnn.lab.page.charts import Axis, Scale, Series, epoch_axis, line_chart
from chsnn.lab.page.dots import Dot, DotRow, dot_table
from chsnn.lab.page.files import RunFiles, column
from chsnn.lab.page.html import Child, Markup, element, figure, grid, join, section
from chsnn.lab.page.numbers import count, is_missing, short
from chsnn.lab.page.pictures import raster, shades
from chsnn.lab.spikes import Population, ShownSample

_MOST_POPULATIONS = 6  # of a sample that are drawn
_MOST_SCORES = 20


def against_operations(run: RunFiles) -> Child:
    """Return the way through accuracy and operations; None without both."""
    lines = []
    for label, kind, rows in (
        ("sparse", "sparse", run.history),
        ("twin", "twin", run.twin_history),
    ):
        xs, ys = column(rows, "sops_per_sample"), column(rows, "validation_accuracy")
        if any(not is_missing(x) and x > 0 for x in xs):
            percent = [100 * y for y in ys]
            notes = [
                f"{label}, epoch {i}: {y:.2f} %, {count(x)} SOPs"
                for i, (x, y) in enumerate(zip(xs, percent, strict=True), start=1)
            ]
            lines.append(Series(label, kind, xs, percent, ring=len(xs) - 1, notes=notes))
    if not lines:
        return None
    x = Scale.over([x for line in lines for x in line.xs], log=True)
    y = Scale.over([y for line in lines for y in line.ys])
    chart = line_chart(
        lines,
        x=Axis(x, "SOPs a sample (log scale)"),
        y=Axis(y, "validation accuracy (%)"),
        title="validation accuracy against synaptic operations, epoch by epoch",
        dots=True,
    )
    about = (
        "Validation accuracy (%), a point per epoch, the ring the last. A synaptic operation (SOP) "
        "is a spike that crosses a link."
    )
    return figure(chart, "Accuracy against SOPs", about)


# ------------------------------------------------------------------------------------ by layer


def activity(run: RunFiles) -> Child:
    """Return firing rates and operations layer by layer, and rates over epochs."""
    charts = [chart for chart in (_rates_over_epochs(run),) if chart is not None]
    layers = (run.report or {}).get("layers")
    if not layers and not charts:
        return None
    tables = _by_layer(run.report or {}) if layers else None
    return section("Activity", tables, grid(*charts), about=_about(layers or []))


def _about(layers: list[dict[str, Any]]) -> Child:
    """Return what the tables are of, and which layers are not in them."""
    if not layers:
        return None
    values = [layer["name"] for layer in layers if layer["macs"] > 0]
    some = ", ".join(values[:_MOST_POPULATIONS])
    if len(values) > _MOST_POPULATIONS:
        some = f"{len(values)} layers"
    read = "reads" if len(values) == 1 else "read"
    left_out = (
        f" Without a rate: {some}, which {read} values that are not spikes." if values else ""
    )
    return f"On the test samples.{left_out}"


def n_test(report: dict[str, Any]) -> float:
    """Return how many samples the totals of a report's layers are of."""
    if report.get("n_test"):
        return float(report["n_test"])
    for key in ("sops", "macs"):  # of reports that do not say
        a_sample = report.get(f"{key}_per_sample")
        if a_sample:
            return sum(layer[key] for layer in report["layers"]) / a_sample
    return 1.0


def _by_layer(report: dict[str, Any]) -> Markup:
    twin = report.get("baseline")
    theirs = {layer["name"]: layer for layer in (twin or {}).get("layers", [])}
    n_ours, n_theirs = n_test(report), n_test(twin) if twin else 1.0
    rates, operations = [], []
    for layer in report["layers"]:
        if layer["macs"] > 0:
            continue
        other = theirs.get(layer["name"])
        rate, sops = 100 * layer["input_rate"], layer["sops"] / n_ours
        their_rate = None if other is None else 100 * other["input_rate"]
        their_sops = None if other is None else other["sops"] / n_theirs
        name = layer["name"]
        rates.append(_pair(name, rate, their_rate, "{:.1f} %".format))
        operations.append(_pair(name, sops, their_sops, count))
    shown = [row for row in operations if any(dot.value > 0 for dot in row.dots)]
    if not rates:
        return join()
    dots = _table(rates, "spikes a neuron and step (%)", log=False)
    figures = [figure(dots, "Firing rates", "of the neurons that each layer reads")]
    if shown:
        figures.append(
            figure(
                _table(shown, "SOPs a sample (log scale)", log=True),
                "Synaptic operations",
                "by layer",
            )
        )
    return element("div", *figures, class_="halves")


def _pair(name: str, ours: float, theirs: float | None, form: Callable[[float], str]) -> DotRow:
    dots = [Dot(ours, "sparse", f"sparse {form(ours)}")]
    text: Child = element("span", form(ours), class_="sparse")
    if theirs is not None:
        dots.insert(0, Dot(theirs, "twin", f"twin {form(theirs)}"))
        text = join(text, " ", element("span", form(theirs), class_="twin"))
    return DotRow(name, dots, text, joined=True)


def _table(rows: list[DotRow], head: str, *, log: bool) -> Markup:
    values = [dot.value for row in rows for dot in row.dots]
    scale = Scale.over(values, log=log, zero=not log)
    has_twin = any(len(row.dots) > 1 for row in rows)
    ends = element("span", "sparse", class_="sparse")
    if has_twin:
        ends = join(ends, " ", element("span", "twin", class_="twin"))
    return dot_table(rows, scale, head=("layer", head, ends), form=short)


def _rates_over_epochs(run: RunFiles) -> Child:
    names = [
        name for name in (run.history[0] if run.history else {}) if name.startswith("firing_rate.")
    ]
    charts = []
    for name in names[:6]:
        lines = []
        for label, kind, rows in (
            ("sparse", "sparse", run.history),
            ("twin", "twin", run.twin_history),
        ):
            if any(name in row for row in rows):
                values = [100 * value for value in column(rows, name)]
                lines.append(Series(label, kind, column(rows, "epoch"), values))
        y = Scale.over([y for line in lines for y in line.ys], zero=True)
        if not any(y > 0 for line in lines for y in line.ys):
            continue
        title = f"Firing rate before {name.removeprefix('firing_rate.')}"
        chart = line_chart(
            lines, x=epoch_axis(x for line in lines for x in line.xs), y=Axis(y, title), title=title
        )
        charts.append(figure(chart, title, "spikes a neuron and step (%)"))
    return join(*charts) if charts else None


# ------------------------------------------------------------------------------------- samples


def sample_rasters(run: RunFiles) -> Child:
    """Return samples with the spikes of every population; None without any."""
    if not run.samples:
        return None
    about = "Test samples and their spikes: time steps across, a line per neuron. "
    if any(len(p.neurons) < p.size for s in run.samples for p in s.populations):
        about += "Of large populations evenly spread neurons are shown."
    cards = [_card(sample) for sample in run.samples]
    return section("Samples", element("div", *cards, class_="cards"), about=about)


def _card(sample: ShownSample) -> Markup:
    is_right = sample.label == sample.predicted
    verdict = f"class {sample.label}, recognized"
    if not is_right:
        verdict = f"class {sample.label}, taken for {sample.predicted}"
    head = element("h3", verdict, class_=None if is_right else "wrong")
    image: Child = None
    if sample.image.size:
        values = sample.image - min(0.0, float(sample.image.min()))
        address = shades(values, float(values.max()))
        image = element("img", src=address, alt=f"test sample {sample.index}", class_="sample")
    rasters = [_population(p) for p in sample.populations[:_MOST_POPULATIONS]]
    body = element("div", image, *rasters, _scores(sample), class_="spiking")
    return element("article", head, body)


def _population(population: Population) -> Markup:
    n = len(population.neurons)
    size = f"{n:,}" if n == population.size else f"{n:,} of {population.size:,}"
    name = f"neurons that {population.layer} reads"
    spikes = f"{int(population.spikes.sum()):,} spikes"
    label = join(element("b", f"to {population.layer}"), f"{size} neurons, {spikes}")
    return element("figure", raster(population.spikes, name=name), element("figcaption", label))


def _scores(sample: ShownSample) -> Child:
    """Return the scores of the classes as bars, the wanted class in color."""
    scores = [float(score) for score in sample.scores]
    if len(scores) > _MOST_SCORES or any(is_missing(score) for score in scores):
        return None
    low, high = min(scores), max(scores)
    room = (high - low) or 1.0
    bars = []
    for i, score in enumerate(scores):
        height = round(4 + 96 * (score - low) / room, 1)
        kind = "sparse" if i == sample.label else "twin"
        note = element("title", f"class {i}: {score:.3g}")
        bars.append(
            element(
                "rect",
                note,
                x=i + 0.1,
                y=round(100 - height, 1),
                width=0.8,
                height=height,
                class_=kind,
            )
        )
    name = f"scores: {', '.join(f'class {i} {score:.3g}' for i, score in enumerate(scores))}"
    picture = element(
        "svg",
        *bars,
        viewBox=f"0 0 {len(scores)} 100",
        preserveAspectRatio="none",
        role="img",
        aria_label=name,
        class_="scores",
    )
    label = join(element("b", "scores"), f"of classes 0 to {len(scores) - 1}, from the lowest up")
    return element("figure", picture, element("figcaption", label))
