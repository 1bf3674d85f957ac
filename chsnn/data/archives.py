"""Archives of data sets: fetched when asked for, and unpacked without leaving their folder."""

from __future__ import annotations

import tarfile
import tempfile
from pathlib import Path

from chsnn.data.files import fetcher


def fetch_archive(url: str, checksum: str, folder: Path, *, inside: str) -> None:
    """Fetch a tar archive, check it, and put the files of one of its folders into a folder.

    Parameters
    ----------
    url : str
    checksum : str
        "algorithm:digest" of the archive.
    folder : Path
        Made if need be; the files appear in it when all of them have been unpacked.
    inside : str
        Folder in the archive.

    Raises
    ------
    ValueError
        If the library that fetches is not installed, or the archive is not the expected one.
    FileNotFoundError
        If it cannot be fetched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    archive = fetcher(folder, [url])(url, checksum)
    with tempfile.TemporaryDirectory(dir=folder) as place:
        try:
            with tarfile.open(archive) as tar:
                tar.extractall(place, filter="data")  # refuses paths that lead elsewhere
        except (tarfile.TarError, EOFError) as error:
            raise ValueError(f"{archive} cannot be unpacked: {error}") from error
        unpacked = Path(place) / inside
        if not unpacked.is_dir():
            raise ValueError(f"{archive} has no folder {inside}")
        for path in sorted(unpacked.iterdir()):
            path.replace(folder / path.name)
