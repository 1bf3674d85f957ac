"""Energy figures of neuromorphic chips, each with its source; users add their own."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from chgraph.checks import check_choice, check_real

# What every unit is in joules (watts for power).
_UNITS = {
    "sop": {"J": 1.0, "nJ": 1e-9, "pJ": 1e-12, "fJ": 1e-15},
    "memory": {"J/byte": 1.0, "nJ/byte": 1e-9, "pJ/byte": 1e-12, "fJ/byte": 1e-15},
    "static_power": {"W": 1.0, "mW": 1e-3, "uW": 1e-6, "nW": 1e-9},
}
_UNITS["mac"] = _UNITS["neuron_update"] = _UNITS["sop"]
TERMS = ("sop", "mac", "neuron_update", "memory", "static_power")


@dataclass(frozen=True)
class EnergyFigure:
    """A figure and where it is from.

    Attributes
    ----------
    value : float
        In joules, joules a byte, or watts.
    source : str
    includes, leaves_out : str
        In words.

    Examples
    --------
    >>> EnergyFigure(2e-12, source="a data sheet").value
    2e-12
    """

    value: float
    source: str
    includes: str = ""
    leaves_out: str = ""

    def __post_init__(self) -> None:
        check_real("value", self.value, minimum=0.0)
        if not self.source:
            raise ValueError("source must say where the figure is from, got nothing")


@dataclass(frozen=True)
class Hardware:
    """Energy per operation of a chip or process; what has no figure is not counted, and said so.

    Attributes
    ----------
    name : str
    sop : EnergyFigure
        Of a synaptic operation (an accumulate).
    mac : EnergyFigure, optional
        Of a multiply-accumulate.
    neuron_update : EnergyFigure, optional
        Of a neuron at a time step.
    memory : EnergyFigure, optional
        Of a byte moved: a weight read per operation, a potential read and written per update.
    static_power : EnergyFigure, optional
        Of the whole chip; counts where the seconds of a sample are known.

    Examples
    --------
    >>> mine = Hardware("mine", sop=EnergyFigure(2e-12, source="own measurement"))
    >>> mine.sop_joule, mine.mac_joule
    (2e-12, None)
    """

    name: str
    sop: EnergyFigure
    mac: EnergyFigure | None = None
    neuron_update: EnergyFigure | None = None
    memory: EnergyFigure | None = None
    static_power: EnergyFigure | None = None

    @property
    def sop_joule(self) -> float:
        """Energy of a synaptic operation."""
        return self.sop.value

    @property
    def mac_joule(self) -> float | None:
        """Energy of a multiply-accumulate; None where the source gives none."""
        return None if self.mac is None else self.mac.value

    @property
    def source(self) -> str:
        """Where the figure of a synaptic operation is from."""
        return self.sop.source


def read_hardware(path: str | Path) -> dict[str, Hardware]:
    """Read hardware profiles from a TOML file.

    Parameters
    ----------
    path : str or Path
        Tables ``[name.term]``: a term is "sop" (always there), "mac", "neuron_update", "memory" or
        "static_power", and has `value`, `unit` (such as "pJ", "pJ/byte", "mW"), `source`, and if
        wanted `includes` and `leaves_out`.

    Returns
    -------
    dict of str to Hardware

    Raises
    ------
    ValueError
        If the file is not TOML, or a term, unit or source is missing or unknown; with its path.
    FileNotFoundError

    Examples
    --------
    >>> path = Path("mine.toml")
    >>> _ = path.write_text('[mine.sop]\\nvalue = 2.0\\nunit = "pJ"\\nsource = "measured"\\n')
    >>> read_hardware(path)["mine"].sop_joule
    2e-12
    >>> path.unlink()
    """
    path = Path(path)
    try:
        return parse_hardware(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError(f"{path}: tables or lists are nested too deeply") from None
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from None


def parse_hardware(text: str) -> dict[str, Hardware]:
    """Return the profiles of a TOML text; see :func:`read_hardware`."""
    tables = tomllib.loads(text)
    if not tables:
        raise ValueError("no hardware in it; write tables such as [mychip.sop]")
    return {name: _profile(name, terms) for name, terms in tables.items()}


def _profile(name: str, terms: Any) -> Hardware:
    if not isinstance(terms, Mapping) or "sop" not in terms:
        raise ValueError(f"{name} must have a table [{name}.sop]")
    figures = {}
    for term, entry in terms.items():
        check_choice(f"term of {name}", term, TERMS)
        figures[term] = _figure(f"{name}.{term}", term, entry)
    return Hardware(name, **figures)


def _figure(place: str, term: str, entry: Any) -> EnergyFigure:
    if not isinstance(entry, Mapping):
        raise ValueError(f"{place} must be a table with value, unit and source")
    missing = [key for key in ("value", "unit", "source") if key not in entry]
    unknown = sorted(set(entry) - {"value", "unit", "source", "includes", "leaves_out"})
    if missing or unknown:
        what = f"lacks {', '.join(missing)}" if missing else f"has unknown {', '.join(unknown)}"
        raise ValueError(f"{place} {what}")
    check_choice(f"unit of {place}", entry["unit"], _UNITS[term])
    value = check_real(f"value of {place}", entry["value"], minimum=0.0)
    words = {key: str(entry.get(key, "")) for key in ("source", "includes", "leaves_out")}
    return EnergyFigure(float(f"{value * _UNITS[term][entry['unit']]:.12g}"), **words)


def as_hardware(hardware: Hardware | str | Path) -> Hardware:
    """Return a profile: itself, by name, or the only one of a file.

    Raises
    ------
    ValueError
        If it is neither a name of :data:`chsnn.HARDWARE` nor a file with one profile.

    Examples
    --------
    >>> as_hardware("Loihi").sop_joule
    2.36e-11
    """
    if isinstance(hardware, Hardware):
        return hardware
    if isinstance(hardware, str) and not hardware.endswith(".toml"):
        check_choice("hardware", hardware, HARDWARE)
        return HARDWARE[hardware]
    profiles = read_hardware(hardware)
    if len(profiles) > 1:
        raise ValueError(
            f"hardware must be one profile, {hardware} has {', '.join(profiles)}: "
            "read_hardware gives them by name"
        )
    return next(iter(profiles.values()))


HARDWARE = parse_hardware(files("chsnn").joinpath("hardware.toml").read_text(encoding="utf-8"))
