"""A page as a reader of HTML sees it: elements, texts, and whatever is not well formed."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"img", "input", "meta", "br"}
# Attributes by which a page can ask for something outside of itself.
ADDRESSES = ("src", "href", "xlink:href", "action", "data", "poster", "srcset", "background")


@dataclass
class Element:
    name: str
    attributes: dict
    content: list = field(default_factory=list)  # texts and elements

    @property
    def text(self):
        """Its own text, without that of elements in it."""
        return "".join(part for part in self.content if isinstance(part, str))

    @property
    def inside(self):
        """The elements directly below it."""
        return [part for part in self.content if isinstance(part, Element)]

    def find(self, name, **attributes):
        """All elements of a name below this one, with such attributes."""
        wanted = {k.rstrip("_").replace("_", "-"): v for k, v in attributes.items()}
        found = []
        for child in self.inside:
            if child.name == name and wanted.items() <= child.attributes.items():
                found.append(child)
            found += child.find(name, **attributes)
        return found

    def all(self):
        """This element and all below it."""
        return [self, *(e for child in self.inside for e in child.all())]

    def words(self):
        """Its text and that of all below it, blanks as one."""
        return " ".join(self._texts().split())

    def _texts(self):
        return "".join(part if isinstance(part, str) else part._texts() for part in self.content)


class _Reader(HTMLParser):
    def __init__(self):
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self.open, self.problems = [self.root], []

    def handle_starttag(self, name, attributes):
        names = [key for key, _ in attributes]
        if len(set(names)) < len(names):
            self.problems.append(f"an attribute twice in <{name}>")
        element = Element(name, dict(attributes))
        self.open[-1].content.append(element)
        if name not in VOID:
            self.open.append(element)

    def handle_endtag(self, name):
        if self.open[-1].name != name:
            self.problems.append(f"</{name}> where <{self.open[-1].name}> is open")
        else:
            self.open.pop()

    def handle_data(self, text):
        self.open[-1].content.append(text)


def read(text):
    """The root of a page; AssertionError where it is not well formed."""
    reader = _Reader()
    reader.feed(text)
    reader.close()
    left = [element.name for element in reader.open[1:]]
    assert reader.problems == []
    assert left == []
    return reader.root


def asks_for(root):
    """What a page would fetch: addresses that are neither in the page nor relative links."""
    found = []
    for element in root.all():
        for name, value in element.attributes.items():
            if name not in ADDRESSES or value is None:
                continue
            is_link = element.name == "a" and "//" not in value and ":" not in value
            if not (value.startswith(("#", "data:image/png;base64,")) or is_link):
                found.append(f"{element.name} {name}={value[:60]}")
    for style in root.find("style"):
        found += [word for word in ("@import", "url(", "http:", "https:") if word in style.text]
    for script in root.find("script"):
        words = ("fetch(", "XMLHttpRequest", "import(", "http:", "https:", "WebSocket", "eval(")
        found += [word for word in words if word in script.text]
    return found
