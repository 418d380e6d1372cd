"""Masks before emotion: GrabCut finds a drawn face, and a network with a mask starts as the one without."""

import cv2
import numpy as np
import torch
from safetensors.torch import load_file

from benchmarks.masks import MOVES, STRONG, MaskedToon, cut_out, removed
from pipeline.nets.toon import MARGIN, Toon
from pipeline.training.augment import vary
from pipeline.training.start import KNOWN, WEIGHTS, put


def drawn(size=92):
    """A blue face of two thirds of the crop on green, and where it is."""
    rgb = np.full((size, size, 3), (60, 160, 60), np.uint8)
    truth = np.zeros((size, size), np.uint8)
    cv2.ellipse(truth, (46, 46), (30, 27), 0, 0, 360, 1, -1)
    rgb[truth > 0] = (70, 90, 200)
    rgb[truth > 0] += np.random.default_rng(0).integers(0, 20, (int(truth.sum()), 3), dtype=np.uint8)
    return rgb, truth > 0


def test_a_face_that_differs_from_its_background_is_cut_out_the_same_each_time():
    rgb, truth = drawn()
    mask = cut_out(rgb, MARGIN)
    assert (mask & truth).sum() / (mask | truth).sum() > 0.95
    assert np.array_equal(mask, cut_out(rgb, MARGIN))
    alone = removed(rgb, mask)
    assert np.array_equal(alone[mask], rgb[mask])
    assert (alone[~mask] == np.rint(rgb[mask].mean(axis=0))).all()


def test_a_fourth_channel_changes_nothing_before_it_is_learned():
    torch.manual_seed(0)
    plain, other = Toon(len(KNOWN)).eval(), Toon(len(KNOWN)).eval()
    for net in (plain, other):
        put(net, KNOWN, load_file(WEIGHTS))
    images, masks = torch.randn(3, 3, 92, 92), torch.randn(3, 1, 92, 92)
    found = MaskedToon(other)(torch.cat([images, masks], dim=1))
    torch.testing.assert_close(found, plain(images))


def test_a_mask_is_moved_and_erased_as_its_picture_is():
    images = torch.rand(8, 1, 92, 92).repeat(1, 3, 1, 1)
    plain = type(STRONG)(**{**vars(STRONG), "brightness": 0.0, "contrast": 0.0})  # gray pictures have no saturation
    pictures = vary(images, plain, torch.Generator().manual_seed(3))
    masks = vary(images, MOVES, torch.Generator().manual_seed(3))
    torch.testing.assert_close(masks, pictures)
