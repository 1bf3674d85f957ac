"""What a campaign counts."""

from __future__ import annotations

import contextlib
import resource
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field

_KEPT = 20


@dataclass
class Count:
    """Trials of a campaign by how they ended.

    Attributes
    ----------
    name : str
    tried : int
    survived : int
        Went on to the right result.
    refused : int
        Ended with an error that the documentation names.
    failed : int
        Anything else: a wrong result, another error, too long, too much memory.
    failures : list of str
        The first of these, in words.
    """

    name: str
    tried: int = 0
    survived: int = 0
    refused: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)

    def survive(self) -> None:
        """Count a trial that went on to the right result."""
        self.tried += 1
        self.survived += 1

    def refuse(self) -> None:
        """Count a trial that was refused as documented."""
        self.tried += 1
        self.refused += 1

    def fail(self, what: str) -> None:
        """Count a trial that did neither."""
        self.tried += 1
        self.failed += 1
        if len(self.failures) < _KEPT:
            self.failures.append(what)

    def check(self, is_right: bool, what: str) -> None:
        """Count a trial by whether its result is right."""
        if is_right:
            self.survive()
        else:
            self.fail(what)

    def add(self, other: Count) -> None:
        """Add the trials of another part of the campaign."""
        self.tried += other.tried
        self.survived += other.survived
        self.refused += other.refused
        self.failed += other.failed
        self.failures += other.failures[: _KEPT - len(self.failures)]

    def __str__(self) -> str:
        line = (
            f"{self.name:<34}{self.tried:>9,} tried{self.survived:>9,} survived"
            f"{self.refused:>9,} refused{self.failed:>6,} failed"
        )
        return "\n".join([line, *(f"    {what}" for what in self.failures)])


class TooLong(BaseException):
    """A trial took longer than it may; no handler of errors takes it for its own."""


@contextlib.contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Raise TooLong if the ``with`` block takes more seconds of this process."""

    def end(*_: object) -> None:
        raise TooLong(f"more than {seconds} s")

    before = signal.signal(signal.SIGPROF, end)
    signal.setitimer(signal.ITIMER_PROF, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def limit_memory(gigabytes: float) -> None:
    """Let this process take so much address space beside what it has, for good."""
    with open("/proc/self/statm") as file:
        now = int(file.read().split()[0]) * resource.getpagesize()
    limit = now + int(gigabytes * 2**30)
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
