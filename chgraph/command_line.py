"""What every command line of the project does alike: arguments in, one clear line on errors."""

from __future__ import annotations

import contextlib
import io
import json as json_module
import os
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

DISTRIBUTION = "chgraph"
_FRAME = "╭╮╰╯│─|+- "
_HELP = ("Argument helptext", "For full helptext", "Got errors")
INTERRUPTED = 130  # what a shell reports for a program ended by Ctrl-C


def parse_arguments(
    commands: Any, arguments: Sequence[str], *, program: str, description: str
) -> Any:
    """Return the command that the arguments ask for, built by tyro.

    Parameters
    ----------
    commands : type
        What ``tyro.cli`` takes: a union of annotated dataclasses, one per subcommand.
    arguments : sequence of str
        The command line without the program's name.
    program, description : str
        Shown by ``--help``, which ends the program here, as ``--version`` does.

    Raises
    ------
    ValueError
        If the arguments fit no command: tyro's framed message on one line.
    """
    if list(arguments) == ["--version"]:
        from importlib.metadata import version

        sys.stdout.write(f"{program} {version(DISTRIBUTION)}\n")
        raise SystemExit(0)
    import tyro  # not at the top: the commands start with this module, and at once

    messages = io.StringIO()
    try:
        with contextlib.redirect_stderr(messages):
            return tyro.cli(commands, args=arguments, prog=program, description=description)
    except SystemExit as stop:
        if stop.code in (0, None):
            raise
        message = one_line(messages.getvalue())
    raise ValueError(message or f"bad arguments; see {program} --help")


def one_line(box: str) -> str:
    """Return tyro's framed error message as one line, without title, frame and help text.

    Examples
    --------
    >>> one_line('''
    ... ╭─ Value error ────────────────────────────╮
    ... │ Error parsing --k: 'ten' is not an INT       │
    ... │ ──────────────────────────────────────── │
    ... │ For full helptext, see chgraph --help    │
    ... ╰──────────────────────────────────────────╯''')
    "Error parsing --k: 'ten' is not an INT"
    """
    sections: list[list[str]] = [[]]
    for line in box.strip().splitlines():
        words = line.strip("│| ")
        if not words.strip(_FRAME):  # a rule between two sections
            sections.append([])
        elif not words.startswith(("╭", "+")):  # the title
            sections[-1].append(words)
    message, *others = [section for section in sections if section] or [[]]
    text = " ".join(message)
    hints = [" ".join(lines[:2]) for lines in others if not lines[0].startswith(_HELP)]
    # A check inside a nested dataclass is reported under tyro's own name of that class.
    if text.startswith("Error parsing ") and not text.startswith("Error parsing -"):
        text = text.partition(": ")[2]
    return "; ".join([text, *hints])


def print_result(document: Any, text: str, *, json: bool) -> None:
    """Print the result of a command: the document as JSON, or the text for people.

    Raises
    ------
    OSError
        If it cannot be written, as where standard output is a file on a full disk.
    """
    try:
        sys.stdout.write((json_module.dumps(document, indent=2) if json else text) + "\n")
        sys.stdout.flush()
    except OSError as error:
        # What is left in the buffer would be written at the end, and fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if isinstance(error, BrokenPipeError):  # the reader has seen enough, as in "| head"
            return
        raise OSError(error.errno, error.strerror, "standard output") from error


def said(error: OSError) -> str:
    """Return an error of the file system in one line, with its file.

    Examples
    --------
    >>> said(FileNotFoundError(2, "No such file or directory", "links.csv"))
    'links.csv: no such file or directory'
    """
    if error.strerror is None:
        return str(error)
    names = [str(name) for name in (error.filename, error.filename2) if name is not None]
    return f"{' -> '.join(names)}: {error.strerror.lower()}" if names else error.strerror.lower()


def fail(program: str, message: str, code: int) -> NoReturn:
    """Print one line on stderr and end with the given exit status."""
    sys.stderr.write(f"{program}: {' '.join(message.split())}\n")
    raise SystemExit(code)
