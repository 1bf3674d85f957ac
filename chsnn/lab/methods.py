"""Methods of sparse training by name: each is a configuration of the same trainer.

A method takes the settings that all share (data, network, neurons, optimiser, epochs, seed)
and decides what is its own: initial topology, initial weights, and how links change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chgraph.checks import check_choice
from chsnn.evolution import Evolution, GradR, Regrowth
from chsnn.lab.config import RunConfig
from chsnn.networks import Topology
from chsnn.weights import Weights

FULLY_CONNECTED = "fully connected"
# Where methods that lose links during training begin, unless they are to end denser.
_FIRST_SPARSITY = 0.5


@dataclass(frozen=True)
class Method:
    """A named method.

    Attributes
    ----------
    description : str
        In a line, with its source.
    configure : callable
        Takes the shared configuration and the sparsity to end with; returns that of a run.
    """

    description: str
    configure: Callable[[RunConfig, float], RunConfig]


def method_config(name: str, base: RunConfig, sparsity: float) -> RunConfig:
    """Return the configuration of a method.

    Parameters
    ----------
    name : str
        One of :data:`METHODS`.
    base : RunConfig
        Settings that all methods share; its `evolution` is that of "CH-SNN" and its relatives.
    sparsity : float
        Fraction of absent links that every layer but the output layer is to end with. Deep R
        and the methods with a constant density also start with it; "fully connected" has none,
        and Grad R comes near it as training goes.

    Returns
    -------
    RunConfig
        Without a fully connected twin: that is a method of its own.

    Raises
    ------
    ValueError
        If the name is unknown or the method cannot have this sparsity.

    Examples
    --------
    >>> config = method_config("SET", RunConfig(), 0.9)
    >>> config.evolution.regrowth, config.topology, config.sparsity
    ('random', 'regular', 0.9)
    """
    check_choice("method", name, METHODS)
    return METHODS[name].configure(replace(base, baseline=False), sparsity)


def _fully_connected(base: RunConfig, sparsity: float) -> RunConfig:
    return base.fully_connected()


def _ch_snn(base: RunConfig, sparsity: float) -> RunConfig:
    return replace(base, sparsity=sparsity, rewiring="evolution")


def _ch_snn_with(
    *, topology: Topology = "SSCTI", weights: Weights = "SSWI", regrowth: Regrowth | None = None
) -> Callable[[RunConfig, float], RunConfig]:
    """Return CH-SNN with one part exchanged, everything else equal."""

    def configure(base: RunConfig, sparsity: float) -> RunConfig:
        evolution = (
            base.evolution if regrowth is None else replace(base.evolution, regrowth=regrowth)
        )
        config = _ch_snn(replace(base, evolution=evolution), sparsity)
        return replace(config, topology=topology, weights=weights)

    return configure


def _static(base: RunConfig, sparsity: float) -> RunConfig:
    return replace(base, sparsity=sparsity, topology="regular", rewiring="none")


def _evolving(
    base: RunConfig, sparsity: float, evolution: Evolution, *, topology: Topology = "regular"
) -> RunConfig:
    first = sparsity
    if evolution.density_schedule != "constant":
        first = min(_FIRST_SPARSITY, sparsity)
        evolution = replace(evolution, final_sparsity=sparsity)
    return replace(
        base,
        sparsity=first,
        topology=topology,
        weights="kaiming",
        rewiring="evolution",
        evolution=evolution,
    )


def _set(base: RunConfig, sparsity: float) -> RunConfig:
    # New weights are 0 as RigL's authors have it. Fresh random ones, as published, come until the
    # very end of a learning rate that falls to 0, and stay random.
    return _evolving(
        base,
        sparsity,
        Evolution(
            zeta=0.3,
            zeta_schedule="constant",
            removal="magnitude",
            regrowth="random",
            sampling="hard",
        ),
    )


def _rigl(base: RunConfig, sparsity: float) -> RunConfig:
    return _evolving(base, sparsity, _RIGL)


def _granet(base: RunConfig, sparsity: float) -> RunConfig:
    # The cubic schedule needs a sparsity to end with; _evolving puts in the one asked for.
    evolution = replace(_RIGL, density_schedule="cubic", final_sparsity=sparsity)
    return _evolving(base, sparsity, evolution)


def _cht(base: RunConfig, sparsity: float) -> RunConfig:
    return _evolving(
        base,
        sparsity,
        Evolution(
            zeta=0.3,
            zeta_schedule="constant",
            removal="magnitude",
            regrowth="CH3-L3",
            sampling="hard",
            stop_overlap=0.9,
        ),
        topology="SSCTI",
    )


def _chts(base: RunConfig, sparsity: float) -> RunConfig:
    return _evolving(base, sparsity, _CHTS, topology="SSCTI")


def _chtss(base: RunConfig, sparsity: float) -> RunConfig:
    # Node-based, as published for dense layers: at half the links there are too many paths.
    evolution = replace(
        _CHTS, regrowth="CH3-L3n", density_schedule="sigmoid", final_sparsity=sparsity
    )
    return _evolving(base, sparsity, evolution, topology="SSCTI")


def _deep_r(base: RunConfig, sparsity: float) -> RunConfig:
    return replace(base, sparsity=sparsity, topology="regular", weights="kaiming", rewiring="DeepR")


def _grad_r(base: RunConfig, sparsity: float) -> RunConfig:
    settings = GradR(alpha=base.grad_r.alpha, target_sparsity=sparsity)
    return replace(base.fully_connected(), weights="kaiming", rewiring="GradR", grad_r=settings)


_RIGL = Evolution(
    zeta=0.3,
    zeta_schedule="cosine",
    every=100,
    until=0.75,
    removal="magnitude",
    regrowth="gradient",
    sampling="hard",
)
_CHTS = Evolution(
    zeta=0.3,
    zeta_schedule="constant",
    removal="LRS",
    regrowth="CH3-L3",
    sampling="soft",
    temperature=1.0,
    temperature_end=3.0,
)

METHODS: dict[str, Method] = {
    FULLY_CONNECTED: Method("every link, nothing rewired", _fully_connected),
    "CH-SNN": Method("SSCTI, SSWI and the evolution of the configuration", _ch_snn),
    "static": Method("random regular links that never change", _static),
    "SET": Method("smallest weights out, random links in (Nat. Commun. 9:2383)", _set),
    "RigL": Method(
        "smallest weights out, largest gradients in, every 100 steps (arXiv 1911.11134)", _rigl
    ),
    "GraNet": Method("RigL on a density that falls along a cubic (arXiv 2106.10404)", _granet),
    "CHT": Method("CH3-L3 by hard choices, early stop (ICLR 2024)", _cht),
    "CHTs": Method("CH3-L3 by soft choices, temperature 1 to 3 (arXiv 2501.19107)", _chts),
    "CHTss": Method(
        "node-based CHTs on a density that falls along a sigmoid (arXiv 2501.19107)", _chtss
    ),
    "Deep R": Method("strengths with fixed signs and noise (ICLR 2018)", _deep_r),
    "Grad R": Method("strengths that learn below zero (IJCAI 2021)", _grad_r),
    "CH-SNN, random regrowth": Method(
        "CH-SNN with links drawn uniformly", _ch_snn_with(regrowth="random")
    ),
    "CH-SNN, gradient regrowth": Method(
        "CH-SNN with links drawn by their gradient", _ch_snn_with(regrowth="gradient")
    ),
    "CH-SNN, no SSCTI": Method(
        "CH-SNN from random regular links", _ch_snn_with(topology="regular")
    ),
    "CH-SNN, no SSWI": Method("CH-SNN from Kaiming's weights", _ch_snn_with(weights="kaiming")),
    "CH-SNN, neither": Method(
        "CH-SNN from random regular links and Kaiming's weights",
        _ch_snn_with(topology="regular", weights="kaiming"),
    ),
}
