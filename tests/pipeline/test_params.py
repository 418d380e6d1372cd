"""params.yaml: read whole, and every fault named with its key, what was found and what was expected."""

import math
import random
import re
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.utils.hydra import apply_overrides
from dvc.utils.serialize import modify_yaml, parse_yaml

from benchmarks.mutations_json import mutate, to_text
from cascades.strict_yaml import InvalidYaml, read_yaml
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


def test_all_faults_are_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(ParamsError) as caught:
        load(tmp_path, faces={"evry": 2, "every": 0}, characters=["A"])
    assert str(caught.value).count("params.yaml: ") == 3


def test_a_whole_number_is_a_number(tmp_path: Path) -> None:
    assert load(tmp_path, faces={"scale_factor": 2}).faces.scale_factor == 2.0


def text_of(train: str) -> bytes:
    return (yaml.safe_dump(GOOD) + f"train: {{learning_rate: {train}}}\n").encode()


NUMBERS = ["1e-3", "1e-05", "1E-3", "1.0e-3", ".5", "5.", "+2", "017", "1_0.5", "1_0", "_1", "0b11", "0x1f", ".inf"]
NUMBERS += [
    "-.INF",
    ".nan",
    "1e400",
    "1e-400",
    "٣",
    "1:30",
    "2024-01-01",
    "yes",
    "no",
    "On",
    "~",
    "null",
    "True",
    "'1'",
]


@pytest.mark.parametrize("word", NUMBERS)
def test_a_value_is_read_as_dvc_reads_it_or_refused(word: str) -> None:
    as_dvc = parse_yaml(text_of(word).decode(), "params.yaml")["train"]["learning_rate"]
    odd = isinstance(as_dvc, date) or (isinstance(as_dvc, float) and not 0 < abs(as_dvc) < math.inf) or "_" in word
    if (odd and not isinstance(as_dvc, str)) or (word.startswith("0") and word[1].isalpha()):
        with pytest.raises(InvalidYaml, match=f"line 10: {re.escape(word)} is "):
            read_yaml(text_of(word))
    else:
        found = read_yaml(text_of(word))["train"]["learning_rate"]
        assert (found, type(found)) == (as_dvc, type(as_dvc))


def test_what_dvc_exp_run_writes_is_a_number(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text_of("0.001"))
    with modify_yaml(path) as values:  # as `dvc exp run --set-param` does
        values["train"]["learning_rate"] = 1e-05
    assert "1e-05" in path.read_text()
    assert load_params(path).train.learning_rate == 1e-05


BOMB = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in pairwise(map(chr, range(97, 123)))
)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("faces: {every: 2, every: 3}", 'line 1: found duplicate key "every"'),
        ("faces: {every: 2}\nfaces: {every: 3}", 'line 2: found duplicate key "faces"'),
        ("seed: !!int abc", "line 1: the tag !!int asks for a type"),
        ("seed: !!python/object/apply:os.system [ls]", "line 1: the tag !!python/object/apply:os.system asks"),
        ("id: 2024-01-01", "line 1: 2024-01-01 is a date; for text, put it in quotation marks: '2024-01-01'"),
        ("seed: .inf", "line 1: .inf is no finite decimal number"),
        ("seed: 1_0", "line 1: 1_0 is no finite decimal number"),
        ("seed: " + "9" * 5000, "too large for a whole number"),
        ("seed: 1e-400", "too large or too small a number"),
        ("%YAML 1.1\n---\nseed: 1", "another YAML than 1.2"),
        (BOMB, "more than 200,000 values, with every alias"),
        ("a: &a [*a]", r"line 1: \*a stands for what it is a part of"),
        ("a: " + "[" * 5000, "more than 20 deep"),
        ("a: &a [[[[[[[[1]]]]]]]]\nb: &b [[[[[[*a]]]]]]\nc: [[[[[[[[*b]]]]]]]]", "line 3: .*more than 20 deep"),
        ("- " * 5000 + "a", "more than 20 deep"),
        ("a: 1\n---\na: 2", "expected a single document"),
        ("a: \x00", "special characters"),
        ("a: 'open", "line 1"),
        ("a: b: c", "line 1"),
        ("x" * 1_000_001, "expected at most 1,000,000"),
    ],
)
def test_what_would_be_read_as_something_else_is_one_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(text.encode())
    with pytest.raises(InputError, match=f"params.yaml is not YAML that can be used: .*{said}") as caught:
        load_params(path)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("value", ["&a [*b]", "[1, {2: 3}]", "{1: 2}", "{true: 1}", "{null: 1}", "{? [a, b] : c}"])
def test_keys_that_are_no_text_are_named(tmp_path: Path, value: str) -> None:
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(GOOD) + f"faces: {value}\n")
    with pytest.raises((InputError, ParamsError), match=r"params\.yaml"):
        load_params(path)


@pytest.mark.slow
def test_one_value_replaced_is_read_or_refused_in_lines_of_its_own(tmp_path: Path) -> None:
    path = tmp_path / "params.yaml"
    whole = yaml.safe_load((ROOT / "params.yaml").read_text())
    refused = 0
    for seed in range(300):
        changed, done = mutate(whole, random.Random(seed))
        path.write_text(to_text(changed))  # JSON is YAML 1.2
        said = ""
        try:
            load_params(path)
        except (InputError, ParamsError) as error:
            refused, said = refused + 1, str(error)
        assert len(said) < 3000, done
    assert 150 < refused < 300


def test_thousands_of_faults_are_counted_not_listed(tmp_path: Path) -> None:
    with pytest.raises(ParamsError, match=r"params\.yaml: and 1980 more") as caught:
        load(tmp_path, characters=["A B"] * 2000)
    assert str(caught.value).count("\n") == 20


def test_no_file_no_yaml_and_no_mapping_are_told_apart(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="toonset new"):
        load_params(tmp_path / "params.yaml")
    for text, said in (("a: [", "not YAML"), ("- 1\n", "found list")):
        (tmp_path / "params.yaml").write_text(text)
        with pytest.raises(InputError, match=said):
            load_params(tmp_path / "params.yaml")


@pytest.mark.parametrize("name", ["params.yaml", "pipeline/project/template/params.yaml"])
def test_comments_survive_an_experiment(tmp_path: Path, name: str) -> None:
    """`dvc exp run -S` writes params.yaml again and loses the comment that follows a list in blocks."""
    path = tmp_path / "params.yaml"
    text = (ROOT / name).read_text(encoding="utf-8")
    listed = "episodes:\n  - id: pilot\n    source: a.mp4\n"
    path.write_text(text.replace("episodes: []\n", listed), encoding="utf-8")
    before = load_params(path)
    apply_overrides(str(path), ["faces.every=2", "train.net=hill2017"])
    after = path.read_text(encoding="utf-8")
    assert {line.partition("#")[2] for line in text.splitlines()} <= {
        line.partition("#")[2] for line in after.splitlines()
    }
    assert load_params(path).faces.every == 2
    assert load_params(path).episodes == before.episodes
