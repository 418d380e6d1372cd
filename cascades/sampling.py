"""Positives: from boxes to windows of the size that is learned.

A box is squared to the window's shape on its longer side, widened by the margin, moved and scaled a little, perhaps
mirrored, and cut out. Everything random comes from one generator, everything numeric is exact integer or fixed-point
arithmetic, so the same boxes and seed give the same windows on every machine.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from cascades.boxes import AnnotatedImage, Box, RejectedBox
from cascades.errors import TrainingDataError
from cascades.integral import inverse_norms
from cascades.params import PLANES, TrainingParams
from cascades.planes import image_planes

MIN_MAGNIFICATION = 0.5  # a box less than half the window's size would be mostly made up by resizing
MIN_INSIDE = 0.6  # of a box must lie inside the image


@dataclass(frozen=True)
class Crop:
    """One example to cut: a region in whole px (it may reach beyond the image) and whether to mirror it."""

    x: int
    y: int
    w: int
    h: int
    mirror: bool


@dataclass(frozen=True, eq=False)
class Positives:
    """What one pass over the images gives.

    patches     uint8[N, P, H, W]
    face        the typical place of the face in the window, fractions x, y, w, h
    boxes       how many boxes were used; rejected: those that were not
    keys        of all images, in order
    background  whether any image may be used for negatives
    """

    patches: NDArray[np.uint8]
    face: tuple[float, float, float, float]
    boxes: int
    rejected: tuple[RejectedBox, ...]
    keys: tuple[str, ...]
    background: bool


def context_window(box: Box, window: tuple[int, int], margin: float) -> tuple[float, float, float, float]:
    """The region x, y, w, h (px, real numbers) that becomes the window of a box: same centre, the window's shape."""
    factor = max(box.w / window[0], box.h / window[1]) * (1 + margin)
    w, h = window[0] * factor, window[1] * factor
    return box.x + box.w / 2 - w / 2, box.y + box.h / 2 - h / 2, w, h


def refusal(box: Box, size: tuple[int, int], window: tuple[int, int]) -> str | None:
    """Why a box cannot be learned from an image of this size (w, h), or None."""
    if box.w <= 0 or box.h <= 0:
        return f"no area: {box.w}×{box.h} px"
    if max(box.w / window[0], box.h / window[1]) < MIN_MAGNIFICATION:
        return f"tiny: {box.w}×{box.h} px for a window of {window[0]}×{window[1]}"
    inside_w = min(box.x + box.w, size[0]) - max(box.x, 0)
    inside_h = min(box.y + box.h, size[1]) - max(box.y, 0)
    if inside_w <= 0 or inside_h <= 0 or inside_w * inside_h < MIN_INSIDE * box.w * box.h:
        return f"outside: less than {MIN_INSIDE:.0%} of it lies in the {size[0]}×{size[1]} image"
    return None


def collect_positives(images: Sequence[AnnotatedImage], params: TrainingParams) -> Positives:
    """Cut every usable box, then mirrored and jittered copies, until there are as many as asked for."""
    usable: list[tuple[int, Box]] = []
    rejected: list[RejectedBox] = []
    shares = []
    keys: list[str] = []
    background = False
    for index in range(len(images)):
        image = images[index]
        keys.append(image.key)
        background |= image.negatives
        size = (image.gray.shape[1], image.gray.shape[0])
        gray = image.gray[None]
        for box in image.boxes:
            reason = refusal(box, size, params.window)
            if reason is None:
                x, y, w, h = context_window(box, params.window, params.margin)
                plain = cut(gray, Crop(round(x), round(y), max(round(w), 1), max(round(h), 1), False), params.window)
                if inverse_norms(plain)[0] == 0:
                    reason = "flat: contrast too low for the detector to look at it"
                else:
                    usable.append((index, box))
                    shares.append(((box.x - x) / w, (box.y - y) / h, box.w / w, box.h / h))
            if reason is not None:
                rejected.append(RejectedBox(image.key, box, reason))
    if not usable:
        reasons = "; ".join(sorted({r.reason for r in rejected})[:3]) or "the images carry no boxes"
        raise TrainingDataError(f"no box to learn from ({reasons}); check the box table against the images")
    patches = _cut_all(images, usable, params)
    face = np.median(np.array(shares), axis=0)
    return Positives(
        patches,
        (round(float(face[0]), 4), round(float(face[1]), 4), round(float(face[2]), 4), round(float(face[3]), 4)),
        len(usable),
        tuple(rejected),
        tuple(keys),
        background,
    )


def _cut_all(
    images: Sequence[AnnotatedImage], usable: list[tuple[int, Box]], params: TrainingParams
) -> NDArray[np.uint8]:
    """Examples spread evenly over the boxes, grouped by image so that every image is read once."""
    rng = np.random.default_rng([params.seed, 1])
    if len(usable) > params.positives:
        chosen = np.sort(rng.permutation(len(usable))[: params.positives])
        usable = [usable[i] for i in chosen]
    copies = [params.positives // len(usable)] * len(usable)
    for extra in rng.permutation(len(usable))[: params.positives - sum(copies)]:
        copies[extra] += 1
    patches: list[NDArray[np.uint8]] = []
    last = -1
    for (index, box), count in zip(usable, copies, strict=True):
        if index != last:
            image, last = images[index], index
        planes = image_planes(image.gray, image.chroma, PLANES[params.planes], f"image {image.key!r}")
        patches += _copies(planes, box, count, params, rng)
    return np.stack(patches)


def _copies(
    planes: NDArray[np.uint8], box: Box, count: int, params: TrainingParams, rng: np.random.Generator
) -> list[NDArray[np.uint8]]:
    """`count` versions of one box: as it is, mirrored, then moved and scaled ones."""
    x, y, w, h = context_window(box, params.window, params.margin)
    flips = (False, True) if params.mirror else (False,)
    found: list[NDArray[np.uint8]] = []
    while len(found) < count:
        plain = len(found) < len(flips)
        for _ in range(20):  # a jittered copy may be too flat; give up after a while and take the plain one
            ds, dx, dy = (0.0, 0.0, 0.0) if plain else (params.jitter * rng.uniform(-1, 1, 3)).tolist()
            mirror = flips[len(found) % len(flips)]
            sw, sh = w * (1 + ds), h * (1 + ds)
            crop = Crop(
                round(x + dx * w + (w - sw) / 2), round(y + dy * h + (h - sh) / 2),
                max(round(sw), 1), max(round(sh), 1), mirror,
            )  # fmt: skip
            patch = cut(planes, crop, params.window)
            if plain or inverse_norms(patch[:1])[0] != 0:
                break
        if len(planes) > 1 and not plain:
            patch[1:] = recolored(patch[1:], params, rng)
        found.append(patch)
    return found


def recolored(chroma: NDArray[np.uint8], params: TrainingParams, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Color planes uint8[P, h, w] as in another light: stronger or weaker about their neutral 128, and shifted."""
    most = round(params.saturation_jitter * 256)
    strength = int(rng.integers(256 - most, 257 + most))
    shift = rng.integers(-params.color_jitter, params.color_jitter + 1, len(chroma))
    changed = (((chroma.astype(np.int32) - 128) * strength + 128) >> 8) + 128 + shift[:, None, None]
    return np.clip(changed, 0, 255).astype(np.uint8)


def cut(planes: NDArray[np.uint8], crop: Crop, window: tuple[int, int]) -> NDArray[np.uint8]:
    """Cut a region and bring it to the window's size: uint8[P, H, W] image → uint8[P, h, w] patch.

    Beyond the image its edge is repeated. Resizing is the detector's (fixed-point bilinear), so that an example looks
    the way the detector will see it.
    """
    _, height, width = planes.shape
    x0, y0 = max(crop.x, 0), max(crop.y, 0)
    x1, y1 = min(crop.x + crop.w, width), min(crop.y + crop.h, height)
    pad = ((y0 - crop.y, crop.y + crop.h - y1), (x0 - crop.x, crop.x + crop.w - x1))
    regions = [np.pad(plane[y0:y1, x0:x1], pad, mode="edge") for plane in planes]
    patch = np.stack(
        [np.asarray(cv2.resize(r, window, interpolation=cv2.INTER_LINEAR_EXACT), np.uint8) for r in regions]
    )
    return np.ascontiguousarray(patch[:, :, ::-1]) if crop.mirror else patch
