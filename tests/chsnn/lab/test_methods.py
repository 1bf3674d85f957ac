"""Named methods: what is shared stays shared, what is their own is as published."""

from dataclasses import replace

import pytest

from chsnn.data import load_data
from chsnn.evolution import Evolution
from chsnn.lab.config import RunConfig
from chsnn.lab.methods import METHODS, method_config
from chsnn.lab.networks import build_network

BASE = RunConfig(
    hidden=(40,),
    epochs=3,
    batch_size=7,
    learning_rate=0.0123,
    weight_decay=0.5,
    shift=1,
    select="last",
    encoding="direct",
    seed=11,
    evolution=Evolution(zeta=0.2),
)
SHARED = (
    "data",
    "hidden",
    "encoding",
    "timesteps",
    "epochs",
    "batch_size",
    "optimizer",
    "learning_rate",
    "learning_rate_schedule",
    "weight_decay",
    "shift",
    "select",
    "readout",
    "seed",
    "neuron",
    "hardware",
)


@pytest.mark.parametrize("name", METHODS)
def test_a_method_changes_only_what_is_its_own(name):
    config = method_config(name, BASE, 0.9)
    for setting in SHARED:
        assert getattr(config, setting) == getattr(BASE, setting)
    assert not config.baseline


@pytest.mark.parametrize("name", METHODS)
def test_a_method_starts_or_ends_with_the_sparsity_asked_for(name):
    config = method_config(name, BASE, 0.9)
    network = build_network(config, load_data("digits"))
    first = network.graphs[0].sparsity
    final = config.evolution.final_sparsity if config.rewiring == "evolution" else None
    if name in ("fully connected", "Grad R", "Grad R, weaker prior", "SD-SNN", "DPAP"):
        assert first == 0.0
    elif final is not None:
        start = {"GraNet": 0.5, "CHTss": 0.5, "CHTs": 0.85}[name]
        assert (first, final) == (pytest.approx(start, abs=1e-3), 0.9)
    else:
        assert first == pytest.approx(0.9, abs=1e-3)
    assert network.graphs[-1].density == 1.0


# What authors run, with where it says so: the papers, or their public code.
SET_PAPER, SET_CODE = "Nat. Commun. 9:2383", "SET-MLP-Keras-Weights-Mask/set_mlp_keras_cifar10.py"
SET_SPARSE = "set_mlp_sparse_data_structures.py"
CHT_PAPER, CHTS_PAPER = "CHT, ICLR 2024", "arXiv 2501.19107"
CHT_CODE = "Cannistraci-Hebb-training mlp_and_cnn"
RIGL_PAPER, GRANET_PAPER = "arXiv 1911.11134", "arXiv 2106.10404"
PUBLISHED = [
    ("SET", "removal", "SET", f"{SET_PAPER}: smallest positive, largest negative weights"),
    ("SET", "sampling", "hard", SET_PAPER),
    ("SET", "zeta", 0.3, SET_PAPER),
    ("SET", "zeta_schedule", "constant", SET_PAPER),
    ("SET", "regrowth", "random", SET_PAPER),
    ("SET", "every", "epoch", SET_PAPER),
    ("SET", "new_weights", "zero", SET_CODE),
    ("SET, fresh weights", "new_weights", "kaiming", SET_SPARSE),
    ("SET, fresh weights", "removal", "SET", SET_PAPER),
    ("RigL", "removal", "magnitude", RIGL_PAPER),
    ("RigL", "sampling", "hard", RIGL_PAPER),
    ("RigL", "regrowth", "gradient", RIGL_PAPER),
    ("RigL", "zeta", 0.3, RIGL_PAPER),
    ("RigL", "zeta_schedule", "cosine", RIGL_PAPER),
    ("RigL", "until", 0.75, RIGL_PAPER),
    ("RigL", "every", 100, RIGL_PAPER),
    ("RigL", "new_weights", "zero", RIGL_PAPER),
    ("GraNet", "zeta", 0.5, "GraNet's Readme: --death-rate"),
    ("GraNet", "regrowth", "gradient", GRANET_PAPER),
    ("GraNet", "density_schedule", "cubic", GRANET_PAPER),
    ("GraNet", "final_sparsity", 0.9, GRANET_PAPER),
    ("CHT", "removal", "magnitude", CHT_PAPER),
    ("CHT", "regrowth", "CH3-L3", CHT_PAPER),
    ("CHT", "sampling", "hard", CHT_PAPER),
    ("CHT", "regrowth_sampling", None, f"{CHT_PAPER}: as the removal"),
    ("CHT", "zeta", 0.3, CHT_PAPER),
    ("CHT", "zeta_schedule", "cosine", f"{CHT_CODE}: --adaptive_zeta"),
    ("CHT", "until", 0.75, f"{CHT_CODE}/run.py: T_end"),
    ("CHT", "every", "epoch", f"{CHT_CODE}: --update_interval 1"),
    ("CHT", "stop_overlap", 0.9, f"{CHT_CODE}/run.py: early_stop_thre"),
    ("CHT", "new_weights", "zero", CHT_CODE),
    ("CHTs", "removal", "magnitude", f"{CHT_CODE}/run.py: remove_method"),
    ("CHTs", "sampling", "hard", f"{CHT_CODE}/run.py: remove_method"),
    ("CHTs", "regrowth", "CH3-L3", CHTS_PAPER),
    ("CHTs", "regrowth_sampling", "soft", CHTS_PAPER),
    ("CHTs", "density_schedule", "extra", f"{CHT_CODE}: --EM_S"),
    ("CHTs", "final_sparsity", 0.9, CHTS_PAPER),
    ("CHTs", "density_until", 0.75, f"{CHT_CODE}/run.py: T_end"),
    ("CHTs", "zeta", 0.0, f"{CHT_CODE}: --EM_S prunes what is extra"),
    ("CHTs", "stop_overlap", None, CHTS_PAPER),
    ("CHTs, soft removal", "removal", "magnitude", f"{CHTS_PAPER}: alpha 1"),
    ("CHTs, soft removal", "sampling", "soft", CHTS_PAPER),
    ("CHTs, soft removal", "temperature", 1.0, f"{CHTS_PAPER}: delta 0.5"),
    ("CHTs, soft removal", "temperature_end", 3.0, f"{CHTS_PAPER}: delta 0.75"),
    ("CHTs, soft removal", "zeta", 0.3, CHTS_PAPER),
    ("CHTs, soft removal", "density_schedule", "constant", CHTS_PAPER),
    ("CHTss", "regrowth", "CH3-L3n", f"{CHTS_PAPER}: node-based"),
    ("CHTss", "removal", "RI", "Soft-Rule llm/dst_scheduler.py"),
    ("CHTss", "sampling", "soft", CHTS_PAPER),
    ("CHTss", "temperature_end", 3.0, CHTS_PAPER),
    ("CHTss", "zeta_schedule", "cosine", "Soft-Rule Readme: --adaptive_zeta"),
    ("CHTss", "density_schedule", "sigmoid", f"{CHTS_PAPER}, eq. 4"),
    ("CHTss", "final_sparsity", 0.9, CHTS_PAPER),
]


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [row[:3] for row in PUBLISHED],
    ids=[f"{name}, {setting} ({source})" for name, setting, _, source in PUBLISHED],
)
def test_methods_of_prune_and_regrow_are_as_published(name, setting, value):
    config = method_config(name, BASE, 0.9)
    assert config.rewiring == "evolution"
    assert getattr(config.evolution, setting) == value


BRAINCOG = "BrainCog Structural_Development"
OTHERS = [
    ("Deep R", "deep_r", "l1", 1e-5, "guillaumeBellec/deep_rewiring"),
    ("Deep R", "deep_r", "noise", 1e-5, "guillaumeBellec/deep_rewiring"),
    ("Grad R", "grad_r", "alpha", 1e-3, "arXiv 2105.04916"),
    ("Grad R", "grad_r", "target_sparsity", 0.9, "arXiv 2105.04916"),
    ("Grad R, weaker prior", "grad_r", "alpha", 1e-4, "a tenth, so that more than a line stays"),
    ("SD-SNN", "sd_snn", "persistence", 18, f"{BRAINCOG}/SD-SNN/main.py: spines_num"),
    ("SD-SNN", "sd_snn", "shrink", 0.75, f"{BRAINCOG}/SD-SNN"),
    ("SD-SNN", "sd_snn", "percentile", 60.0, f"{BRAINCOG}/SD-SNN: fully connected"),
    ("SD-SNN", "sd_snn", "published_epochs", 600, f"{BRAINCOG}/SD-SNN/main.py"),
    ("SD-SNN", "sd_snn", "first_pruned", 0.35, "Brain-Cog-Lab/SD-SNN MNIST/mask.py"),
    ("SD-SNN", "sd_snn", "pruning_rate", 0.3, "Brain-Cog-Lab/SD-SNN MNIST/mask.py"),
    ("DPAP", "dpap", "decay", 0.5, f"{BRAINCOG}/DPAP: delta of Trace"),
    ("DPAP", "dpap", "survival", 10.0, f"{BRAINCOG}/DPAP"),
    ("DPAP", "dpap", "fading", 0.999, f"{BRAINCOG}/DPAP"),
    ("DPAP", "dpap", "cost", 1.5, f"{BRAINCOG}/DPAP: fully connected"),
    ("DPAP", "dpap", "bonus", 2.0, f"{BRAINCOG}/DPAP: fully connected"),
    ("DPAP", "dpap", "slowing", 13, f"{BRAINCOG}/DPAP: fully connected"),
    ("DPAP", "dpap", "first_epoch", 5, f"{BRAINCOG}/DPAP/prun_main.py"),
    ("DPAP", "dpap", "published_epochs", 300, f"{BRAINCOG}/DPAP/prun_main.py"),
]


@pytest.mark.parametrize(
    ("name", "table", "setting", "value"),
    [row[:4] for row in OTHERS],
    ids=[f"{name}, {setting} ({source})" for name, _, setting, _, source in OTHERS],
)
def test_other_methods_are_as_published(name, table, setting, value):
    config = method_config(name, BASE, 0.9)
    rewiring = config.rewiring_settings()
    assert rewiring is getattr(config, table)
    assert getattr(rewiring, setting) == value


STARTS = {
    "CHT": "SSCTI", "CHTs": "SSCTI", "CHTs, soft removal": "SSCTI", "CHTss": "SSCTI",
    "SET": "regular", "RigL": "regular", "GraNet": "regular", "Deep R": "regular",
}  # fmt: skip


@pytest.mark.parametrize(("name", "topology"), STARTS.items())
def test_methods_start_from_their_topology(name, topology):
    config = method_config(name, BASE, 0.9)
    assert (config.topology, config.weights) == (topology, "kaiming")


def test_parts_of_ch_snn_are_exchanged_one_by_one():
    whole = method_config("CH-SNN", BASE, 0.9)
    assert whole.evolution == BASE.evolution
    assert (whole.topology, whole.weights) == ("SSCTI", "SSWI")
    regular, kaiming = {"topology": "regular"}, {"weights": "kaiming"}
    assert method_config("CH-SNN, no SSCTI", BASE, 0.9) == replace(whole, **regular)
    assert method_config("CH-SNN, no SSWI", BASE, 0.9) == replace(whole, **kaiming)
    assert method_config("CH-SNN, neither", BASE, 0.9) == replace(whole, **regular, **kaiming)
    for rule in ("random", "gradient"):
        expected = replace(whole, evolution=replace(BASE.evolution, regrowth=rule))
        assert method_config(f"CH-SNN, {rule} regrowth", BASE, 0.9) == expected


def test_a_sparsity_below_the_usual_start_is_also_the_start():
    for name, first in (("CHTss", 0.3), ("CHTs", 0.25)):
        config = method_config(name, BASE, 0.3)
        assert (config.sparsity, config.evolution.final_sparsity) == (pytest.approx(first), 0.3)
    assert method_config("CHTs", BASE, 0.02).sparsity == 0.01


@pytest.mark.parametrize(
    ("name", "sparsity", "message"),
    [("Set", 0.9, "method must be one of"), ("SET", 1.0, "sparsity"), ("Grad R", 0.2, "target")],
)
def test_bad_input_is_named(name, sparsity, message):
    with pytest.raises(ValueError, match=message):
        method_config(name, BASE, sparsity)
