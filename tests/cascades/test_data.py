"""Cascade files of this machine: a prefix is drawn, as a package of the system fills it."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from cascades import CascadeClassifier, CascadeFileNotFound, data
from cascades.cli import app
from tests.cascades.recorded import CASCADES


@pytest.fixture
def prefix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The only place that is searched: neither the cv2 of these tests nor the system's packages."""
    (tmp_path / "cv2").mkdir()
    monkeypatch.setattr("cascades.data.cv2.__file__", str(tmp_path / "cv2" / "__init__.py"))
    monkeypatch.setattr("cascades.data.prefixes", lambda: [tmp_path])
    return tmp_path


def test_files_of_a_system_package_are_found(prefix: Path) -> None:
    for kind, name in (("haarcascades", "haarcascade_eye.xml"), ("lbpcascades", "lbpcascade_frontalface.xml")):
        folder = prefix / "share" / "opencv4" / kind
        folder.mkdir(parents=True)
        CASCADES["haar stumps" if kind == "haarcascades" else "lbp stumps"]().save(folder / name)
    assert list(data.available()) == ["haarcascade_eye.xml", "lbpcascade_frontalface.xml"]
    assert CascadeClassifier(data.find("haarcascade_eye")).getFeatureType() == 0
    assert CascadeClassifier(data.lbpcascades + "lbpcascade_frontalface.xml").getFeatureType() == 1
    assert data.find("haarcascade_eye.xml") == Path(data.haarcascades + "haarcascade_eye.xml")
    with pytest.raises(
        CascadeFileNotFound, match=r"no smile\.xml on this machine; there are haarcascade_eye\.xml, lbp"
    ):
        data.find("smile")
    listed = CliRunner().invoke(app, ["data"])
    assert listed.stdout.split() == [str(path) for path in data.available().values()]


def test_the_files_of_the_imported_opencv_come_first(prefix: Path) -> None:
    for folder in (prefix / "cv2" / "data", prefix / "share" / "opencv" / "haarcascades"):
        folder.mkdir(parents=True)
        CASCADES["haar stumps"]().save(folder / "haarcascade_eye.xml")
    assert data.find("haarcascade_eye") == prefix / "cv2" / "data" / "haarcascade_eye.xml"


def test_where_there_are_none_it_says_what_to_install(prefix: Path) -> None:
    (prefix / "cv2" / "data").mkdir()  # as OpenCV 5 leaves it
    assert data.available() == {}
    for ask in (lambda: data.find("haarcascade_eye"), lambda: data.haarcascades):
        with pytest.raises(CascadeFileNotFound, match="apt install opencv-data"):
            ask()
    done = CliRunner().invoke(app, ["data"])
    assert done.exit_code == 1
    assert done.output.startswith("error: no cascade files on this machine. On Debian")
    with pytest.raises(AttributeError, match="no attribute 'haarcascade'"):
        _ = data.haarcascade
