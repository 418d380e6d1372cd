"""Files with a few bytes changed: an answer for each, no traceback, and no frame taken for another."""

import logging
from pathlib import Path

import pytest

from benchmarks.mutations_media import picture_files, read_picture_file, read_video, run, video_files


@pytest.mark.slow
def test_mutated_videos_are_read_or_refused_with_a_reason(tmp_path: Path) -> None:
    files = video_files()
    assert {"a.mp4", "c.mkv", "e.avi", "f.ts"} <= set(files)
    assert all(read_video(content, name, tmp_path) == "" for name, content in files.items())
    outcomes, longest = run(files, read_video, 10 * len(files), 7, tmp_path)
    assert outcomes["read"] > 20
    assert outcomes["refused"] > 20
    assert longest < 60


def test_mutated_pictures_are_read_or_refused_with_a_reason(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
    files = picture_files()
    assert all(read_picture_file(content, name, tmp_path) == "" for name, content in files.items())
    outcomes, longest = run(files, read_picture_file, 300, 7, tmp_path)
    assert outcomes["read"] > 50
    assert outcomes["refused"] > 50
    assert longest < 60
