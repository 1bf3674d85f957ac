"""The numbers of the first page are those of the studies' rows."""

import json
from pathlib import Path

import pytest

from analysis.headline_results import BEGIN, END, in_page, results, table

ROOT = Path(__file__).parents[1]


def test_the_readme_says_what_the_rows_say():
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    assert in_page(page, results(ROOT / "analysis" / "results")) == page


def test_there_are_at_most_ten_and_each_names_its_command():
    found = results(ROOT / "analysis" / "results")
    assert 5 <= len(found) <= 10
    for line in found:
        module = line.command.split()[0].replace(".", "/")
        assert (ROOT / "analysis" / f"{module}.py").is_file()


def test_other_rows_give_other_numbers(tmp_path):
    for path in (ROOT / "analysis" / "results").glob("*.json"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    rows = json.loads((tmp_path / "mnist_2conv2fc.json").read_text(encoding="utf-8"))
    for row in rows:
        if row["method"] == "CH-SNN":
            row["accuracy"] = 0.123
    (tmp_path / "mnist_2conv2fc.json").write_text(json.dumps(rows), encoding="utf-8")
    said = table(results(tmp_path))
    assert "| 12.30 ± 0.00 % |" in said
    assert said != table(results(ROOT / "analysis" / "results"))


def test_a_page_without_marks_is_refused():
    with pytest.raises(ValueError, match="results"):
        in_page("# A page\n", [])


def test_only_what_stands_between_the_marks_is_replaced():
    assert in_page(f"a\n{BEGIN}old\n{END}b\n", []) == f"a\n{BEGIN}{table([])}{END}b\n"
