"""Grad-CAM and filters, where the answer is known."""

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.classifier.explain import activation_maximisation, convolutions, grad_cam, last_map, overlay
from pipeline.classifier.model import Classifier, Crops, Description
from pipeline.compute.arithmetic import reproducible
from pipeline.nets import ARCHITECTURES, build
from pipeline.params import Faces


def classifier(name, net=None):
    shape = ARCHITECTURES[name]
    torch.manual_seed(0)
    about = Description(
        net=name, arguments={}, emotions=("happy", "sad"), size=shape.size, channels=shape.channels,
        margin=0.25, crops=Crops.of(Faces(), 0.25), mean=(120.0,) * shape.channels,
        std=(60.0,) * shape.channels, params={}, seed=0, epoch=1, images={}, threads=1, torch="", instructions="",
    )  # fmt: skip
    return Classifier(net or build(name, 2, {}), about)


@pytest.mark.parametrize(
    ("name", "side"), [("hill2017", 10), ("ho2023", 10), ("toon", 6), ("vanilla", 6), ("dikshit2022", 7)]
)
def test_the_last_layer_with_places(name, side):
    known = classifier(name)
    sides = []
    hook = last_map(known).register_forward_hook(lambda _layer, _input, output: sides.append(output.shape[-1]))
    shape = ARCHITECTURES[name]
    known.net(torch.zeros(1, shape.channels, shape.size, shape.size))
    hook.remove()
    assert sides == [side]


class Red(nn.Module):
    """Says "happy" where there is red, "sad" where there is blue: one convolution that copies both, then the mean."""

    def __init__(self):
        super().__init__()
        self.copy = nn.Conv2d(3, 2, 1, bias=False)
        with torch.no_grad():
            self.copy.weight.copy_(torch.tensor([[1.0, 0, 0], [0, 0, 1.0]])[..., None, None])

    def forward(self, x):
        return self.copy(x).mean(dim=(2, 3))


def test_grad_cam_finds_the_place_that_speaks_for_each_class():
    known = classifier("vanilla", Red())
    picture = np.full((1, 48, 48, 3), 120, dtype=np.uint8)
    picture[0, 5:15, 5:15] = (250, 120, 120)
    picture[0, 30:40, 30:40] = (120, 120, 250)
    both = np.repeat(picture, 2, axis=0)
    heat = grad_cam(known, both, np.array([0, 1]))
    assert heat.shape == (2, 48, 48)
    assert heat.max() == pytest.approx(1)
    expected = np.zeros((2, 48, 48), dtype=bool)
    expected[0, 5:15, 5:15] = True
    expected[1, 30:40, 30:40] = True
    np.testing.assert_array_equal(heat > 0.5, expected)


def test_grad_cam_has_no_heat_where_the_network_does_not_look():
    known = classifier("toon")
    pictures = np.random.default_rng(0).integers(0, 256, (4, known.about.size, known.about.size, 3), dtype=np.uint8)
    heat = grad_cam(known, pictures, np.array([0, 1, 0, 1]))
    seen = known.net.seen
    assert heat[:, seen, seen].max() > 0.9
    heat[:, seen, seen] = 0
    assert not heat.any()


def test_nothing_that_speaks_for_a_class_is_no_heat():
    known = classifier("vanilla", Red())
    dark = np.zeros((1, 48, 48, 3), dtype=np.uint8)
    assert not grad_cam(known, dark, np.array([0])).any()
    face = np.full((90, 90, 3), 200, dtype=np.uint8)
    assert (overlay(face, np.zeros((48, 48), np.float32)) < face).all()
    bright = overlay(face, np.ones((48, 48), np.float32))
    assert bright[..., 0].mean() > bright[..., 2].mean() + 50


def test_a_filter_is_excited_more_by_its_own_picture_than_by_the_others():
    known = classifier("toon")
    layer = known.net.features[3].conv1
    with reproducible(0, 1):
        pictures = activation_maximisation(known, layer, filters=4)
    assert [one.shape for one in pictures] == [(48, 48, 3)] * 4
    outputs = []
    hook = layer.register_forward_hook(lambda _layer, _input, output: outputs.append(output))
    x = torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float()
    known.net((x - 128) / 48)
    hook.remove()
    means = outputs[0][:, :4].mean(dim=(2, 3))
    assert means.argmax(dim=0).tolist() == [0, 1, 2, 3]


def test_twice_the_same_pictures(monkeypatch):
    monkeypatch.setattr("pipeline.classifier.explain.STEPS", 2)
    known = classifier("toon")
    first, again = (activation_maximisation(known, known.net.features[0], filters=3) for _ in range(2))
    assert all(np.array_equal(a, b) for a, b in zip(first, again, strict=True))


def test_convolutions_are_named_in_order_without_those_of_one_pixel():
    names = list(convolutions(build("toon", 2, {})))
    assert names[0] == "features.0"
    assert len(names) == 7
    assert list(convolutions(build("hill2017", 2, {}))) == ["features.0", "features.3", "features.6"]
