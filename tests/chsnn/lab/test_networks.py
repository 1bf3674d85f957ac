"""Every network on images and events from a configuration: trained, resumed, compared, reported."""

import json
from dataclasses import replace

import pytest

from chsnn import sparse_layers
from chsnn.data import load_data
from chsnn.lab.cli import main
from chsnn.lab.config import RunConfig, SpikformerConfig
from chsnn.lab.experiment import Experiment, load_for, open_run
from chsnn.lab.networks import (
    build_network,
    check_links,
    described,
    image_read,
    rewired_layers,
)
from chsnn.networks import Spikformer, SpikingConv
from chsnn.sparsity import link_sparsity

TINY = SpikformerConfig(dim=16, depth=1, heads=2, mlp_ratio=2.0, patch=2)


BASE = RunConfig(
    width=0.2,
    spikformer=TINY,
    sparsity=0.8,
    encoding="direct",
    timesteps=2,
    train_images=60,
    epochs=1,
    batch_size=30,
)


def config(network="2conv2fc", **changes):
    return replace(BASE, network=network, **changes)


def events(network="2conv2fc", **changes):
    return config(network, **{"data": "digits-saccades", "encoding": "none", **changes})


def test_a_configuration_names_its_network():
    data = load_data("digits")
    conv = build_network(config(), data)
    assert isinstance(conv, SpikingConv)
    assert (conv.in_shape, conv.readout.out_features) == ((1, 8, 8), 10)
    assert (rewired_layers(conv), described(config(), conv)) == (["hidden"], "2conv2fc")
    former = build_network(config("spikformer"), data)
    assert isinstance(former, Spikformer)
    assert (len(former.blocks), former.head.in_features) == (1, 16)
    assert len(rewired_layers(former)) == 6
    twin = build_network(config("spikformer").fully_connected(), data)
    assert all(layer.graph.density == 1 for layer in sparse_layers(twin).values())
    mlp = build_network(config("mlp", hidden=(30,)), data)
    assert described(config("mlp"), mlp) == [64, 30, 10]


def test_hidden_layers_of_their_own_sparsities_keep_them(tmp_path):
    data = load_data("digits")
    asked = config("mlp", hidden=(50, 40), layer_sparsities=(0.9, 0.6), out=tmp_path / "run")
    Experiment.prepare(replace(asked, baseline=False)).run(progress=False)
    _, network = open_run(tmp_path / "run")
    links = [layer.graph.n_links for layer in sparse_layers(network).values()]
    assert links == [320, 800, 400]
    page = (tmp_path / "run" / "report.html").read_text()
    assert "90 and 60 % of the hidden layers" in page
    with pytest.raises(ValueError, match="50 x 40 without links"):
        check_links(replace(asked, layer_sparsities=(0.9, 0.9999)), data)


@pytest.mark.parametrize(
    ("run", "in_shape"),
    [
        (config("spikformer"), [1, 8, 8]),
        (events("mlp", hidden=(40,)), None),
        (events(), [2, 20, 20]),
    ],
)
def test_a_run_is_trained_reported_and_resumed(run, in_shape, tmp_path):
    run = replace(run, out=tmp_path / "run")
    report = Experiment.prepare(run).run(progress=False)
    assert json.loads(json.dumps(report)) == json.loads(
        (tmp_path / "run" / "report.json").read_text()
    )
    assert report["network"] == (run.network if run.network != "mlp" else [800, 40, 10])
    assert 0 <= report["accuracy"] <= 1
    assert report["sparse_layers_sparsity"] >= 0.79
    assert report["baseline"]["link_sparsity"] == 0
    assert RunConfig.read(tmp_path / "run" / "config.toml") == run
    found, network = open_run(tmp_path / "run")
    assert found == run
    assert link_sparsity(network) == pytest.approx(report["link_sparsity"])
    if in_shape is not None:
        assert list(network.in_shape) == in_shape
    longer = replace(run, epochs=2)
    again = Experiment.prepare(longer).run(resume=True, progress=False)
    assert again["epochs"] == 2


def test_networks_are_compared_by_one_command(tmp_path, capsys):
    flags = ["--network", "2conv2fc", "--width", "0.2", "--data", "digits-saccades"]
    flags += ["--encoding", "none", "--timesteps", "2", "--train-images", "60", "--epochs", "1"]
    flags += ["--methods", "fully connected", "CH-SNN", "SET", "--sparsities", "0.8"]
    main(["compare", *flags, "--json", "--out", str(tmp_path)])
    rows = json.loads(capsys.readouterr().out)
    assert [row["method"] for row in rows] == ["fully connected", "CH-SNN", "SET"]
    assert rows[1]["network"] == "2conv2fc"
    assert rows[1]["sparse_layers_sparsity"] == pytest.approx(0.8, abs=0.01)
    main(["evaluate", str(tmp_path / "ch-snn" / "sparsity-0.8" / "seed-0"), "--json"])
    assert json.loads(capsys.readouterr().out)["accuracy"] == rows[1]["accuracy"]


def test_recordings_are_binned_to_the_time_steps_of_the_network():
    data = load_for(events(timesteps=5))
    assert data.examples(3).shape == (5, 3, 2, 20, 20)


@pytest.mark.parametrize(
    ("run", "message"),
    [
        (events(encoding="even"), "encoding of digits-saccades must be 'none'"),
        (config(encoding="none"), "encoding of digits must be 'direct' or 'even'"),
        (events(pool=2), "data 'digits-saccades' has no option 'pool'"),
        (config(swap_polarity=True), "swap_polarity needs two channels"),
        (config(drop_events=0.1), "drop_events needs frames of events over time"),
        (config("spikformer", spikformer=replace(TINY, heads=3)), "dim must be divisible"),
        (config("6conv2fc", sparsity=0.99999), "sparsity"),
    ],
)
def test_what_does_not_fit_the_data_is_refused_before_work(run, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        Experiment.prepare(replace(run, out=tmp_path / "run"))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "3conv"}, "network must be one of"),
        ({"width": -1.0}, "width"),
        ({"pool": 0}, "pool"),
        ({"readout": "rate"}, "readout must be potential with network 2conv2fc"),
        ({"roll": -1}, "roll"),
        ({"flip": 1}, "flip"),
    ],
)
def test_settings_out_of_range_are_named(changes, message):
    with pytest.raises((ValueError, TypeError), match=message):
        replace(BASE, **{"network": "2conv2fc", **changes})


@pytest.mark.parametrize("network", ["mlp", "2conv2fc", "6conv2fc", "spikformer"])
def test_a_layer_that_would_have_no_link_is_found_before_work(network):
    data = load_data("digits")
    check_links(config(network), data)
    with pytest.raises(ValueError, match="sparsity"):
        check_links(config(network, sparsity=0.99999), data)


@pytest.mark.parametrize(
    ("network", "image"),
    [("mlp", (1, 8, 8)), ("2conv2fc", None), ("6conv2fc", None), ("spikformer", None)],
)
def test_only_an_mlp_reads_the_image_with_its_first_sparse_layer(network, image):
    """A layer behind convolutions is none, even one with as many inputs as there are pixels."""
    assert image_read(replace(BASE, network=network), load_data("digits")) == image
