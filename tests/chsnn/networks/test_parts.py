"""What the constructors of networks take, and what they refuse by name."""

import pytest
import torch

from chgraph.topology import regular
from chsnn import LIF, Encoder
from chsnn.export import SpikingChain
from chsnn.networks import Spikformer, SpikingConv, SpikingMLP, block_shapes, spikformer

LAYER, READOUT = regular(320, 30, 0.5, rng=0), regular(30, 10, 0.0, rng=0)
BLOCK = {name: regular(*shape, 0.5, rng=0) for name, shape in block_shapes(16, 32).items()}


def parts_of_conv(**changed):
    parts = {"stages": [(20, "max")], "graphs": [LAYER, READOUT], "in_shape": (1, 8, 8)}
    return SpikingConv(**{**parts, "encoder": Encoder("direct"), **changed})


def parts_of_spikformer(**changed):
    parts = {"graphs": [BLOCK], "in_shape": (1, 8, 8), "n_classes": 3, "patch": 2, "heads": 2}
    parts |= {"encoder": Encoder("direct"), "neuron": LIF(), "scale": 0.5}
    return Spikformer(**{**parts, **changed})


def test_the_parts_below_are_those_of_networks():
    assert parts_of_conv()(torch.rand(2, 1, 8, 8)).shape == (2, 10)
    assert parts_of_spikformer()(torch.rand(2, 1, 8, 8)).shape == (2, 3)


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: parts_of_conv(stages=3), TypeError, "stages must be pairs of .* got 3"),
        (lambda: parts_of_conv(stages=[(20, "mean")]), TypeError, "stages must be pairs"),
        (lambda: parts_of_conv(stages=[]), ValueError, "stages must be at least one"),
        (lambda: parts_of_conv(stages=[(0, None)]), ValueError, "stages must be at least 1"),
        (lambda: parts_of_conv(graphs=[LAYER]), ValueError, "graphs must be 2, got 1"),
        (lambda: parts_of_conv(graphs="ab"), TypeError, "graphs must be a sequence of Bipartite"),
        (lambda: parts_of_conv(graphs=[READOUT] * 2), ValueError, "layer 0 has 10 outputs"),
        (
            lambda: parts_of_conv(encoder="even"),
            TypeError,
            "encoder must be an Encoder, got 'even'",
        ),
        (lambda: parts_of_conv(neuron=1.0), TypeError, "neuron must be a LIF, got 1.0"),
        (lambda: SpikingMLP(LAYER, encoder=Encoder("direct")), TypeError, "graphs must be a seq"),
        (lambda: SpikingMLP([], encoder=Encoder("direct")), ValueError, "graphs must be at least"),
        (
            lambda: SpikingMLP([LAYER], encoder=None),
            TypeError,
            "encoder must be an Encoder, got None",
        ),
        (lambda: parts_of_spikformer(graphs=BLOCK), TypeError, "for each of q, k, v, projection"),
        (lambda: parts_of_spikformer(graphs=[{"q": LAYER}]), TypeError, "for each of q, k, v"),
        (lambda: parts_of_spikformer(graphs=[]), ValueError, "graphs must be at least one block"),
        (lambda: parts_of_spikformer(heads=0.5), TypeError, "heads must be an integer"),
        (lambda: parts_of_spikformer(patch=16), ValueError, "patch"),
        (lambda: parts_of_spikformer(scale="no"), TypeError, "scale must be a number"),
        (lambda: parts_of_spikformer(n_classes=0), ValueError, "n_classes"),
        # Before any work: of these sizes there would be no end.
        (lambda: spikformer(depth=2**31, neuron=True), TypeError, "neuron must be a LIF"),
        (lambda: spikformer(depth=2**31, weights="no"), ValueError, "weights must be one of"),
        (lambda: spikformer(depth=2**31, backend=1), ValueError, "backend must be one of"),
        (
            lambda: SpikingChain([], in_shape=(3,)),
            TypeError,
            r"parts must be modules by name, got \[\]",
        ),
        (lambda: SpikingChain({"a": len}, in_shape=(3,)), TypeError, "parts must be modules"),
        (lambda: SpikingChain({}, in_shape="ab"), TypeError, "in_shape must be sizes"),
        (lambda: SpikingChain({}, in_shape=(0,)), ValueError, "in_shape must be at least 1"),
    ],
)
def test_parts_that_make_no_network_are_refused_by_name(make, error, message):
    with pytest.raises(error, match=message):
        make()
