"""The leaderboard: the page is what the files give, and a file that says too little is refused."""

import json

import pytest

from benchmarks.leaderboard import PAGE, RESULTS, page, read_results
from pipeline.errors import InputError


def test_the_page_is_what_the_files_give():
    results = read_results()
    assert len(results) >= 5
    assert PAGE.read_text(encoding="utf-8") == page(results), "run `python -m benchmarks.leaderboard`"


def test_the_best_by_scene_comes_first_in_each_set():
    results = read_results()
    text = page(results)
    for name in {result.faces.name for result in results.values()}:
        table = text.split(f"\n## {name}\n")[1].split("\n## ")[0].split("| network | commit")[0]
        rows = [line.split("|") for line in table.splitlines() if line.startswith("| ")][1:]
        scores = [float(row[4].split("±")[0]) for row in rows]
        assert scores
        assert scores == sorted(scores, reverse=True)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("sample-hill2017", {"code": {"version": "1", "commit": None, "changed": False}}, "names no commit"),
        ("sample-hill2017", {"code": {"version": "1", "commit": "a" * 40, "changed": True}}, "names no commit"),
        ("sample-vanilla", {}, r"holds a run of hill2017 on sample: call it sample-hill2017\.json"),
        ("mine-project", {"benchmark": "project"}, r"holds a run of project on sample: call it sample-project\.json"),
        ("sample-hill2017", {"machine": {}}, r"machine\.processor: Field required"),
        ("sample-hill2017", {"faces": {"sha256": "b" * 64}}, "give them another name"),
    ],
)
def test_a_file_that_cannot_stand_is_named_with_the_reason(tmp_path, name, change, said):
    known = json.loads((RESULTS / "sample-hill2017.json").read_text(encoding="utf-8"))
    if "faces" in change:
        (tmp_path / "sample-ho2023.json").write_text(json.dumps(known | {"benchmark": "ho2023"}))
        change = {"faces": known["faces"] | change["faces"], "benchmark": "vanilla"}
        name = "sample-vanilla"
    (tmp_path / f"{name}.json").write_text(json.dumps(known | change))
    with pytest.raises(InputError, match=said):
        read_results(tmp_path)


def test_settings_of_ones_own_have_a_name_of_ones_own(tmp_path):
    known = json.loads((RESULTS / "sample-hill2017.json").read_text(encoding="utf-8"))
    (tmp_path / "sample-hill2017 wide.json").write_text(json.dumps(known | {"benchmark": "project"}))
    assert "| hill2017 wide | 38,853 | 5 |" in page(read_results(tmp_path))
