"""Which frames a cascade may learn background from."""

import itertools

import numpy as np
import pandas as pd

from pipeline.faces.boxed_frames import BoxedFrame, in_split, looked_at, with_named
from pipeline.faces.examples import annotated
from pipeline.schemas import SPLITS


def test_frames_are_complete_unless_somebody_says_not_or_a_box_in_them_is_rejected() -> None:
    box = {"episode_id": "e", "x": 1, "y": 2, "w": 3, "h": 4, "status": "ok"}
    boxes = pd.DataFrame(
        [
            box | {"frame": 1, "character": "cat"},
            box | {"frame": 1, "character": "cat", "x": 50},
            box | {"frame": 2, "character": "mouse"},
            box | {"frame": 3, "character": "cat"},
            box | {"frame": 4, "character": "catt", "status": "rejected"},
            box | {"frame": 5, "character": "heron", "status": "rejected"},
            box | {"frame": 6, "character": "mouse", "status": "rejected"},
        ]
    )
    frames = pd.DataFrame(
        [{"episode_id": "e", "frame": 3, "complete": 0, "status": "ok"}]
        + [{"episode_id": "e", "frame": 9, "complete": 1, "status": "ok"}]
    )
    seen = looked_at(boxes, frames, "cat", ["cat", "mouse"]).set_index("frame")
    assert seen["complete"].to_dict() == {1: True, 2: True, 3: False, 4: False, 5: True, 6: False, 9: True}
    boxed = {frame: found for frame, found in seen["boxes"].items() if found}
    assert boxed == {1: [(1, 2, 3, 4), (50, 2, 3, 4)], 3: [(1, 2, 3, 4)]}


def test_named_faces_are_used_in_train_scenes_where_nobody_boxed() -> None:
    box = {"episode_id": "e", "x": 1, "y": 2, "w": 30, "h": 40, "status": "ok"}
    boxes = pd.DataFrame([box | {"frame": 1, "character": "cat"}])
    frames = pd.DataFrame(columns=["episode_id", "frame", "complete", "status"])
    places = ((1, "cat"), (5, "cat"), (6, "nobody"), (7, "mouse"), (8, "unnamed"), (15, "cat"))
    names = pd.DataFrame([box | {"frame": frame, "character": name} for frame, name in places])
    names.loc[len(names)] = names.loc[1].to_dict() | {"x": 90, "status": "rejected"}
    scenes = pd.DataFrame(
        [
            {"episode_id": "e", "start_frame": 0, "stop_frame": 10, "split": "train"},
            {"episode_id": "e", "start_frame": 10, "stop_frame": 20, "split": "test"},
        ]
    )
    seen = looked_at(boxes, frames, "cat", ["cat", "mouse"])
    both = with_named(seen, names, scenes, "cat").set_index("frame")
    assert both["complete"].to_dict() == {1: True, 5: False, 6: False}
    assert both["boxes"].map(len).to_dict() == {1: 1, 5: 1, 6: 0}
    assert both["nobody"].map(len).to_dict() == {1: 0, 5: 0, 6: 1}
    assert with_named(seen, names.head(0), scenes, "cat").drop(columns="nobody").equals(seen)


def test_what_is_nobody_is_learned_as_background_with_a_little_around_it() -> None:
    gray = np.arange(80 * 121, dtype=np.uint8).reshape(80, 121)
    chroma = np.stack([gray[::2, ::2], gray[::2, ::2]])
    places = ((21, 11, 40, 40), (100, 60, 30, 30))
    frame = BoxedFrame("e", 3, gray, chroma, (), False, "train", nobody=places)
    whole, inner, edge = annotated([frame])
    assert (whole.negatives, inner.negatives, edge.negatives) == (False, True, True)
    assert np.array_equal(inner.gray, gray[0:60, 10:70])  # 10 px more on each side, from an even corner
    assert np.array_equal(inner.chroma, chroma[:, 0:30, 5:35])
    assert edge.gray.shape == (28, 28)  # what is left of the picture
    assert np.array_equal(edge.gray, gray[52:80, 92:120])


def test_rows_lie_in_scenes_of_a_split_as_a_plain_look_says() -> None:
    rng = np.random.default_rng(0)
    scenes = []
    for episode in "ab":
        starts = np.sort(rng.choice(1000, 20, replace=False)).tolist()
        for start, stop in itertools.pairwise([*starts, 1000]):
            scenes.append((episode, start, stop - int(rng.integers(0, 3)), str(rng.choice(SPLITS))))
    table = pd.DataFrame(scenes, columns=["episode_id", "start_frame", "stop_frame", "split"])
    table = table.sample(frac=1, random_state=1)
    rows = pd.DataFrame({"episode_id": rng.choice(list("abc"), 500), "frame": rng.integers(-5, 1010, 500)})
    for split in SPLITS:
        own = [scene for scene in scenes if scene[3] == split]
        plain = [
            any(name == episode and start <= frame < stop for episode, start, stop, _ in own)
            for name, frame in rows.itertuples(index=False, name=None)
        ]
        assert in_split(rows, table, split).tolist() == plain
        assert any(plain)
    assert len(in_split(rows.head(0), table, "train")) == 0
