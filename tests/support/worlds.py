"""Worlds that the pipeline's tests draw themselves: small videos, and a project directory."""

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

from pipeline.params import Params

Picture = npt.NDArray[np.uint8]
SIZE = (96, 64)


def scene(seed: int, frames: int, size: tuple[int, int] = SIZE) -> list[Picture]:
    """One shot: a colored background of its own with a square that moves a little; (height, width, 3) uint8 each."""
    width, height = size
    dice = np.random.default_rng(seed)
    background = np.empty((height, width, 3), np.uint8)
    background[:] = dice.integers(40, 220, 3)
    background[height // 2 :] = dice.integers(40, 220, 3)
    pictures = []
    for step in range(frames):
        picture = background.copy()
        left = (5 + step) % (width - 12)
        picture[8:20, left : left + 12] = dice.integers(0, 255, 3) if step == 0 else pictures[0][8, 5]
        pictures.append(picture)
    return pictures


def faded(pictures: Sequence[Picture], end: int) -> list[Picture]:
    """The shot with its last `end` frames going to black (its first `-end`, coming from black)."""
    levels = np.ones(len(pictures))
    if end >= 0:
        levels[len(pictures) - end :] = np.linspace(1, 0, end)
    else:
        levels[:-end] = np.linspace(0, 1, -end)
    return [(picture * level).astype(np.uint8) for picture, level in zip(pictures, levels, strict=True)]


def write_video(
    path: Path,
    pictures: Iterable[Picture],
    *,
    rate: Fraction = Fraction(24),
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    pts: Sequence[int] | None = None,
    options: dict[str, str] | None = None,
    container_options: dict[str, str] | None = None,
) -> Path:
    """Encode pictures as a video; `pts`, in units of 1/1000 s, spaces them unevenly."""
    if codec == "libx264":  # for the same pictures, its macroblock tree gives other bytes about one time in ten
        options = {"mbtree": "0"} | (options or {})
    with av.open(path, "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        stream.pix_fmt = pix_fmt
        stream.codec_context.thread_count = 1
        if pts is not None:
            stream.codec_context.time_base = Fraction(1, 1000)
        for index, picture in enumerate(pictures):
            if index == 0:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if pts is None:
                frame.pts, frame.time_base = index, 1 / rate
            else:
                frame.pts, frame.time_base = pts[index], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def write_sound(path: Path, codec: str = "aac") -> Path:
    """A second of silence without any picture."""
    with av.open(path, "w") as container:
        stream = container.add_stream(codec, rate=44100, layout="mono")
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44100, index * 1024, Fraction(1, 44100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def cut(source: Path, target: Path, share: float) -> Path:
    """The first `share` of a file, as a broken-off copy leaves it."""
    content = source.read_bytes()
    target.write_bytes(content[: int(len(content) * share)])
    return target


def params(*episodes: dict[str, Any], **sections: Any) -> Params:
    """Valid parameters with these episodes, worked on in this process."""
    basics: dict[str, Any] = {"toonset": "0.1", "characters": ["cat"], "emotions": ["happy", "sad"]}
    return Params.model_validate({**basics, "episodes": list(episodes), "compute": {"workers": 1}, **sections})
