"""The film of the sample show: the same bytes every time, and a file that plays."""

from __future__ import annotations

import hashlib
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from pipeline.sample import episode_truth, render_episode
from pipeline.sample.render import Painter, write_video

# A change of these means that every published number about the sample show changes.
CLIP_PIXELS = "223764a976804a2fdebb31e22582a81a458fae18443dbdb7caefd84371293a5a"
CLIP_FILE = "bf7b42872264d5dfe0e2ceb950c694e28419c73affb4a151686be5c8d04a60bc"
GARDEN_FILE = "5e0b68de2cdd27d70569e72e2bd04d1c29f47021ebba9ac023c53b7f671ff38c"
CLIP = range(150, 174)  # two characters on the lawn, petals falling


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def film(path: Path) -> bytes:
    write_video(Painter("garden").frames(CLIP.start, CLIP.stop), path)
    return path.read_bytes()


def test_a_clip_has_the_same_pixels_on_every_machine() -> None:
    pixels = hashlib.sha256()
    for picture in Painter("garden").frames(CLIP.start, CLIP.stop):
        pixels.update(picture.tobytes())
    assert pixels.hexdigest() == CLIP_PIXELS


def test_a_clip_has_the_same_bytes_twice_and_whatever_the_threads(tmp_path: Path) -> None:
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        first = film(tmp_path / "one.mp4")
        cv2.setNumThreads(4)
        assert film(tmp_path / "two.mp4") == first
    finally:
        cv2.setNumThreads(threads)
    assert digest(first) == CLIP_FILE


def test_a_clip_plays(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    film(path)
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        assert stream.time_base == Fraction(1, 24)
        assert stream.average_rate == 24
        assert stream.codec_context.name == "h264"
        assert stream.codec_context.pix_fmt == "yuv420p"
        frames = list(file.decode(stream))
    assert [frame.pts for frame in frames] == list(range(len(CLIP)))
    assert {(frame.width, frame.height) for frame in frames} == {(640, 360)}
    drawn = cv2.cvtColor(next(Painter("garden").frames(CLIP.start)), cv2.COLOR_BGR2GRAY).astype(int)
    shown = frames[0].to_ndarray(format="gray").astype(int)
    assert np.abs(drawn - shown).mean() < 4  # what the encoder loses


def test_a_dissolve_goes_from_one_picture_to_the_next_in_even_steps() -> None:
    painter = Painter("garden")
    (stop,) = [scene.start_frame for scene in episode_truth("garden").scenes if scene.transition == "dissolve"]
    shot, after = next(pair for pair in pairwise(painter.plan) if pair[0].stop == stop)
    for frame in (0, 7, 19):
        at = shot.length - shot.dissolve + frame
        share = (frame + 1) / (shot.dissolve + 1)
        (shown,) = painter.frames(shot.start + at, shot.start + at + 1)
        mixed = painter.frame(shot, at) * (1 - share) + painter.frame(after, 0) * share
        assert np.abs(shown - mixed).max() <= 1.3  # a tenth of a percent of 255, and rounding


@pytest.mark.slow
def test_fades_gaps_and_flashes_look_like_it() -> None:
    painter = Painter("garden")
    truth = episode_truth("garden")
    dissolves = {scene.start_frame for scene in truth.scenes if scene.transition == "dissolve"}
    for start, stop in truth.gradual:
        if stop in dissolves:
            continue
        brightness = [int(picture.mean()) for picture in painter.frames(start, stop)]
        assert 0 in brightness
    shot = next(s for s in painter.plan if s.flash >= 0)
    assert painter.frame(shot, shot.flash + 1).min() == 255
    assert painter.frame(shot, shot.flash - 1).mean() < 200


def test_cuts_show_and_new_drawings_come_every_second_frame() -> None:
    painter = Painter("kitchen")
    still = next(s for s in painter.plan[1:] if s.actors and len(s.camera.frames) == 1 and not s.weather)
    even, odd = painter.frame(still, 20), painter.frame(still, 21)
    np.testing.assert_array_equal(even, odd)
    for before, after in zip(painter.plan[:4], painter.plan[1:5], strict=True):
        last, first = painter.frame(before, before.length - 1), painter.frame(after, 0)
        assert np.abs(last.astype(int) - first).mean() > 10


@pytest.mark.slow
def test_a_whole_episode(tmp_path: Path) -> None:
    done: list[int] = []
    render_episode("garden", tmp_path / "garden.mp4", on_frame=lambda: done.append(1))
    assert len(done) == 1440
    assert digest((tmp_path / "garden.mp4").read_bytes()) == GARDEN_FILE
