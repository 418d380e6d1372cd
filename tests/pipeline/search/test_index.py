"""The most alike faces against scikit-learn's, and features that are computed once and never believed when damaged."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.neighbors import NearestNeighbors

from pipeline import paths
from pipeline.classifier.features import OwnFeatures
from pipeline.classifier.inputs import InputShape
from pipeline.errors import InputError
from pipeline.schemas import FACES, MANIFEST
from pipeline.search.index import Index, faces_in_use, features_of_faces
from pipeline.tables import read_rows, to_table, write_table
from tests.pipeline.app.seen import classifier
from tests.pipeline.search.world import make_project


class Counting:
    """Features of the mean colors of a face; counts how many faces it was asked about."""

    shape = InputShape(8, 3, 0.25)
    width = 3

    def __init__(self, name: str = "counting") -> None:
        self.name, self.count = name, 0

    def key(self) -> str:
        return self.name

    def features(self, images: np.ndarray) -> np.ndarray:
        self.count += len(images)
        return images.mean(axis=(1, 2)).astype(np.float32)


@pytest.fixture
def rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pd.DataFrame:
    monkeypatch.chdir(tmp_path)
    return make_project(tmp_path)


def test_the_most_alike_are_those_of_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    features = rng.gamma(2.0, size=(500, 12)).astype(np.float32)
    index = Index.of(pd.DataFrame({"row": range(500)}), features)
    asked = rng.gamma(2.0, size=(20, 12)).astype(np.float32)
    allowed = rng.random(500) < 0.4
    twin = NearestNeighbors(n_neighbors=15, metric="cosine", algorithm="brute")
    twin.fit((features - features.mean(axis=0))[allowed])
    distances, found = twin.kneighbors(asked - features.mean(axis=0))
    for one, distance, expected in zip(asked, distances, found, strict=True):
        rows, likeness = index.best(one, allowed, 15)
        assert rows.tolist() == np.flatnonzero(allowed)[expected].tolist()
        assert likeness == pytest.approx(1 - distance, abs=1e-5)


def test_equally_alike_faces_come_in_their_order_and_few_faces_are_all_found() -> None:
    features = np.array([[1, 0], [0, 1], [1, 0], [1, 0], [0, -2]], np.float32)
    index = Index.of(pd.DataFrame({"row": range(5)}), features)
    assert index.best(features[0], np.ones(5, bool), 2)[0].tolist() == [0, 2]
    assert index.best(features[0], np.array([0, 1, 0, 1, 0], bool), 9)[0].tolist() == [3, 1]
    assert index.best(features[0], np.zeros(5, bool), 9)[0].tolist() == []
    flat = Index.of(pd.DataFrame({"row": range(3)}), np.ones((3, 2), np.float32))
    assert flat.likeness(np.ones(2, np.float32)).tolist() == [0, 0, 0]  # no direction at all, and no division by 0


def test_near_duplicates_are_left_out_and_labels_are_taken(rows: pd.DataFrame) -> None:
    faces = faces_in_use()
    assert len(faces) == len(rows) - 1
    assert "disc22" not in set(faces["face_id"])
    assert faces.set_index("face_id")["label"][lambda said: said != ""].to_dict() == {"ring04": "sad"}


def test_features_are_computed_once_for_a_network_and_for_the_faces(rows: pd.DataFrame) -> None:
    faces = faces_in_use()
    first = Counting()
    found = features_of_faces(faces, first, 0.25)
    assert first.count == len(faces)
    again = Counting()
    np.testing.assert_array_equal(features_of_faces(faces, again, 0.25), found)
    assert again.count == 0
    other = Counting("another network")
    features_of_faces(faces, other, 0.25)
    assert other.count == len(faces)


def test_new_faces_alone_are_computed(rows: pd.DataFrame) -> None:
    faces = faces_in_use()
    some = Counting()
    features_of_faces(faces.iloc[4:], some, 0.25)
    rest = Counting()
    found = features_of_faces(faces, rest, 0.25)
    assert rest.count == 4
    np.testing.assert_array_equal(found, features_of_faces(faces, Counting("anew"), 0.25))


def test_what_is_damaged_or_of_other_crops_is_computed_again(rows: pd.DataFrame) -> None:
    faces = faces_in_use()
    found = features_of_faces(faces, Counting(), 0.25)
    (kept,) = (paths.CACHE / "search").glob("*.parquet")
    data = bytearray(kept.read_bytes())
    data[len(data) // 2] ^= 1
    kept.write_bytes(bytes(data))
    again = Counting()
    np.testing.assert_array_equal(features_of_faces(faces, again, 0.25), found)
    assert again.count == len(faces)
    table = read_rows(paths.face_table("pilot"), FACES).sort_values("face_id", ascending=False)
    write_table(paths.face_table("pilot"), to_table(table, FACES))
    changed = Counting()
    features_of_faces(faces, changed, 0.25)
    assert changed.count == len(faces)


def test_the_cached_features_are_those_of_the_faces_one_by_one(rows: pd.DataFrame) -> None:
    own, faces = OwnFeatures(classifier()), faces_in_use()
    together = features_of_faces(faces, own, 0.25)
    for place in (0, 7):
        alone = features_of_faces(faces.iloc[place : place + 1], own, 0.25)
        np.testing.assert_allclose(alone[0], together[place], rtol=1e-4, atol=1e-5)


def test_a_project_without_a_face_is_one_line(rows: pd.DataFrame) -> None:
    table = rows.assign(status="rejected", reason="no face")
    write_table(paths.MANIFEST, to_table(table, MANIFEST))
    with pytest.raises(InputError, match="has no face in use"):
        faces_in_use()
