"""The two file formats of event cameras that published recordings come in: AEDAT 2.0 and 3.1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chsnn.data.events import EVENT

_LONGEST_LINE = 1 << 16  # of a header
_HEADER = np.dtype(
    [
        ("type", "<u2"),
        ("source", "<u2"),
        ("size", "<u4"),
        ("offset", "<u4"),
        ("overflow", "<u4"),
        ("capacity", "<u4"),
        ("number", "<u4"),
        ("valid", "<u4"),
    ]
)
_POLARITY_TYPE = 1
_POLARITY_EVENT = np.dtype([("data", "<u4"), ("t", "<i4")])
_OVERFLOW_US = 1 << 31


def read_aedat2(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Return addresses and times of an AEDAT 2.0 file, both uint32, in the order they came.

    A header of lines that begin with ``#``, then pairs of big-endian 32-bit numbers.

    Raises
    ------
    ValueError
        If it is another format or the file is cut off: says where.
    """
    content = path.read_bytes()
    start = _after_header(content, path, b"#!AER-DAT2.0")
    size = len(content) - start
    if size <= 0 or size % 8:
        raise ValueError(
            f"{path} must hold events of 8 bytes, at least one; the one at byte "
            f"{start + size - size % 8} is cut off"
        )
    pairs = np.frombuffer(content, ">u4", offset=start).reshape(-1, 2).astype(np.uint32)
    return pairs[:, 0], pairs[:, 1]


def read_aedat3(path: Path) -> np.ndarray:
    """Return the valid polarity events of an AEDAT 3.1 file, as :data:`chsnn.data.EVENT`.

    A header of lines up to ``#!END-HEADER``, then packets: a header of 28 bytes that says how many
    events follow, of which kind and size. Packets of other kinds are passed over.

    Raises
    ------
    ValueError
        If it is another format, or a packet says what cannot be: says where.
    """
    content = path.read_bytes()
    place = _after_header(content, path, b"#!AER-DAT3.1")
    found = []
    while place < len(content):
        place, events = _packet(content, place, path)
        if events is not None:
            found.append(events)
    return np.concatenate(found) if found else np.empty(0, EVENT)


def _packet(content: bytes, place: int, path: Path) -> tuple[int, np.ndarray | None]:
    """Return where a packet ends, and its events if they are polarities."""
    if len(content) - place < _HEADER.itemsize:
        raise ValueError(f"{path}: the packet at byte {place} is cut off")
    header = np.frombuffer(content, _HEADER, count=1, offset=place)[0]
    start = place + _HEADER.itemsize
    end = start + int(header["number"]) * int(header["size"])
    if end > len(content):
        raise ValueError(
            f"{path}: the packet at byte {place} says it has {header['number']} events of "
            f"{header['size']} bytes, and {len(content) - start} bytes are left"
        )
    if header["type"] != _POLARITY_TYPE:
        return end, None
    if header["size"] != _POLARITY_EVENT.itemsize:
        raise ValueError(
            f"{path}: the packet at byte {place} has polarity events of {header['size']} bytes, "
            f"they must have {_POLARITY_EVENT.itemsize}"
        )
    raw = np.frombuffer(content, _POLARITY_EVENT, count=int(header["number"]), offset=start)
    raw = raw[raw["data"] & 1 == 1]  # the others are not valid
    events = np.empty(len(raw), EVENT)
    events["t"] = raw["t"].astype(np.int64) + int(header["overflow"]) * _OVERFLOW_US
    events["x"], events["y"] = raw["data"] >> 17 & 0x7FFF, raw["data"] >> 2 & 0x7FFF
    events["p"] = raw["data"] >> 1 & 1
    return end, events


def _after_header(content: bytes, path: Path, version: bytes) -> int:
    """Return where the lines of a header end, or raise if they are not of a version."""
    if not content.startswith(version):
        raise ValueError(
            f"{path} must begin with {version.decode()} as AEDAT files of that version do, got "
            f"{content[: len(version)]!r} at byte 0"
        )
    place = 0
    while content[place : place + 1] == b"#":
        end = content.find(b"\n", place, place + _LONGEST_LINE)
        if end < 0:
            raise ValueError(f"{path}: the line of the header at byte {place} has no end")
        line, place = content[place:end], end + 1
        if line.startswith(b"#!END-HEADER"):
            break
    return place
