"""Named methods: what is shared stays shared, what is their own is as published."""

from dataclasses import asdict, replace

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
    if name in ("fully connected", "Grad R"):
        assert first == 0.0
    elif final is not None:
        assert name in ("GraNet", "CHTss")
        assert (first, final) == (pytest.approx(0.5, abs=1e-3), 0.9)
    else:
        assert first == pytest.approx(0.9, abs=1e-3)
    assert network.graphs[-1].density == 1.0


def test_published_settings():
    def evolution(name):
        settings = asdict(method_config(name, BASE, 0.9).evolution)
        keys = ("removal", "regrowth", "sampling", "zeta", "zeta_schedule", "new_weights")
        return tuple(settings[key] for key in keys)

    assert evolution("SET") == ("magnitude", "random", "hard", 0.3, "constant", "zero")
    assert evolution("RigL") == ("magnitude", "gradient", "hard", 0.3, "cosine", "zero")
    assert evolution("CHT") == ("magnitude", "CH3-L3", "hard", 0.3, "constant", "zero")
    assert evolution("CHTs") == ("LRS", "CH3-L3", "soft", 0.3, "constant", "zero")
    rigl = method_config("RigL", BASE, 0.9).evolution
    assert (rigl.every, rigl.until) == (100, 0.75)
    chts = method_config("CHTs", BASE, 0.9).evolution
    assert (chts.temperature, chts.temperature_end) == (1.0, 3.0)
    assert method_config("CHT", BASE, 0.9).evolution.stop_overlap == 0.9
    chtss = method_config("CHTss", BASE, 0.9).evolution
    assert (chtss.regrowth, chtss.density_schedule) == ("CH3-L3n", "sigmoid")
    assert method_config("GraNet", BASE, 0.9).evolution.density_schedule == "cubic"
    assert method_config("Grad R", BASE, 0.9).grad_r.target_sparsity == 0.9


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
    config = method_config("CHTss", BASE, 0.3)
    assert (config.sparsity, config.evolution.final_sparsity) == (0.3, 0.3)


@pytest.mark.parametrize(
    ("name", "sparsity", "message"),
    [("Set", 0.9, "method must be one of"), ("SET", 1.0, "sparsity"), ("Grad R", 0.2, "target")],
)
def test_bad_input_is_named(name, sparsity, message):
    with pytest.raises(ValueError, match=message):
        method_config(name, BASE, sparsity)
