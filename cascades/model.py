"""What a trained cascade is: stages of small trees over features, and what is known about it beside the XML."""

import json
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cascades.box_regression import BoxRegression, read_box_regression
from cascades.errors import InvalidCascadeXml
from cascades.features import HaarFeatures, LbpFeatures
from cascades.files import read_bounded, write_whole
from cascades.planes import OLD_SPELLING


@dataclass(frozen=True, eq=False)
class Tree:
    """One weak classifier with n inner nodes and n + 1 leaves; n is 1 for a stump.

    feature      int32[n]       index into the cascade's features
    left, right  int32[n]       where to go on: k > 0 is node k, k ≤ 0 is leaf −k
    threshold    float32[n]     Haar: go left when value < threshold; zero for LBP
    subset       int32[n, 8]    LBP: go left when the bit of the code is set; empty (n, 0) for Haar
    leaves       float32[n+1]   what the tree adds to the stage's sum
    """

    feature: NDArray[np.int32]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    threshold: NDArray[np.float32]
    leaves: NDArray[np.float32]
    subset: NDArray[np.int32] = field(default_factory=lambda: np.zeros((1, 0), np.int32))


@dataclass(frozen=True, eq=False)
class Stage:
    """A window passes when the sum of its trees' leaves reaches the threshold."""

    threshold: float
    trees: tuple[Tree, ...]


@dataclass(frozen=True)
class CascadeInfo:
    """What OpenCV's XML has no place for; written to the side file.

    face            where the face lies in the window, as fractions x, y, w, h of its width and height
    margin          context around the squared box, as a fraction of its side
    planes          the image planes the features look at, plane 0 first
    training        settings and figures of the training, for people
    calibration     score → probability, and the operating points found on validation images
    box_regression  how the face's edges are moved by what a window shows; None: all faces lie as `face` says
    """

    face: tuple[float, float, float, float] = (0.0, 0.0, 1.0, 1.0)
    margin: float = 0.0
    planes: tuple[str, ...] = ("gray",)
    training: dict[str, Any] = field(default_factory=dict)
    calibration: dict[str, Any] = field(default_factory=dict)
    box_regression: BoxRegression | None = None


SIDE_FILE = "toonset cascade"
SIDE_FILE_VERSION = 1


@dataclass(frozen=True, eq=False)
class Cascade:
    """An attentional cascade: window (width, height) in px, its features and its stages."""

    window: tuple[int, int]
    features: HaarFeatures | LbpFeatures
    stages: tuple[Stage, ...]
    info: CascadeInfo = field(default_factory=CascadeInfo)
    boosting: str = "gentle"
    feature_set: str = "basic"

    @classmethod
    def load(cls, path: Path | str) -> "Cascade":
        """Read OpenCV's XML, and the side file of the same name ending in .json where there is one."""
        from cascades.opencv_xml import parse_cascade

        path = Path(path)
        cascade = parse_cascade(read_bounded(path), str(path))
        info = read_side_file(path.with_suffix(".json"))
        return cascade if info is None else replace(cascade, info=info)

    def save(self, path: Path | str) -> None:
        """Write OpenCV's XML: the same cascade gives the same bytes."""
        from cascades.opencv_xml import write_cascade

        write_whole(Path(path), write_cascade(self).encode("ascii"))

    def to_side_file(self, path: Path | str) -> None:
        """Write the side file (JSON) with everything that the XML format has no place for."""
        info = asdict(self.info)
        if self.info.box_regression is None:
            del info["box_regression"]
        content = {"format": SIDE_FILE, "version": SIDE_FILE_VERSION, **info}
        write_whole(Path(path), (json.dumps(content, indent=2, sort_keys=True) + "\n").encode("utf-8"))

    @property
    def weak_count(self) -> int:
        return sum(len(stage.trees) for stage in self.stages)


def read_side_file(path: Path) -> CascadeInfo | None:
    """Read a side file back; every field is checked because it decides where boxes end up.

    None where there is none, or where the file of that name is another program's.
    """
    if not path.is_file():
        return None
    raw = read_bounded(path)
    try:
        content = json.loads(raw, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        if SIDE_FILE.encode() not in raw:
            return None
        raise InvalidCascadeXml(f"{path}: not JSON ({error}); delete it or train again") from error
    if not isinstance(content, dict) or content.get("format") != SIDE_FILE:
        return None
    if content.get("version") != SIDE_FILE_VERSION:
        raise InvalidCascadeXml(f"{path}: not a side file of version {SIDE_FILE_VERSION}; delete it or train again")
    face: Any = content.get("face")
    planes = content.get("planes")
    margin: Any = content.get("margin")
    if (
        not (isinstance(face, list) and len(face) == 4 and all(_fraction(v) for v in face) and min(face[2:]) > 0)
        or not (isinstance(planes, list) and planes and all(isinstance(p, str) for p in planes))
        or not _fraction(margin)
        or not isinstance(content.get("training"), dict)
        or not isinstance(content.get("calibration"), dict)
    ):
        raise InvalidCascadeXml(f"{path}: a field is missing or out of range; delete the file or train again")
    try:
        regression = read_box_regression(content.get("box_regression"), len(planes))
    except ValueError as error:
        raise InvalidCascadeXml(f"{path}: {error}; delete the file or train again") from error
    return CascadeInfo(
        face=(face[0], face[1], face[2], face[3]),
        margin=margin,
        planes=tuple(OLD_SPELLING.get(str(plane), str(plane)) for plane in planes),
        training=content["training"],
        calibration=content["calibration"],
        box_regression=regression,
    )


def _no_number(word: str) -> float:
    """Refuse what JSON has no word for, but Python writes and reads."""
    raise ValueError(f"{word} is no number")


def _fraction(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and -4 <= value <= 4
