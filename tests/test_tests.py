"""Every test asserts something."""

import ast
from pathlib import Path

TESTS = Path(__file__).parent


def _asserts(function):
    """Whether the body of a test holds an assert, pytest.raises or a numpy/torch assertion."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Call):
            name = ast.unparse(node.func).rpartition(".")[2]
            if name in ("raises", "gradcheck") or name.startswith(("assert_", "check_")):
                return True
    return False


def test_every_test_asserts():
    functions = [
        (path, node)
        for path in TESTS.rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert len(functions) > 100
    assert [f"{path.name}: {node.name}" for path, node in functions if not _asserts(node)] == []


def test_oracles_import_nothing_they_check():
    for path in (TESTS / "naive").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                modules = [getattr(node, "module", None) or ""] + [a.name for a in node.names]
                assert not [m for m in modules if m.startswith(("chgraph", "chsnn"))], path.name
