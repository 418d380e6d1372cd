"""The whole flow on the first 90 s of a real film, wherever the film lies beside the repository."""

from pathlib import Path

import pytest

from benchmarks.film import run
from pipeline.schemas import EPISODES, FACES, MANIFEST, OK
from pipeline.tables import read_rows
from tests.support.pages import pictures


@pytest.mark.film
@pytest.mark.slow
def test_the_flow_runs_to_its_end_on_a_real_film(footage: Path, tmp_path: Path) -> None:
    outcome = run(footage, tmp_path / "film", seconds=90)
    assert list(outcome.cascades) == ["bunny"]
    assert outcome.boundary_f1 >= 0.9  # 14 boundaries: one miss and one extra
    directory = tmp_path / "film"
    (episode,) = read_rows(directory / "data/episodes.parquet", EPISODES).to_dict("records")
    assert (episode["status"], episode["rate_num"], episode["rate_den"], episode["license"]) == (OK, 24, 1, "CC-BY-3.0")
    faces = read_rows(directory / "data/faces/bbb.parquet", FACES)
    assert (faces["status"] == OK).sum() > 100
    distinct = read_rows(directory / "data/manifest.parquet", MANIFEST)["status"] == OK
    assert 50 < distinct.sum() < (faces["status"] == OK).sum()
    assert (directory / "reports/index.html").stat().st_size > 100_000
    assert len(pictures(directory / "reports/dataset.html")) > 20
    assert (directory / "reports/dataset.html").stat().st_size < 15_000_000
