"""The paper's figures and tables from rows of ours: what is in them, and that they are drawn."""

import json

import numpy as np
import pytest

from analysis import first_page
from analysis.figures import __main__ as program
from analysis.figures import energy, gains, ours, published
from chgraph import BipartiteGraph


def row(part, method, seed, accuracy, **more):
    return {
        "part": part,
        "method": method,
        "seed": seed,
        "accuracy": accuracy,
        "link_sparsity": 0.0 if method == "fully connected" else 0.98,
        "firing_rate": 0.1,
        "node_sparsity": 0.0,
        "sops_per_sample": 1000.0,
        "learnt": None,
        "train_seconds": 1.0,
        **more,
    }


@pytest.fixture
def results(tmp_path):
    mnist = [
        row("main", "fully connected", 0, 0.99),
        row("main", "fully connected", 1, 0.98),
        row("main", "CH-SNN", 0, 0.985),
        row("main", "CH-SNN", 1, 0.985),
        row("regrowth", "CH-SNN, random regrowth", 0, 0.97),
        row("methods", "fully connected", 0, 0.95),
        row("methods", "SET", 0, 0.96),
        row("methods", "RigL", 7, 0.96),  # without a twin
        row("ablation", "CH-SNN", 0, 0.9, sparsity=0.99),
        row("ablation", "CH-SNN, no SSWI", 0, 0.8, sparsity=0.8),
    ]
    stp = [
        row("main", "fully connected", 0, 0.97, learning="s-tp", sop_ratio=1.0),
        row("main", "CH-SNN", 0, 0.96, learning="s-tp", sop_ratio=18.0),
        row("nmnist", "CH-SNN", 0, 0.96, learning="bptt", sop_ratio=18.0),  # without a twin
    ]
    (tmp_path / "mnist_2fc.json").write_text(json.dumps(mnist))
    (tmp_path / "stp_3fc.json").write_text(json.dumps(stp))
    return tmp_path


def test_gains_are_over_the_twin_of_the_same_seed_and_training(results):
    found = {(g.method, g.network): g for g in ours.gains(results)}
    assert found["CH-SNN", "2FC"].gain == pytest.approx(0.0)
    assert found["CH-SNN", "2FC"].seeds == (0, 1)
    assert found["CH-SNN, random regrowth", "2FC"].gain == pytest.approx(-2.0)
    assert found["SET", "2FC, 10,000 images"].gain == pytest.approx(1.0)
    assert len(found) == 3


def test_tables_have_every_published_row_and_say_which_are_ours(results):
    text = gains.table(results)
    lines = text.splitlines()
    theirs = [line for line in lines if published.SOURCE in line]
    assert len(theirs) == len(published.TABLE_1)
    assert "| MNIST | 2FC | CH-SNN | 97.75 | 98.97 | +0.16 |" in text
    assert (
        "| MNIST | 2FC | CH-SNN | 98.00 | 98.50 | +0.00 | ours: mnist_2fc.json, seeds 0, 1 |"
        in text
    )
    second = energy.table_2(results)
    assert second.count(published.SOURCE) == len(published.TABLE_2)
    assert "ours: stp_3fc.json, seeds 0 |" in second
    assert "| 104.0 | 97.5 |" in second  # DVS-Gesture: SOPs, and rounded millijoules
    assert second.count("ours") == 2
    third = energy.table_3(results)
    assert "| MNIST | both | 90.00 |  |  |  | ours: mnist_2fc.json, seeds 0 |" in third
    assert "| MNIST | SSCTI only |  |  | 80.00 |  | ours" in third


def test_all_figures_are_drawn_with_captions_beside_them(results, tmp_path, monkeypatch):
    out = tmp_path / "figures"
    monkeypatch.setattr("sys.argv", ["figures", "--results", str(results), "--out", str(out)])
    program.main()
    for i in range(1, 5):
        assert (out / f"figure_{i}.png").read_bytes()[:4] == b"\x89PNG"
        assert "<svg" in (out / f"figure_{i}.svg").read_text()[:2000]
    captions = (out / "captions.md").read_text()
    for i in range(1, 5):
        assert f"Figure {i}." in captions


def test_figures_are_drawn_without_any_row_of_ours(tmp_path):
    assert ours.gains(tmp_path) == []
    gains.figure(tmp_path)
    energy.figure(tmp_path)
    assert "ours" not in energy.table_2(tmp_path)


def test_the_first_page_shows_links_of_pixels_fields_of_neurons_and_every_seed():
    start = BipartiteGraph.from_links([0, 0, 4, 8], [0, 1, 2, 3], shape=(9, 12))
    end = BipartiteGraph.from_links([0, 4, 5, 6], [0, 2, 2, 2], shape=(9, 12))
    found = {"SET": [96.0, 97.0], "CH-SNN": [98.0, 99.0], "fully connected": [98.2]}
    drawing = first_page.figure(start, end, np.array([1.0, -1.0, 1.0, 2.0]), found)
    before, after, fields, methods = drawing.axes
    assert (before.images[0].get_array() ** 2).sum() == pytest.approx(4)
    assert (after.images[0].get_array() ** 2).reshape(-1)[[0, 4, 5]].tolist() == [1, 1, 1]
    assert "4 links" in after.get_title(loc="left")
    assert "50%" in after.get_title(loc="left")
    colors = {tuple(c) for c in fields.images[0].get_array().reshape(-1, 3).round(3)}
    assert len(colors) == 4  # background, both signs, the gap
    said = [label.get_text() for label in methods.get_yticklabels()]
    assert said == ["SET", "fully connected, all links", "CH-SNN"]
    assert sum(len(dots.get_offsets()) for dots in methods.collections) == 5 + 3
