"""Faces drawn for pretraining: the table of expressions, animals, variation."""

from random import Random

import numpy as np
import pytest

from benchmarks.drawn import EMOTIONS, RASTER, SHARES, SIZE, choose, rasterise, read_styles, vary
from benchmarks.drawn_creatures import EXPRESSIONS, creature
from pipeline.training.start import KNOWN

STYLES = read_styles()


def animal(emotion, seed):
    svg = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="-100 -100 200 200">{creature(emotion, Random(seed))}</svg>'
    return rasterise(svg, STYLES["creatures"])


def test_every_style_has_at_least_four_emotions_and_every_part_of_each_a_variant():
    assert EMOTIONS == KNOWN
    for style in STYLES.values():
        assert len(style.parts) >= 4, style.name
        assert all(variants for parts in style.parts.values() for variants in parts.values())


def test_an_unknown_emotion_in_the_table_is_named(tmp_path):
    (tmp_path / "drawn_expressions.csv").write_text("style,part,emotion,variants\nnoto,icon,hangry,angry-face\n")
    with pytest.raises(ValueError, match="no emotion 'hangry'; there are afraid, angry"):
        read_styles(tmp_path)


def test_the_same_seed_chooses_the_same_faces_and_only_variants_of_the_table():
    faces = choose(STYLES, 600, seed=1)
    assert faces == choose(STYLES, 600, seed=1) != choose(STYLES, 600, seed=2)
    for face in faces:
        parts = STYLES[face.style].parts[face.emotion]
        assert face.options.keys() == parts.keys()
        assert all(face.options[part] in variants for part, variants in parts.items())
    for source, share in SHARES.items():
        assert sum(STYLES[face.style].source == source for face in faces) == round(600 * share)
    assert {face.style for face in faces} == STYLES.keys()


@pytest.mark.parametrize("emotion", EXPRESSIONS)
def test_an_animal_fills_its_box_and_its_emotion_changes_the_picture(emotion):
    raster = animal(emotion, 5)
    other = animal("neutral" if emotion != "neutral" else "happy", 5)
    assert raster.shape == (RASTER, RASTER, 4)
    middle = slice(RASTER // 2 - 8, RASTER // 2 + 8)
    assert (raster[middle, middle, 3] == 255).all()
    assert (raster != other).any()
    assert np.array_equal(raster, animal(emotion, 5))


def test_variations_differ_repeat_with_the_draws_and_leave_the_drawing_alone():
    raster = animal("happy", 1)
    before = raster.copy()
    first, second = (vary(raster, dice) for dice in [np.random.default_rng(0)] * 2)
    assert first.shape == (SIZE, SIZE, 3)
    assert first.dtype == np.uint8
    assert (first != second).any()
    assert np.array_equal(first, vary(raster, np.random.default_rng(0)))
    assert np.array_equal(raster, before)
