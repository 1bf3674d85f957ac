"""Writing files so that one that exists is whole, and folders so that one process writes them."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

LOCK = ".lock"
_TEMPORARY = re.compile(r"\..+\.[a-z0-9_]{8}\.tmp")
# Names have at most 255 bytes nearly everywhere: a temporary one is no longer than its file's.
_KEPT_OF_A_NAME = 40
_FOR_ANOTHER = (errno.EACCES, errno.EAGAIN, errno.EDEADLK)
_PLACE_OF_LOCK = 2**30  # on Windows what is locked cannot be read: the number stands before it


class FolderInUse(ValueError):
    """Another process, or another part of this one, writes into the folder."""


def write_atomically(path: Path, content: bytes) -> Path:
    """Write to a temporary file beside `path`, flush it to disk, then rename it.

    Raises
    ------
    OSError
        If that cannot be done; with the name of the file. What was there before still is.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(
            dir=path.parent, prefix=f".{path.name[:_KEPT_OF_A_NAME]}.", suffix=".tmp"
        )
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            # mkstemp makes files private; a result is for everybody the folder is for.
            os.chmod(temporary, 0o666 & ~_umask())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
    except OSError as error:
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error
    return path


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def is_temporary(name: str) -> bool:
    """Whether a file name is one that :func:`write_atomically` gives a file before it is whole.

    Examples
    --------
    >>> is_temporary(".report.json.k3_x9f0a.tmp"), is_temporary("report.json")
    (True, False)
    """
    return _TEMPORARY.fullmatch(name) is not None


def remove_temporary(folder: Path) -> None:
    """Remove what a killed process left of files that it was writing into a folder.

    Only for the process that holds the :func:`folder_lock`: to others they may be new.
    """
    if folder.is_dir():
        for path in folder.iterdir():
            if is_temporary(path.name):
                path.unlink(missing_ok=True)


@contextlib.contextmanager
def folder_lock(folder: Path) -> Iterator[None]:
    """Be the only one to write into a folder, in the ``with`` block.

    The lock is one of the operating system on the file ``.lock``: it ends with the process,
    however that ends. A folder that is not there is made, and taken away again if it stays empty.
    Where a file system has no locks (some network drives) there is none.

    Parameters
    ----------
    folder : Path

    Raises
    ------
    FolderInUse
        If another process holds it; says which.
    OSError
        If the folder cannot be written.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder, folder_lock(Path(folder)):
    ...     [path.name for path in Path(folder).iterdir()]
    ['.lock']
    """
    is_new = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / LOCK
    handle = _locked(path)
    try:
        os.ftruncate(handle, 0)
        os.write(handle, f"{os.getpid()}\n".encode())
        yield
    finally:
        if sys.platform == "win32":  # where an open file cannot be removed
            os.close(handle)
            with contextlib.suppress(OSError):
                path.unlink()
        else:
            path.unlink(missing_ok=True)
            os.close(handle)
        if is_new:
            with contextlib.suppress(OSError):  # it is not empty
                folder.rmdir()


def _locked(path: Path) -> int:
    """Return the open file of a lock that nobody else has."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(handle)
            # One that was removed while it was waited for locks nothing.
            with contextlib.suppress(FileNotFoundError):
                if os.path.samestat(os.fstat(handle), os.stat(path)):
                    return handle
        except OSError as error:
            holder = _holder(handle)
            os.close(handle)
            if error.errno not in _FOR_ANOTHER:
                raise
            raise FolderInUse(
                f"{path.parent} is being written by {holder}; wait until it ends, or name another "
                "folder"
            ) from error
        os.close(handle)


def _lock(handle: int) -> None:
    if sys.platform == "win32":
        os.lseek(handle, _PLACE_OF_LOCK, os.SEEK_SET)
        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        os.lseek(handle, 0, os.SEEK_SET)
        return
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS):
            raise


def _holder(handle: int) -> str:
    os.lseek(handle, 0, os.SEEK_SET)
    number = os.read(handle, 32).decode(errors="replace").strip()
    return f"another process (pid {number})" if number.isdigit() else "another process"
