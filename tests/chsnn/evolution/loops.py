"""A training loop of one's own, on a small model."""

import itertools

import torch
from torch import nn

from chsnn import sparse_layers, sparsify


def draw(*shape, seed=0):
    return torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def model_of(*sizes, sparsity=0.8, seed=0, bias=False):
    """Linear layers with rectifiers between, all sparse but the last."""
    torch.manual_seed(seed)
    modules = []
    for n_in, n_out in itertools.pairwise(sizes):
        modules += [nn.Linear(n_in, n_out, bias=bias), nn.ReLU()]
    return sparsify(nn.Sequential(*modules[:-1]), sparsity, weights="kaiming", seed=seed)


def counts(model):
    return {name: layer.graph.n_links for name, layer in sparse_layers(model).items()}


def graphs(model):
    return {name: layer.graph for name, layer in sparse_layers(model).items()}


def train(model, optimizer, rewirer, steps, *, first=0, n_in=12):
    """Steps of a loop of one's own; returns what the rewirer said."""
    records = []
    for i in range(first, first + steps):
        x = draw(8, n_in, seed=i)
        loss = (model(x) - x[:, :4]).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        records.append(rewirer.step())
    return records
