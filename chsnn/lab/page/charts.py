"""Charts as SVG: a scale, axes, lines named at their ends. Colors are classes of style.css."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from chsnn.lab.page.html import Markup, element
from chsnn.lab.page.numbers import is_missing, short

WIDTH, HEIGHT = 344, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 40, 12, 10, 34
_LABEL_HEIGHT, _CHARACTER = 14.0, 6.2  # of labels, in the units of the drawing
_MOST_POINTS = 80  # of a line, each with a hover text


@dataclass(frozen=True)
class Scale:
    """A range of values and where they lie in it, linearly or by their logarithm.

    Attributes
    ----------
    low, high : float
    is_log : bool
    whole : float or None
        If given, what counts is how much a value falls short of it: an accuracy by its error, so
        that 98 and 99 % are as far apart as 96 and 98 %.
    """

    low: float
    high: float
    is_log: bool = False
    whole: float | None = None

    @classmethod
    def over(
        cls, values: Iterable[float], *, log: bool = False, zero: bool = False, pad: float = 0.05
    ) -> Scale:
        """Return a scale that all values are on.

        Parameters
        ----------
        values : iterable of float
            What is not finite does not count; nor what is not above 0, with `log`.
        log : bool
        zero : bool
            Whether it begins at 0.
        pad : float
            Room at either end, as a share of the range.

        Examples
        --------
        >>> Scale.over([2.0, 4.0], pad=0.0) == Scale(2.0, 4.0)
        True
        >>> Scale.over([3.0], zero=True, pad=0.0) == Scale(0.0, 3.0)
        True
        """
        fit = [float(v) for v in values if not is_missing(v) and (v > 0 or not log)]
        if not fit:
            return cls(0.1, 1.0, True) if log else cls(0.0, 1.0)
        low, high = min(fit), max(fit)
        if log:
            room = max((high / low) ** pad, 1.15)
            return cls(low / room, high * room, True)
        if zero:
            low = min(low, 0.0)
        room = pad * (high - low) or (abs(high) * 0.05 or 1.0 if high == low else 0.0)
        return cls(low if zero and low == 0.0 else low - room, high + room)

    @classmethod
    def short_of(cls, whole: float, values: Iterable[float]) -> Scale:
        """Return a scale by the logarithm of what values lack; a linear one if one lacks nothing.

        Examples
        --------
        >>> scale = Scale.short_of(100.0, [90.0, 99.0])
        >>> scale.ticks(3), round(scale.share(98.0) - scale.share(96.0), 3)
        ([99.0, 97.0, 90.0], 0.268)
        """
        fit = [float(v) for v in values if not is_missing(v)]
        if not fit or max(fit) >= whole or min(fit) == max(fit):
            return cls.over(fit)
        lacks = cls.over([whole - value for value in fit], log=True)
        return cls(whole - lacks.high, whole - lacks.low, False, whole)

    def _lack(self) -> Scale | None:
        """Return the scale of what values lack."""
        if self.whole is None:
            return None
        return Scale(self.whole - self.high, self.whole - self.low, True)

    def share(self, value: float) -> float:
        """Return where a value lies, from 0 at the low end to 1 at the high one.

        Examples
        --------
        >>> Scale(0.0, 4.0).share(1.0), Scale(1.0, 100.0, True).share(10.0)
        (0.25, 0.5)
        """
        lack = self._lack()
        if lack is not None and self.whole is not None:
            return 1.0 - lack.share(self.whole - value)
        if self.is_log:
            return math.log(value / self.low) / math.log(self.high / self.low)
        return (value - self.low) / (self.high - self.low)

    def ticks(self, most: int = 5) -> list[float]:
        """Return round values on the scale, at most so many.

        Examples
        --------
        >>> Scale(0.0, 9.0).ticks(), Scale(30.0, 4_000.0, True).ticks()
        ([0.0, 2.0, 4.0, 6.0, 8.0], [30.0, 100.0, 300.0, 1000.0, 3000.0])
        """
        lack = self._lack()
        if lack is not None and self.whole is not None:
            return [float(f"{self.whole - tick:.12g}") for tick in lack.ticks(most)]
        if self.is_log and self.high / self.low > 8:
            return self._decades(most)
        rough = (self.high - self.low) / most
        decade = 10.0 ** math.floor(math.log10(rough))
        step = next(m * decade for m in (1, 2, 2.5, 5, 10) if m * decade >= 0.999 * rough)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        return [float(f"{i * step:.12g}") for i in range(first, last + 1)][: most + 1]

    def _decades(self, most: int) -> list[float]:
        powers = range(math.ceil(math.log10(self.low)), math.floor(math.log10(self.high)) + 1)
        for digits in ((1, 2, 5), (1, 3), (1,)):
            wider = range(powers.start - 1, powers.stop + 1)
            values = [d * 10.0**p for p in wider for d in digits]
            inside = [v for v in values if self.low <= v <= self.high]
            if len(inside) <= most:
                return inside
        return [10.0**p for p in powers][:: -(-len(powers) // most)]


@dataclass(frozen=True)
class Series:
    """A line of a chart.

    Attributes
    ----------
    name : str
        Written at its end.
    kind : str
        Classes of its color and stroke: "sparse", "twin", "other", "dashed".
    xs, ys : sequence of float
        Points that are not finite are left out.
    ring : int or None
        Place of the point that is marked.
    notes : sequence of str
        Texts of the points, for who hovers over them; made from the values by default.
    """

    name: str
    kind: str
    xs: Sequence[float]
    ys: Sequence[float]
    ring: int | None = None
    notes: Sequence[str] = field(default_factory=tuple)


@dataclass(frozen=True)
class Axis:
    """An axis: its scale, what it says, how its values are written, whether all are whole."""

    scale: Scale
    label: str
    form: Callable[[float], str] = short
    is_whole: bool = False

    def ticks(self, most: int) -> list[float]:
        """Return round values on the axis."""
        return [t for t in self.scale.ticks(most) if not self.is_whole or t == round(t)]


def epoch_axis(epochs: Iterable[float]) -> Axis:
    """Return the axis of epochs."""
    return Axis(Scale.over(epochs, pad=0.02), "epoch", is_whole=True)


def line_chart(
    series: Sequence[Series],
    *,
    x: Axis,
    y: Axis,
    title: str,
    dots: bool = False,
    step: bool = False,
    size: tuple[float, float] = (WIDTH, HEIGHT),
) -> Markup:
    """Return lines over a common x, each named at its end.

    Parameters
    ----------
    series : sequence of Series
    x, y : Axis
    title : str
        For who cannot see the chart.
    dots : bool
        Whether points are drawn on the lines.
    step : bool
        Whether a line is a row of bars: each point holds until the next.
    size : pair of float
        Width and height of the drawing, in whose units its texts are 11 high.
    """
    room = max([_CHARACTER * len(s.name) + 8 for s in series if s.name], default=0)
    frame = Frame(x, y, max(_RIGHT, room), *size)
    drawn = [s for s in series if _points(s, frame)]
    lines = [_line(s, frame, dots=dots, step=step) for s in drawn]
    return frame.svg(title, _told(drawn), *lines, *_end_labels(drawn, frame))


@dataclass(frozen=True)
class Frame:
    """The plotting area of a chart, with its axes."""

    x: Axis
    y: Axis
    right: float = _RIGHT
    width: float = WIDTH
    height: float = HEIGHT

    def place(self, x: float, y: float) -> tuple[float, float]:
        """Return where a point is drawn."""
        across = _LEFT + self.x.scale.share(x) * (self.width - _LEFT - self.right)
        down = self.height - _BOTTOM - self.y.scale.share(y) * (self.height - _TOP - _BOTTOM)
        return round(across, 1), round(down, 1)

    def svg(self, title: str, told: str, *content: Markup) -> Markup:
        """Return the drawing with axes below and left of it."""
        return element(
            "svg",
            element("title", title),
            element("desc", told),
            self._axes(),
            *content,
            viewBox=f"0 0 {self.width} {self.height}",
            role="img",
            class_="chart",
        )

    def _axes(self) -> Markup:
        left, end = _LEFT, self.width - self.right
        floor = self.height - _BOTTOM
        parts = []
        for value in self.y.ticks(4):
            down = self.place(self.x.scale.low, value)[1]
            parts.append(element("path", d=f"M{left} {down}H{end:.1f}", class_="rule"))
            form = self.y.form(value)
            parts.append(element("text", form, x=left - 6, y=down + 3.5, class_="tick end"))
        for value in self.x.ticks(5):
            across = self.place(value, self.y.scale.low)[0]
            form = self.x.form(value)
            parts.append(element("path", d=f"M{across} {floor}v4", class_="axis"))
            parts.append(element("text", form, x=across, y=floor + 15, class_="tick middle"))
        parts.append(element("path", d=f"M{left} {floor}H{end:.1f}", class_="axis"))
        middle = (left + end) / 2
        parts.append(
            element("text", self.x.label, x=middle, y=self.height - 4, class_="label middle")
        )
        return element("g", *parts, aria_hidden="true")


def _points(series: Series, frame: Frame) -> list[tuple[int, float, float]]:
    """Return place in the series and on the drawing of every point that can be drawn."""
    points = []
    for i, (x, y) in enumerate(zip(series.xs, series.ys, strict=True)):
        fits = not is_missing(x) and not is_missing(y)
        fits = fits and (x > 0 or not frame.x.scale.is_log)
        if fits and (y > 0 or not frame.y.scale.is_log):
            points.append((i, *frame.place(x, y)))
    return points


def _line(series: Series, frame: Frame, *, dots: bool, step: bool) -> Markup:
    points = _points(series, frame)
    places = [f"{x} {y}" for _, x, y in points]
    path = "M" + "L".join(places)
    if step:
        path = f"M{places[0]}" + "".join(f"H{x}V{y}" for _, x, y in points[1:])
    parts = [element("path", d=path, class_=f"line {series.kind}")]
    every = -(-len(points) // _MOST_POINTS)
    for i, x, y in points[::every]:
        size = 2.5 if dots or len(points) == 1 else 0
        note = element("title", series.notes[i] if series.notes else _note(series, frame, i))
        if size:
            parts.append(element("circle", cx=x, cy=y, r=size, class_=f"dot {series.kind}"))
        if not step:
            parts.append(element("circle", note, cx=x, cy=y, r=7, class_="hover"))
    for i, x, y in points:
        if i == series.ring:
            parts.append(element("circle", cx=x, cy=y, r=4.5, class_=f"ring {series.kind}"))
    return element("g", *parts)


def _note(series: Series, frame: Frame, i: int) -> str:
    x, y = frame.x.form(series.xs[i]), f"{series.ys[i]:.4g}"
    return f"{series.name}, {frame.x.label} {x}: {y}".lstrip(", ")


def _end_labels(series: Sequence[Series], frame: Frame) -> list[Markup]:
    """Return the names at the ends of the lines, moved apart where they would overlap."""
    ends = [(_points(s, frame)[-1], s) for s in series if s.name]
    wanted = sorted(((y, x, s) for (_, x, y), s in ends), key=lambda end: end[0])
    ys = spread_out([y for y, _, _ in wanted], _LABEL_HEIGHT, _TOP, frame.height - _BOTTOM)
    return [
        element("text", s.name, x=x + 8, y=round(y + 3.5, 1), class_=f"name {s.kind}")
        for y, (_, x, s) in zip(ys, wanted, strict=True)
    ]


def spread_out(places: Sequence[float], apart: float, low: float, high: float) -> list[float]:
    """Return ascending places moved as little as need be to be so far apart, within bounds.

    Examples
    --------
    >>> spread_out([10.0, 12.0, 50.0], 10.0, 0.0, 100.0)
    [10.0, 20.0, 50.0]
    >>> spread_out([95.0, 99.0], 10.0, 0.0, 100.0)
    [90.0, 100.0]
    """
    moved: list[float] = []
    for place in places:
        moved.append(max(place, low if not moved else moved[-1] + apart))
    for i in range(len(moved) - 1, -1, -1):
        moved[i] = min(moved[i], high if i == len(moved) - 1 else moved[i + 1] - apart)
    return moved


def _told(series: Sequence[Series]) -> str:
    """Return a line of words about each series."""
    words = []
    for s in series:
        ys = [y for y in s.ys if not is_missing(y)]
        words.append(f"{s.name or 'line'}: from {ys[0]:.4g} to {ys[-1]:.4g}")
    return "; ".join(words) if words else "no data"
