"""What a network knows of a face just before it decides: the numbers that go into its last dense layer.

Faces with a like expression have like features, also where no word that people label with fits them.
"""

import hashlib
from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.classifier.inputs import InputShape, Normalisation, face_input
from pipeline.classifier.model import BATCH, Classifier
from pipeline.errors import InputError
from pipeline.images import Pixels
from pipeline.nets.layers import probabilities


class Extractor(Protocol):
    """A network that features are taken from."""

    @property
    def shape(self) -> InputShape:
        """What it reads."""
        ...

    @property
    def width(self) -> int:
        """Features of a face."""
        ...

    def key(self) -> str:
        """A hash of all that decides what its features are."""
        ...

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """float32 [N, width] of pictures that have its size: uint8 [N, size, size, channels]."""
        ...


class OwnFeatures:
    """The features of the project's classifier. Raises InputError where its network has no dense layer at the end."""

    def __init__(self, classifier: Classifier) -> None:
        self._classifier = classifier
        self.shape = classifier.about.input
        self._layer = last_dense(classifier)
        self.width = self._layer.in_features

    def key(self) -> str:
        """A hash of the classifier's description and weights."""
        known = hashlib.sha256(self._classifier.about.model_dump_json().encode())
        for name, tensor in sorted(self._classifier.net.state_dict().items()):
            known.update(name.encode() + tensor.numpy().tobytes())
        return known.hexdigest()

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `Extractor`."""
        about, net = self._classifier.about, self._classifier.net.eval()
        normalise = Normalisation(about.mean, about.std)
        found: list[NDArray[np.float32]] = [np.zeros((0, self.width), dtype=np.float32)]

        def keep(_layer: nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
            found.append(inputs[0].numpy().astype(np.float32))

        hook = self._layer.register_forward_pre_hook(keep)
        try:
            with torch.inference_mode():
                for start in range(0, len(images), BATCH):
                    net(normalise(torch.from_numpy(images[start : start + BATCH])))
        finally:
            hook.remove()
        return np.concatenate(found)

    def answers(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """What the classifier answers to faces with these features: probabilities, float32 [N, emotions]."""
        net = self._classifier.net.eval()
        with torch.inference_mode():
            logits = self._layer(torch.from_numpy(features))
            found: NDArray[np.float32] = probabilities(net, logits / self._classifier.about.temperature).numpy()
        return found


def last_dense(classifier: Classifier) -> nn.Linear:
    """The dense layer whose outputs are the logits. Raises InputError where the network ends in something else."""
    run: list[tuple[nn.Linear, torch.Tensor]] = []

    def note(layer: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        if isinstance(layer, nn.Linear):
            run.append((layer, output))

    hooks = [layer.register_forward_hook(note) for layer in classifier.net.modules()]
    about = classifier.about
    try:
        with torch.inference_mode():
            logits = classifier.net.eval()(torch.zeros(1, about.channels, about.size, about.size))
    finally:
        for hook in hooks:
            hook.remove()
    if not run or not torch.equal(run[-1][1], logits):
        raise InputError(f"the network {about.net} does not end in a dense layer, so it has no features to compare")
    return run[-1][0]


def features_of(extractor: Extractor, faces: Sequence[Pixels], margin: float) -> NDArray[np.float32]:
    """Features, float32 [N, D], of face crops, RGB uint8 [H, W, 3] of any sizes, with `margin` around the face."""
    shape = extractor.shape
    images = np.zeros((len(faces), shape.size, shape.size, shape.channels), dtype=np.uint8)
    for row, face in enumerate(faces):
        images[row] = face_input(face, margin, shape)
    return extractor.features(images)
