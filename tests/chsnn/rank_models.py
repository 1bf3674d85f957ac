"""The model and the numbers of rank_checks, and what is left of a training."""

import hashlib

import numpy as np
import torch
from torch import nn

import chsnn

N_IN, N_CLASSES = 12, 3


class Net(nn.Module):
    """Two sparse layers and a dense one, smooth so that rounding stays rounding."""

    def __init__(self, seed=0):
        super().__init__()
        torch.manual_seed(seed)
        self.first = nn.Linear(N_IN, 20, bias=False)
        self.second = nn.Linear(20, 16)
        self.head = nn.Linear(16, N_CLASSES)

    def forward(self, x, skip=False):
        x = torch.tanh(self.first(x))
        if skip:
            return self.head(x[:, :16])
        return self.head(torch.tanh(self.second(x)))


def model_of(seed=0, sparsity=0.6):
    layers = ["first", "second"] if sparsity else ["first", "second", "head"]
    return chsnn.sparsify(Net(seed), sparsity, layers=layers, seed=seed).double()


def numbers(n, seed=0):
    rng = np.random.default_rng(seed)
    x = torch.from_numpy(rng.standard_normal((n, N_IN)))
    return x, (x[:, :N_CLASSES] + 0.3 * x[:, 3:6]).argmax(dim=1)


def state_of(model):
    """Links and values, and a digest of every bit."""
    layers = chsnn.sparse_layers(model)
    content = b"".join(
        t.detach().contiguous().numpy().tobytes() for t in model.state_dict().values()
    )
    return {
        "links": {
            n: [side.tolist() for side in layer.graph.links()] for n, layer in layers.items()
        },
        "parameters": [p.detach().flatten().tolist() for p in model.parameters()],
        "bits": hashlib.blake2b(content).hexdigest(),
    }


def mine(n, ranks):
    return slice(None) if ranks is None else distributed_share(n, ranks)


def distributed_share(n, ranks):
    return slice(n * ranks.rank // ranks.size, n * (ranks.rank + 1) // ranks.size)


# Batches of 8, of an odd number, and of fewer samples than ranks.
SIZES = (8, 8, 8, 5, 8, 1)


def batches():
    x, y = numbers(sum(SIZES))
    return list(zip(x.split(SIZES), y.split(SIZES), strict=True))
