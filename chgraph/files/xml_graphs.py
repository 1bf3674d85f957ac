"""GraphML and GEXF, parsed in one pass; entities are refused, which can grow without bound."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from xml.parsers import expat

from chgraph.files.links import Result
from chgraph.files.named import NamedNetwork
from chgraph.files.opening import Content

_LOGICAL = {"true": True, "1": True, "false": False, "0": False}
_TYPES: dict[str, Callable[[str], Any]] = {
    **dict.fromkeys(("int", "integer", "long"), int),
    **dict.fromkeys(("float", "double", "real"), float),
    "boolean": lambda text: _LOGICAL[text.lower()],
    "bool": lambda text: _LOGICAL[text.lower()],
}
_TAKEN = {"name", "bipartite", "type", "weight"}
Attributes = dict[str, str]


class _Reader:
    """What expat calls while it reads; one method per element that means something."""

    root = ""
    name: str | None = None  # the attribute that names nodes

    def __init__(self) -> None:
        self.network = NamedNetwork()
        self.open: list[str] = []
        self.graphs = 0
        self.node: dict[str, Any] | None = None
        self.link: dict[str, Any] | None = None
        self.links: list[dict[str, Any]] = []
        self.text: list[str] | None = None
        self.undirected_default = True

    def start(self, tag: str, values: Attributes) -> None:
        tag = tag.rpartition(":")[2]
        if not self.open and tag != self.root:
            page = ": a web page" if tag.lower() == "html" else ""
            raise ValueError(f"its root element is <{tag}>, not <{self.root}>{page}")
        self.open.append(tag)
        handle = getattr(self, f"start_{tag}", None)
        if handle is not None:
            handle(values)

    def end(self, tag: str) -> None:
        tag = self.open.pop()
        handle = getattr(self, f"end_{tag}", None)
        if handle is not None:
            handle()

    def characters(self, text: str) -> None:
        if self.text is not None:
            self.text.append(text)

    def start_graph(self, values: Attributes) -> None:
        self.graphs += 1
        if self.graphs > 1:
            raise ValueError("holds a second <graph>; only one network is read")
        default = values.get(*self.default_of_links)
        if default not in ("undirected", "directed", "mutual"):
            raise ValueError(
                f"{self.default_of_links[0]} must be 'undirected' or 'directed', got {default!r}"
            )
        self.network.directed = default == "directed"

    default_of_links = ("edgedefault", "undirected")

    def add_node(self, identity: str | None, values: dict[str, Any]) -> None:
        if identity is None:
            raise ValueError("a <node> has no id")
        self.node = self.network.nodes.setdefault(identity, {})
        self.node.update(values)

    def start_edge(self, values: Attributes) -> None:
        if "source" not in values or "target" not in values:
            raise ValueError(f"an <edge> needs a source and a target, got {values}")
        self.network.links.append((values["source"], values["target"]))
        self.network.directed |= values.get("directed") in ("true", "1")
        self.network.directed |= values.get("type") == "directed"
        self.link = {}
        self.links.append(self.link)
        if "weight" in values:
            self.link["weight"] = _number(values["weight"])

    def end_node(self) -> None:
        self.node = None

    def end_edge(self) -> None:
        self.link = None

    def finish(self, defaults_of_nodes: dict[str, Any], defaults_of_links: dict[str, Any]) -> None:
        if not self.graphs:
            raise ValueError("holds no <graph>")
        for node in self.network.nodes.values():
            for name, value in defaults_of_nodes.items():
                node.setdefault(name, value)
        weight = defaults_of_links.get("weight", 1)
        self.network.weighted = any(link.get("weight", weight) != 1 for link in self.links)


class _GraphML(_Reader):
    root, name = "graphml", "name"

    def __init__(self) -> None:
        super().__init__()
        self.keys: dict[str, tuple[str, str, str]] = {}
        self.defaults: dict[str, dict[str, Any]] = {"node": {}, "edge": {}}
        self.key = ""

    def start_node(self, values: Attributes) -> None:
        self.add_node(values.get("id"), {})

    def start_key(self, values: Attributes) -> None:
        self.key = values.get("id", "")
        name = values.get("attr.name", self.key)
        self.keys[self.key] = values.get("for", "all"), name, values.get("attr.type", "string")

    def start_hyperedge(self, values: Attributes) -> None:
        raise ValueError("holds a <hyperedge>; links of more than two nodes are not read")

    def start_data(self, values: Attributes) -> None:
        self.key, self.text = values.get("key", ""), []

    def start_default(self, values: Attributes) -> None:
        self.text = []

    def end_data(self) -> None:
        taken = self.node if self.link is None else self.link
        if taken is not None and self.key in self.keys:
            self._take(taken)
        self.text = None

    def end_default(self) -> None:
        if self.key in self.keys:
            kind = self.keys[self.key][0]
            for what in self.defaults if kind == "all" else [kind]:
                self._take(self.defaults.get(what, {}))
        self.text = None

    def _take(self, values: dict[str, Any]) -> None:
        _, name, kind = self.keys[self.key]
        if name in _TAKEN and self.text is not None:
            values[name] = _converted("".join(self.text), name, kind)

    def done(self) -> None:
        self.finish(self.defaults["node"], self.defaults["edge"])


class _Gexf(_Reader):
    root, name = "gexf", "label"
    default_of_links = ("defaultedgetype", "undirected")

    def __init__(self) -> None:
        super().__init__()
        self.titles: dict[tuple[str, str], tuple[str, str]] = {}
        self.defaults: dict[str, dict[str, Any]] = {"node": {}, "edge": {}}
        self.kind, self.title = "node", ("", "string")

    def start_attributes(self, values: Attributes) -> None:
        self.kind = values.get("class", "node")

    def start_attribute(self, values: Attributes) -> None:
        self.title = values.get("title", ""), values.get("type", "string")
        self.titles[self.kind, values.get("id", "")] = self.title

    def start_default(self, values: Attributes) -> None:
        self.text = []

    def end_default(self) -> None:
        name, kind = self.title
        if name in _TAKEN and self.text is not None:
            self.defaults.setdefault(self.kind, {})[name] = _converted(
                "".join(self.text), name, kind
            )
        self.text = None

    def start_node(self, values: Attributes) -> None:
        label = {"label": values["label"]} if values.get("label") else {}
        self.add_node(values.get("id"), label)

    def start_attvalue(self, values: Attributes) -> None:
        taken, kind = (self.node, "node") if self.link is None else (self.link, "edge")
        name, type_name = self.titles.get((kind, values.get("for", values.get("id", ""))), ("", ""))
        if taken is not None and name in _TAKEN:
            taken[name] = _converted(values.get("value", ""), name, type_name)

    def done(self) -> None:
        self.finish(self.defaults["node"], self.defaults["edge"])


def _number(text: str) -> Any:
    try:
        return float(text)
    except ValueError:
        return text


def _converted(text: str, name: str, kind: str) -> Any:
    text = text.strip() if kind in _TYPES else text
    try:
        return _TYPES[kind](text) if kind in _TYPES else text
    except (KeyError, ValueError) as error:
        raise ValueError(f"attribute {name!r} must be {kind}, got {text[:40]!r}") from error


def read_graphml(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of a GraphML file, nodes by their ``name`` or else by id."""
    return _read(content, "GraphML", _GraphML(), bipartite, ignore_directions)


def read_gexf(content: Content, *, bipartite: bool | None, ignore_directions: bool) -> Result:
    """Return the network of a GEXF file, nodes by their ``label`` or else by id."""
    return _read(content, "GEXF", _Gexf(), bipartite, ignore_directions)


def _read(
    content: Content,
    kind: str,
    reader: _GraphML | _Gexf,
    bipartite: bool | None,
    ignore_directions: bool,
) -> Result:
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.EntityDeclHandler = _refuse_entity(content)
    parser.StartElementHandler, parser.EndElementHandler = reader.start, reader.end
    parser.CharacterDataHandler = reader.characters
    try:
        parser.Parse(content.data, True)  # at once: in pieces a long token is read again and again
        reader.done()
    except _EntityError:
        raise
    except (expat.ExpatError, LookupError, ValueError) as error:
        line = parser.ErrorLineNumber
        place = f" (line {line})" if not isinstance(error, expat.ExpatError) and line > 1 else ""
        raise content.error(f"cannot be read as {kind}: {error}{place}") from error
    try:
        return reader.network.graph(bipartite, ignore_directions, reader.name)
    except ValueError as error:
        raise content.error(str(error)) from error


class _EntityError(ValueError):
    pass


def _refuse_entity(content: Content) -> Callable[..., None]:
    def refuse(name: str, *_: Any) -> None:
        raise _EntityError(
            f"{content.path}: defines the XML entity {name!r}; entities are not read"
        )

    return refuse
