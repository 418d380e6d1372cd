"""Training end to end on the drawn world."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from cascades import (
    AnnotatedImage,
    Box,
    Cascade,
    CheckpointMismatch,
    Detector,
    InvalidParameter,
    StageReport,
    TrainingDataError,
    TrainingParams,
    TrainingResult,
    chroma_of,
    evaluate,
    train,
)  # fmt: skip
from cascades.calibration import judge
from cascades.opencv_xml import write_cascade
from cascades.sampling import recolored
from tests.cascades.conftest import SMALL, draw_images


def test_finds_new_faces(trained: TrainingResult) -> None:
    new = draw_images(500, 15)
    detector = Detector([trained.cascade])
    roc = evaluate([detector.detect(i.gray)[0] for i in new], [np.array(i.boxes) for i in new])
    assert roc.truths == 30
    assert roc.recall_at(0.3) >= 0.9
    assert trained.stop_rule == "stages: all 4 stages are trained"


def test_reports(images: list[AnnotatedImage]) -> None:
    seen: list[StageReport] = []
    result = train(images, SMALL, on_progress=seen.append)
    assert tuple(seen) == result.stages
    assert [r.stage for r in seen] == [1, 2, 3, 4]
    assert [r.negatives for r in seen[:2]] == [SMALL.negatives] * 2
    for report in seen:
        assert report.hit_rate >= SMALL.min_hit_rate
        assert report.false_alarm <= SMALL.max_false_alarm
        assert report.negatives <= SMALL.negatives
    assert seen[-1].acceptance < seen[1].acceptance < 1
    assert seen[-1].seconds_left == 0


@pytest.mark.parametrize("change", [{"threads": 1}, {"threads": 3}])
def test_threads_do_not_matter(images: list[AnnotatedImage], trained: TrainingResult, change: dict[str, int]) -> None:
    again = train(images, replace(SMALL, **change))
    assert write_cascade(again.cascade) == write_cascade(trained.cascade)


def test_seed_matters(images: list[AnnotatedImage], trained: TrainingResult) -> None:
    assert write_cascade(train(images, replace(SMALL, seed=1)).cascade) != write_cascade(trained.cascade)


def test_resume_gives_the_same_cascade(images: list[AnnotatedImage], trained: TrainingResult, tmp_path: Path) -> None:
    checkpoint = tmp_path / "half.npz"
    half = train(images, replace(SMALL, stages=3), checkpoint=checkpoint)
    assert len(half.cascade.stages) == 3
    whole = train(images, SMALL, checkpoint=checkpoint)
    # Stages 1 and 2 are kept; the third was the last of its cascade, which no other may follow.
    assert [r.stage for r in whole.stages] == [3, 4]
    assert write_cascade(whole.cascade) == write_cascade(trained.cascade)
    with pytest.raises(CheckpointMismatch, match="holds 3 stages, too many for a training of 2"):
        train(images, replace(SMALL, stages=2), checkpoint=checkpoint)
    with pytest.raises(CheckpointMismatch, match="other images, boxes or settings"):
        train(images, replace(SMALL, seed=5), checkpoint=checkpoint)
    checkpoint.write_bytes(b"no archive")
    with pytest.raises(CheckpointMismatch, match="not a checkpoint"):
        train(images, SMALL, checkpoint=checkpoint)


@pytest.mark.parametrize(
    "change",
    [{"boosting": "discrete"}, {"boosting": "real"}, {"max_depth": 2}, {"weight_trim": 0.95}, {"features": "all"}],
)
def test_variants_learn(images: list[AnnotatedImage], change: dict[str, object]) -> None:
    result = train(images, replace(SMALL, **change))  # type: ignore[arg-type]
    new = draw_images(600, 30)
    detector = Detector([result.cascade])
    roc = evaluate([detector.detect(i.gray)[0] for i in new], [np.array(i.boxes) for i in new])
    assert roc.recall_at(1) >= 0.8


def test_bad_boxes_become_rows(images: list[AnnotatedImage]) -> None:
    bad = [
        replace(images[0], boxes=(*images[0].boxes, Box(-200, 0, 50, 50), Box(5, 5, 4, 4), Box(3, 3, 0, 9))),
        AnnotatedImage("flat", np.full((100, 100), 30, np.uint8), (Box(10, 10, 40, 40),)),
    ]
    result = train([*bad, *images[1:]], replace(SMALL, stages=1))
    assert [(r.key, r.reason.split(":")[0]) for r in result.rejected] == [
        ("scene/0", "outside"), ("scene/0", "tiny"), ("scene/0", "no area"), ("flat", "flat"),
    ]  # fmt: skip


def test_nothing_to_learn_from(images: list[AnnotatedImage]) -> None:
    with pytest.raises(TrainingDataError, match="carry no boxes"):
        train([replace(i, boxes=()) for i in images], SMALL)
    with pytest.raises(TrainingDataError, match="background"):
        train([replace(i, negatives=False) for i in images], SMALL)
    with pytest.raises(TrainingDataError, match="no box to learn from"):
        train([], SMALL)


def test_background_runs_out_with_a_reason() -> None:
    """One image without clutter: after a stage or two nothing is left to reject."""
    scene = draw_images(0, 1)
    result = train(scene, TrainingParams(stages=20, positives=50, negatives=300, feature_pool=2000))
    assert result.stop_rule.startswith("negatives: the background ran out before stage")
    assert 1 <= len(result.cascade.stages) < 20


@pytest.mark.parametrize(
    ("change", "name"),
    [({"window": (4, 24)}, "window"), ({"features": "haar"}, "features"), ({"max_false_alarm": 1.5}, "max_false_alarm"),
     ({"boosting": "logit"}, "boosting"), ({"seed": -1}, "seed"), ({"positives": "many"}, "positives")],
)  # fmt: skip
def test_parameters_are_checked(change: dict[str, object], name: str) -> None:
    with pytest.raises(InvalidParameter, match=f"^{name} is"):
        TrainingParams(**change)  # type: ignore[arg-type]


def test_side_file(trained: TrainingResult, tmp_path: Path) -> None:
    trained.cascade.save(tmp_path / "face.xml")
    assert Cascade.load(tmp_path / "face.xml").info.margin == 0
    trained.cascade.to_side_file(tmp_path / "face.json")
    loaded = Cascade.load(tmp_path / "face.xml")
    assert loaded.info == trained.cascade.info
    assert loaded.info.margin == SMALL.margin
    assert write_cascade(loaded) == write_cascade(trained.cascade)


def colored(image: AnnotatedImage, seed: int) -> AnnotatedImage:
    """Orange faces on blue-green ground; decoys of the same shapes are blue."""
    rng = np.random.default_rng(seed)
    color = np.stack([image.gray // 2, image.gray, image.gray], axis=2)
    for box in image.boxes:
        part = np.s_[box.y : box.y + box.h, box.x : box.x + box.w]
        color[part] = np.stack([image.gray[part], image.gray[part] // 2, image.gray[part] // 4], axis=2)
    rgb = np.clip(color + rng.integers(0, 4, color.shape), 0, 255).astype(np.uint8)
    return replace(image, chroma=chroma_of(rgb))


@pytest.mark.slow
def test_color_planes(images: list[AnnotatedImage], tmp_path: Path) -> None:
    """Only one of two faces in an image is orange: gray cannot tell which, color can."""
    world = [colored(replace(i, boxes=i.boxes[:1]), n) for n, i in enumerate(images)]
    result = train(world, replace(SMALL, planes="color"))
    result.cascade.save(tmp_path / "orange.xml")
    loaded = Cascade.load(tmp_path / "orange.xml")
    assert loaded.info.planes == ("gray", "cb", "cr")
    assert write_cascade(loaded) == write_cascade(result.cascade)
    with pytest.raises(cv2.error, match="opencv_storage"):
        cv2.CascadeClassifier().load(str(tmp_path / "orange.xml"))
    new = [colored(replace(i, boxes=i.boxes[:1]), n) for n, i in enumerate(draw_images(800, 10))]
    assert judge(loaded, new).recall_at(0.1) >= 0.9
    with pytest.raises(TrainingDataError, match="color planes are wanted"):
        Detector([loaded]).detect(new[0].gray)


@pytest.mark.slow
def test_last_stage_is_the_same_one_gone_on(images: list[AnnotatedImage]) -> None:
    alike = train(images, replace(SMALL, ranking=0)).cascade
    ranking = train(images, SMALL).cascade
    for stage, same in zip(alike.stages[:-1], ranking.stages[:-1], strict=True):
        assert stage.threshold == same.threshold
        assert [t.threshold.tolist() for t in stage.trees] == [t.threshold.tolist() for t in same.trees]
    short, long = alike.stages[-1], ranking.stages[-1]
    assert len(short.trees) < len(long.trees) == SMALL.ranking
    assert [t.leaves.tolist() for t in short.trees] == [t.leaves.tolist() for t in long.trees[: len(short.trees)]]
    assert long.threshold <= 0
    unseen = draw_images(400, 30)
    assert judge(ranking, unseen).average_precision >= judge(alike, unseen).average_precision


def test_recolored_is_a_stronger_or_weaker_and_shifted_color() -> None:
    chroma = np.array([[[0, 100, 128, 200, 255]], [[128, 128, 128, 128, 128]]], np.uint8)
    params = replace(SMALL, saturation_jitter=0.5, color_jitter=7)
    strengths = []
    for seed in range(200):
        found = recolored(chroma, params, np.random.default_rng(seed)).astype(int)
        shift = found[0, 0, 2] - 128  # a neutral pixel is only shifted
        assert abs(shift) <= 7
        assert (np.abs(found[1] - 128) <= 7).all()
        strength = (found[0, 0, 3] - shift - 128) / 72
        expected = np.clip(128 + (np.array([0, 100, 128, 200, 255]) - 128) * strength + shift, 0, 255)
        assert np.abs(found[0, 0] - expected).max() <= 2  # the strength is read off a pixel rounded to 1/72
        strengths.append(strength)
    assert 0.48 <= min(strengths) < 0.6
    assert 1.4 < max(strengths) <= 1.52
    unchanged = replace(params, saturation_jitter=0.0, color_jitter=0)
    assert (recolored(chroma, unchanged, np.random.default_rng(0)) == chroma).all()
