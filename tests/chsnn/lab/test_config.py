"""Configurations: to TOML and back, and what is refused with its name."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chsnn import DeepR, Evolution, GradR
from chsnn.lab.config import NeuronConfig, RunConfig


def written(tmp_path, text):
    """A configuration file with this text."""
    path = tmp_path / "config.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_defaults_come_back(tmp_path):
    assert RunConfig.read(RunConfig().write(tmp_path / "config.toml")) == RunConfig()


def test_every_setting_comes_back(tmp_path):
    config = RunConfig(
        train_images=500,
        hidden=(10, 20, 30),
        sparsity=0.75,
        layer_sparsities=(0.9, 0.0, 0.75),
        encoding="bernoulli",
        timesteps=3,
        epochs=7,
        batch_size=5,
        optimizer="sgd",
        learning_rate=0.125,
        learning_rate_schedule="constant",
        weight_decay=1e-4,
        shift=2,
        readout="rate",
        topology="regular",
        weights="kaiming",
        seed=2**40,
        baseline=False,
        hardware="Loihi",
        threads=2,
        out=Path("some where/ünusual"),
        neuron=NeuronConfig(alpha=0.25, v_th=2.0, model="current", surrogate="tanh"),
        rewiring="DeepR",
        select="last",
        download=True,
        tensorboard=True,
        evolution=Evolution(
            zeta=0.1,
            every=10,
            until=0.5,
            removal="RI",
            regrowth="random",
            sampling="hard",
            regrowth_sampling="soft",
            temperature_end=3.0,
            new_weights="last",
            density_schedule="cubic",
            final_sparsity=0.9,
            stop_overlap=0.9,
        ),
        deep_r=DeepR(l1=0.25, noise=0.5),
        grad_r=GradR(alpha=0.5, target_sparsity=0.75),
    )
    assert RunConfig.read(config.write(tmp_path / "deep" / "config.toml")) == config


@given(
    st.lists(st.integers(1, 2000), max_size=4),
    st.floats(0, 1, exclude_max=True),
    st.integers(0, 2**63 - 1),
    st.text(min_size=1, max_size=10).filter(lambda text: "\0" not in text),
)
def test_values_come_back_exactly(tmp_path_factory, hidden, sparsity, seed, out):
    config = RunConfig(hidden=tuple(hidden), sparsity=sparsity, seed=seed, out=Path(out))
    path = tmp_path_factory.getbasetemp() / "config.toml"
    assert RunConfig.read(config.write(path)) == config


def test_what_a_file_does_not_name_has_its_default(tmp_path):
    path = written(tmp_path, "epochs = 3\n[evolution]\nzeta = 0.5\n")
    assert RunConfig.read(path) == RunConfig(epochs=3, evolution=Evolution(zeta=0.5))


def test_a_moved_run_folder_takes_its_new_place(tmp_path):
    path = RunConfig(out=Path("old")).write(tmp_path / "config.toml")
    assert RunConfig.read(path, out=tmp_path).out == tmp_path


def test_the_fully_connected_twin_differs_in_its_links_alone():
    config = RunConfig(seed=3, epochs=5)
    twin = config.fully_connected()
    assert (twin.sparsity, twin.baseline, twin.rewiring) == (0.0, False, "none")
    assert (twin.seed, twin.epochs, twin.hidden) == (3, 5, config.hidden)


def test_the_rewiring_in_force_is_the_one_named():
    config = RunConfig(sparsity=0.5)
    assert config.rewiring_settings() is config.evolution
    assert replace(config, rewiring="DeepR").rewiring_settings() is config.deep_r
    assert replace(config, rewiring="none").rewiring_settings() is None
    dense = replace(config, sparsity=0.0)
    assert dense.rewiring_settings() is None  # no pair is free
    assert replace(dense, rewiring="DeepR").rewiring_settings() is None
    assert replace(dense, rewiring="GradR").rewiring_settings() is config.grad_r
    one = replace(dense, layer_sparsities=(0.0, 0.9))
    assert one.rewiring_settings() is config.evolution
    assert one.fully_connected().rewiring_settings() is None
    assert replace(config, layer_sparsities=(0.0, 0.0)).rewiring_settings() is None


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("sparsty = 0.5", "unknown key 'sparsty'; known are .*sparsity"),
        ("[evolution]\nzetta = 0.5", "unknown key 'zetta'; known are .*zeta"),
        ("[neuron]\nbeta = 0.5", "unknown key 'beta'"),
        ("[nerve]\nalpha = 0.5", "unknown key 'nerve'"),
        ("neuron = 3", "neuron must be a table"),
        ("sparsity = 1.0", r"sparsity must be in \[0, 1\)"),
        ("sparsity = -0.1", r"sparsity must be in \[0, 1\)"),
        ("sparsity = nan", r"sparsity must be in \[0, 1\)"),
        ("sparsity = '0.5'", "sparsity must be a number"),
        ("hidden = [64, 0]", "hidden must be at least 1"),
        ("hidden = [64, 2.5]", "hidden must be an integer"),
        ("layer_sparsities = [0.5, 1.0]", r"layer_sparsities must be in \[0, 1\)"),
        ("layer_sparsities = 0.5", "layer_sparsities must be a list of numbers, got 0.5"),
        (
            "hidden = [64]\nlayer_sparsities = [0.5, 0.9]",
            r"layer_sparsities must have a number for each .* 2 for network mlp with hidden \[64\]",
        ),
        (
            'network = "2conv2fc"\nlayer_sparsities = [0.5, 0.9]',
            "layer_sparsities must have a number for each .* got 2 for network 2conv2fc",
        ),
        (
            'rewiring = "GradR"\nsparsity = 0.0\nlayer_sparsities = [0.5, 0.9]',
            "layer_sparsities must be left out with rewiring GradR",
        ),
        ("timesteps = 0", "timesteps must be at least 1"),
        ("epochs = 0", "epochs must be at least 1"),
        ("batch_size = 0", "batch_size must be at least 1"),
        ("seed = -1", "seed must be at least 0"),
        ("threads = 0", "threads must be at least 1"),
        ("data = 'faces'", "data must be one of 'digits'"),
        ("hardware = 'TPU'", "hardware must be one of"),
        ("[neuron]\nalpha = 1.0", r"alpha must be in \[0, 1\)"),
        ("[neuron]\nv_th = 0.0", "v_th must be above 0"),
        ("[evolution]\nzeta = 1.5", r"zeta must be in \[0, 1\)"),
        ("[evolution]\nremoval = 'none'", "removal must be one of"),
        ("select = 'first'", "select must be one of"),
        ("shift = -1", "shift must be at least 0"),
        ("train_images = 0", "train_images must be at least 1"),
        ("rewiring = 'SET'", "rewiring must be one of"),
        ("rewiring = 'GradR'\nsparsity = 0.5", "sparsity must be 0 with rewiring GradR"),
        ("download = 1", "download must be true or false"),
        ("tensorboard = 'yes'", "tensorboard must be true or false"),
        ("[deep_r]\nl1 = -1.0", "l1 must be at least 0"),
        ("[grad_r]\nalpha = 0.0", "alpha must be above 0"),
        ("epochs = ", "Invalid value"),
        ("epochs = 1\nepochs = 2", "Cannot overwrite a value"),
    ],
)
def test_bad_files_are_refused_in_one_line_with_the_name(tmp_path, text, message):
    with pytest.raises(ValueError, match=rf"config\.toml: {message}") as error:
        RunConfig.read(written(tmp_path, text))
    assert "\n" not in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "config.toml"
    path.write_bytes(b"\xff\xfe\x00data")
    with pytest.raises(ValueError, match=r"config\.toml"):
        RunConfig.read(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"nothing\.toml"):
        RunConfig.read(tmp_path / "nothing.toml")


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("optimizer = 'lion'", "optimizer"),
        ("learning_rate = -0.1", "learning_rate"),
        ("learning_rate_schedule = 'linear'", "learning_rate_schedule"),
        ("weight_decay = -1.0", "weight_decay"),
        ("encoding = 'latency'", "encoding"),
        ("readout = 'last'", "readout"),
        ("topology = 'small_world'", "topology"),
        ("weights = 'xavier'", "weights"),
        ("hidden = 64", "hidden"),
        ("baseline = 'yes'", "baseline"),
    ],
)
def test_every_setting_is_checked_when_the_file_is_read(tmp_path, text, name):
    with pytest.raises(ValueError, match=rf"config\.toml: {name}\b"):
        RunConfig.read(written(tmp_path, text))
