"""Sections on the links: the first layer over epochs, degrees, what evolution did."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chsnn.lab.page.charts import Axis, Scale, Series, epoch_axis, line_chart
from chsnn.lab.page.files import Row, column
from chsnn.lab.page.html import Child, Markup, element, figure, grid, join, section
from chsnn.lab.page.numbers import count, is_missing, number
from chsnn.lab.page.pictures import data_uri, mixed, shades, tiles, two_colors
from chsnn.lab.recording import Frame, TopologyRecord, thinned

_TILE_COLUMNS = 8
_MOST_BINS = 30
_LAYERS_IN_SIGHT = 3
_SMALL = (260, 190)
_KEY = join(
    element("span", "links of the start", class_="key kept"),
    " and ",
    element("span", "links that came since", class_="key new"),
)


# --------------------------------------------------------------------- first layer over epochs


def frames(record: TopologyRecord | None) -> Child:
    """Return the first layer over epochs, with a slider; None without a record."""
    if record is None or not record.frames:
        return None
    shown = thinned(record.frames)
    pictures = [_matrix(record, shown)]
    if shown[-1].degree.size:
        pictures.append(element("div", _degree_map(shown), _fields(record, shown), class_="pair"))
    said = [_said(record, frame) for frame in shown]
    about = join(f"The first sparse layer, {record.layer}, epoch by epoch: ", _KEY, ".")
    control = _control(said)
    return section("Topology", element("div", control, *pictures, class_="frames"), about=about)


def _said(record: TopologyRecord, frame: Frame) -> str:
    first = record.frames[0].epoch
    when = "start" if frame.epoch == 0 else f"epoch {frame.epoch}"
    since = "the start" if first == 0 else f"epoch {first}"
    share = frame.n_new / frame.n_links if frame.n_links else 0.0
    words = f"{when}: {count(frame.n_links)} links"
    return words if frame.epoch == first else f"{words}, {100 * share:.0f} % new since {since}"


def _control(said: Sequence[str]) -> Markup:
    """Return slider and button; the script brings them to life."""
    last = len(said) - 1
    slider = element(
        "input",
        type="range",
        min=0,
        max=last,
        value=last,
        step=1,
        aria_label="epoch",
        aria_valuetext=said[-1],
        disabled=last == 0,
    )
    play = element("button", "Play", type="button", class_="play", hidden=True)
    words = element("output", said[-1], data_said="\n".join(said))
    need = element("noscript", "The slider needs JavaScript; the last epoch is shown.")
    return element("div", play, slider, words, need, class_="control")


def _stack(addresses: Sequence[str], said: str, class_: str) -> Markup:
    """Return pictures of which one is seen, the last at first."""
    last = len(addresses) - 1
    images = [
        element(
            "img", src=address, alt=said if i == last else "", class_="on" if i == last else None
        )
        for i, address in enumerate(addresses)
    ]
    return element("div", *images, class_=f"stack {class_}")


def _matrix(record: TopologyRecord, shown: Sequence[Frame]) -> Markup:
    sums = np.concatenate([(frame.kept.astype(int) + frame.new).ravel() for frame in shown])
    links = sums[sums > 0]
    largest = float(np.quantile(links, 0.99)) if links.size else 1.0
    palette = two_colors()
    pictures = [data_uri(mixed(f.kept, f.new, largest), palette) for f in shown]
    rows, columns = record.block
    cells = "" if (rows, columns) == (1, 1) else f", {rows} x {columns} of them a cell"
    about = f"{record.shape[0]:,} inputs down, {record.shape[1]:,} hidden neurons across{cells}"
    said = f"matrix of the links of {record.layer} after the last epoch"
    return figure(_stack(pictures, said, "matrix"), "Links", about)


def _degree_map(shown: Sequence[Frame]) -> Markup:
    largest = int(max(frame.degree.max() for frame in shown))
    pictures = [shades(frame.degree, float(largest)) for frame in shown]
    height, width = shown[-1].degree.shape
    about = f"{height} x {width} pixels, from 0 links (clear) to {largest:,}"
    said = "links of every input pixel after the last epoch"
    return figure(_stack(pictures, said, "map"), "Links of every pixel", about)


def _fields(record: TopologyRecord, shown: Sequence[Frame]) -> Markup:
    palette = two_colors()
    pictures = []
    for frame in shown:
        sheet = tiles(1 + frame.fields, _TILE_COLUMNS)  # 0 is between two tiles
        index = mixed(sheet == 2, sheet == 3, 1.0)
        ground = len(palette)  # a faint ground shows where a tile is
        index[sheet == 1] = ground
        pictures.append(data_uri(index, np.vstack([palette, [[128, 128, 128, 34]]])))
    n = len(shown[-1].fields)
    about = f"{n} of {record.shape[1]:,} hidden neurons, evenly spread: the pixels they read"
    said = f"receptive fields of {n} hidden neurons after the last epoch"
    return figure(_stack(pictures, said, "fields"), "Receptive fields", about)


# ------------------------------------------------------------------------------------ degrees


def degrees(record: TopologyRecord | None) -> Child:
    """Return degree distributions of all layers before and after; None without a record."""
    if record is None or len(record.frames) < 2 or not record.degrees:
        return None
    layers = [name.removeprefix("first left ") for name in record.degrees if "first left " in name]
    layers, same = _changing(record, layers)
    charts = [_layer_degrees(record, layer) for layer in layers]
    rest: Child = None
    if len(charts) > _LAYERS_IN_SIGHT:
        more = element("summary", f"{len(charts) - _LAYERS_IN_SIGHT} more layers")
        rest = element("details", more, grid(*charts[_LAYERS_IN_SIGHT:], small=True))
    first, last = record.frames[0].epoch, record.frames[-1].epoch
    when = "before training" if first == 0 else f"after epoch {first}"
    about = join(
        "How many neurons have how many links, ",
        element("span", when, class_="key before"),
        " and ",
        element("span", f"after epoch {last}", class_="key after"),
        ".",
        f" Unchanged: {', '.join(same)}." if same else None,
    )
    return section("Degrees", grid(*charts[:_LAYERS_IN_SIGHT], small=True), rest, about=about)


def _changing(record: TopologyRecord, layers: list[str]) -> tuple[list[str], list[str]]:
    """Return the layers whose degrees have changed, and the others."""
    changed = [
        layer
        for layer in layers
        if any(
            not np.array_equal(
                record.degrees[f"first {side} {layer}"], record.degrees[f"last {side} {layer}"]
            )
            for side in ("left", "right")
        )
    ]
    return changed, [layer for layer in layers if layer not in changed]


def _layer_degrees(record: TopologyRecord, layer: str) -> Markup:
    sides = (("left", f"{layer}: links of an input"), ("right", f"{layer}: links of an output"))
    return join(*(_degree_chart(record, layer, side, title) for side, title in sides))


def _degree_chart(record: TopologyRecord, layer: str, side: str, title: str) -> Markup:
    before, after = (record.degrees[f"{when} {side} {layer}"] for when in ("first", "last"))
    top = int(max(before.max(initial=0), after.max(initial=0)))
    width = max(1, -(-(top + 1) // _MOST_BINS))
    edges = np.arange(0, top + width + 1, width)
    lines = []
    for kind, values in (("twin", before), ("sparse area", after)):
        share = 100 * np.histogram(values, edges)[0] / max(1, len(values))
        ys = [0.0, *share.tolist(), 0.0]
        # A bar stands around its degree: at 3 from 2.5 to 3.5.
        xs = [edges[0] - 0.5, *(edges[:-1] - 0.5).tolist(), edges[-1] - 0.5]
        lines.append(Series("", kind, xs, ys))
    y = Scale.over([v for line in lines for v in line.ys], zero=True)
    chart = line_chart(
        lines,
        x=Axis(Scale(-0.5, float(edges[-1]) - 0.5), "links", is_whole=True),
        y=Axis(y, "neurons (%)"),
        title=f"{title}, before and after training",
        step=True,
        size=_SMALL,
    )
    mean = f"{number(float(before.mean()))} →\N{NO-BREAK SPACE}{number(float(after.mean()))}"
    most = f"{before.max():,} →\N{NO-BREAK SPACE}{after.max():,}"
    about = f"% of {len(after):,} neurons; mean {mean}, most {most}"
    return figure(chart, title, about)


# ---------------------------------------------------------------------------------- evolution

_PANELS: tuple[tuple[str, str, tuple[tuple[str, str, str], ...], float], ...] = (
    (
        "Links exchanged",
        "by their score; an epoch",
        (("regrown", "regrown", "sparse"), ("pruned", "removed", "twin dashed")),
        1.0,
    ),
    (
        "Back at once",
        "% of the regrown links that the same step had removed",
        (("overlap", "", "sparse"),),
        100.0,
    ),
    (
        "Chain removal",
        "links lost with dead neurons; an epoch",
        (("chain_removed", "", "sparse"),),
        1.0,
    ),
    (
        "Dead neurons",
        "hidden neurons, and inputs, that have lost their links",
        (("dead_neurons", "hidden", "sparse"), ("silent_inputs", "inputs", "twin dashed")),
        1.0,
    ),
    ("Zeta", "share of the links that a step removes (%)", (("zeta", "", "sparse"),), 100.0),
    (
        "Links absent",
        "% of all pairs",
        (("link_sparsity", "", "sparse"),),
        100.0,
    ),
)


def evolution(history: list[Row], record: TopologyRecord | None) -> Child:
    """Return what evolution did, epoch by epoch; None if nothing was rewired."""
    if not any(row.get("pruned") or row.get("regrown") for row in history):
        return None
    charts = []
    for title, about, lines, factor in _PANELS:
        there = [line for line in lines if any(not is_missing(row.get(line[0])) for row in history)]
        if there and not _says_nothing(history, there, title):
            charts.append(figure(_panel(history, title, there, factor), title, about))
    if record is not None and len(record.frames) > 1:
        charts.insert(1, _turnover(record))
    about = "One epoch's steps added up. After the last there is none: its links had no training."
    return section("Evolution", grid(*charts), about=about)


def _panel(
    history: list[Row], title: str, lines: Sequence[tuple[str, str, str]], factor: float
) -> Markup:
    epochs = column(history, "epoch")
    series = [
        Series(label, kind, epochs, [factor * v for v in column(history, name)])
        for name, label, kind in lines
    ]
    values = [y for s in series for y in s.ys]
    low = min((v for v in values if not is_missing(v)), default=0.0)
    y = Scale.over(values, zero=title != "Links absent" or low == 0.0)
    return line_chart(series, x=epoch_axis(epochs), y=Axis(y, title), title=title)


def _says_nothing(history: list[Row], lines: Sequence[tuple[str, str, str]], title: str) -> bool:
    """Whether a panel is 0 throughout, or one of constants that stand elsewhere."""
    values = {row.get(name) for row in history for name, _, _ in lines}
    return values <= {0.0, None} or (title == "Links absent" and len(values) == 1)


def _turnover(record: TopologyRecord) -> Markup:
    epochs = [float(frame.epoch) for frame in record.frames]
    share = [100 * f.n_new / f.n_links if f.n_links else 0.0 for f in record.frames]
    title = "Turnover"
    chart = line_chart(
        [Series("", "sparse", epochs, share)],
        x=epoch_axis(epochs),
        y=Axis(Scale.over(share, zero=True), title),
        title=title,
    )
    return figure(chart, title, f"% of the links of {record.layer} that are new since the start")
