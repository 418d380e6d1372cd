"""Contact sheets: many small pictures on one, for people to look at."""

from collections.abc import Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from pipeline.images import Pixels, shrink

BACKGROUND = 255
"""Gray level between the pictures."""


def contact_sheet(pictures: Sequence[Pixels], columns: int, side: int = 72, gap: int = 4) -> Pixels:
    """The pictures (RGB uint8 [H, W, 3]) as squares of `side` px in rows of `columns`, in their order."""
    rows = max(1, -(-len(pictures) // columns))
    columns = min(columns, max(1, len(pictures)))
    sheet = np.full((rows * (side + gap) + gap, columns * (side + gap) + gap, 3), BACKGROUND, np.uint8)
    for index, picture in enumerate(pictures):
        top, left = (gap + (side + gap) * part for part in divmod(index, columns))
        sheet[top : top + side, left : left + side] = shrink(picture, side, side)
    return sheet


def figure(width: float, height: float) -> Figure:
    """An empty matplotlib figure in the report's style, inches; no global state, no window."""
    with mpl.rc_context({"font.size": 9}):
        return Figure(figsize=(width, height), dpi=110, layout="constrained")
