"""Small models of two layers with something between, and what is found of their wiring."""

import torch
from torch import nn

from chsnn.wiring import find_wiring

N = 5  # a width that is no other size in the examples
X = torch.rand(3, 4, generator=torch.Generator().manual_seed(1))
STEPS = torch.rand(6, 3, 4, generator=torch.Generator().manual_seed(2))


def linear(n_in, n_out, bias=False):
    return nn.Linear(n_in, n_out, bias=bias)


def seen(model, example=X, layers=None):
    """What is found: (sources, targets, closed_in, closed_out) of every junction."""
    if layers is None:
        layers = [name for name, m in model.named_modules() if isinstance(m, nn.Linear)]
    found = find_wiring(model, example, layers=layers)
    return [(j.sources, j.targets, j.closed_in, j.closed_out) for j in found.junctions]


BOTH = [(("fc1",), ("fc2",), True, True)]
ONLY_IN = [(("fc1",), ("fc2",), True, False)]
ONLY_OUT = [(("fc1",), ("fc2",), False, True)]


class Between(nn.Module):
    """fc2(function(fc1(x)))."""

    def __init__(self, function, bias=False, width=N):
        super().__init__()
        self.fc1, self.fc2 = linear(4, N, bias), linear(width, 2)
        self.function = function

    def forward(self, x):
        return self.fc2(self.function(self.fc1(x)))


class Reading(Between):
    """Something reads the hidden neurons besides fc2; `function` returns what is added."""

    def forward(self, x):
        h = torch.relu(self.fc1(x))
        return self.fc2(h) + self.function(h)


class Stateless(Between):
    """A cell between two layers, whose state nobody keeps."""

    def forward(self, x):
        return self.fc2(self.function(self.fc1(x))[0])


def in_a_row(*modules):
    return nn.Sequential(linear(4, N), *modules, linear(N, 2))
