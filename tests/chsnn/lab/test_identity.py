"""Files of a run say which run they belong to; what belongs to another is refused by name."""

import csv
import json
import shutil

import numpy as np
import pytest

from chsnn.lab.config import RunConfig
from chsnn.lab.experiment import Experiment
from chsnn.lab.identity import settings_digest
from chsnn.lab.recording import run_of_arrays
from chsnn.tensor_file import read_header
from tests.chsnn.lab.small_runs import CHEAP, content, edit, ended, refused, table_of

COMMANDS = ("resume", "evaluate", "energy", "export")


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Two finished runs with the same settings, and one with another seed."""
    place = tmp_path_factory.mktemp("identity")
    for name, seed in (("one", "0"), ("twin", "0"), ("other", "1")):
        assert ended("train", *CHEAP, "--seed", seed, "--out", place / name)[0] == 0
    return place


@pytest.fixture
def copy(runs, tmp_path):
    return shutil.copytree(runs / "one", tmp_path / "copy")


def refused_by_all(folder):
    """Return what every command says of a folder, in which it changes nothing."""
    before = content(folder)
    said = [refused(command, folder) for command in COMMANDS]
    assert len(set(said)) == 1
    assert content(folder) == before
    return said[0]


def test_every_file_of_a_run_says_which_it_belongs_to(runs):
    names = ("checkpoint.safetensors", "checkpoint.previous.safetensors", "best.safetensors")
    folder = runs / "one"
    run = table_of(folder / "config.toml")["run"]
    assert run["settings"] == settings_digest(RunConfig.read(folder / "config.toml"))
    assert table_of(folder / "trained.toml")["run"] == run
    assert json.loads((folder / "report.json").read_text())["run"] == run
    assert f"Run {run['id']}." in (folder / "report.html").read_text()
    for name in ("topology.npz", "samples.npz"):
        assert run_of_arrays(folder / name) == run["id"]
    for place, network in ((folder, "sparse"), (folder / "baseline", "fully connected")):
        for name in names:
            assert read_header(place / name)["run"] == run | {"network": network}
        with (place / "history.csv").open(newline="") as file:
            assert [row["run"] for row in csv.DictReader(file)] == [run["id"]] * 2
    others = [table_of(runs / name / "config.toml")["run"] for name in ("twin", "other")]
    assert len({run["id"], *(other["id"] for other in others)}) == 3
    assert others[0]["settings"] == run["settings"] != others[1]["settings"]


@pytest.mark.parametrize(
    "name",
    [
        "best.safetensors",
        "checkpoint.safetensors",
        "checkpoint.previous.safetensors",
        "baseline/best.safetensors",
        "history.csv",
        "report.json",
        "topology.npz",
        "samples.npz",
        "trained.toml",
        "config.toml",
    ],
)
@pytest.mark.parametrize("donor", ["twin", "other"])
def test_a_file_of_another_run_is_refused_by_name(runs, copy, name, donor):
    shutil.copy(runs / donor / name, copy / name)
    said = refused_by_all(copy)
    if (name, donor) == ("trained.toml", "other") or (name, donor) == ("config.toml", "other"):
        assert "seed cannot change" in said
    else:
        assert name in said or name.startswith("checkpoint.safe")
        assert "belongs to run" in said


@pytest.mark.parametrize("name", ["history.csv", "report.json", "topology.npz", "samples.npz"])
def test_a_page_is_not_written_of_files_of_two_runs(runs, copy, name):
    assert ended("report", copy)[0] == 0
    before = content(copy)
    shutil.copy(runs / "twin" / name, copy / name)
    said = refused("report", copy)
    assert name in said
    assert "belongs to run" in said
    shutil.copy(runs / "one" / name, copy / name)
    assert content(copy) == before


def test_files_that_say_of_no_run_are_shown(copy):
    for name in ("topology.npz", "samples.npz"):
        with np.load(copy / name) as file:
            arrays = dict(file)
        about = json.loads(str(arrays["about"]))
        del about["run"]
        np.savez(copy / name, **{**arrays, "about": np.array(json.dumps(about))})
        assert run_of_arrays(copy / name) is None
    assert ended("report", copy)[0] == 0
    assert ended("resume", copy)[0] == 0


def test_the_networks_of_a_run_are_not_taken_for_each_other(copy):
    shutil.copy(copy / "baseline" / "best.safetensors", copy / "best.safetensors")
    assert "best.safetensors must hold the sparse network" in refused_by_all(copy)


@pytest.mark.parametrize(
    ("name", "value"),
    [("seed", 7), ("timesteps", 2), ("encoding", "direct"), ("hidden", [20, 20])],
)
def test_an_edited_setting_is_refused_by_name(copy, name, value):
    edit(copy, **{name: value})
    assert f"{name} cannot change" in refused_by_all(copy)


def test_settings_edited_in_both_files_are_refused(copy):
    for name in ("config.toml", "trained.toml"):
        edit(copy, name, timesteps=2)
    assert "config.toml has other settings than those that" in refused_by_all(copy)
    (copy / "trained.toml").unlink()
    assert "config.toml has other settings than those that" in refused_by_all(copy)
    edit(copy, timesteps=3, seed=5)
    assert "seed cannot change" in refused_by_all(copy)


def test_an_emptied_configuration_is_refused(copy):
    (copy / "config.toml").write_text("")
    refused_by_all(copy)
    (copy / "trained.toml").unlink()
    assert "config.toml does not say which run it belongs to" in refused_by_all(copy)


def test_what_may_change_is_applied_and_recorded(copy):
    edit(copy, epochs=4, learning_rate=0.001)
    assert ended("resume", copy)[0] == 0
    report = json.loads((copy / "report.json").read_text())
    wanted = [("epochs", 2, 4), ("learning_rate", 0.003, 0.001)]
    for changes in (report["changes"], read_header(copy / "checkpoint.safetensors")["changes"]):
        assert [(c["setting"], c["before"], c["now"]) for c in changes] == wanted
        assert [c["after_epoch"] for c in changes] == [2, 2]
    assert (report["epochs"], table_of(copy / "trained.toml")["learning_rate"]) == (4, 0.001)
    assert ended("evaluate", copy)[0] == 0


def test_python_refuses_as_the_command_does(copy):
    config = RunConfig.read(copy / "config.toml", out=copy)
    edit(copy, timesteps=2)
    with pytest.raises(ValueError, match="timesteps cannot change"):
        Experiment.prepare(RunConfig.read(copy / "config.toml", out=copy)).run(resume=True)
    before = content(copy)
    with pytest.raises(ValueError, match="holds a finished run"):
        Experiment.prepare(config).run()
    assert content(copy) == before


@pytest.mark.parametrize("damage", [b"", b"\xff\xfe\0", b"run\n1,2,3\n", None])
def test_a_history_that_is_damaged_or_lost_is_written_again(copy, damage):
    path = copy / "history.csv"
    before = path.read_bytes()
    path.unlink()
    if damage is not None:
        path.write_bytes(damage)
    assert ended("resume", copy)[0] == 0
    assert path.read_bytes() == before


def test_a_damaged_report_is_written_again(copy):
    before = json.loads((copy / "report.json").read_text())
    for damage in ("", "{}", "[", "[" * 100_000):
        (copy / "report.json").write_text(damage)
        assert ended("resume", copy)[0] == 0
        assert json.loads((copy / "report.json").read_text()) == before


def test_runs_of_before_have_no_identity_and_go_on(copy, tmp_path):
    """As written by versions that knew none: settings are compared one by one."""
    for name in ("config.toml", "trained.toml"):
        table = table_of(copy / name)
        del table["run"]
        edit_whole(copy / name, table)
    (copy / "history.csv").unlink()
    (copy / "report.json").unlink()
    without_run(copy)
    assert ended("evaluate", copy)[0] == 0
    assert ended("resume", copy)[0] == 0
    assert json.loads((copy / "report.json").read_text())["run"] is None
    edit(copy, seed=3)
    (copy / "trained.toml").unlink()
    assert "seed cannot change" in refused("evaluate", copy)


def edit_whole(path, table):
    import tomli_w

    path.write_text(tomli_w.dumps(table))


def without_run(folder):
    from chsnn.tensor_file import read_document, write_document

    for path in folder.rglob("*.safetensors"):
        document, tensors = read_document(path)
        del document["run"], document["changes"], document["format"]
        write_document(path, document, tensors)
