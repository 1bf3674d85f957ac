"""Comparisons: every run once, resumable, means and gains by hand, one table and picture."""

import json
import subprocess
from dataclasses import replace

import numpy as np
import pytest

from chsnn.lab import comparison, plotting
from chsnn.lab.cli import main
from chsnn.lab.comparison import Plan, plan_runs, run_plans
from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import Experiment
from chsnn.lab.summaries import summarize, table

METHODS = ("fully connected", "SET", "CH-SNN")


def base(folder, **settings):
    options = {"hidden": (24,), "epochs": 2, "batch_size": 128, "timesteps": 3, **settings}
    return RunConfig(out=folder, **options)


def row(method, sparsity, seed, accuracy):
    numbers = dict.fromkeys(comparison._MEASURES, 0.5)
    return {**numbers, "method": method, "sparsity": sparsity, "seed": seed, "accuracy": accuracy}


def test_plans_are_methods_times_sparsities_times_seeds_in_folders_of_their_own(tmp_path):
    plans = plan_runs(base(tmp_path), METHODS, (0.8, 0.9), (0, 3))
    assert len(plans) == 2 * (1 + 2 * 2)
    assert len({plan.config.out for plan in plans}) == len(plans)
    assert {plan.config.seed for plan in plans} == {0, 3}
    assert all(plan.config.out.is_relative_to(tmp_path) for plan in plans)


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    folder = tmp_path_factory.mktemp("comparison")
    plans = plan_runs(base(folder, threads=1), METHODS, (0.8,), (0, 1))
    return folder, plans, run_plans(plans, folder, progress=False)


def test_every_run_has_a_row_and_a_run_folder(finished):
    folder, plans, rows = finished
    assert [(r["method"], r["seed"]) for r in rows] == [(p.method, p.config.seed) for p in plans]
    assert json.loads((folder / "comparison.json").read_text()) == rows
    assert (folder / "comparison.md").read_text() == table(rows)
    assert (folder / "comparison.png").stat().st_size > 1000
    for plan, result in zip(plans, rows, strict=True):
        report = json.loads((plan.config.out / "report.json").read_text())
        assert report["accuracy"] == result["accuracy"]
        assert RunConfig.read(plan.config.out / "config.toml", out=plan.config.out) == plan.config


def test_what_is_finished_is_not_run_again(finished, monkeypatch):
    folder, plans, rows = finished
    monkeypatch.setattr(comparison, "Experiment", None)
    assert run_plans(plans, folder, progress=False) == rows


def test_an_interrupted_comparison_goes_on_to_the_same_rows(finished, tmp_path, monkeypatch):
    _, _, expected = finished
    plans = plan_runs(base(tmp_path, threads=1), METHODS, (0.8,), (0, 1))
    run, calls = Experiment.run, []

    def interrupted(experiment, **options):
        calls.append(experiment)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return run(experiment, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Experiment, "run", interrupted)
        with pytest.raises(KeyboardInterrupt):
            run_plans(plans, tmp_path, progress=False)
    assert len(json.loads((tmp_path / "comparison.json").read_text())) == 2
    rows = run_plans(plans, tmp_path, progress=False)
    assert [without_seconds(r) for r in rows] == [without_seconds(r) for r in expected]


def without_seconds(result):
    return {key: value for key, value in result.items() if not key.endswith("seconds")}


def test_processes_give_the_rows_of_one_after_the_other(finished, tmp_path):
    _, _, expected = finished
    plans = plan_runs(base(tmp_path, threads=1), METHODS, (0.8,), (0, 1))
    rows = run_plans(plans, tmp_path, processes=2, progress=False)
    assert [without_seconds(r) for r in rows] == [without_seconds(r) for r in expected]


def test_a_run_that_fails_ends_the_others_too(tmp_path, monkeypatch):
    """Data that is not there, beside runs that would take long."""
    monkeypatch.setenv("CHSNN_DATA", str(tmp_path / "nothing"))
    plans = plan_runs(base(tmp_path, epochs=100_000), ("static", "SET"), (0.8,), (0, 1))
    plans = [Plan("static", 0.8, replace(plans[0].config, data="mnist")), *plans[1:]]
    started = []
    popen = subprocess.Popen

    def watched(*arguments, **options):
        started.append(popen(*arguments, **options))
        return started[-1]

    monkeypatch.setattr(subprocess, "Popen", watched)
    with pytest.raises(ValueError, match=r"'static 0.8, seed 0' failed: chsnn: no train-images"):
        run_plans(plans, tmp_path, processes=2, progress=False)
    assert len(started) >= 2
    assert all(process.returncode is not None for process in started)


def test_a_folder_with_other_settings_is_left_alone(finished):
    folder, plans, _ = finished
    before = (plans[0].config.out / "config.toml").read_bytes()
    other = plan_runs(base(folder, threads=1, learning_rate=0.5), METHODS, (0.8,), (0, 1))
    with pytest.raises(ValueError, match=r"^out must be .* nothing was changed"):
        run_plans(other, folder, progress=False)
    assert (plans[0].config.out / "config.toml").read_bytes() == before


def test_gains_are_taken_seed_by_seed():
    rows = [
        row("fully connected", 0.0, 0, 0.90),
        row("SET", 0.9, 0, 0.88),
        row("fully connected", 0.0, 1, 0.80),
        row("SET", 0.9, 1, 0.83),
        row("SET", 0.9, 2, 0.10),  # without a twin: in the mean, not in the gain
    ]
    dense, sparse = summarize(rows)
    assert dense.gains == (0.0, 0.0)
    np.testing.assert_allclose(sparse.gains, [-0.02, 0.03])
    assert sparse.mean("accuracy") == pytest.approx(1.81 / 3)
    assert sparse.deviation("accuracy") == pytest.approx(np.std([0.88, 0.83, 0.10], ddof=1))
    lines = table(rows).splitlines()
    assert len(lines) == 4
    assert "| SET | 90 | 60.33 ± 43.66 | +0.50 ± 3.54 |" in lines[3]


def test_the_picture_has_a_point_per_sparsity_at_its_gain():
    rows = [row("fully connected", 0.0, 0, 0.9)]
    for asked, accuracy in ((0.9, 0.91), (0.8, 0.92)):
        rows.append(row("CH-SNN", asked, 0, accuracy) | {"link_sparsity": asked})
    figure = plotting.sparsity_gain(summarize(rows))
    line = figure.axes[0].containers[0].lines[0]
    np.testing.assert_allclose(np.asarray(line.get_xdata(), float), [80, 90])
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), [2, 1])


def test_dots_stand_best_on_top_at_their_error_with_a_name_each():
    rows = [
        row("fully connected", 0.0, 0, 0.98),
        row("SET", 0.9, 0, 0.90),
        row("SET", 0.9, 1, 0.94),
        row("CH-SNN", 0.9, 0, 0.99),
        row("CH-SNN", 0.8, 0, 1.0),
    ]
    figure = plotting.method_dots(summarize(rows))
    denser, sparser = figure.axes
    assert denser.get_title(loc="left").startswith("80 %")
    assert [label.get_text() for label in denser.get_yticklabels()] == [
        "CH-SNN",
        "fully connected",
    ]
    names = [label.get_text() for label in sparser.get_yticklabels()]
    assert names == ["CH-SNN", "fully connected", "SET"]
    lines = [line for line in sparser.lines if line.get_marker() == "o"]
    drawn = [(np.asarray(line.get_xdata(), float), line.get_ydata()[0]) for line in lines]
    expected = [([1.0], 0), ([2.0], 1), ([10.0, 6.0], 2), ([8.0], 2)]
    for (errors, place), (wanted, row_of) in zip(drawn, expected, strict=True):
        np.testing.assert_allclose(errors, wanted)
        assert place == row_of
    assert sparser.xaxis_inverted()
    assert sparser.yaxis_inverted()
    assert sparser.xaxis.get_major_formatter()(2.0, 0) == "98"
    assert {text.get_text() for text in sparser.texts} == {"99.00", "98.00", "92.00 ± 2.83"}


@pytest.mark.parametrize("name", ["methods", "sparsities", "seeds"])
def test_nothing_named_or_something_named_twice_is_refused(tmp_path, name):
    good = {"methods": ("SET",), "sparsities": (0.9,), "seeds": (0,)}
    for bad in ((), good[name] * 2):
        with pytest.raises(ValueError, match=rf"^{name}\b"):
            plan_runs(base(tmp_path), **{**good, name: bad})


def test_sparsities_of_layers_are_refused(tmp_path):
    own = replace(base(tmp_path), hidden=(16,), layer_sparsities=(0.5,))
    with pytest.raises(ValueError, match="layer_sparsities must be left out of a comparison"):
        plan_runs(own, ("SET",), (0.9,), (0,))


def test_the_command_ends_with_the_table(tmp_path, capsys):
    arguments = ["--hidden", "16", "--epochs", "1", "--timesteps", "2", "--batch-size", "256"]
    choice = ["--methods", "SET", "fully connected", "--sparsities", "0.5", "--seeds", "4"]
    out = tmp_path / "all"
    main(["compare", *arguments, *choice, "--out", str(out)])
    text = capsys.readouterr().out
    assert text.startswith((out / "comparison.md").read_text())
    main(["compare", *arguments, *choice, "--out", str(out), "--json"])
    assert json.loads(capsys.readouterr().out) == json.loads((out / "comparison.json").read_text())


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--methods", "Sett"], "method must be one of"),
        (["--sparsities", "1.5"], "sparsity"),
        (["--processes", "0"], "processes"),
        (["--seeds", "-1"], "seed"),
        (["--seed", "1"], "--seed"),
        (["--sparsity", "0.5"], "--sparsity"),
    ],
)
def test_bad_input_is_one_line_and_exit_2(arguments, named, tmp_path, capsys):
    with pytest.raises(SystemExit) as stop:
        main(["compare", *arguments, "--out", str(tmp_path / "out")])
    error = capsys.readouterr().err
    assert stop.value.code == 2
    assert error.count("\n") == 1
    assert named in error
    assert not (tmp_path / "out").exists()


def test_sparsities_that_look_alike_have_folders_of_their_own(tmp_path):
    values = (0.9, 0.9000004, 0.90000000000001, 0.95)
    plans = plan_runs(base(tmp_path), ("SET",), values, (0,))
    assert len({plan.config.out for plan in plans}) == len({plan.name for plan in plans}) == 4
    assert plans[0].config.out == tmp_path / "set" / "sparsity-0.9" / "seed-0"
    rows = [row("SET", value, 0, 0.5) for value in values]
    assert len({line.split("|")[2] for line in table(rows).splitlines()[2:]}) >= 3


@pytest.mark.parametrize("content", ["", "{}", "[]", '{"accuracy": 1', "[" * 100_000, "null"])
def test_a_damaged_report_is_one_message_with_its_path(finished, content):
    folder, plans, rows = finished
    path = plans[1].config.out / "report.json"
    before = path.read_text()
    path.write_text(content)
    try:
        with pytest.raises(ValueError, match=r"report\.json is not a complete report") as error:
            run_plans(plans, folder, progress=False)
        assert str(path) in str(error.value)
    finally:
        path.write_text(before)
    assert run_plans(plans, folder, progress=False) == rows


def test_a_report_of_another_run_is_refused(finished):
    folder, plans, _ = finished
    path, other = (plans[i].config.out / "report.json" for i in (1, 0))
    before = path.read_text()
    path.write_text(other.read_text())
    try:
        with pytest.raises(ValueError, match=r"report\.json belongs to run"):
            run_plans(plans, folder, progress=False)
    finally:
        path.write_text(before)
