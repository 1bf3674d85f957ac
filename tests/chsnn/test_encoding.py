"""Encodings: analogue, evenly spaced and random spikes."""

import re

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chsnn import Encoder
from chsnn.encoding import ENCODINGS, bernoulli
from tests import naive

IMAGES = torch.linspace(0, 1, 17).repeat(2, 1)
OF_IMAGES = [kind for kind in ENCODINGS if kind != "none"]


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_direct_encoding_shows_the_image_at_every_step_without_copying():
    x = Encoder("direct", 6)(IMAGES)
    assert x.shape == (6, 2, 17)
    assert x.stride(0) == 0
    assert (x == IMAGES).all()


@pytest.mark.parametrize("timesteps", [1, 4, 8, 25])
def test_even_spikes_come_from_a_constant_current(timesteps):
    expected = naive.evenly_spaced_spikes(IMAGES.numpy(), timesteps)
    np.testing.assert_array_equal(Encoder("even", timesteps)(IMAGES), expected)


@given(st.floats(0, 1, width=32), st.integers(1, 40))
def test_even_spikes_are_as_many_and_as_far_apart_as_they_can_be(rate, timesteps):
    spikes = Encoder("even", timesteps)(torch.tensor([[rate]]))[:, 0, 0]
    assert set(spikes.tolist()) <= {0.0, 1.0}
    assert abs(float(spikes.sum()) - rate * timesteps) <= 0.5 + 1e-5
    gaps = np.diff(np.flatnonzero(spikes.numpy()))
    assert np.ptp(gaps) <= 1 if gaps.size else True


def test_even_spikes_of_thirds_are_not_lost_to_rounding():
    spikes = Encoder("even", 9)(torch.tensor([[1 / 3, 2 / 3, 1.0, 0.0]]))
    assert spikes.sum(dim=0).tolist() == [[3, 6, 9, 0]]


def test_random_spikes_have_the_rate_of_the_intensity():
    images, n = torch.tensor([[0.0, 0.1, 0.5, 0.9, 1.0]]), 4000
    rates = Encoder("bernoulli", n)(images, seeded()).mean(dim=(0, 1))
    error = torch.sqrt(images[0] * (1 - images[0]) / n)
    assert ((rates - images[0]).abs() <= 4 * error).all()


def test_random_spikes_depend_on_the_generator_alone():
    def encode(seed):
        return Encoder("bernoulli", 8)(IMAGES, seeded(seed))

    assert torch.equal(encode(1), encode(1))
    assert not torch.equal(encode(1), encode(2))


@pytest.mark.parametrize("kind", OF_IMAGES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_type_and_shape_follow_the_images(kind, dtype):
    x = Encoder(kind, 3)(IMAGES.to(dtype))
    assert (x.dtype, x.shape) == (dtype, (3, 2, 17))
    assert Encoder(kind, 3)(torch.zeros(0, 17, dtype=dtype)).shape == (3, 0, 17)


@pytest.mark.parametrize("kind", ["even", "bernoulli"])
@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan")])
def test_intensities_that_are_no_rate_are_named(kind, value):
    with pytest.raises(ValueError, match=r"^images must have intensities in \[0, 1\]"):
        Encoder(kind, 4)(torch.tensor([[0.5, value]]))


@pytest.mark.parametrize(
    ("settings", "error", "name"),
    [
        (("latency", 4), ValueError, "kind"),
        (("even", 0), ValueError, "timesteps"),
        (("even", 2.5), TypeError, "timesteps"),
        (("even", 1_000_001), ValueError, "timesteps"),
        (("direct", 2**63), ValueError, "timesteps"),
    ],
)
def test_bad_settings_are_named(settings, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        Encoder(*settings)


@pytest.mark.parametrize("kind", OF_IMAGES)
def test_images_with_axes_are_encoded_as_rows(kind):
    images = torch.rand(3, 2, 4, 5, generator=seeded(1))
    rows = images.view(3, 40)
    got = Encoder(kind, 6)(images, seeded())
    assert got.shape == (6, 3, 40)
    assert torch.equal(got, Encoder(kind, 6)(rows, seeded()))
    assert torch.equal(Encoder(kind, 6).flat(images, 40), rows)


def test_spikes_over_time_are_taken_as_such():
    events = torch.rand(6, 3, 2, 4, 5, generator=seeded(1))
    encoder = Encoder("none", 6)
    for sample in range(3):
        assert torch.equal(encoder(events)[:, sample], events[:, sample].reshape(6, 40))
    assert torch.equal(encoder.flat(events, 40), encoder(events))
    assert torch.equal(encoder(encoder(events)), encoder(events))


@pytest.mark.parametrize("shape", [(5, 3, 40), (7, 6, 2, 4, 5)])
def test_spikes_of_another_number_of_steps_are_refused(shape):
    with pytest.raises(ValueError, match=rf"^images must have 6 time steps .*got {shape[0]} "):
        Encoder("none", 6)(torch.zeros(shape))


@pytest.mark.parametrize("kind", OF_IMAGES)
@pytest.mark.parametrize("shape", [(8, 1, 784), (8, 4, 784), (784, 8, 784), (8, 4, 1, 28, 28)])
def test_spikes_over_time_are_never_a_batch_of_images(kind, shape):
    advice = r"for spikes over time \[T, B, n\] use encoding='none'"
    message = rf"^images must have 784 values a sample, got shape {re.escape(str(shape))}: {advice}"
    with pytest.raises(ValueError, match=message):
        Encoder(kind, 8).flat(torch.zeros(shape), 784)


@pytest.mark.parametrize(
    ("kind", "shape"),
    [("direct", (8, 783)), ("even", (8, 2, 28, 28, 2)), ("none", (8, 2, 783)), ("none", (8, 1, 2))],
)
def test_another_number_of_values_a_sample_is_named(kind, shape):
    message = rf"^inputs must have 784 values a sample, got shape {re.escape(str(shape))}$"
    with pytest.raises(ValueError, match=message):
        Encoder(kind, 8).flat(torch.zeros(shape), 784, name="inputs")


@pytest.mark.parametrize(("kind", "shape"), [("direct", (784,)), ("even", ()), ("none", (8, 784))])
def test_images_without_an_axis_of_samples_are_refused(kind, shape):
    with pytest.raises(ValueError, match=r"^images must have shape \((T, )?B, \.\.\.\)"):
        Encoder(kind, 8)(torch.zeros(shape))


@pytest.mark.parametrize("kind", ENCODINGS)
@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_images_of_bytes_are_refused(kind, dtype):
    images = torch.zeros(4, 2, 3, dtype=dtype)
    for read in (Encoder(kind, 4), lambda images: Encoder(kind, 4).flat(images, 3)):
        with pytest.raises(ValueError, match=r"^images must be of floating point.*divided by 255"):
            read(images)


def test_images_that_are_no_tensor_are_refused():
    with pytest.raises(TypeError, match=r"^images must be a Tensor, got ndarray"):
        Encoder("even", 4)(np.zeros((2, 3)))


@pytest.mark.parametrize("kind", ["even", "bernoulli"])
def test_the_intensity_error_says_what_is_wrong(kind):
    with pytest.raises(ValueError, match=r"^images must .*, got \[0.5, 300\]$"):
        Encoder(kind, 4)(torch.tensor([[0.5, 300.0]]))
    with pytest.raises(ValueError, match=r"^images must .*, got NaN$"):
        Encoder(kind, 4)(torch.tensor([[0.5, float("nan"), 300.0]]))


@pytest.mark.parametrize("kind", ENCODINGS)
def test_spikes_are_on_the_device_of_the_images(kind):
    images = torch.zeros(4, 2, 3, 3, device="meta")
    for generator in (None, seeded()):  # drawn on the CPU, where the generator is
        x = Encoder(kind, 4)(images, generator)
        assert (x.device.type, x.dtype, x.shape[0]) == ("meta", torch.float32, 4)


def test_random_spikes_are_drawn_where_the_generator_is(monkeypatch):
    drawn, rand = [], torch.rand

    def watched(*args, **kwargs):
        drawn.append(kwargs["device"])
        return rand(*args, **kwargs)

    monkeypatch.setattr(torch, "rand", watched)
    images = torch.zeros(2, 3, device="meta")
    bernoulli(images, 4, seeded())
    bernoulli(images, 4)
    assert [device.type for device in drawn] == ["cpu", "meta"]


def test_without_a_generator_random_spikes_come_from_the_global_one():
    with torch.random.fork_rng():
        torch.manual_seed(5)
        got = Encoder("bernoulli", 8)(IMAGES)
    assert torch.equal(got, Encoder("bernoulli", 8)(IMAGES, seeded(5)))
