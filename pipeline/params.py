"""`params.yaml` as typed values: all of it is checked before any work, and errors say what to do.

Defaults stand here and only here; the comments in `project/template/params.yaml` say what each key does.
"""

import re
import reprlib
import sys
import unicodedata
from pathlib import Path
from typing import Annotated, Any, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from cascades.strict_yaml import InvalidYaml, read_yaml
from pipeline import paths
from pipeline.errors import InputError, ParamsError, nearest
from pipeline.names import fault_of, split_entries
from pipeline.version import VERSION

IDENTIFIER = r"^[a-z0-9][a-z0-9_-]{0,63}$"
"""What an episode, a character and an emotion may be called: it becomes a file name, a column value, a CSV cell."""

OLD_WORDS: Final = {("cascade", "planes"): {"grey": "gray", "colour": "color"}}
"""(section, key) → old value → today's: projects of toonset 0.1 keep working."""

FAULTS_SHOWN: Final = 20
"""Lines of one message, at most."""

Name = Annotated[str, Field(pattern=IDENTIFIER)]
Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]


class ParamsSection(BaseModel):
    """A section of params.yaml: every key known, every value of its exact type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _whole_numbers_are_numbers(cls, value: Any, info: Any) -> Any:
        annotation = str(cls.model_fields[info.field_name].annotation)
        return float(value) if type(value) is int and "float" in annotation else value


class Episode(ParamsSection):
    """One entry of `episodes`: an episode, or a folder of them."""

    id: Name
    source: Annotated[str, Field(min_length=1)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    license: str = "unknown"
    attribution: str = ""


BoxFormat = Literal["boxes", "coco", "cvat", "info-dat", "label-studio", "via", "voc", "yolo"]
"""Formats of pictures with boxes: those of `toonset import`."""
BOX_FORMATS: Final[tuple[BoxFormat, ...]] = get_args(BoxFormat)
PictureFormat = Literal["affectnet", "csv", "fer2013", "ferg", "folder", "parquet", BoxFormat]


class FacesFrom(ParamsSection):
    """One entry of `faces_from`: pictures that are faces already, in annotations/pictures/."""

    id: Name
    format: PictureFormat = "folder"
    path: Annotated[str, Field(min_length=1)] | None = None
    table: Annotated[str, Field(min_length=1)] | None = None
    map: dict[str, str | None] = {}
    character: Name | None = None
    margin: Annotated[float, Field(ge=0, le=2)] | None = None
    license: str = "unknown"
    attribution: str = ""

    @field_validator("map", mode="before")
    @classmethod
    def _numbers_are_labels(cls, value: Any) -> Any:
        return {str(key): to for key, to in value.items()} if isinstance(value, dict) else value

    @field_validator("path", "table")
    @classmethod
    def _stays_inside(cls, value: str | None) -> str | None:
        parts = re.split(r"[/\\]", value or "")
        if value is not None and (parts[0] == "" or ".." in parts or ":" in parts[0] or "\0" in value):
            raise ValueError(
                f"{value!r} leads elsewhere; expected a name in {paths.GIVEN_PICTURES}/: put the pictures there (DVC "
                "looks there to see what has changed)"
            )
        return value


class Download(ParamsSection):
    """How episodes are fetched."""

    retries: Annotated[int, Field(ge=0, le=20)] = 3
    timeout_s: Positive = 30.0
    max_height: Annotated[int, Field(ge=64, le=4320)] = 720


class Scenes(ParamsSection):
    """PySceneDetect's settings: its AdaptiveDetector for cuts, its ThresholdDetector for fades."""

    threshold: Positive = 3.5
    window: Annotated[int, Field(ge=1, le=100)] = 3
    min_scene_s: Positive = 0.6
    min_content: Positive = 15.0
    fade_level: Annotated[float, Field(ge=0, le=255)] = 12.0


class Splits(ParamsSection):
    """How scenes are divided into train, validation and test."""

    validation: Share = 0.15
    test: Share = 0.2
    seed: int = 0

    @model_validator(mode="after")
    def _leave_something_to_train_on(self) -> "Splits":
        if self.validation + self.test >= 1:
            raise ValueError(f"validation + test is {self.validation + self.test:g}: nothing is left to train on")
        return self


class CascadeParams(ParamsSection):
    """Training of each character's cascade; names as OpenCV's trainer has them where it has them."""

    planes: Literal["gray", "color", "auto"] = "auto"
    features: Literal["basic", "core", "all"] = "basic"
    window: Annotated[int, Field(ge=12, le=64)] = 24
    stages: Annotated[int, Field(ge=1, le=40)] = 12
    positives: Annotated[int, Field(ge=10)] = 1000
    negatives: Annotated[int, Field(ge=10)] = 2000
    min_hit_rate: Annotated[float, Field(gt=0.5, lt=1)] = 0.995
    max_false_alarm: Annotated[float, Field(gt=0, lt=1)] = 0.5
    margin: Annotated[float, Field(ge=-0.4, le=1)] = 0.0
    max_height: Annotated[int, Field(ge=64, le=4320)] = 360
    fit_boxes: bool = False
    false_positives: Positive = 0.1
    seed: int = 0


class Faces(ParamsSection):
    """Detection, tracking and cropping."""

    every: Annotated[int, Field(ge=1, le=1000)] = 3
    search_every: Annotated[int, Field(ge=1, le=240)] = 24
    max_height: Annotated[int, Field(ge=64, le=4320)] = 360
    min_size: Annotated[int, Field(ge=8)] = 32
    scale_factor: Annotated[float, Field(gt=1.01, le=2)] = 1.1
    min_track: Annotated[int, Field(ge=1)] = 2
    crop_margin: Annotated[float, Field(ge=0, le=2)] = 0.25
    crop_size: Annotated[int, Field(ge=16, le=1024)] = 128


class Manifest(ParamsSection):
    """Near-duplicates, and what is offered for labelling."""

    duplicate_bits: Annotated[int, Field(ge=0, le=64)] = 10
    duplicate_distance: Annotated[float, Field(ge=0, le=255)] = 4.5
    per_character: Annotated[int, Field(ge=0)] = 1000


class Labelling(ParamsSection):
    """What annotators are asked, and how Label Studio shows it."""

    project: Annotated[str, Field(min_length=1, max_length=40)] | None = None
    media: str = "local"
    box_frames: Annotated[int, Field(ge=1, le=10_000)] = 60
    name_frames: Annotated[int, Field(ge=1, le=10_000)] = 600
    batch: Annotated[int, Field(ge=0)] = 300
    shared: Share = 0.1
    review: Annotated[int, Field(ge=1, le=10_000)] = 50
    model: str | None = None
    blind_share: Share = 0.2

    @field_validator("media")
    @classmethod
    def _is_a_place(cls, value: str) -> str:
        if value not in ("local", "inline") and not re.match(r"(https?|s3|gs|azure-blob)://\S+$", value):
            raise ValueError(
                f"{value!r} is not a place for pictures; expected local, inline, or a prefix such as "
                "https://host/folder or s3://bucket/folder"
            )
        return value


class Labels(ParamsSection):
    """How annotations are matched to faces, and how several answers become one label."""

    consensus: Literal["majority", "dawid-skene"] = "majority"
    min_iou: Annotated[float, Field(gt=0, le=1)] = 0.4
    frame_tolerance: Annotated[int, Field(ge=0, le=100)] = 2


class Train(ParamsSection):
    """Training of the emotion classifier; None: as the network's own recipe in `pipeline.nets` has it."""

    net: Literal[
        "dikshit2022",
        "face_api",
        "googlenet",
        "hill2017",
        "ho2023",
        "li2022",
        "mini_xception",
        "resnet18",
        "resnet50",
        "toon",
        "vanilla",
    ] = "toon"
    options: dict[str, bool | int | float | str] = {}
    start: Annotated[str, Field(min_length=1)] | None = "toon-faces"
    start_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    pretrained: Annotated[str, Field(min_length=1)] | None = None
    pretrained_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    optimizer: Literal["adadelta", "adagrad", "adam", "adamw", "rmsprop", "sgd"] | None = None
    learning_rate: Positive | None = None
    momentum: Annotated[float, Field(ge=0, lt=1)] | None = None
    weight_decay: Annotated[float, Field(ge=0)] | None = None
    schedule: Literal["constant", "one-cycle"] | None = None
    epochs: Annotated[int, Field(ge=1)] | None = None
    batch: Annotated[int, Field(ge=1)] | None = None
    dropout: Annotated[float, Field(ge=0, lt=1)] | None = None
    augment: Literal["affine", "flip", "none", "strong"] | None = None
    mixup: Annotated[float, Field(ge=0, le=10)] | None = None
    smoothing: Annotated[float, Field(ge=0, lt=1)] | None = None
    imbalance: Literal["batches", "none", "weights"] | None = None
    patience: Annotated[int, Field(ge=0)] | None = None
    soft_labels: bool = True
    seed: int = 0
    threads: Annotated[int, Field(ge=1, le=256)] = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"


class Watch(ParamsSection):
    """The episodes that the stage `watch` looks through, and the formats it writes besides its tables and page."""

    episodes: Literal["all"] | tuple[Name, ...] = ()
    formats: tuple[Literal["csv", "fex", "openface", "eaf", "bids", "datavyu", "vtt", "srt"], ...] = ()

    @field_validator("episodes", "formats", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value


class Compute(ParamsSection):
    """Where the work runs; nothing here changes any output."""

    workers: Annotated[int, Field(ge=0, le=1024)] = 0
    scheduler: str | None = None

    @field_validator("scheduler")
    @classmethod
    def _is_an_address(cls, value: str | None) -> str | None:
        if value is not None and not re.fullmatch(r"tcp://([\w.-]+|\[[0-9a-fA-F:]+\]):\d{1,5}", value):
            raise ValueError(
                f"{value!r} is not an address of a Dask scheduler; expected null or an address such as tcp://host:8786"
            )
        return value


class Params(ParamsSection):
    """The whole of params.yaml."""

    toonset: str
    episodes: tuple[Episode, ...]
    characters: Annotated[tuple[Name, ...], Field(min_length=1)]
    emotions: Annotated[tuple[Name, ...], Field(min_length=2, max_length=20)]
    names: dict[str, str] = {}
    faces_from: tuple[FacesFrom, ...] = ()
    download: Download = Download()
    scenes: Scenes = Scenes()
    splits: Splits = Splits()
    cascade: CascadeParams = CascadeParams()
    faces: Faces = Faces()
    manifest: Manifest = Manifest()
    labelling: Labelling = Labelling()
    labels: Labels = Labels()
    train: Train = Train()
    watch: Watch = Watch()
    compute: Compute = Compute()

    @model_validator(mode="before")
    @classmethod
    def _names_of_entries(cls, values: Any) -> Any:
        """`{id: happy, name: 嬉しい}` among the emotions is the id there and the name in `names`."""
        if not isinstance(values, dict):
            return values
        ids, named = split_entries(values.get("emotions"), "emotions")
        _, characters = split_entries(values.get("characters"), "characters")
        if characters:
            identity, name = next(iter(characters.items()))
            raise ValueError(
                f"`characters` names {identity!r} {name!r}, but DVC makes a stage for each entry and takes plain ids "
                f"only: write `characters: [{identity}, …]`, and `names: {{{identity}: {name}}}`"
            )
        if not named:
            return values
        names = values.get("names", {})
        twice = sorted(set(named) & set(names)) if isinstance(names, dict) else []
        if twice:
            raise ValueError(f"{twice[0]!r} is named in `emotions` and in `names`; expected one of them")
        return {**values, "emotions": ids, "names": {**names, **named} if isinstance(names, dict) else names}

    @field_validator("names", mode="before")
    @classmethod
    def _names_can_be_shown(cls, value: Any) -> Any:
        if value is None:  # `names:` with nothing behind it
            return {}
        if isinstance(value, dict):
            for identity, name in value.items():
                if fault_of(name):
                    raise ValueError(f"the name of {identity!r} {fault_of(name)}")
        return value

    @field_validator("episodes", "characters", "emotions", "faces_from", mode="before")
    @classmethod
    def _lists_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("toonset")
    @classmethod
    def _made_for_this_version(cls, value: str) -> str:
        running = VERSION.rsplit(".", 1)[0]
        if value != running:
            raise ValueError(
                f"this project was made for toonset {value}, but {running} is running; read CHANGELOG.md, "
                f'then set toonset: "{running}" (every stage is then run again)'
            )
        return value

    @model_validator(mode="after")
    def _no_name_twice(self) -> "Params":
        for what, names in (
            ("episodes", [episode.id for episode in self.episodes]),
            ("faces_from, with episodes,", [*{one.id for one in self.episodes}, *(one.id for one in self.faces_from)]),
            ("characters", list(self.characters)),
            ("emotions", list(self.emotions)),
        ):
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                raise ValueError(f"{what} names {', '.join(map(repr, twice))} more than once")
        return self

    @model_validator(mode="after")
    def _names_tell_apart(self) -> "Params":
        known = [*self.characters, *self.emotions]
        unknown = [identity for identity in self.names if identity not in known]
        if unknown:
            raise ValueError(
                f"`names` has {unknown[0]!r}, which is neither a character nor an emotion; expected one of "
                f"{', '.join(known)}.{nearest(unknown[0], known)}"
            )
        for identities in (self.characters, self.emotions):
            shown: dict[str, str] = {}
            for identity in identities:
                other = shown.setdefault(unicodedata.normalize("NFC", self.shown(identity)), identity)
                if other != identity:
                    raise ValueError(
                        f"{other!r} and {identity!r} are both shown as {self.shown(identity)!r}; "
                        "people could not tell them apart: change one of them in `names`"
                    )
        return self

    @property
    def pictures_alone(self) -> bool:
        """Whether all faces come as pictures, and none from an episode."""
        return bool(self.faces_from) and not self.episodes

    def shown(self, identity: str) -> str:
        """What people read for the id of a character or an emotion: its name, or the id where it has none."""
        return self.names.get(identity, identity)


def load_params(path: Path = paths.PARAMS) -> Params:
    """Read and validate `params.yaml`.

    Raises InputError if there is none or it is no YAML mapping, ParamsError naming every key that is wrong.
    """
    try:
        values = read_yaml(path.read_bytes())
    except FileNotFoundError as error:
        raise InputError(
            f"no {path.name} in {path.resolve().parent}: run this in a project made by `toonset new`"
        ) from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    except InvalidYaml as error:
        raise InputError(f"{path} is not YAML that can be used: {error}") from error
    if not isinstance(values, dict):
        raise InputError(f"{path} should be a mapping of sections, found {type(values).__name__}")
    _respell(values, path)
    try:
        return Params.model_validate(values)
    except ValidationError as error:
        problems = error.errors(include_url=False)
        # pydantic also calls a list too short whose items are wrong: only the items' own faults help.
        inner = [one for one in problems if not any(_is_inside(other["loc"], one["loc"]) for other in problems)]
        lines = [_describe(problem) for problem in inner]
        lines = lines[:FAULTS_SHOWN] + ([f"and {len(lines) - FAULTS_SHOWN} more"] if len(lines) > FAULTS_SHOWN else [])
        raise ParamsError(f"{path.name}: " + f"\n{path.name}: ".join(lines)) from error


def _respell(values: dict[str, Any], path: Path) -> None:
    """Put today's word in the place of an old one that people's files still have, and say so."""
    for section, key in OLD_WORDS:
        own = values.get(section)
        found = own.get(key) if isinstance(own, dict) else None
        word = OLD_WORDS[section, key].get(found) if isinstance(found, str) else None
        if isinstance(own, dict) and word is not None:
            own[key] = word
            print(f"{path.name}: `{section}.{key}: {found}` is written `{word}` now; please change it", file=sys.stderr)


def _describe(problem: Any) -> str:
    """One validation problem as a sentence: key, what was found, what was expected, the nearest valid name."""
    where = _dotted(problem["loc"])
    if problem["type"] == "extra_forbidden":
        valid = _valid_keys(problem["loc"][:-1])
        return f"unknown key `{where}`; expected one of {', '.join(valid)}.{nearest(str(problem['loc'][-1]), valid)}"
    if problem["type"] == "missing":
        return f"`{where}` is missing"
    found = problem["input"]
    if problem["type"] == "value_error":
        return f"`{where}`: {problem['ctx']['error']}" if where else str(problem["ctx"]["error"])
    if problem["type"] == "string_pattern_mismatch" and problem["ctx"]["pattern"] == IDENTIFIER:
        hint = re.sub(r"[^a-z0-9_-]+", "-", str(found).lower()).strip("-_")[:64] or "my-name"
        return (
            f"`{where}` is {reprlib.repr(found)}; expected lower-case letters, digits, - and _ (it becomes a file "
            f"name), such as {hint!r}"
        )
    if problem["type"] == "literal_error":
        valid = re.findall(r"'([^']*)'", problem["ctx"]["expected"])
        return f"`{where}` is {reprlib.repr(found)}; expected {problem['ctx']['expected']}.{nearest(str(found), valid)}"
    shown = "a mapping" if isinstance(found, dict) else reprlib.repr(found)
    return f"`{where}` is {shown}; {problem['msg'].replace('Input should', 'it should', 1)}"


def _is_inside(loc: tuple[Any, ...], outer: tuple[Any, ...]) -> bool:
    return len(loc) > len(outer) and loc[: len(outer)] == outer


def _dotted(loc: tuple[Any, ...]) -> str:
    text = ""
    for part in loc:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _valid_keys(loc: tuple[Any, ...]) -> list[str]:
    """The keys that the section at `loc` knows."""
    if not loc:
        return sorted(Params.model_fields)
    if loc[0] in ("episodes", "faces_from"):
        return sorted((Episode if loc[0] == "episodes" else FacesFrom).model_fields)
    section = Params.model_fields[str(loc[0])].annotation
    return sorted(section.model_fields) if isinstance(section, type) and issubclass(section, ParamsSection) else []
