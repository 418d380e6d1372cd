"""Random variations of pictures, for a whole batch of tensors at once."""

import math
from dataclasses import dataclass
from typing import Final

import torch
from torch.nn import functional

from pipeline.nets.layers import part_seen


@dataclass(frozen=True)
class Variation:
    """How far each picture may be moved; every value is drawn evenly from ± the one given."""

    rotation: float = 0.0
    """Degrees."""
    shift: float = 0.0
    """Share of the side, along each axis."""
    shear: float = 0.0
    """Tangent of the angle."""
    zoom: float = 0.0
    """Share of the size."""
    stretch: bool = False
    """Whether width and height are zoomed each by a draw of its own."""
    flip: bool = True
    """Half of the pictures are mirrored left to right."""
    brightness: float = 0.0
    """Standard deviations of the training pictures' gray levels."""
    contrast: float = 0.0
    """Share by which differences from the picture's mean grow or shrink."""
    saturation: float = 0.0
    """Share by which differences from gray grow or shrink; of color pictures."""
    erased: float = 0.0
    """Share of pictures in which a square of half the side to the whole, which may hang over the edge, is made gray."""


VARIATIONS: Final = {
    "none": None,
    "flip": Variation(),
    "affine": Variation(rotation=20, shift=0.2, shear=0.2, zoom=0.2, stretch=True),
    "strong": Variation(
        rotation=8, shift=0.04, shear=0.06, zoom=0.1, brightness=0.3, contrast=0.3, saturation=0.4, erased=0.25
    ),
}
"""By the names of `train.augment`. "affine" is ho2023's."""


def vary(images: torch.Tensor, how: Variation, dice: torch.Generator, seen: slice | None = None) -> torch.Tensor:
    """Normalised pictures, float32 [N, C, S, S], each varied on its own; the same draws give the same pictures.

    dice: a generator of the CPU, whatever the device of `images`. seen: the rows and columns that are wanted of the
    result; what lies around them is moved in from outside.
    """
    n = len(images)
    draws = torch.rand(14, n, generator=dice).to(images.device) * 2 - 1
    flips = torch.where(draws[0] < 0, -1.0, 1.0) if how.flip else torch.ones(n, device=images.device)
    if how.rotation or how.shift or how.shear or how.zoom:
        images = _moved(images, how, draws, flips, seen)
    elif how.flip:
        images = part_seen(torch.where((flips < 0).view(-1, 1, 1, 1), images.flip(3), images), seen)
    else:
        images = part_seen(images, seen)
    if how.saturation and images.shape[1] == 3:
        gray = images.mean(dim=1, keepdim=True)
        images = gray + (images - gray) * (1 + how.saturation * draws[7]).view(-1, 1, 1, 1)
    if how.contrast or how.brightness:
        mean = images.mean(dim=(1, 2, 3), keepdim=True)
        scale, offset = 1 + how.contrast * draws[8], how.brightness * draws[9]
        images = mean + (images - mean) * scale.view(-1, 1, 1, 1) + offset.view(-1, 1, 1, 1)
    if how.erased:
        images = _erased(images, how.erased, (draws[10:14] + 1) / 2)
    return images


def _moved(
    images: torch.Tensor, how: Variation, draws: torch.Tensor, flips: torch.Tensor, seen: slice | None
) -> torch.Tensor:
    """Turned, sheared, zoomed, shifted and mirrored in one bilinear resampling; edges are continued."""
    angle = draws[1] * (how.rotation * math.pi / 180)
    zoom_x = 1 + how.zoom * draws[2]
    zoom_y = 1 + how.zoom * draws[3] if how.stretch else zoom_x
    shear = how.shear * draws[4]
    cos, sin = angle.cos(), angle.sin()
    # Middles of pixels, the picture reaching from -1 to 1.
    places = (2 * torch.arange(images.shape[3], device=images.device) + 1) / images.shape[3] - 1
    across = places if seen is None else places[seen]
    down = across.view(-1, 1)
    # From a place in the new picture to one in the old: rotation · shear, columns scaled.
    old_x, old_y = (
        (x.view(-1, 1, 1) * across + (y.view(-1, 1, 1) * down + 2 * how.shift * moved.view(-1, 1, 1)))
        for x, y, moved in (
            (cos * zoom_x * flips, (cos * shear - sin) * zoom_y, draws[5]),
            (sin * zoom_x * flips, (sin * shear + cos) * zoom_y, draws[6]),
        )
    )
    grid = torch.stack([old_x, old_y], dim=3)
    return functional.grid_sample(images, grid, padding_mode="border", align_corners=False)


def _erased(images: torch.Tensor, share: float, draws: torch.Tensor) -> torch.Tensor:
    """A square of some pictures set to 0, the mean of all (DeVries & Taylor 2017). draws: float32 [4, N] in 0 to 1.

    Its middle lies anywhere in the picture, so that it may hang over the edge, as in the source.
    """
    size = images.shape[3]
    side = size * (1 + draws[3]) / 2
    middles = (torch.arange(size, device=images.device) + 0.5) - size * draws[1:3, :, None]
    columns, rows = (middles.abs() * 2 < side[:, None]).unbind()
    hit = (draws[0] < share)[:, None, None] & rows[:, :, None] & columns[:, None, :]
    return images.masked_fill(hit[:, None], 0.0)


def mix(
    images: torch.Tensor, targets: torch.Tensor, parameter: float, dice: torch.Generator
) -> tuple[torch.Tensor, torch.Tensor]:
    """Each picture mixed with another of the batch, targets (float32 [N, K]) too (Zhang et al., ICLR 2018)."""
    share = beta(parameter, dice)
    other = torch.randperm(len(images), generator=dice).to(images.device)
    return share * images + (1 - share) * images[other], share * targets + (1 - share) * targets[other]


def beta(parameter: float, dice: torch.Generator) -> float:
    """A draw from Beta(parameter, parameter), by Jöhnk's method (1964)."""
    while True:
        x, y = (torch.rand(2, generator=dice, dtype=torch.float64) ** (1 / parameter)).tolist()
        if 0 < x + y <= 1:
            return float(x / (x + y))
