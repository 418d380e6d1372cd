"""The overlay: every frame at its time, the sound beside it, and something drawn where a face is."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pandas as pd
import pytest

from pipeline.video.probe import probe
from pipeline.watch.overlay import OPTIONS, THREADS, Style, draw_faces, write_overlay
from pipeline.watch.places import Placed, Places
from pipeline.watch.record import Watched
from pipeline.watch.video import Video
from tests.pipeline.watch.watched import two_characters, watched
from tests.support.worlds import scene

RATE, FRAMES, SECOND = 24, 48, 48_000
BEEP = (0.75, 1.25)
"""s of the video in which it sounds; before and after it is silent."""


def write_film(path: Path, codec: str, first: int = 0) -> Path:
    """Two seconds of a gray picture, whose frame 24 is white, with sound in a codec; first: pts of the first frame."""
    times = np.arange(2 * SECOND) / SECOND
    tone = np.where((times >= BEEP[0]) & (times < BEEP[1]), 0.5 * np.sin(2 * np.pi * 440 * times), 0).astype(np.float32)
    with av.open(path, "w") as out:
        video = out.add_stream("libx264", rate=RATE, options={"crf": "12"})
        video.width, video.height, video.pix_fmt = 320, 180, "yuv420p"
        sound = out.add_stream(codec, rate=SECOND, layout="mono")
        size = sound.codec_context.frame_size or 1024
        packets = []
        for index in range(FRAMES):
            picture = np.full((180, 320, 3), 255 if index == 24 else 90, np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index + first, Fraction(1, RATE)
            packets += video.encode(frame)
        resampler = av.AudioResampler(format=sound.codec_context.format, layout="mono", rate=SECOND)
        for start in range(0, len(tone) - size + 1, size):
            block = av.AudioFrame.from_ndarray(tone[None, start : start + size], format="fltp", layout="mono")
            block.sample_rate, block.time_base = SECOND, Fraction(1, SECOND)
            block.pts = start + first * SECOND // RATE
            for ready in resampler.resample(block):
                packets += sound.encode(ready)
        for packet in [*packets, *video.encode(), *sound.encode()]:
            out.mux(packet)
    return path


def overlaid(folder: Path, film: Path) -> Path:
    """The overlay of a film over the drawn table of faces."""
    made: Watched = watched(folder, two_characters())
    info = probe(film)
    base = {"time_base_num": info.time_base.numerator, "time_base_den": info.time_base.denominator}
    video = Video(film, made.video.episode | base | {"frames": FRAMES}, pd.DataFrame({"start_pts": [info.first_pts]}))
    style = Style(180, {"cat": (217, 130, 47), "mouse": (59, 130, 196)}, {})
    write_overlay(folder / "overlay.mp4", video, Places(made.parts(Places.COLUMNS), hold=3), style)
    return folder / "overlay.mp4"


def loudness(path: Path) -> np.ndarray:
    """Root mean square of the sound in each eighth of a second from the file's time 0."""
    samples = np.zeros(3 * SECOND)
    with av.open(path) as file:
        resampler = av.AudioResampler(format="fltp", layout="mono", rate=SECOND)
        for frame in file.decode(file.streams.audio[0]):
            for block in resampler.resample(frame):
                start = round(block.pts * block.time_base * SECOND)
                part = block.to_ndarray()[0]
                samples[max(0, start) : start + len(part)] = part[max(0, -start) :]
    return np.sqrt((samples[: 2 * SECOND].reshape(16, -1) ** 2).mean(axis=1))


@pytest.mark.parametrize(
    ("name", "codec", "kept"), [("a.mp4", "aac", "aac"), ("a.mkv", "libmp3lame", "mp3float"), ("a.mkv", "flac", "aac")]
)
def test_frames_and_sound_stay_together(tmp_path: Path, name: str, codec: str, kept: str) -> None:
    path = overlaid(tmp_path, write_film(tmp_path / name, codec))
    with av.open(path) as file:
        video, sound = file.streams.video[0], file.streams.audio[0]
        assert (video.codec_context.name, video.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert sound.codec_context.name == kept
        frames = [(frame.time, frame.to_ndarray(format="gray")) for frame in file.decode(video)]
    assert [time for time, _ in frames] == pytest.approx([index / RATE for index in range(FRAMES)], abs=1e-3)
    corner = [int(picture[170, 310]) for _, picture in frames]
    assert int(np.argmax(corner)) == 24
    loud = np.flatnonzero(loudness(path) > 0.15) / 8
    assert BEEP[0] - 0.13 <= loud.min() <= BEEP[0] + 0.13
    assert BEEP[1] - 0.26 <= loud.max() <= BEEP[1]


def test_the_same_pictures_are_encoded_to_the_same_bytes() -> None:
    def encoded() -> bytes:
        encoder = av.CodecContext.create("libx264", "w")
        encoder.width, encoder.height, encoder.pix_fmt, encoder.time_base = 96, 64, "yuv420p", Fraction(1, RATE)
        encoder.options, encoder.thread_count = OPTIONS, THREADS
        content = b""
        for index, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            frame.pts, frame.time_base = index, encoder.time_base
            content += b"".join(map(bytes, encoder.encode(frame)))
        return content + b"".join(map(bytes, encoder.encode(None)))

    pictures = scene(2, 60)
    assert len({encoded() for _ in range(50)}) == 1


def test_a_film_whose_clock_does_not_begin_at_zero(tmp_path: Path) -> None:
    path = overlaid(tmp_path, write_film(tmp_path / "late.mkv", "flac", first=48))
    with av.open(path) as file:
        assert next(file.decode(file.streams.video[0])).time == pytest.approx(0, abs=1e-3)
    loud = np.flatnonzero(loudness(path) > 0.15) / 8
    assert BEEP[0] - 0.13 <= loud.min() <= BEEP[0] + 0.13


def test_a_face_is_framed_and_the_rest_is_left_alone(tmp_path: Path) -> None:
    film = write_film(tmp_path / "a.mp4", "aac")
    path = overlaid(tmp_path, film)
    with av.open(film) as before, av.open(path) as after:
        plain = [frame.to_ndarray(format="rgb24").astype(int) for frame in before.decode(video=0)]
        drawn = [frame.to_ndarray(format="rgb24").astype(int) for frame in after.decode(video=0)]
    for index in (0, 10, 40):
        changed = np.abs(plain[index] - drawn[index]).max(axis=2) > 40
        assert changed[19, 10:40].mean() > 0.8  # the upper edge of the cat's box, at 10, 20 and 30 px wide
        assert not changed[100:, :].any()
        assert not changed[25:55, 15:35].any()  # inside the box the face can be seen


def test_labels_of_faces_side_by_side_do_not_hide_each_other() -> None:
    style = Style(360, {"cat": (217, 130, 47), "mouse": (59, 130, 196)}, {})
    cat, mouse = (
        Placed(name, box, "happy", 0.9, False)
        for name, box in (("cat", (200, 140, 90, 90)), ("mouse", (240, 150, 90, 90)))
    )
    gray = np.full((360, 640, 3), 90, np.uint8)
    alone, both = draw_faces(gray.copy(), [cat], style), draw_faces(gray.copy(), [cat, mouse], style)
    above = slice(0, 136)  # where the cat's label is, and the mouse's would be
    np.testing.assert_array_equal(both[above], alone[above])
    assert (both[250:] != 90).any()
