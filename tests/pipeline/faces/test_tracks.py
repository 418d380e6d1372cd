"""Tracks: a face followed through a scene, gaps bridged, two cascades that claim one face settled."""

import itertools

import numpy as np
import pandas as pd

from cascades.boxes import intersection_over_union as iou
from pipeline.faces.tracks import link, rival_of_each


def plain_iou(a: list[int], b: list[int]) -> float:
    pixels = [{(x, y) for x in range(c[0], c[0] + c[2]) for y in range(c[1], c[1] + c[3])} for c in (a, b)]
    return len(pixels[0] & pixels[1]) / len(pixels[0] | pixels[1])


def test_iou_counts_pixels() -> None:
    boxes = np.array([(0, 0, 4, 4), (2, 1, 4, 5), (9, 9, 2, 2), (0, 0, 4, 4)])
    expected = [[plain_iou(a, b) for b in boxes.tolist()] for a in boxes.tolist()]
    np.testing.assert_allclose(iou(boxes, boxes), expected)
    assert iou(boxes[:0], boxes).shape == (0, 4)


def run(detections: list[tuple[int, int, int]], every: int = 3) -> list[int]:
    """Tracks of 40 px faces at (frame, x, y)."""
    frames = np.array([frame for frame, _, _ in detections])
    boxes = np.array([(x, y, 40, 40) for _, x, y in detections])
    return link(frames, boxes, np.zeros((len(frames), 4), np.uint8), every).tolist()


def test_where_two_faces_overlap_the_alike_ones_are_linked() -> None:
    boxes = np.array([(0, 0, 40, 40), (20, 0, 40, 40), (12, 0, 40, 40), (8, 0, 40, 40)])
    dark, light = np.full(4, 60, np.uint8), np.full(4, 120, np.uint8)
    frames = np.array([0, 0, 3, 3])
    # By place alone the third would go to the second; it looks like the first.
    assert link(frames, boxes, np.array([dark, light, dark, light]), 3).tolist() == [0, 1, 0, 1]
    assert link(frames, boxes, np.array([dark, dark, dark, dark]), 3).tolist() == [0, 1, 1, 0]


def test_two_faces_that_pass_each_other_keep_their_tracks() -> None:
    left = [(3 * i, 10 * i, 0) for i in range(12)]
    right = [(3 * i, 110 - 10 * i, 30) for i in range(12)]
    both = sorted(left + right)
    tracks = run(both)
    assert {tracks[both.index(place)] for place in left} != {tracks[both.index(place)] for place in right}
    assert len({tracks[both.index(place)] for place in left}) == 1
    assert len({tracks[both.index(place)] for place in right}) == 1


def test_a_gap_of_two_looked_at_frames_is_bridged_and_a_longer_one_is_not() -> None:
    assert run([(0, 0, 0), (9, 4, 0), (21, 4, 0)]) == [0, 0, 1]


def test_a_jump_begins_a_new_track() -> None:
    assert run([(0, 0, 0), (3, 200, 0)]) == [0, 1]


def test_the_pairing_has_the_largest_total_overlap() -> None:
    rng = np.random.default_rng(1)
    for _ in range(20):
        before, after = rng.integers(0, 30, (2, 4, 2))
        tracks = run([(0, *place) for place in before] + [(3, *place) for place in after])
        overlap = iou(np.array([(*p, 40, 40) for p in before]), np.array([(*p, 40, 40) for p in after]))
        best = max(sum(overlap[i, j] for i, j in enumerate(order)) for order in itertools.permutations(range(4)))
        mine = sum(overlap[track, j] for j, track in enumerate(tracks[4:]) if track < 4)
        assert mine >= best - 4 * 0.2


def test_no_detections_no_tracks() -> None:
    assert run([]) == []


def test_of_two_cascades_that_claim_a_face_the_stronger_track_keeps_it() -> None:
    rows = pd.DataFrame(
        [
            {"frame": 0, "character": "cat", "x": 0, "track": 0, "together": 3.5},
            {"frame": 0, "character": "mouse", "x": 2, "track": 1, "together": 2.5},
            {"frame": 3, "character": "cat", "x": 0, "track": 0, "together": 3.5},
            {"frame": 3, "character": "mouse", "x": 2, "track": 1, "together": 2.5},
            {"frame": 3, "character": "mouse", "x": 300, "track": 2, "together": 1.0},
        ]
    ).assign(y=0, w=40, h=40)
    expected = ["", "cat", "", "cat", ""]
    assert rival_of_each(rows).tolist() == expected
    backwards = rows.iloc[::-1]
    assert rival_of_each(backwards).tolist() == expected[::-1]
