"""Where the files of data sets lie, and how missing ones are fetched."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def data_folder(names: str | Sequence[str], root: str | Path | None = None) -> Path:
    """Return the folder of a data set's files.

    `root` itself if given; else the folder of one of the `names` (the first that exists) in the
    one that the environment variable ``CHSNN_DATA`` names; else in ``chsnn`` in the user's cache
    folder.
    """
    if root is not None:
        return Path(root)
    place = Path(os.environ.get("CHSNN_DATA") or cache_folder())
    folders = [place / name for name in ((names,) if isinstance(names, str) else names)]
    return next((folder for folder in folders if folder.is_dir()), folders[0])


def cache_folder() -> Path:
    """Return the folder ``chsnn`` in the user's cache folder."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chsnn"


def fetch(sha256: Mapping[str, str], url: str, folder: Path) -> None:
    """Fetch files into a folder and check them.

    Parameters
    ----------
    sha256 : mapping of str to str
        Checksum of each file, by name.
    url : str
        What comes before the names.
    folder : Path
        Made if need be. A file appears in it only when it is whole and right.

    Raises
    ------
    ValueError
        If the library that fetches is not installed, or a file is not the expected one.
    FileNotFoundError
        If a file cannot be fetched; says what to put where instead.
    """
    if not sha256:
        return
    fetch_one = fetcher(folder, list(sha256))
    for name, checksum in sha256.items():
        fetch_one(url + name, f"sha256:{checksum}")


def check_files(sha256: Mapping[str, str], folder: Path) -> None:
    """Raise ValueError at a file in a folder that has not the checksum it is to have.

    Parameters
    ----------
    sha256 : mapping of str to str
        Checksum of each file, by name.
    folder : Path
    """
    for name, checksum in sha256.items():
        with (folder / name).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()
        if found != checksum:
            raise ValueError(
                f"{folder / name} is not the file it should be: its SHA-256 is {found}, not "
                f"{checksum}; remove it to fetch it, or leave the download out to read it as it is"
            )


def fetcher(folder: Path, wanted: Sequence[str]) -> Callable[[str, str], Path]:
    """Return what fetches a file (address, checksum) into a folder and returns its path.

    Parameters
    ----------
    folder : Path
    wanted : sequence of str
        What is to be put there by hand where it cannot be fetched.

    Raises
    ------
    ValueError
        If the library that fetches is not installed.
    """
    listed = ", ".join(wanted)
    try:
        import pooch
    except ImportError as error:
        raise ValueError(
            'download needs the library pooch: pip install "chgraph[data]", or put '
            f"{listed} into {folder}"
        ) from error
    pooch.get_logger().setLevel("WARNING")

    def fetch_one(address: str, checksum: str) -> Path:
        name = address.rpartition("/")[2]
        try:
            path = pooch.retrieve(address, checksum, fname=name, path=folder, progressbar=False)
        except ValueError as error:  # a wrong checksum; pooch keeps no such file
            raise ValueError(f"{address} is not the file it should be: {error}") from error
        except Exception as error:  # whatever the transport raises
            raise FileNotFoundError(
                f"{address} could not be fetched ({type(error).__name__}); put "
                f"{listed} into {folder} by hand"
            ) from error
        return Path(path)

    return fetch_one
