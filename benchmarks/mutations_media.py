"""Damaged videos and pictures: small drawn files of every kind, some bytes of each changed, seeded.

Used by the tests of what reads files that others made, and by the soak benchmark. A reader may answer with a reason or
read the file; a traceback, a hang or much memory is a fault of the reader.

    python -m benchmarks.mutations_media --count 400 --seed 1
"""

import argparse
import io
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Final

import av
import numpy as np
import numpy.typing as npt
from PIL import Image

from benchmarks.mutations_json import damage
from cascades.errors import PictureError
from cascades.pictures import decode_picture
from pipeline.schemas import EPISODES
from pipeline.stages.download import check, rejected_row
from pipeline.tables import to_table
from pipeline.video.decode import decode_frames
from pipeline.video.sources import Item

VIDEOS: Final = {
    "a.mp4": ("libx264", "yuv420p"),
    "b.mov": ("mpeg4", "yuv420p"),
    "c.mkv": ("libx264", "yuv420p"),
    "d.webm": ("libvpx", "yuv420p"),
    "e.avi": ("mpeg4", "yuv420p"),
    "f.ts": ("mpeg2video", "yuv420p"),
    "g.vob": ("mpeg2video", "yuv420p"),
    "h.wmv": ("wmv2", "yuv420p"),
    "i.flv": ("flv", "yuv420p"),
    "j.gif": ("gif", "rgb8"),
    "k.ogv": ("libtheora", "yuv420p"),
    "l.nut": ("ffv1", "yuv420p"),
}
"""Names, and codec and pixel format of what they hold."""
PICTURES: Final = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
HEADER: Final = 600
"""Bytes at the beginning, and at the end, that are changed most often: there sizes, counts and times stand."""


def draw(frames: int = 24, size: tuple[int, int] = (64, 48)) -> list[npt.NDArray[np.uint8]]:
    """Pictures of a moving square on noise, RGB uint8 (height, width, 3)."""
    rng = np.random.default_rng(3)
    ground = rng.integers(60, 200, (size[1], size[0], 3)).astype(np.uint8)
    pictures = []
    for index in range(frames):
        picture = ground.copy()
        picture[10:26, index : index + 16] = (240, 200, 40)
        pictures.append(picture)
    return pictures


def video_files() -> dict[str, bytes]:
    """Small sound videos by name, one of every container that this FFmpeg can write."""
    files = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, (codec, pixels) in VIDEOS.items():
            path = Path(folder) / name
            try:
                _write(path, codec, pixels)
            except (av.FFmpegError, ValueError):
                continue  # an FFmpeg without this encoder
            files[name] = path.read_bytes()
    return files


def _write(path: Path, codec: str, pixels: str) -> None:
    with av.open(str(path), "w") as container:
        # x264's macroblock tree gives other bytes about one time in ten.
        same = {"mbtree": "0"} if codec == "libx264" else {}
        stream = container.add_stream(codec, rate=24, options={"g": "8"} | same)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 64, 48, pixels
        stream.codec_context.thread_count = 1
        for index, picture in enumerate(draw()):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, Fraction(1, 24)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def picture_files() -> dict[str, bytes]:
    """Small sound pictures by name, of every kind, with transparency and with EXIF data where the kind has them."""
    files = {}
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.fromarray(draw(1)[0])
    for kind in PICTURES:
        buffer = io.BytesIO()
        image.save(buffer, kind, **({"exif": exif} if kind in ("JPEG", "PNG", "TIFF", "WEBP") else {}))
        files[f"a.{kind.lower()}"] = buffer.getvalue()
    clear = image.convert("RGBA")
    clear.putalpha(120)
    for kind in ("PNG", "WEBP", "TIFF"):
        buffer = io.BytesIO()
        clear.save(buffer, kind)
        files[f"clear.{kind.lower()}"] = buffer.getvalue()
    return files


def mutate(content: bytes, dice: random.Random) -> tuple[bytes, str]:
    """A file with one to three parts changed, most often where its headers stand, and what was done."""
    said = []
    for _ in range(dice.choice([1, 1, 2, 3])):
        start = dice.choice([0, 0, max(0, len(content) - HEADER), None])
        if start is None:
            content, what = damage(content, dice)
        else:
            part, what = damage(content[start : start + HEADER], dice)
            what = f"{what} from {start}"
            content = content[:start] + part + (b"" if "cut" in what else content[start + HEADER :])
        said.append(what)
    return content, ", ".join(said)


def read_video(content: bytes, name: str, folder: Path) -> str:
    """What the download stage does with a file: its row's reason, empty for a file that is taken and then decodes.

    A taken file is read twice, in sequence and, if it may be sought, by a seek to every frame: no frame is another.
    """
    path = folder / name
    path.write_bytes(content)
    checked = check(path, folder / "changes")
    item = Item("mutated", name, "file", "", "")
    to_table([rejected_row(item, checked.video.problem, checked)], EPISODES)
    if not checked.video.problem:
        frames = [(frame.index, frame.pts, frame.rgb().tobytes()) for frame in decode_frames(path)]
        assert len(frames) == checked.video.frames
        if checked.video.seekable:
            for index, pts, _ in frames[1:]:
                sought = next(decode_frames(path, start=index, stop=index + 1, start_pts=pts))
                assert (sought.index, sought.pts, sought.rgb().tobytes()) == frames[index], f"a seek to frame {index}"
    return checked.video.problem


def read_picture_file(content: bytes, name: str, folder: Path) -> str:
    """Why a picture is not read, empty for one that is."""
    try:
        decode_picture(content)
    except PictureError as error:
        return str(error)
    return ""


def run(
    files: dict[str, bytes], read: Callable[[bytes, str, Path], str], count: int, seed: int, folder: Path
) -> tuple[Counter[str], float]:
    """Read `count` mutated files; how many were read and refused, and the longest time in s.

    What a reader raises goes on, with a note of what was done to which file.
    """
    outcomes: Counter[str] = Counter()
    longest = 0.0
    for index in range(count):
        dice = random.Random(f"{seed} {index}")
        name = sorted(files)[index % len(files)]
        content, what = mutate(files[name], dice)
        began = time.monotonic()
        try:
            reason = read(content, name, folder)
        except Exception as error:  # it goes on, with a note
            error.add_note(f"{name}, number {index} of seed {seed}: {what}")
            raise
        longest = max(longest, time.monotonic() - began)
        outcomes["refused" if reason else "read"] += 1
    return outcomes, longest


def main() -> None:
    """Mutate and read videos and pictures; print what became of them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--count", type=int, default=400, help="Mutated files of each of videos and pictures.")
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for what, files, read in (
            ("videos", video_files(), read_video),
            ("pictures", picture_files(), read_picture_file),
        ):
            outcomes, longest = run(files, read, arguments.count, arguments.seed, Path(folder))
            print(f"{what}: {len(files)} files, {dict(outcomes)}, longest {longest:.1f} s", flush=True)
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform != "darwin" else 2**30)
    print(f"most memory: {most:.2f} GB")


if __name__ == "__main__":
    main()
