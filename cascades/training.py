"""Training a cascade: positives once, then stage by stage: mine background, boost, keep what still passes.

Each stage draws its own pool of features, keeps the negatives the stage before still let through and mines the rest.
Everything random is drawn from generators seeded by (seed, purpose, stage, image), so a resumed training needs no
generator's state and the number of threads cannot matter.
"""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cascades.boosting import KINDS, StageFit, fit_stage
from cascades.box_fitting import fit_boxes
from cascades.boxes import AnnotatedImage, RejectedBox
from cascades.checkpoint import Progress, fingerprint, load_checkpoint, save_checkpoint
from cascades.errors import CheckpointMismatch, InvalidParameter, TrainingDataError
from cascades.features import (
    HaarFeatures,
    LbpFeatures,
    concatenate,
    haar_features,
    lbp_features,
    on_plane,
    single_rectangles,
)
from cascades.flat import flatten
from cascades.flat_lbp import flatten_lbp
from cascades.haar_search import HISTOGRAM_BYTES, Examples, HaarSearch, Pool
from cascades.integral import inverse_norms, window_integrals
from cascades.lbp_search import LbpSearch
from cascades.model import Cascade, CascadeInfo, Stage
from cascades.negatives import Key, Mined, NegativeMiner
from cascades.params import AUTO, PLANES, TrainingParams
from cascades.sampling import Positives, collect_positives
from cascades.trees import Search

SHOWN = 6  # examples that a report shows of each kind
MIN_NEGATIVES = 0.1  # of the wanted number: with fewer a stage would learn next to nothing


@dataclass(frozen=True)
class StageReport:
    """How one stage went.

    acceptance   share of the background windows looked at that the cascade before this stage accepted
    seconds_left an estimate from the stages so far
    weakest, hardest
                 uint8[N, P, H, W]: the faces that the stage is least sure of, and the background most like a face,
                 at most SHOWN of each
    """

    stage: int
    stages: int
    weak_count: int
    hit_rate: float
    false_alarm: float
    positives: int
    negatives: int
    windows: int
    windows_per_s: float
    acceptance: float
    seconds: float
    seconds_left: float
    weakest: NDArray[np.uint8] = field(repr=False, compare=False)
    hardest: NDArray[np.uint8] = field(repr=False, compare=False)


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """The cascade, how each stage went, why training stopped, and the boxes that were not used."""

    cascade: Cascade
    stages: tuple[StageReport, ...]
    stop_rule: str
    rejected: tuple[RejectedBox, ...]


def train(
    images: Sequence[AnnotatedImage],
    params: TrainingParams,
    *,
    checkpoint: Path | None = None,
    on_progress: Callable[[StageReport], None] | None = None,
) -> TrainingResult:
    """Train a cascade for the boxed faces.

    images      only len() and images[i] are used, in order, so a lazy sequence keeps memory bounded; images[i] must
                give the same image every time
    checkpoint  a file written after every stage; where it exists training goes on from it and ends in the same cascade
    """
    if params.planes == AUTO:
        raise InvalidParameter("planes is 'auto', which needs validation images: call `train_validated` with them")
    positives = collect_positives(images, params)
    if not positives.background:
        raise TrainingDataError("no image may be used for background; at least one needs negatives=True")
    with ThreadPoolExecutor(params.threads) as executor:
        return _Trainer(images, params, positives, executor, checkpoint, on_progress).run()


class _Trainer:
    """The loop over stages and what it carries from one to the next."""

    def __init__(
        self, images: Sequence[AnnotatedImage], params: TrainingParams, positives: Positives, executor: Executor,
        checkpoint: Path | None, on_progress: Callable[[StageReport], None] | None,
    ) -> None:  # fmt: skip
        self.params = params
        self.images = images
        self.executor = executor
        self.on_progress = on_progress
        self.checkpoint = checkpoint
        self.features = feature_set(params)
        self.offsets = window_offsets(self.features, params.window, len(PLANES[params.planes]))
        self.positives = positives
        self.miner = NegativeMiner(images, params, executor)
        self.stages: list[Stage] = []
        self.reports: list[StageReport] = []
        self.kept: list[tuple[Key, NDArray[np.uint8]]] = []
        # Cells of every patch that could have passed so far; positives a stage rejects are not shown to the next.
        self.alive: NDArray[np.bool_] = np.ones(len(positives.patches), np.bool_)
        self.fingerprint = fingerprint(params, positives.patches, positives.keys)
        self._resume()

    def run(self) -> TrainingResult:
        stop_rule = ""
        while not stop_rule:
            if len(self.stages) == self.params.stages:
                stop_rule = f"stages: all {self.params.stages} stages are trained"
                break
            stop_rule = self._next_stage()
        if not self.stages:
            raise TrainingDataError(f"no stage could be trained ({stop_rule})")
        info = CascadeInfo(
            face=self.positives.face, margin=self.params.margin, planes=PLANES[self.params.planes],
            training={"stop_rule": stop_rule, "boxes": self.positives.boxes, "positives": len(self.positives.patches)},
        )  # fmt: skip
        cascade = self._cascade(info)
        if self.params.fit_boxes:
            cascade = fit_boxes(cascade, self.images, self.params.seed, self.params.mirror)
        return TrainingResult(cascade, tuple(self.reports), stop_rule, self.positives.rejected)

    def _next_stage(self) -> str:
        """Train one stage; the rule that ends the training, or nothing."""
        started = time.perf_counter()
        number = len(self.stages)
        wanted = self.params.negatives
        mined = self._mine(wanted - len(self.kept), number)
        mining_s = time.perf_counter() - started
        keys = [key for key, _ in self.kept] + mined.keys
        patches = [patch for _, patch in self.kept] + mined.patches
        if len(patches) < max(2, MIN_NEGATIVES * wanted):
            return (
                f"negatives: the background ran out before stage {number}: two laps over "
                f"{len(self.miner.images)} images ({mined.scanned:,} windows) gave {len(patches)} of {wanted} "
                "windows the cascade still accepts"
            )
        shown = self.positives.patches[self.alive], np.stack(patches)
        fit = self._fit(shown[1], number)
        if fit.false_alarm >= 1.0:
            return f"no progress: no feature separates the negatives of stage {number} from the positives"
        self.stages.append(fit.stage)
        self.kept = [(k, p) for k, p, passed in zip(keys, patches, fit.negatives_passed, strict=True) if passed]
        self._report(fit, mined, shown, mining_s, time.perf_counter() - started)
        self._save()
        return ""

    def _mine(self, needed: int, stage: int) -> Mined:
        flat = None
        if self.stages:
            cascade = self._cascade(CascadeInfo())
            flat = flatten(cascade) if isinstance(self.features, HaarFeatures) else flatten_lbp(cascade)
        return self.miner.mine(flat, needed, {key for key, _ in self.kept}, stage)

    def _fit(self, negatives: NDArray[np.uint8], number: int) -> StageFit:
        patches = np.concatenate([self.positives.patches[self.alive], negatives])
        ranking = self.params.ranking if number == self.params.stages - 1 else 0
        fit = fit_stage(self._search(patches, number), self.params, ranking)
        self.alive[np.flatnonzero(self.alive)[~fit.positives_passed]] = False
        return fit

    def _search(self, patches: NDArray[np.uint8], number: int) -> Search:
        """What finds a stage's splits, over a fresh random choice of features or all of them."""
        most = max(1, self.params.memory_mb * 2**20 // (len(patches) + HISTOGRAM_BYTES))
        size = min(self.params.feature_pool or len(self.features), len(self.features), most)
        rng = np.random.default_rng([self.params.seed, 4, number])
        names = np.sort(rng.permutation(len(self.features))[:size])
        alive, kind = int(self.alive.sum()), KINDS[self.params.boosting]
        if isinstance(self.features, LbpFeatures):
            return LbpSearch(window_integrals(patches, False), alive, self.offsets[names], names, self.executor, kind)
        inverse = np.ones(patches.shape[1::-1], np.float32)
        inverse[0] = inverse_norms(patches[:, 0])
        pool = Pool(self.offsets[names], self.features.plane[names], self.features.weights[names], names)
        tilted = bool(self.features.tilted.any())
        return HaarSearch(Examples(window_integrals(patches, tilted), inverse, alive), pool, self.executor, kind)

    def _cascade(self, info: CascadeInfo) -> Cascade:
        return Cascade(
            self.params.window, self.features, tuple(self.stages), info, self.params.boosting, self.params.features
        )

    def _report(
        self, fit: StageFit, mined: Mined, shown: tuple[NDArray[np.uint8], NDArray[np.uint8]], mining_s: float,
        seconds: float,
    ) -> None:  # fmt: skip
        """shown: the stage's positives and negatives, in the order of its sums."""
        positives, negatives = shown
        count = len(positives)
        spent = sum(r.seconds for r in self.reports) + seconds
        left = self.params.stages - len(self.stages)
        report = StageReport(
            stage=len(self.stages), stages=self.params.stages, weak_count=len(fit.stage.trees), hit_rate=fit.hit_rate,
            false_alarm=fit.false_alarm, positives=count, negatives=len(negatives),
            windows=mined.scanned, windows_per_s=mined.scanned / max(mining_s, 1e-9),
            acceptance=mined.accepted / max(mined.scanned, 1), seconds=seconds,
            seconds_left=spent / (len(self.reports) + 1) * left,
            weakest=positives[np.argsort(fit.sums[:count], kind="stable")[:SHOWN]],
            hardest=negatives[np.argsort(-fit.sums[count:], kind="stable")[:SHOWN]],
        )  # fmt: skip
        self.reports.append(report)
        if self.on_progress:
            self.on_progress(report)

    def _save(self) -> None:
        # A stage that ranks is none to build more stages on: it is trained again instead.
        if self.checkpoint and not (self.params.ranking and len(self.stages) == self.params.stages):
            progress = Progress(
                self.stages, [k for k, _ in self.kept], [p for _, p in self.kept], self.alive, self.miner.cursor
            )
            save_checkpoint(self.checkpoint, self.fingerprint, progress)

    def _resume(self) -> None:
        if self.checkpoint and self.checkpoint.exists():
            progress = load_checkpoint(self.checkpoint, self.fingerprint)
            if len(progress.stages) + (self.params.ranking > 0) > self.params.stages:
                raise CheckpointMismatch(
                    f"{self.checkpoint}: holds {len(progress.stages)} stages, too many for a training of "
                    f"{self.params.stages}; ask for more stages, or delete it to start again"
                )
            self.stages = progress.stages
            self.kept = list(zip(progress.keys, progress.patches, strict=True))
            self.alive = progress.alive
            self.miner.cursor = progress.cursor


def feature_set(params: TrainingParams) -> HaarFeatures | LbpFeatures:
    """Everything a stage's pool is drawn from: the gray features; in color also stripes and means of color planes."""
    if params.features == "lbp":
        return lbp_features(params.window)
    gray = haar_features(params.window, params.features)
    parts = [gray]
    for plane in range(1, len(PLANES[params.planes])):
        parts += [on_plane(haar_features(params.window, "basic"), plane), single_rectangles(params.window, plane)]
    return concatenate(parts)


def window_offsets(features: HaarFeatures | LbpFeatures, window: tuple[int, int], planes: int = 1) -> NDArray[np.int32]:
    """Rows of the windows' integral images (`integral.window_integrals`) for every corner: int32[F, 12 or 16]."""
    corners = features.corners().astype(np.int64)
    rows = corners[..., 1] * (window[0] + 1) + corners[..., 0]
    if isinstance(features, HaarFeatures):
        block = np.where(features.tilted, planes, features.plane.astype(np.int64))
        rows += (block * (window[0] + 1) * (window[1] + 1))[:, None, None]
    return rows.reshape(len(features), -1).astype(np.int32)
