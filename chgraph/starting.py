"""Where the two commands begin: their imports take seconds, in which Ctrl-C is one line as well.

Both begin here because the base of the distribution has both, also where ``import chsnn`` fails
for want of its extra.
"""

from __future__ import annotations

import os
import signal
import sys
from importlib import import_module
from typing import NoReturn

from chgraph.command_line import INTERRUPTED, fail


def chgraph_command() -> None:
    """Start the command ``chgraph``."""
    _start("chgraph", "chgraph.cli")


def chsnn_command() -> None:
    """Start the command ``chsnn``, which the base of the distribution has as well.

    Exits with 2 and one line where its extra is not installed.
    """
    _start("chsnn", "chsnn.lab.cli")


def _start(program: str, module: str) -> None:
    """Import a command, which takes seconds, and run it; Ctrl-C is one line from the start."""
    interrupt = signal.getsignal(signal.SIGINT)
    is_default = interrupt is signal.default_int_handler
    if is_default:
        # Not an exception: libraries that are half imported catch it, or print what they like.
        signal.signal(signal.SIGINT, lambda *_: _end_at_once(program))
    try:
        command = import_module(module)
        if is_default:
            signal.signal(signal.SIGINT, interrupt)
        command.main()
    except ImportError as error:
        fail(program, str(error), 2)
    except KeyboardInterrupt:
        fail(program, "interrupted", INTERRUPTED)


def _end_at_once(program: str) -> NoReturn:
    sys.stderr.write(f"{program}: interrupted\n")
    sys.stderr.flush()
    os._exit(INTERRUPTED)
