"""What several tests need: places, drawn worlds, real servers and a real browser."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
FOOTAGE = ROOT.parent / "shared" / "footage"
"""Real footage with known truth; it may be missing."""
