"""A results file of `toonset benchmark`: what was run on which faces, and what came out, checked when it is read.

docs/leaderboard.md is made from such files, so they name everything that another person needs to run them again.
"""

import json
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from pipeline.errors import InputError

Share = Annotated[float, Field(ge=0, le=1)]
Count = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Text = Annotated[str, Field(min_length=1)]
Apart = Literal["scene", "given", "group", "look-alikes"]
"""What keeps a test face apart from the training faces."""
WORDS: Final[dict[Apart, str]] = {
    "scene": "by scene",
    "given": "as its source splits it",
    "group": "by the source's groups",
    "look-alikes": "by near-duplicates alone",
}


class Part(BaseModel):
    """A part of a results file: every key known, every value of its exact type."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Faces(Part):
    """The faces: `sha256` is that of their ids, pictures, margins, labels and splits (`benchmark.digest_of`)."""

    name: Text
    sha256: Sha256
    emotions: Annotated[list[Text], Field(min_length=2)]
    train: Count
    validation: Count
    test: Annotated[int, Field(ge=1)]
    scenes: Annotated[int, Field(ge=1)]
    """Scenes, or groups, among the test faces."""
    apart: dict[Apart, Count]
    """Test faces by what keeps them apart from the training faces."""


class Code(Part):
    """The code that ran."""

    version: Text
    commit: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")] | None
    """None where toonset was not run from a git checkout."""
    changed: bool
    """Whether the checkout's code differed from that commit."""


class Machine(Part):
    """The machine that ran it."""

    processor: Text
    instructions: Text
    """What torch was held to, such as AVX2."""
    device: Text
    torch: Text


class Run(Part):
    """One training and its test."""

    seed: int
    accuracy: Share
    macro_f1: Share
    low: Share | None
    """Lower end of the 95 % interval of macro F1, scenes drawn again; None with too few scenes."""
    high: Share | None
    cpu_s: Annotated[float, Field(ge=0)]


class Result(Part):
    """A whole file."""

    benchmark: Text
    settings: dict[str, Any]
    """The section `train` with every null filled in, but for the seed."""
    parameters: Annotated[int, Field(ge=1)]
    faces: Faces
    code: Code
    machine: Machine
    by_scene: Annotated[list[Run], Field(min_length=1)]
    at_random: list[Run]

    @model_validator(mode="after")
    def _seeds_are_the_same(self) -> Self:
        seeds = [[run.seed for run in runs] for runs in (self.by_scene, self.at_random)]
        if seeds[0] != seeds[1] or len(set(seeds[0])) < len(seeds[0]):
            raise ValueError(f"by_scene has the seeds {seeds[0]}, at_random {seeds[1]}; expected the same, each once")
        if sum(self.faces.apart.values()) != self.faces.test:
            raise ValueError(f"apart counts {sum(self.faces.apart.values())} faces; expected all {self.faces.test}")
        return self

    @property
    def seeds(self) -> list[int]:
        """Of both splits."""
        return [run.seed for run in self.by_scene]

    @property
    def split(self) -> str:
        """What keeps test faces apart from training faces, in words."""
        return ", ".join(WORDS[name] for name in WORDS if self.faces.apart.get(name))

    def gaps(self, figure: str) -> list[float]:
        """How much more each seed has on the random split. figure: `accuracy` or `macro_f1`."""
        pairs = zip(self.by_scene, self.at_random, strict=True)
        return [getattr(other, figure) - getattr(own, figure) for own, other in pairs]


def spread(values: list[float], sign: str = "") -> str:
    """Mean ± standard deviation, of one value only itself. sign: "+" shows it."""
    mean = f"{np.mean(values):{sign}.3f}"
    return mean if len(values) < 2 else f"{mean} ± {np.std(values, ddof=1):.3f}"


def interval(result: Result) -> str:
    """The mean ends of the runs' intervals of macro F1 by scene; empty where a run has none."""
    lows, highs = [run.low for run in result.by_scene], [run.high for run in result.by_scene]
    known = [(low, high) for low, high in zip(lows, highs, strict=True) if low is not None and high is not None]
    if len(known) < len(lows):
        return ""
    low, high = np.mean(known, axis=0)
    return f"{low:.2f} to {high:.2f}"


def read_result(path: Path) -> Result:
    """A results file. Raises InputError naming what is wrong in it."""
    try:
        return Result.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        if isinstance(error, ValidationError):
            first = error.errors(include_url=False)[0]
            what = f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"
        else:
            what = str(error)
        raise InputError(f"{path} is no results file of `toonset benchmark` ({what}): run the command again") from error
