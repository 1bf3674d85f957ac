"""The notebooks are committed as they ran: with outputs, and nothing in them but results.

That they run is a test of its own: ``python -m pytest --nbmake notebooks``.
"""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
_MACHINE_PATH = re.compile(r"/(home|root|tmp|usr|work|Users)/|[A-Z]:\\\\|site-packages")


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request):
    return json.loads(request.param.read_text(encoding="utf-8"))


def code(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell["outputs"]]


def test_there_are_five_and_the_readme_names_them():
    names = [path.name for path in NOTEBOOKS]
    assert [name[:3] for name in names] == ["01_", "02_", "03_", "04_", "05_"]
    linked = re.findall(r"\(notebooks/([^)]*)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert sorted(linked) == names


def test_it_was_run_from_top_to_bottom(notebook):
    counts = [cell["execution_count"] for cell in code(notebook)]
    assert counts == list(range(1, len(counts) + 1))


def test_it_shows_results_and_pictures(notebook):
    pictures = [output for output in outputs(notebook) if "image/png" in output.get("data", {})]
    assert len(pictures) >= 5
    assert any("text/plain" in o.get("data", {}) or "text" in o for o in outputs(notebook))


def test_it_holds_no_noise(notebook):
    for output in outputs(notebook):
        assert output["output_type"] != "error"
        assert output.get("name") != "stderr", output["text"]
        kinds = set(output.get("data", {}))
        assert kinds <= {"text/plain", "text/html", "image/png"}, kinds
        words = {k: v for k, v in output.get("data", {}).items() if k != "image/png"}
        assert not _MACHINE_PATH.search(json.dumps([words, output.get("text", "")]))
    assert "widgets" not in notebook["metadata"]


def test_it_ends_with_what_was_learned(notebook):
    last = notebook["cells"][-1]
    assert last["cell_type"] == "markdown"
    assert "".join(last["source"]).startswith("## What was learned\n")
