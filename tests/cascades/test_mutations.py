"""Side files and checkpoints with one value replaced or some bytes changed: used, or refused in one line."""

import io
import json
import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.mutations_json import damage, mutate, to_text
from cascades import (
    AnnotatedImage,
    Cascade,
    CascadeError,
    Detector,
    TrainingResult,
    operating_score,
    probability,
    train,
)
from cascades.checkpoint import load_checkpoint, seal
from tests.cascades.conftest import SMALL


@pytest.mark.slow
def test_a_side_file_with_one_value_replaced(
    trained: TrainingResult, images: list[AnnotatedImage], tmp_path: Path
) -> None:
    xml, side = tmp_path / "c.xml", tmp_path / "c.json"
    calibration = {"slope": 2.0, "intercept": -1.0, "score_at_fppi": {"0.1": 1.5, "1": 0.5}, "min_score": 1.0}
    cascade = replace(trained.cascade, info=replace(trained.cascade.info, calibration=calibration))
    cascade.save(xml)
    cascade.to_side_file(side)
    whole, refused = json.loads(side.read_text()), 0
    small = np.ascontiguousarray(images[0].gray[:90, :120])
    for seed in range(300):
        changed, done = mutate(whole, random.Random(seed))
        side.write_text(to_text(changed))
        said = ""
        try:
            read = Cascade.load(xml)
            Detector([read]).detect(small)
            assert np.isfinite(probability(read, np.array([0.0, 1.0, 1e9], np.float32))).all(), done
            assert np.isfinite(operating_score(read, 0.1)), done
        except CascadeError as error:
            refused, said = refused + 1, str(error)
        assert "\n" not in said, done
        assert len(said) < 1000, done
    assert 100 < refused < 300


@pytest.fixture(scope="module")
def checkpoint(images: list[AnnotatedImage], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("checkpoint") / "c.npz"
    train(images, replace(SMALL, stages=2), checkpoint=path)
    return path.read_bytes()


def mark_of(content: bytes) -> str:
    with np.load(io.BytesIO(content.partition(b"\n")[2])) as archive:
        return str(archive["fingerprint"])


def test_a_checkpoint_with_some_bytes_changed_is_refused(checkpoint: bytes, tmp_path: Path) -> None:
    path, mark = tmp_path / "c.npz", mark_of(checkpoint)
    path.write_bytes(checkpoint)
    assert len(load_checkpoint(path, mark).stages) == 1
    for seed in range(300):
        changed, done = damage(checkpoint, random.Random(seed))
        path.write_bytes(changed)
        if changed == checkpoint:
            continue
        with pytest.raises(CascadeError, match="delete it to start again") as caught:
            load_checkpoint(path, mark)
        assert "\n" not in str(caught.value), done


def test_other_arrays_under_a_right_checksum_are_one_line(checkpoint: bytes, tmp_path: Path) -> None:
    path, mark = tmp_path / "c.npz", mark_of(checkpoint)
    with np.load(io.BytesIO(checkpoint.partition(b"\n")[2])) as archive:
        arrays = dict(archive)
    said = []
    for name in arrays:
        for odd in ({}, {name: np.array("x")}, {name: np.zeros((2, 2, 2))}, {name: np.array(7)}):
            others = {key: value for key, value in arrays.items() if key != name}
            packed = io.BytesIO()
            np.savez(packed, **(others | odd))
            path.write_bytes(seal(packed.getvalue()))
            try:
                load_checkpoint(path, mark)
            except CascadeError as error:
                said.append(str(error))
    assert len(said) > 20
    assert not any("\n" in line for line in said)
