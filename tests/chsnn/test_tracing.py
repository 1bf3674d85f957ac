"""What a model's own code does with neurons, function by function: nothing wrong is claimed."""

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from tests.chsnn.wired import (
    BOTH,
    ONLY_IN,
    ONLY_OUT,
    Between,
    N,
    Reading,
    in_a_row,
    linear,
    seen,
)


class _Spike(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return (x > 0.1).to(x.dtype)

    @staticmethod
    def backward(ctx, gradient):
        return gradient


class _SameForward(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x

    @staticmethod
    def backward(ctx, gradient):
        return -gradient


class _Numpy(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return torch.from_numpy(np.maximum(x.numpy(), 0))


def test_functions_with_a_gradient_of_their_own_are_not_trusted():
    for function in (_Spike, _Numpy):
        assert seen(Between(function.apply)) == []
    # This one hands on what it got: nothing wrong may be claimed of what is behind.
    assert seen(Between(_SameForward.apply)) in ([], BOTH)
    spoilt = seen(Between(lambda h: functional.softmax(_SameForward.apply(h), -1)))
    assert spoilt == []


# ------------------------------------------------------------ functions between


@pytest.mark.parametrize(
    "function",
    [
        lambda h: h.relu().reshape(1, 3, N).squeeze(0),
        lambda h: functional.gelu(h) * 2 / 3,
        lambda h: -h.abs() + 0,
        lambda h: h * torch.tensor(0.5),
        lambda h: h * torch.rand(N),
        lambda h: torch.stack([h, h.relu()]).mean(0),
        lambda h: torch.cat([h[:1], h[1:]]),
        lambda h: h.unsqueeze(1).transpose(0, 1).flatten(0, 1),
        lambda h: h[torch.tensor([2, 0])],
        lambda h: h[torch.tensor([True, False, True])],
        lambda h: h.index_select(0, torch.tensor([1, 1])),
        lambda h: h.double().float().detach().clone(),
        lambda h: sum(h.unbind(0)),
        lambda h: torch.stack(list(h)),
        lambda h: h.clamp(-1, 1).pow(2),
        lambda h: h.data,
        lambda h: torch.zeros_like(h) + h,
        lambda h: torch.zeros(3, N).add_(h),
        lambda h: functional.relu(h, inplace=True),
        lambda h: torch.stack([h, torch.zeros(3, N)]).sum(dim=0),
        lambda h: h.expand(2, 3, N).amax(0),
    ],
)
def test_functions_that_keep_neurons_apart_and_silent(function):
    assert seen(Between(function)) == BOTH


@pytest.mark.parametrize(
    "function",
    [
        lambda h: h + 1e-9,
        lambda h: h + torch.rand(N) * 1e-9,
        lambda h: 1e-9 - h,
        lambda h: h.sigmoid() * 1e-9,
        lambda h: torch.stack([h, torch.rand(3, N)]).sum(dim=0),
        lambda h: torch.cat([h, torch.zeros(1, N).fill_(1e-9)]),
        lambda h: h.clamp(0.5, 1),
        lambda h: h.exp(),
    ],
)
def test_functions_that_drive_neurons(function):
    assert seen(Between(function)) == ONLY_OUT


@pytest.mark.parametrize(
    "function",
    [
        lambda h: h.roll(1, -1),
        lambda h: h.flip(-1),
        lambda h: h[..., torch.randperm(N)],
        lambda h: h.cumsum(-1),
        lambda h: torch.where(h > 0, h, 0 * h),
        lambda h: h @ torch.eye(N),
        lambda h: functional.linear(h, torch.eye(N)),
        lambda h: h.sort(-1).values,
        lambda h: torch.einsum("bn->bn", h),
        lambda h: torch.from_numpy(h.numpy().copy()),
        lambda h: h[:, [1, 0, 2, 3, 4]],
        lambda h: h[:, torch.arange(N)],  # who knows what it is next time
        lambda h: h.index_select(1, torch.arange(N)),
        lambda h: h[:, torch.ones(N, dtype=torch.bool)],
        lambda h: torch.jit.script(torch.nn.functional.relu)(h),
    ],
)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_functions_that_are_not_understood(function):
    assert seen(Between(function)) == []


def test_square_arrays_are_not_confused():
    square = torch.rand(N, 4)
    assert seen(Between(lambda h: h.T), square) == []
    assert seen(Between(lambda h: h.T.T), square) == []  # cautious: seen as read on the way
    assert seen(Between(lambda h: h.unbind(-1)[0]), square) == []
    assert seen(Between(lambda h: torch.stack(h.unbind(-1))), square) == []
    assert seen(Between(lambda h: torch.stack(h.unbind(0))), square) == BOTH


@pytest.mark.parametrize(
    "function",
    [
        lambda h: (h > 1e9).any().float(),
        lambda h: 1.0 if h.sum() > 1e9 else 0.0,
        lambda h: float(h[0, 0]) * 0.0,
        lambda h: 0.0 * h.numpy().sum().item(),
        lambda h: torch.zeros(3, 2).copy_(0.0 * h[:, :2]),
        lambda h: 0.0 * functional.layer_norm(h, (N,)).sum(),
        lambda h: torch.equal(h, h) * 0.0,
        lambda h: 0.0 * torch.dot(h[0], torch.zeros(N)),
    ],
)
def test_readers_whose_reading_does_not_show_on_the_example(function):
    found = seen(Reading(function))
    assert found in (ONLY_IN, [])


def test_a_write_into_memory_that_is_read_elsewhere():
    class Buffered(Between):
        def forward(self, x):
            kept = torch.zeros(2, 3, N)
            view = kept[0]
            view += torch.relu(self.fc1(x))
            return self.fc2(view), 0.0 * kept.max()

    assert seen(Buffered(None)) in (ONLY_IN, [])

    class Written(Between):
        def forward(self, x):
            kept = torch.empty(2, 3, N)
            kept[0] = kept[1] = torch.relu(self.fc1(x))
            return self.fc2(kept), 0.0 * kept.max()

    assert seen(Written(None)) == []


def test_neurons_changed_in_place():
    def change(h):
        view = h.t()
        view.add_(1e-9)
        return h

    assert seen(Between(change)) == []
    assert seen(Between(lambda h: h.add_(1e-9))) == ONLY_OUT
    assert seen(Between(lambda h: h.t_().t_())) == []

    def set_some(h):
        h[:, 0] = 1e-9
        return h

    assert seen(Between(set_some)) == []

    def behind_the_back(h):
        h.numpy()[:] += 1e-9
        return h

    assert seen(Between(behind_the_back)) == []


def test_what_the_model_returns_or_keeps_is_read():
    class Returning(Between):
        def forward(self, x):
            h = torch.relu(self.fc1(x))
            return {"out": self.fc2(h), "hidden": [h * 0]}

    class Keeping(Between):
        def forward(self, x):
            self.spikes = [torch.relu(self.fc1(x))]
            return self.fc2(self.spikes[0])

    class Opaque(Between):
        def forward(self, x):
            h = self.fc1(x)
            return self.fc2(h), lambda: h

    assert seen(Returning(None)) == ONLY_IN
    assert seen(Keeping(None)) == ONLY_IN
    assert seen(Opaque(None)) == []


def test_weights_read_outside_their_layer():
    class Penalized(Between):
        def forward(self, x):
            return self.fc2(torch.relu(self.fc1(x))), self.function(self).abs().sum() * 0

    assert seen(Penalized(lambda m: m.fc2.weight)) == []
    assert seen(Penalized(lambda m: m.fc1.weight.data)) == []
    assert seen(Penalized(lambda m: torch.zeros(m.fc1.weight.shape))) == BOTH


def test_tied_weights_and_computed_weights():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b, self.c = linear(N, N), linear(N, N), linear(N, N)
            self.b.weight = self.a.weight

        def forward(self, x):
            return self.c(torch.relu(self.b(torch.relu(self.a(x)))))

    assert seen(Tied(), torch.rand(3, N)) == []
    model = Between(torch.relu)
    nn.utils.parametrizations.weight_norm(model.fc1)
    assert seen(model) == []


def test_a_forward_of_ones_own_is_not_followed():
    class Noisy(nn.Linear):
        def forward(self, x):
            return super().forward(x) + 1e-9

    model = Between(torch.relu)
    model.fc1 = Noisy(4, N, bias=False)
    assert seen(model) == []


def test_hooks_are_part_of_the_model():
    model = Between(torch.relu)
    model.fc1.register_forward_hook(lambda module, args, out: out + 1e-9)
    assert seen(model) == ONLY_OUT


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_scripted_and_uncopyable_models_are_all_open():
    class Uncopyable(Between):
        def __deepcopy__(self, memo):
            raise RuntimeError("no")

    assert seen(Uncopyable(torch.relu)) == []
    assert seen(in_a_row(torch.jit.script(nn.Tanh()))) == []


def test_the_numbers_have_the_last_word():
    def read_out_of_sight(h):
        with torch._C.DisableTorchFunction():
            return h.sum().item()

    assert seen(Reading(read_out_of_sight)) == ONLY_IN


def test_a_tensor_from_out_of_sight_leaves_nothing_to_claim():
    def make_out_of_sight(h):
        with torch._C.DisableTorchFunction():
            return 0.0 * h.sum()

    assert seen(Reading(make_out_of_sight)) == []


def test_a_product_with_what_is_read_keeps_silent_neurons_silent():
    assert seen(Between(lambda h: h * torch.softmax(h, -1))) == ONLY_IN
