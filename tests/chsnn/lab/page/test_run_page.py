"""The page of a run: whole, self-contained, the numbers those of the report, parts missing."""

import csv
import json
import shutil

import pytest

from chsnn.lab.cli import main
from chsnn.lab.page import run_page, write_run_page
from chsnn.lab.page.files import RunFiles
from chsnn.lab.recording import TopologyRecord
from chsnn.lab.spikes import read_samples
from tests.chsnn.lab.page.reading import asks_for, read

SECTIONS = (
    "summary",
    "learning",
    "topology",
    "degrees",
    "evolution",
    "activity",
    "samples",
    "energy",
    "settings",
)


def page_of(folder):
    return read((folder / "report.html").read_text(encoding="utf-8"))


def part(root, name):
    (found,) = root.find("section", id=name)
    return found


@pytest.fixture
def copy(run, tmp_path):
    return shutil.copytree(run, tmp_path / "copy")


def test_a_run_leaves_a_page_with_every_section(run):
    root = page_of(run)
    assert [s.attributes["id"] for s in root.find("section")] == list(SECTIONS)
    links = [a.attributes["href"] for a in root.find("nav")[0].find("a")]
    assert links == [f"#{name}" for name in SECTIONS]
    assert root.find("html", lang="en")
    assert (run / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>\n<html")


def test_it_asks_for_nothing_and_lets_nothing_be_asked_for(run):
    root = page_of(run)
    assert asks_for(root) == []
    (policy,) = root.find("meta", http_equiv="Content-Security-Policy")
    assert "default-src 'none'" in policy.attributes["content"]


def test_it_is_small(run):
    assert (run / "report.html").stat().st_size < 200_000


def cells(root):
    """The rows of the summary's table: name to texts."""
    rows = part(root, "summary").find("table", class_="summary")[0].find("tbody")[0].find("tr")
    return {row.find("th")[0].words(): [td.words() for td in row.find("td")] for row in rows}


def test_its_numbers_are_those_of_the_report(run):
    report = json.loads((run / "report.json").read_text())
    twin, table = report["baseline"], cells(page_of(run))
    for name, key, factor, form in (
        ("test accuracy (%)", "accuracy", 100, "{:.2f}"),
        ("links absent (%)", "link_sparsity", 100, "{:.2f}"),
        ("firing rate (%)", "firing_rate", 100, "{:.2f}"),
        ("SOPs a sample", "sops_per_sample", 1, "{:,.0f}"),
    ):
        ours, theirs = (form.format(factor * r[key]) for r in (report, twin))
        assert table[name][:2] == [ours, theirs]
    ratio = f"{report['sop_ratio']:.1f} \N{MULTIPLICATION SIGN}"
    assert table["SOPs a sample"][2] == ratio == table["energy a sample (nJ)"][2]
    points = f"{100 * (report['accuracy'] - twin['accuracy']):+.2f} points"
    assert table["test accuracy (%)"][2] == points.replace("-", "\N{MINUS SIGN}")
    n_links = sum(layer["n_links"] for layer in report["layers"])
    assert table["links"][0] == f"{n_links:,}"
    words = part(page_of(run), "summary").find("p", class_="headline")[0].words()
    assert f"{100 * report['accuracy']:.2f} %" in words
    assert f"{report['sop_ratio']:.1f} times fewer synaptic operations" in words


def test_layers_and_what_is_not_counted_are_those_of_the_report(run):
    report, root = json.loads((run / "report.json").read_text()), page_of(run)
    rates, operations = part(root, "activity").find("table", class_="dots")
    for table, value in (
        (rates, lambda layer: f"{100 * layer['input_rate']:.1f} %"),
        (operations, lambda layer: f"{layer['sops'] / report['n_test']:,.0f}"),
    ):
        rows = table.find("tbody")[0].find("tr")
        for row, layer, other in zip(
            rows, report["layers"], report["baseline"]["layers"], strict=True
        ):
            assert row.find("th")[0].words() == layer["name"]
            assert row.find("td", class_="value")[0].words() == f"{value(layer)} {value(other)}"
    items = [item.words() for item in part(root, "energy").find("li")]
    assert items == report["not_counted"]
    assert "static power" in items
    total = sum(layer["sops"] for layer in report["layers"])
    assert total / report["n_test"] == pytest.approx(report["sops_per_sample"])


def test_every_epoch_is_a_point_of_the_curves(run):
    with (run / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    figures = part(page_of(run), "learning").find("figure")
    assert [f.find("b")[0].text for f in figures] == [
        "validation accuracy (%)",
        "training accuracy (%)",
        "training loss",
    ]
    for name, factor, chart in zip(
        ("validation_accuracy", "train_accuracy", "loss"), (100, 100, 1), figures, strict=True
    ):
        notes = [c.find("title")[0].text for c in chart.find("circle", class_="hover")]
        expected = [
            f"sparse, epoch {row['epoch']}: {factor * float(row[name]):.4g}" for row in rows
        ]
        assert notes[: len(rows)] == expected
        assert all(note.startswith("twin, epoch") for note in notes[len(rows) :])
        assert len(chart.find("circle", class_="ring sparse")) == 1


def test_the_slider_has_a_picture_per_epoch_that_was_kept(run):
    record = TopologyRecord.read(run / "topology.npz")
    topology = part(page_of(run), "topology")
    (slider,) = topology.find("input", type="range")
    said = topology.find("output")[0].attributes["data-said"].split("\n")
    assert [f.epoch for f in record.frames] == [0, 1, 2, 3]
    assert slider.attributes["max"] == "3"
    assert slider.attributes["aria-label"] == "epoch"
    for frame, words in zip(record.frames, said, strict=True):
        assert f"{frame.n_links:,} links" in words
    share = 100 * record.frames[-1].n_new / record.frames[-1].n_links
    assert f"{share:.0f} % new since the start" in said[-1]
    for class_ in ("stack matrix", "stack map", "stack fields"):
        (stack,) = topology.find("div", class_=class_)
        assert len(stack.find("img")) == 4
        assert [img.attributes.get("class") for img in stack.find("img")] == [None] * 3 + ["on"]
        assert stack.find("img")[-1].attributes["alt"]


def test_samples_are_shown_with_their_classes_and_spikes(run):
    kept = read_samples(run / "samples.npz")
    cards = part(page_of(run), "samples").find("article")
    assert len(cards) == len(kept) >= 3
    for card, sample in zip(cards, kept, strict=True):
        assert card.find("h3")[0].text.startswith(f"class {sample.label}, ")
        rasters = card.find("svg", class_="raster")
        for picture, population in zip(rasters, sample.populations, strict=True):
            spikes = picture.find("path")[0].attributes["d"].count("M")
            assert spikes == max(1, population.spikes.sum())


def test_the_settings_are_those_of_the_file(run):
    names = part(page_of(run), "settings").find("dl")[0]
    pairs = dict(
        zip([d.text for d in names.find("dt")], [d.text for d in names.find("dd")], strict=True)
    )
    assert pairs["hidden"] == "48, 32"
    assert pairs["sparsity"] == "0.8"
    assert pairs["neuron.alpha"] == "0.5"
    assert pairs["baseline"] == "yes"


def test_the_command_makes_the_same_page_again(copy, capsys):
    before = (copy / "report.html").read_text().replace("run run", "run copy")
    (copy / "report.html").unlink()
    main(["report", str(copy)])
    assert capsys.readouterr().out == f"{copy / 'report.html'}\n"
    assert (copy / "report.html").read_text() == before
    main(["report", str(copy), "--out", str(copy / "other.html"), "--json"])
    assert json.loads(capsys.readouterr().out)["file"] == str(copy / "other.html")
    assert (copy / "other.html").read_text() == before


@pytest.mark.parametrize(
    ("missing", "without"),
    [
        (["topology.npz"], {"topology", "degrees"}),
        (["samples.npz"], {"samples"}),
        (["history.csv"], {"learning", "evolution"}),
        (["report.json"], {"energy"}),
        (["baseline/history.csv"], set()),
        (
            ["report.json", "history.csv", "topology.npz", "samples.npz"],
            set(SECTIONS) - {"summary", "settings"},
        ),
    ],
)
@pytest.mark.parametrize("damaged", [False, True])
def test_a_run_without_some_of_it_has_the_other_parts(copy, missing, without, damaged):
    for name in missing:
        if damaged:
            (copy / name).write_bytes(b"\x00\xffnonsense,\n1,2\n")
        else:
            (copy / name).unlink()
    write_run_page(copy)
    root = page_of(copy)
    there = {s.attributes["id"] for s in root.find("section")}
    assert there == set(SECTIONS) - without
    assert asks_for(root) == []
    words = part(root, "summary").words()
    for name in missing:
        if name != "baseline/history.csv":
            assert name in words


def test_a_run_without_twin_shows_itself(copy):
    report = json.loads((copy / "report.json").read_text())
    report["baseline"] = report["sop_ratio"] = report["energy_ratio"] = None
    (copy / "report.json").write_text(json.dumps(report))
    shutil.rmtree(copy / "baseline")
    write_run_page(copy)
    assert all(len(texts) == 1 for texts in cells(page_of(copy)).values())
    assert "twin" not in part(page_of(copy), "learning").words()


def test_reports_of_before_are_shown_with_what_they_say(copy):
    report = json.loads((copy / "report.json").read_text())
    for outcome in (report, report["baseline"]):
        for name in ("n_test", "energy_terms", "not_counted", "learnt"):
            del outcome[name]
    before = part(page_of(copy), "activity").words()
    (copy / "report.json").write_text(json.dumps(report))
    write_run_page(copy)
    assert part(page_of(copy), "activity").words() == before
    assert "does not say what" in part(page_of(copy), "energy").words()


EVIL = '<script>alert("1")</script><img src=https://a.b/c onerror=alert(1)>\'"&amp;'


def test_no_name_becomes_markup(copy):
    report = json.loads((copy / "report.json").read_text())
    text = json.dumps(report)
    for name in [layer["name"] for layer in report["layers"]]:
        text = text.replace(json.dumps(name), json.dumps(EVIL + name))
    report = json.loads(text) | {"data": EVIL, "network": EVIL, "hardware": EVIL, "seed": EVIL}
    report["not_counted"] = [EVIL]
    report["energy_terms"] = [{"name": EVIL, "joule": 1e-9, "source": EVIL}]
    (copy / "report.json").write_text(json.dumps(report))
    config = (copy / "config.toml").read_text()
    (copy / "config.toml").write_text(f"evil = {json.dumps(EVIL)}\n{config}")
    header, *rows = (copy / "history.csv").read_text().splitlines()
    quoted = '"' + f"firing_rate.{EVIL}".replace('"', '""') + '"'
    lines = [f"{header},{quoted}", *(f"{row},0.5" for row in rows)]
    (copy / "history.csv").write_text("\n".join(lines) + "\n")
    plain = page_of(copy)
    folder = copy.rename(copy.with_name("<b>'evil & co"))
    write_run_page(folder)
    root = page_of(folder)
    assert asks_for(root) == []
    for name in ("script", "b"):
        extra = 1 if name == "b" else 0  # the title of the chart of the new column
        assert len(root.find(name)) == len(plain.find(name)) + extra
    assert len(root.find("img")) == len(plain.find("img"))
    assert root.find("h1")[0].text == f"{EVIL}, {EVIL}"
    assert root.words().count("alert(") >= 8
    assert not [e for e in root.all() if any(key.startswith("on") for key in e.attributes)]


def test_what_is_no_run_folder_is_refused_in_one_line(tmp_path, capsys):
    for folder in (tmp_path, tmp_path / "nothing"):
        with pytest.raises(SystemExit) as stop:
            main(["report", str(folder)])
        assert stop.value.code == 2
        error = capsys.readouterr().err
        assert error.count("\n") == 1
        assert "not a run folder" in error
        assert not (folder / "report.html").exists()
    (tmp_path / "config.toml").write_text("= nonsense")
    with pytest.raises(SystemExit):
        main(["report", str(tmp_path)])
    assert "config.toml" in capsys.readouterr().err


def test_numbers_that_are_not_finite_are_left_out(copy):
    lines = (copy / "history.csv").read_text().splitlines()
    names = lines[0].split(",")
    row = lines[2].split(",")
    row[names.index("loss")], row[names.index("validation_accuracy")] = "nan", ""
    (copy / "history.csv").write_text("\n".join([lines[0], lines[1], ",".join(row), lines[3]]))
    root = read(run_page(RunFiles.read(copy)))
    accuracy, _, loss = part(root, "learning").find("figure")
    for chart in (accuracy, loss):
        notes = [c.find("title")[0].text for c in chart.find("circle", class_="hover")]
        assert [n[:15] for n in notes if n.startswith("sparse")] == [
            "sparse, epoch 1",
            "sparse, epoch 3",
        ]


def test_a_run_that_begins_anew_leaves_nothing_of_the_one_before(copy):
    settings = ["--hidden", "16", "--epochs", "1", "--timesteps", "2", "--no-baseline"]
    main(["train", *settings, "--out", str(copy), "--force"])
    assert [f.epoch for f in TopologyRecord.read(copy / "topology.npz").frames] == [0, 1]
    assert page_of(copy).find("h1")[0].text == "digits, 64-16-10"
