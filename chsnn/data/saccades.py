"""Events without a download: scikit-learn's digits, moved before a simulated event camera.

N-MNIST was recorded by a camera that made three saccades in front of every image (Orchard et al.,
"Converting static image datasets to spiking neuromorphic datasets using saccades", Frontiers in
Neuroscience 9:437, 2015). In its recordings the digit goes down to the right, up to the right and
back, about 100 ms each, fastest in the middle, by a quarter of its height; so it does here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from chgraph.checks import (
    as_generator,
    check_choice,
    check_count,
    check_positive_float32,
    check_positive_int,
    check_real,
)
from chsnn.data.datasets import DataSet, Samples
from chsnn.data.digits import load_digits
from chsnn.data.events import BINNINGS, EVENT, to_frames
from chsnn.seeds import stream

SACCADE_US = 100_000
"""Microseconds that a saccade takes."""
_STEP_US = 4_000  # within a step log intensities are taken to change linearly
_HALF = 3**0.5  # of the height, where the side is 4
TRIANGLE = ((-2.0, -_HALF), (0.0, _HALF), (2.0, -_HALF), (-2.0, -_HALF))
"""Where the middle of an image goes: (x, y) in pixels from the middle of the sensor, y down."""
_AT_ONCE = 128  # images; what is computed of one does not depend on the others
_LEAST_THRESHOLD = 0.1  # of the mean one: nobody's threshold is nothing or less


@dataclass(frozen=True, kw_only=True)
class Camera:
    """An event camera: a pixel says when its log intensity has changed by a threshold.

    Raises
    ------
    ValueError
        If a value is out of range.
    """

    threshold: float = 0.3
    """Change of log intensity from one event of a pixel to its next."""
    mismatch: float = 0.05
    """Spread of the thresholds over pixels and polarities, as a share of the threshold."""
    dark: float = 0.2
    """Added to intensities, which are from 0 to 1: the more, the lower is the contrast."""
    noise: float = 0.1
    """Events of a pixel in a second that nothing has caused."""
    refractory: int = 0
    """Microseconds after an event in which further events of its pixel are lost."""

    def __post_init__(self) -> None:
        check_real("threshold", self.threshold, minimum=0.001)
        check_real("mismatch", self.mismatch, minimum=0.0, below=1.0)
        check_positive_float32("dark", self.dark)
        check_real("noise", self.noise, minimum=0.0, below=1000.0)
        check_count("refractory", self.refractory)


def saccade_events(
    image: Any,
    *,
    rng: Any = None,
    camera: Camera | None = None,
    path: Sequence[tuple[float, float]] = TRIANGLE,
    scale: int = 2,
    margin: int = 2,
) -> np.ndarray:
    """Return the events of an image that is moved before an event camera.

    Parameters
    ----------
    image : array_like, shape (h, w)
        Intensities in [0, 1], enlarged by bilinear interpolation, on a background of 0.
    rng : seed or Generator, optional
        Of thresholds and noise; fresh entropy if left out.
    camera : Camera, optional
    path : sequence of (x, y)
        Corners between which the middle of the image goes along straight lines, 100 ms each, with
        a smooth start and stop; in pixels of the sensor from its middle, y down.
    scale : int
        Pixels of the sensor to a pixel of the image.
    margin : int
        Further pixels of the sensor on every side, as far as the path may lead.

    Returns
    -------
    ndarray of :data:`chsnn.data.EVENT`
        By time, in microseconds from 0 to less than 100,000 for every line of the path. The
        sensor has ``h * scale + 2 * margin`` rows, and columns likewise.

    Raises
    ------
    ValueError
        If the image is of another kind, or the path leads it off the sensor.

    Examples
    --------
    >>> image = np.zeros((8, 8))
    >>> image[2:6, 3:5] = 1.0
    >>> events = saccade_events(image, rng=0)
    >>> bool((np.diff(events["t"]) >= 0).all()), bool(events["t"].max() < 300_000)
    (True, True)
    >>> len(saccade_events(image, path=[(0, 0), (0, 0)], camera=Camera(noise=0)))
    0
    """
    pixels = _checked_image(image)
    scale = check_positive_int("scale", scale)
    corners = _checked_path(path, check_count("margin", margin))
    recorder = _Recorder(camera or Camera(), corners, scale, margin)
    return recorder.record(pixels[None], [as_generator(rng)])[0]


def load_saccades(
    *,
    timesteps: int = 8,
    by: str = "time",
    binary: bool = False,
    seed: int = 0,
    camera: Camera | None = None,
) -> DataSet:
    """Load scikit-learn's digits as an event camera sees them in three saccades.

    Parameters
    ----------
    timesteps : int
        Frames of a recording.
    by : {"time", "count"}
        Whether its frames are equally long or have equally many events.
    binary : bool
        Whether a pixel of a frame says only that it had an event, and so is a spike.
    seed : int
        Of thresholds and noise; every digit has a stream of its own.
    camera : Camera, optional

    Returns
    -------
    DataSet
        "digits-saccades": 1,257 training, 180 validation and 360 test recordings, the split of
        "digits", of 300 ms each; frames of shape (timesteps, 2, 20, 20) count OFF and ON events.

    Raises
    ------
    ValueError
        If an argument is out of range.
    """
    timesteps = check_positive_int("timesteps", timesteps)
    check_choice("by", by, BINNINGS)
    seed = check_count("seed", seed)
    recorder = _Recorder(camera or Camera(), _checked_path(TRIANGLE, 2), scale=2, margin=2)
    digits = load_digits()
    done, parts = 0, {}
    for name in ("train", "validation", "test"):
        part = getattr(digits, name)
        images = part.images.numpy().reshape(-1, 8, 8)
        rngs = [stream(seed, "saccades", done + i) for i in range(len(images))]
        frames = np.stack(list(_recorded_frames(recorder, images, rngs, timesteps, by)))
        frames = np.minimum(frames, 1.0) if binary else frames
        parts[name] = Samples(frames, part.labels, over_time=True)
        done += len(images)
    return DataSet("digits-saccades", digits.n_classes, **parts, in_shape=(2, 20, 20))


class _Recorder:
    """A camera, and the way that images are moved before it."""

    def __init__(self, camera: Camera, path: np.ndarray, scale: int, margin: int) -> None:
        self.camera, self.scale, self.margin = camera, scale, margin
        self.positions = _positions(path)
        self.duration = SACCADE_US * (len(path) - 1)

    def sensor(self, images: np.ndarray) -> tuple[int, int]:
        """Return the rows and columns of the sensor for images (N, h, w)."""
        rows, columns = (n * self.scale + 2 * self.margin for n in images.shape[1:])
        return rows, columns

    def record(self, images: np.ndarray, rngs: Sequence[np.random.Generator]) -> list[np.ndarray]:
        """Return the events of every image (N, h, w), each with its own generator."""
        rows, columns = self.sensor(images)
        n_pixels = rows * columns
        thresholds = np.stack([self._thresholds(rows, columns, rng) for rng in rngs], axis=1)
        steps, place, is_on = _crossings(self._log_intensities(images), thresholds)
        # What happens at the very end happens in the last microsecond.
        t = np.minimum((steps * _STEP_US).astype(np.int64), self.duration - 1)
        noise = [self._noise(n_pixels, i, rng) for i, rng in enumerate(rngs)]
        t, place, is_on = (
            np.concatenate(part) for part in zip((t, place, is_on), *noise, strict=True)
        )
        sample, pixel = np.divmod(place, n_pixels)
        # Stable: of a pixel's events in one microsecond the first stays first.
        order = np.argsort((sample * self.duration + t) * n_pixels + pixel, kind="stable")
        order = order[_outside_refractory(t[order], place[order], self.camera.refractory)]
        events = np.empty(len(order), EVENT)
        events["t"], events["p"] = t[order], is_on[order]
        events["y"], events["x"] = np.divmod(pixel[order], columns)
        return np.split(events, np.searchsorted(sample[order], np.arange(1, len(images))))

    def _thresholds(self, rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
        """Return the thresholds of OFF and ON events, (2, rows, columns)."""
        spread = self.camera.mismatch * rng.standard_normal((2, rows, columns))
        return self.camera.threshold * np.maximum(1.0 + spread, _LEAST_THRESHOLD)

    def _noise(
        self, n_pixels: int, sample: int, rng: np.random.Generator
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return times, places and polarities of a recording's events without a cause."""
        n = rng.poisson(self.camera.noise * 1e-6 * self.duration * n_pixels)
        t = rng.integers(self.duration, size=n)
        pixel = sample * n_pixels + rng.integers(n_pixels, size=n)
        return t, pixel, rng.integers(2, size=n).astype(bool)

    def _log_intensities(self, images: np.ndarray) -> Iterator[np.ndarray]:
        """Yield what the sensor sees, (N, rows, columns), at the end of every step."""
        rows, columns = self.sensor(images)
        for x, y in self.positions:
            seen = _enlarged(images, 1, rows, y, self.scale)
            seen = _enlarged(seen, 2, columns, x, self.scale)
            yield np.log(seen + self.camera.dark)


def _positions(path: np.ndarray) -> np.ndarray:
    """Return where the image is at the end of every step, first where it starts."""
    n_steps = SACCADE_US // _STEP_US
    progress = (1.0 - np.cos(np.pi * np.arange(1, n_steps + 1) / n_steps)) / 2.0
    lines = path[:-1, None] + progress[:, None] * np.diff(path, axis=0)[:, None]
    return np.concatenate([path[:1], lines.reshape(-1, 2)])


def _enlarged(images: np.ndarray, axis: int, size: int, moved: float, scale: int) -> np.ndarray:
    """Return images stretched along an axis onto `size` pixels, their middle moved off its middle.

    A pixel between the middles of two others has their weighted mean; beyond the image all is 0.
    No matrix product: its rounding would depend on how many images there are.
    """
    n = images.shape[axis]
    wanted = (np.arange(size) + 0.5 - size / 2 - moved) / scale + n / 2 - 0.5
    before = np.floor(wanted).astype(np.int64)
    shape = [size if a == axis else 1 for a in range(images.ndim)]
    share = (wanted - before).reshape(shape)
    around = [(1, 1) if a == axis else (0, 0) for a in range(images.ndim)]
    padded = np.pad(images.astype(np.float64), around)
    first, second = (np.clip(before + i, 0, n + 1) for i in (1, 2))
    return (1.0 - share) * padded.take(first, axis) + share * padded.take(second, axis)


def _crossings(
    seen: Iterable[np.ndarray], thresholds: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return when and where log intensities have changed by a threshold since the last event.

    Parameters
    ----------
    seen : iterable of float64, shape (N, rows, columns)
        Log intensities at the ends of equal steps, linear in between.
    thresholds : ndarray of float64, shape (2, N, rows, columns)
        Of falls and of rises.

    Returns
    -------
    steps : ndarray of float64
        When, in steps since the first; of one pixel in order.
    place : ndarray of int64
        Where, counted through the pixels of all samples.
    is_on : ndarray of bool
        Whether it was a rise.
    """
    frames = (frame.ravel() for frame in seen)
    fall, rise = thresholds.reshape(2, -1)
    before = next(frames)
    level = before.copy()  # where the last event was
    found = [(np.empty(0), np.empty(0, np.int64), np.empty(0, bool))]
    for number, now in enumerate(frames):
        change = now - level
        pixel = np.flatnonzero((change >= rise) | (change <= -fall))
        is_on = change[pixel] > 0
        height = np.where(is_on, rise[pixel], -fall[pixel])
        n = np.floor(change[pixel] / height).astype(np.int64)
        event = np.repeat(np.arange(len(pixel)), n)
        which = 1 + np.arange(len(event)) - np.repeat(np.cumsum(n) - n, n)
        where = pixel[event]
        crossed = level[where] + which * height[event]
        slope = (now - before)[where]
        # Rounding alone can leave a crossing to the next step, however still that is.
        done = np.divide(crossed - before[where], slope, out=np.zeros(len(event)), where=slope != 0)
        found.append((number + np.clip(done, 0.0, 1.0), where, is_on[event]))
        level[pixel] += n * height
        before = now
    steps, place, rises = (np.concatenate(part) for part in zip(*found, strict=True))
    return steps, place, rises


def _outside_refractory(t: np.ndarray, place: np.ndarray, refractory: int) -> np.ndarray:
    """Return which events, in order of time, come late enough after the last of their pixel."""
    kept = np.ones(len(t), dtype=bool)
    if refractory == 0 or len(t) == 0:
        return kept
    order = np.argsort(place, kind="stable")
    t, place = t[order], place[order]
    is_first = np.append(True, place[1:] != place[:-1])
    start, group = np.flatnonzero(is_first), np.cumsum(is_first) - 1
    rank = np.arange(len(t)) - start[group]
    last = t[start]
    for turn in range(1, int(rank.max()) + 1):  # all pixels' second events, all third ones, ...
        here = np.flatnonzero(rank == turn)
        is_late = t[here] - last[group[here]] >= refractory
        kept[order[here]] = is_late
        last[group[here[is_late]]] = t[here[is_late]]
    return kept


def _recorded_frames(
    recorder: _Recorder,
    images: np.ndarray,
    rngs: Sequence[np.random.Generator],
    timesteps: int,
    by: str,
) -> Iterator[np.ndarray]:
    sensor = recorder.sensor(images)
    for start in range(0, len(images), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        for events in recorder.record(images[some], rngs[some]):
            yield to_frames(events, sensor, timesteps, by=by, stop=recorder.duration)


def _checked_image(image: Any) -> np.ndarray:
    try:
        pixels = np.asarray(image, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"image must be numbers: {error}") from error
    if pixels.ndim != 2 or pixels.size == 0:
        raise ValueError(f"image must have shape (h, w), got {pixels.shape}")
    if not (pixels.min() >= 0.0 and pixels.max() <= 1.0):
        raise ValueError(
            f"image must have intensities in [0, 1], got [{pixels.min():g}, {pixels.max():g}]"
        )
    return pixels


def _checked_path(path: Any, margin: int) -> np.ndarray:
    corners = np.asarray(path, dtype=np.float64)
    if corners.ndim != 2 or corners.shape[1] != 2 or len(corners) < 2:
        raise ValueError(f"path must be two or more corners (x, y), got shape {corners.shape}")
    if not (np.abs(corners) <= margin).all():
        raise ValueError(
            f"path must stay within the margin of {margin} pixels, got {corners.tolist()}"
        )
    return corners
