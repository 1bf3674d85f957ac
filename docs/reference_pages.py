"""Pages of the API reference, one per room, from the names that the rooms make public.

``conf.py`` writes them before a build; the tests ask :func:`public_objects` whether every object
has an example.
"""

import inspect
from importlib import import_module
from pathlib import Path

# The rooms in the order in which a reader meets them; names where a room lists none itself.
ROOMS = {
    "chgraph": {
        "chgraph": None,
        "chgraph.datasets": None,
        "chgraph.linkpred": None,
        "chgraph.linkpred.adaptive": None,
        "chgraph.linkpred.classic": None,
        "chgraph.linkpred.measures": (
            *("rank_pairs", "Ranking", "measure_all", "precision", "aup", "auc_pr"),
            *("auc_roc", "auc_mroc", "ndcg", "mcc"),
        ),
        "chgraph.topology": None,
        "chgraph.rewiring": None,
        "chgraph.metrics": None,
        "chgraph.plotting": None,
        "chgraph.threads": ("set_thread_count", "thread_count", "thread_limit"),
    },
    "chsnn": {
        "chsnn": None,
        "chsnn.networks": None,
        "chsnn.fused": ("SparseReadout", "DenseLIF", "DenseReadout"),
        "chsnn.ops": None,
        "chsnn.data": None,
        "chsnn.augmentation": None,
        "chsnn.observe": ("standing_for",),
        "chsnn.evolution": None,
        "chsnn.learning": ("LEARNING_RULES", "LearningRule", "BPTT"),
        "chsnn.metrics": (
            *("METRICS", "accuracy", "mean_squared_error", "mean_absolute_error"),
            "cross_entropy",
        ),
        "chsnn.distributed": None,
        "chsnn.energy": None,
        "chsnn.hardware": ("EnergyFigure", "Hardware", "read_hardware"),
        "chsnn.inference": ("compile_network", "EventNetwork", "EventRun"),
        "chsnn.export": None,
        "chsnn.lab.config": ("RunConfig",),
        "chsnn.lab.experiment": ("Experiment", "open_run"),
        "chsnn.lab.methods": ("METHODS", "Method", "method_config"),
    },
}


def rooms():
    """Return every module with a page."""
    return [room for package in ROOMS.values() for room in package]


def public_names(room):
    """Return the public names of a room: its ``__all__``, or what it defines without underscore."""
    given = next(package[room] for package in ROOMS.values() if room in package)
    module = import_module(room)
    if given is not None:
        return list(given)
    if hasattr(module, "__all__"):
        return [name for name in module.__all__ if not name.startswith("_")]
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == room
    ]


def public_objects():
    """Return ``{full name: object}`` of all that is public, each where it is met first."""
    found, places = {}, {}
    for room in rooms():
        for name in public_names(room):
            value = getattr(import_module(room), name)
            if not inspect.ismodule(value) and id(value) not in places:
                places[id(value)] = found[f"{room}.{name}"] = value
    return found


def _kind(value):
    if inspect.isclass(value):
        return "Exceptions" if issubclass(value, Exception) else "Classes"
    return "Functions" if inspect.isroutine(value) or hasattr(value, "py_func") else "Constants"


def _constant(full_name, value):
    """Return a description of a constant with its values."""
    lines = [f".. py:data:: {full_name.rpartition('.')[2]}", ""]
    if isinstance(value, dict):
        lines += [f"   ``{key!r}``{_said(entry)}\n" for key, entry in value.items()]
    elif isinstance(value, tuple | list | frozenset) and not hasattr(value, "_fields"):
        lines += ["   " + ", ".join(f"``{entry!r}``" for entry in value) + "\n"]
    else:
        lines += [f"   ``{value!r}``\n"]
    return "\n".join(lines)


def _said(entry):
    return f": {entry}" if isinstance(entry, str) else ""


def _page(room, objects):
    module = import_module(room)
    parts = [room, "=" * len(room), "", f".. automodule:: {room}", ""]
    mine = {n: v for n, v in objects.items() if n.rpartition(".")[0] == room}
    for kind in ("Functions", "Classes", "Exceptions"):
        names = [name for name, value in mine.items() if _kind(value) == kind]
        if names:
            parts += [kind, "-" * len(kind), "", ".. autosummary::", "   :toctree: objects", ""]
            parts += [*(f"   {name.rpartition('.')[2]}" for name in names), ""]
    constants = [_constant(n, v) for n, v in mine.items() if _kind(v) == "Constants"]
    if constants:
        parts += ["Constants", "---------", "", *constants]
    elsewhere = {id(value): name for name, value in objects.items()}
    also = [
        f":py:obj:`{elsewhere[id(value)]}`"
        for value in (getattr(module, name) for name in public_names(room))
        if id(value) in elsewhere and elsewhere[id(value)] not in mine
    ]
    if also:
        parts += ["", "Here, too: " + ", ".join(also) + "."]
    return "\n".join(parts) + "\n"


def write(folder):
    """Write the pages of all rooms into `folder`/rooms."""
    out = Path(folder) / "rooms"
    out.mkdir(parents=True, exist_ok=True)
    objects = public_objects()
    for page in out.glob("objects/*.rst"):
        if page.stem not in objects:
            page.unlink()
    for room in rooms():
        path, text = out / f"{room}.rst", _page(room, objects)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
