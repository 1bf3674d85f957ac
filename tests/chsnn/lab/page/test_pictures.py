"""Pixels: what a reader of PNG that is none of ours finds in them."""

import base64
import io
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from chsnn.lab.page.pictures import (
    KEPT,
    NEW,
    data_uri,
    mixed,
    png,
    raster,
    shades,
    tiles,
    two_colors,
)
from tests.chsnn.lab.page.reading import read

image = pytest.importorskip("matplotlib.image")


def decoded(address):
    """Colors of a picture in an address, (height, width, 4) of 0 to 255."""
    content = base64.b64decode(address.removeprefix("data:image/png;base64,"))
    return np.rint(255 * image.imread(io.BytesIO(content), format="png")).astype(int)


@given(
    arrays(np.uint8, array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3))
)
def test_a_png_has_the_colors_of_its_palette(pixels):
    palette = np.array([[1, 2, 3, 0], [250, 0, 9, 255], [0, 128, 0, 7], [9, 9, 9, 99]], np.uint8)
    found = np.rint(255 * image.imread(io.BytesIO(png(pixels, palette)), format="png"))
    np.testing.assert_array_equal(found.astype(int), palette[pixels])


def test_mixtures_by_hand():
    kept, new = np.array([[0, 4, 0, 2, 1]]), np.array([[0, 0, 4, 2, 0]])
    colors = decoded(data_uri(mixed(kept, new, 4.0), two_colors()))[0]
    assert colors[0, 3] == 0
    np.testing.assert_array_equal(colors[1], [*KEPT, 255])
    np.testing.assert_array_equal(colors[2], [*NEW, 255])
    np.testing.assert_allclose(colors[3, :3], (np.array(KEPT) + NEW) / 2, atol=6)
    assert 0 < colors[4, 3] < 255


def test_shades_are_clear_at_0_and_opaque_at_the_largest():
    colors = decoded(shades(np.array([[0.0, 2.0, 4.0]]), 4.0))[0]
    np.testing.assert_array_equal(colors[:, 3], [0, 128, 255])
    assert (decoded(shades(np.zeros((2, 2)), 0.0))[..., 3] == 0).all()


def test_tiles_stand_row_by_row():
    sheet = tiles(np.arange(1, 5).reshape(4, 1, 1), 3)
    np.testing.assert_array_equal(sheet, [[1, 0, 2, 0, 3], [0] * 5, [4, 0, 0, 0, 0]])


def test_a_raster_has_a_tick_per_spike():
    spikes = np.zeros((4, 6), bool)
    spikes[1, 2] = spikes[3, 5] = True
    root = read(raster(spikes, name="x"))
    (path,) = root.find("path")
    places = re.findall(r"M([\d.]+) ([\d.]+)h", path.attributes["d"])
    assert places == [("1.08", "2.5"), ("3.08", "5.5")]
    assert root.find("desc")[0].text == "2 spikes of 6 neurons in 4 time steps"
    assert read(raster(np.zeros((4, 6), bool), name="x")).find("path")
