"""`make wheel-cascades`: build toonset-cascades, install it as a stranger would, and run its tests there alone.

The wheel is built from the sdist. The new environment has nothing of ours, and pip takes the newest OpenCV. So the
tests run twice: with that one, and with OpenCV 4, whose classifier is there to compare with.
"""

import shutil
import subprocess
import sys
import venv
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.support import ROOT
from tests.wheel.check import run, timed

ANY_OPENCV = ("test_drop_in_recorded.py", "test_data.py", "test_page.py", "test_sources.py", "test_traincascade.py",
              "test_view.py")  # fmt: skip
OPENCV_4 = ("test_drop_in.py", "test_drop_in_recorded.py")
SDIST = "import setuptools.build_meta as build, sys; build.build_sdist(sys.argv[1])"
FACTS = """
import cv2, sys
import cascades
assert "site-packages" in cascades.__file__, cascades.__file__
assert not {name.partition(".")[0] for name in sys.modules} & {"pipeline", "torch", "pandas"}
print("OpenCV", cv2.__version__, "with" if hasattr(cv2, "CascadeClassifier") else "without", "CascadeClassifier")
"""


def main() -> None:
    with TemporaryDirectory() as name:
        folder = Path(name)
        wheel = timed("cascades built", partial(build, folder))
        python = str(folder / "venv" / "bin" / "python")
        timed("cascades installed", partial(install, wheel, folder, python))
        tests = copy_tests(folder / "tests")
        print(run([python, "-c", FACTS], folder), end="")
        timed("cascades' tests", partial(test, python, tests, ANY_OPENCV))
        pip(python, "install", "opencv-python-headless<5")
        print(run([python, "-c", FACTS], folder), end="")
        timed("cascades' tests", partial(test, python, tests, OPENCV_4))


def build(folder: Path) -> Path:
    """The wheel, built from the sdist. A copy is built, so that no old file in build/ comes along."""
    source = folder / "source"
    source.mkdir()
    listed = subprocess.check_output(["git", "ls-files", "-co", "--exclude-standard", "cascades"], cwd=ROOT, text=True)
    for name in listed.split():
        shutil.copy(ROOT / name, source)
    run([sys.executable, "-c", SDIST, str(folder)], source)
    (sdist,) = folder.glob("toonset_cascades-*.tar.gz")
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", str(folder)]
    run([sys.executable, "-m", "pip", "wheel", *options, str(sdist)])
    (wheel,) = folder.glob("toonset_cascades-*.whl")
    return wheel


def pip(python: str, *words: str) -> None:
    run([python, "-m", "pip", "--quiet", "--disable-pip-version-check", *words])


def install(wheel: Path, folder: Path, python: str) -> None:
    venv.create(folder / "venv", with_pip=True)
    pip(python, "install", str(wheel))
    pip(python, "check")
    pip(python, "install", "pytest")


def copy_tests(tests: Path) -> Path:
    """The tests of the library and nothing else of this repository."""
    shutil.copytree(ROOT / "tests" / "cascades", tests / "cascades", ignore=shutil.ignore_patterns("__pycache__"))
    (tests / "__init__.py").touch()
    return tests


def test(python: str, tests: Path, files: tuple[str, ...]) -> None:
    paths = [str(tests / "cascades" / name) for name in files]
    print(run([python, "-m", "pytest", "-q", "-p", "no:cacheprovider", *paths], tests.parent).splitlines()[-1])


if __name__ == "__main__":
    main()
