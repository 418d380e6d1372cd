"""The arrows between packages run one way, and only the command line imports a stage."""

import ast
from pathlib import Path

import pytest

from tests.support import ROOT

FORBIDDEN = {
    "cascades": ("pipeline", "labeling"),
    "labeling": ("pipeline", "cascades"),
    "pipeline": ("pipeline.stages",),
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


@pytest.mark.parametrize("package", FORBIDDEN)
def test_no_module_imports_against_the_arrows(package: str) -> None:
    modules = sorted((ROOT / package).rglob("*.py"))
    assert modules
    for module in modules:
        for name in imports(module):
            against = [other for other in FORBIDDEN[package] if name == other or name.startswith(other + ".")]
            assert not against, f"{module.relative_to(ROOT)} imports {name}"


def test_the_detector_of_opencv_is_an_oracle_in_tests_only() -> None:
    for module in sorted((ROOT / "cascades").rglob("*.py")) + sorted((ROOT / "pipeline").rglob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "CascadeClassifier" not in used, module


def test_nothing_is_pickled() -> None:
    for package in FORBIDDEN:
        for module in (ROOT / package).rglob("*.py"):
            assert not imports(module) & {"pickle", "joblib", "dill", "cloudpickle"}, module
