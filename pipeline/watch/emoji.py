"""A small face for each emotion: a character for text and pages, a drawing for pictures and videos.

The drawings are our own, so that a video needs no font with emoji. Emotions are people's words: the usual ones, and
their nouns, have a face; any other word has the face that says nothing.
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import cv2
import numpy as np
import resvg_py

from pipeline.images import Pixels


@dataclass(frozen=True)
class Face:
    """An emotion as a character and as a drawing in a square of 100.

    mouth: how far its corners rise (down: negative) and how far it is open. brows: how far their inner ends rise.
    eyes: their radius. skin: color of the face.
    """

    text: str
    mouth: float = 0
    opening: float = 0
    brows: float = 0
    eyes: float = 7
    skin: str = "#ffd54a"


NEUTRAL: Final = Face("😐")
FACES: Final = {
    "angry": Face("😠", mouth=-9, brows=-12, skin="#ff8a65"),
    "happy": Face("😊", mouth=16, opening=6, brows=2),
    "neutral": NEUTRAL,
    "sad": Face("😢", mouth=-14, brows=10, skin="#90caf9"),
    "surprised": Face("😮", opening=14, brows=2, eyes=9, skin="#fff176"),
    "afraid": Face("😨", mouth=-8, opening=8, brows=12, eyes=10, skin="#b39ddb"),
    "disgusted": Face("🤢", mouth=-12, brows=-6, skin="#aed581"),
    "contempt": Face("😏", mouth=6, brows=-4),
}
SAME: Final = {
    "anger": "angry", "joy": "happy", "happiness": "happy", "sadness": "sad", "surprise": "surprised",
    "fear": "afraid", "scared": "afraid", "fearful": "afraid", "disgust": "disgusted", "unclear": "neutral",
}  # fmt: skip
UNKNOWN: Final = Face("🙂")


def face_of(emotion: str) -> Face:
    """The face of an emotion, by its name in params.yaml."""
    return FACES.get(SAME.get(emotion, emotion), UNKNOWN)


@lru_cache(maxsize=64)
def drawn(emotion: str, side: int) -> tuple[Pixels, Pixels]:
    """The drawing of an emotion, RGB uint8 [side, side, 3], and how much of each pixel it covers, [side, side]."""
    png = resvg_py.svg_to_bytes(svg_string=drawing_of(emotion), width=side, height=side, skip_system_fonts=True)
    image = np.asarray(cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_UNCHANGED), dtype=np.uint8)
    return np.ascontiguousarray(image[..., 2::-1]), np.ascontiguousarray(image[..., 3])


def drawing_of(emotion: str) -> str:
    """The drawing of an emotion as SVG, 100 × 100."""
    face = face_of(emotion)
    ink = 'stroke="#3a2b12" stroke-width="6" stroke-linecap="round" stroke-linejoin="round"'
    low, high = 70 - face.mouth / 2, 70 + face.mouth / 2
    upper, lower = high - face.opening, high + face.opening
    fill = "#7a2e2e" if face.opening else "none"
    brow = 36 - 2 * (face.eyes - 7)  # above larger eyes
    inner, outer = brow - face.brows, brow + face.brows * 0.4
    return f"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
<circle cx="50" cy="50" r="46" fill="{face.skin}" stroke="#3a2b12" stroke-width="4"/>
<circle cx="34" cy="48" r="{face.eyes}" fill="#3a2b12"/><circle cx="66" cy="48" r="{face.eyes}" fill="#3a2b12"/>
<path d="M22 {outer} L42 {inner} M78 {outer} L58 {inner}" fill="none" {ink}/>
<path d="M30 {low} Q50 {2 * upper - low} 70 {low} Q50 {2 * lower - low} 30 {low} Z" fill="{fill}" {ink}/>
</svg>"""
