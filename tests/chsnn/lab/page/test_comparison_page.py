"""The page of a comparison: methods sorted, means and seeds as in the rows, whatever is there."""

import json
from statistics import fmean

import pytest

from chsnn.lab.cli import main
from chsnn.lab.page import write_comparison_page
from chsnn.lab.page.comparison import comparison_page
from chsnn.lab.summaries import table_cells
from tests.chsnn.lab.page.conftest import METHODS
from tests.chsnn.lab.page.reading import asks_for, read
from tests.chsnn.lab.page.test_run_page import EVIL, part


def page_of(folder):
    return read((folder / "report.html").read_text(encoding="utf-8"))


def rows_of(folder):
    return json.loads((folder / "comparison.json").read_text())


def names(table):
    return [row.find("th")[0].words() for row in table.find("tbody")[0].find("tr")]


def test_methods_stand_in_the_order_of_their_mean_accuracy(comparison):
    rows = rows_of(comparison)
    means = {m: fmean(r["accuracy"] for r in rows if r["method"] == m) for m in METHODS}
    methods = part(page_of(comparison), "methods")
    accuracy, sops, links, seconds = methods.find("table", class_="dots")
    assert names(accuracy) == sorted(METHODS, key=lambda m: -means[m])
    assert names(sops) == names(links) == names(seconds) == names(accuracy)
    for row in accuracy.find("tbody")[0].find("tr"):
        method = row.find("th")[0].words()
        assert row.find("td", class_="value")[0].words().startswith(f"{100 * means[method]:.2f} ±")


def test_every_method_has_a_dot_per_seed_and_one_for_the_mean_by_its_name(comparison):
    rows = rows_of(comparison)
    accuracy = part(page_of(comparison), "methods").find("table", class_="dots")[0]
    places = {}
    for row in accuracy.find("tbody")[0].find("tr"):
        method = row.find("th")[0].words()
        dots = row.find("circle")
        notes = [dot.find("title")[0].text for dot in dots]
        mine = [r for r in rows if r["method"] == method]
        mean = fmean(r["accuracy"] for r in mine)
        seeds = [f"seed {r['seed']}: {100 * r['accuracy']:.2f}" for r in mine]
        assert notes == [*seeds, f"{method}: {100 * mean:.2f}"]
        for dot, accuracy_of in zip(dots, [r["accuracy"] for r in mine] + [mean], strict=True):
            places[accuracy_of] = float(dot.attributes["cx"].rstrip("%"))
    ordered = [places[a] for a in sorted(places)]
    assert ordered == sorted(ordered)
    assert all(0 <= place <= 100 for place in ordered)


def test_colors_are_three(comparison):
    """Ours, the fully connected network, everything else."""
    circles = page_of(comparison).find("circle")
    kinds = {c.attributes["class"].replace("dot ", "").replace(" small", "") for c in circles}
    assert kinds == {"sparse", "twin", "other"}


def test_ablations_are_small_multiples(comparison, two_sparsities):
    variants = [m for m in METHODS if m.startswith("CH-SNN, ")]
    one = part(page_of(comparison), "ablation")
    assert len(one.find("table", class_="dots")) == 4
    assert set(names(one.find("table", class_="dots")[0])) == {"CH-SNN", *variants}
    several = part(page_of(two_sparsities), "ablation").find("figure")
    assert [f.find("b")[0].text for f in several] == variants
    for chart in several:
        assert len(chart.find("path", class_="line sparse")) == 1
        assert len(chart.find("path", class_="line other")) == 1


def test_several_sparsities_have_a_group_each_and_small_multiples(two_sparsities):
    root = page_of(two_sparsities)
    heads = [h.text for h in part(root, "methods").find("h3")]
    assert [h.split(" ")[0] for h in heads] == ["70", "90"]
    charts = part(root, "over-sparsities").find("figure")
    assert {f.find("b")[0].text for f in charts} == {"CH-SNN", "SET"}


def test_the_table_is_that_of_the_command(comparison):
    head, *body = table_cells(rows_of(comparison))
    (table,) = part(page_of(comparison), "table").find("table")
    assert [th.text for th in table.find("thead")[0].find("th")] == head
    for line, row in zip(body, table.find("tbody")[0].find("tr"), strict=True):
        texts = [cell.text for cell in row.inside]
        assert texts[0] == line[0]
        assert [t.replace("\N{MINUS SIGN}", "-") for t in texts[1:]] == line[1:]


def test_every_run_is_linked_to(comparison, two_sparsities):
    for folder in (comparison, two_sparsities):
        links = part(page_of(folder), "runs").find("a")
        assert len(links) == len(rows_of(folder))
        for link in links:
            assert "run" in page_of((folder / link.attributes["href"]).parent).words()


def test_it_asks_for_nothing(comparison, two_sparsities):
    for folder in (comparison, two_sparsities):
        assert asks_for(page_of(folder)) == []


def test_the_command_makes_the_same_page_again(comparison, tmp_path, capsys):
    main(["report", str(comparison), "--out", str(tmp_path / "again.html")])
    assert (tmp_path / "again.html").read_text() == (comparison / "report.html").read_text()


def test_no_method_becomes_markup(comparison, tmp_path):
    rows = rows_of(comparison)
    for row in rows:
        row |= {"data": EVIL, "settings": {EVIL: EVIL}}
        if row["method"] == "SET":
            row["method"] = EVIL
    root = read(comparison_page(rows, tmp_path))
    assert asks_for(root) == []
    assert len(root.find("script")) == 1
    assert root.find("img") == []
    assert EVIL.replace(" ", "") in root.words().replace(" ", "")


def test_rows_of_only_one_method_and_none_at_all_have_a_page(comparison, tmp_path):
    rows = rows_of(comparison)
    for some in (rows[:1], [r for r in rows if r["method"] == "SET"], []):
        root = read(comparison_page(some, tmp_path))
        assert len(root.find("h1")) == 1


def test_damaged_rows_are_refused_in_one_line(tmp_path, capsys):
    for text in ("nonsense", '[{"method": 1}]', "{}5"):
        (tmp_path / "comparison.json").write_text(text)
        with pytest.raises(ValueError, match=r"comparison\.json is damaged"):
            write_comparison_page(tmp_path)
        with pytest.raises(SystemExit):
            main(["report", str(tmp_path)])
        assert capsys.readouterr().err.count("\n") == 1
    assert not (tmp_path / "report.html").exists()
    with pytest.raises(FileNotFoundError, match=r"has no comparison\.json"):
        write_comparison_page(tmp_path / "nothing")
