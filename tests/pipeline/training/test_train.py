"""From rows to a classifier: votes, devices, interruption, the random split."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from pipeline.classifier.model import Crops, load_model
from pipeline.classifier.scoring import score_classifier
from pipeline.errors import ParamsError, SetupError, StageError
from pipeline.images import decode_rgb, encode_jpeg, reframe
from pipeline.params import Faces
from pipeline.stages import random_split as stage
from pipeline.training import loop
from pipeline.training.train import CHECKPOINT, device_of, train, vote_shares
from tests.support.drawn_shapes import SHAPES, params, rows, write_project

NONE = rows(0, seed=9)


def test_votes_become_shares_and_votes_for_no_emotion_are_left_out():
    faces = rows(5, seed=1)
    faces["emotion"] = ["disc", "disc", "square", "disc", "disc"]
    faces["votes"] = ['{"disc": 3, "square": 1}', '{"disc": 2}', None, '{"unclear": 4}', '{"disc": 1, "unclear": 3}']
    shares = vote_shares(faces, SHAPES)
    assert shares.tolist() == [[0.75, 0.25, 0], [1, 0, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]]


def test_soft_labels_change_what_is_learned_only_where_people_disagree():
    def weights(votes, soft):
        faces = rows(12, seed=1).assign(votes=votes)
        made = train(faces, NONE, params(net="toon", options={"width": 4}, epochs=1, soft_labels=soft))
        return [tensor.numpy().tobytes() for tensor in made.classifier.net.state_dict().values()]

    agreed = [json.dumps({shape: 2}) for shape in rows(12, seed=1)["emotion"]]
    split = [json.dumps({"disc": 1, "square": 1, "cross": 1})] * 12
    assert weights(agreed, True) == weights(agreed, False) == weights(split, False)
    assert weights(split, True) != weights(split, False)


def test_a_gpu_that_is_not_there_is_an_error_and_auto_does_without():
    there = torch.cuda.is_available()
    assert device_of("auto").type == ("cuda" if there else "cpu")
    assert device_of("cpu").type == "cpu"
    if not there:
        with pytest.raises(SetupError, match=r"`train.device: cuda`.*finds none: set it to auto or cpu"):
            device_of("cuda")


def test_an_interrupted_training_goes_on_to_the_same_bytes(tmp_path, monkeypatch):
    settings = params(net="toon", options={"width": 4}, epochs=4)
    faces, judges = rows(24, seed=1), rows(12, seed=2)
    whole = train(faces, judges, settings)
    monkeypatch.setattr(loop, "SECONDS", -1.0)
    step, steps = loop.Run.step, []

    def stopped(run):
        steps.append(run.epoch)
        if run.epoch == 2 and len(steps) == 3:
            raise KeyboardInterrupt
        return step(run)

    monkeypatch.setattr(loop.Run, "step", stopped)
    with pytest.raises(KeyboardInterrupt):
        train(faces, judges, settings, tmp_path)
    assert (tmp_path / CHECKPOINT).exists()
    again = train(faces, judges, settings, tmp_path)
    assert steps == [0, 1, 2, 2, 3]
    assert not (tmp_path / CHECKPOINT).exists()
    pd.testing.assert_frame_equal(again.curves, whole.curves)
    for name, tensor in whole.classifier.net.state_dict().items():
        assert torch.equal(tensor, again.classifier.net.state_dict()[name]), name


def test_an_unknown_option_stops_before_any_work():
    with pytest.raises(ParamsError, match=r"toon has no option `widht`; .*Did you mean 'width'"):
        train(rows(12, seed=1), NONE, params(net="toon", options={"widht": 4}))


def test_the_random_split_deals_as_many_faces_to_each_split_as_there_are_by_scene():
    both = pd.concat([rows(12, seed=1), rows(6, seed=2, split="test")], ignore_index=True)
    dealt = stage.deal(both, seed=0)
    assert dealt["split"].value_counts().to_dict() == {"train": 12, "test": 6}
    before = dict(zip(both["face_id"], both["split"], strict=True))
    assert sum(before[row.face_id] != row.split for row in dealt.itertuples()) > 2
    pd.testing.assert_frame_equal(dealt, stage.deal(both.sample(frac=1, random_state=1), seed=0))


def test_the_stage_random_split_writes_figures_and_no_model(tmp_path, monkeypatch, capsys):
    splits = {"train": rows(36, seed=1), "validation": rows(6, seed=2, split="validation"),
              "test": rows(18, seed=3, split="test")}  # fmt: skip
    write_project(tmp_path, splits, "net: toon", "options: {width: 4}", "epochs: 2")
    monkeypatch.chdir(tmp_path)
    stage.main()
    found = json.loads((tmp_path / "reports/random_split/metrics.json").read_text())
    assert found["n"] == 18
    assert 0 < found["share_in_training_scenes"] <= 1
    assert not list(tmp_path.glob("models/*"))
    assert capsys.readouterr().out.splitlines()[-1].startswith("random_split: 18 test faces, in training scenes ")


def test_a_model_says_how_it_was_made_with_the_nulls_filled_in(tmp_path):
    from pipeline.classifier.model import save_model

    made = train(rows(12, seed=1), rows(24, seed=2), params(net="vanilla", options={"batch_norm": True}, epochs=1))
    save_model(tmp_path, made.classifier)
    about = load_model(tmp_path).about
    assert (about.params["optimizer"], about.params["batch"], about.arguments) == ("adam", 32, {"batch_norm": True})
    assert about.temperature != 1.0
    assert np.isfinite(about.temperature)


def recut(faces, *margins):
    """The faces with other margins, in turn: the middle of each crop."""
    found = []
    for number, image in enumerate(faces["image"]):
        crop = reframe(decode_rgb(image["bytes"]), 0.25, margins[number % len(margins)])
        found.append({"bytes": encode_jpeg(crop), "path": None})
    own = [margins[number % len(margins)] for number in range(len(faces))]
    return faces.assign(image=pd.Series(found, index=faces.index, dtype=object), margin=own)


@pytest.mark.slow
@pytest.mark.parametrize("learned", ["wide", "close", "mixed"])
def test_a_network_that_looks_at_the_face_learns_from_any_margin_and_judges_any(learned):
    """Cut as by the faces stage, cut close, and of several margins."""
    margins = {"wide": (0.25,), "close": (0.0,), "mixed": (0.25, 0.0, 0.1)}
    settings = params(net="toon", options={"width": 8}, epochs=20)
    classifier = train(recut(rows(60, seed=1), *margins[learned]), NONE, settings).classifier
    assert classifier.about.margin == 0.25
    judged = rows(60, seed=2)
    right = {name: score_classifier(recut(judged, *own), classifier) for name, own in margins.items()}
    assert min(one.metrics["accuracy"] for one in right.values()) > 0.75
    # Close faces that are said to be wide ones: what the margin is known for.
    untold = recut(judged, 0.0).assign(margin=0.25)
    assert score_classifier(untold, classifier).metrics["accuracy"] < 0.6


def test_a_network_without_a_margin_of_its_own_sees_what_most_training_faces_show():
    def made(*margins):
        return train(recut(rows(12, seed=1), *margins), NONE, params(net="hill2017", epochs=1)).classifier.about

    close, mixed, even = made(0.0), made(0.1, 0.0, 0.1), made(0.25, 0.1)
    assert (close.margin, close.crops.margin) == (0.0, 0.0)
    assert (mixed.margin, mixed.crops.margin) == (0.1, 0.1)
    assert (even.margin, even.crops.margin) == (0.1, 0.1)


def test_the_model_says_how_faces_of_its_project_are_found_and_cut():
    own = params(net="toon", options={"width": 4}, epochs=1)
    faces = Faces(crop_size=96, max_height=480, min_size=20, scale_factor=1.2, crop_margin=0.3)
    about = train(rows(12, seed=1), NONE, own.model_copy(update={"faces": faces})).classifier.about
    # The margin is the crops' own: params.yaml may have been changed since.
    assert about.crops == Crops(margin=0.25, size=96, max_height=480, min_size=20, scale_factor=1.2)
    assert about.crops.in_place_of(Faces(every=5)) == faces.model_copy(update={"crop_margin": 0.25, "every": 5})


@pytest.mark.parametrize("margin", [None, -0.1, 3.0])
def test_faces_that_do_not_say_how_closely_they_were_cut_are_not_learned_from(margin):
    faces = rows(12, seed=1)
    faces.loc[3, "margin"] = margin
    with pytest.raises(StageError, match=r"1 of 12 faces do not say how closely they were cut: their `margin` is "):
        train(faces, NONE, params(net="toon", epochs=1))
