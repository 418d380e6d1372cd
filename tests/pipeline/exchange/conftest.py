"""The project whose boxes are exported and imported."""

import os
from pathlib import Path

import pytest

from tests.support.exchange_worlds import make_boxed_project

# Read when `datasets` is imported: it looks for nothing on other hosts, and tells them nothing.
os.environ |= {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1"}


@pytest.fixture
def boxed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The project's folder, in which the test runs."""
    monkeypatch.chdir(tmp_path)  # and back afterwards
    return make_boxed_project(tmp_path)
