"""Where the real film is, where it is present; and long files first, so that no core idles at the end."""

from pathlib import Path

import pytest

from tests.support import CASES, FOOTAGE

LONG = (
    "test_annotators.py",
    "test_server_faults.py",
    "test_sample_project.py",
    "test_faults.py",
    "test_film.py",
    "test_train.py",
    "test_download.py",
    "test_download_addresses.py",
)

SERVERS = {"dask", "studio"}
"""The fixtures that start a Dask cluster or Label Studio."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take minutes come first; a test with a server has its mark from the fixture that starts it."""
    for item in items:
        if SERVERS & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.server)
    items.sort(key=lambda item: LONG.index(item.path.name) if item.path.name in LONG else len(LONG))


@pytest.fixture(scope="session")
def footage() -> Path:
    """The folder of real footage; the tests that need it run wherever it lies beside the repository."""
    if not FOOTAGE.is_dir():
        pytest.skip(f"no footage in {FOOTAGE}")
    return FOOTAGE


@pytest.fixture(scope="session")
def cases() -> Path:
    """The folder of small files that went wrong; each fault is drawn in a test of its own too."""
    if not CASES.is_dir():
        pytest.skip(f"no cases in {CASES}")
    return CASES
