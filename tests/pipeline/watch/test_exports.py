"""Every format is read back: by its own program where it comes as a package, else by its documented layout."""

import json
import re
import zipfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pyarrow.parquet as pq
import pympi
import pysubs2
import pytest
import webvtt

from pipeline.errors import InputError
from pipeline.tables import read_table
from pipeline.watch.exports import export
from pipeline.watch.formats import Format, Shown
from pipeline.watch.record import FACES, Watched, claim
from pipeline.watch.subtitles import Cue, read_subtitles, to_metadata, to_text, with_emotions
from pipeline.watch.tables import watched_schema
from tests.pipeline.watch.watched import two_characters, watched

NAMES = {"cat": "Kater & Karlo", "happy": "glücklich"}


@pytest.fixture
def made(tmp_path: Path) -> Watched:
    return watched(tmp_path, two_characters())


@pytest.mark.parametrize("form", list(Format))
def test_twice_the_same_bytes(made: Watched, form: Format) -> None:
    first = [path.read_bytes() for path in export(made, form, NAMES)]
    assert first
    assert all(first)
    assert [path.read_bytes() for path in export(made, form, NAMES)] == first
    assert not list(made.folder.glob("*.bak"))


def test_csv_has_every_column(made: Watched) -> None:
    faces, segments = (pd.read_csv(path) for path in export(made, Format.CSV, NAMES))
    pd.testing.assert_frame_equal(faces, made.faces(), check_dtype=False, rtol=1e-5)
    assert segments["emotion"].tolist() == made.segments()["emotion"].tolist()


@pytest.mark.parametrize("form", [Format.CSV, Format.FEX, Format.OPENFACE])
def test_a_table_in_parts_is_the_same_and_one_without_a_face_has_its_columns(made: Watched, form: Format) -> None:
    path, schema = made.folder / FACES, watched_schema(made.emotions)
    whole = export(made, form, NAMES)[0].read_bytes()
    pq.write_table(read_table(path, schema), path, row_group_size=5)
    assert export(made, form, NAMES)[0].read_bytes() == whole
    pq.ParquetWriter(path, schema).close()
    assert export(made, form, NAMES)[0].read_bytes() == whole.splitlines(keepends=True)[0]


def test_fex_has_the_columns_of_py_feat(made: Watched) -> None:
    (path,) = export(made, Format.FEX, NAMES)
    table = pd.read_csv(path)
    for column in ("frame", "FaceRectX", "FaceRectY", "FaceRectWidth", "FaceRectHeight", "FaceScore"):
        assert table[column].notna().all()
    assert table[["anger", "happiness", "neutral"]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    assert set(table["Identity"]) == {"cat", "mouse"}


def test_openface_counts_frames_from_one_in_the_players_time(made: Watched) -> None:
    (path,) = export(made, Format.OPENFACE, NAMES)
    table = pd.read_csv(path)
    assert table.columns[:5].tolist() == ["frame", "face_id", "timestamp", "confidence", "success"]
    assert (table["frame"].iloc[0], table["timestamp"].iloc[0]) == (1, 0)


def test_elan_has_a_tier_for_each_character(made: Watched) -> None:
    (path,) = export(made, Format.EAF, NAMES)
    document = pympi.Eaf(str(path))
    assert set(document.get_tier_names()) == {"Kater & Karlo", "mouse"}
    assert document.get_annotation_data_for_tier("Kater & Karlo") == [(0, 1000, "glücklich"), (1000, 1917, "angry")]
    assert document.get_annotation_data_for_tier("mouse") == []


def test_elan_annotations_that_overlap_have_two_tiers(tmp_path: Path) -> None:
    rows = two_characters()
    twice = [{**one, "track": 2, "frame": one["frame"] + 1} for one in rows if one["character"] == "cat"]
    for one in twice:
        one["pts"] += 1
        one["time_s"] = one["pts"] / 24
    both = sorted(rows + twice, key=lambda one: (one["frame"], one["character"]))
    (path,) = export(watched(tmp_path, both), Format.EAF, {})
    document = pympi.Eaf(str(path))
    tiers = {name: sorted(document.get_annotation_data_for_tier(name)) for name in ("cat", "cat 2")}
    for spans in tiers.values():
        assert len(spans) > 1
        assert all(one[1] <= other[0] for one, other in pairwise(spans))
    assert [span[2] for span in tiers["cat"]] == [span[2] for span in tiers["cat 2"]]


def test_elan_finds_the_video_from_its_file(made: Watched) -> None:
    (path,) = export(made, Format.EAF, NAMES)
    (linked,) = pympi.Eaf(str(path)).media_descriptors
    assert (path.parent / unquote(linked["RELATIVE_MEDIA_URL"])).resolve() == made.video.path.resolve()


def test_a_folder_keeps_to_its_video(made: Watched) -> None:
    claim(made.folder, made.video)
    claim(made.folder, made.video)
    other = replace(made.video, episode=made.video.episode | {"sha256": "1" * 64})
    with pytest.raises(InputError, match=r"is of another video .*: rename or delete that folder"):
        claim(made.folder, other)


def test_bids_events(made: Watched) -> None:
    table, about = export(made, Format.BIDS, NAMES)
    events = pd.read_csv(table, sep="\t", keep_default_na=False)
    assert events.columns[:3].tolist() == ["onset", "duration", "trial_type"]
    assert events["onset"].is_monotonic_increasing
    assert events[events["character"] == "mouse"]["trial_type"].tolist() == ["n/a"]
    assert json.loads(about.read_text())["trial_type"]["Levels"]["happy"] == "the character looks glücklich"


def test_datavyu_project(made: Watched) -> None:
    (path,) = export(made, Format.DATAVYU, NAMES)
    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == {"db", "project"}
        lines = archive.read("db").decode().splitlines()
    assert lines[0] == "#4"
    assert lines[1] == "cat (MATRIX,true,)-emotion|NOMINAL,probability|NOMINAL"
    cell = re.compile(r"(\d\d:\d\d:\d\d:\d{3}),(\d\d:\d\d:\d\d:\d{3}),\((\w+),([\d.]+)\)")
    assert [cell.fullmatch(line)[3] for line in lines[2:4]] == ["happy", "angry"]
    assert lines[3].startswith("00:00:01:000,00:00:01:917,")


def test_captions_are_read_by_others(made: Watched) -> None:
    (vtt,) = export(made, Format.VTT, NAMES)
    captions = list(webvtt.read(str(vtt)))
    assert [(one.start, one.end) for one in captions] == [
        ("00:00:00.000", "00:00:01.000"),
        ("00:00:01.000", "00:00:01.917"),
    ]
    assert captions[0].voice == "Kater &amp; Karlo"
    assert captions[0].text == "😊 glücklich"
    (srt,) = export(made, Format.SRT, NAMES)
    assert [event.plaintext for event in pysubs2.load(str(srt))] == [
        "Kater & Karlo: 😊 glücklich",
        "Kater & Karlo: 😠 angry",
    ]


CUES = [
    Cue(100, 900, "CAT: What a day!"),
    Cue(1100, 1800, "- Cat: Who took my fish?"),
    Cue(1100, 1800, "Mouse: Not me & you."),
    Cue(200, 900, "Somebody speaks."),
    Cue(10_000, 11_000, "Nobody is there."),
    Cue(100, 900, "CAT (off): I hear him."),
    Cue(100, 900, "- Cat: Now!\n- Mouse: Yes!"),
]


def test_a_line_gets_the_emotion_of_who_is_named(made: Watched) -> None:
    found = with_emotions(CUES, made, {})
    assert [(cue.character, cue.emotion) for cue in found] == [
        ("cat", "happy"),
        ("cat", "angry"),
        ("mouse", ""),  # its face could be anything
        ("", ""),  # two are on screen
        ("", ""),
        ("cat", "happy"),
        ("", ""),  # two speak
    ]


def test_a_line_gets_the_emotion_of_who_is_alone_on_screen(tmp_path: Path) -> None:
    alone = watched(tmp_path, [one for one in two_characters() if one["character"] == "cat"])
    (cue,) = with_emotions([Cue(200, 900, "Somebody speaks.")], alone, {})
    assert (cue.character, cue.emotion) == ("cat", "happy")


@pytest.mark.parametrize(
    ("shown", "line"),
    [(Shown.WORD, "(happy) CAT: What a day!"), (Shown.EMOJI, "😊 CAT: What a day!"), (Shown.COLOR, "CAT: What a day!")],
)
def test_merged_webvtt_is_read_by_webvtt(made: Watched, tmp_path: Path, shown: Shown, line: str) -> None:
    path = tmp_path / "a.vtt"
    path.write_text(to_text(with_emotions(CUES, made, {}), "vtt", shown), encoding="utf-8")
    captions = list(webvtt.read(str(path)))
    assert len(captions) == len(CUES)
    assert (captions[0].text, captions[0].voice) == (line, "cat")
    assert "&amp; you" in captions[2].raw_text
    assert ("::cue(.happy)" in path.read_text()) == (shown is Shown.COLOR)


def test_merged_subrip_and_the_metadata_track(made: Watched, tmp_path: Path) -> None:
    path = tmp_path / "a.srt"
    cues = with_emotions(CUES, made, {})
    path.write_text(to_text(cues, "srt", Shown.WORD), encoding="utf-8")
    assert [cue.text for cue in read_subtitles(path)] == [
        "(happily) CAT: What a day!",
        "(angrily) - Cat: Who took my fish?",
        *(cue.text for cue in CUES[2:5]),
        "(happily) CAT (off): I hear him.",
        CUES[6].text,
    ]
    path = tmp_path / "meta.vtt"
    path.write_text(to_metadata(cues), encoding="utf-8")
    assert [json.loads(one.text)["emotion"] for one in webvtt.read(str(path))] == ["happy", "angry", "happy"]


def test_what_is_no_subtitle_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.srt").write_bytes(b"\xff\xfe\x00a")
    for name, expected in (("a.srt", "UTF-8"), ("none.srt", "cannot be read")):
        with pytest.raises(InputError, match=expected):
            read_subtitles(tmp_path / name)


def test_an_emotion_called_like_a_column_is_refused() -> None:
    with pytest.raises(InputError, match="'track'"):
        watched_schema(("happy", "track"))
