"""LBP cascades: the features, the split of the codes, and training end to end."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from cascades import AnnotatedImage, Detector, InvalidParameter, TrainingParams, TrainingResult, evaluate, train
from cascades.boosting import integer_weights
from cascades.features import lbp_features
from cascades.integral import window_integrals
from cascades.lbp_search import CODES, FLIP, LbpSearch, best_cut, smear
from cascades.opencv_xml import write_cascade
from cascades.splits import DISCRETE, GENTLE, REAL, split_score
from cascades.training import window_offsets
from tests.cascades.conftest import SMALL, draw_images, draw_scene
from tests.cascades.plain_lbp import lbp_code
from tests.cascades.test_parity import oracle, ours

LBP = replace(SMALL, features="lbp", stages=3)


@pytest.fixture(scope="module")
def lbp(images: list[AnnotatedImage]) -> TrainingResult:
    return train(images, LBP)


def test_features_are_opencvs() -> None:
    """8,464 in a 24×24 window; in every window those of OpenCV's four nested loops, in their order."""
    assert len(lbp_features((24, 24))) == 8464
    for width, height in ((24, 24), (20, 28), (8, 9)):
        wide, high = (sum(side - 3 * k + 1 for k in range(1, side // 3 + 1)) for side in (width, height))
        assert len(lbp_features((width, height))) == wide * high
    loops = [
        (x, y, w, h)
        for x, y, w, h in product(range(11), range(13), range(1, 12), range(1, 14))
        if x + 3 * w <= 11 and y + 3 * h <= 13
    ]
    assert lbp_features((11, 13)).rects.tolist() == [list(rect) for rect in loops]


def small_search(executor: ThreadPoolExecutor, patches: np.ndarray, positives: int, kind: int) -> LbpSearch:
    features = lbp_features((12, 12))
    cells = window_integrals(patches[:, None], False)
    return LbpSearch(cells, positives, window_offsets(features, (12, 12)), np.arange(len(features)), executor, kind)


def test_codes_are_the_detectors() -> None:
    patches = np.random.default_rng(1).integers(0, 256, (30, 12, 12), np.uint8)
    patches[:5] //= 128  # many equal blocks
    offsets = window_offsets(lbp_features((12, 12)), (12, 12))
    with ThreadPoolExecutor(2) as executor:
        codes = small_search(executor, patches, 10, GENTLE).codes
    cells = window_integrals(patches[:, None], False)
    for i in range(len(patches)):
        one = np.ascontiguousarray(cells[:, i])
        assert codes[:, i].tolist() == [lbp_code(one, 0, o) for o in offsets.astype(np.uint64)]


def flipped() -> np.ndarray:
    """float64[256, 256]: how often a code becomes another one when each of its bits is flipped one time in eight."""
    bits = np.array([[bin(a ^ b).count("1") for a in range(CODES)] for b in range(CODES)])
    once = 0.5**FLIP
    return once**bits * (1 - once) ** (8 - bits)


def test_smearing_flips_every_bit() -> None:
    rng = np.random.default_rng(0)
    p, n = (rng.multinomial(2**30, rng.dirichlet(np.full(CODES, 0.1))) for _ in range(2))
    assert max(p.max(), n.max()) > 2**26
    histogram = (p << 32) + n
    smear(histogram, np.empty(CODES, np.int64), np.empty(CODES, np.int64))
    for side, before in ((histogram >> 32, p), (histogram & (2**32 - 1), n)):
        assert side.min() >= 0
        assert side.sum() == before.sum()
        assert np.abs(side - flipped() @ before).max() <= 8  # each of eight steps rounds by less than one


@pytest.mark.parametrize("kind", [GENTLE, DISCRETE, REAL])
@pytest.mark.parametrize("seed", range(3))
def test_cut_is_the_best_of_all_subsets(kind: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    used = np.array([0, 31, 32, 100, 200, 224, 255])
    p, n = rng.integers(0, 2**20, (2, len(used))) ** 2 >> 12
    histogram, share = np.zeros(CODES, np.int64), np.full(CODES, -1.0)
    histogram[used] = (p << 32) + n
    share[used] = p / (p + n)
    best, limit = best_cut(histogram, share, kind)

    def score(left: np.ndarray) -> float:
        return split_score(float(p[left].sum()), float(n[left].sum()), float(p.sum()), float(n.sum()), kind)

    every = [score(np.array(bits)) for bits in product([False, True], repeat=len(used))]
    assert best == pytest.approx(max(every), rel=1e-12)
    assert score(share[used] < limit) == pytest.approx(max(every), rel=1e-12)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [GENTLE, DISCRETE, REAL])
@pytest.mark.parametrize("seed", range(3))
def test_split_is_the_best_of_smeared_codes(kind: int, seed: int) -> None:
    """The feature and its subset against all features' smeared weights, cut in every order of direction."""
    rng = np.random.default_rng(seed)
    count, positives, features = 50, 20, 12
    weight = integer_weights(rng.exponential(size=count) ** 2)
    members = np.flatnonzero(rng.random(count) < 0.8).astype(np.int32)
    with ThreadPoolExecutor(2) as executor:
        search = small_search(executor, rng.integers(0, 256, (count, 12, 12), np.uint8), positives, kind)
        search.codes = rng.integers(0, CODES, (features, count), np.uint8)
        search.names = np.arange(features)
        side = np.where(np.arange(count) < positives, 0, 1)
        weights = np.zeros((features, 2, CODES))
        for feature, row in enumerate(search.codes):
            np.add.at(weights[feature], (side[members], row[members]), weight[members])
        p, n = np.moveaxis(weights @ flipped(), 1, 0)

        def score(feature: int, left: np.ndarray) -> float:
            inside = p[feature, left].sum(), n[feature, left].sum()
            return split_score(*map(float, (*inside, p[feature].sum(), n[feature].sum())), kind)

        # A line through the origin parts the codes' (p, n) in any way a cut can; near enough between two codes.
        slopes = np.sort((n / p).ravel())
        best = [max(score(f, n[f] > slope * p[f]) for slope in slopes[:: features // 2]) for f in range(features)]
        for _ in range(2):  # the second time the favourites of the first are tried first
            found = search.best(weight, members)
            assert found is not None
            left = (found.subset[np.arange(CODES) >> 5] >> (np.arange(CODES) & 31)) & 1 == 1
            assert score(found.feature, left) >= max(best) * (1 - 1e-6)
            assert np.array_equal(found.left, left[search.codes[found.feature]])


def test_nothing_to_split() -> None:
    patches = np.repeat(np.random.default_rng(0).integers(0, 256, (1, 12, 12), np.uint8), 20, axis=0)
    with ThreadPoolExecutor(1) as executor:
        search = small_search(executor, patches, 10, GENTLE)
        assert search.best(integer_weights(np.ones(20)), np.arange(20, dtype=np.int32)) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    "change", [{}, {"boosting": "discrete"}, {"boosting": "real"}, {"max_depth": 2}, {"weight_trim": 0.95}]
)
def test_finds_new_faces_like_opencv(
    images: list[AnnotatedImage], lbp: TrainingResult, change: dict[str, object], tmp_path: Path
) -> None:
    result = train(images, replace(LBP, **change)) if change else lbp  # type: ignore[arg-type]
    new = draw_images(500, 15)
    detector = Detector([result.cascade])
    roc = evaluate([detector.detect(i.gray)[0] for i in new], [np.array(i.boxes) for i in new])
    assert roc.recall_at(0.3) >= 0.9
    result.cascade.save(tmp_path / "lbp.xml")
    gray, _ = draw_scene(700)
    theirs = oracle(tmp_path / "lbp.xml", gray)
    assert theirs
    assert ours(tmp_path / "lbp.xml", gray) == theirs


@pytest.mark.parametrize("threads", [1, 3])
def test_threads_do_not_matter(images: list[AnnotatedImage], lbp: TrainingResult, threads: int) -> None:
    assert write_cascade(train(images, replace(LBP, threads=threads)).cascade) == write_cascade(lbp.cascade)


def test_seed_matters(images: list[AnnotatedImage], lbp: TrainingResult) -> None:
    assert write_cascade(train(images, replace(LBP, seed=1)).cascade) != write_cascade(lbp.cascade)


def test_resume_gives_the_same_cascade(images: list[AnnotatedImage], lbp: TrainingResult, tmp_path: Path) -> None:
    train(images, replace(LBP, stages=2), checkpoint=tmp_path / "half.npz")  # the last stage ranks: one is kept
    whole = train(images, LBP, checkpoint=tmp_path / "half.npz")
    assert [r.stage for r in whole.stages] == [2, 3]
    assert write_cascade(whole.cascade) == write_cascade(lbp.cascade)


def test_gray_only() -> None:
    with pytest.raises(InvalidParameter, match=r"^planes is 'color', expected gray"):
        TrainingParams(features="lbp", planes="color")
