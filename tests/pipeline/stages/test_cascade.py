"""The cascade and faces stages on a world drawn here: learned, measured, tracked, cropped."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
import pytest

from cascades import Cascade, Roc, chroma_of
from pipeline import paths
from pipeline.errors import InputError, StageError
from pipeline.faces.boxed_frames import BoxedFrame
from pipeline.faces.cascade_figures import choose_score, detect, figures, measure, probabilities
from pipeline.faces.cascade_files import CharacterCascade, load_cascade, save_cascade
from pipeline.faces.find import find_faces
from pipeline.images import decode_rgb
from pipeline.params import CascadeParams, Faces, FacesFrom, Params
from pipeline.schemas import EPISODES, FACES
from pipeline.stages.cascade import learn, read_pictures
from pipeline.tables import to_table, write_table
from pipeline.video.decode import decode_frames
from pipeline.video.probe import probe
from tests.support.worlds import write_video

PARAMS = Params(
    toonset="0.1",
    episodes=(),
    characters=("dot",),
    emotions=("happy", "sad"),
    cascade=CascadeParams(stages=5, positives=200, negatives=400, planes="gray"),
    faces=Faces(every=1, min_size=24, min_track=2, crop_size=40),
)
SCENES = pd.DataFrame(
    {"episode_id": "e", "scene": [0, 1], "start_frame": [0, 12], "stop_frame": [12, 20], "start_pts": [0, 500]}
)


def draw(picture: np.ndarray, x: int, y: int, side: int) -> None:
    """A face of two eyes and a mouth on a disc, `side` px high and wide."""
    centre, radius = (x + side // 2, y + side // 2), side // 2
    cv2.circle(picture, centre, radius, (225, 215, 200), -1)
    for dx in (-1, 1):
        cv2.circle(picture, (centre[0] + dx * side // 5, centre[1] - side // 8), max(2, side // 9), (30, 30, 40), -1)
    cv2.rectangle(picture, (x + side // 4, y + 2 * side // 3), (x + 3 * side // 4, y + 4 * side // 5), (60, 40, 40), -1)


def background(rng: np.random.Generator, width: int, height: int) -> np.ndarray:
    coarse = rng.integers(30, 220, (height // 16 + 1, width // 16 + 1, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR_EXACT))


def boxed(count: int, split: str, seed: int, **more: Any) -> list[BoxedFrame]:
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        picture = background(rng, 160, 120)
        side = int(rng.integers(28, 60))
        x, y = int(rng.integers(0, 160 - side)), int(rng.integers(0, 120 - side))
        draw(picture, x, y, side)
        gray = np.ascontiguousarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY))
        known = {"boxes": ((x, y, side, side),), "complete": True, "split": split}
        frames.append(BoxedFrame("e", index, gray, chroma_of(picture), **(known | more)))
    return frames


@pytest.fixture(scope="module")
def cascade() -> Cascade:
    return learn("dot", boxed(40, "train", 0), PARAMS.cascade)[0]


def test_boxed_pictures_of_no_episode_are_learned_as_frames_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_table(paths.EPISODES, to_table([], EPISODES))
    frames = boxed(3, "train", 0)
    place = paths.GIVEN_PICTURES / "web"
    place.mkdir(parents=True)
    rows = ["file,character,x,y,w,h"]
    for number, frame in enumerate(frames):
        rng = np.random.default_rng(number)
        picture = background(rng, 160, 120)
        x, y, w, h = frame.boxes[0]
        draw(picture, x, y, w)
        assert cv2.imwrite(str(place / f"{number}.png"), np.repeat(np.repeat(picture, 4, 0), 4, 1)[..., ::-1])
        rows.append(f"{number}.png,dot,{4 * x},{4 * y},{4 * w},{4 * h}")
    (place / "more.png").write_bytes(b"no picture")
    (place / "boxes.csv").write_text("\n".join(rows) + "\n")
    settings = PARAMS.model_copy(update={"faces_from": (FacesFrom(id="web", format="boxes"),)})
    settings = settings.model_copy(update={"cascade": settings.cascade.model_copy(update={"max_height": 120})})
    found, unused = read_pictures("dot", settings)
    assert [frame.boxes for frame in found] == [frame.boxes for frame in frames]
    assert {(frame.split, frame.complete, frame.gray.shape) for frame in found} == {("train", True, (120, 160))}
    for number, frame in enumerate(found):
        rng = np.random.default_rng(number)
        picture = background(rng, 160, 120)
        draw(picture, *frames[number].boxes[0][:3])
        assert np.abs(frame.gray.astype(int) - cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)).max() <= 1
    assert unused["reason"].tolist() == ["the boxes do not name this picture"]


@pytest.fixture(scope="module")
def character(cascade: Cascade) -> CharacterCascade:
    scores = choose_score(cascade, boxed(40, "validation", 3), [], PARAMS)
    return CharacterCascade("dot", cascade, scores["min_score"])


def test_what_is_learned_finds_faces_it_has_not_seen(cascade: Cascade) -> None:
    test = boxed(30, "test", 1)
    metrics = figures(measure(detect(cascade, test, PARAMS), test), test, 0.0)
    assert (metrics["frames"], metrics["faces"]) == (30, 30)
    assert metrics["recall_at_0.3"] >= 0.9


def test_boxes_are_learned_if_asked_for_and_kept_beside_the_cascade(tmp_path: Path) -> None:
    params = CascadeParams(stages=1, positives=50, negatives=100, planes="gray", fit_boxes=True)
    learned, _ = learn("dot", boxed(20, "train", 0), params)
    save_cascade("dot", learned, {"min_score": 1.0}, tmp_path)
    kept = load_cascade("dot", tmp_path).cascade
    assert kept.info.box_regression is not None
    assert kept.info.box_regression == learned.info.box_regression
    plain = replace(kept, info=replace(kept.info, box_regression=None))
    (frame,) = boxed(1, "test", 9)
    one, other = (detect(cascade, [frame], PARAMS)[0] for cascade in (kept, plain))
    assert one.windows.tolist() == other.windows.tolist()
    assert one.boxes.tolist() != other.boxes.tolist()


def test_no_face_to_find_gives_no_figure(cascade: Cascade) -> None:
    empty = boxed(3, "test", 2, boxes=())
    metrics = figures(measure(detect(cascade, empty, PARAMS), empty), empty, 0.0)
    assert (metrics["frames"], metrics["faces"], metrics["recall_at_0.1"]) == (3, 0, None)
    assert metrics["recall"] is metrics["recall_low"] is None


def test_the_figures_as_used_are_those_from_the_least_score_on() -> None:
    """Of four faces three are found from score 2 on, with one false find on two complete frames."""
    frames = [replace(frame, complete=index < 2) for index, frame in enumerate(boxed(4, "test", 1))]
    roc = Roc(np.array([5.0, 3.0, 2.0, 1.0]), np.array([0.25, 0.5, 0.75, 1.0]), np.array([0, 0.5, 0.5, 2.0]), 0.8, 4, 2)
    metrics = figures(roc, frames, 2.0)
    assert (metrics["recall"], metrics["false_positives_per_frame"]) == (0.75, 0.5)
    # Wilson 1927 by hand: z = 1.96, center (p + z²/2n)/(1 + z²/n), half z·sqrt(p(1−p)/n + z²/4n²)/(1 + z²/n).
    assert (metrics["recall_low"], metrics["recall_high"]) == pytest.approx((0.3006, 0.9544), abs=1e-3)
    assert figures(roc, frames, 9.0)["recall"] == 0.0
    nothing = figures(roc, [replace(frame, complete=False) for frame in frames], 2.0)
    assert nothing["false_positives_per_frame"] is None


def test_the_least_score_keeps_within_the_wanted_false_positives(cascade: Cascade) -> None:
    validation = boxed(30, "validation", 3)
    chosen = choose_score(cascade, validation, boxed(10, "train", 0), PARAMS)
    roc = measure(detect(cascade, validation, PARAMS), validation)
    kept = roc.scores >= chosen["min_score"]
    assert roc.fppi[kept].max() <= PARAMS.cascade.false_positives
    assert chosen["chosen_on"] == "30 frames of validation scenes"
    assert chosen["min_score"] < roc.scores.max()


def test_where_even_the_best_are_wrong_none_is_taken(cascade: Cascade) -> None:
    unboxed = boxed(5, "validation", 4, boxes=())
    roc = measure(detect(cascade, unboxed, PARAMS), unboxed)
    assert choose_score(cascade, unboxed, [], PARAMS)["min_score"] > roc.scores.max()


def test_without_a_face_in_validation_scenes_training_frames_say_which_scores_are_too_low(cascade: Cascade) -> None:
    """Faces learned from score high; the least score must leave room below them for faces that are new."""
    empty, training, new = boxed(2, "validation", 4, boxes=()), boxed(30, "train", 0), boxed(30, "test", 9)
    chosen = choose_score(cascade, empty, training, PARAMS)
    assert chosen["chosen_on"] == "32 frames of train scenes"
    roc = measure(detect(cascade, new, PARAMS), new)
    assert roc.recall[roc.scores >= chosen["min_score"]].max() >= 0.9


def test_too_few_boxes_are_told_with_what_to_do() -> None:
    with pytest.raises(StageError, match=r"9 usable boxes of 'dot' in train scenes; expected about 150, at least 10"):
        learn("dot", boxed(9, "train", 5), PARAMS.cascade)


def test_boxes_too_small_to_learn_from_come_back_with_a_reason() -> None:
    small = boxed(1, "train", 6, boxes=((5, 5, 3, 3),))
    rejected = learn("dot", boxed(40, "train", 0) + small, PARAMS.cascade)[1]
    assert rejected[["image", "x", "w"]].to_numpy().tolist() == [["e frame 0", 5, 3]]
    assert rejected["reason"].iloc[0]


def test_a_cascade_on_disk_is_the_same_and_needs_its_least_score(cascade: Cascade, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="dvc repro cascade"):
        load_cascade("dot", tmp_path)
    save_cascade("dot", cascade, {"min_score": 2.5}, tmp_path)
    again = load_cascade("dot", tmp_path)
    assert again.min_score == 2.5
    picture = boxed(1, "test", 7)
    (before,), (after,) = detect(cascade, picture, PARAMS), detect(again.cascade, picture, PARAMS)
    np.testing.assert_array_equal(before.boxes, after.boxes)
    np.testing.assert_array_equal(before.scores, after.scores)
    save_cascade("dot", cascade, {"min_score": None}, tmp_path)
    with pytest.raises(InputError, match="min_score None"):
        load_cascade("dot", tmp_path)


@pytest.mark.parametrize("size", [(160, 120), (161, 121)])
def test_a_moving_face_is_one_track_a_scene_with_crops_of_itself(
    character: CharacterCascade, tmp_path: Path, size: tuple[int, int]
) -> None:
    rng = np.random.default_rng(8)
    ground = background(rng, *size)
    pictures = []
    for step in range(20):
        picture = ground.copy()
        draw(picture, 20 + 3 * step, 30 + step, 48)
        pictures.append(picture)
    # Lossless RGB: H.264 in 4:2:0 has no odd sizes.
    video = write_video(tmp_path / "video.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    found = probe(video)
    episode = pd.Series(
        {
            "episode_id": "e",
            "sha256": "ab",
            "time_base_num": found.time_base.numerator,
            "time_base_den": found.time_base.denominator,
        }
    )
    rows = find_faces(decode_frames(video), episode, SCENES, [character], PARAMS.faces)
    table = to_table(rows, FACES)
    ok = rows[rows["status"] == "ok"]
    on_face = (ok["x"] - (20 + 3 * ok["frame"])).abs().lt(12) & (ok["y"] - (30 + ok["frame"])).abs().lt(12)
    assert on_face.mean() >= 0.8
    assert on_face.sum() >= 18
    assert ok[on_face].groupby("scene")["track"].nunique().tolist() == [1, 1]
    assert table.num_rows == len(rows)
    for crop in ok["crop"]:
        image = decode_rgb(crop["bytes"])
        assert image is not None
        assert image.shape == (40, 40, 3)


def test_one_frame_is_no_track(character: CharacterCascade, tmp_path: Path) -> None:
    picture = background(np.random.default_rng(9), 160, 120)
    draw(picture, 50, 40, 48)
    video = write_video(tmp_path / "one.mp4", [picture])
    episode = pd.Series({"episode_id": "e", "sha256": "ab", "time_base_num": 1, "time_base_den": 24})
    rows = find_faces(decode_frames(video), episode, SCENES, [character], PARAMS.faces)
    assert set(rows["status"]) == {"rejected"}
    assert rows["crop"].isna().all()


def two_colored(count: int, split: str, seed: int) -> list[BoxedFrame]:
    """Frames with two alike faces, of which the red one is boxed: in gray nothing tells it from the blue one."""
    rng = np.random.default_rng(seed)
    frames = []
    for index in range(count):
        gray = np.ascontiguousarray(cv2.cvtColor(background(rng, 160, 120), cv2.COLOR_RGB2GRAY))
        side = int(rng.integers(30, 50))
        chroma = np.full((2, 60, 80), 128, np.uint8)
        places = [(int(rng.integers(0, 80 - side)) + left, int(rng.integers(0, 120 - side))) for left in (0, 80)]
        for place, plane in zip(rng.permutation(places), (1, 0), strict=True):
            x, y = (int(value) for value in place)
            face = np.dstack([gray] * 3)
            draw(face, x, y, side)
            gray = np.ascontiguousarray(face[..., 0])
            chroma[plane, y // 2 : (y + side) // 2, x // 2 : (x + side) // 2] = 200
            if plane == 1:
                boxes = ((x, y, side, side),)
        frames.append(BoxedFrame("e", index, gray, chroma, boxes, complete=True, split=split))
    return frames


def in_scenes(frames: list[BoxedFrame], scenes: int) -> list[BoxedFrame]:
    return [replace(frame, scene=index % scenes) for index, frame in enumerate(frames)]


@pytest.mark.slow
def test_color_is_taken_where_only_color_tells_and_where_little_can_be_told(
    capsys: pytest.CaptureFixture[str],
) -> None:
    params = CascadeParams(stages=4, positives=120, negatives=240, planes="auto")
    train, validation = two_colored(40, "train", 10), two_colored(20, "validation", 11)
    cascade, _ = learn("dot", train, params, in_scenes(validation, 7))
    assert cascade.info.planes == ("gray", "cb", "cr")
    said = capsys.readouterr().out
    assert said.startswith("color: ")
    assert " of 7 validation scenes" in said
    for few, count in ((in_scenes(validation, 4), 4), (boxed(3, "validation", 12, boxes=()), 0)):
        cascade, _ = learn("dot", train, params, few)
        assert cascade.info.planes == ("gray", "cb", "cr")
        assert f"color: only {count} validation scenes show a boxed face" in capsys.readouterr().out


def test_a_score_has_a_probability_where_validation_scenes_can_tell(cascade: Cascade) -> None:
    known = probabilities(cascade, boxed(40, "validation", 3))
    assert known["slope"] > 0
    assert probabilities(cascade, []) == {}


def moving_faces(size: tuple[int, int], frames: int, cut: int) -> list[np.ndarray]:
    """Two scenes with a face that moves through each."""
    dice = np.random.default_rng(13)
    grounds = [background(dice, *size), background(dice, *size)]
    pictures = []
    for step in range(frames):
        picture = grounds[step >= cut].copy()
        draw(picture, 10 + 2 * step if step < cut else 100 - step, 30, 48)
        pictures.append(picture)
    return pictures


def test_between_whole_searches_no_face_is_lost(character: CharacterCascade, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mkv", moving_faces((160, 120), 40, 20), codec="ffv1", pix_fmt="bgr0")
    times = [frame.pts for frame in decode_frames(video)]
    scenes = pd.DataFrame({"episode_id": "e", "scene": [0, 1], "start_frame": [0, 20], "stop_frame": [20, 40]})
    scenes["start_pts"] = [times[0], times[20]]
    episode = pd.Series({"episode_id": "e", "sha256": "ab", "time_base_num": 1, "time_base_den": 1000})
    seen = {}
    for search_every in (1, 8):
        params = PARAMS.faces.model_copy(update={"search_every": search_every})
        rows = find_faces(decode_frames(video), episode, scenes, [character], params)
        found = rows[rows["status"] == "ok"]
        true = (found["x"] - np.where(found["frame"] < 20, 10 + 2 * found["frame"], 100 - found["frame"])).abs() < 12
        seen[search_every] = set(found.loc[true, "frame"])
    assert len(seen[1]) >= 36
    assert len(seen[8]) >= len(seen[1]) - 1


def test_a_held_picture_keeps_its_faces(character: CharacterCascade, tmp_path: Path) -> None:
    picture = background(np.random.default_rng(14), 160, 120)
    draw(picture, 50, 40, 48)
    video = write_video(tmp_path / "a.mp4", [picture] * 12)
    scenes = SCENES.iloc[:1]
    episode = pd.Series({"episode_id": "e", "sha256": "ab", "time_base_num": 1, "time_base_den": 24})
    rows = find_faces(decode_frames(video), episode, scenes, [character], PARAMS.faces)
    found = rows[(rows["status"] == "ok") & ((rows["x"] - 50).abs() < 12)]
    assert found["frame"].tolist() == list(range(12))
    assert found["score"].nunique() == 1
    assert found["track"].nunique() == 1


def test_a_scene_that_begins_at_another_time_is_an_error(character: CharacterCascade, tmp_path: Path) -> None:
    video = write_video(tmp_path / "a.mp4", [background(np.random.default_rng(15), 160, 120)] * 3)
    episode = pd.Series({"episode_id": "e", "sha256": "ab", "time_base_num": 1, "time_base_den": 24})
    with pytest.raises(InputError, match="run `dvc repro scenes`"):
        find_faces(decode_frames(video), episode, SCENES.assign(start_pts=7), [character], PARAMS.faces)


def test_small_changes_add_up_to_another_picture(character: CharacterCascade, tmp_path: Path) -> None:
    """A face that fades in, a level at a time, over a picture that is held."""
    ground = background(np.random.default_rng(16), 160, 120).astype(float)
    with_face = np.ascontiguousarray(ground.astype(np.uint8))
    draw(with_face, 50, 40, 48)
    pictures = [(ground + (with_face - ground) * min(1, step / 90)).astype(np.uint8) for step in range(100)]
    video = write_video(tmp_path / "a.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    scenes = SCENES.iloc[:1].assign(stop_frame=100)
    episode = pd.Series({"episode_id": "e", "sha256": "ab", "time_base_num": 1, "time_base_den": 1000})
    params = PARAMS.faces.model_copy(update={"search_every": 2})
    rows = find_faces(decode_frames(video), episode, scenes, [character], params)
    assert 99 in set(rows.loc[(rows["status"] == "ok") & ((rows["x"] - 50).abs() < 12), "frame"])
