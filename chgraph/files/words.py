"""What single fields of a text file are: numbers, nothing, names of columns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_INTEGER = re.compile(r"0|-?[1-9]\d{0,17}", re.ASCII)
_NUMBER = re.compile(r"[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?", re.ASCII | re.IGNORECASE)
_NUMBER_LETTERS = str.maketrans("", "", "0123456789.+-eE")
_LONGEST = 100  # letters in the name of a column
_MISSING = {"", "na", "n/a", "nan", "none", "null", "nil", "."}

_ONE_KIND = ("node", "vertex", "id", "name", "protein", "gene", "interactor", "officialsymbol")
_COLUMN_PAIRS = {
    *(("source", "target"), ("from", "to"), ("left", "right"), ("src", "dst"), ("start", "end")),
    *(("head", "tail"), ("tail", "head"), ("u", "v"), ("i", "j"), ("src", "dest")),
    *(("sender", "receiver"), ("sender", "recipient"), ("origin", "destination")),
    *(("orig", "dest"), ("ego", "alter"), ("follower", "followee"), ("citing", "cited")),
    *(("caller", "callee"), ("parent", "child"), ("predator", "prey"), ("bait", "prey")),
    *(("host", "parasite"), ("plant", "pollinator"), ("pollinator", "plant")),
    *(("user", "item"), ("user", "product"), ("user", "movie"), ("customer", "product")),
    *(("author", "paper"), ("actor", "movie"), ("person", "group"), ("member", "group")),
    *(("drug", "target"), ("drug", "protein"), ("drug", "gene"), ("drug", "disease")),
    *(("gene", "disease"), ("disease", "gene"), ("tf", "target"), ("tf", "gene")),
    *(("regulator", "target"), ("mirna", "gene"), ("mirna", "target"), ("ligand", "receptor")),
    *(("gene", "partner"), ("protein", "partner")),
    *(
        (f"{what}{one}", f"{what}{two}")
        for what in _ONE_KIND
        for one, two in ("12", "ab", "ij", "xy")
    ),
}


def is_integer(text: str) -> bool:
    """Whether a field is an integer as Python writes it."""
    return _INTEGER.fullmatch(text) is not None


def are_integers(fields: Iterable[str]) -> bool:
    """Whether all fields are integers as Python writes them."""
    return all(map(_INTEGER.fullmatch, fields))


def is_number(text: str) -> bool:
    """Whether a field is a number."""
    return _NUMBER.fullmatch(text) is not None


def are_numbers(fields: Sequence[str]) -> bool:
    """Whether all fields are numbers; as `is_number`, for many at once."""
    if "".join(fields).translate(_NUMBER_LETTERS):
        return False
    try:
        for _ in map(float, fields):
            pass
    except ValueError:
        return False
    return True


def is_missing(text: str) -> bool:
    """Whether a field says that there is no value."""
    return text.lower() in _MISSING


def may_name_numbers(field: str) -> bool:
    """Whether a field can be the name of a column of numbers."""
    return field[:1].isalpha() and not is_missing(field)


def is_column_pair(first: str, second: str) -> bool:
    """Whether two fields are a usual pair of names for the columns of a list of links.

    Examples
    --------
    >>> is_column_pair("FromNodeId", "ToNodeId"), is_column_pair("a", "b")
    (True, False)
    """
    if len(first) > _LONGEST or len(second) > _LONGEST:
        return False
    return (_column_word(first), _column_word(second)) in _COLUMN_PAIRS


def looks_like_a_column(field: str) -> bool:
    """Whether a field can be the name of a column: begins with a letter, is not one."""
    return 1 < len(field) <= _LONGEST and re.fullmatch(r"[^\W\d_][\w .-]*", field) is not None


def _column_word(name: str) -> str:
    """Return the name of a column in small letters, without marks and "id" or "node" behind."""
    letters = re.sub(r"[\W_]+", "", name.lower())
    while (shorter := re.sub(r"(?<=.)(id|node|name)$", "", letters)) != letters:
        letters = shorter
    return letters
