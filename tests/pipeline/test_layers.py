"""What no module may use; `make lint` checks the order of the rooms (import-linter, set up in pyproject.toml)."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import ROOT

PACKAGES = ("pipeline", "cascades", "labeling")


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def test_the_detector_of_opencv_is_an_oracle_in_tests_only() -> None:
    for module in sorted((ROOT / "cascades").rglob("*.py")) + sorted((ROOT / "pipeline").rglob("*.py")):
        tree = ast.parse(module.read_text(encoding="utf-8"))
        used = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "CascadeClassifier" not in used, module


def test_nothing_is_pickled() -> None:
    for package in PACKAGES:
        for module in (ROOT / package).rglob("*.py"):
            assert not imports(module) & {"pickle", "joblib", "dill", "cloudpickle"}, module


@pytest.mark.slow
def test_reports_do_not_reach_the_detector() -> None:
    """What shows faces needs no search for them: the function that cuts them stands apart."""
    code = "import sys, pipeline.stages.report; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert "pipeline.faces.crops" in loaded
    assert not loaded & {f"pipeline.faces.{name}" for name in ("find", "search", "runs", "tracks")}
