"""Looked-at frames are cut out of a video once, without loss, and only what is new is decoded later."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline import paths
from pipeline.faces.cut_frames import FOLDER, cut_frames
from pipeline.images import fit_chroma, fit_height
from pipeline.rows import EpisodeRow
from pipeline.tables import row_of
from pipeline.video.decode import decode_frames
from tests.support.worlds import scene, write_video

HEIGHT = 40


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_video(tmp_path / "e.mkv", scene(1, 24), codec="ffv1", pix_fmt="bgr0")


def episode(**more: Any) -> EpisodeRow:
    return row_of({"episode_id": "e", "sha256": "ab" * 32} | more, EpisodeRow)


def numbers(video: Path, *frames: int, of: EpisodeRow | None = None) -> list[int]:
    """Cut frames out, hold each to the decoded one, and return which came."""
    decoded = {frame.index: frame for frame in decode_frames(video)} if video.exists() else {}
    found = []
    for frame in cut_frames(video, of or episode(), frames, {}, HEIGHT):
        if decoded:
            gray, scale = fit_height(decoded[frame.index].gray, HEIGHT)
            assert np.array_equal(frame.gray, gray)
            assert np.array_equal(frame.chroma, fit_chroma(decoded[frame.index].chroma, gray))
            assert frame.scale == scale
        found.append(frame.index)
    return found


def test_the_same_pixels_as_decoded_and_later_without_the_video(video: Path) -> None:
    assert numbers(video, 17, 3, 3, 9) == [3, 9, 17]
    video.rename("away.mkv")
    assert numbers(video, 9, 3) == [3, 9]
    Path("away.mkv").rename(video)
    assert numbers(video, 9, 20) == [9, 20]  # one more, and what was kept stays
    video.rename("away.mkv")
    assert numbers(video, 3, 9, 17, 20) == [3, 9, 17, 20]


def test_frames_that_the_video_has_not_are_left_out(video: Path) -> None:
    assert numbers(video, 5, 99) == [5]
    assert numbers(video, 99) == []


def test_another_video_or_a_damaged_file_is_cut_anew(video: Path) -> None:
    assert numbers(video, 5, 6) == [5, 6]
    kept = paths.CACHE / FOLDER / "e.frames"
    whole = kept.read_bytes()
    other = bytearray(whole)
    other[100] ^= 1
    for damaged in (b"", whole[:-3], whole[:-30], bytes(other), whole + b"\0" * 8):
        kept.write_bytes(damaged)
        assert numbers(video, 5, 6) == [5, 6]
        assert kept.read_bytes() == whole
    assert numbers(video, 6, of=episode(sha256="cd" * 32)) == [6]
    assert len(kept.read_bytes()) < len(whole)
