"""A trained emotion classifier: the folder it is kept in, and what it says about a face.

`model.safetensors` holds the weights, `model.json` everything else that is needed to use them and to know where they
come from. Neither holds a time or a path: the same training gives the same bytes.
"""

import hashlib
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import nn

from pipeline import paths
from pipeline.classifier.calibration import EVEN
from pipeline.classifier.inputs import InputShape, Normalisation, face_input
from pipeline.errors import InputError
from pipeline.images import Pixels
from pipeline.nets import architecture, build
from pipeline.nets.layers import probabilities
from pipeline.params import Faces
from pipeline.tables import replacing, write_json

WEIGHTS: Final = "model.safetensors"
DESCRIPTION: Final = "model.json"
BATCH: Final = 32
"""Pictures per forward pass: bounds memory (256 need 100 MB more and no less time)."""


class Crops(BaseModel):
    """How the faces that a classifier learned from were found and cut; faces in other pictures are, too."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    margin: float = Field(ge=0, le=2)
    """Context on each side, as a share of the longer side of the face's box; the commonest, where it varied."""
    size: int = Field(ge=2)
    """Side of the largest crop, px; smaller ones are not enlarged."""
    max_height: int = Field(ge=1)
    """Height in which pictures are searched, px; larger ones are shrunk to it."""
    min_size: int = Field(ge=1)
    """Side of the smallest face looked for, px of the picture."""
    scale_factor: float = Field(gt=1)
    """Ratio of the sizes of face that are looked for."""

    @classmethod
    def of(cls, faces: Faces, margin: float) -> "Crops":
        """Of the section `faces` of params.yaml; margin: of the crops themselves, which may come from elsewhere."""
        return cls(
            margin=margin,
            size=faces.crop_size,
            max_height=faces.max_height,
            min_size=faces.min_size,
            scale_factor=faces.scale_factor,
        )

    def in_place_of(self, faces: Faces) -> Faces:
        """The section `faces` of a project, with faces found and cut as here."""
        return faces.model_copy(
            update={
                "crop_margin": self.margin,
                "crop_size": self.size,
                "max_height": self.max_height,
                "min_size": self.min_size,
                "scale_factor": self.scale_factor,
            }
        )


BEFORE_FORMAT_2: Final = Crops(margin=0.25, size=128, max_height=360, min_size=32, scale_factor=1.1)
"""What a model of format 1, which does not say, is taken to have learned from: the defaults of its time."""
SEEN_BEFORE_FORMAT_3: Final = 40
"""px of its input that a `toon` of format 1 or 2 looks at: it had no option `seen`."""


class Description(BaseModel):
    """`model.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    format: int = Field(default=3, ge=3, le=3)
    net: str
    arguments: dict[str, Any]
    """What the network was made with, besides the number of classes."""
    emotions: tuple[str, ...] = Field(min_length=2)
    """The classes, in the order of the outputs."""
    size: int
    """Side of the input, px."""
    channels: int
    """3: RGB; 1: gray."""
    margin: float = Field(ge=0, le=2)
    """Context around the face's box in the input, as a share of its longer side."""
    crops: Crops
    mean: tuple[float, ...]
    std: tuple[float, ...]
    """Of the training pictures, per channel, in gray levels."""
    temperature: float = Field(default=1.0, gt=0)
    """The temperature that logits are divided by, fitted on validation scenes."""
    unsure_below: float = Field(default=EVEN, ge=0, le=1)
    """The probability below which an answer should not be believed, chosen on validation scenes."""
    params: dict[str, Any]
    """The section `train` of params.yaml, its nulls filled in; of an imported network, its package and files."""
    seed: int
    epoch: int
    """The epoch (from 1) whose weights these are."""
    images: dict[str, int]
    """Training faces per emotion; empty where they are not known."""
    threads: int
    """With how many it was trained."""
    torch: str
    instructions: str
    """The instruction set torch trained with."""

    @model_validator(mode="after")
    def _agrees_with_the_network(self) -> "Description":
        net = architecture(self.net)
        if (self.size, self.channels) != (net.size, net.channels):
            raise ValueError(
                f"{self.net} reads {net.size} px and {net.channels} channels, not {self.size}, {self.channels}"
            )
        if not len(self.mean) == len(self.std) == self.channels:
            raise ValueError(f"mean and std should have {self.channels} values each")
        return self

    @property
    def input(self) -> InputShape:
        """What the network reads."""
        return InputShape(self.size, self.channels, self.margin)


@dataclass(frozen=True)
class Classifier:
    """A network with trained weights and its description."""

    net: nn.Module
    about: Description

    @property
    def emotions(self) -> tuple[str, ...]:
        """The classes, in the order of the columns of `predict`."""
        return self.about.emotions

    def predict(self, faces: Sequence[Pixels], margin: float | None = None) -> NDArray[np.float32]:
        """Probabilities, float32 [N, emotions], of face crops: RGB, uint8 [H, W, 3], any sizes.

        margin: how much context the crops show on each side of the face, as a share of the longer side of its box. 0:
        they are cut close, all face. None: as much as the crops that the classifier learned from.
        """
        margin = self.about.crops.margin if margin is None else margin
        for face in faces:
            if face.dtype != np.uint8 or face.ndim != 3 or face.shape[2] != 3 or not face.size:
                raise ValueError(f"a face should be RGB, uint8 [H, W, 3]; found {face.dtype} {list(face.shape)}")
        images = np.zeros((len(faces), self.about.size, self.about.size, self.about.channels), dtype=np.uint8)
        for row, face in enumerate(faces):
            images[row] = face_input(face, margin, self.about.input)
        return self.predict_fitted(images)

    def predict_fitted(self, images: NDArray[np.uint8]) -> NDArray[np.float32]:
        """`predict` of pictures that already have the network's input size: uint8 [N, size, size, channels]."""
        normalise = Normalisation(self.about.mean, self.about.std)
        self.net.eval()
        with torch.inference_mode():
            parts = [
                probabilities(
                    self.net,
                    self.net(normalise(torch.from_numpy(images[start : start + BATCH]))) / self.about.temperature,
                ).numpy()
                for start in range(0, len(images), BATCH)
            ]
        found: NDArray[np.float32] = np.concatenate([np.zeros((0, len(self.emotions)), dtype=np.float32), *parts])
        if not np.isfinite(found).all():
            raise InputError("the classifier's probabilities are no numbers: its weights are damaged; fetch it again")
        return found


def save_model(folder: Path, classifier: Classifier) -> str:
    """Write the two files into `folder`; return the sha256 of the weights file."""
    weights = {name: tensor.detach().contiguous() for name, tensor in sorted(classifier.net.state_dict().items())}
    data = tensors_to_bytes(weights)
    with replacing(folder / WEIGHTS) as temporary:
        temporary.write_bytes(data)
    write_json(folder / DESCRIPTION, classifier.about.model_dump(mode="json"))
    return hashlib.sha256(data).hexdigest()


def load_model(folder: Path = paths.CLASSIFIER) -> Classifier:
    """Read a classifier that `save_model` wrote.

    Raises InputError if a file is missing, damaged, or does not belong with the other.
    """
    about = _description(folder / DESCRIPTION)
    path = folder / WEIGHTS
    with torch.random.fork_rng(devices=[]):
        try:
            net = build(about.net, len(about.emotions), about.arguments)
        except (TypeError, ValueError, RuntimeError, ArithmeticError, LookupError, MemoryError) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{folder / DESCRIPTION}: {about.net} takes no such arguments: {reason}") from error
    try:
        weights = tensors_from_bytes(path.read_bytes())
        net.load_state_dict(weights)
    except (OSError, SafetensorError) as error:
        raise InputError(
            f"{path} cannot be read as safetensors ({error}): fetch it again or run `dvc repro`"
        ) from error
    except RuntimeError as error:
        problem = str(error).split("\n\t", 1)[-1].replace("\n\t", " ")
        raise InputError(
            f"{path} does not hold the weights that {DESCRIPTION} describes ({about.net}, {len(about.emotions)} "
            f"emotions): {problem} Take both files from the same training."
        ) from error
    odd = [name for name, weight in weights.items() if not bool(torch.isfinite(weight).all())]
    if odd:
        raise InputError(f"{path} holds values in {odd[0]!r} that are no numbers: fetch it again or run `dvc repro`")
    net.eval()
    return Classifier(net, about)


def _description(path: Path) -> Description:
    try:
        values = _upgraded(json.loads(path.read_text(encoding="utf-8")), path)
        return Description.model_validate_json(json.dumps(values))
    except OSError as error:
        raise InputError(f"no trained model: {path} cannot be read ({error.strerror}); `dvc repro` makes it") from error
    except ValidationError as error:
        found = [f"{'.'.join(map(str, p['loc']))}: {p['msg']}" for p in error.errors(include_url=False)]
        problems = "; ".join(found[:5])[:500] + (f"; and {len(found) - 5} more" if len(found) > 5 else "")
        raise InputError(f"{path} does not describe a model of this version of toonset ({problems})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON ({error}): fetch it again or run `dvc repro`") from error


def _upgraded(values: Any, path: Path) -> Any:
    """A description of format 1 or 2 as one of today; anything else as it is."""
    if not isinstance(values, dict):
        return values
    if values.get("format") == 1:
        crops = BEFORE_FORMAT_2
        print(
            f"{path} was written by an earlier toonset and does not say how its faces were cut. They are taken to be "
            f"cut with the defaults of that time: margin {crops.margin:g}, {crops.size} px, found in pictures of "
            f"{crops.max_height} px height. If its project had other settings in `faces`, train it again.",
            file=sys.stderr,
        )
        values = values | {"format": 2, "margin": crops.margin, "crops": crops.model_dump()}
    if values.get("format") == 2:
        values = values | {"format": 3}
        if values.get("net") == "toon" and isinstance(values.get("arguments"), dict):
            values["arguments"] = {"seen": SEEN_BEFORE_FORMAT_3} | values["arguments"]
    return values
