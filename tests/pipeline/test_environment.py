"""One environment: a single cv2, the packages the lock names, and the same list in pyproject.toml."""

import re
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import chain
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from pipeline.version import VERSION
from tests.pipeline.test_layers import PACKAGES, imports
from tests.support import ROOT

CASCADES = "toonset-cascades"
"""The distribution in cascades/, which the project depends on and no index has."""


def project(folder: str = ".") -> dict[str, Any]:
    return dict(tomllib.loads((ROOT / folder / "pyproject.toml").read_text())["project"])


def locked() -> dict[str, str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return {
        name.lower().replace("_", "-"): version
        for name, version in (line.split("==") for line in lines if line and not line.startswith("#"))
    }


@pytest.mark.slow
def test_there_is_one_opencv_and_it_is_the_headless_one() -> None:
    owners = [name for name in metadata.packages_distributions()["cv2"] if name is not None]
    assert sorted(set(owners)) == ["opencv-python-headless"]


def test_what_is_installed_is_what_the_lock_names() -> None:
    for name, version in locked().items():
        assert metadata.version(name).split("+")[0] == version, name


def test_the_lock_holds_every_dependency_and_no_address() -> None:
    main, cascades = project(), project("cascades")
    names = [*main["dependencies"], *chain(*main["optional-dependencies"].values()), *cascades["dependencies"]]
    assert {re.split(r"[<>=!~ ]", name)[0].lower() for name in names} - {CASCADES} <= set(locked())
    assert "://" not in (ROOT / "requirements.lock").read_text()


def test_no_cuda_comes_along() -> None:
    assert not [name for name in locked() if name.startswith(("nvidia-", "triton"))]


def test_the_version_stands_once() -> None:
    assert project()["version"] == VERSION
    for path in subprocess.check_output(["git", "ls-files", "*.py", "*.cff"], cwd=ROOT, text=True).split():
        assert not re.search(r"(?<!cff-)version\W+\d+\.\d+\.\d+", (ROOT / path).read_text(), re.IGNORECASE), path


def test_the_lock_is_within_the_bounds_of_a_plain_install() -> None:
    versions = locked() | {CASCADES: project("cascades")["version"]}
    for folder in (".", "cascades"):
        one = project(folder)
        for text in [*one["dependencies"], *chain(*one.get("optional-dependencies", {}).values())]:
            wanted = Requirement(text)
            assert wanted.specifier.contains(versions[wanted.name.lower().replace("_", "-")]), text
        assert all(Requirement(text).specifier for text in one["dependencies"])
        assert SpecifierSet(one["requires-python"]) == SpecifierSet(">=3.11,<3.14")


@pytest.mark.slow
def test_what_is_imported_is_declared() -> None:
    main = project()
    extras = chain(*(main["optional-dependencies"][name] for name in ("app", "cluster", "fer", "onnx")))
    ours = {canonicalize_name(Requirement(text).name) for text in [*main["dependencies"], *extras]}
    theirs = {canonicalize_name(Requirement(text).name) for text in project("cascades")["dependencies"]}
    owners = metadata.packages_distributions()
    for package in PACKAGES:
        declared = theirs if package == "cascades" else ours
        for path in sorted((ROOT / package).rglob("*.py")):
            tops = {name.partition(".")[0] for name in imports(path)} - set(PACKAGES) - sys.stdlib_module_names
            for top in tops:
                assert {canonicalize_name(owner) for owner in owners[top]} & declared, (path, top)
