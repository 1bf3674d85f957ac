"""How well a network classifies."""

from __future__ import annotations

import torch

from chsnn.data import Samples
from chsnn.networks import SpikingMLP
from chsnn.seeds import torch_stream

_BATCH = 512


@torch.no_grad()
def evaluate(network: SpikingMLP, samples: Samples, *, seed: int = 0) -> float:
    """Return the fraction of samples that the network classifies rightly.

    Parameters
    ----------
    network : SpikingMLP
    samples : Samples
    seed : int
        Of a random encoding, so that two calls agree.
    """
    network.eval()
    encoder_stream = torch_stream(seed, "evaluate")
    correct = 0
    for images, labels in samples.batches(_BATCH):
        correct += int((network(images, encoder_stream).argmax(dim=1) == labels).sum())
    return correct / len(samples)
