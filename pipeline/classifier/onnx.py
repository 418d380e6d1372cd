"""The classifier as one ONNX file: pictures in, probabilities out, for programs without torch."""

import importlib.util
import io
import json
import logging
import warnings
from pathlib import Path
from typing import Any, Final

import numpy as np
import torch
from torch import nn

from pipeline.classifier.inputs import Normalisation
from pipeline.classifier.model import Classifier
from pipeline.errors import SetupError, StageError
from pipeline.nets.layers import probabilities
from pipeline.tables import replacing

TOLERANCE: Final = 1e-4
"""Between a probability of torch and of the file."""
NEEDED: Final = ("onnx", "onnxruntime", "onnxscript")


class Whole(nn.Module):
    """The network with what stands before and after it: uint8 [N, S, S, C] → probabilities, float32 [N, K]."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.net = classifier.net.eval()
        self.normalise = Normalisation(classifier.about.mean, classifier.about.std)
        self.temperature = classifier.about.temperature

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Probabilities of face crops that have the network's size."""
        return probabilities(self.net, self.net(self.normalise(pictures)) / self.temperature)


def export_onnx(classifier: Classifier, path: Path) -> float:
    """Write the file; return the largest difference of a probability from torch's, on pictures drawn at random.

    Input `pictures`, uint8 [N, size, size, channels], RGB, of faces with `margin` around their box; output
    `probabilities`, float32 [N, emotions]. The emotions and the margin stand in the file's metadata. Raises SetupError
    where a package is missing, StageError where the file does not answer as torch does.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise SetupError(f"{', '.join(missing)} not installed: pip install 'toonset[onnx]'")
    about = classifier.about
    shape = (3, about.size, about.size, about.channels)
    pictures = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    notes = {"emotions": json.dumps(about.emotions), "margin": json.dumps(about.margin)}
    data = _export(Whole(classifier), torch.from_numpy(pictures), notes)
    difference = float(np.abs(_run(data, pictures) - classifier.predict_fitted(pictures)).max())
    if not difference <= TOLERANCE:
        raise StageError(
            f"the ONNX file answers otherwise than torch, by {difference:.2g} (at most {TOLERANCE:g} is accepted); it "
            "is not written. Other versions of torch and onnxruntime may agree: see requirements.lock"
        )
    with replacing(path) as temporary:
        temporary.write_bytes(data)
    return difference


def _export(whole: Whole, pictures: torch.Tensor, notes: dict[str, str]) -> bytes:
    import onnx

    # torch's exporter warns about its own internals and about torchvision, which nobody here can mend.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        program: Any = torch.onnx.export(
            whole,
            (pictures,),
            input_names=["pictures"],
            output_names=["probabilities"],
            dynamic_shapes=({0: torch.export.Dim("faces", min=1, max=65536)},),
            dynamo=True,
            verbose=False,
        )
    model = program.model_proto
    for node in [*model.graph.node, *model.graph.value_info, *model.graph.input, *model.graph.output]:
        del node.metadata_props[:]  # stack traces, with the paths of this machine
    onnx.helper.set_model_props(model, notes)
    buffer = io.BytesIO()
    onnx.save_model(model, buffer)
    return buffer.getvalue()


def _run(data: bytes, pictures: Any) -> Any:
    import onnxruntime

    session = onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])
    return session.run(["probabilities"], {"pictures": pictures})[0]
