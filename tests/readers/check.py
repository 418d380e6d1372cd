"""`make readers [LIBRARY…]`: our exports, read by the programs that they are for.

Each library is installed in an environment of its own, for the larger ones want other versions of packages than ours.
What it reads is compared with what was exported, box by box and face by face. The light ones that share our
environment are tested with the rest (tests/pipeline/exchange, tests/pipeline/release).
"""

import json
import shutil
import subprocess
import sys
import venv
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from pipeline.exchange.export import export
from pipeline.release.make import Choices, make_release
from tests.readers.read import READERS
from tests.support import ROOT
from tests.support.exchange_worlds import BOXED, labelled_faces, make_boxed_project, make_faces_project

BOXES: Final = ("coco", "cvat", "voc", "yolo")
FACES: Final = ("folder", "huggingface", "webdataset")
PACKAGES: Final = {
    "datumaro": ["datumaro"],
    "duckdb": ["duckdb"],
    "fiftyone": ["fiftyone"],
    "keras": ["Keras-Preprocessing", "pillow", "scipy"],
    "polars": ["polars"],
    "supervision": ["supervision"],
    "torchvision": ["torch", "pillow", "numpy"],
    "ultralytics": ["torch", "opencv-python-headless", "matplotlib", "pillow", "polars", "psutil", "pyyaml", "requests",
                    "scipy"],
    "webdataset": ["webdataset", "pillow"],
}  # fmt: skip
ALONE: Final = {"torchvision": ["torchvision"], "ultralytics": ["torchvision", "ultralytics", "ultralytics-thop"]}
"""Installed without what they ask for, which would be another torch, with CUDA."""
DISTRIBUTION: Final = {"keras": "Keras-Preprocessing"}
NEAR_PX: Final = 0.01
MOVED_PX: Final = {"datumaro voc": 1.0, "fiftyone voc": 1.0}
"""These two count VOC's pixels from 0, VOC itself from 1 (docs/exchange.md)."""


def main(wanted: list[str]) -> int:
    """Read all exports, print a table; the number of readers that found something else."""
    wrong = 0
    with TemporaryDirectory() as name:
        folder = Path(name)
        exports = make_exports(folder)
        print("| library | format | read |\n|---|---|---|")
        for library in wanted or sorted(PACKAGES):
            python = environment(library, folder / "environments" / library)
            version = said_by([str(python), "-c", VERSION, DISTRIBUTION.get(library, library)], folder)
            for reader in (one for one in READERS if one.split()[0] == library):
                form = reader.split()[1]
                fault = read_by(python, reader, exports[form])
                wrong += bool(fault)
                found = "all of it, boxes moved by 1 px" if reader in MOVED_PX else "all of it"
                print(f"| {library} {version} | {form} | {fault or found} |", flush=True)
    return wrong


VERSION: Final = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


def make_exports(folder: Path) -> dict[str, Path]:
    """Folder of each export."""
    exports = {form: folder / "exports" / form for form in (*BOXES, *FACES)}
    make_boxed_project(folder / "boxed")
    for form in BOXES:
        export(form, exports[form])
    make_faces_project(folder / "faces")
    for form in FACES:
        export(form, exports[form])
    return exports | {"release": make_release("1.0.0", Choices()).resolve()}


def environment(library: str, place: Path) -> Path:
    """The Python of a new environment with the library."""
    venv.create(place, with_pip=True)
    python = place / "bin" / "python"
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    constraints = place / "constraints.txt"
    constraints.write_text("\n".join(line for line in lock if line.startswith("torch==")) + "\n", encoding="utf-8")
    install = [str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    said_by([*install, "--constraint", str(constraints), *PACKAGES[library]], place)
    if library in ALONE:
        said_by([*install, "--no-deps", *ALONE[library]], place)
    return python


def said_by(command: list[str], folder: Path) -> str:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return done.stdout.strip()


def read_by(python: Path, reader: str, given: Path) -> str:
    """What is wrong with what a library reads of an export; empty where nothing is."""
    # A copy: some libraries write caches beside what they read.
    with TemporaryDirectory() as name:
        copy = Path(shutil.copytree(given, Path(name) / given.name))
        command = [str(python), str(ROOT / "tests" / "readers" / "read.py"), reader, str(copy)]
        done = subprocess.run(command, cwd=name, capture_output=True, text=True, check=False)
    if done.returncode:
        return f"refused: {(done.stderr.strip() or 'no message').splitlines()[-1][:200]}"
    return difference(json.loads(done.stdout.strip().splitlines()[-1]), MOVED_PX.get(reader, NEAR_PX))


def difference(found: dict[str, Any], allowed_px: float = NEAR_PX) -> str:
    """What was found beside what was exported. allowed_px: how far the edges of a box may be from ours."""
    if "boxes" in found:
        boxes = sorted((picture, name, place) for picture, name, place in found["boxes"])
        if [one[:2] for one in boxes] != [one[:2] for one in BOXED]:
            return f"other boxes: {boxes}"
        far = max(
            abs(a - b) for one, other in zip(boxes, BOXED, strict=True) for a, b in zip(one[2], other[2], strict=True)
        )
        return "" if far <= allowed_px else f"boxes that differ by up to {far:.2f} px"
    known: dict[str, dict[str, str]] = {}
    for row in labelled_faces().to_dict("records"):
        known.setdefault(row["split"], {})[row["face_id"]] = row["emotion"]
    return "" if found["faces"] == known else f"other faces: {found['faces']}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
