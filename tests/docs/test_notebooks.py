"""The notebooks run from the first cell to the last; they are kept without what they print."""

import json
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

from tests.support import ROOT
from tests.support.drawn_shapes import rows, write_project

NOTEBOOKS = ROOT / "docs" / "notebooks"


def run(name: str, folder: Path) -> str:
    """Run a notebook in a folder and give what it printed. Raises CellExecutionError where a cell fails."""
    book = nbformat.read(NOTEBOOKS / f"{name}.ipynb", as_version=4)
    place = {"metadata": {"path": str(folder)}}
    NotebookClient(book, timeout=600, startup_timeout=300, resources=place).execute()
    outputs = [output for cell in book.cells for output in cell.get("outputs", [])]
    return "".join(output["text"] for output in outputs if output["output_type"] == "stream")


def test_notebooks_are_kept_without_outputs() -> None:
    paths = sorted(NOTEBOOKS.glob("*.ipynb"))
    assert [path.stem for path in paths] == ["own-cascade", "own-network"]
    for path in paths:
        for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
            assert not cell.get("outputs"), path
            assert cell.get("execution_count") is None, path


@pytest.mark.slow
def test_a_network_of_ones_own_learns_the_dataset(tmp_path: Path) -> None:
    drawn = {"train": rows(240, 0), "validation": rows(48, 1, "validation"), "test": rows(60, 2, "test")}
    write_project(tmp_path, drawn)
    printed = run("own-network", tmp_path)
    accuracy = float(printed.partition("accuracy ")[2].partition(";")[0])
    assert accuracy > 0.8  # of three shapes; the most frequent one makes a third


@pytest.mark.slow
def test_a_cascade_is_trained_from_a_folder_of_images(tmp_path: Path) -> None:
    printed = run("own-cascade", tmp_path)
    assert "120 images to train on, 60 to test on" in printed
    recall = float(printed.partition(" at 1.0 false positives")[0].rpartition("recall ")[2])
    assert recall > 0.8
