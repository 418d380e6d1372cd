"""Faces go out to the formats of other libraries; each is read by the library, or as it documents."""

import io
import json
import tarfile
from pathlib import Path

import datasets
import pandas as pd
import pytest
from PIL import Image

from pipeline.errors import InputError
from pipeline.exchange.face_writers import WRITERS
from pipeline.exchange.given import read_source
from pipeline.params import FacesFrom
from tests.support.exchange_worlds import WORDS, labelled_faces
from tests.support.worlds import params

SETTINGS = params(emotions=list(WORDS), characters=["cat", "mouse"])


@pytest.fixture(scope="module")
def dataset() -> pd.DataFrame:
    return labelled_faces()


def written(form: str, rows: pd.DataFrame, folder: Path) -> Path:
    for name, content in WRITERS[form](rows, SETTINGS):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_folders_are_what_image_folder_documents(dataset: pd.DataFrame, tmp_path: Path) -> None:
    # torchvision: "root/class/xxx.png", classes numbered in the order of their names.
    out = written("folder", dataset, tmp_path / "out")
    for split in ("train", "test"):
        classes = sorted(path.name for path in (out / split).iterdir())
        assert classes == sorted(WORDS)
        found = {path.stem: path.parent.name for path in (out / split).glob("*/*.jpg")}
        assert found == dict(dataset.loc[dataset["split"] == split, ["face_id", "emotion"]].to_numpy().tolist())


@pytest.mark.parametrize(
    ("form", "read_as"), [("folder", "folder"), ("characters", "folder"), ("csv", "csv"), ("huggingface", "parquet")]
)
def test_faces_come_back_with_labels_splits_and_names(
    dataset: pd.DataFrame, tmp_path: Path, form: str, read_as: str
) -> None:
    written(form, dataset, tmp_path / "out")
    found = list(read_source(FacesFrom.model_validate({"id": "out", "format": read_as}), tmp_path))
    assert not [one.fault for one in found if one.fault]
    known = {row["image"]["bytes"]: row for row in dataset.to_dict("records")}
    assert len(found) == len(known)
    for one in found:
        row = known[one.picture.read_bytes() if isinstance(one.picture, Path) else one.picture]
        assert (one.label, one.split) == (row["emotion"], row["split"])
        if form != "folder":
            assert one.character == row["character"]
        if form in ("csv", "huggingface"):
            assert one.group == f"pilot {row['scene']}"


def test_fer2013_has_the_numbers_of_that_data_set(dataset: pd.DataFrame, tmp_path: Path) -> None:
    written("fer2013", dataset, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/fer2013.csv")
    assert list(table.columns) == ["emotion", "pixels", "Usage"]
    assert table["emotion"].map({3: "joy", 4: "sadness", 5: "surprise"}).tolist() == dataset["emotion"].tolist()
    assert table["Usage"].map({"Training": "train", "PrivateTest": "test"}).tolist() == dataset["split"].tolist()
    assert all(len(pixels.split()) == 48 * 48 for pixels in table["pixels"])
    found = list(read_source(FacesFrom(id="out", format="fer2013"), tmp_path))
    assert [(one.label, one.split) for one in found] == [
        ({"joy": "happy", "sadness": "sad"}.get(emotion, emotion), split)
        for emotion, split in zip(dataset["emotion"], dataset["split"], strict=True)
    ]


def test_fer2013_has_no_number_for_other_words(dataset: pd.DataFrame) -> None:
    with pytest.raises(InputError, match="no number for bored"):
        list(WRITERS["fer2013"](dataset.assign(emotion="bored"), SETTINGS))


def test_hugging_face_datasets_shows_pictures_and_class_names(dataset: pd.DataFrame, tmp_path: Path) -> None:
    out = written("huggingface", dataset, tmp_path / "out")
    loaded = datasets.load_dataset(str(out), cache_dir=str(tmp_path / "cache"))
    assert set(loaded) == {"train", "test"}
    known = dataset.set_index("face_id")
    for split in loaded:
        names = loaded[split].features["emotion"].names
        assert names == list(WORDS)
        for row in loaded[split]:
            assert row["image"].size == (96, 96)
            assert names[row["emotion"]] == row["emotion_name"] == known.loc[row["face_id"], "emotion"]
            assert known.loc[row["face_id"], "split"] == split
    assert len(pd.read_parquet(out / "data/train-00000-of-00001.parquet")) == loaded["train"].num_rows


def test_web_dataset_is_a_tar_of_keys(dataset: pd.DataFrame, tmp_path: Path) -> None:
    out = written("webdataset", dataset, tmp_path / "out")
    known = dataset.set_index("face_id")
    with tarfile.open(out / "test-000000.tar") as archive:
        members = {member.name: archive.extractfile(member) for member in archive.getmembers()}
        content = {name: file.read() for name, file in members.items() if file}
    keys = list(dict.fromkeys(name.partition(".")[0] for name in content))
    assert keys == known.index[known["split"] == "test"].tolist()
    for key in keys:
        assert WORDS[int(content[f"{key}.cls"])] == known.loc[key, "emotion"]
        assert json.loads(content[f"{key}.json"])["attribution"] == 'A "B", C'
        with Image.open(io.BytesIO(content[f"{key}.jpg"])) as picture:
            assert picture.size == (96, 96)
