"""Recordings of events in files: read and binned as they are asked for, frames kept on disk."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from chgraph.checks import check_choice, check_positive_int
from chsnn.data.datasets import Samples
from chsnn.data.events import BINNINGS, Sensor, pooled_sensor, to_frames
from chsnn.data.files import cache_folder

# Frames of a split that is held in memory: more is read as it is asked for.
IN_MEMORY = 1 << 30
_SPLIT_SEED = 20251107


@dataclass(frozen=True, kw_only=True)
class Frames:
    """How recordings become frames; see :func:`chsnn.data.to_frames`.

    Raises
    ------
    ValueError
        If a value is out of range.

    Examples
    --------
    >>> import chsnn
    >>> chsnn.data.Frames(timesteps=10, by="count", binary=True)
    Frames(timesteps=10, by='count', stop=None, pool=1, binary=True)
    """

    timesteps: int = 8
    """Frames of a recording."""
    by: str = "time"
    """Whether frames are equally long ("time") or have equally many events ("count")."""
    stop: int | None = None
    """Microseconds of a recording that are used; all if left out."""
    pool: int = 1
    """Side of the squares of pixels that are counted together."""
    binary: bool = False
    """Whether a pixel of a frame says only that it had an event, and so is a spike."""

    def __post_init__(self) -> None:
        check_positive_int("timesteps", self.timesteps)
        check_positive_int("pool", self.pool)
        check_choice("by", self.by, BINNINGS)
        if not isinstance(self.binary, bool):
            raise TypeError(f"binary must be true or false, got {self.binary!r}")
        if self.stop is not None:
            check_positive_int("stop", self.stop)

    def of(self, events: np.ndarray, sensor: Sensor) -> np.ndarray:
        """Return the frames of a recording, float32 (timesteps, 2, rows, columns)."""
        return to_frames(events, sensor, **asdict(self))


@dataclass(frozen=True)
class Recording:
    """A part of a file with events of one class: all of it, or from `start` to `stop`."""

    path: Path
    label: int
    start: int | None = None
    stop: int | None = None


class Recordings(Dataset[tuple[Tensor, int]]):
    """Recordings of one split, as frames: a torch Dataset for a DataLoader's workers too.

    Frames that were made once are kept as files, named by the recording's bytes and the settings;
    workers may share the folder. A file of frames that is damaged is made again.

    Parameters
    ----------
    recordings : sequence of Recording
    read : callable
        Takes a Recording, returns its events.
    sensor : (int, int)
        Rows and columns.
    frames : Frames
    cache : Path, optional
        Folder of the frames; none are kept without.

    Notes
    -----
    :meth:`collate` makes batches time first, [T, B, 2, rows, columns], as models read them: give it
    to a DataLoader of one's own as ``collate_fn``.

    Examples
    --------
    >>> import numpy as np
    >>> from pathlib import Path
    >>> import chsnn
    >>> def read(recording):
    ...     return np.array([(0, 1, 0, 1), (40, 3, 2, 0)], dtype=chsnn.data.EVENT)
    >>> one = [Recording(Path("wave.bin"), label=3)]
    >>> recordings = Recordings(one, read, (4, 4), Frames(timesteps=2))
    >>> frames, label = recordings[0]
    >>> frames.shape, label
    (torch.Size([2, 2, 4, 4]), 3)
    """

    over_time = True

    def __init__(
        self,
        recordings: Sequence[Recording],
        read: Callable[[Recording], np.ndarray],
        sensor: Sensor,
        frames: Frames,
        *,
        cache: Path | None = None,
    ) -> None:
        self.recordings = tuple(recordings)
        self.sensor, self.frames, self.cache = sensor, frames, cache
        self._read = read

    def __len__(self) -> int:
        """Number of recordings."""
        return len(self.recordings)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        """Return frames, float32 (T, 2, rows, columns), and class of a recording."""
        recording = self.recordings[index]
        return torch.from_numpy(self._frames_of(recording)), recording.label

    def events(self, index: int) -> np.ndarray:
        """Return the events of a recording, an array of :data:`chsnn.data.EVENT`."""
        return self._read(self.recordings[index])

    def first(self, n: int) -> Recordings:
        """Return the same with the first `n` recordings only."""
        some = self.recordings[:n]
        return Recordings(some, self._read, self.sensor, self.frames, cache=self.cache)

    @property
    def n_bytes(self) -> int:
        """Memory that the frames of all recordings take."""
        rows, columns = pooled_sensor(self.sensor, self.frames.pool)
        return len(self) * self.frames.timesteps * 2 * rows * columns * 4

    def held(self) -> Samples | Recordings:
        """Return all frames in memory if they take at most a gigabyte, else these recordings."""
        if self.n_bytes > IN_MEMORY or not len(self):
            return self
        pairs = [self[i] for i in range(len(self))]
        images = torch.stack([frames for frames, _ in pairs])
        return Samples(images, [label for _, label in pairs], over_time=True)

    @staticmethod
    def collate(pairs: Sequence[tuple[Tensor, int]]) -> tuple[Tensor, Tensor]:
        """Return a batch, time first: frames [T, B, 2, rows, columns] and classes (B,)."""
        frames = torch.stack([frames for frames, _ in pairs], dim=1)
        return frames, torch.tensor([label for _, label in pairs])

    def _frames_of(self, recording: Recording) -> np.ndarray:
        if self.cache is None:
            return self.frames.of(self._read(recording), self.sensor)
        path = self.cache / f"{self._key(recording)}.npy"
        rows, columns = pooled_sensor(self.sensor, self.frames.pool)
        kept = _kept(path, (self.frames.timesteps, 2, rows, columns))
        if kept is None:
            kept = self.frames.of(self._read(recording), self.sensor)
            _keep(path, kept)
        return kept

    def _key(self, recording: Recording) -> str:
        """Return what tells these frames from others: the bytes and all settings."""
        said = {**asdict(self.frames), "sensor": self.sensor}
        said |= {"start": recording.start, "stop of recording": recording.stop}
        digest = hashlib.blake2b(json.dumps(said, sort_keys=True).encode(), digest_size=16)
        with recording.path.open("rb") as file:
            while chunk := file.read(1 << 20):
                digest.update(chunk)
        return digest.hexdigest()


def _kept(path: Path, shape: tuple[int, ...]) -> np.ndarray | None:
    """Return frames from a file, None if it is not there or not whole."""
    try:
        frames = np.load(path, allow_pickle=False)
    except (OSError, ValueError, EOFError):
        return None
    return frames if frames.shape == shape and frames.dtype == np.float32 else None


def _keep(path: Path, frames: np.ndarray) -> None:
    """Write frames to a file, whole or not at all; a folder that cannot be written keeps none."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
            np.save(file, frames, allow_pickle=False)
        os.replace(file.name, path)
    except OSError:
        return


def held_out(
    recordings: Sequence[Recording], share: int
) -> tuple[list[Recording], list[Recording]]:
    """Return recordings without one in so many, drawn with a fixed seed, and these."""
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(recordings))
    n = len(recordings) // share
    return [recordings[i] for i in order[n:]], [recordings[i] for i in order[:n]]


def parts_of(
    splits: Mapping[str, Sequence[Recording]],
    read: Callable[[Recording], np.ndarray],
    sensor: Sensor,
    frames: Frames,
) -> dict[str, Any]:
    """Return the parts of a data set by name, in memory where they fit.

    Their frames are kept in the user's cache folder.
    """
    cache = cache_folder() / "frames"
    return {
        name: Recordings(recordings, read, sensor, frames, cache=cache).held()
        for name, recordings in splits.items()
    }
