"""Files of ours with one value replaced or some bytes changed: read, passed over, or refused in one line."""

import hashlib
import json
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from benchmarks.mutations_json import damage, mutate, to_text
from cascades.errors import CascadeError
from pipeline.classifier.model import DESCRIPTION, WEIGHTS, Classifier, Crops, Description, load_model, save_model
from pipeline.errors import ToonsetError
from pipeline.faces.cascade_files import load_cascade
from pipeline.nets import build
from pipeline.params import Faces, Train
from pipeline.stages.download import _forget
from pipeline.tables import read_kept_json, write_kept_json
from pipeline.training.checkpoint import resume, write
from pipeline.training.pretrained import start_from_published
from pipeline.training.recipes import plan_of
from tests.pipeline.training.test_checkpoint import RECIPE, new_run


def outcome(action: Callable[[], object]) -> str:
    """What one line of error an action ends in; empty where it does its work."""
    try:
        action()
    except ToonsetError as error:
        return str(error)
    return ""


def check(said: str, done: str) -> None:
    assert "\n" not in said, done
    assert len(said) < 1500, done


@pytest.fixture
def model(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    about = Description(
        net="vanilla", arguments={"dropout": 0.5, "leaky": True}, emotions=("happy", "sad"), size=48, channels=3,
        margin=0.25, crops=Crops.of(Faces(), 0.25),
        mean=(120.0, 110.0, 100.0), std=(50.0, 60.0, 70.0), params={"epochs": 1}, seed=0, epoch=1,
        images={"happy": 4, "sad": 4}, threads=2, torch="2", instructions="AVX2",
    )  # fmt: skip
    save_model(tmp_path, Classifier(build("vanilla", 2, {}), about))
    return tmp_path


FACES = list(np.random.default_rng(0).integers(0, 256, (2, 64, 64, 3)).astype(np.uint8))


@pytest.mark.slow
def test_a_models_description_with_one_value_replaced(model: Path) -> None:
    path = model / DESCRIPTION
    whole, refused = json.loads(path.read_text()), 0
    for seed in range(200):
        changed, done = mutate(whole, random.Random(seed))
        path.write_text(to_text(changed))
        said = outcome(lambda: load_model(model).predict(FACES))
        refused += bool(said)
        check(said, done)
    assert 80 < refused < 200


def test_a_models_weights_with_some_bytes_changed(model: Path) -> None:
    path = model / WEIGHTS
    content, refused = path.read_bytes(), 0
    for seed in range(60):
        # The head of the file holds names, types and places; most of the rest is weights.
        head, done = damage(content[:1500], random.Random(seed))
        path.write_bytes(head + content[1500:])
        said = outcome(lambda: load_model(model).predict(FACES))
        refused += bool(said)
        check(said, done)
    assert refused > 30


def test_a_model_whose_weights_are_no_numbers_gives_no_probabilities(model: Path) -> None:
    classifier = load_model(model)
    weight = next(classifier.net.parameters())
    for value, said in (
        (float("nan"), "that are no numbers"),
        (float("inf"), "that are no numbers"),
        (3e38, "damaged"),
    ):
        with torch.no_grad():
            weight[:] = value
        save_model(model, classifier)
        assert said in outcome(lambda: load_model(model).predict(FACES))


@pytest.mark.slow
def test_a_pth_with_some_bytes_changed_or_something_else_in_it(tmp_path: Path) -> None:
    torch.manual_seed(0)
    path, small = tmp_path / "w.pth", {"conv1.weight": torch.zeros(2, 2), "bn": torch.ones(3)}
    torch.save(small, path)
    net, content = build("resnet18", 2, {}), path.read_bytes()

    def start() -> None:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        train = Train(net="resnet18", pretrained=str(path), pretrained_sha256=digest)
        start_from_published(net, plan_of(train))

    for seed in range(200):
        changed, done = damage(content, random.Random(seed))
        path.write_bytes(changed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch's own, on odd files
            said = outcome(start)
        assert said, done
        check(said, done)
    nan = {"conv1.weight": torch.full((2, 2), float("nan"))}
    odd: list[Any] = [
        [1],
        7,
        None,
        torch.zeros(2),
        {1: torch.zeros(2)},
        {"a": 1},
        {"state_dict": small},
        nan,
        {"a": None},
    ]
    for value in odd:
        torch.save(value, path)
        assert "train.pretrained: " in outcome(start)


def test_a_checkpoint_with_some_bytes_changed_is_passed_over(tmp_path: Path) -> None:
    path, run = tmp_path / "c.safetensors", new_run(RECIPE)
    write(path, "key", run, [run.step()], {})
    content = path.read_bytes()
    assert resume(path, "key", new_run(RECIPE)) is not None
    fresh = new_run(RECIPE)
    before = {name: tensor.clone() for name, tensor in fresh.net.state_dict().items()}
    for seed in range(150):
        dice = random.Random(seed)
        changed, done = damage(content[:4000], dice) if seed % 2 else damage(content, dice)
        path.write_bytes(changed + content[4000:] if seed % 2 else changed)
        assert path.read_bytes() == content or resume(path, "key", fresh) is None, done
    assert all(torch.equal(before[name], tensor) for name, tensor in fresh.net.state_dict().items())


def test_a_record_with_one_value_replaced_is_believed_by_nobody_and_deletes_nothing(tmp_path: Path) -> None:
    outside = tmp_path / "kept.mp4"
    outside.write_text("mine")
    folder = tmp_path / "episodes"
    folder.mkdir()
    record = {"record": 1, "source": "x", "path": "pilot.mp4", "sha256": "0" * 64, "video": {"rate": "24", "frames": 2}}
    path = folder / "pilot.json"
    write_kept_json(path, record)
    whole = json.loads(path.read_text())
    for seed in range(200):
        changed, done = mutate(whole, random.Random(seed))
        path.write_text(to_text(changed))
        assert changed == whole or read_kept_json(path) is None, done
        (folder / "other.mp4").write_text("mine too")
        _forget(folder, "pilot")
        assert sorted(one.name for one in tmp_path.rglob("*")) == ["episodes", "kept.mp4", "other.mp4"], done
    for name in ("../kept.mp4", "other.mp4", "/etc/x", "pilot.mp4\0", 7, None, ["pilot.mp4"]):
        path.write_text(json.dumps({"path": name}))
        _forget(folder, "pilot")
        assert outside.exists()
        assert (folder / "other.mp4").exists()


@pytest.mark.parametrize("score", [float("nan"), float("inf"), -1, 0, True, "2", None, [1], 10**400])
def test_a_cascades_least_score_is_a_number(tmp_path: Path, score: Any) -> None:
    (tmp_path / "cat.xml").write_bytes(
        (Path(cv2.data.haarcascades) / "haarcascade_frontalface_default.xml").read_bytes()
    )
    side = {"format": "toonset cascade", "version": 1, "face": [0, 0, 1, 1], "margin": 0, "planes": ["gray"]}
    calibration = {"min_score": score}
    (tmp_path / "cat.json").write_text(json.dumps(side | {"training": {}, "calibration": calibration}))
    with pytest.raises((ToonsetError, CascadeError)) as caught:
        load_cascade("cat", tmp_path)
    check(str(caught.value), str(score))
