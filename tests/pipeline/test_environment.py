"""One environment: a single cv2, the packages the lock names, and the same list in pyproject.toml."""

import re
import subprocess
import tomllib
from importlib import metadata
from itertools import chain

from pipeline.version import VERSION
from tests.support import ROOT


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {
        name.lower().replace("_", "-"): version
        for name, version in (line.split("==") for line in lines if line and not line.startswith("#"))
    }


def test_there_is_one_opencv_and_it_is_the_headless_one() -> None:
    owners = [name for name in metadata.packages_distributions()["cv2"] if name is not None]
    assert sorted(set(owners)) == ["opencv-python-headless"]


def test_what_is_installed_is_what_the_lock_names() -> None:
    for name, version in locked().items():
        assert metadata.version(name).split("+")[0] == version, name


def test_the_lock_holds_every_dependency_and_no_address() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [*project["dependencies"], *chain(*project["optional-dependencies"].values())]
    assert {re.split(r"[<>=!~ ]", name)[0].lower() for name in names} <= set(locked())
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_no_cuda_comes_along() -> None:
    assert not [name for name in locked() if name.startswith(("nvidia-", "triton"))]


def test_the_version_stands_once() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert project["version"] == VERSION
    for path in subprocess.check_output(["git", "ls-files", "*.py", "*.cff"], cwd=ROOT, text=True).split():
        assert not re.search(r"(?<!cff-)version\W+\d+\.\d+\.\d+", (ROOT / path).read_text(), re.IGNORECASE), path
