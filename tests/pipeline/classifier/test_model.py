"""The files of a trained classifier: written, read, damaged."""

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from pipeline.classifier.model import DESCRIPTION, WEIGHTS, Classifier, Crops, Description, load_model, save_model
from pipeline.errors import InputError
from pipeline.nets import architecture, build
from pipeline.params import Faces


def fresh(net="hill2017", seed=0, emotions=("happy", "angry", "sad"), arguments=None):
    torch.manual_seed(seed)
    about = Description(
        net=net,
        arguments={"dropout": 0.5} if arguments is None else arguments,
        emotions=emotions,
        size=architecture(net).size,
        channels=3,
        margin=0.25,
        crops=Crops.of(Faces(), 0.25),
        mean=(120.0, 110.0, 100.0),
        std=(50.0, 60.0, 70.0),
        params={"epochs": 1},
        seed=seed,
        epoch=1,
        images=dict.fromkeys(emotions, 4),
        threads=2,
        torch=torch.__version__,
        instructions="AVX2",
    )
    return Classifier(build(net, len(emotions), about.arguments), about)


def faces(n, size=128):
    return list(np.random.default_rng(0).integers(0, 256, (n, size, size, 3)).astype(np.uint8))


def change(path, **values):
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def test_a_classifier_read_back_says_the_same(tmp_path):
    classifier = fresh()
    save_model(tmp_path, classifier)
    loaded = load_model(tmp_path)
    assert loaded.about == classifier.about
    assert loaded.emotions == ("happy", "angry", "sad")
    np.testing.assert_array_equal(loaded.predict(faces(5)), classifier.predict(faces(5)))


def test_the_same_classifier_is_the_same_bytes_whatever_the_memory_layout(tmp_path):
    first = save_model(tmp_path / "a", fresh())
    again = fresh()
    again.net.to(memory_format=torch.channels_last)
    assert save_model(tmp_path / "b", again) == first
    assert save_model(tmp_path / "c", fresh(seed=1)) != first
    assert (tmp_path / "a" / DESCRIPTION).read_bytes() == (tmp_path / "b" / DESCRIPTION).read_bytes()


def test_probabilities_of_faces_of_any_size(tmp_path):
    classifier = fresh()
    found = classifier.predict([*faces(2), *faces(1, size=20), np.zeros((90, 61, 3), dtype=np.uint8)])
    assert found.shape == (4, 3)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-6)
    assert classifier.predict([]).shape == (0, 3)


def test_more_faces_than_a_batch_keep_their_order():
    classifier, many = fresh(), faces(300, size=60)
    np.testing.assert_allclose(classifier.predict(many)[299], classifier.predict(many[299:])[0], atol=1e-6)


@pytest.mark.parametrize("face", [np.zeros((60, 60), np.uint8), np.zeros((60, 60, 3)), np.zeros((0, 60, 3), np.uint8)])
def test_what_is_no_rgb_picture_is_refused(face):
    with pytest.raises(ValueError, match=r"a face should be RGB, uint8 \[H, W, 3\]; found"):
        fresh().predict([face])


def test_reading_a_model_draws_nothing_from_the_global_generator(tmp_path):
    save_model(tmp_path, fresh())
    before = torch.get_rng_state()
    load_model(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


def test_no_model_at_all(tmp_path):
    with pytest.raises(InputError, match=r"no trained model: .*model.json cannot be read"):
        load_model(tmp_path)


@pytest.mark.parametrize("keep", [0, 4, 100, 20_000, -1])
def test_truncated_weights(tmp_path, keep):
    save_model(tmp_path, fresh())
    data = (tmp_path / WEIGHTS).read_bytes()
    (tmp_path / WEIGHTS).write_bytes(data[:keep])
    with pytest.raises(InputError, match=r"model.safetensors cannot be read as safetensors"):
        load_model(tmp_path)


def test_missing_weights(tmp_path):
    save_model(tmp_path, fresh())
    (tmp_path / WEIGHTS).unlink()
    with pytest.raises(InputError, match=r"model.safetensors cannot be read"):
        load_model(tmp_path)


def test_weights_of_another_training(tmp_path):
    save_model(tmp_path, fresh())
    save_model(tmp_path / "other", fresh(emotions=("happy", "sad")))
    (tmp_path / "other" / WEIGHTS).replace(tmp_path / WEIGHTS)
    with pytest.raises(
        InputError, match=r"does not hold the weights that model.json describes \(hill2017, 3 emotions\)"
    ):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"net": "hill2018"}, r"no network called 'hill2018'.*Did you mean 'hill2017'"),
        ({"format": 4}, "format: Input should be less than or equal to 3"),
        ({"emotions": "happy"}, "emotions: Input should be a valid"),
        ({"margin": -0.1}, "margin: Input should be greater than or equal to 0"),
        ({"crops": {"margin": 0.1}}, "crops.size: Field required"),
        ({"size": 48}, "hill2017 reads 60 px"),
        ({"mean": [1.0]}, "mean and std should have 3 values"),
        ({"arguments": {"depth": 3}}, "hill2017 takes no such arguments"),
        ({"color": "red"}, "color: Extra inputs are not permitted"),
    ],
)
def test_a_description_that_does_not_fit(tmp_path, values, message):
    save_model(tmp_path, fresh())
    change(tmp_path / DESCRIPTION, **values)
    with pytest.raises(InputError, match=message):
        load_model(tmp_path)


def test_a_model_that_does_not_say_how_its_faces_were_cut_is_read_with_the_defaults_of_its_time(tmp_path, capsys):
    classifier = fresh()
    save_model(tmp_path, classifier)
    path = tmp_path / DESCRIPTION
    old = json.loads(path.read_text())
    path.write_text(json.dumps({key: old[key] for key in old if key not in ("margin", "crops")} | {"format": 1}))
    loaded = load_model(tmp_path)
    said = capsys.readouterr().err
    assert "model.json was written by an earlier toonset and does not say how its faces were cut" in said
    assert "margin 0.25, 128 px, found in pictures of 360 px height" in said
    assert loaded.about == classifier.about
    load_model(tmp_path)
    save_model(tmp_path, loaded)
    capsys.readouterr()
    load_model(tmp_path)
    assert capsys.readouterr().err == ""


def test_a_toon_of_before_the_option_seen_looks_at_what_it_looked_at(tmp_path):
    classifier = fresh("toon", arguments={"seen": 40})
    save_model(tmp_path, classifier)
    change(tmp_path / DESCRIPTION, format=2, arguments={})
    loaded = load_model(tmp_path)
    assert loaded.about == classifier.about
    shown = faces(3, size=92)
    np.testing.assert_array_equal(loaded.predict(shown, 0.25), classifier.predict(shown, 0.25))
    around = [face.copy() for face in shown]
    for face in around:
        face[:26] = face[66:] = 0
        face[:, :26] = face[:, 66:] = 0
    np.testing.assert_array_equal(loaded.predict(around, 0.25), loaded.predict(shown, 0.25))
    now = fresh("toon")
    assert not np.array_equal(now.predict(around, 0.25), now.predict(shown, 0.25))


def test_faces_are_taken_to_be_cut_as_those_that_were_learned_from():
    classifier = fresh()
    close = faces(3, size=64)
    learned = replace(classifier, about=classifier.about.model_copy(update={"crops": Crops.of(Faces(), 0.1)}))
    np.testing.assert_array_equal(learned.predict(close), classifier.predict(close, 0.1))
    assert not np.array_equal(classifier.predict(close), classifier.predict(close, 0.1))
    np.testing.assert_array_equal(classifier.predict(close), classifier.predict(close, 0.25))


def test_a_description_that_is_no_json(tmp_path):
    save_model(tmp_path, fresh())
    (tmp_path / DESCRIPTION).write_text('{"net": "hill')
    with pytest.raises(InputError, match=r"model.json is not JSON"):
        load_model(tmp_path)
