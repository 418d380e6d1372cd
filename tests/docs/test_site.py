"""The documentation site: built strictly, complete, and without anything from other hosts."""

import importlib
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
import typer

from pipeline.cli import app
from pipeline.params import Params
from tests.support import ROOT

LOADS = {("script", "src"), ("link", "href"), ("img", "src"), ("iframe", "src"), ("source", "src"), ("object", "data")}
"""The attributes whose address a browser fetches by itself."""


class Page(HTMLParser):
    """What a page loads, and its anchors."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.loads: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loads |= {value for name, value in attrs if value and (tag, name) in LOADS}
        self.anchors |= {value for name, value in attrs if value and name == "id"}


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(folder)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return folder


@pytest.mark.slow
def test_a_browser_loads_nothing_from_another_host(site: Path) -> None:
    pages = sorted(site.rglob("*.html"))
    assert len(pages) > 10
    for path in pages:
        for address in Page(path).loads:
            assert not address.startswith(("http:", "https:", "//")), (path, address)
            loaded = address.partition("?")[0].partition("#")[0]
            # 404.html is shown at any depth, so its addresses begin at the root.
            file = site / loaded.lstrip("/") if loaded.startswith("/") else path.parent / loaded
            assert address.startswith("data:") or file.exists(), (path, address)
    for path in site.rglob("*.css"):
        assert "url(http" not in path.read_text(encoding="utf-8").replace("'", "").replace('"', ""), path


@pytest.mark.slow
def test_every_guide_and_every_notebook_is_a_page(site: Path) -> None:
    made = {path.relative_to(site).with_suffix("").as_posix() for path in site.rglob("*.html")}
    written = {path.relative_to(ROOT / "docs") for kind in ("*.md", "*.ipynb") for path in (ROOT / "docs").rglob(kind)}
    assert {path.with_suffix("").as_posix() for path in written} | {"index", "changelog", "contributing"} <= made


@pytest.mark.parametrize("package", ["pipeline", "cascades", "labeling"])
def test_every_public_name_is_in_the_reference(site: Path, package: str) -> None:
    anchors = Page(site / "api" / f"{package}.html").anchors
    names = [name for name in importlib.import_module(package).__all__ if not name.startswith("__")]
    # An anchor is where the thing is defined, or under the name by which people import it.
    assert [name for name in names if not any(anchor.endswith(f".{name}") for anchor in anchors)] == []


def test_every_command_is_in_the_reference(site: Path) -> None:
    text = (site / "commands.html").read_text(encoding="utf-8")
    group = typer.main.get_command(app)
    for name, command in group.commands.items():  # type: ignore[attr-defined]
        assert f"toonset {name}" in text
        for inner in getattr(command, "commands", {}):
            assert f"toonset {name} {inner}" in text


def test_every_setting_is_in_the_reference(site: Path) -> None:
    text = (site / "params.html").read_text(encoding="utf-8")
    for name, field in Params.model_fields.items():
        assert name in text
        for key in getattr(field.annotation, "model_fields", {}):
            assert f"<code>{key}</code>" in text, (name, key)
