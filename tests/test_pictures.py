"""Pictures of the explanation pages and the gallery: drawn by code, and all there."""

import re
from pathlib import Path

import pytest

from analysis import explanation, gallery
from chgraph import plotting

ROOT = Path(__file__).parents[1]


def linked(page):
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    return re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)


@pytest.mark.parametrize("name", ["1_paths", "2_community", "3_score", "4_terms"])
def test_pictures_of_the_theory_are_drawn_alike_every_time(name, tmp_path):
    once = plotting.save_figure(explanation.PICTURES[name](), tmp_path / f"{name}.svg").read_bytes()
    again = plotting.save_figure(explanation.PICTURES[name](), tmp_path / f"{name}.svg")
    assert b"<svg" in once[:2000]
    assert again.read_bytes() == once


def test_evidence_has_a_point_per_repeat_and_method():
    drawing = explanation.evidence(repeats=2)
    assert len(drawing.axes) == len(explanation.NETWORKS)
    for ax in drawing.axes:
        clouds = [line for line in ax.lines if line.get_marker() == "o"]
        assert len(clouds) == len(explanation.METHODS)
        assert all(line.get_xdata().size == 2 for line in clouds)


def test_the_page_shows_every_picture_in_order():
    shown = linked("explanation/theory.md")
    assert shown == [f"pictures/{name}.svg" for name in explanation.PICTURES]


def test_the_gallery_shows_every_plotting_function():
    text = (ROOT / "docs/gallery.md").read_text(encoding="utf-8")
    functions = [n for n in plotting.__all__ if n.islower() and n != "save_figure"]
    assert functions
    for name in functions:
        assert f"plotting.{name}(" in text
        assert (ROOT / f"docs/gallery/{name}.svg").is_file()
    assert linked("gallery.md") == [
        f"gallery/{name}.svg"
        for name in sorted(functions, key=lambda name: text.index(f"gallery/{name}.svg"))
    ]


def test_the_gallery_is_drawn_by_its_own_code(tmp_path, monkeypatch):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\nfrom matplotlib import pyplot as plt\nax = plt.subplots()[1]\nax.plot([1, 2])\n"
        "```\n\n![a line](gallery/line.svg)\n"
    )
    monkeypatch.setattr("sys.argv", ["gallery", "--page", str(page), "--out", str(tmp_path)])
    gallery.main()
    assert b"<svg" in (tmp_path / "gallery/line.svg").read_bytes()[:2000]
