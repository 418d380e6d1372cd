"""The two pictures on the page for boxing: how a face is boxed, and how not; drawn from the sample show.

`python -m pipeline.sample.guide labeling/configs/boxes.jpg` writes them, side by side.
"""

import sys
from pathlib import Path

import cv2
import numpy as np

from pipeline.images import encode_jpeg
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH
from pipeline.sample.render import Painter
from pipeline.sample.svg import Image
from pipeline.sample.truth import episode_truth

EPISODE, FRAME = "harbour", 40
"""Both characters are seen from the front there."""
HEIGHT = 150
"""px, of each picture."""
GAP = 12
GREEN, RED = (40, 170, 70), (214, 39, 40)
AROUND = (0.45, 0.75)
"""How much wider and higher the wrong box is: ears and hair are in it."""


def guide() -> Image:
    """RGB uint8 [H, W, 3]: left the boxes as they should be, right as they should not."""
    painter = Painter(EPISODE)
    shot = next(one for one in painter.plan if one.start <= FRAME < one.stop)
    picture = np.ascontiguousarray(painter.frame(shot, FRAME - shot.start)[..., ::-1])  # BGR
    faces = episode_truth(EPISODE).faces
    right, wrong = picture.copy(), picture.copy()
    for x, y, w, h in faces.loc[faces["frame"] == FRAME, list("xywh")].to_numpy(np.int64).tolist():
        cv2.rectangle(right, (x, y), (x + w, y + h), GREEN, 5)
        wide, high = round(AROUND[0] * w), round(AROUND[1] * h)
        place = (max(3, x - wide), max(3, y - high)), (min(FRAME_WIDTH - 4, x + w + wide), min(FRAME_HEIGHT, y + h) - 4)
        cv2.rectangle(wrong, *place, RED, 5)
        cv2.line(wrong, *place, RED, 5)
    size = (round(HEIGHT * FRAME_WIDTH / FRAME_HEIGHT), HEIGHT)
    both = [cv2.resize(one, size, interpolation=cv2.INTER_AREA) for one in (right, wrong)]
    white = np.full((HEIGHT, GAP, 3), 255, np.uint8)
    return np.ascontiguousarray(np.hstack([both[0], white, both[1]])).astype(np.uint8, copy=False)


if __name__ == "__main__":
    Path(sys.argv[1]).write_bytes(encode_jpeg(guide(), 70))
