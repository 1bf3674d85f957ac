"""Who imports whom: no circles, nothing private across packages, no torch in chgraph.

Imports inside functions and under ``TYPE_CHECKING`` count as any other.
"""

import ast
import re
import subprocess
import sys
from pathlib import Path

import networkx as nx
import pytest

import chgraph

ROOT = Path(chgraph.__file__).parents[1]
PACKAGES = ("chgraph", "chsnn")


class Sources:
    """The modules of some packages, parsed: what each imports and what a name leads to."""

    def __init__(self, root, packages):
        paths = [path for package in packages for path in sorted((root / package).rglob("*.py"))]
        self.trees = {
            ".".join(path.relative_to(root).with_suffix("").parts).removesuffix(
                ".__init__"
            ): ast.parse(path.read_text(encoding="utf-8"))
            for path in paths
        }
        self.packages = {  # modules that are an __init__
            ".".join(path.parent.relative_to(root).parts)
            for path in paths
            if path.name == "__init__.py"
        }

    def imports(self, module):
        """Yield (module, name) of each import; name None for ``import module``."""
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.Import):
                yield from ((alias.name, None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                source = self.absolute(module, node)
                yield from ((source, alias.name) for alias in node.names)

    def absolute(self, module, node):
        """Return the full name of what a ``from ... import`` names, dots resolved."""
        if not node.level:
            return node.module
        up = node.level - (module in self.packages)
        base = module.split(".")[: len(module.split(".")) - up]
        return ".".join([*base, *([node.module] if node.module else [])])

    def home(self, module, name):
        """Return the module a name comes from, through what an ``__init__`` passes on."""
        if name is None or module not in self.packages:
            return module
        if f"{module}.{name}" in self.trees:
            return f"{module}.{name}"
        for node in ast.walk(self.trees[module]):
            if isinstance(node, ast.ImportFrom):
                source = self.absolute(module, node)
                for alias in node.names:
                    if (alias.asname or alias.name) == name and source in self.trees:
                        return self.home(source, alias.name)
        return module

    def circles(self):
        """Return the sets of modules that import each other, directly or through others."""
        graph = nx.DiGraph()
        for module in self.trees:
            homes = {self.home(*imported) for imported in self.imports(module)}
            graph.add_edges_from((module, home) for home in homes & self.trees.keys())
        found = nx.strongly_connected_components(graph)
        return sorted(sorted(circle) for circle in found if len(circle) > 1)

    def foreign_private(self):
        """Return "module: what" for private names of other packages, imported or reached.

        Python's own library is let off: ``os._exit`` and the like are documented.
        """
        found = set()
        for module, tree in self.trees.items():
            own = {module.partition(".")[0], *sys.stdlib_module_names}
            names = [f"{m}.{name}" if name else m for m, name in self.imports(module)]
            aliases = dict(_aliases(tree))
            names += [
                ".".join([aliases[root], *chain])
                for root, chain in _attribute_chains(tree)
                if root in aliases
            ]
            found |= {
                f"{module}: {name}"
                for name in names
                if name.partition(".")[0] not in own and _is_private(name)
            }
        return sorted(found)

    def importers(self, package):
        """Return the modules that import a package or something of it."""
        return [
            module
            for module in self.trees
            if any(source.partition(".")[0] == package for source, _ in self.imports(module))
        ]


def _is_private(name):
    parts = name.split(".")
    return any(part.startswith("_") and not part.endswith("__") for part in parts)


def _aliases(tree):
    """Yield (name in the file, full name) of everything an absolute import binds."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                bound = alias.asname or alias.name.partition(".")[0]
                yield bound, alias.name if alias.asname else bound
        elif isinstance(node, ast.ImportFrom) and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _attribute_chains(tree):
    """Yield (name, attributes) of every ``name.a.b``."""
    for node in ast.walk(tree):
        chain = []
        while isinstance(node, ast.Attribute):
            chain.insert(0, node.attr)
            node = node.value
        if chain and isinstance(node, ast.Name):
            yield node.id, chain


@pytest.fixture(scope="module")
def sources():
    return Sources(ROOT, PACKAGES)


def test_every_module_is_read(sources):
    assert {"chgraph", "chgraph.rewiring", "chgraph.rewiring.chain", "chsnn.layers"} <= set(
        sources.trees
    )
    assert ("chgraph.rewiring.wiring", "Wiring") in set(sources.imports("chgraph.rewiring.chain"))
    assert sources.home("chgraph", "predict_links") == "chgraph.linkpred.predict"
    assert sources.home("chgraph", "topology") == "chgraph.topology"
    assert sources.importers("numba")


def test_no_circle_of_imports(sources):
    assert sources.circles() == []


# Torch's manual ("Extending PyTorch") tells to import the dispatch mode from there; it has no
# other place. Its engine alone knows the end of a backward pass (DistributedDataParallel asks it as
# well), numba has no other way to start its threads anew in a forked child, and nothing public
# tells that a function is transformed (torch's autograd.Function asks the same).
DOCUMENTED = [
    "chsnn._link_averaging: torch.autograd.Variable._execution_engine",
    "chsnn._link_averaging: torch.autograd.Variable._execution_engine.queue_callback",
    "chsnn._plain_operations: torch._C",
    "chsnn._plain_operations: torch._C._are_functorch_transforms_active",
    "chsnn.energy.operations: torch.utils._python_dispatch.TorchDispatchMode",
    "chsnn.threads: numba.np.ufunc.parallel._is_initialized",
]


def test_nothing_private_of_another_package_is_used(sources):
    assert sources.foreign_private() == DOCUMENTED


@pytest.mark.parametrize("package", ["torch", "norse", "chsnn"])
def test_chgraph_is_pure_topology(sources, package):
    importers = sources.importers(package)
    assert importers  # it is found where it is
    assert [module for module in importers if module.partition(".")[0] == "chgraph"] == []


# ------------------------------------------------------------- the checks can find what they seek


def house(root, files):
    for name, text in {"__init__": "", **files}.items():
        path = root / "house" / f"{name}.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return Sources(root, ["house"])


@pytest.mark.parametrize(
    ("files", "circle"),
    [
        ({"a": "from house.b import x", "b": "def f():\n    import house.a"}, ["a", "b"]),
        (
            {
                "a": "from . import b",
                "b": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from .a import x",
            },
            ["a", "b"],
        ),
        (
            {"a": "from house import b", "b": "from house.c import x", "c": "from .a import y"},
            ["a", "b", "c"],
        ),
        (  # through the name that an __init__ passes on
            {
                "a": "from house.room import draw",
                "room/__init__": "from house.room.pen import paint as draw",
                "room/pen": "from ..a import x",
            },
            ["a", "room.pen"],
        ),
        (  # what an __init__ makes itself is its own
            {"room/__init__": "from .pen import y\nx = 1", "room/pen": "from . import x"},
            ["room", "room.pen"],
        ),
    ],
)
def test_a_circle_is_found(tmp_path, files, circle):
    assert house(tmp_path, files).circles() == [[f"house.{module}" for module in circle]]


def test_an_init_that_gathers_its_modules_is_no_circle(tmp_path):
    files = {
        "__init__": "from house import room\nfrom house.room import draw",
        "room/__init__": "from house.room.pen import draw\nfrom house.room.ink import color",
        "room/pen": "from house.room import color\nfrom house.room.ink import color",
        "room/ink": "import json",
        "cli": "from house import draw, room",
    }
    assert house(tmp_path, files).circles() == []


def test_what_is_private_is_found(tmp_path):
    sources = house(
        tmp_path,
        {
            "a": "from other._x import y\nfrom other import _z, __version__\nimport other.b._c",
            "b": "import os, other as o\n\ndef f():\n    return o.b._d(o.__name__), os._exit",
            "c": "from house._own import _mine\nfrom other import b\nself = b._e.f",
        },
    )
    assert sources.foreign_private() == [
        "house.a: other._x.y",
        "house.a: other._z",
        "house.a: other.b._c",
        "house.b: other.b._d",
        "house.c: other.b._e",
        "house.c: other.b._e.f",
    ]
    assert sources.importers("other") == ["house.a", "house.b", "house.c"]


@pytest.mark.parametrize("library", ["torch", "norse", "safetensors"])
def test_spiking_networks_say_what_they_need(library):
    code = (
        f"import sys; sys.modules[{library!r}] = None\n"
        "import chgraph\n"
        "from chgraph.starting import chsnn_command\n"
        "sys.argv = ['chsnn', '--help']; chsnn_command()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False
    )
    # Without torch the first that is missing may be another; each names the extra.
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r'chsnn: chsnn needs \w+: pip install "chgraph\[snn\]"\n', done.stderr)
