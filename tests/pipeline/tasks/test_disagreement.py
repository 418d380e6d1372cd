"""Frames in which the detectors disagree, beside a plain twin that looks at one find after the other."""

import numpy as np
import pandas as pd

from pipeline.faces.tracks import RIVAL
from pipeline.schemas import OK, REJECTED
from pipeline.tasks.boxes import APART
from pipeline.tasks.disagreement import ASIDE, LOST, RIVALS, WEAK, doubts, frames_in_doubt

EVERY = 3
LEAST = {"cat": 10.0, "mouse": 4.0}


def some_finds(seed: int) -> pd.DataFrame:
    """Tracks with gaps, with finds of all kinds among them."""
    rng = np.random.default_rng(seed)
    rows = []
    for track in range(40):
        start = int(rng.integers(0, 300)) * EVERY
        for step in range(int(rng.integers(1, 6))):
            reason = rng.choice(["", "", "track length 1; faces.min_track is 2", f"the cat {RIVAL}"])
            character = str(rng.choice([*LEAST]))
            rows.append(
                {
                    "episode_id": "ab"[track % 2],
                    "frame": start + step * EVERY * int(rng.integers(1, 3)),
                    "scene": start // 90,
                    "track": track,
                    "character": character,
                    "score": LEAST[character] * rng.choice([0.6, 1.0, 2.0]),
                    "status": REJECTED if reason else OK,
                    "reason": str(reason),
                }
            )
    return pd.DataFrame(rows).drop_duplicates(["track", "frame"], ignore_index=True)


def plain_doubts(finds: pd.DataFrame) -> list[tuple[str, int, int, str]]:
    rows = []
    for find in finds.to_dict("records"):
        place = (find["episode_id"], find["frame"], find["scene"])
        strong = find["score"] >= LEAST[find["character"]]
        if find["status"] == OK and not strong:
            rows.append((*place, WEAK))
        elif find["status"] != OK and strong:
            rows.append((*place, RIVALS if find["reason"].endswith(RIVAL) else ASIDE))
        if find["status"] == OK:
            own = finds[(finds["track"] == find["track"]) & (finds["status"] == OK)]["frame"]
            later = [frame for frame in own if frame > find["frame"]]
            if later and min(later) > find["frame"] + EVERY:
                rows.append((place[0], place[1] + EVERY, place[2], LOST))
    return sorted(rows)


def test_doubts_are_those_of_a_plain_look_at_every_find() -> None:
    for seed in range(5):
        finds = some_finds(seed)
        found = doubts(finds, LEAST, EVERY)
        assert sorted(found.itertuples(index=False, name=None)) == plain_doubts(finds)
        assert set(found["why"]) == {RIVALS, ASIDE, WEAK, LOST}


def test_every_scene_has_its_turn_and_no_frame_is_near_another() -> None:
    found = doubts(some_finds(7), LEAST, EVERY)
    seen = pd.DataFrame(
        [("a", int(found[found["episode_id"] == "a"]["frame"].iloc[0]))], columns=["episode_id", "frame"]
    )
    chosen = frames_in_doubt(found, seen, 12)
    assert len(chosen) == 12
    places = [*chosen[["episode_id", "frame"]].itertuples(index=False, name=None), ("a", seen["frame"][0])]
    for index, (episode, frame) in enumerate(places):
        assert all(abs(frame - other) >= APART for name, other in places[:index] if name == episode)
    scenes = list(zip(chosen["episode_id"], chosen["scene"], strict=True))
    everywhere = frames_in_doubt(found, seen, 1000)
    first = len(everywhere.drop_duplicates(["episode_id", "scene"]))
    assert len(set(scenes)) == min(12, first)
    counts = {
        place: int(((found["episode_id"] == place[0]) & (found["frame"] == place[1])).sum()) for place in places[:-1]
    }
    assert chosen["doubts"].tolist() == list(counts.values())
    assert len(frames_in_doubt(found.head(0), seen, 12)) == 0
