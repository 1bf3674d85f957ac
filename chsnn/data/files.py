"""Where the files of data sets lie, and how missing ones are fetched."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path


def data_folder(name: str, root: str | Path | None = None) -> Path:
    """Return the folder of a data set's files.

    `root` itself if given; else the folder `name` in the one that the environment variable
    ``CHSNN_DATA`` names; else ``chsnn/name`` in the user's cache folder.
    """
    if root is not None:
        return Path(root)
    if os.environ.get("CHSNN_DATA"):
        return Path(os.environ["CHSNN_DATA"]) / name
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "chsnn" / name


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
    try:
        import pooch
    except ImportError as error:
        raise ValueError(
            "download needs the library pooch: pip install 'chsnn[data]', or put "
            f"{', '.join(sha256)} into {folder}"
        ) from error
    pooch.get_logger().setLevel("WARNING")
    for name, checksum in sha256.items():
        try:
            pooch.retrieve(
                url + name, f"sha256:{checksum}", fname=name, path=folder, progressbar=False
            )
        except ValueError as error:  # a wrong checksum; pooch keeps no such file
            raise ValueError(f"{url}{name} is not the file it should be: {error}") from error
        except Exception as error:  # whatever the transport raises
            raise FileNotFoundError(
                f"{url}{name} could not be fetched ({type(error).__name__}); put "
                f"{', '.join(sha256)} into {folder} by hand"
            ) from error
