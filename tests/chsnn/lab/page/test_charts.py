"""Charts: where values lie, worked out by hand, and what is drawn of them."""

import itertools
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn.lab.page.charts import Axis, Frame, Scale, Series, line_chart, spread_out
from chsnn.lab.page.dots import Dot, DotRow, dot_table
from chsnn.lab.page.numbers import count, difference, number, percent, short, times
from tests.chsnn.lab.page.reading import read

numbers = st.floats(-1e9, 1e9)
positive = st.floats(1e-9, 1e9)


@given(st.lists(numbers, min_size=1))
def test_all_values_lie_on_a_linear_scale(values):
    scale = Scale.over(values)
    assert all(-1e-6 <= scale.share(v) <= 1 + 1e-6 for v in values)


@given(st.lists(positive, min_size=1))
def test_all_values_lie_on_a_logarithmic_scale(values):
    scale = Scale.over(values, log=True)
    assert all(-1e-6 <= scale.share(v) <= 1 + 1e-6 for v in values)


@given(st.lists(st.floats(0, 99.99), min_size=1))
def test_all_accuracies_lie_on_a_scale_of_errors_the_larger_the_further(values):
    scale = Scale.short_of(100.0, values)
    shares = [scale.share(v) for v in sorted(values)]
    assert all(-1e-6 <= share <= 1 + 1e-6 for share in shares)
    assert all(b >= a - 1e-9 for a, b in itertools.pairwise(shares))


@given(numbers, numbers, st.integers(2, 8), st.booleans())
def test_ticks_are_few_and_on_the_scale(a, b, most, zero):
    scale = Scale.over([a, b], zero=zero)
    ticks = scale.ticks(most)
    assert 1 <= len(ticks) <= most + 1
    assert all(-1e-6 <= scale.share(t) <= 1 + 1e-6 for t in ticks)


@given(positive, positive, st.integers(3, 8))
def test_ticks_of_logarithms_are_few_and_on_the_scale(a, b, most):
    scale = Scale.over([a, b], log=True)
    ticks = scale.ticks(most)
    assert 1 <= len(ticks) <= most + 1
    assert all(-1e-6 <= scale.share(t) <= 1 + 1e-6 for t in ticks)


@pytest.mark.parametrize(
    ("low", "high", "ticks"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (0.61, 0.99, [0.7, 0.8, 0.9]), (-3, 3, [-2, 0, 2])],
)
def test_ticks_by_hand(low, high, ticks):
    assert Scale(low, high).ticks(5 if low == 0 else 4) == pytest.approx(ticks)


def test_values_that_cannot_be_drawn_do_not_count():
    assert Scale.over([math.nan, 1.0, math.inf, 3.0], pad=0.0) == Scale(1.0, 3.0)
    assert Scale.over([0.0, -1.0, 10.0, 1000.0], log=True, pad=0.5).low > 0
    assert Scale.over([]) == Scale(0.0, 1.0)
    assert Scale.short_of(100.0, [100.0, 90.0]).whole is None
    assert Scale.over([5.0, 5.0]).share(5.0) == pytest.approx(0.5)


def test_a_point_is_drawn_where_it_belongs():
    frame = Frame(Axis(Scale(0.0, 10.0), "x"), Axis(Scale(0.0, 1.0), "y"), width=152, height=144)
    # 40 left, 12 right: 100 units across; 10 above, 34 below: 100 units down.
    assert frame.place(0.0, 0.0) == (40.0, 110.0)
    assert frame.place(10.0, 1.0) == (140.0, 10.0)
    assert frame.place(2.5, 0.25) == (65.0, 85.0)


def chart(*series, **options):
    xs = [x for s in series for x in s.xs]
    ys = [y for s in series for y in s.ys]
    axes = {"x": Axis(Scale.over(xs), "epoch"), "y": Axis(Scale.over(ys), "accuracy")}
    return read(line_chart(series, title="a <title>", **axes, **options))


def test_a_chart_says_what_it_is_to_who_cannot_see_it():
    root = chart(Series("sparse", "sparse", [1, 2], [0.25, 0.75]))
    (svg,) = root.find("svg", role="img")
    assert svg.inside[0].name == "title"
    assert svg.find("title")[0].text == "a <title>"
    assert svg.find("desc")[0].text == "sparse: from 0.25 to 0.75"


def test_a_line_has_a_point_per_value_and_its_name_at_its_end():
    root = chart(
        Series("sparse", "sparse", [1, 2, 3], [1.0, math.nan, 3.0], ring=2),
        Series("twin", "twin", [1, 2, 3], [2.0, 2.5, 2.95]),
    )
    sparse, twin = (root.find("path", class_=f"line {kind}")[0] for kind in ("sparse", "twin"))
    assert sparse.attributes["d"].count("L") == 1
    assert twin.attributes["d"].count("L") == 2
    assert len(root.find("circle", class_="ring sparse")) == 1
    names = root.find("text", class_="name sparse") + root.find("text", class_="name twin")
    assert [name.text for name in names] == ["sparse", "twin"]
    assert abs(float(names[0].attributes["y"]) - float(names[1].attributes["y"])) >= 13.9


def test_a_chart_of_nothing_is_an_empty_chart():
    root = chart(Series("sparse", "sparse", [1, 2], [math.nan, math.nan]))
    assert root.find("desc")[0].text == "no data"
    assert root.find("path", class_="line sparse") == []


@given(st.lists(st.floats(0, 100), min_size=1, max_size=8))
def test_labels_are_apart_and_in_order(places):
    moved = spread_out(sorted(places), 10.0, 0.0, 100.0)
    assert all(b - a >= 10.0 - 1e-6 for a, b in itertools.pairwise(moved))
    assert moved[-1] <= 100.0


def test_dots_lie_at_their_share_of_the_scale():
    rows = [
        DotRow("a <b>", [Dot(2.0, "sparse", "two"), Dot(math.nan, "twin", "none")], "2"),
        DotRow("c", [Dot(1.0, "twin", "one"), Dot(3.0, "other", "three")], "1", joined=True),
    ]
    scale = Scale(0.0, 4.0)
    root = read(dot_table(rows, scale, head=("method", "value", "digits"), mark=1.0))
    assert [c.attributes["cx"] for c in root.find("circle")] == ["50.00%", "25.00%", "75.00%"]
    assert [c.find("title")[0].text for c in root.find("circle")] == ["two", "one", "three"]
    (line,) = root.find("line", class_="join")
    assert (line.attributes["x1"], line.attributes["x2"]) == ("25.00%", "75.00%")
    assert len(root.find("line", class_="mark")) == 2
    assert [th.text for th in root.find("th", scope="row")] == ["a <b>", "c"]


def test_numbers_in_words():
    nothing = "\N{EN DASH}"
    for form in (percent, count, number):
        assert form(None) == form(math.nan) == nothing
    assert times(1.0, math.nan) == difference(math.nan, 1.0) == times(0.0, 2.0) == nothing
    assert times(2.0, 1.0) == "0.5 \N{MULTIPLICATION SIGN}"
    assert times(2.0, 300.0) == "150 \N{MULTIPLICATION SIGN}"
    assert [short(v) for v in (0, 999, 1000, 2.5e6, -1500)] == ["0", "999", "1k", "2.5M", "-1.5k"]
