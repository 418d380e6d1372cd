"""A release explains itself to the libraries that read it, and tells what is not as it was released."""

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import datasets
import mlcroissant
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image

from pipeline import paths
from pipeline.errors import InputError
from pipeline.images import cut_face, decode_rgb, encode_jpeg
from pipeline.pages.verified import verified_page
from pipeline.release.fingerprint import compare, label_sums, looks
from pipeline.release.make import Choices, make_release
from pipeline.release.rebuild import rebuild
from pipeline.release.verify import Verified, verify
from pipeline.release.versions import Change, require_growth
from pipeline.schemas import DATASET, EPISODES, IMAGE_FEATURE, OK, SPLITS
from pipeline.tables import sha256_of, to_table, write_table
from pipeline.video.decode import decode_frames
from tests.support.face_pictures import SHAPES, draw_face
from tests.support.worlds import write_video

EMOTIONS = list(SHAPES)
SIZE = 320, 240


def film(path: Path, frames: int = 42, crf: str = "18", size: tuple[int, int] = SIZE, lines: int = 0) -> Path:
    """A film with a face in the middle of every frame, each another one. lines: cut off at the top."""
    dice = np.random.default_rng(0)
    pictures = []
    for number in range(frames):
        picture = np.full((SIZE[1], SIZE[0], 3), 60, np.uint8)
        picture[70:166, 110:206] = draw_face(EMOTIONS[number % 7], dice)
        if size != SIZE:
            picture = np.asarray(Image.fromarray(picture).resize(size, Image.Resampling.BICUBIC))
        pictures.append(picture[lines:])
    pix_fmt = "yuv444p" if lines % 2 else "yuv420p"  # the usual one has an even number of lines
    return write_video(path, pictures, pix_fmt=pix_fmt, options={"crf": crf})


def rows_of(video: Path) -> pd.DataFrame:
    sha256 = sha256_of(video)
    rows = []
    for number, picture in enumerate(decode_frames(video)):
        crop = cut_face(picture, (115, 75, 86, 86), 0.25, 128)
        known = {
            "face_id": hashlib.sha256(str(number).encode()).hexdigest()[:20], "emotion": EMOTIONS[number % 7],
            "split": ("train", "train", "test")[number // 7 % 3], "margin": 0.25, "character": "cat",
            "episode_id": "pilot", "frame": number, "pts": number * 512, "time_s": number / 24, "scene": number // 7,
            "track": 0, "x": 115, "y": 75, "w": 86, "h": 86, "score": 1.5, "sharpness": 10.0, "cluster_size": 1,
            "votes": '{"x": 1}', "annotators": 1, "agreement": 1.0, "confidence": 1.0, "consensus": "majority",
            "label_source": "direct", "given_by": "task", "episode_sha256": sha256,
            "license": "CC-BY-4.0" if number % 2 else "CC0-1.0", "attribution": "© Some Studio",
            "image": {"bytes": encode_jpeg(crop), "path": f"{number}.jpg"},
        }  # fmt: skip
        rows.append(known)
    return pd.DataFrame(rows)


def store(rows: pd.DataFrame) -> None:
    for split in SPLITS:
        table = to_table(rows[rows["split"] == split].sort_values("face_id"), DATASET)
        write_table(paths.split_table(split), table, features=IMAGE_FEATURE)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "pilot.mp4")


@pytest.fixture(scope="module")
def rows(video: Path) -> pd.DataFrame:
    return rows_of(video)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: pd.DataFrame, video: Path) -> Path:
    monkeypatch.chdir(tmp_path)
    known = {"toonset": "0.1", "characters": ["cat"], "emotions": EMOTIONS,
             "episodes": [{"id": "pilot", "source": "pilot.mp4"}]}  # fmt: skip
    Path("params.yaml").write_text(yaml.safe_dump(known))
    episode = dict.fromkeys(EPISODES.names) | {"episode_id": "pilot", "status": OK, "sha256": sha256_of(video),
                                              "width": SIZE[0], "height": SIZE[1], "frames": 42,
                                              "license": "CC-BY-4.0", "attribution": "A"}  # fmt: skip
    write_table(paths.EPISODES, to_table([episode], EPISODES))
    store(rows)
    return tmp_path


def test_hugging_face_datasets_reads_a_release_unasked(project: Path, rows: pd.DataFrame) -> None:
    out = make_release("1.0.0", Choices())
    loaded = datasets.load_dataset(str(out), cache_dir=str(project / "cache"))
    assert {split: loaded[split].num_rows for split in loaded} == {"train": 28, "test": 14}
    row = loaded["train"][0]
    assert row["image"].size == (128, 128)
    assert loaded["train"].features["emotion"].int2str(row["emotion"]) == row["emotion_name"]
    assert set(pd.read_parquet(out / "data")["face_id"]) == set(rows["face_id"])


def word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of rdflib and pandas in mlcroissant
def test_mlcroissant_validates_a_release_and_iterates_its_records(project: Path, rows: pd.DataFrame) -> None:
    out = make_release("1.0.0", Choices())
    described = mlcroissant.Dataset(jsonld=str(out / "croissant.json"))
    assert described.metadata.issues.errors == set()
    assert described.metadata.conforms_to is not None
    known = rows.set_index("face_id")
    seen = 0
    for split in ("train", "test"):
        for record in described.records(split):
            row = known.loc[word(record[f"{split}/face_id"])]
            assert word(record[f"{split}/emotion"]) == row["emotion"]
            assert record[f"{split}/w"] == 86
            assert record[f"{split}/image"].size == (128, 128)
            seen += 1
    assert seen == len(rows)
    boxes = {word(one["boxes/face_id"]): one for one in described.records("boxes")}
    assert set(boxes) == set(rows["face_id"])
    for face_id, row in known.iterrows():
        assert boxes[str(face_id)]["boxes/bbox"] == [row["x"], row["y"], row["w"], row["h"]]
        assert (word(boxes[str(face_id)]["boxes/split"]), boxes[str(face_id)]["boxes/frame"]) == (
            row["split"],
            row["frame"],
        )
    assert [word(one["emotions/name"]) for one in described.records("emotions")] == EMOTIONS


def test_the_texts_are_whole(project: Path) -> None:
    out = make_release("1.0.0", Choices())
    head = yaml.safe_load((out / "README.md").read_text().split("---")[1])
    assert head["license"] == "other"
    assert head["license_link"] == "LICENSES.md"
    assert head["size_categories"] == ["n<1K"]
    assert "| pilot | CC-BY-4.0 | © Some Studio | 21 |" in (out / "LICENSES.md").read_text()
    citation = yaml.safe_load((out / "CITATION.cff").read_text())
    assert (citation["version"], citation["authors"]) == ("1.0.0", [{"name": "© Some Studio"}])
    assert "42 of 42 labels were given by one person" in (out / "DATASHEET.md").read_text()
    checked = subprocess.run(["sha256sum", "--check", "--strict", "--quiet", "SHA256SUMS"], cwd=out, check=False)
    assert checked.returncode == 0


def test_the_same_project_gives_the_same_release(project: Path) -> None:
    one = make_release("1.0.0", Choices(), Path("a"))
    two = make_release("1.0.0", Choices(), Path("b"))
    assert (one / "SHA256SUMS").read_bytes() == (two / "SHA256SUMS").read_bytes()


@pytest.mark.parametrize(
    ("change", "least"),
    [
        (lambda rows: rows, "1.0.1"),
        (lambda rows: rows.iloc[1:], "2.0.0"),
        (lambda rows: rows.assign(emotion=["joy", *rows["emotion"][1:]]), "2.0.0"),
        (lambda rows: rows.assign(split=["test", *rows["split"][1:]]), "2.0.0"),
    ],
)
def test_the_version_says_what_has_changed(project: Path, rows: pd.DataFrame, change: Any, least: str) -> None:
    make_release("1.0.0", Choices())
    store(change(rows))
    if least != "1.0.1":
        with pytest.raises(InputError, match=r"1\.1\.0 follows 1\.0\.0, but .*: call it 2\.0\.0 or higher"):
            make_release("1.1.0", Choices())
        assert not list(paths.RELEASES.glob(".*"))
    out = make_release(least, Choices())
    assert (out / "CHANGELOG.md").read_text().index(least) < (out / "CHANGELOG.md").read_text().index("1.0.0")


def test_only_additions_are_minor(project: Path, rows: pd.DataFrame) -> None:
    store(rows.iloc[5:])
    make_release("1.0.0", Choices())
    store(rows)
    with pytest.raises(InputError, match=r"call it 1\.1\.0"):
        make_release("1.0.1", Choices())
    assert "5 rows added" in (make_release("1.1.0", Choices()) / "CHANGELOG.md").read_text()


def test_a_number_that_grows_enough_is_taken() -> None:
    require_growth("1.0.1", "1.0.0", Change())
    require_growth("2.0.0", "1.9.9", Change(removed=1))
    with pytest.raises(InputError):
        require_growth("1.9.10", "1.9.9", Change(moved=1))


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0-rc1", "../1.0.0", "01.0.0", "1.0.٣"])
def test_what_is_no_version_is_refused(project: Path, version: str) -> None:
    with pytest.raises(InputError, match="is no version"):
        make_release(version, Choices())


def test_a_release_never_changes(project: Path) -> None:
    make_release("1.0.0", Choices())
    with pytest.raises(InputError, match="there already"):
        make_release("1.0.0", Choices())


def test_licences_decide_what_goes_out(project: Path, rows: pd.DataFrame, capsys: pytest.CaptureFixture[str]) -> None:
    store(rows.assign(license=["unknown"] * 10 + list(rows["license"][10:])))
    assert len(pd.read_csv(make_release("1.0.0", Choices()) / "rows.csv")) == 32
    assert "10 rows of pilot are left out: their licence is unknown" in capsys.readouterr().out
    assert len(pd.read_csv(make_release("1.1.0", Choices(include_unknown=True)) / "rows.csv")) == 42
    some = pd.read_parquet(make_release("2.0.0", Choices(only_license="CC0-1.0")) / "data")
    assert set(some["license"]) == {"CC0-1.0"}
    store(rows.assign(license="unknown"))
    with pytest.raises(InputError, match="no row is left"):
        make_release("3.0.0", Choices())


def test_models_go_out_with_all_rows_only(project: Path) -> None:
    paths.CASCADES.mkdir(parents=True)
    (paths.CASCADES / "cat.xml").write_text("<opencv_storage/>")
    assert (make_release("1.0.0", Choices()) / "cascades/cat.xml").is_file()
    assert not (make_release("2.0.0", Choices(only_license="CC0-1.0")) / "cascades").exists()


def verdicts(found: Verified, what: str) -> dict[str, int]:
    return {verdict: count for verdict, count in found.counts(what).items() if count}


def test_a_whole_release_matches(project: Path) -> None:
    found = verify(make_release("1.0.0", Choices()))
    assert found.whole
    assert verdicts(found, "row") == {"match": 42}
    assert set(verdicts(found, "file")) == {"match"}
    assert "Nothing is missing or altered." in verified_page(found, "1.0.0")


@pytest.mark.slow
def test_one_flipped_bit_anywhere_is_found(project: Path) -> None:
    out = make_release("1.0.0", Choices())
    for path in sorted(out.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            for place in (0, len(content) // 2, len(content) - 1):
                changed = bytearray(content)
                changed[place] ^= 1
                path.write_bytes(changed)
                try:
                    found = verify(out)
                    assert not all(one.verdict == "match" for one in found.findings), (path, place)
                    # A sum that is wrong for a table whose rows are all right: the rows decide.
                    assert not found.whole or path.name == "SHA256SUMS", (path, place)
                except InputError:
                    assert path.name == "SHA256SUMS"
            path.write_bytes(content)
    assert verify(out).whole


def test_a_renamed_a_missing_and_a_new_file_are_found(project: Path) -> None:
    out = make_release("1.0.0", Choices())
    (out / "LICENSES.md").rename(out / "LICENCES.md")
    (out / "data/test-00000-of-00001.parquet").unlink()
    found = verify(out)
    assert not found.whole
    assert {one.name: one.verdict for one in found.findings if one.what == "file" and one.verdict != "match"} == {
        "LICENSES.md": "missing",
        "LICENCES.md": "altered",
        "data/test-00000-of-00001.parquet": "missing",
    }
    assert verdicts(found, "row") == {"match": 28, "missing": 14}
    page = verified_page(found, "1.0.0")
    assert "Something is missing or altered." in page
    assert "LICENCES.md" in page


def edit(out: Path, change: Any) -> Path:
    path = out / "data/train-00000-of-00001.parquet"
    table = pq.read_table(path)
    pq.write_table(table.from_pandas(change(table.to_pandas()), schema=table.schema, preserve_index=False), path)
    return out


def test_one_row_edited_is_found(project: Path) -> None:
    def other_emotion(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[3, "emotion_name"] = "joy" if rows.loc[3, "emotion_name"] != "joy" else "fear"
        return rows

    found = verify(edit(make_release("1.0.0", Choices()), other_emotion))
    assert verdicts(found, "row") == {"match": 41, "altered": 1}
    assert not found.whole


def test_another_picture_is_altered_and_the_same_row_twice_too(project: Path) -> None:
    def swapped(rows: pd.DataFrame) -> pd.DataFrame:
        rows.loc[0, "image"]["bytes"] = rows.loc[1, "image"]["bytes"]
        return pd.concat([rows, rows.iloc[5:6]])

    found = verify(edit(make_release("1.0.0", Choices()), swapped))
    assert sorted(one.why for one in found.findings if one.what == "row" and one.verdict == "altered") == [
        "its picture is another one",
        "stands there twice",
    ]


def test_the_same_rows_in_other_bytes_are_another_file(project: Path) -> None:
    found = verify(edit(make_release("1.0.0", Choices()), lambda rows: rows))
    assert verdicts(found, "row") == {"match": 42}
    assert verdicts(found, "file")["altered"] == 1


def test_what_is_no_release_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="has no SHA256SUMS"):
        verify(tmp_path)
    (tmp_path / "SHA256SUMS").write_text("0" * 64 + "  ../../etc/passwd\n")
    (tmp_path / "rows.csv").write_text("x\n")
    with pytest.raises(InputError, match="expected a sha256 and a file of the release"):
        verify(tmp_path)


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_pictures_are_cut_again_from_the_same_file_and_match(project: Path, video: Path) -> None:
    bare = make_release("1.0.0", Choices(pictures=False))
    assert all(image is None for image in pd.read_parquet(bare / "data")["image"])
    assert verify(bare).whole
    described = mlcroissant.Dataset(jsonld=str(bare / "croissant.json"))
    assert len(list(described.records("test"))) == 14
    rebuild(bare, video.parent, project / "whole")
    found = verify(project / "whole")
    assert verdicts(found, "row") == {"match": 42}
    assert found.whole


@pytest.mark.parametrize(
    ("frames", "crf", "size", "lines", "expected"),
    [
        (42, "30", SIZE, 0, {"similar": 42}),  # another encode
        (42, "18", (480, 360), 0, {"similar": 42}),  # larger
        (42, "18", (240, 180), 0, {"similar": 42}),  # smaller
        (42, "18", SIZE, 1, {"similar": 42}),  # cropped by a line
        (20, "18", SIZE, 0, None),  # truncated
    ],
)
def test_pictures_from_another_copy_are_similar(
    project: Path, frames: int, crf: str, size: tuple[int, int], lines: int, expected: dict[str, int] | None
) -> None:
    bare = make_release("1.0.0", Choices(pictures=False))
    (project / "copies").mkdir()
    film(project / "copies/pilot.mp4", frames, crf, size, lines)
    rebuild(bare, project / "copies", project / "whole")
    found = verify(project / "whole")
    counts = verdicts(found, "row")
    if expected is None:
        assert sum(1 for one in found.findings if one.why == "without its picture") == 22
    else:
        assert counts == expected


def test_other_pictures_are_never_similar(rows: pd.DataFrame) -> None:
    found = looks([image["bytes"] for image in rows["image"]], rows["margin"].to_numpy(float))
    own = [{name: values[number] for name, values in found.items()} for number in range(len(rows))]
    pairs = [(a, b) for a in range(42) for b in range(a)]
    assert not [pair for pair in pairs if compare(own[pair[0]], own[pair[1]]) != "altered"]
    softer = [
        encode_jpeg(picture, 30) for image in rows["image"] if (picture := decode_rgb(image["bytes"])) is not None
    ]
    again = looks(softer, rows["margin"].to_numpy(float))
    for number in range(42):
        assert compare(own[number], {name: values[number] for name, values in again.items()}) == "similar"


def test_a_row_has_the_same_checksum_beside_rows_that_lack_a_number(rows: pd.DataFrame) -> None:
    alone = label_sums(rows)
    beside = rows.copy()
    beside["track"] = beside["track"].astype(float)  # as pandas reads a column of whole numbers with a null in it
    beside.loc[0, "track"] = None
    assert label_sums(beside)[1:] == alone[1:]
    assert label_sums(beside)[0] != alone[0]


def test_a_recipe_that_is_damaged_is_one_line(project: Path) -> None:
    bare = make_release("1.0.0", Choices(pictures=False))
    (bare / "recipe.json").write_text(json.dumps({"crop_size": "x"}))
    with pytest.raises(InputError, match="cannot be read as a recipe"):
        rebuild(bare, project, project / "whole")
