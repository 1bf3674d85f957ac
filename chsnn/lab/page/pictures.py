"""Pictures made of pixels, as PNG in the page itself, and spikes as SVG."""

from __future__ import annotations

import base64
import struct
import zlib

import numpy as np

from chsnn.lab.page.html import Markup, element

# The same on a light and a dark page: what was there at the start, what is new.
KEPT, NEW = (118, 134, 156), (217, 98, 43)
_LEVELS = 15


def png(pixels: np.ndarray, palette: np.ndarray) -> bytes:
    """Return an image of indexed colors as a PNG file.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (height, width)
    palette : ndarray of uint8, shape (n, 4)
        Red, green, blue, opacity; n at most 256.

    References
    ----------
    PNG (Third Edition), W3C, sections 5.6 and 11.2: IHDR, PLTE, tRNS, IDAT, IEND.
    """
    height, width = pixels.shape
    rows = np.zeros((height, width + 1), np.uint8)  # each row begins with its filter, none
    rows[:, 1:] = pixels
    chunks = (
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette[:, :3].astype(np.uint8).tobytes()),
        (b"tRNS", palette[:, 3].astype(np.uint8).tobytes()),
        (b"IDAT", zlib.compress(rows.tobytes(), 9)),
        (b"IEND", b""),
    )
    content = b"\x89PNG\r\n\x1a\n"
    for name, body in chunks:
        check = struct.pack(">I", zlib.crc32(name + body))
        content += struct.pack(">I", len(body)) + name + body + check
    return content


def data_uri(pixels: np.ndarray, palette: np.ndarray) -> str:
    """Return a PNG as an address that holds the picture itself."""
    return "data:image/png;base64," + base64.b64encode(png(pixels, palette)).decode()


def two_colors() -> np.ndarray:
    """Return the palette of :func:`mixed`: 0 is clear, then levels of opacity by mixtures."""
    palette = np.zeros((1 + _LEVELS * (_LEVELS + 1), 4))
    for level in range(_LEVELS):
        for share in range(_LEVELS + 1):
            color = np.array(KEPT) + (np.array(NEW) - np.array(KEPT)) * share / _LEVELS
            opacity = 255 * (0.3 + 0.7 * (level + 1) / _LEVELS)
            palette[1 + level * (_LEVELS + 1) + share] = (*color, opacity)
    return palette.round().astype(np.uint8)


def mixed(kept: np.ndarray, new: np.ndarray, largest: float) -> np.ndarray:
    """Return pixels of :func:`two_colors`: more opaque the more there is, in the color of which.

    Parameters
    ----------
    kept, new : ndarray of numbers, shape (height, width)
    largest : float
        Sum at which a pixel is opaque.

    Examples
    --------
    >>> mixed(np.array([[0, 1]]), np.array([[0, 0]]), 1.0)
    array([[  0, 225]], dtype=uint8)
    """
    total = kept.astype(float) + new
    level = np.clip(np.ceil(_LEVELS * total / largest), 1, _LEVELS).astype(int) - 1
    share = np.rint(_LEVELS * new / np.maximum(total, 1)).astype(int)
    index = 1 + level * (_LEVELS + 1) + share
    return np.where(total > 0, index, 0).astype(np.uint8)


def shades(values: np.ndarray, largest: float) -> str:
    """Return a map of values in one color, clear at 0 and opaque at the largest, as an address."""
    palette = np.zeros((256, 4))
    palette[:, :3] = NEW
    palette[:, 3] = np.arange(256)
    pixels = np.clip(255 * values / (largest or 1.0), 0, 255).round().astype(np.uint8)
    return data_uri(pixels, palette)


def tiles(fields: np.ndarray, columns: int) -> np.ndarray:
    """Return pictures side by side in one, an empty pixel between them.

    Parameters
    ----------
    fields : ndarray, shape (n, height, width)
    columns : int

    Examples
    --------
    >>> tiles(np.ones((3, 1, 1)), 2)
    array([[1., 0., 1.],
           [0., 0., 0.],
           [1., 0., 0.]])
    """
    n, height, width = fields.shape
    rows = -(-n // columns)
    sheet = np.zeros((rows * (height + 1) - 1, columns * (width + 1) - 1), fields.dtype)
    for i, one in enumerate(fields):
        top, left = (i // columns) * (height + 1), (i % columns) * (width + 1)
        sheet[top : top + height, left : left + width] = one
    return sheet


def raster(spikes: np.ndarray, *, name: str) -> Markup:
    """Return spikes as ticks: time across, a line per neuron.

    Parameters
    ----------
    spikes : ndarray of bool, shape (timesteps, n)
    name : str
        For who cannot see it.
    """
    steps, neurons = spikes.shape
    path = "".join(f"M{t + 0.08:g} {n + 0.5:g}h.84" for t, n in np.argwhere(spikes).tolist())
    told = f"{int(spikes.sum())} spikes of {neurons} neurons in {steps} time steps"
    return element(
        "svg",
        element("title", name),
        element("desc", told),
        element("path", d=path or "M0 0", class_="spikes"),
        viewBox=f"0 0 {steps} {neurons}",
        preserveAspectRatio="none",
        role="img",
        class_="raster",
    )
