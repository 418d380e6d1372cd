"""The settings of a training, checked whole before any work."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cascades.errors import InvalidParameter
from cascades.features import FEATURE_SETS
from cascades.planes import COLOR, GRAY

BOOSTINGS = ("gentle", "discrete", "real")
FEATURES = (*FEATURE_SETS, "lbp")
PLANES = {"gray": GRAY, "color": COLOR}
AUTO = "auto"


@dataclass(frozen=True)
class TrainingParams:
    """Settings; names follow `opencv_traincascade` where it has the same one.

    window           (width, height) in px of what is learned; faces smaller than this cannot be found
    features         "basic", "core" or "all" Haar features, or "lbp": multi-block local binary patterns, gray only
    feature_pool     features drawn at random for each stage; the search among them is exact. None: all features
    stages           largest number of stages
    positives        examples per stage, made from the boxes by mirroring and jittering
    negatives        background windows per stage
    min_hit_rate     share of the positives that every stage must pass
    max_false_alarm  share of the negatives that a stage may pass; a stage grows until it reaches this
    max_weak_count   largest number of trees in a stage
    ranking          least number of trees in the last stage: its score ranks the detections, and a longer sum ranks
                     better; 0: the last stage is like the others
    max_depth        levels of inner nodes in a tree; 1 is a stump
    boosting         "gentle", "discrete" or "real" AdaBoost
    planes           "gray", or "color": gray and two color planes (`planes`); "auto": the better one on
                     validation images, for `train_validated` only
    weight_trim      a tree is fitted to the examples with the largest weights, which have this share of all weight
    margin           context around the box, as a fraction of its longer side (0.1: the window is 1.1 times as long);
                     below 0 the window is smaller than the box, so that less background is learned
    jitter           how far copies of a box are moved and scaled, as a fraction of its side
    color_jitter     how far the color planes of copies are shifted, gray levels of 255
    saturation_jitter
                     how much stronger or weaker the colors of copies are made, as a fraction
    mirror           also learn every box flipped left to right
    fit_boxes        also learn where in its window each edge of a face is (the function `fit_boxes`)
    seed             of all random choices
    threads          change the time, never the result
    memory_mb        limit for the feature table and its histograms; feature_pool shrinks if it would not fit
    """

    window: tuple[int, int] = (24, 24)
    features: str = "basic"
    feature_pool: int | None = 20_000
    stages: int = 12
    positives: int = 1000
    negatives: int = 2000
    min_hit_rate: float = 0.995
    max_false_alarm: float = 0.5
    max_weak_count: int = 100
    ranking: int = 100
    max_depth: int = 1
    boosting: str = "gentle"
    planes: str = "gray"
    weight_trim: float = 1.0
    margin: float = -0.1
    jitter: float = 0.05
    color_jitter: int = 6
    saturation_jitter: float = 0.4
    mirror: bool = True
    fit_boxes: bool = False
    seed: int = 0
    threads: int = 2
    memory_mb: int = 1000

    def __post_init__(self) -> None:
        sides = (8, 256)
        if len(self.window) != 2:
            raise InvalidParameter(f"window is {self.window!r}, expected (width, height)")
        for side in self.window:
            _check("window", side, lambda v: sides[0] <= v <= sides[1], f"sides of {sides[0]} to {sides[1]} px")
        _check("features", self.features, lambda v: v in FEATURES, f"one of {', '.join(FEATURES)}")
        _check("boosting", self.boosting, lambda v: v in BOOSTINGS, f"one of {', '.join(BOOSTINGS)}")
        _check("feature_pool", self.feature_pool, lambda v: v is None or v >= 1, "at least 1, or None for all")
        _check("stages", self.stages, lambda v: v >= 1, "at least 1")
        _check("positives", self.positives, lambda v: v >= 10, "at least 10")
        _check("negatives", self.negatives, lambda v: v >= 10, "at least 10")
        _check("max_weak_count", self.max_weak_count, lambda v: v >= 1, "at least 1")
        _check("ranking", self.ranking, lambda v: 0 <= v <= 10_000, "0 to 10000")
        _check("max_depth", self.max_depth, lambda v: 1 <= v <= 5, "1 to 5")
        _check("min_hit_rate", self.min_hit_rate, lambda v: 0 < v <= 1, "above 0, at most 1")
        _check("max_false_alarm", self.max_false_alarm, lambda v: 0 < v < 1, "between 0 and 1")
        _check("weight_trim", self.weight_trim, lambda v: 0.5 <= v <= 1, "0.5 to 1")
        _check("margin", self.margin, lambda v: -0.5 < v <= 2, "above -0.5, at most 2")
        _check("planes", self.planes, lambda v: v in (*PLANES, AUTO), f"one of {', '.join((*PLANES, AUTO))}")
        if self.features == "lbp" and self.planes != "gray":
            raise InvalidParameter(f"planes is {self.planes!r}, expected gray: LBP features look at no other plane")
        _check("color_jitter", self.color_jitter, lambda v: 0 <= v <= 64, "0 to 64")
        _check("saturation_jitter", self.saturation_jitter, lambda v: 0 <= v <= 1, "0 to 1")
        _check("jitter", self.jitter, lambda v: 0 <= v <= 0.5, "0 to 0.5")
        _check("seed", self.seed, lambda v: 0 <= v < 2**32, "0 to 4294967295")
        _check("threads", self.threads, lambda v: 1 <= v <= 256, "1 to 256")
        _check("memory_mb", self.memory_mb, lambda v: v >= 16, "at least 16")


def _check(name: str, value: Any, good: Callable[[Any], bool], expected: str) -> None:
    try:
        fine = good(value)
    except TypeError:
        fine = False
    if not fine:
        raise InvalidParameter(f"{name} is {value!r}, expected {expected}")
