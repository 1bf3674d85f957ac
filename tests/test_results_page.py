"""The tables of the documentation are those of the results, and these those of their rows."""

from pathlib import Path

import pytest

from analysis import results_page
from analysis.benchmarks._rows import Row, figure, table
from analysis.results_page import benchmark_tables, filled, table_of

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "analysis" / "results"
TEXT = """One.

| a | b |
|---|---|
| x: y | 1 |
| z | 2 |

| c |
|---|
| w |
"""


@pytest.mark.parametrize("page", results_page.PAGES, ids=lambda page: page.name)
def test_the_pages_say_what_the_results_say(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    assert "<!-- " in text
    assert filled(text, RESULTS) == text


def test_the_tables_of_benchmarks_are_those_of_their_rows():
    for name, text in benchmark_tables(RESULTS).items():
        assert (RESULTS / f"{name}.md").read_text(encoding="utf-8") == text


def test_a_table_by_number_and_the_rows_that_begin_so():
    assert table_of(TEXT, 2) == "| c |\n|---|\n| w |\n"
    assert table_of(TEXT, 1, "z") == "| a | b |\n|---|---|\n| z | 2 |\n"
    assert table_of(TEXT, 1, "x:") == "| a | b |\n|---|---|\n| y | 1 |\n"


@pytest.mark.parametrize(("number", "begin"), [(3, ""), (1, "q")])
def test_tables_and_rows_that_are_not_there_are_refused(number, begin):
    with pytest.raises(ValueError, match=r"table|row"):
        table_of(TEXT, number, begin)


def test_what_stands_below_a_mark_is_replaced(tmp_path):
    (tmp_path / "some.md").write_text(TEXT, encoding="utf-8")
    page = "a\n\n<!-- some.md, table 2 -->\n| old |\n\nb\n"
    assert filled(page, tmp_path) == "a\n\n<!-- some.md, table 2 -->\n| c |\n|---|\n| w |\n\nb\n"


def test_units_stand_in_the_header_and_empty_columns_are_left_out():
    rows = [Row("call", 0.0015, 3.0, "peer"), Row("memory", 12.5, unit="MB")]
    assert table(rows) == (
        "| what | ours (ms) | peer (ms) | peer | peer / ours |\n| --- | --- | --- | --- | --- |\n"
        "| call | 1.5 | 3,000 | peer | 2,000 |\n"
        "\n| what | ours (MB) |\n| --- | --- |\n| memory | 12.5 |\n"
    )


@pytest.mark.parametrize(
    ("value", "unit", "said"), [(0.0000012, "s", "0.0012"), (81.938, "s", "81,938"), (4.0, "", "4")]
)
def test_figures_have_three_digits_or_more(value, unit, said):
    assert figure(value, unit) == said
