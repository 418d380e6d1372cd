"""Looking at frames as they come, held against the detector and the classifier called by hand."""

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
from matplotlib import cbook

from cascades import Detector, chroma_of
from cascades.pictures import read_picture
from pipeline.app.command import open_live
from pipeline.app.live import KEEP_S, SMOOTH_S, Live
from pipeline.app.recording import AT_ONCE, Recording
from pipeline.classifier.model import save_model
from pipeline.faces.cascade_files import CharacterCascade, save_cascade
from pipeline.images import cut_face
from pipeline.params import Compute, Faces
from pipeline.schemas import BOX_NAMES
from pipeline.tables import read_rows, to_table
from pipeline.video.decode import decode_frames
from pipeline.watch.look import Viewer
from pipeline.watch.once import looked_through
from pipeline.watch.record import FACES, SEGMENTS_FILE, watch_video
from pipeline.watch.tables import SEGMENTS
from pipeline.watch.video import open_videos
from tests.pipeline.app.seen import EMOTIONS, MIN_SCORE, classifier, disc, live, moving, scene
from tests.support.worlds import params, write_video


def by_hand(picture):
    """(x, y, w, h) of each disc → probabilities, from the parts alone."""
    found = Detector([disc()], scale_factor=1.1, min_size=32).detect(
        cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), chroma=chroma_of(picture)
    )[0]
    boxes = [tuple(box) for box, score in zip(found.boxes.tolist(), found.scores, strict=True) if score >= MIN_SCORE]
    return dict(zip(boxes, classifier().predict([cut_face(picture, box, 0.25, 128) for box in boxes]), strict=True))


@pytest.mark.slow
def test_each_face_of_each_frame_is_what_detector_and_classifier_give():
    looking, faces = live(), 0
    for i, picture in enumerate(moving(12)):
        rows = looking.look(picture, i / 25)
        expected = by_hand(picture)
        assert {tuple(row[side] for side in BOX_NAMES) for row in rows} == set(expected)
        for row in rows:
            own = expected[tuple(row[side] for side in BOX_NAMES)]
            np.testing.assert_allclose([row[name] for name in EMOTIONS], own, atol=1e-5)
            assert (row["frame"], row["pts"], row["time_s"]) == (i, 40_000 * i, pytest.approx(i / 25))
        assert to_table(rows, looking.schema).num_rows == len(rows)
        faces += len(rows)
    assert faces == 21


@pytest.mark.slow
def test_a_face_keeps_its_track_over_a_short_gap_and_not_over_a_long_one_nor_after_a_jump():
    looking = live()
    numbers = [[row["track"] for row in looking.look(picture, i / 25)] for i, picture in enumerate(moving(12))]
    assert {tuple(sorted(own)) for own in numbers} == {(0,), (0, 1)}
    still = scene(3, ((40, 40),))
    looking = live()
    times = [0.0, KEEP_S * 0.9, KEEP_S * 2, 0.1]
    assert [looking.look(still, time)[0]["track"] for time in times] == [0, 0, 1, 2]


def test_answers_are_the_averages_of_the_last_moments():
    looking, state, last = live(), None, 0.0
    seen = set()
    for i in range(14):
        time = i / 25 if i < 7 else 0.3 + i / 12
        (row,) = looking.look(scene(i, ((50 + i, 50),), 240 if i < 5 else 190), time)
        alone = np.array([row[name] for name in EMOTIONS])
        kept = 0 if state is None else math.exp(-(time - last) / SMOOTH_S)
        state = alone if state is None else kept * state + (1 - kept) * alone
        last = time
        assert row["emotion"] == EMOTIONS[int(state.argmax())]
        assert row["probability"] == pytest.approx(float(state.max()), abs=1e-4)
        seen.add(round(float(alone.max()), 3))
    assert len(seen) > 3  # the frames differ


def test_a_face_that_two_cascades_find_is_the_stronger_ones_alone():
    for least, winner in ((MIN_SCORE, "disc"), (MIN_SCORE / 8, "other")):
        cascades = [CharacterCascade("disc", disc(), MIN_SCORE / 2), CharacterCascade("other", disc(), least)]
        rows = Live(cascades, classifier()).look(scene(7, ((20, 30), (120, 90))), 0.0)
        assert [row["character"] for row in rows] == [winner, winner]


def test_an_answer_below_the_models_threshold_is_unsure():
    picture = scene(7, ((20, 30),))
    for threshold in (0.0, 1.0):
        known = classifier(unsure_below=threshold)
        (row,) = Live([CharacterCascade("disc", disc(), MIN_SCORE)], known).look(picture, 0.0)
        assert row["unsure"] is (row["probability"] < threshold)


def test_large_frames_are_shrunk_and_boxes_are_of_the_frame_itself():
    small = scene(7, ((20, 30),))
    large = cv2.resize(small, None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    (row,) = live().look(large, 0.0)
    np.testing.assert_allclose([row[side] for side in BOX_NAMES], [80, 120, 192, 192], atol=40)


def test_other_programs_cascades_have_no_probability():
    bare = replace(disc(), info=replace(disc().info, calibration={}))
    (row, *_) = Live([CharacterCascade("disc", bare, 0.0)], classifier()).look(scene(7, ((20, 30),)), 0.0)
    assert row["detection"] is None


def test_human_faces_are_found_by_opencvs_own_cascade_where_opencv_finds_them(tmp_path, monkeypatch):
    save_model(tmp_path / "emotion", classifier())
    monkeypatch.chdir(tmp_path)
    xml = Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml"
    looking, _ = open_live([xml], Path("emotion"))
    portrait = read_picture(Path(cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    portrait = cv2.resize(portrait, (307, 360), interpolation=cv2.INTER_AREA)
    gray = cv2.cvtColor(portrait, cv2.COLOR_RGB2GRAY)
    (theirs,) = cv2.CascadeClassifier(str(xml)).detectMultiScale(gray, 1.1, 3, minSize=(32, 32))
    (row,) = looking.look(portrait, 0.0)
    assert row["character"] == "haarcascade_frontalface_default"
    np.testing.assert_allclose([row[side] for side in BOX_NAMES], theirs, atol=6)


@pytest.mark.slow
def test_recorded_rows_are_those_of_watch_for_the_same_frames(tmp_path, monkeypatch):
    """Watch looks at all frames and searches each whole, as live does; then only the smoothing differs.

    Watch sees the film's own luma, live the frame in color: a box may be a px or two off.
    """
    monkeypatch.chdir(tmp_path)
    path = write_video(tmp_path / "pilot.mp4", list(moving(18)), rate=Fraction(25), options={"crf": "8"})
    save_cascade("disc", disc(), {"min_score": MIN_SCORE}, tmp_path)
    viewer = Viewer(("disc",), classifier(), Faces(every=1, search_every=1), 0.5, tmp_path)
    given = params().model_copy(update={"compute": Compute(workers=1)})
    (unseen,) = open_videos([path], all_episodes=False)
    video = looked_through(unseen, viewer, given)
    theirs = watch_video(video, viewer, tmp_path / "watch", given.compute).faces()
    recording, looking = Recording(tmp_path, live().schema), live("live-001")
    for frame in decode_frames(path):
        time_s = float(frame.pts * video.time_base)
        recording.add(looking.look(frame.rgb(), time_s), time_s)
    recording.close()
    ours = read_rows(tmp_path / "live-001" / FACES, looking.schema)
    assert ours.columns.tolist() == theirs.columns.tolist()
    order = ["frame", "character", "x", "y"]
    ours, theirs = (rows.sort_values(order, ignore_index=True) for rows in (ours, theirs))
    same = ["frame", "time_s", "character", "emotion"]
    assert ours[same].equals(theirs[same])
    assert len(ours) == 33
    np.testing.assert_allclose(ours[BOX_NAMES], theirs[BOX_NAMES], atol=4)
    np.testing.assert_allclose(ours[list(EMOTIONS)], theirs[list(EMOTIONS)], atol=0.02)
    assert ours.groupby("track").indices.keys() == theirs.groupby("track").indices.keys()


def test_a_recording_holds_all_rows_and_takes_no_others_place(tmp_path):
    looking = live("live-002")
    rows = looking.look(scene(7, ((20, 30), (120, 90))), 0.0)
    (tmp_path / "live-001").mkdir()
    recording = Recording(tmp_path, looking.schema)
    assert recording.name == "live-002"
    frames = AT_ONCE // 2 + 3
    for i in range(frames):
        recording.add([row | {"frame": i, "time_s": i / 25, "track": row["track"]} for row in rows], i / 25)
        recording.add([], (i + 0.5) / 25)
    recording.close()
    read = read_rows(tmp_path / "live-002" / FACES, looking.schema)
    assert len(read) == 2 * frames > AT_ONCE
    assert read["frame"].tolist() == sorted([*range(frames)] * 2)
    segments = read_rows(tmp_path / "live-002" / SEGMENTS_FILE, SEGMENTS)
    assert segments["frames"].tolist() == [frames, frames]
    assert segments["end_s"].tolist() == pytest.approx([(frames - 1) / 25 + 0.02] * 2, abs=1e-6)
    empty = Recording(tmp_path, looking.schema)
    empty.close()
    assert empty.name == "live-003"
    assert len(read_rows(tmp_path / "live-003" / FACES, looking.schema)) == 0
