"""Encodings: analogue, evenly spaced and random spikes."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from chsnn import Encoder
from chsnn.encoding import ENCODINGS
from tests import naive

IMAGES = torch.linspace(0, 1, 17).repeat(2, 1)


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
    rates = Encoder("bernoulli", n)(images, torch.Generator().manual_seed(0)).mean(dim=(0, 1))
    error = torch.sqrt(images[0] * (1 - images[0]) / n)
    assert ((rates - images[0]).abs() <= 4 * error).all()


def test_random_spikes_depend_on_the_generator_alone():
    def encode(seed):
        return Encoder("bernoulli", 8)(IMAGES, torch.Generator().manual_seed(seed))

    assert torch.equal(encode(1), encode(1))
    assert not torch.equal(encode(1), encode(2))


@pytest.mark.parametrize("kind", ENCODINGS)
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
    ],
)
def test_bad_settings_are_named(settings, error, name):
    with pytest.raises(error, match=rf"^{name}\b"):
        Encoder(*settings)
