"""The README's Python examples run, one after the other, and print what it says they print."""

import contextlib
import io
import re
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
# A python block, and the block without a language after it, if nothing else is between.
_BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\s*^```\n(.*?)^```$)?", re.S | re.M)


def blocks(text):
    """(code, what it is said to print, or None) of every Python example."""
    return [(code, printed or None) for code, printed in _BLOCK.findall(text)]


def fits(printed, said):
    """Whether a text is what is said of it: "..." stands for anything, white space for itself."""
    parts = (re.escape(" ".join(part.split())) for part in said.split("..."))
    return re.fullmatch(r"\s?.*?\s?".join(parts), " ".join(printed.split()), re.S) is not None


def run(text):
    """Run all examples in one namespace; return what does not come out as it is said to."""
    scope, wrong = {}, []
    for code, said in blocks(text):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, str(README), "exec"), scope)
        if said is not None and not fits(printed.getvalue(), said):
            wrong.append((code, said, printed.getvalue()))
    return wrong


def test_the_examples_run_and_print_what_is_said():
    text = README.read_text(encoding="utf-8")
    assert len(blocks(text)) >= 3
    assert run(text) == []


def test_at_least_one_example_says_what_it_prints():
    assert any(said for _, said in blocks(README.read_text(encoding="utf-8")))


EXAMPLE = """Text.
```python
print(6 * 7, 0.123)
```
```
{}
```
"""


@pytest.mark.parametrize("said", ["42 0.123", "42 ...", "42   0.123", "... 0.123"])
def test_what_is_right_passes(said):
    assert run(EXAMPLE.format(said)) == []


@pytest.mark.parametrize("said", ["41 0.123", "42", "42 0.124", "43 ...", ""])
def test_what_is_wrong_is_found(said):
    assert len(run(EXAMPLE.format(said))) == 1


def test_the_pictures_exist():
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text(encoding="utf-8"))
    assert pictures
    assert all((README.parent / picture).is_file() for picture in pictures)
