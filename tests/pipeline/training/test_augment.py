"""Variations of pictures as batched tensors: against numpy and OpenCV, one picture at a time."""

from dataclasses import replace

import cv2
import numpy as np
import pytest
import torch

from pipeline.training.augment import VARIATIONS, Variation, beta, mix, vary


def dice(seed=0):
    return torch.Generator().manual_seed(seed)


def pictures(n=6, channels=3, size=24, seed=1):
    return torch.randn(n, channels, size, size, generator=dice(seed)).contiguous(memory_format=torch.channels_last)


@pytest.mark.parametrize("name", [name for name, how in VARIATIONS.items() if how])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_same_draws_give_the_same_pictures_and_other_draws_others(name, channels):
    x = pictures(channels=channels)
    first = vary(x, VARIATIONS[name], dice())
    assert first.shape == x.shape
    assert torch.equal(first, vary(x, VARIATIONS[name], dice()))
    assert not torch.equal(first, vary(x, VARIATIONS[name], dice(1)))


def test_flips_mirror_about_half_of_the_pictures_and_leave_the_others():
    x = pictures(n=200, size=8)
    y = vary(x, VARIATIONS["flip"], dice())
    mirrored = [torch.equal(y[i], x[i].flip(2)) for i in range(200)]
    assert all(m or torch.equal(y[i], x[i]) for i, m in enumerate(mirrored))
    assert 70 < sum(mirrored) < 130


def test_turning_and_zooming_is_what_opencv_does_with_the_same_matrix():
    x = pictures(n=4, channels=1, size=31)
    how = Variation(rotation=30, zoom=0.2, shift=0.1, shear=0.2, stretch=True, flip=False)
    y = vary(x, how, dice(3))
    d = (torch.rand(14, 4, generator=dice(3)) * 2 - 1).double().numpy()
    for i in range(4):
        angle = np.deg2rad(30 * d[1, i])
        turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        sheared = np.array([[1, 0.2 * d[4, i]], [0, 1]])
        zoomed = np.diag([1 + 0.2 * d[2, i], 1 + 0.2 * d[3, i]])
        inverse = turn @ sheared @ zoomed  # new place → old place, about the centre
        shift = 2 * 0.1 * d[5:7, i] * 15.5  # px
        centre = np.array([15.0, 15.0])
        matrix = np.column_stack([inverse, centre + shift - inverse @ centre])
        options = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        expected = cv2.warpAffine(x[i, 0].numpy(), matrix, (31, 31), flags=options, borderMode=cv2.BORDER_REPLICATE)
        # OpenCV rounds places to 1/32 px.
        np.testing.assert_allclose(y[i, 0].numpy(), expected, atol=0.25)


def test_colors_vary_within_their_bounds_and_shapes_stay():
    x = pictures(n=50)
    how = Variation(flip=False, brightness=0.5, contrast=0.2)
    y = vary(x, how, dice())
    spread = (y.flatten(1).std(1) / x.flatten(1).std(1)).numpy()
    moved = (y.mean(dim=(1, 2, 3)) - x.mean(dim=(1, 2, 3))).numpy()
    assert 0.79 < spread.min() < 0.9 < 1.1 < spread.max() < 1.21
    assert -0.51 < moved.min() < -0.3 < 0.3 < moved.max() < 0.51
    correlation = np.corrcoef(x[7].flatten().numpy(), y[7].flatten().numpy())[0, 1]
    assert correlation == pytest.approx(1, abs=1e-5)


def test_gray_stays_gray_whatever_the_saturation():
    gray = pictures(channels=1).expand(-1, 3, -1, -1)
    assert torch.allclose(vary(gray, Variation(flip=False, saturation=0.9), dice()), gray)


def test_a_quarter_of_the_pictures_lose_a_square_anywhere():
    x = torch.ones(4000, 3, 16, 16)
    y = vary(x, Variation(flip=False, erased=0.25), dice())
    lost = (y == 0).all(dim=1)
    hit = lost.any(dim=2).any(dim=1)
    assert 900 < int(hit.sum()) < 1100
    wide, high = lost.any(dim=1).sum(dim=1)[hit], lost.any(dim=2).sum(dim=1)[hit]
    assert torch.equal(lost.sum(dim=(1, 2))[hit], wide * high)  # one rectangle, without holes
    inside = (~lost[hit][:, 0].any(dim=1)) & (~lost[hit][:, -1].any(dim=1))
    assert int(high[inside].min()) >= 7  # half the side at least; less where it hangs over the edge
    assert int(high.min()) < 7
    middle = lost[hit].float().mean(dim=0)
    assert middle[8, 8] > 1.4 * middle[0, 0] > 0


def test_mixed_pictures_carry_the_shares_of_their_labels():
    x, labels = pictures(n=8), torch.eye(8)
    y, shares = mix(x, labels, 0.5, dice())
    assert torch.allclose(shares.sum(dim=1), torch.ones(8))
    assert torch.allclose(y, torch.einsum("ij,jchw->ichw", shares, x), atol=1e-6)


@pytest.mark.parametrize("parameter", [0.2, 1.0, 3.0])
def test_beta_has_the_mean_and_variance_of_its_distribution(parameter):
    one = dice()
    draws = np.array([beta(parameter, one) for _ in range(3000)])
    assert draws.mean() == pytest.approx(0.5, abs=0.03)
    assert draws.var() == pytest.approx(1 / (4 * (2 * parameter + 1)), rel=0.1)


@pytest.mark.parametrize("name", ["none", "flip", "affine", "strong"])
def test_the_part_that_is_seen_is_cut_out_of_the_whole_varied_picture(name):
    x, seen = pictures(size=30), slice(4, 26)
    how = Variation(flip=False) if name == "none" else replace(VARIATIONS[name], contrast=0, brightness=0, erased=0)
    whole = vary(x, how, dice(5))
    part = vary(x, how, dice(5), seen)
    assert part.shape == (6, 3, 22, 22)
    torch.testing.assert_close(part, whole[..., seen, seen])
