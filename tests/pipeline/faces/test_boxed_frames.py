"""Which frames a cascade may learn background from."""

import pandas as pd

from pipeline.faces.boxed_frames import looked_at


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
