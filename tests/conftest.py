"""What all tests share: where the real film is, where it is present."""

from pathlib import Path

import pytest

FOOTAGE = Path(__file__).resolve().parents[2] / "shared" / "footage"


@pytest.fixture
def footage() -> Path:
    """The folder of real footage; the tests that need it run wherever it lies beside the repository."""
    if not FOOTAGE.is_dir():
        pytest.skip(f"no footage in {FOOTAGE}")
    return FOOTAGE
