"""The command ``chsnn`` in a process that ends when the one which started it has ended.

``python -m chsnn.lab.tied resume runs/mine``: its input is a pipe whose other end the parent
holds open. However the parent ends (Ctrl-C, a signal, kill -9), the system closes that end, and
this process with it, at once: what it had finished is in its folder.
"""

from __future__ import annotations

import os
import sys
import threading

_ENDED = 143  # what a shell reports for a program ended by SIGTERM


def end_with_input() -> None:
    """Let this process end when its standard input does."""
    threading.Thread(target=_wait, name="end with input", daemon=True).start()


def _wait() -> None:
    while os.read(0, 4096):
        pass
    os._exit(_ENDED)


if __name__ == "__main__":
    end_with_input()
    from chsnn.lab.cli import main

    main(sys.argv[1:])
