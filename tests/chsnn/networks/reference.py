"""The convolutional networks and Spikformer again, naively: Norse step by step, dense weights."""

import torch
from norse.torch.functional.lif_box import (
    LIFBoxFeedForwardState,
    LIFBoxParameters,
    lif_box_feed_forward_step,
)
from torch.nn import functional


def neurons(x, lif):
    """LIF over time (T, ...), one step after the other, as Norse has them."""
    decay = 1.0 - lif.alpha
    p = LIFBoxParameters(
        tau_mem_inv=decay, v_th=lif.v_th, method=lif.surrogate, alpha=lif.surrogate_alpha
    )
    state, spikes = LIFBoxFeedForwardState(v=torch.zeros_like(x[0])), []
    for current in x:
        z, state = lif_box_feed_forward_step(current / decay, state, p, dt=1.0)
        spikes.append(z)
    return torch.stack(spikes)


def dense(layer):
    """A sparse layer's weight as torch has it; a leaf, so that its gradient can be asked for."""
    return layer.dense_weight().detach().requires_grad_()


def each(function, x):
    return torch.stack([function(step) for step in x])


def norm(x, layer):
    """Batch norm (T, B, C, ...), whose statistics in training are those of all steps."""
    if isinstance(layer, torch.nn.Identity):
        return x
    axes = [0, 1, *range(3, x.dim())]
    shape = [1, 1, -1] + [1] * (x.dim() - 3)
    mean, var = layer.running_mean, layer.running_var
    if layer.training:
        mean, var = x.mean(axes), x.var(axes, unbiased=False)
    x = (x - mean.view(shape)) / (var.view(shape) + layer.eps).sqrt()
    return x * layer.weight.view(shape) + layer.bias.view(shape)


def stage(x, module):
    """A convolutional stage: every step convolved by itself."""
    y = each(lambda s: functional.conv2d(s, module.conv.weight, module.conv.bias, padding=1), x)
    return each(module.pool, neurons(norm(y, module.norm), module.neurons))


def conv_scores(network, x, weights):
    """Scores of (T, B, C, H, W); `weights` are those of "hidden" and "readout"."""
    for module in network.stages:
        x = stage(x, module)
    hidden = neurons(each(lambda s: s.flatten(1) @ weights["hidden"].T, x), network.hidden.neuron)
    return each(lambda s: s @ weights["readout"].T, hidden).mean(0)


def spiking_linear(x, module, weight):
    y = each(lambda s: s @ weight.T, x)  # (T, B, N, n)
    y = norm(y.permute(0, 1, 3, 2), module.norm).permute(0, 1, 3, 2)
    return neurons(y, module.neurons)


def attention(x, module, weights, name):
    q, k, v = (
        spiking_linear(x, getattr(module, part), weights[f"{name}.{part}.linear"]) for part in "qkv"
    )
    heads, width = module.heads, q.shape[-1] // module.heads
    attended = torch.zeros_like(q)
    for head in range(heads):
        own = slice(head * width, (head + 1) * width)
        scores = q[..., own] @ k[..., own].transpose(-2, -1)
        attended[..., own] = scores @ v[..., own]
    spikes = neurons(attended * module.scale, module.neurons)
    return spiking_linear(spikes, module.projection, weights[f"{name}.projection.linear"])


def spikformer_scores(network, x, weights):
    """Scores of (T, B, C, H, W); `weights` are those of all sparse layers, by name."""
    for module in network.patches:
        x = stage(x, module)
    x = x + stage(x, network.position)
    x = x.flatten(3).transpose(2, 3)
    for i, block in enumerate(network.blocks):
        name = f"blocks.{i}"
        x = x + attention(x, block.attention, weights, f"{name}.attention")
        y = spiking_linear(x, block.fc1, weights[f"{name}.fc1.linear"])
        x = x + spiking_linear(y, block.fc2, weights[f"{name}.fc2.linear"])
    return each(lambda s: network.head(s.mean(1)), x).mean(0)
