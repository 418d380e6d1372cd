"""Learning without some styles, and judging by them: what is known is never asked, and the table is what runs give."""

from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.close_crops import cut_close, halves
from benchmarks.drawn import EMOTIONS, SIZE, read_styles
from benchmarks.pretrain import HELD, IMAGENET, fit, judged_table, told, write


def folder_of(path: Path, styles: str) -> Path:
    """A folder of `draw`: 8 pictures of noise for each style, the same for a style whatever stands beside it."""
    path.mkdir()
    noise = {style: np.random.default_rng(ord(style)).integers(0, 256, (8, SIZE, SIZE, 3)) for style in styles}
    np.save(path / "images.npy", np.concatenate(list(noise.values())).astype(np.uint8))
    rows = [(style, EMOTIONS[number], number) for style in styles for number in range(8)]
    pd.DataFrame(rows, columns=["style", "emotion", "drawing"]).to_csv(path / "faces.csv", index=False)
    return path


def test_a_style_that_is_left_out_leaves_no_trace_and_the_same_faces_give_the_same_weights(tmp_path):
    one, other = folder_of(tmp_path / "one", "abc"), folder_of(tmp_path / "other", "ac")
    sums = [
        write(fit(folder, 2, seed, without), tmp_path / "weights.safetensors")
        for folder, seed, without in ((one, 0, ["b"]), (other, 0, []), (one, 0, []), (one, 1, ["b"]))
    ]
    assert sums[0] == sums[1]
    assert len(set(sums[1:])) == 3


def test_every_avatar_style_is_left_out_once():
    held = sorted(style for group in HELD for style in group)
    assert held == sorted(style.name for style in read_styles().values() if style.source == "dicebear")


def test_labels_are_of_so_many_drawings_an_emotion_and_no_variation_of_them_is_asked():
    faces = [("angry" if drawing % 3 else "sad", drawing) for drawing in range(30) for _ in range(2)]
    own = pd.DataFrame(faces, columns=["emotion", "drawing"], index=range(100, 160))
    known, asked = told(own, 4, seed=1)
    assert own.loc[known, "emotion"].value_counts().to_dict() == {"angry": 4, "sad": 4}
    assert own.loc[known, "drawing"].is_unique
    assert set(own.loc[asked, "drawing"]) == set(own["drawing"]) - set(own.loc[known, "drawing"])
    assert len(asked) == 2 * (30 - 8)
    assert list(told(own, 4, seed=1)[0]) == list(known) != list(told(own, 4, seed=2)[0])


def test_the_tables_last_row_is_the_mean_of_styles_with_the_spread_of_seeds():
    found = pd.DataFrame(
        [
            {
                "style": style,
                "seed": seed,
                "emotions": 4,
                "asked": 9,
                "none": 0.2,
                "random start": low,
                "drawn start": 0.6,
            }
            for style, seed, low in (("a", 0, 0.3), ("a", 1, 0.5), ("b", 0, 0.5), ("b", 1, 0.9))
        ]
    )
    lines = list(judged_table(found, 10))
    assert lines[2] == "| a | 4 | 9 | 0.200 ± 0.000 | 0.400 ± 0.141 | 0.600 ± 0.000 |"
    assert lines[4] == "| mean |  |  | 0.200 ± 0.000 | 0.550 ± 0.212 | 0.600 ± 0.000 |"
    assert "ahead in 1 of 2 styles. Accuracy by chance: 0.250" in lines[5]


def test_another_start_has_a_column_and_is_compared_where_it_was_asked():
    row = {"seed": 0, "emotions": 4, "asked": 9, "none": 0.2, "random start": 0.3, "drawn start": 0.5}
    found = pd.DataFrame([row | {"style": style, IMAGENET: high} for style, high in (("a", 0.6), ("b", 0.4))])
    lines = list(judged_table(found, 10))
    assert lines[0].endswith("| 10 labels, random start | 10, drawn start | 10, ImageNet, frozen |")
    assert lines[0].count("|") == lines[1].count("|") == lines[2].count("|")
    assert lines[2] == "| a | 4 | 9 | 0.200 | 0.300 | 0.500 | 0.600 |"
    assert lines[-1] == "ImageNet's features are ahead of the drawn start in 1."


def test_halves_of_a_styles_drawings_share_none_and_close_crops_are_the_box_alone():
    own = pd.DataFrame({"drawing": [drawing for drawing in range(10) for _ in range(2)]}, index=range(40, 60))
    known, asked = halves(own, seed=3)
    assert sorted([*known, *asked]) == list(range(40, 60))
    assert set(own.loc[known, "drawing"]).isdisjoint(own.loc[asked, "drawing"])
    assert len(known) == len(asked) == 10
    rows = np.arange(SIZE)[:, None, None] + np.zeros((SIZE, SIZE, 3))
    close = cut_close(rows.astype(np.uint8))
    assert close.shape[:2] == (61, 61)
    assert {int(close[0, 0, 0]), int(close[-1, 0, 0])} == {15, 75}
