"""The documentation site: ``make docs`` builds it from docs/, notebooks/ and the docstrings.

The source folder is the repository itself, so that links between pages, notebooks and results are
the same on the site as in the files.
"""

import sys
from importlib.metadata import version as version_of
from pathlib import Path

DOCS = Path(__file__).parent
sys.path[:0] = [str(DOCS), str(DOCS.parent)]

import reference_pages  # noqa: E402  beside this file

project = "chgraph"
author = "chgraph developers"
copyright = author
release = version = version_of("chgraph")

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "mathml",
    "numpydoc",
    "myst_nb",
]
root_doc = "docs/index"
include_patterns = [
    "docs/**",
    "notebooks/*.ipynb",
    "analysis/results/*.md",
    "analysis/results/figures/*.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
]
exclude_patterns = ["docs/_build", "docs/_templates", "docs/_redirect", "**/.ipynb_checkpoints"]
templates_path = [str(DOCS / "_templates")]  # autosummary looks from the source folder

# Docstrings are numpydoc's; types stand in their Parameters sections.
autodoc_typehints = "none"
autodoc_member_order = "bysource"
autosummary_generate = True
autosummary_generate_overwrite = True
numpydoc_show_class_members = False
numpydoc_xref_param_type = False
default_role = None
nitpicky = True

# Notebooks and Markdown. Notebooks are committed as they ran; a test runs them again.
nb_execution_mode = "off"
nb_merge_streams = True
myst_enable_extensions = ["dollarmath", "amsmath", "deflist"]
myst_heading_anchors = 4
suppress_warnings = ["mystnb.unknown_mime_type"]
html_math_renderer = "mathml"

html_theme = "pydata_sphinx_theme"
html_title = "chgraph"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["_redirect"]
html_show_sourcelink = False
html_copy_source = False
html_theme_options = {
    "navbar_end": ["theme-switcher"],
    "footer_start": ["copyright"],
    "footer_end": [],
    "show_toc_level": 2,
    "header_links_before_dropdown": 6,
}
html_sidebars = {"docs/comparison": [], "CHANGELOG": []}


def _with_title(app, docname, source):
    """Give the tables that programs write a title, which a page needs."""
    if docname.startswith("analysis/results/") and not source[0].startswith("# "):
        source[0] = f"# {docname.rpartition('/')[2].replace('_', ' ')}\n\n{source[0]}"


def setup(app):
    """Write a page per room before Sphinx looks for pages."""
    reference_pages.write(DOCS / "reference")
    app.connect("source-read", _with_title)
