"""HTML from nested calls. Whatever is not HTML already is escaped, so no name can become markup."""

from __future__ import annotations

from html import escape
from typing import Any

# Elements without content or end tag, in HTML; in SVG an element without children closes itself.
_VOID = ("img", "input", "meta", "br")


class Markup(str):
    """A text that is HTML already."""

    __slots__ = ()


Child = str | None


def element(name: str, /, *children: Child, **attributes: Any) -> Markup:
    """Return an element.

    Parameters
    ----------
    name : str
    *children : str or None
        :class:`Markup` as it is; other text escaped; None is left out.
    **attributes
        ``class_`` is "class", and every other "_" is "-". True is an attribute without value,
        None and False none.

    Examples
    --------
    >>> element("p", "1 < 2 ", element("b", "bold"), class_="note", hidden=True)
    '<p class="note" hidden>1 &lt; 2 <b>bold</b></p>'
    """
    head = name
    for key, value in attributes.items():
        if value is None or value is False:
            continue
        attribute = key.rstrip("_").replace("_", "-")
        head += f" {attribute}" if value is True else f' {attribute}="{escape(str(value))}"'
    if name in _VOID:
        return Markup(f"<{head}>")
    return Markup(f"<{head}>{join(*children)}</{name}>")


def join(*children: Child) -> Markup:
    """Return the children one after the other, escaped unless they are markup."""
    return Markup("".join(_text(child) for child in children if child is not None))


def _text(child: str) -> str:
    return child if isinstance(child, Markup) else escape(str(child), quote=False)


def section(title: str, *children: Child, about: Child = None) -> Markup:
    """Return a section of the page: heading, a line on what is to be seen, content."""
    words = None if about is None else element("p", about, class_="about")
    return element("section", element("h2", title), words, *children, id=anchor(title))


def anchor(title: str) -> str:
    """Return the name by which a section can be linked to.

    Examples
    --------
    >>> anchor("Accuracy against SOPs")
    'accuracy-against-sops'
    """
    return "-".join("".join(c if c.isalnum() else " " for c in title.lower()).split())


def figure(picture: Child, title: str, about: Child = None) -> Markup:
    """Return a picture under its title."""
    head = element("figcaption", element("b", title), None if about is None else " ", about)
    return element("figure", head, picture)


def grid(*figures: Child, small: bool = False) -> Markup:
    """Return figures side by side, as many as there is room for; small ones four in a row."""
    return element("div", *figures, class_="grid small" if small else "grid")


def table(head: list[str], rows: list[list[Child]], *, class_: str = "") -> Markup:
    """Return a table whose first column names its rows; wide ones scroll on their own."""
    heading = element("tr", *(element("th", cell, scope="col") for cell in head))
    lines = []
    for name, *cells in rows:
        row = element("th", name, scope="row")
        lines.append(element("tr", row, *(element("td", cell) for cell in cells)))
    body = join(element("thead", heading), element("tbody", *lines))
    return element("div", element("table", body, class_=class_ or None), class_="wide", tabindex=0)
