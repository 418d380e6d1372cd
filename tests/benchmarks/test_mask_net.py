"""The U-Net's masks: the drawn show's exact ones lie where the truth says, and the network learns to find a face."""

import numpy as np
import pytest
import torch
from safetensors.torch import save

from benchmarks.mask_net import Matte, UNet, disc, face_masks, learn, read_net
from benchmarks.masks import WIDE, reframed
from pipeline.compute.arithmetic import reproducible
from pipeline.nets.toon import MARGIN, SIZE
from pipeline.sample.truth import episode_truth


def test_the_exact_mask_of_a_face_fills_its_box_and_nothing_far_from_it():
    face = episode_truth("fair").faces.query("annotatable").iloc[0]
    mask = Matte("fair").mask(face.frame, face.character)
    box = mask[face.y : face.y + face.h, face.x : face.x + face.w]
    assert mask.shape == (360, 640)
    assert 0.6 < box.mean() <= 1
    rows, columns = np.nonzero(mask)
    assert columns.min() > face.x - face.w
    assert columns.max() < face.x + 2 * face.w
    assert rows.min() > face.y - 1.5 * face.h


@pytest.mark.slow
def test_a_network_learns_to_find_a_disc_and_its_file_gives_the_same_masks(tmp_path, monkeypatch):
    monkeypatch.setattr("benchmarks.mask_net.EPOCHS", 5)
    monkeypatch.setattr("benchmarks.mask_net.BATCH", 4)
    monkeypatch.setattr("benchmarks.mask_net.RATE", 0.02)
    dice = np.random.default_rng(0)
    truth = disc(SIZE, MARGIN, 0.9)
    pictures = np.where(truth[..., None], [90, 90, 220], [60, 160, 60]) + dice.integers(0, 20, (32, SIZE, SIZE, 3))
    pictures = pictures.astype(np.uint8)
    with reproducible(0, threads=1):  # two threads of several test processes wait for each other
        net = learn(pictures, np.repeat(truth[None], len(pictures), axis=0), 0)
    found = face_masks(net, pictures[:4])
    assert ((found & truth).sum() / (found | truth).sum()) > 0.9
    path = tmp_path / "net.safetensors"
    path.write_bytes(save(net.state_dict()))
    again, _ = read_net(path)
    assert np.array_equal(face_masks(again, pictures[:4]), found)


def test_a_picture_without_a_face_keeps_all_of_it():
    net = UNet()
    torch.nn.init.zeros_(net.head.weight)
    torch.nn.init.constant_(net.head.bias, -1)
    assert face_masks(net, np.zeros((1, SIZE, SIZE, 3), np.uint8)).all()


def test_the_mask_of_a_wider_crop_is_the_same_face_smaller():
    wide = reframed(disc(SIZE, MARGIN, 1.0), WIDE)
    assert (wide == disc(SIZE, WIDE, 1.0)).mean() > 0.98
