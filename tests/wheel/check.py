"""`make wheel`: build the wheel, install it as a stranger would, and use it there.

The new environment has nothing of ours: pip chooses every package by the bounds in pyproject.toml, not by the lock.
Only torch is held to the lock's version, because on Linux any other may bring gigabytes of CUDA packages. Everything
runs outside the repository, so that what is imported is what was installed.
"""

import json
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from tests.support import ROOT
from tests.support.drawn_shapes import rows, write_project

Result = TypeVar("Result")

DATA = """
from importlib.resources import files
from pathlib import Path
import pipeline
assert "site-packages" in pipeline.__file__, pipeline.__file__
for package, names in {
    "pipeline": [
        "py.typed",
        "app/standalone/page.html",
        "pages/report.html",
        "project/template/dvc.yaml",
        "project/template/params.yaml",
        "search/search.html",
        "training/toon_faces.safetensors",
    ],
    "cascades": ["py.typed"],
    "labeling": [
        "py.typed",
        "label-studio.lock",
        "configs/boxes.xml",
        "configs/emotions.xml",
        "configs/names.xml",
        "configs/sheets.xml",
    ],
}.items():
    for name in names:
        assert (files(package) / name).is_file(), (package, name)
"""
DRAW = """
from pathlib import Path
import cv2
from pipeline.sample.render import Painter
from pipeline.sample.truth import episode_truth
faces, painter, lines = episode_truth("garden").faces, Painter("garden"), ["image,x,y,w,h"]
faces = faces[(faces["character"] == "cat") & faces["annotatable"]]
Path("images").mkdir()
for frame in range(80, 1440, 40):
    cv2.imwrite(f"images/{frame:04}.png", next(painter.frames(frame, frame + 1)))
    lines += [f"{frame:04}.png,{f.x},{f.y},{f.w},{f.h}" for f in faces[faces["frame"] == frame].itertuples()]
Path("boxes.csv").write_text("\\n".join(lines) + "\\n")
"""


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheels = timed("built", lambda: build(folder))
        binaries = folder / "venv" / "bin"
        timed("installed", lambda: install(wheels, folder))
        work = folder / "work"
        work.mkdir()
        timed("used", lambda: use(binaries, work))
        for path in sorted((ROOT / "docs" / "notebooks").glob("*.ipynb")):
            timed(f"docs/notebooks/{path.name}", partial(run_notebook, path, binaries, work))


def timed(what: str, step: Callable[[], Result]) -> Result:
    begun = time.monotonic()
    result = step()
    print(f"wheel: {what}, {time.monotonic() - begun:.0f} s", flush=True)
    return result


def build(folder: Path) -> list[Path]:
    """The wheels, `toonset` and `toonset-cascades`. A copy is built, so that no old file in build/ comes along."""
    source = folder / "source"
    for name in ("pipeline", "cascades", "labeling"):
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__", "build", "*.egg-info"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    run([sys.executable, "-m", "pip", "wheel", *options, str(source / "cascades"), str(source)])
    wheels = sorted(folder.glob("toonset*.whl"))
    assert len(wheels) == 2, wheels
    return wheels


def install(wheels: list[Path], folder: Path) -> None:
    venv.create(folder / "venv", with_pip=True)
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    constraints = folder / "constraints.txt"
    constraints.write_text("\n".join(line for line in lock if line.startswith("torch==")) + "\n", encoding="utf-8")
    python = str(folder / "venv" / "bin" / "python")
    # torch first: with it installed, nothing asks for another one.
    for what in (["--requirement", str(constraints)], ["--constraint", str(constraints), *map(str, wheels)]):
        run([python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *what])
    run([python, "-m", "pip", "check"])


def use(binaries: Path, work: Path) -> None:
    """What a newcomer does first: a project, and a cascade from a folder of images."""
    run([str(binaries / "python"), "-c", DATA], work)
    run([str(binaries / "toonset"), "new", "show"], work)
    run([str(binaries / "dvc"), "stage", "list"], work / "show")
    run([str(binaries / "python"), "-c", DRAW], work)
    settings = ["--stages", "4", "--positives", "200", "--negatives", "400"]
    run([str(binaries / "toonset"), "cascade", "train", "images", "boxes.csv", "cat.xml", *settings], work)
    found = run([str(binaries / "toonset"), "cascade", "detect", "cat.xml", "images"], work)
    assert len(found.splitlines()) > 1, found


def run_notebook(path: Path, binaries: Path, work: Path) -> None:
    """The code of a notebook as a program, on a drawn dataset: what runs here needs no Jupyter."""
    splits = (("train", 240), ("validation", 48), ("test", 60))
    write_project(work, {split: rows(number, seed, split) for seed, (split, number) in enumerate(splits)})
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = "\n\n".join("".join(cell["source"]) for cell in cells if cell["cell_type"] == "code")
    (work / f"{path.stem}.py").write_text(code, encoding="utf-8")
    print(run([str(binaries / "python"), f"{path.stem}.py"], work))


def run(command: list[str], folder: Path | None = None) -> str:
    """What a command prints. Stops with its last words where it fails."""
    environment = {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}
    environment |= {"MPLBACKEND": "Agg", "PYTHONWARNINGS": "default", "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"`{' '.join(command)[:200]}` failed:\n{(done.stdout + done.stderr)[-3000:]}")
    return done.stdout


if __name__ == "__main__":
    main()
