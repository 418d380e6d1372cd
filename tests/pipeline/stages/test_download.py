"""The download stage on files and folders, and as a whole."""

import json
import os
from fractions import Fraction
from pathlib import Path

import pytest

from benchmarks.boundaries import boundary_f1
from pipeline import paths
from pipeline.errors import ParamsError, StageError
from pipeline.params import Scenes
from pipeline.sample import episode_truth
from pipeline.schemas import EPISODES
from pipeline.stages import download as stage
from pipeline.tables import read_table
from pipeline.video.shots import find_starts
from pipeline.video.sources import expand, slug
from tests.support.downloads import inodes, kept, put, run, sha256, write_params
from tests.support.worlds import cut, params, scene, write_sound, write_video

pytestmark = pytest.mark.usefixtures("empty_project")


def test_a_file_is_taken_and_described(film: bytes) -> None:
    put("videos/My Film.MP4", film)
    row = run({"id": "pilot", "source": "videos/My Film.MP4", "license": "CC0-1.0", "attribution": "A. Nyone"})["pilot"]
    assert (row["status"], row["reason"], row["path"]) == ("ok", "", "pilot.mp4")
    assert (row["sha256"], row["bytes"]) == (sha256(film), len(film))
    assert (row["codec"], row["width"], row["height"], row["frames"]) == ("h264", 320, 240, 48)
    assert (row["rate_num"], row["rate_den"], row["variable_rate"]) == (24, 1, False)
    assert (row["source"], row["license"], row["attribution"]) == ("videos/My Film.MP4", "CC0-1.0", "A. Nyone")
    assert row["duration_s"] == pytest.approx(2)
    assert None not in row.values()
    assert set(kept()) == {"pilot.mp4", "pilot.json"}
    assert kept()["pilot.mp4"] == film


def test_the_users_file_is_never_linked_or_changed(film: bytes) -> None:
    original = put("film.mp4", film)
    original.chmod(0o600)
    before = original.stat()
    run({"id": "pilot", "source": "film.mp4"})
    after = original.stat()
    assert (after.st_ino, after.st_mode, after.st_nlink, after.st_mtime_ns) == (
        before.st_ino,
        before.st_mode,
        1,
        before.st_mtime_ns,
    )
    run()  # removed from params
    assert kept() == {}
    assert original.read_bytes() == film


def test_nothing_is_done_twice_and_the_rows_stay_the_same(film: bytes) -> None:
    put("film.mp4", film)
    entry = {"id": "pilot", "source": "film.mp4"}
    first, files, numbers = run(entry), kept(), inodes()
    again = run(entry)
    assert again == first
    assert kept() == files
    assert inodes() == numbers
    with_license = run({**entry, "license": "CC0-1.0"})["pilot"]
    assert with_license["license"] == "CC0-1.0"
    assert inodes() == numbers


def test_a_file_with_new_content_is_taken_anew_whatever_its_time(film: bytes) -> None:
    original = put("film.mp4", film)
    entry = {"id": "pilot", "source": "film.mp4"}
    run(entry)
    time = original.stat().st_mtime_ns
    write_video(original, scene(2, 30))
    os.utime(original, ns=(time, time))
    row = run(entry)["pilot"]
    assert (row["frames"], row["sha256"]) == (30, sha256(original.read_bytes()))
    assert kept()["pilot.mp4"] == original.read_bytes()


@pytest.mark.parametrize("harm", ["changed", "removed", "no record", "half a record", "other fields"])
def test_what_was_harmed_in_our_folder_is_made_again(film: bytes, harm: str) -> None:
    put("film.mp4", film)
    entry = {"id": "pilot", "source": "film.mp4"}
    first, files = run(entry), kept()
    video, record = paths.VIDEOS / "pilot.mp4", paths.VIDEOS / "pilot.json"
    if harm == "changed":
        video.write_bytes(film[:-1] + b"x")
    elif harm == "removed":
        video.unlink()
    elif harm == "no record":
        record.unlink()
    elif harm == "other fields":
        record.write_text(json.dumps({"record": 1, "source": "film.mp4"}), encoding="utf-8")
    else:
        record.write_text(record.read_text(encoding="utf-8")[:50], encoding="utf-8")
    put("data/episodes/.pilot.json.123.tmp", b"killed while writing")
    assert run(entry) == first
    assert kept() == files


def test_an_episode_removed_from_params_leaves_and_strangers_stay(film: bytes) -> None:
    put("a.mp4", film)
    write_video(Path("b.mkv"), scene(2, 10))
    run({"id": "a", "source": "a.mp4"}, {"id": "b", "source": "b.mkv"})
    put("data/episodes/notes.txt", b"mine")
    assert set(run({"id": "b", "source": "b.mkv"})) == {"b"}
    assert set(kept()) == {"b.mkv", "b.json", "notes.txt"}
    assert Path("a.mp4").exists()


def test_bad_files_are_rows_with_a_reason_and_the_run_goes_on(film: bytes) -> None:
    put("good.mp4", film)
    put("text.mp4", b"not a film at all, sorry\n" * 9)
    put("empty.mp4", b"")
    write_sound(Path("sound.mp4"))
    cut(Path("good.mp4"), Path("cut.mp4"), 0.6)
    cut(write_video(Path("whole.mkv"), scene(2, 60)), Path("cut.mkv"), 0.6)
    write_video(Path("one.mp4"), scene(3, 1))
    write_video(Path("odd.mkv"), scene(4, 5, (321, 241)), codec="ffv1", pix_fmt="yuv420p")
    names = ["good.mp4", "text.mp4", "empty.mp4", "sound.mp4", "cut.mp4", "cut.mkv", "one.mp4", "odd.mkv", "gone.mp4"]
    rows = run(*({"id": name.replace(".", "-"), "source": name} for name in names))
    reasons = {name: row["reason"] for name, row in rows.items() if row["status"] == "rejected"}
    assert set(reasons) == {"text-mp4", "empty-mp4", "sound-mp4", "cut-mp4", "cut-mkv", "one-mp4", "gone-mp4"}
    assert "not a video" in reasons["text-mp4"]
    assert "empty (0 bytes)" in reasons["empty-mp4"]
    assert "no video stream" in reasons["sound-mp4"]
    assert "cut short: its headers promise" in reasons["cut-mp4"]
    assert f"({rows['cut-mkv']['frames']} frames decode)" in reasons["cut-mkv"]
    assert reasons["gone-mp4"].startswith("there is no such file or folder")
    assert reasons["one-mp4"].startswith("it holds a single picture")
    assert (rows["odd-mkv"]["width"], rows["odd-mkv"]["height"]) == (321, 241)
    assert set(kept()) == {"good-mp4.mp4", "good-mp4.json", "odd-mkv.mkv", "odd-mkv.json"}


def test_a_missing_file_is_suggested(film: bytes) -> None:
    put("videos/pilot.mp4", film)
    row = run({"id": "a", "source": "videos/pilto.mp4"})["a"]
    assert "Did you mean 'pilot.mp4'?" in row["reason"]


@pytest.mark.parametrize(
    "source", ["x" * 300 + ".mp4", "a\0b.mp4", "~nobody-at-all/film.mp4", "/dev/null", "a/../gone"]
)
def test_paths_that_are_none(source: str) -> None:
    row = run({"id": "a", "source": source})["a"]
    assert row["status"] == "rejected"
    assert "expected" in row["reason"] or "there is no such file or folder" in row["reason"]


def test_a_file_that_turns_bad_takes_the_old_copy_with_it(film: bytes) -> None:
    put("film.mp4", film)
    entry = {"id": "pilot", "source": "film.mp4"}
    run(entry)
    put("film.mp4", film[: len(film) // 2])
    assert run(entry)["pilot"]["status"] == "rejected"
    assert kept() == {}
    put("film.mp4", film)
    assert run(entry)["pilot"]["status"] == "ok"


def test_sha256_is_held_to(film: bytes) -> None:
    put("film.mp4", film)
    entry = {"id": "pilot", "source": "film.mp4"}
    wrong = run({**entry, "sha256": "0" * 64})["pilot"]
    assert wrong["status"] == "rejected"
    assert f"its sha256 is {sha256(film)}, params.yaml expects {'0' * 64}" in wrong["reason"]
    assert kept() == {}
    assert run({**entry, "sha256": sha256(film)})["pilot"]["status"] == "ok"
    assert run({**entry, "sha256": "0" * 64})["pilot"]["status"] == "rejected"


def test_the_same_content_twice_is_one_episode(film: bytes) -> None:
    put("a.mp4", film)
    put("b.mp4", film)
    rows = run({"id": "b", "source": "b.mp4"}, {"id": "a", "source": "a.mp4"})
    assert (rows["a"]["status"], rows["b"]["status"]) == ("ok", "rejected")
    assert "the same file as episode 'a'" in rows["b"]["reason"]


def test_a_folder_is_its_videos(film: bytes) -> None:
    put("show/S01E01 – Über.mp4", film)
    write_video(Path("show/second part.mkv"), scene(2, 10))
    put("show/readme.txt", b"words")
    put("show/.hidden.mp4", film)
    rows = run({"id": "show", "source": "show/", "license": "CC0-1.0"})
    assert set(rows) == {"show-s01e01-uber", "show-second-part"}
    assert rows["show-second-part"]["source"] == "show/second part.mkv"
    assert {row["license"] for row in rows.values()} == {"CC0-1.0"}
    assert {row["status"] for row in rows.values()} == {"ok"}


def test_an_empty_folder_is_a_row() -> None:
    Path("show").mkdir()
    assert "no video in it" in run({"id": "show", "source": "show"})["show"]["reason"]


def test_names_in_a_folder_that_become_one_id_are_told_apart(film: bytes) -> None:
    for index, name in enumerate(["A b.mp4", "a-b.mkv", "第一話.mp4", "x" * 90 + ".mp4", "c.mp4"]):
        put(f"show/{name}", film + bytes(index))
    own = Path("data/episodes")
    entry = params({"id": "show", "source": "show"}, {"id": "show-c", "source": "show/c.mp4"}).episodes
    ids = {Path(item.source).name + (" named" if item.id == "show-c" else ""): item.id for item in expand(entry, own)}
    assert len(set(ids.values())) == 6
    assert ids["c.mp4 named"] == "show-c"
    assert all(len(name) <= 64 and name == slug(name) for name in ids.values())
    put("show/0.mp4", film)  # a neighbour changes nobody's id
    assert (
        ids.items()
        <= {
            Path(item.source).name + (" named" if item.id == "show-c" else ""): item.id for item in expand(entry, own)
        }.items()
    )


def test_a_source_in_our_own_folder_is_refused_and_kept(film: bytes) -> None:
    path = put("data/episodes/mine.mp4", film)
    row = run({"id": "mine", "source": "data/episodes/mine.mp4"})["mine"]
    assert "toonset fills and clears itself" in row["reason"]
    assert path.read_bytes() == film


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("file:///home/me/film.mp4", "write the plain path"),
        ("ftp://example.org/film.mp4", "fetch it yourself"),
        ("htps://example.org/film.mp4", "Did you mean 'https'?"),
        ("http://[::1/film.mp4", "no address"),
        ("https:///film.mp4", "names no host"),
    ],
)
def test_unknown_kinds_of_source_stop_before_any_work(source: str, words: str) -> None:
    with pytest.raises(ParamsError) as error:
        run({"id": "a", "source": source})
    assert words in str(error.value)
    assert "`episodes[0].source`" in str(error.value)


def test_a_folder_has_no_sha256(film: bytes) -> None:
    put("show/a.mp4", film)
    with pytest.raises(ParamsError, match="is a folder"):
        run({"id": "show", "source": "show", "sha256": "0" * 64})


# --- the sample show


def test_an_unknown_sample_stops_before_any_work(film: bytes) -> None:
    put("film.mp4", film)
    with pytest.raises(ParamsError, match=r"no episode 'gardn'.* Did you mean 'garden'\?"):
        run({"id": "a", "source": "sample:gardn"}, {"id": "b", "source": "film.mp4"})
    assert not paths.VIDEOS.exists()


@pytest.mark.slow
def test_a_sample_is_drawn_once_and_its_scenes_are_found() -> None:
    entry = {"id": "garden", "source": "sample:garden"}
    row = run(entry)["garden"]
    assert (row["status"], row["rate_num"], row["rate_den"]) == ("ok", 24, 1)
    numbers = inodes()
    assert run(entry)["garden"] == row
    assert inodes() == numbers
    truth = episode_truth("garden")
    found = find_starts(paths.VIDEOS / row["path"], Fraction(24), Scenes())
    gradual = [(start, stop - 1) for start, stop in truth.gradual]
    score = boundary_f1(
        [start.frame for start in found[1:]], [scene.start_frame for scene in truth.scenes[1:]], gradual
    )
    assert (score.missed, score.extra) == ((), ())
    assert [scene.transition for scene in truth.scenes].count("dissolve") == 1


# --- main


def test_main_writes_the_same_bytes_twice(film: bytes, capsys: pytest.CaptureFixture[str]) -> None:
    put("film.mp4", film)
    write_params("film.mp4", "gone.mp4")
    stage.main()
    first = paths.EPISODES.read_bytes()
    out = capsys.readouterr().out
    assert "download: 2 episodes, 1 ok, 1 rejected, 48 frames\n" in out
    assert read_table(paths.EPISODES, EPISODES).num_rows == 2
    paths.EPISODES.unlink()
    stage.main()
    assert paths.EPISODES.read_bytes() == first


def test_main_says_when_nothing_is_left() -> None:
    write_params("gone.mp4")
    with pytest.raises(StageError, match="none of the episodes can be used"):
        stage.main()
    assert read_table(paths.EPISODES, EPISODES).num_rows == 1
    write_params()
    with pytest.raises(ParamsError, match="`episodes` is empty"):
        stage.main()
