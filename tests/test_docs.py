"""The documentation: an example for every public object, links that lead somewhere, pictures."""

import importlib.util
import inspect
import re
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [
    *ROOT.glob("*.md"),
    *ROOT.glob("docs/**/*.md"),
    *ROOT.glob("analysis/results/**/*.md"),
    *ROOT.glob(".github/**/*.md"),
]
PAGES = sorted(page for page in PAGES if not {"_build", "rooms"} & set(page.parts))


def _reference_pages():
    path = ROOT / "docs/reference_pages.py"
    spec = importlib.util.spec_from_file_location("reference_pages", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


reference = _reference_pages()
OBJECTS = reference.public_objects()


# ------------------------------------------------------------------------ public objects


def test_every_public_object_has_an_example():
    assert len(OBJECTS) > 200
    documented = {name: obj for name, obj in OBJECTS.items() if callable(obj)}
    without = [name for name, obj in documented.items() if ">>>" not in (inspect.getdoc(obj) or "")]
    assert [name for name in without if reference._kind(OBJECTS[name]) != "Constants"] == []


def test_what_is_exported_at_the_top_is_documented_there():
    for package in ("chgraph", "chsnn"):
        module = sys.modules[package]
        for name in module.__all__:
            value = getattr(module, name)
            if not inspect.ismodule(value) and not name.startswith("_"):
                assert OBJECTS[f"{package}.{name}"] is value


def test_every_room_stands_in_the_reference():
    page = (ROOT / "docs/reference/index.md").read_text(encoding="utf-8")
    assert re.findall(r"^rooms/(\S+)$", page, re.M) == reference.rooms()


def test_a_page_lists_functions_classes_and_constants(tmp_path):
    reference.write(tmp_path)
    text = (tmp_path / "rooms/chgraph.rewiring.rst").read_text(encoding="utf-8")
    assert text.index("Functions") < text.index("regrow_links") < text.index("Classes")
    assert text.index("Classes") < text.index("Wiring") < text.index(".. py:data:: SAMPLINGS")
    assert "automodule:: chgraph.rewiring" in text


# ----------------------------------------------------------------------------- citations


@pytest.mark.parametrize("package", ["chgraph", "chsnn", "tests", "analysis", "docs"])
def test_nothing_cites_a_page_that_is_not_in_the_repository(package):
    cited = re.compile(r"(?<![\w/])([\w/.-]+\.md)\b")
    missing = []
    for path in [*ROOT.glob(f"{package}/**/*.py"), *ROOT.glob(f"{package}/**/*.md")]:
        if path == Path(__file__) or {"_build", "rooms"} & set(path.parts):
            continue
        for name in cited.findall(path.read_text(encoding="utf-8")):
            known = [path.parent / name, ROOT / name, *ROOT.glob(f"docs/**/{Path(name).name}")]
            known += ROOT.glob(f"analysis/results/**/{Path(name).name}")
            if not any(place.exists() for place in known):
                missing.append(f"{path.relative_to(ROOT)}: {name}")
    # Programs write it, or it stands for any name.
    written = {"comparison.md", "NAME.md", "some.md", "page.md"}
    assert [line for line in missing if line.rpartition(" ")[2] not in written] == []


# --------------------------------------------------------------------------------- links


def anchors(text):
    """Return the anchors of a page's headings, as GitHub and the site make them."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.S | re.M)
    found = set()
    for title in re.findall(r"^#+ (.+)$", prose, re.M):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).replace("`", "").strip().lower()
        found.add(re.sub(r"[^\w\- ]", "", plain).replace(" ", "-"))
    return found | set(re.findall(r"^\(([\w-]+)\)=$", prose, re.M))


def dead_links(page):
    """Return the relative links of a page whose file or anchor does not exist."""
    text = page.read_text(encoding="utf-8")
    prose = re.sub(r"^```.*?^```|`[^`\n]*`", "", text, flags=re.S | re.M)
    dead = []
    for link in re.findall(r"\]\(([^()\s]+)\)", prose):
        if re.match(r"[a-z]+:", link):
            continue
        place, _, anchor = link.partition("#")
        target = (page.parent / place) if place else page
        generated = "reference/rooms" in place
        if not target.exists() and not generated:
            dead.append(link)
        elif anchor and target.suffix == ".md" and not generated:
            known = anchors(target.read_text(encoding="utf-8"))
            dead += [link] if anchor not in known else []
    return dead


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_to_a_file_and_a_heading(page):
    assert dead_links(page) == []


def test_dead_links_are_found(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "# One page\n[a](page.md#one-page) [b](#no) [c](none.md) `[d](x)` [e](http://x)"
    )
    assert dead_links(page) == ["#no", "none.md"]


def test_every_guide_and_explanation_is_reached_from_its_index():
    guides = (ROOT / "docs/guide/index.md").read_text(encoding="utf-8")
    assert ":glob:\n*\n" in guides
    listed = (ROOT / "docs/explanation/index.md").read_text(encoding="utf-8").splitlines()
    for page in (ROOT / "docs/explanation").glob("*.md"):
        assert page.stem in (*listed, "index")
