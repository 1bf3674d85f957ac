"""Rows of dots under one scale, each row with its name: a table that anybody can sort by eye."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chsnn.lab.page.charts import Scale
from chsnn.lab.page.html import Child, Markup, element
from chsnn.lab.page.numbers import is_missing, short

_MOST_LETTERS = 26  # of a name before it has to be wrapped on a wide page


@dataclass(frozen=True)
class Dot:
    """A value on a row.

    Attributes
    ----------
    value : float
    kind : str
        Classes of its color: "sparse", "twin", "other"; with "small" for one of several.
    note : str
        Text for who hovers over it.
    """

    value: float
    kind: str
    note: str


@dataclass(frozen=True)
class DotRow:
    """A row.

    Attributes
    ----------
    name : str
    dots : sequence of Dot
    text : str
        What stands at its end: the value in digits.
    kind : str or None
        Class of the color of the name.
    joined : bool
        Whether a line joins the dots.
    """

    name: str
    dots: Sequence[Dot]
    text: Child
    joined: bool = False
    kind: str | None = None


def dot_table(
    rows: Sequence[DotRow],
    scale: Scale,
    *,
    head: tuple[str, str, str],
    form: Callable[[float], str] = short,
    mark: float | None = None,
) -> Markup:
    """Return rows of dots with names left and digits right.

    Parameters
    ----------
    rows : sequence of DotRow
    scale : Scale
    head : three str
        What the columns are; the second names the scale, with its unit.
    form : callable
        Of the values along the scale.
    mark : float, optional
        Value at which a line goes through all rows.
    """
    ticks = scale.ticks(4)
    heading = element("tr", *(element("th", cell, scope="col") for cell in head))
    body = [_row(row, scale, ticks, mark) for row in rows]
    labels = [
        element("text", form(tick), x=_at(scale, tick), y=13, class_="tick middle")
        for tick in ticks
    ]
    axis = element("svg", *labels, aria_hidden="true", height=18)
    foot = element("tr", element("td"), element("td", axis, class_="strip"), element("td"))
    return element(
        "table",
        element("thead", heading),
        element("tbody", *body),
        element("tfoot", foot),
        class_="dots",
        style=f"--name: {min(_MOST_LETTERS, max((len(row.name) for row in rows), default=0))}",
    )


def _row(row: DotRow, scale: Scale, ticks: Sequence[float], mark: float | None) -> Markup:
    across = [_line(_at(scale, tick), "rule") for tick in ticks]
    if mark is not None:
        across.append(_line(_at(scale, mark), "mark"))
    fit = [d for d in row.dots if not is_missing(d.value) and (d.value > 0 or not scale.is_log)]
    if row.joined and len(fit) > 1:
        ends = [min(d.value for d in fit), max(d.value for d in fit)]
        first, last = (_at(scale, end) for end in ends)
        across.append(element("line", x1=first, x2=last, y1="50%", y2="50%", class_="join"))
    dots = [
        element(
            "circle",
            element("title", dot.note),
            cx=_at(scale, dot.value),
            cy="50%",
            r=3 if "small" in dot.kind else 5,
            class_=f"dot {dot.kind}",
        )
        for dot in fit
    ]
    label = "; ".join(dot.note for dot in fit)
    strip = element("svg", *across, *dots, role="img", aria_label=label or "no value")
    return element(
        "tr",
        element("th", row.name, scope="row", class_=row.kind),
        element("td", strip, class_="strip"),
        element("td", row.text, class_="value"),
    )


def _line(x: str, kind: str) -> Markup:
    return element("line", x1=x, x2=x, y1="0", y2="100%", class_=kind)


def _at(scale: Scale, value: float) -> str:
    return f"{100 * scale.share(value):.2f}%"
