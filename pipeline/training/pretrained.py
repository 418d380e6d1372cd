"""Published weights as the start of a training: from a file or a URL, checked against their sha256, never silently
skipped.
"""

import hashlib
import shutil
import struct
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any, Final

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import nn

from pipeline.caches import cache_folder
from pipeline.errors import InputError, ParamsError
from pipeline.nets.resnet import without_head
from pipeline.tables import replacing
from pipeline.training.recipes import Plan

NONE: Final = "none"
"""What `train.pretrained` says where random weights are wanted."""
TIMEOUT_S: Final = 60.0


def start_from_published(net: nn.Module, plan: Plan) -> bool:
    """Put the weights that params.yaml names into `net`, all but the head; whether it was done.

    Raises ParamsError where params.yaml does not say what to start from, InputError where the weights cannot be had,
    are not the ones that the sha256 says, or are another network's.
    """
    train = plan.settings
    wanted = train.pretrained
    if not plan.net.fine_tuned:
        if wanted not in (None, NONE):
            raise ParamsError(
                f"params.yaml: `train.pretrained` is {wanted!r}, but {train.net} starts from random weights; set it "
                "to null"
            )
        return False
    if wanted is None:
        raise ParamsError(
            f"params.yaml: {train.net} is fine-tuned from ImageNet weights, and `train.pretrained` names none. Give a "
            f"file or URL of torchvision's {train.net} weights, and their `train.pretrained_sha256`; or say "
            f"`pretrained: {NONE}` to start from random weights, which is a different experiment"
        )
    if wanted == NONE:
        return False
    _put(net, _read(_fetch(wanted, train.pretrained_sha256)), wanted, train.net)
    return True


def _fetch(source: str, sha256: str | None) -> Path:
    """The file itself, downloaded once, whose sha256 is the one expected."""
    if sha256 is None:
        raise ParamsError(
            f"params.yaml: `train.pretrained_sha256` is missing: the sha256 of {source}, 64 hexadecimal digits, as its "
            "publisher states it"
        )
    if "://" not in source:
        path = Path(source)
        if not path.is_file():
            raise InputError(f"train.pretrained: there is no file {source}")
    else:
        path = cache_folder("weights") / f"{sha256[:16]}{Path(source.split('?')[0]).suffix}"
        if not path.exists():
            _download(source, path)
    found = _sha256(path)
    if found != sha256:
        if "://" in source:
            path.unlink()
        raise InputError(
            f"train.pretrained: {source} has sha256 {found}, expected {sha256} (train.pretrained_sha256): it is "
            "damaged or another file; fetch it again, or correct the sha256 if you trust this file"
        )
    return path


def _download(url: str, path: Path) -> None:
    if not url.startswith(("http://", "https://")):
        raise InputError(f"train.pretrained: {url} should be a file, or begin with http:// or https://")
    try:
        with (
            urllib.request.urlopen(url, timeout=TIMEOUT_S) as answer,
            replacing(path) as temporary,
            temporary.open("wb") as file,
        ):
            shutil.copyfileobj(answer, file)
    except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
        raise InputError(
            f"train.pretrained: {url} cannot be fetched ({error}): try again, or fetch it by hand"
        ) from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


UnpicklingError: Final[type[Exception]] = vars(torch.serialization)["pickle"].UnpicklingError
"""PyTorch's own: nothing here pickles."""
DAMAGED: Final = (
    OSError, SafetensorError, RuntimeError, EOFError, ValueError, TypeError, LookupError, AttributeError,
    AssertionError, OverflowError, MemoryError, ImportError, UnpicklingError, struct.error,
)  # fmt: skip
"""What PyTorch's reader raises of files that are no weights; it runs no code in them (`weights_only`)."""


def _read(path: Path) -> dict[str, torch.Tensor]:
    """Tensors of a safetensors file, or of a PyTorch file, which is read as tensors only: no code in it is run."""
    try:
        if path.suffix == ".safetensors":
            found: Any = load_file(path)
        else:
            found = torch.load(path, map_location="cpu", weights_only=True)
    except DAMAGED as error:
        reason = " ".join(str(error).split())[:200] or type(error).__name__
        raise InputError(f"train.pretrained: {path} cannot be read as weights ({reason})") from error
    if not isinstance(found, dict):
        raise InputError(f"train.pretrained: {path} holds {type(found).__name__}, expected weights by name")
    for name, value in found.items():
        if not isinstance(name, str) or not torch.is_tensor(value):
            raise InputError(
                f"train.pretrained: {path} holds {type(value).__name__} under {str(name)[:60]!r}, expected weights by "
                "name, as torchvision publishes them"
            )
        if value.is_floating_point() and not bool(torch.isfinite(value).all()):
            raise InputError(f"train.pretrained: {path} holds values in {name!r} that are no numbers: it is damaged")
    return found


def _put(net: nn.Module, weights: dict[str, torch.Tensor], source: str, name: str) -> None:
    try:
        result = net.load_state_dict(without_head(weights), strict=False)
    except RuntimeError as error:
        problem = str(error).split("\n\t", 1)[-1].split("\n")[0]
        raise InputError(f"train.pretrained: {source} is not a file of {name} weights: {problem}") from error
    missing = [one for one in result.missing_keys if not one.startswith("fc.") and "num_batches" not in one]
    if missing or result.unexpected_keys:
        odd = (missing + result.unexpected_keys)[0]
        raise InputError(
            f"train.pretrained: {source} does not hold {name}'s weights under torchvision's names: {len(missing)} are "
            f"missing and {len(result.unexpected_keys)} are unknown, such as {odd}"
        )
