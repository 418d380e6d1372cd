"""Where faces are looked for: every frame of a scene gets an answer, and what is between costs no face."""

import itertools
from pathlib import Path

import numpy as np
import pytest

from pipeline.faces import search
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.faces.search import Region, Searcher, is_same_picture, search_regions, with_whole, within_reach
from pipeline.params import Faces
from pipeline.video.decode import decode_frames
from tests.pipeline.app.seen import MIN_SCORE, disc, scene
from tests.support.worlds import write_video


@pytest.mark.parametrize(("start", "stop"), [(0, 100), (7, 8), (5, 12), (1, 3), (299, 431)])
@pytest.mark.parametrize(("every", "search_every"), [(1, 12), (3, 12), (5, 3), (2, 1)])
def test_the_first_and_the_last_looked_at_frame_are_searched_whole(
    start: int, stop: int, every: int, search_every: int
) -> None:
    looked_at = [frame for frame in range(start, stop) if frame % every == 0]
    given = list(with_whole(looked_at, Faces(every=every, search_every=search_every)))
    whole = [frame for frame, searched in given if searched]
    assert [frame for frame, _ in given] == looked_at
    assert whole[:1] == looked_at[:1]
    assert whole[-1:] == looked_at[-1:]
    assert all(b - a <= max(every, search_every) for a, b in itertools.pairwise(whole))


@pytest.mark.parametrize(("pace", "searches"), [(0, 3), (6, 9)])
def test_a_face_that_runs_is_found_in_every_frame_and_one_that_stays_costs_no_search(
    tmp_path: Path, pace: int, searches: int
) -> None:
    """A face that runs is out of reach of both whole searches, 12 frames apart; so the middle is searched."""
    frames = 25
    shown = [scene(i, ((2 + pace * i, 60),), 240 - i) for i in range(frames)]
    video = write_video(tmp_path / "a.mp4", shown, options={"crf": "10"})
    params = Faces(every=1, search_every=12, min_size=32)
    searcher = Searcher([CharacterCascade("disc", disc(), MIN_SCORE)], params)
    sizes: list[tuple[int, ...]] = []
    made = search.Detector.detect

    def counted(self: search.Detector, gray: np.ndarray, **more: np.ndarray) -> object:
        sizes.append(gray.shape)
        return made(self, gray, **more)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search.Detector, "detect", counted)
        looks = list(searcher.scene(decode_frames(video)))
    assert [look.frame.index for look in looks] == list(range(frames))
    for look in looks:
        best = look.boxes[look.scores >= MIN_SCORE]
        away = np.abs(best[:, :2] - (2 + pace * look.frame.index, 60)).max(axis=1)
        assert away.min() < 12
    assert sizes.count((160, 200)) == searches


def test_within_reach() -> None:
    here = np.array([[10, 10, 20, 20], [100, 10, 40, 40]])
    assert within_reach(here, here + [9, -9, 0, 0])
    assert not within_reach(here, here + [11, 0, 0, 0])
    assert within_reach(here[:1], here)
    assert not within_reach(here, here[:1])
    assert within_reach(here[:0], here)
    assert not within_reach(here, here[:0])


def test_regions_hold_their_places_with_reach_and_never_touch() -> None:
    dice = np.random.default_rng(0)
    for count in (0, 1, 2, 5, 9):
        places = np.concatenate([dice.integers(0, 280, (count, 2)), dice.integers(24, 60, (count, 2))], axis=1)
        regions = search_regions(places, 320, 340)
        for x, y, w, h in places.tolist():
            (around,) = [r for r in regions if r.left <= x + w // 2 < r.right and r.top <= y + h // 2 < r.bottom]
            reach = max(w, h) // 2
            assert around.left <= max(0, x - reach)
            assert around.top <= max(0, y - reach)
            assert around.right >= min(320, x + w + reach)
            assert around.bottom >= min(340, y + h + reach)
            assert around.least <= max(w, h) <= around.largest
        assert not any(a.touches(b) for a, b in itertools.combinations(regions, 2))
        assert all(r.left % 2 == 0 and r.top % 2 == 0 for r in regions)
        assert all(0 <= r.left < r.right <= 320 and 0 <= r.top < r.bottom <= 340 for r in regions)


def test_touching_is_sharing_a_pixel() -> None:
    dice = np.random.default_rng(1)
    answers = set()
    for _ in range(200):
        (a, b), (c, d) = dice.integers(0, 6, (2, 2)).tolist()
        one, other = Region(a, b, a + 3, b + 2, 1, 1), Region(c, d, c + 2, d + 3, 1, 1)
        pixels = [{(x, y) for x in range(r.left, r.right) for y in range(r.top, r.bottom)} for r in (one, other)]
        assert one.touches(other) == bool(pixels[0] & pixels[1])
        answers.add(one.touches(other))
    assert answers == {True, False}


def test_noise_is_the_same_picture_and_a_small_change_is_not() -> None:
    dice = np.random.default_rng(2)
    gray = dice.integers(20, 230, (180, 320), dtype=np.uint8)
    noisy = (gray + dice.integers(-2, 3, gray.shape)).astype(np.uint8)
    assert is_same_picture(gray, noisy)
    blinked = noisy.copy()
    blinked[60:72, 100:116] //= 2
    assert not is_same_picture(gray, blinked)
