"""A color for each character, the same on every page, picture and video of a project."""

from collections.abc import Sequence
from typing import Final

COLORS: Final = ("#d9822b", "#3b82c4", "#3f9b57", "#b5489a", "#8a6d3b", "#6d5bd0", "#c23b3b", "#2a9d9d")


def character_colors(characters: Sequence[str]) -> dict[str, str]:
    """#rrggbb by character, in the order of params.yaml; from the ninth on colors come again."""
    return {name: COLORS[index % len(COLORS)] for index, name in enumerate(characters)}
