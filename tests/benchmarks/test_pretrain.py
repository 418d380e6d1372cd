"""Judging by styles that were left out: what is known is never asked, and the table says what the runs give."""

import pandas as pd

from benchmarks.drawn import read_styles
from benchmarks.pretrain import HELD, IMAGENET, judged_table, told


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
