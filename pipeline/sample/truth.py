"""What is really in an episode: scenes and faces, computed from the plan alone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipeline.sample.expressions import nearest
from pipeline.sample.heads import face_box
from pipeline.sample.plan import FRAME_HEIGHT, FRAME_WIDTH, Drawing, Shot, drawing
from pipeline.sample.props import Shape, hidden_by
from pipeline.sample.script import episode_plan

MIN_HEIGHT = 32  # px, of a face worth annotating
MIN_VISIBLE = 0.6
MIN_GAIN = 500  # brightness in a fade, per mille
MAX_WHITE = 45  # of a flash, percent
GRID = 14  # points across a face at which it is looked for


@dataclass(frozen=True)
class SceneTruth:
    """Frames start_frame to stop_frame (exclusive); transition is how the scene begins: start, cut, fade, dissolve."""

    start_frame: int
    stop_frame: int
    transition: str


@dataclass(frozen=True)
class Truth:
    """Scenes, frame ranges (stop exclusive) of gradual transitions, and one row per face and frame."""

    scenes: list[SceneTruth]
    gradual: list[tuple[int, int]]
    faces: pd.DataFrame


class Face(NamedTuple):
    """A row of `Truth.faces`; the box is in px of the picture, clipped to it."""

    frame: int
    character: str
    x: int
    y: int
    w: int
    h: int
    expression: str
    blend: float
    yaw: float
    tilt_deg: float
    visible: float
    annotatable: bool


def episode_truth(name: str, take: int = 0) -> Truth:
    """Scenes and faces of an episode, or of another take of it (`script.episode_plan`)."""
    plan = episode_plan(name, take)
    scenes = [SceneTruth(shot.start, shot.stop, shot.transition) for shot in plan]
    gradual = []
    for shot, after in pairwise(plan):
        begin, end = shot.stop - shot.fade_out - shot.dark_tail - shot.dissolve, after.start + after.fade_in
        if begin < end:
            gradual.append((begin, end))
    rows = [face for shot in plan for face in _faces(shot)]
    return Truth(scenes, gradual, pd.DataFrame(rows, columns=list(Face._fields)))


def shot_drawings(shot: Shot, frame: int) -> list[Drawing]:
    """The actors of a frame of a shot, those farther away first."""
    return sorted((drawing(shot, actor, frame) for actor in shot.actors), key=lambda d: d.scale)


def box_of(d: Drawing) -> tuple[float, float, float, float]:
    """Left, top, right, bottom of a drawn face in px of the picture, not clipped."""
    left, top, right, bottom = face_box(d.character, d.pose, d.look.slump)
    return d.x + left * d.scale, d.y + top * d.scale, d.x + right * d.scale, d.y + bottom * d.scale


def _faces(shot: Shot) -> Iterator[Face]:
    for frame in range(shot.length):
        gain, white = shot.gain(frame), shot.white(frame)
        if gain == 0 or white == 100:
            continue
        clear = gain >= MIN_GAIN and white <= MAX_WHITE and shot.mix(frame) == 0
        drawings = shot_drawings(shot, frame)
        covers = _props_in_front(shot, frame)
        found = []
        for k, d in enumerate(drawings):
            nearer = [shape for other in drawings[k + 1 :] for shape in _figure_shapes(other)]
            face = _face(shot.start + frame, d, covers + nearer, clear)
            if face is not None:
                found.append(face)
        yield from sorted(found, key=lambda face: face.character)


def _face(frame: int, d: Drawing, covers: list[Shape], clear: bool) -> Face | None:
    left, top, right, bottom = box_of(d)
    x0, y0 = max(0, round(left)), max(0, round(top))
    x1, y1 = min(FRAME_WIDTH, round(right)), min(FRAME_HEIGHT, round(bottom))
    if x1 - x0 < 4 or y1 - y0 < 4:
        return None
    visible = _visible(left, top, right, bottom, covers)
    if visible < 0.05:
        return None
    expression, blend = nearest(d.weights)
    annotatable = y1 - y0 >= MIN_HEIGHT and visible >= MIN_VISIBLE and clear
    return Face(
        frame,
        d.character,
        x0,
        y0,
        x1 - x0,
        y1 - y0,
        expression,
        round(blend, 3),
        d.pose.yaw,
        d.pose.tilt,
        round(visible, 3),
        annotatable,
    )


def _visible(left: float, top: float, right: float, bottom: float, covers: list[Shape]) -> float:
    """Share of a grid of points in the box that lies in the picture and is not covered."""
    near = [s for s in covers if s.left < right and s.right > left and s.top < bottom and s.bottom > top]
    outside = left < 0 or top < 0 or right > FRAME_WIDTH or bottom > FRAME_HEIGHT
    if not near and not outside:
        return 1.0
    steps = (np.arange(GRID) + 0.5) / GRID
    x, y = left + steps[None, :] * (right - left), top + steps[:, None] * (bottom - top)
    seen = (x >= 0) & (x < FRAME_WIDTH) & (y >= 0) & (y < FRAME_HEIGHT)
    for s in near:
        if s.round:
            u = (2 * x - s.left - s.right) / (s.right - s.left)
            v = (2 * y - s.top - s.bottom) / (s.bottom - s.top)
            seen &= u * u + v * v > 1
        else:
            seen &= (x < s.left) | (x > s.right) | (y < s.top) | (y > s.bottom)
    return float(np.count_nonzero(seen)) / (GRID * GRID)


def _props_in_front(shot: Shot, frame: int) -> list[Shape]:
    view, even = shot.view(frame), shot.view(frame - frame % 2)
    shapes: list[Shape] = []
    for prop in shot.props:
        x, y = prop.place.at(frame - frame % 2)
        shapes += hidden_by(prop.name, view.point(x, y), round(prop.size * even.scale / 100, 2))
    return shapes


def _figure_shapes(d: Drawing) -> list[Shape]:
    """What a nearer character hides: its face and its trunk."""
    left, top, right, bottom = box_of(d)
    return [
        Shape(left, top, right, bottom, round=True),
        Shape(d.x - 34 * d.scale, d.y + 40 * d.scale, d.x + 34 * d.scale, d.y + 150 * d.scale),
    ]
