"""How often `toonset search` finds the same expression: `python -m benchmarks.searching [PROJECT] [--film FOOTAGE]`.

Run it after `dvc repro` in PROJECT, which has the sample show. Queries are faces of test scenes; what is searched are
faces of *other characters* in test scenes, so neither the network nor the face itself has been seen. Precision at 10 is
the share of the ten most alike faces that have the query's emotion; in brackets stands its 95 % interval, drawn by
scene. The truth is the sample show's own. Drawings are made of the same faces (edges, few colors), and of the sample
show's parts (sketches: lines on white). With --film, the faces are the boxes that people drew in the real film, the
test scenes are its held-out shots, and the classifier is trained here on the other shots.
"""

import argparse
import contextlib
import re
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.film import EMOTIONS
from benchmarks.film_faces import film_faces
from benchmarks.sample import true_expressions
from pipeline.classifier.features import Extractor, OwnFeatures, features_of
from pipeline.classifier.imagenet import ImageNetFeatures
from pipeline.classifier.inputs import InputShape
from pipeline.classifier.model import Classifier, load_model
from pipeline.faces.crops import read_crops
from pipeline.images import Pixels, decode_rgb, to_gray
from pipeline.params import Params, load_params
from pipeline.sample import CHARACTERS, EXPRESSIONS
from pipeline.sample.design import Pose
from pipeline.sample.expressions import look_of, pure
from pipeline.sample.heads import face_box, head
from pipeline.search.index import Index, faces_in_use, features_of_faces
from pipeline.training.train import train
from pipeline.version import VERSION

COUNT: Final = 10
DRAWS: Final = 1000
SIDE: Final = 128
"""px, side of a sketch."""


class RawPixels:
    """The gray face itself, 24×24 px, as features."""

    shape = InputShape(24, 1, 0.0)
    width = 24 * 24

    def key(self) -> str:
        """Of no network."""
        return "0123456789abcdef raw pixels"

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Mean 0 and deviation 1 in each picture, so that light does not matter."""
        values = images.reshape(len(images), -1).astype(np.float32)
        values -= values.mean(axis=1, keepdims=True)
        return np.asarray(values / np.maximum(values.std(axis=1, keepdims=True), 1), dtype=np.float32)


class Chance(RawPixels):
    """Features that say nothing."""

    def key(self) -> str:
        """Of no network."""
        return "fedcba9876543210 chance"

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Drawn at random."""
        return np.random.default_rng(len(images)).normal(size=(len(images), self.width)).astype(np.float32)


@dataclass(frozen=True)
class Queries:
    """Pictures of one face each, with what they show, whose face it is and where it is from."""

    pictures: list[Pixels]
    margin: float
    truth: NDArray[np.object_]
    character: NDArray[np.object_]
    scene: NDArray[np.object_]


def edges(rgb: Pixels) -> Pixels:
    """A face as lines on white: where it is darker than around."""
    gray = cv2.GaussianBlur(to_gray(rgb), (3, 3), 0)
    lines = cv2.adaptiveThreshold(gray, 255, cv2.ADAPTIVE_THRESH_MEAN_C, cv2.THRESH_BINARY, 9, 6)
    return np.repeat(np.asarray(lines, dtype=np.uint8)[..., None], 3, axis=2)


def posterized(rgb: Pixels) -> Pixels:
    """A face in three levels of each color."""
    return np.asarray((rgb.astype(np.int64) * 3 // 256) * 127, dtype=np.uint8)


def sketch(character: str, expression: str, pose: Pose) -> Pixels:
    """A head of the sample show as black lines on white, cut as the classifier's faces are: margin 0.25."""
    import resvg_py

    look = look_of(pure(expression))
    left, top, right, bottom = face_box(character, pose, look.slump)
    side = max(right - left, bottom - top) * 1.5
    x, y = (left + right) / 2 - side / 2, (top + bottom) / 2 - side / 2
    shapes = re.sub(r"<defs>.*?</defs>", "", head(character, pose, look))
    shapes = re.sub(r'(fill|stroke)="(#[0-9a-f]{3,6}|url\([^)]*\))"', _ink, shapes)
    svg = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="{x} {y} {side} {side}">'
        f'<rect x="{x}" y="{y}" width="{side}" height="{side}" fill="#ffffff"/>{shapes}</svg>'
    )
    png = resvg_py.svg_to_bytes(svg_string=svg, width=SIDE, height=SIDE, skip_system_fonts=True)
    image = cv2.imdecode(np.frombuffer(bytes(png), np.uint8), cv2.IMREAD_COLOR)
    return np.ascontiguousarray(np.asarray(image, dtype=np.uint8)[..., ::-1])


def _ink(found: re.Match[str]) -> str:
    """Dark fills and all lines are black, everything else is white."""
    name, color = found.groups()
    if name == "fill" and not color.startswith("url"):
        digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
        dark = sum(bytes.fromhex(digits)) < 3 * 70
    else:
        dark = name == "stroke"
    return f'{name}="{"#000000" if dark else "#ffffff"}"'


def sketches() -> Queries:
    """Each character and expression in nine poses."""
    poses = [Pose(yaw=yaw, tilt=tilt) for yaw in (-20.0, 0.0, 20.0) for tilt in (-8.0, 0.0, 8.0)]
    made = [(character, name, pose) for character in CHARACTERS for name in EXPRESSIONS for pose in poses]
    pictures = [sketch(*one) for one in made]
    character, truth = (np.array([one[i] for one in made], dtype=object) for i in (0, 1))
    return Queries(pictures, 0.25, truth, character, np.array([f"{one[0]} {one[2]}" for one in made], dtype=object))


def precision(
    index: Index,
    features: NDArray[np.float32],
    queries: Queries,
    truth: NDArray[np.object_],
    searched: NDArray[np.bool_],
) -> NDArray[np.float64]:
    """Precision at 10 of each query [Q] among other characters' faces. truth [N], searched bool [N]: of the index."""
    characters = index.faces["character"].to_numpy(object)
    found = []
    for own, emotion, character in zip(features, queries.truth, queries.character, strict=True):
        rows, _ = index.best(own, searched & (characters != character), COUNT)
        found.append(float((truth[rows] == emotion).mean()))
    return np.array(found)


def interval(values: NDArray[np.float64], scenes: NDArray[np.object_]) -> tuple[float, float]:
    """95 % of the means of `DRAWS` draws of scenes with replacement."""
    groups = [values[scenes == scene] for scene in sorted(set(scenes))]
    rng = np.random.default_rng(0)
    means = [
        float(np.concatenate([groups[i] for i in rng.integers(0, len(groups), len(groups))]).mean())
        for _ in range(DRAWS)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


@dataclass(frozen=True, eq=False)
class Show:
    """Faces of a show, which of them are searched, and what they show: truth [N], None where it is not known."""

    faces: pd.DataFrame
    searched: NDArray[np.bool_]
    truth: NDArray[np.object_]
    queries: Queries
    classifier: Classifier
    features: Callable[[Extractor], NDArray[np.float32]]
    """Of all faces, float32 [N, D]."""


def sample_show(split: str) -> Show:
    """The project in this directory, which has the sample show's episodes."""
    classifier, margin, faces = load_model(), load_params().faces.crop_margin, faces_in_use()
    truth = true_expressions(Path()).set_index("face_id")["truth"].loc[faces["face_id"]].to_numpy(object)
    searched = (faces["split"] == split).to_numpy(bool) & np.array([one is not None for one in truth])
    own = faces[searched]
    scenes = (own["episode_id"] + " " + own["scene"].astype(str)).to_numpy(object)
    pictures = [decoded(crop) for crop in read_crops(own)]
    queries = Queries(pictures, margin, truth[searched], own["character"].to_numpy(object), scenes)
    return Show(faces, searched, truth, queries, classifier, lambda one: features_of_faces(faces, one, margin))


def film_show(footage: Path, split: str) -> Show:
    """The film's annotated faces, and a classifier trained on the shots that are not held out."""
    with tempfile.TemporaryDirectory() as temporary:
        faces = film_faces(footage, Path(temporary) / "faces.parquet")
    characters = tuple(sorted(faces["character"].unique()))
    params = Params(
        toonset=".".join(VERSION.split(".")[:2]), episodes=(), characters=characters, emotions=tuple(EMOTIONS)
    )
    rows = {name: faces[faces["split"] == name].reset_index(drop=True) for name in ("train", "validation")}
    classifier = train(rows["train"], rows["validation"], params).classifier
    pictures, truth = [decoded(image["bytes"]) for image in faces["image"]], faces["emotion"].to_numpy(object)
    margin, searched = params.faces.crop_margin, (faces["split"] == split).to_numpy(bool)
    own = faces[searched]
    asked = [picture for picture, wanted in zip(pictures, searched, strict=True) if wanted]
    queries = Queries(asked, margin, truth[searched], own["character"].to_numpy(object), own["scene"].to_numpy(object))
    return Show(faces, searched, truth, queries, classifier, lambda one: features_of(one, pictures, margin))


def main() -> None:
    """Print the table, and how long a search takes among 100,000 faces."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("project", type=Path, nargs="?", default=Path(), help="with the sample show; not with --film")
    parser.add_argument("--film", type=Path, help="folder of the real film and its annotations")
    parser.add_argument("--split", default="test")
    options = parser.parse_args()
    if options.film:
        measure(film_show(options.film, options.split), {})
    else:
        with contextlib.chdir(options.project):
            measure(sample_show(options.split), {"sketches": sketches()})
    for width in (96, ImageNetFeatures.width):
        wall, cpu = (1000 * spent for spent in time_of(width))
        print(f"\n100,000 faces with {width} features: a search takes {wall:.1f} ms, {cpu:.1f} ms of CPU, median of 20")


def measure(show: Show, more: Mapping[str, Queries]) -> None:
    """Print the table. more: other queries to ask."""
    kinds: Mapping[str, Callable[[Pixels], Pixels]] = {"edges": edges, "three levels of color": posterized}
    own = show.queries
    asked = {"faces": own} | {
        name: replace(own, pictures=[draw(one) for one in own.pictures]) for name, draw in kinds.items()
    }
    extractors: dict[str, Extractor] = {
        "the classifier's features": OwnFeatures(show.classifier),
        "ImageNet's features": ImageNetFeatures(),
        "raw pixels": RawPixels(),
        "chance": Chance(),
    }
    print(f"| queries | {' | '.join(extractors)} |\n|---|{'---|' * len(extractors)}")
    indexes = {name: Index.of(show.faces, show.features(one)) for name, one in extractors.items()}
    for kind, queries in {**asked, **more}.items():
        cells = []
        for name, extractor in extractors.items():
            found = features_of(extractor, queries.pictures, queries.margin)
            values = precision(indexes[name], found, queries, show.truth, show.searched)
            low, high = interval(values, queries.scene)
            cells.append(f"{values.mean():.3f} ({low:.2f}–{high:.2f})")
        print(f"| {kind}, {len(queries.pictures)} | {' | '.join(cells)} |", flush=True)
    scenes = len(set(own.scene))
    print(f"\nsearched: {int(show.searched.sum())} faces of {scenes} scenes; of {len(show.faces)} in all")


def decoded(crop: bytes) -> Pixels:
    """A crop of the project, which decodes."""
    rgb = decode_rgb(crop)
    assert rgb is not None
    return rgb


def time_of(width: int) -> tuple[float, float]:
    """Seconds of wall clock and of CPU that a search among 100,000 faces takes, medians."""
    rng = np.random.default_rng(0)
    features = rng.normal(size=(100_000, width)).astype(np.float32)
    index = Index.of(pd.DataFrame({"row": range(len(features))}), features)
    allowed = rng.random(len(features)) < 0.5
    spent = []
    for row in range(20):
        start = time.perf_counter(), time.process_time()
        index.best(features[row], allowed, COUNT)
        spent.append((time.perf_counter() - start[0], time.process_time() - start[1]))
    wall, cpu = np.median(spent, axis=0)
    return float(wall), float(cpu)


if __name__ == "__main__":
    main()
