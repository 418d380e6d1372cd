"""Dissolves: where they are found, what is none, and the fast search against a plain one."""

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from pipeline.params import Scenes
from pipeline.video.dissolves import DIFFERENT, MIDDLE, STEPS, UNEXPLAINED, WINDOWS, DissolveFinder
from pipeline.video.shots import find_starts, merge
from tests.support.worlds import write_video

Picture = npt.NDArray[np.uint8]
SIZE = (96, 64)


def place(seed: int, size: tuple[int, int] = SIZE) -> Picture:
    """A place of its own: soft colored patches."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 9, 3), dtype=np.uint8)
    return cv2.resize(coarse, size, interpolation=cv2.INTER_CUBIC)


def shot(seed: int, frames: int) -> list[Picture]:
    """A place in which a square walks."""
    pictures = [place(seed) for _ in range(frames)]
    for step, picture in enumerate(pictures):
        picture[20:28, 10 + step // 4 : 18 + step // 4] = (250, 240, 30)
    return pictures


def dissolve(before: list[Picture], after: list[Picture], frames: int) -> list[Picture]:
    """The end of a shot turning into the beginning of the next."""
    shares = np.arange(1, frames + 1) / (frames + 1)
    mixed = [
        (a * (1 - share) + b * share).round().astype(np.uint8)
        for a, b, share in zip(before[-frames:], after[:frames], shares, strict=True)
    ]
    return [*before[:-frames], *mixed, *after[frames:]]


def middles(pictures: list[Picture]) -> list[int]:
    finder = DissolveFinder()
    return [index - back for index, back in enumerate(map(finder.add, pictures)) if back]


@pytest.mark.parametrize("frames", [8, 20, 40])
def test_a_dissolve_is_found_inside_it(frames: int) -> None:
    found = middles(dissolve(shot(1, 90), shot(2, 90), frames))
    assert found
    assert all(abs(frame - (90 - frames / 2)) <= max(4, 0.4 * frames) for frame in found)


def test_what_is_no_dissolve() -> None:
    wide = place(3, (400, 64))
    still, dark = [place(4)] * 60, np.zeros((64, 96, 3), np.uint8)
    flash = [(picture * 0.2 + 204).astype(np.uint8) for picture in still[:3]]
    held = [place(10 + number // 3) for number in range(60)]
    lamp = [(place(4) * (0.35 + 0.65 * share)).astype(np.uint8) for share in np.linspace(0, 1, 20)]
    for name, pictures in {
        "a cut": shot(1, 60) + shot(2, 60),
        "a pan": [np.ascontiguousarray(wide[:, 4 * step : 4 * step + 96]) for step in range(70)],
        "a flash": [*still, *flash, *still],
        "a flash between two shots": [*shot(1, 60), *flash, *shot(2, 60)],
        "held drawings": held,
        "a lamp": [lamp[0]] * 40 + lamp + [lamp[-1]] * 40,
        "black": [dark] * 120,
    }.items():
        assert middles(pictures) == [], name


def plain(pictures: list[Picture]) -> list[int]:
    """What `DissolveFinder.add` answers, straight from the definition: every mixture by least squares."""
    looks = [picture.reshape(-1).astype(float) for picture in pictures]
    answers = [0] * len(looks)
    for half, most_alike in reversed(WINDOWS):
        passed, given = -100, False
        for last in range(2 * half, len(looks)):
            a, b = looks[last - 2 * half], looks[last]
            if np.sqrt(np.mean((b - a) ** 2)) < DIFFERENT or np.corrcoef(a, b)[0, 1] > most_alike:
                continue
            shares, left = [0.0], []
            for look in looks[last - 2 * half + 1 : last]:
                (share,), rest, *_ = np.linalg.lstsq((b - a)[:, None], look - a, rcond=None)
                shares.append(float(share))
                left.append(float(rest[0]))
            steps = [after - before for before, after in pairwise([*shares, 1.0])]
            if np.mean(left) > UNEXPLAINED * np.sum((b - a) ** 2) or min(steps) < STEPS[0] or max(steps) > STEPS[1]:
                continue
            given = given and last - passed <= half
            passed = last
            if not given and MIDDLE[0] <= shares[half] <= MIDDLE[1]:
                given, answers[last] = True, half
    return answers


def test_the_search_finds_what_a_plain_one_finds() -> None:
    dice = np.random.default_rng(6)
    pictures: list[Picture] = [place(0, (16, 8))] * 30
    for seed in range(1, 9):
        after = [
            np.clip(place(seed, (16, 8)).astype(int) + dice.integers(-9, 10, (8, 16, 3)), 0, 255).astype(np.uint8)
            for _ in range(70)
        ]
        frames = int(dice.integers(1, 30))
        pictures = dissolve(pictures, after, frames)
    finder = DissolveFinder()
    found = [finder.add(picture) for picture in pictures]
    assert found == plain(pictures)
    assert sum(map(bool, found)) > 4


def test_scenes_that_dissolve_are_found(tmp_path: Path) -> None:
    pictures = shot(1, 70)
    for seed in (2, 3):
        pictures = dissolve(pictures, shot(seed, 70), 20)
    path = write_video(tmp_path / "a.mp4", pictures)
    first, *others = find_starts(path, Fraction(24), Scenes())
    assert (first.frame, first.transition) == (0, "start")
    assert [start.transition for start in others] == ["dissolve", "dissolve"]
    assert [start.frame for start in others] == pytest.approx([60, 110], abs=4)


def test_a_dissolve_gives_way_to_cuts_and_fades() -> None:
    assert merge([60], [(100, 110)], 300, 15, [50, 80, 120, 150]) == [(60, "cut"), (105, "fade"), (150, "dissolve")]
    assert merge([], [], 300, 15, [10, 100, 110, 120]) == [(100, "dissolve"), (120, "dissolve")]
