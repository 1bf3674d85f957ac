"""The Python examples of README and guides run, page by page, and print what is said they print."""

import contextlib
import io
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted(ROOT.glob("docs/**/*.md"))]
WITH_EXAMPLES = [page for page in PAGES if "```python" in page.read_text(encoding="utf-8")]
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


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=lambda page: page.name)
def test_the_examples_run_and_print_what_is_said(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # for the files that they write
    text = page.read_text(encoding="utf-8")
    assert blocks(text)
    assert run(text) == []


def test_the_first_page_and_the_guide_to_ones_own_model_have_examples():
    for page in (README, ROOT / "docs/guide/own-model.md"):
        assert page in WITH_EXAMPLES
        assert len(blocks(page.read_text(encoding="utf-8"))) >= 3


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_what_is_linked_to_is_there(page):
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.S | re.M)
    links = re.findall(r"\]\(([^)#]+)\)", prose)
    here = [link for link in links if not link.startswith("http")]
    assert [link for link in here if not (page.parent / link).exists()] == []


def test_the_command_for_ones_own_file_says_what_python_says(tmp_path):
    text = README.read_text(encoding="utf-8")
    command = re.search(r"`chgraph (predict links\.csv --k \d+)`", text)
    code, said = next(block for block in blocks(text) if "links.csv" in block[0])
    written = code[: code.index("print")]
    (tmp_path / "write.py").write_text(written, encoding="utf-8")
    for program in (["write.py"], ["-m", "chgraph.cli", *command[1].split()]):
        done = subprocess.run(
            [sys.executable, *program], cwd=tmp_path, capture_output=True, text=True, check=True
        )
    best = said.split("\n")[2].split()
    assert best[0] in done.stdout
    assert best[1] in done.stdout


def test_the_readme_is_one_page():
    assert len(README.read_text(encoding="utf-8").splitlines()) <= 150


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
