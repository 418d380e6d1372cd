"""What a network looks at: Grad-CAM on faces, and pictures that excite its filters.

Sources: Selvaraju et al., "Grad-CAM", ICCV 2017; Erhan et al., "Visualizing Higher-Layer Features of a Deep Network",
2009 (the 2017 study shows its filters in this way, with keras-vis).
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from pipeline.classifier.inputs import Normalisation
from pipeline.classifier.model import Classifier
from pipeline.images import Pixels, shrink

LEAST_SIDE: Final = 3
"""px of a map of features that still says where."""
STEPS: Final = 40
RATE: Final = 0.3


def grad_cam(classifier: Classifier, images: NDArray[np.uint8], classes: NDArray[np.int64]) -> NDArray[np.float32]:
    """Where the evidence for a class lies: float32 [N, size, size] in 0 to 1, of pictures as the network reads them.

    classes: which emotion of each picture is asked about, int64 [N]. A map of zeros: nothing speaks for it.
    """
    net = classifier.net.eval()
    layer = last_map(classifier)
    maps: list[torch.Tensor] = []
    with _outputs(layer, maps), torch.enable_grad():
        logits = net(_normalised(classifier, images).requires_grad_())
        score = logits[torch.arange(len(images)), torch.from_numpy(classes)].sum()
        (slopes,) = torch.autograd.grad(score, maps[0])
    weighted = (slopes.mean(dim=(2, 3), keepdim=True) * maps[0]).sum(dim=1).clamp(min=0).detach()
    highest = weighted.amax(dim=(1, 2), keepdim=True)
    weighted = weighted / torch.where(highest > 0, highest, torch.ones(()))
    side, seen = classifier.about.size, seen_by(classifier)
    across = seen.stop - seen.start
    found = np.zeros((len(images), side, side), dtype=np.float32)
    for row, one in enumerate(weighted.numpy()):
        found[row, seen, seen] = cv2.resize(one, (across, across), interpolation=cv2.INTER_LINEAR)
    return found


def seen_by(classifier: Classifier) -> slice:
    """The rows and columns of a picture that the network looks at: of all, in most networks."""
    seen: slice = getattr(classifier.net, "seen", slice(0, classifier.about.size))
    return seen


def overlay(picture: Pixels, heat: NDArray[np.float32]) -> Pixels:
    """A face, RGB uint8 [H, W, 3], darkened where `heat` [S, S] is low and red where it is high; same size."""
    height, width = picture.shape[:2]
    share = cv2.resize(heat, (width, height), interpolation=cv2.INTER_LINEAR)[..., None]
    red = np.array([255.0, 40.0, 0.0], dtype=np.float32)
    mixed = picture * (0.45 + 0.55 * share) * (1 - 0.45 * share) + red * 0.45 * share
    return np.asarray(np.clip(mixed, 0, 255), dtype=np.uint8)


def last_map(classifier: Classifier) -> nn.Module:
    """The last layer to run whose output still has places: at least `LEAST_SIDE` px on a side."""
    run: list[nn.Module] = []

    def note(layer: nn.Module, _: Any, output: Any) -> None:
        if torch.is_tensor(output) and output.ndim == 4 and min(output.shape[2:]) >= LEAST_SIDE:
            run.append(layer)

    hooks = [layer.register_forward_hook(note) for layer in classifier.net.modules()]
    try:
        with torch.inference_mode():
            side, channels = classifier.about.size, classifier.about.channels
            classifier.net.eval()(torch.zeros(1, channels, side, side))
    finally:
        for hook in hooks:
            hook.remove()
    return run[-1]


def convolutions(net: nn.Module) -> dict[str, nn.Conv2d]:
    """The convolutions of a network that look at more than one pixel, by name, in their order."""
    found = {name: layer for name, layer in net.named_modules() if isinstance(layer, nn.Conv2d)}
    return {name: layer for name, layer in found.items() if layer.kernel_size != (1, 1)}


def activation_maximisation(classifier: Classifier, layer: nn.Conv2d, filters: int, seed: int = 0) -> list[Pixels]:
    """For each of a layer's first filters the picture that excites it most, RGB uint8 [S, S, 3], S the side it sees.

    Gradient ascent on the mean activation of the filter from weak noise around the mean picture; contrast is stretched.
    """
    net, about = classifier.net.eval(), classifier.about
    count = min(filters, layer.out_channels)
    dice = torch.Generator().manual_seed(seed)
    side = seen_by(classifier).stop - seen_by(classifier).start
    pictures = torch.randn(count, about.channels, side, side, generator=dice) * 0.1
    outputs: list[torch.Tensor] = []
    with _outputs(layer, outputs), torch.enable_grad():
        for _ in range(STEPS):
            outputs.clear()
            pictures.requires_grad_()
            net(pictures)
            score = outputs[0][torch.arange(count), torch.arange(count)].mean(dim=(1, 2)).sum()
            (slope,) = torch.autograd.grad(score, pictures)
            size = slope.square().mean(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)
            # A little decay keeps pictures from running away along directions that only scale them.
            pictures = (0.98 * pictures + RATE * slope / size).detach()
    return [_shown(picture) for picture in pictures.permute(0, 2, 3, 1).numpy()]


def enlarged(picture: Pixels, side: int) -> Pixels:
    """A small picture as `side` px, its pixels kept visible."""
    if picture.shape[0] >= side:
        return shrink(picture, side, side)
    return np.asarray(cv2.resize(picture, (side, side), interpolation=cv2.INTER_NEAREST), dtype=np.uint8)


def _shown(picture: NDArray[np.float32]) -> Pixels:
    """Values of any spread as colors: mean gray, a standard deviation of 48 levels."""
    spread = max(1e-6, float(picture.std()))
    levels = np.clip((picture - picture.mean()) / spread * 48 + 128, 0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(levels, (*levels.shape[:2], 3)))


def _normalised(classifier: Classifier, images: NDArray[np.uint8]) -> torch.Tensor:
    return Normalisation(classifier.about.mean, classifier.about.std)(torch.from_numpy(images))


@contextmanager
def _outputs(layer: nn.Module, kept: list[torch.Tensor]) -> Iterator[None]:
    """Inside: what `layer` puts out is added to `kept`."""
    hook = layer.register_forward_hook(lambda _layer, _input, output: kept.append(output))
    try:
        yield
    finally:
        hook.remove()
