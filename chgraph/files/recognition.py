"""What a file is: by the end of its name where that is sure, else by how it begins."""

from __future__ import annotations

import io
import json
import re
import zipfile

from chgraph.files import foreign_lists
from chgraph.files.opening import Content

_START = 2**16  # bytes that tell what a file is

# Endings that say how a file is read, whatever stands in it.
_READ = {
    ".mtx": "mtx",
    ".npz": "npz",
    ".graphml": "graphml",
    ".gexf": "gexf",
    ".gml": "gml",
    ".sif": "sif",
    ".adjlist": "adjacency list",
}
_SHEET = "is a spreadsheet; save the sheet as CSV and read that"
_PICKLE = (
    "is a pickle, which can run any code and is not read; load it where you trust it and give the "
    "object to chgraph.as_graph or as_bipartite"
)
_ARCHIVE = "is an archive of files; unpack it and name the file with the links"
_WITH_NETWORKX = "read it with networkx.{} and give the graph to chgraph.as_graph or as_bipartite"
_JSON = f"is JSON; {_WITH_NETWORKX.format('node_link_graph(json.load(file))')}"
_DOT = f"is Graphviz DOT; {_WITH_NETWORKX.format('nx_pydot.read_dot(path)')}"
_DL = "is UCINET DL; read it with igraph.Graph.Read_DL(path) and give the graph to chgraph.as_graph"
_LIST = "two names a line are read as an edge list"
_TGF = f"is TGF; the lines below its # are a list of links: {_LIST}"
_LGL = f"is LGL; read it with igraph.Graph.Read_Lgl(path), or write {_LIST.split(' are')[0]}"
_MULTILINE = (
    f"is a multiline adjacency list; {_WITH_NETWORKX.format('read_multiline_adjlist(path)')}"
)
_DIMACS = f"is DIMACS; keep the two nodes of its lines 'a u v' or 'e u v': {_LIST}"
_TRIPLES = f"is RDF, as N-Triples; keep the subjects and objects you mean: {_LIST}"
_GRAPH6 = (
    f"is graph6 or sparse6; {_WITH_NETWORKX.format('read_graph6(path) or read_sparse6(path)')}"
)
_MATLAB = "is a MATLAB file; read it with scipy.io.loadmat and give the matrix to chgraph.as_graph"
_ARRAY = "is a numpy array; read it with numpy.load and give the matrix to chgraph.as_graph"
_TABLE = "is a binary table; read it with pandas and write it as CSV"

_REFUSED_ENDINGS = {
    **dict.fromkeys((".xlsx", ".xls", ".xlsm", ".ods"), _SHEET),
    **dict.fromkeys((".pkl", ".pickle", ".gpickle"), _PICKLE),
    **dict.fromkeys((".zip", ".tar", ".tgz", ".7z", ".rar"), _ARCHIVE),
    **dict.fromkeys((".json", ".jsonl"), _JSON),
    **dict.fromkeys((".dot", ".gv"), _DOT),
    **dict.fromkeys((".nt", ".nq", ".ttl", ".rdf"), _TRIPLES),
    **dict.fromkeys((".g6", ".s6", ".graph6", ".sparse6"), _GRAPH6),
    **dict.fromkeys((".parquet", ".feather", ".h5", ".hdf5"), _TABLE),
    **{".tgf": _TGF, ".lgl": _LGL, ".multiline_adjlist": _MULTILINE, ".mat": _MATLAB},
    **{".npy": _ARRAY, ".dl": _DL},
}
_REFUSED_MAGIC = {
    b"\x89HDF": _TABLE,
    b"PAR1": _TABLE,
    b"ARROW1": _TABLE,
    b"MATLAB 5.0": _MATLAB,
    b"\x93NUMPY": _ARRAY,
    b"7z\xbc\xaf": _ARCHIVE,
    b"Rar!": _ARCHIVE,
    b"\xd0\xcf\x11\xe0": _SHEET,
    b"%PDF": "is a PDF document, no network",
    b"\x89PNG": "is a picture, no network",
    b"SQLite format 3": "is an SQLite database; write its links as CSV",
    b">>graph6<<": _GRAPH6,
    b">>sparse6<<": _GRAPH6,
    b"LEDA.GRAPH": f"is LEDA; {_WITH_NETWORKX.format('read_leda(path)')}",
}
_ABOVE = r"\A(?:[ \t]*(?:[#%].*)?\n)*[ \t]*"  # blank lines and comments
_READ_TEXT = {
    "mtx": re.compile(r"\A%%MatrixMarket", re.I),
    "pajek": re.compile(_ABOVE + r"\*(vertices|network)\b", re.I),
    "gml": re.compile(_ABOVE + r"(?:(?:creator|comment|version)\b[^\n]*\n\s*)*graph\s*\[", re.I),
}
_REFUSED_TEXT = [
    (re.compile(r"\A\s*<(!doctype\s+html|html)\b", re.I), "is a web page (HTML), no network"),
    (re.compile(_ABOVE + r"(<[^>\s]+>|_:\S+)\s+<[^>\s]+>\s+.*\.[ \t]*$", re.M), _TRIPLES),
    (re.compile(r"\A\s*@prefix\b", re.I), _TRIPLES),
    (re.compile(r"\A\s*dl\b[\s,]+(n|nr|nc|nm|format|data|labels)\b", re.I), _DL),
    (re.compile(_ABOVE + r"(strict\s+)?(di)?graph\b[^\[\n]*\{", re.I), _DOT),
    (re.compile(r"\A\s*//.*\n\s*(strict\s+)?(di)?graph\b", re.I), _DOT),
    (re.compile(r"\A(c\b.*\n|[ \t]*\n)*p\s+[a-z]+\s+\d+\s+\d+[ \t\r]*$", re.I | re.M), _DIMACS),
    (
        re.compile(_ABOVE + r"\*(node|tie)[ \t]+(data|properties)", re.I),
        "is VNA (NetDraw); save it there as UCINET or Pajek .net",
    ),
    (
        re.compile(_ABOVE + r'"?\([^\n)]*,[^\n)]*\)'),
        "has tuples as names; give the nodes other names before writing, as "
        "networkx.convert_node_labels_to_integers does",
    ),
]
_XML = re.compile(
    r"\A\s*<(\?xml\b|!doctype\b|!--|[\w.-]+:?(graphml|gexf)\b|graphml\b|gexf\b)", re.I
)
_ELEMENT = re.compile(r"<(?:[A-Za-z_][\w.-]*:)?([A-Za-z_][\w.-]*)")
_NO_ELEMENT = {"<?": "?>", "<!--": "-->", "<!": ">"}


def kind_of(content: Content) -> str:
    """Return what a file is read as.

    Raises
    ------
    ValueError
        If it is of a known format that is not read; says what to do.
    """
    if content.ending in _READ:
        return _READ[content.ending]
    reason = _REFUSED_ENDINGS.get(content.ending) or _refused_bytes(content.data)
    if reason == "npz":
        return reason
    if reason:
        raise content.error(reason)
    start = _text(content.data[:_START])
    if _XML.match(start):
        return _xml_kind(content, start)
    for kind, opening in _READ_TEXT.items():
        if opening.match(start):
            return kind
    reason = next((why for opening, why in _REFUSED_TEXT if opening.match(start)), "")
    reason = reason or _refused_lists(start, whole=len(content.data) <= _START)
    if reason:
        raise content.error(reason)
    return "edge list"


def _refused_bytes(data: bytes) -> str:
    """Return "npz", why a binary file is not read, or nothing."""
    for magic, reason in _REFUSED_MAGIC.items():
        if data.startswith(magic):
            return reason
    if re.match(rb"\x80[\x02-\x05]", data):
        return _PICKLE
    if data[257:262] == b"ustar":
        return _ARCHIVE
    if not data.startswith(b"PK\x03\x04"):
        return ""
    try:
        names = zipfile.ZipFile(io.BytesIO(data)).namelist()
    except zipfile.BadZipFile:
        return _ARCHIVE
    if any(name.endswith(".npy") for name in names):
        return "npz"
    return _SHEET if "[Content_Types].xml" in names or "mimetype" in names else _ARCHIVE


def _text(data: bytes) -> str:
    wide = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    text = data.decode("utf-16" if wide else "utf-8", errors="replace").removeprefix("\ufeff")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _xml_kind(content: Content, start: str) -> str:
    kind, document = _root(start)
    if kind in ("graphml", "gexf"):
        return kind
    if "html" in (kind, document):
        raise content.error("is a web page (HTML), no network")
    raise content.error(f"is XML of <{kind}>; of XML, GraphML and GEXF are read")


def _root(start: str) -> tuple[str, str]:
    """Return the names of the root element and of the document type, in small letters."""
    place, document = 0, ""
    while True:
        place = start.find("<", place)
        text = start[place : place + 100] if place >= 0 else ""
        end = next((end for sign, end in _NO_ELEMENT.items() if text.startswith(sign)), "")
        if not end:
            root = _ELEMENT.match(text)
            return (root[1].lower() if root else ""), document
        declared = re.match(r"<!doctype\s+([\w.-]+)", text, re.I)
        document = declared[1].lower() if declared else document
        place = start.find(end, place)
        if place < 0:
            return document, document


def _refused_lists(start: str, *, whole: bool) -> str:
    """Return why lists of lines that look like links, but are others, are not read."""
    if re.match(r"\s*(\{|\[\s*[\[{])", start) and _is_json(start, whole):
        return _JSON
    lines = start.split("\n")
    if not whole:
        lines.pop()  # it may be cut
    if foreign_lists.is_tgf(lines):
        return _TGF
    if foreign_lists.is_lgl(lines):
        return _LGL
    return _MULTILINE if foreign_lists.is_multiline(lines, whole=whole) else ""


def _is_json(start: str, whole: bool) -> bool:
    if not whole:
        return start.lstrip().startswith(('{"', "{\n", "[{"))
    try:
        json.loads(start)
    except (ValueError, RecursionError):
        return False
    return True
