"""The frame of a page: head, style and script in it, nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from importlib.resources import files
from typing import Any

from chgraph.command_line import DISTRIBUTION
from chsnn.lab.page.html import Child, Markup, anchor, element, join
from chsnn.lab.page.numbers import MISSING

# Nothing but what the page holds itself may be loaded or run.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def page(
    title: str, subtitle: str, parts: Sequence[tuple[str, Child]], *, run: str | None = None
) -> str:
    """Return a whole page.

    Parameters
    ----------
    title, subtitle : str
    parts : sequence of (str, Markup or None)
        Sections and what they are called in the list of contents; None is left out.
    run : str, optional
        Id of the run that it shows.
    """
    there = [(name, part) for name, part in parts if part is not None]
    links = [element("a", name, href=f"#{anchor(name)}") for name, _ in there]
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("title", title),
        element("style", _asset("style.css")),
    )
    switch = element("button", "Dark", type="button", id="theme", hidden=True)
    top = element(
        "header",
        element("div", element("h1", title), switch, class_="top"),
        element("p", subtitle, class_="subtitle"),
        element("nav", *links, aria_label="contents"),
    )
    of_run = "" if run is None else f" Run {run}."
    end = element("footer", f"Written by chsnn {version(DISTRIBUTION)}.{of_run}")
    script = element("script", _asset("script.js"))
    body = element("body", top, element("main", *(part for _, part in there)), end, script)
    return "<!doctype html>\n" + element("html", head, body, lang="en") + "\n"


def _asset(name: str) -> Markup:
    return Markup(files("chsnn.lab.page").joinpath(name).read_text(encoding="utf-8"))


def settings_table(config: Mapping[str, Any]) -> Markup:
    """Return settings by name, tables of them under one another."""
    flat = _flat(config)
    rows = [join(element("dt", name), element("dd", _said(value))) for name, value in flat.items()]
    return element("dl", *rows, class_="settings")


def _flat(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, value in config.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat


def _said(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(str(one) for one in value)
    return MISSING if value is None else str(value)
