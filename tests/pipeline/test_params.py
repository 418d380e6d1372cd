"""params.yaml: read whole, and every fault named with its key, what was found and what was expected."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline.errors import InputError, ParamsError
from pipeline.params import Params, load_params
from tests.support import ROOT

GOOD: dict[str, Any] = {
    "toonset": "0.1",
    "episodes": [{"id": "pilot", "source": "pilot.mp4"}],
    "characters": ["cat"],
    "emotions": ["happy", "sad"],
}


def load(tmp_path: Path, **changes: Any) -> Params:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(GOOD | changes))
    return load_params(path)


def test_the_sample_project_and_the_template_are_valid_and_differ_only_in_what_is_a_shows_own() -> None:
    sample = load_params(ROOT / "params.yaml")
    template = load_params(ROOT / "pipeline" / "project" / "template" / "params.yaml")
    own = {"episodes", "characters"}
    assert sample.model_dump(exclude=own) == template.model_dump(exclude=own)
    assert [episode.source for episode in sample.episodes] == ["sample:garden", "sample:harbour", "sample:kitchen"]


def test_the_comments_of_the_template_state_every_default(tmp_path: Path) -> None:
    template = yaml.safe_load((ROOT / "pipeline" / "project" / "template" / "params.yaml").read_text())
    defaults = load(tmp_path).model_dump(mode="json")
    sections = {name: value for name, value in template.items() if isinstance(value, dict)}
    assert sections == {name: value for name, value in defaults.items() if isinstance(value, dict)}


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"faces": {"evry": 2}}, ["`faces.evry`", "unknown key", "Did you mean 'every'?"]),
        ({"facs": {}}, ["`facs`", "unknown key", "Did you mean 'faces'?"]),
        ({"faces": {"every": 0}}, ["`faces.every` is 0", "greater than or equal to 1"]),
        ({"faces": {"every": "3"}}, ["`faces.every` is '3'", "integer"]),
        ({"faces": {"every": True}}, ["`faces.every` is True", "integer"]),
        ({"train": {"net": "hill2018"}}, ["`train.net` is 'hill2018'", "Did you mean 'hill2017'?"]),
        ({"characters": []}, ["`characters`", "at least 1 item"]),
        ({"characters": ["the cat"]}, ["`characters[0]` is 'the cat'", "such as 'the-cat'"]),
        ({"emotions": ["happy", "happy"]}, ["emotions names 'happy' more than once"]),
        ({"episodes": [{"id": "../up", "source": "x"}]}, ["`episodes[0].id` is '../up'", "such as 'up'"]),
        ({"episodes": [{"id": "a b", "source": "x"}]}, ["`episodes[0].id` is 'a b'", "such as 'a-b'"]),
        ({"episodes": [{"id": "a"}]}, ["`episodes[0].source` is missing"]),
        ({"episodes": [{"id": "a", "source": "x", "licence": "MIT"}]}, ["`episodes[0].licence`", "'license'?"]),
        ({"episodes": [{"id": "a", "source": "x"}, {"id": "a", "source": "y"}]}, ["episodes names 'a' more than once"]),
        ({"splits": {"validation": 0.5, "test": 0.5}}, ["`splits`", "nothing is left to train on"]),
        ({"toonset": "0.0"}, ["`toonset`", "made for toonset 0.0", "CHANGELOG.md"]),
        ({"faces": [1]}, ["`faces`"]),
        ({"names": {"cat": " "}}, ["`names`", "the name of 'cat'", "expected a name"]),
        ({"names": {"cat": 5}}, ["the name of 'cat' is 5; expected text"]),
        ({"names": {"cat": "Tom\n"}}, ["ends with a space"]),
        ({"names": {"cat": "T\x07m"}}, ["U+0007"]),
        ({"names": {"cat": "T\u202em"}}, ["U+202E"]),
        ({"names": {"cat": "x" * 65}}, ["65 characters"]),
        ({"names": {"cta": "Tom"}}, ["'cta'", "neither a character nor an emotion", "Did you mean 'cat'?"]),
        ({"names": {"sad": "happy"}}, ["'happy' and 'sad' are both shown as 'happy'"]),
        ({"names": ["Tom"]}, ["`names`"]),
        ({"characters": [{"id": "cat", "name": "Tom"}]}, ["`characters: [cat, …]`", "`names: {cat: Tom}`"]),
        ({"emotions": ["sad", {"id": "happy"}]}, ["`emotions[1]` has id; expected an id, or id and name"]),
        ({"emotions": ["sad", {"id": "a b", "name": "x"}]}, ["`emotions[1]` is 'a b'"]),
        ({"emotions": ["sad", {"id": "a", "name": "x"}, "a"]}, ["emotions names 'a' more than once"]),
        ({"emotions": ["sad", {"id": "a", "name": "x"}], "names": {"a": "y"}}, ["named in `emotions` and in `names`"]),
    ],
)
def test_a_wrong_key_or_value_is_named(tmp_path: Path, changes: dict[str, Any], said: list[str]) -> None:
    with pytest.raises(ParamsError) as caught:
        load(tmp_path, **changes)
    for part in said:
        assert part in str(caught.value)


def test_names_are_in_any_script_and_ids_stay(tmp_path: Path) -> None:
    names = {"cat": "孫悟空", "happy": "סמח 🙂"}
    params = load(tmp_path, names=names)
    assert [params.shown(one) for one in ("cat", "happy", "sad")] == ["孫悟空", "סמח 🙂", "sad"]
    entries = load(tmp_path, emotions=[{"id": "happy", "name": "סמח 🙂"}, "sad"], names={"cat": "孫悟空"})
    assert entries == params
    assert entries.emotions == ("happy", "sad")
    assert load(tmp_path, names=None).names == {}


def test_dvc_makes_a_stage_for_each_id_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "params.yaml").write_text(
        yaml.safe_dump(GOOD | {"names": {"cat": "孫悟空"}}, allow_unicode=True), encoding="utf-8"
    )
    flow = yaml.safe_load((ROOT / "dvc.yaml").read_text(encoding="utf-8"))
    (tmp_path / "dvc.yaml").write_text(yaml.safe_dump({"stages": {"cascade": flow["stages"]["cascade"]}}))
    subprocess.run([sys.executable, "-m", "dvc", "init", "--no-scm", "--quiet"], cwd=tmp_path, check=True)
    listed = subprocess.run(
        [sys.executable, "-m", "dvc", "stage", "list", "--name-only"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert listed.stdout.split() == ["cascade@cat"]


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        load(tmp_path, faces={"evry": 2, "every": 0}, characters=["A"])
    assert str(caught.value).count("params.yaml: ") == 3


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, faces={"scale_factor": 2}).faces.scale_factor == 2.0


def test_no_file_no_yaml_and_no_mapping_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="toonset new"):
        load_params(tmp_path / "params.yaml")
    for text, said in (("a: [", "not YAML"), ("- 1\n", "found list")):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(InputError, match=said):
            load_params(tmp_path / "params.yaml")
