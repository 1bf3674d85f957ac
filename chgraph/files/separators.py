"""What stands between the fields of a line: tab, semicolon, comma, white space, or two of them."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from chgraph.files.words import is_integer, is_number

_MARKS = ("\t", ";", ",")
_WHITE = re.compile(r"[ \t\v\f]+")


@dataclass(frozen=True)
class Separator:
    """What stands between fields.

    Attributes
    ----------
    mark : str or None
        Tab, semicolon or comma; None: white space.
    mixed : bool
        White space separates fields as well as the mark.
    """

    mark: str | None = None
    mixed: bool = False

    @property
    def white(self) -> bool:
        """Whether fields stand between white space of any kind and nothing else."""
        return self.mark is None or (self.mixed and self.mark == "\t")

    def split(self, text: str) -> list[str]:
        """Return the fields of a line; a no-break space is a part of a name."""
        text = fold_data(text)
        if '"' in text:
            return self._split_quoted(text)
        if self.white:
            return [field.strip() for field in _WHITE.split(text.strip(" \t\v\f"))]
        assert self.mark is not None
        if self.mixed:
            return re.split(rf"\s*{self.mark}\s*|\s+", text.strip())
        return [field.strip() for field in text.split(self.mark)]

    def _split_quoted(self, text: str) -> list[str]:
        if self.white or self.mixed:
            white = text if self.mark is None else text.replace(self.mark, " ")
            text, mark = _WHITE.sub(" ", white.strip(" \t\v\f")), " "
        else:
            assert self.mark is not None
            mark = self.mark
        reader = csv.reader([text], delimiter=mark, skipinitialspace=True, strict=True)
        return [field.strip() for field in next(reader)]


def find_separator(sample: Sequence[str]) -> tuple[Separator, str]:
    """Return what separates the fields of the first lines, and a remark where it may be another.

    The first of tab, semicolon and comma that more than half of the lines hold, else white
    space. White space as well if a mark alone would leave it inside a name in every line, and
    all that follows the first two words of a line are numbers: ``"1 1\\t5"``, ``"a\\tb 0.5"``.

    Examples
    --------
    >>> find_separator(["1 1\\t5", "2 1\\t4"])[0]
    Separator(mark='\\t', mixed=True)
    >>> find_separator(["Mus musculus,cat", "cat,Felis catus"])[0]
    Separator(mark=',', mixed=False)
    >>> find_separator(["a b 0,5", "b c 0,25"])[0]
    Separator(mark=None, mixed=False)
    """
    texts = [fold_data(text) for text in sample]
    mark = next((m for m in _MARKS if 2 * sum(m in text for text in texts) > len(texts)), None)
    plain = Separator(mark)
    if mark is None or any('"' in text for text in texts):
        return plain, ""
    rows = [plain.split(text) for text in texts]
    for other in (Separator(), Separator(mark, mixed=True)):
        split = [other.split(text) for text in texts]
        verdict = _mixed(rows, split)
        if mark != "\t" and any(mark in field for row in split for field in row[:2]):
            verdict = "no"  # the mark separates what white space would leave together
        if other.mixed and any(_WHITE.search(row[0]) for row in rows):
            verdict = "no"
        if verdict == "yes":
            return (Separator(mark, mixed=True) if mark == "\t" else other), ""
        if verdict == "perhaps":
            name = next(field for field in rows[0][:2] if _WHITE.search(field))
            named = {"\t": "tabs", ";": "semicolons", ",": "commas"}[mark]
            return plain, f"fields stand between {named}, so that {name!r} is one name"
    return plain, ""


def _mixed(rows: Sequence[list[str]], split: Sequence[list[str]]) -> str:
    """Return "yes", "no" or "perhaps": whether the finer way to split lines is what is meant."""
    widths = {len(row) for row in rows}
    first = len(split[0])
    finer = len(widths) == 1 and first > max(2, *widths) and {len(row) for row in split} == {first}
    blank = all(any(_WHITE.search(field) for field in row[:2]) for row in rows)
    if not (finer and blank):
        return "no"
    # The first line may name the columns.
    body = split[1:] if len(split) > 1 and not _is_value(split[0][-1]) else split
    if not all(_is_value(field) for row in body for field in row[2:]):
        return "no"
    if all(is_integer(field) for row in body for field in row[:2]):
        return "yes"
    if max(widths) > 2:
        return "no"
    fraction = any(not is_integer(field) for row in body for field in row[2:])
    if fraction:
        return "yes"
    return "perhaps" if len(rows) > 1 else "no"


def _is_value(field: str) -> bool:
    """Whether a field is a number, with a decimal comma as well."""
    return is_number(field) or is_number(field.replace(",", ".", 1))


def fold_data(text: str) -> str:
    """Shorten the dictionary with which networkx ends the lines of its edge lists."""
    if not text.endswith("}") or "{" not in text:
        return text
    start = text.index("{")
    return text[:start] + ("{}" if text[start:] == "{}" else "{...}")
