"""Methods of sparse training by name: each is a configuration of the same trainer.

A method takes the settings that all share (data, network, neurons, optimizer, epochs, seed)
and decides what is its own: initial topology, initial weights, and how links change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chgraph.checks import check_choice
from chsnn.evolution import Evolution, GradR, Regrowth
from chsnn.lab.config import RewiringName, RunConfig
from chsnn.networks import Topology
from chsnn.weights import Weights

FULLY_CONNECTED = "fully connected"
# Where methods that lose links during training begin, unless they are to end denser.
_FIRST_SPARSITY = 0.5
# What CHTs has more than it ends with, as a share of all pairs.
_EXTRA_DENSITY = 0.05


@dataclass(frozen=True)
class Method:
    """A named method.

    Attributes
    ----------
    description : str
        In a line, with its source.
    configure : callable
        Takes the shared configuration and the sparsity to end with; returns that of a run.

    Examples
    --------
    >>> METHODS["SET"].description
    'weights closest to zero out, of either sign apart, random links in (Nat. Commun. 9:2383)'
    """

    description: str
    configure: Callable[[RunConfig, float], RunConfig]


def method_config(name: str, base: RunConfig, sparsity: float) -> RunConfig:
    """Return the configuration of a method.

    Parameters
    ----------
    name : str
        One of :data:`chsnn.lab.methods.METHODS`.
    base : RunConfig
        Settings that all methods share; its `evolution` is that of "CH-SNN" and its relatives.
    sparsity : float
        Fraction of absent links that every layer but the output layer is to end with. Deep R
        and the methods with a constant density also start with it; "fully connected" has none,
        Grad R comes near it as training goes, and where SD-SNN and DPAP end follows from training
        alone.

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
    if evolution.density_schedule == "extra":
        first -= min(_EXTRA_DENSITY, sparsity / 2.0)  # a layer with every link would not evolve
    elif evolution.density_schedule != "constant":
        first = min(_FIRST_SPARSITY, sparsity)
    if evolution.density_schedule != "constant":
        evolution = replace(evolution, final_sparsity=sparsity)
    return replace(
        base,
        sparsity=first,
        topology=topology,
        weights="kaiming",
        rewiring="evolution",
        evolution=evolution,
    )


def _by(
    evolution: Evolution, topology: Topology = "regular"
) -> Callable[[RunConfig, float], RunConfig]:
    """Return a method of prune and regrow, with everything that is its own."""

    def configure(base: RunConfig, sparsity: float) -> RunConfig:
        return _evolving(base, sparsity, evolution, topology=topology)

    return configure


def _deep_r(base: RunConfig, sparsity: float) -> RunConfig:
    return replace(base, sparsity=sparsity, topology="regular", weights="kaiming", rewiring="DeepR")


def _grad_r(share: float = 1.0) -> Callable[[RunConfig, float], RunConfig]:
    """Return Grad R with so much of the prior of the configuration."""

    def configure(base: RunConfig, sparsity: float) -> RunConfig:
        settings = GradR(alpha=share * base.grad_r.alpha, target_sparsity=sparsity)
        return replace(base.fully_connected(), weights="kaiming", rewiring="GradR", grad_r=settings)

    return configure


def _pruned(rewiring: RewiringName) -> Callable[[RunConfig, float], RunConfig]:
    """Return a method that starts fully connected and finds its sparsity itself."""

    def configure(base: RunConfig, sparsity: float) -> RunConfig:
        return replace(base.fully_connected(), weights="kaiming", rewiring=rewiring)

    return configure


# Each as its authors run it; what they leave to the training (optimizer, epochs, ...) is shared.
# Nothing is rewired after the last step, in any of them: SET's code says so in words, that of CHT
# and CHTs rewires while step < T_end. T_end is 3/4 of the epochs with a falling zeta or with extra
# links (run.py of Cannistraci-Hebb-training).

# Mocanu et al., Nat. Commun. 9:2383, and their code: 30 % of the positive weights closest to zero
# and 30 % of the negative ones, each epoch; links at random. Their program for images (Keras) has
# new weights start at 0, the one for sparse data structures draws them as at the start.
_SET = Evolution(
    zeta=0.3, zeta_schedule="constant", removal="SET", regrowth="random", sampling="hard"
)
# Evci et al., arXiv 1911.11134.
_RIGL = Evolution(
    zeta=0.3,
    zeta_schedule="cosine",
    every=100,
    until=0.75,
    removal="magnitude",
    regrowth="gradient",
    sampling="hard",
)
# Liu et al., arXiv 2106.10404: RigL on a falling density, half of the links exchanged at first
# (--death-rate 0.5). Every 100 steps as RigL: their 1,000 are of trainings ten times as long as
# 40 epochs of 10,000 images. _evolving puts in where the density ends.
_GRANET = replace(_RIGL, zeta=0.5, density_schedule="cubic", final_sparsity=0.0)
# Zhang et al., ICLR 2024: smallest weights out, best CH3-L3 in, early stop at an overlap of 90 %;
# zeta falls along a cosine (--adaptive_zeta). It starts from CSTI, Pearson's r of the features,
# which for images read directly is the graph of SSCTI.
_CHT = Evolution(
    zeta=0.3,
    zeta_schedule="cosine",
    until=0.75,
    removal="magnitude",
    regrowth="CH3-L3",
    sampling="hard",
    stop_overlap=0.9,
)
# CHTs with extra density (--EM_S): 5 points of density more than asked for 60 % of T_end, then 2.5.
# Every pruning goes down to the density asked, so that zeta has no part in it. The smallest weights
# go, as by default in the code, which can also take RI or draw.
_CHTS = Evolution(
    zeta=0.0,
    removal="magnitude",
    regrowth="CH3-L3",
    sampling="hard",
    regrowth_sampling="soft",
    density_schedule="extra",
    final_sparsity=0.0,
    density_until=0.75,
)
# CHTs as in the text of arXiv 2501.19107: removal soft as well, by the weight to a power that goes
# from 1 to 3 (delta 0.5 to 0.75); the density stays.
_CHTS_SOFT = Evolution(
    zeta=0.3,
    zeta_schedule="constant",
    removal="magnitude",
    regrowth="CH3-L3",
    sampling="soft",
    temperature=1.0,
    temperature_end=3.0,
)
# The same on a density that falls along a sigmoid, with a falling zeta and relative importance for
# the removal (as in the code of that paper); node-based, as published for dense layers: at half
# the links there are too many paths.
_CHTSS = replace(
    _CHTS_SOFT,
    removal="RI",
    zeta_schedule="cosine",
    until=0.75,
    regrowth="CH3-L3n",
    density_schedule="sigmoid",
    final_sparsity=0.0,
)

METHODS: dict[str, Method] = {
    FULLY_CONNECTED: Method("every link, nothing rewired", _fully_connected),
    "CH-SNN": Method("SSCTI, SSWI and the evolution of the configuration", _ch_snn),
    "static": Method("random regular links that never change", _static),
    "SET": Method(
        "weights closest to zero out, of either sign apart, random links in (Nat. Commun. 9:2383)",
        _by(_SET),
    ),
    "SET, fresh weights": Method(
        "SET with the weights of new links drawn as at the start",
        _by(replace(_SET, new_weights="kaiming")),
    ),
    "RigL": Method(
        "smallest weights out, largest gradients in, every 100 steps (arXiv 1911.11134)",
        _by(_RIGL),
    ),
    "GraNet": Method("RigL on a density that falls along a cubic (arXiv 2106.10404)", _by(_GRANET)),
    "CHT": Method("CH3-L3 by hard choices, early stop (ICLR 2024)", _by(_CHT, "SSCTI")),
    "CHTs": Method(
        "smallest weights out, CH3-L3 by soft choices, extra links on the way (arXiv 2501.19107)",
        _by(_CHTS, "SSCTI"),
    ),
    "CHTs, soft removal": Method(
        "CHTs with a soft removal, temperature 1 to 3, and no extra links (arXiv 2501.19107)",
        _by(_CHTS_SOFT, "SSCTI"),
    ),
    "CHTss": Method(
        "node-based CHTs on a density that falls along a sigmoid (arXiv 2501.19107)",
        _by(_CHTSS, "SSCTI"),
    ),
    "Deep R": Method("strengths with fixed signs and noise (ICLR 2018)", _deep_r),
    "Grad R": Method("strengths that learn below zero (IJCAI 2021)", _grad_r()),
    "Grad R, weaker prior": Method("Grad R with a tenth of the prior", _grad_r(0.1)),
    "SD-SNN": Method(
        "neurons pruned by their dendrites' range, synapses regenerated (Inf. Sci. 689:121481)",
        _pruned("SDSNN"),
    ),
    "DPAP": Method(
        "synapses and neurons pruned by their BCM plasticity (TPAMI 47:240)", _pruned("DPAP")
    ),
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
