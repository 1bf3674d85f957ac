"""The bytes of a file, unpacked where it is compressed: never more than a bound."""

from __future__ import annotations

import bz2
import gzip
import importlib
import io
import lzma
import re
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chgraph.extras import import_extra

_LEAST = 256 * 2**20  # a file may always unpack to this many bytes,
_TIMES = 100  # or to this many times its own size
_PIECE = 2**20
_ZSTD_PIECE = 2**9  # a block of 4 bytes unpacks to 128 KB at most
_MAGIC = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\xfd7zXZ\x00": "xz", b"\x28\xb5\x2f\xfd": "zstd"}
_PACKED = (".gz", ".bz2", ".xz", ".zst", ".zstd")
_MARK = b"\xef\xbb\xbf"
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True)
class Content:
    """What stands in a file, unpacked.

    Attributes
    ----------
    path : Path
    ending : str
        Of the name, in small letters, without the ending of a compression.
    data : bytes
    """

    path: Path
    ending: str
    data: bytes

    def error(self, reason: str) -> ValueError:
        """Return the error that names the file."""
        return ValueError(f"{self.path}: {reason}")

    def text(self) -> bytes:
        """Return the data as UTF-8 without byte-order marks.

        Raises
        ------
        ValueError
            If it holds NUL bytes: UTF-16 without a mark, or no text at all. A mark inside a
            line is refused too; at the start of a line it was left by joining files.
        """
        data = self.data
        if data.startswith(_WIDE_MARKS):
            try:
                data = data.decode("utf-16").encode()
            except UnicodeDecodeError as error:
                raise self.error(f"begins with the mark of UTF-16, but is none: {error}") from error
        data = data.removeprefix(_MARK)
        place = data.find(b"\0")
        if place >= 0:
            raise self.error(
                f"line {_line_at(data, place)}: a NUL byte; this is not text, or UTF-16 without "
                "its mark: save it as UTF-8"
            )
        if _MARK in data:
            data = re.sub(rb"(?<=[\r\n])" + _MARK, b"", data)
            place = data.find(_MARK)
            if place >= 0:
                raise self.error(f"line {_line_at(data, place)}: a byte-order mark inside a line")
        return data


def open_file(path: Path) -> Content:
    """Return the content of a file, unpacked if it is gzip, bz2, xz or zstd.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is a folder, is damaged, or unpacks to more than 256 MB and more than 100 times
        its size.
    ImportError
        If it is zstd and no library for it is there.
    """
    _check_file(path)
    data = path.read_bytes()
    name = path.name.lower()
    kind = _packing(data)
    packed = name.endswith(_PACKED)
    if kind is not None:
        try:
            data = _unpacked(_STREAMS[kind](io.BytesIO(data)), unpack_bound(len(data)))
        except ImportError:
            raise
        except Exception as error:  # zlib.error, lzma.LZMAError, OSError, EOFError, ZstdError
            raise ValueError(f"{path}: cannot be unpacked as {kind}: {error}") from error
    elif packed and data:
        raise ValueError(f"{path}: ends in {path.suffix}, but is not compressed so; rename it")
    return Content(
        path, Path(name.removesuffix(path.suffix.lower()) if packed else name).suffix, data
    )


def _check_file(path: Path) -> None:
    if not path.exists():
        raise FileNotFoundError(f"{path}: no such file")
    if path.is_dir():
        raise ValueError(
            f"{path}: is a folder, not a file; chgraph.open_graph opens the folder of a graph"
        )


def _packing(data: bytes) -> str | None:
    return next((kind for magic, kind in _MAGIC.items() if data.startswith(magic)), None)


def pieces_of_lines(path: Path, size: int, *, longest: int = 2**26) -> Iterator[bytes]:
    """Yield the lines of a file, unpacked, so many bytes at a time; a piece holds whole lines.

    Raises
    ------
    FileNotFoundError, ImportError
        As :func:`open_file`.
    ValueError
        If it is a folder, is damaged, or has a line of more than `longest` bytes.
    """
    _check_file(path)
    with path.open("rb") as file:
        kind = _packing(file.read(8))
        file.seek(0)
        stream = file if kind is None else _STREAMS[kind](file)
        rest = b""
        while piece := _read_piece(path, stream, kind, size):
            whole = rest + piece
            cut = max(whole.rfind(b"\n"), whole.rfind(b"\r") if b"\n" not in whole else -1) + 1
            rest = whole[cut:]
            if len(rest) > longest:
                raise ValueError(f"{path}: has a line of more than {longest:,} bytes")
            if cut:
                yield whole[:cut]
        if rest:
            yield rest


def _read_piece(path: Path, stream: Any, kind: str | None, size: int) -> bytes:
    try:
        piece: bytes = stream.read(size)
        return piece
    except Exception as error:  # zlib.error, lzma.LZMAError, OSError, EOFError, ZstdError
        what = "read" if kind is None else f"unpacked as {kind}"
        raise ValueError(f"{path}: cannot be {what}: {error}") from error


def unpack_bound(size: int) -> int:
    """Return to how many bytes a compressed file of the given size may unpack."""
    return max(_LEAST, _TIMES * size)


def _unpacked(stream: Any, bound: int) -> bytes:
    """Return what a stream holds, read piece by piece so that the bound holds for memory too."""
    whole = io.BytesIO()
    while piece := stream.read(_PIECE):
        whole.write(piece)
        if whole.tell() > bound:
            raise ValueError(
                f"it unpacks to more than {bound // 2**20:,} MB; if you trust it, unpack it first"
            )
    return whole.getvalue()


def _zstd(packed: io.BytesIO) -> Any:
    if sys.version_info >= (3, 14):
        return importlib.import_module("compression.zstd").ZstdFile(packed)
    return _ZstdStream(import_extra("zstandard", extra="zstd", used_by="a zstd file"), packed)


class _ZstdStream:
    """Frames one behind the other; the package's own stream says nothing of a cut one."""

    def __init__(self, library: Any, packed: io.BytesIO) -> None:
        self._library, self._packed = library, packed
        self._frame: Any = None

    def read(self, size: int) -> bytes:
        """Return some bytes, none at the end; as many as a few bytes of the file unpack to."""
        piece = b""
        while not piece:
            packed = self._packed.read(_ZSTD_PIECE)
            if not packed:
                if self._frame is not None:
                    raise EOFError("it ends too early")
                return b""
            if self._frame is None:
                self._frame = self._library.ZstdDecompressor().decompressobj()
            piece = self._frame.decompress(packed)
            if self._frame.eof:
                self._packed.seek(-len(self._frame.unused_data), io.SEEK_CUR)
                self._frame = None
        return piece


_STREAMS: dict[str, Callable[[Any], Any]] = {
    "gzip": lambda packed: gzip.GzipFile(fileobj=packed),
    "bz2": bz2.BZ2File,
    "xz": lzma.LZMAFile,
    "zstd": _zstd,
}


def _line_at(data: bytes, place: int) -> int:
    return len(data[: place + 1].splitlines())
