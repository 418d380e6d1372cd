"""`toonset app --export page.html`: one file that finds faces and says what they feel, without a server or a network.

The page is given everything as numbers: the cascades, the network's weights, and how faces are cut. What it does with
them is in `standalone/`, in JavaScript: the same steps as here, whole numbers where they are whole numbers here. So it
looks at the same windows and finds the same faces; probabilities differ by the rounding of float sums.
"""

import base64
import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any, Final

import numpy as np
from jinja2 import Environment, StrictUndefined
from markupsafe import Markup
from numpy.typing import NDArray
from torch import nn

from cascades import Cascade
from cascades.features import HaarFeatures
from cascades.flat import flatten
from cascades.planes import COLOR
from pipeline.app.command import open_live
from pipeline.classifier.model import Classifier
from pipeline.errors import InputError
from pipeline.faces.cascade_files import CharacterCascade
from pipeline.nets.toon import Residual, Toon
from pipeline.palette import character_colors
from pipeline.tables import write_text
from pipeline.watch.emoji import drawing_of, face_of
from pipeline.watch.page import COLORS

PARTS: Final = ("pictures", "detector", "network", "page")
"""The scripts of `standalone/`, in their order."""


def export_page(path: Path, cascades: list[Path], model: Path) -> None:
    """Write the page; cascades: any OpenCV XML with Haar features, none: the project's.

    Raises InputError where the network or a cascade is of a kind that the page cannot run.
    """
    live, params = open_live(cascades, model)
    names = params.names if params is not None else {}
    page = page_of(live.classifier, list(live.cascades.values()), names)
    write_text(path, page)
    print(f"app: {path}, {len(page.encode()) / 1e6:.1f} MB; open it in a browser, no network is needed")


def page_of(classifier: Classifier, cascades: list[CharacterCascade], names: Mapping[str, str]) -> str:
    """The page as HTML. names: what people call characters and emotions."""
    folder = resources.files("pipeline.app") / "standalone"
    scripts = {name: Markup((folder / f"{name}.js").read_text(encoding="utf-8")) for name in PARTS}
    # Inside a script element only `</` could end it.
    data = json.dumps(_data(classifier, cascades, names), ensure_ascii=False, sort_keys=True).replace("</", "<\\/")
    template = (folder / "page.html").read_text(encoding="utf-8")
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(template).render(
        data=Markup(data), **scripts
    ) + "\n"  # fmt: skip


def _data(classifier: Classifier, cascades: list[CharacterCascade], names: Mapping[str, str]) -> dict[str, Any]:
    colors = character_colors([one.character for one in cascades])
    return {
        "cascades": [
            haar(one.cascade, one.character)
            | {
                "character": one.character,
                "name": names.get(one.character, one.character),
                "tint": colors[one.character],
                "min_score": one.min_score,
            }
            for one in cascades
        ],
        "crops": classifier.about.crops.model_dump(),
        "emotions": [
            {
                "id": name,
                "name": names.get(name, name),
                "text": face_of(name).text,
                "drawing": drawing_of(name),
                "color": COLORS[index % len(COLORS)],
            }
            for index, name in enumerate(classifier.emotions)
        ],
        "network": toon(classifier),
        "unsure_below": classifier.about.unsure_below,
    }


def packed(array: NDArray[Any]) -> dict[str, str]:
    """An array as the page reads it: its type and its bytes, little endian."""
    little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    return {"type": array.dtype.name, "base64": base64.b64encode(little.tobytes()).decode("ascii")}


def haar(cascade: Cascade, name: str) -> dict[str, Any]:
    """A Haar cascade of upright stumps, in the order in which it is read. Raises InputError where it is another."""
    if not isinstance(cascade.features, HaarFeatures):
        raise InputError(f"the cascade {name} has LBP features: a page can only hold Haar features, upright ones")
    flat = flatten(cascade)
    if not flat.stumps or flat.tilted.any():
        kind = "tilted features" if flat.tilted.any() else "trees of several nodes"
        raise InputError(f"the cascade {name} has {kind}: a page can only hold upright features, one for each tree")
    nodes = flat.nodes
    arrays = ("shape", "plane", "weights", "stump", "limit", "stages", "stage_threshold")
    return {
        "window": list(flat.window),
        "face": list(cascade.info.face),
        "color": cascade.info.planes == COLOR,
        "corners": packed(flat.corners),
        **{array: packed(getattr(nodes, array)) for array in arrays},
    }


def toon(classifier: Classifier) -> dict[str, Any]:
    """The network `toon` with batch normalisation folded in. Raises InputError for another network."""
    net, about = classifier.net.eval(), classifier.about
    if not isinstance(net, Toon):
        raise InputError(
            f"the classifier is {about.net}: a page can only hold toon, the others are too large or slow for one; "
            "set `train.net: toon`, or use `toonset export` and onnxruntime"
        )
    stem, norm, _, *blocks = net.features
    head = net.head[1]
    assert isinstance(head, nn.Linear)
    return {
        "size": about.size,
        "margin": about.margin,
        "seen": [net.seen.start, net.seen.stop],
        "mean": list(about.mean),
        "std": list(about.std),
        "temperature": about.temperature,
        "stem": folded(stem, norm),
        "blocks": [_block(block) for block in blocks if isinstance(block, Residual)],
        "head": {
            "weight": packed(head.weight.detach().numpy()),
            "bias": packed(head.bias.detach().numpy()),
            "before": head.in_features,
            "after": head.out_features,
        },
    }


def _block(block: Residual) -> dict[str, Any]:
    short = block.shortcut
    return {
        "conv1": folded(block.conv1, block.norm1),
        "conv2": folded(block.conv2, block.norm2),
        "shortcut": folded(short[1], short[2]) if isinstance(short, nn.Sequential) else None,
    }


def folded(conv: nn.Module, norm: nn.Module) -> dict[str, Any]:
    """A convolution and the batch normalisation behind it as one convolution with a bias."""
    assert isinstance(conv, nn.Conv2d)
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.running_mean is not None
    assert norm.running_var is not None
    factor = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    weight = conv.weight.detach().double() * factor[:, None, None, None]
    bias = norm.bias.detach().double() - norm.running_mean.double() * factor
    return {
        "weight": packed(weight.float().numpy()),
        "bias": packed(bias.float().numpy()),
        "before": conv.in_channels,
        "after": conv.out_channels,
        "kernel": conv.kernel_size[0],
        "stride": conv.stride[0],
    }
