"""Figures of chips: a documented file, files of users, objects, and what a report makes of them."""

import pytest
import torch

import chsnn
from chsnn import HARDWARE, estimate_energy
from chsnn.hardware import EnergyFigure, Hardware, as_hardware, read_hardware

MINE = """
[mine.sop]
value = 2.5
unit = "pJ"
source = "measured"

[mine.neuron_update]
value = 0.5
unit = "nJ"
source = "measured"
includes = "leak and comparison"

[mine.memory]
value = 20
unit = "pJ/byte"
source = "data sheet"

[mine.static_power]
value = 3
unit = "mW"
source = "data sheet"
"""


def network_and_data():
    network = chsnn.networks.mlp((12, 16, 8, 3), sparsity=0.5, encoding="direct", timesteps=5)
    return network, (torch.rand(6, 12), torch.zeros(6, dtype=torch.long))


@pytest.mark.parametrize("name", HARDWARE)
def test_every_profile_says_where_its_figures_are_from(name):
    profile = HARDWARE[name]
    assert profile.name == name
    for term in ("sop", "mac", "neuron_update", "memory", "static_power"):
        figure = getattr(profile, term)
        if figure is not None:
            assert figure.source
            assert figure.includes
            assert figure.leaves_out


def test_figures_keep_their_published_numbers():
    assert {name: profile.sop_joule for name, profile in HARDWARE.items()} == {
        "ANP-I": 1.5e-12,
        "ANP-G": 1.04e-12,
        "Loihi": 23.6e-12,
        "TrueNorth": 26e-12,
        "TrueNorth-core": 2.5e-12,
        "SpiNNaker2": 10e-12,
        "ODIN": 12.7e-12,
        "CMOS-45nm": 0.9e-12,
    }
    assert HARDWARE["CMOS-45nm"].mac_joule == 4.6e-12
    assert HARDWARE["CMOS-45nm"].memory.value == 24.96e-12


def test_a_file_of_ones_own_counts_every_term_that_it_has(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text(MINE)
    network, data = network_and_data()
    report = estimate_energy(network, data, hardware=path, seconds_per_sample=1e-3)
    terms = {term.name: term.joule for term in report.terms}
    sops, macs, updates = report.sops_per_sample, report.macs_per_sample, 5 * (16 + 8)
    assert macs > 0
    assert terms == {
        "synaptic operations": pytest.approx(sops * 2.5e-12),
        "neuron updates": pytest.approx(updates * 0.5e-9),
        "memory": pytest.approx(4 * (sops + macs + 2 * updates) * 20e-12),
        "static power": pytest.approx(3e-6),
    }
    assert report.total_energy_per_sample_j == pytest.approx(sum(terms.values()))
    assert report.energy_per_sample_j == terms["synaptic operations"]
    assert any("MACs" in line and "mine has no figure" in line for line in report.not_counted)
    untimed = estimate_energy(network, data, hardware=str(path))
    assert any("seconds_per_sample" in line for line in untimed.not_counted)
    assert "static power" not in {term.name for term in untimed.terms}


def test_a_profile_can_be_made_in_python():
    network, data = network_and_data()
    chip = Hardware("chip", sop=EnergyFigure(2e-12, source="own"), mac=EnergyFigure(1e-11, "own"))
    report = estimate_energy(network, data, hardware=chip)
    assert report.hardware == "chip"
    assert report.energy_per_sample_j == pytest.approx(report.sops_per_sample * 2e-12)
    assert report.mac_energy_per_sample_j == pytest.approx(report.macs_per_sample * 1e-11)
    with pytest.raises(ValueError, match="source must say"):
        EnergyFigure(1e-12, source="")


def test_what_is_not_counted_is_said():
    network, data = network_and_data()
    report = estimate_energy(network, data)
    text = " ".join(report.not_counted)
    for word in ("MACs", "neuron updates", "memory", "static power", "pooling"):
        assert word in text
    assert "not counted: " in str(report)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no hardware in it"),
        ("[a.mac]\nvalue = 1\nunit = 'pJ'\nsource = 's'", r"must have a table \[a.sop\]"),
        ("a = 1", r"must have a table \[a.sop\]"),
        ("[a]\nsop = 1", "a.sop must be a table"),
        ("[a.sop]\nvalue = 1\nunit = 'pJ'", "a.sop lacks source"),
        ("[a.sop]\nvalue = 1\nunit = 'pJ'\nsource = 's'\nfoo = 1", "unknown foo"),
        ("[a.sop]\nvalue = 1\nunit = 'kWh'\nsource = 's'", "unit of a.sop must be one of"),
        ("[a.sop]\nvalue = -1\nunit = 'pJ'\nsource = 's'", "value of a.sop"),
        ("[a.sop]\nvalue = 'x'\nunit = 'pJ'\nsource = 's'", "value of a.sop"),
        ("[a.sop]\nvalue = 1\nunit = 'pJ'\nsource = 's'\n[a.soap]\nx = 1", "term of a"),
        ("[a.sop", "mine.toml: "),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_name(tmp_path, text, message):
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises((ValueError, TypeError), match=message) as error:
        read_hardware(path)
    assert "mine.toml" in str(error.value)


def test_a_file_with_several_profiles_does_not_say_which(tmp_path):
    path = tmp_path / "two.toml"
    path.write_text(MINE + MINE.replace("[mine.", "[other."))
    assert list(read_hardware(path)) == ["mine", "other"]
    with pytest.raises(ValueError, match="one profile"):
        as_hardware(path)
    with pytest.raises(ValueError, match=r"^hardware must be one of"):
        as_hardware("Loihi 3")
    with pytest.raises(FileNotFoundError):
        as_hardware(tmp_path / "none.toml")
