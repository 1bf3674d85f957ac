"""Hooks on sparse layers, and a forward of one's own: all are called."""

import pytest
import torch
from torch import nn

from chsnn import SparseLIF
from chsnn.networks import mlp
from tests.chsnn.tensors import real


class Doubled(SparseLIF):
    """A layer whose forward is somebody's own."""

    def forward(self, x, **options):
        return 2 * super().forward(x, **options)


@pytest.mark.parametrize("encoding", ["direct", "even"])
@pytest.mark.parametrize("readout", ["potential", "rate"])
@pytest.mark.filterwarnings("ignore:Full backward hook is firing")  # as for any first layer
def test_every_hook_of_every_layer_of_a_network_is_called(readout, encoding):
    net = mlp((6, 5, 3), sparsity=0.4, encoding=encoding, readout=readout, timesteps=4)
    images = real(2, 6).sigmoid()
    calls = []
    handles = []
    for name, layer in net.layers.named_children():
        handles += [
            layer.register_forward_pre_hook(lambda m, x, n=name: calls.append((n, "pre"))),
            layer.register_forward_hook(lambda m, x, y, n=name: calls.append((n, "forward"))),
            layer.register_full_backward_hook(lambda m, gx, g, n=name: calls.append((n, "back"))),
            layer.register_full_backward_pre_hook(lambda m, g, n=name: calls.append((n, "before"))),
        ]
    seen = []
    handles.append(nn.modules.module.register_module_forward_hook(lambda m, x, y: seen.append(m)))
    expected = net(images).detach()
    net(images).sum().backward()
    for handle in handles:
        handle.remove()
    order = ["pre", "forward"]
    assert calls[:4] == [(name, what) for name in "01" for what in order]
    assert set(calls) == {(name, what) for name in "01" for what in (*order, "back", "before")}
    assert {*net.layers, net} <= set(seen)
    torch.testing.assert_close(net(images).detach(), expected, rtol=0, atol=0)


def test_a_hook_may_change_what_a_layer_reads_and_gives():
    net = mlp((6, 5, 3), sparsity=0.4, timesteps=4)
    images = real(2, 6).sigmoid()
    layer, expected = net.layers[0], net(3 * images)
    handle = layer.register_forward_pre_hook(lambda m, x: (3 * x[0],))
    torch.testing.assert_close(net(images), expected)
    handle.remove()
    handle = layer.register_forward_hook(lambda m, x, y: torch.zeros_like(y))
    assert not net(images).any()
    handle.remove()


def test_a_forward_of_ones_own_is_called():
    net = mlp((6, 5, 3), sparsity=0.4, timesteps=4)
    images = real(2, 6).sigmoid()
    expected = 2 * net(images)
    own = Doubled(net.layers[0].graph)
    own.load_state_dict(net.layers[0].state_dict())
    net.layers[0] = own
    torch.testing.assert_close(net(images), expected)
