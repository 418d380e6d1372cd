"""What several tests need: places, drawn worlds, real servers and a real browser."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
"""The repository."""
FOOTAGE = ROOT.parent / "shared" / "footage"
"""Real footage with known truth; it may be missing."""
CASES = ROOT.parent / "shared" / "cases"
"""Small files that went wrong, with what is right for each; they may be missing."""
