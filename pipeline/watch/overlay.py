"""`overlay.mp4`: the video with its sound, and in every frame who is there and what they feel."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from functools import lru_cache
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from matplotlib import font_manager
from PIL import Image, ImageDraw, ImageFont

from pipeline.console import progress
from pipeline.images import Pixels, Rectangle
from pipeline.tables import replacing
from pipeline.video.container import open_container
from pipeline.video.decode import decode_frames
from pipeline.watch.emoji import drawn
from pipeline.watch.places import Placed, Places
from pipeline.watch.video import Video

COPIED: Final = ("aac", "mp3", "ac3", "eac3", "alac")
"""Sound that an MP4 file holds and players play; any other is encoded as AAC."""
OPTIONS: Final = {"crf": "21", "preset": "veryfast", "mbtree": "0"}
"""x264's macroblock tree gives other bytes for the same pictures, about one time in ten."""
THREADS: Final = 2
UNSURE: Final = "?"


class Style:
    """Sizes and colors of what is drawn, for frames of a height in px."""

    def __init__(self, height: int, colors: Mapping[str, tuple[int, int, int]], names: Mapping[str, str]) -> None:
        self.line = max(1, round(height / 240))
        self.text = max(11, round(height / 36))
        self.colors = colors
        self.names = names
        self._font = ImageFont.truetype(font_manager.findfont("DejaVu Sans"), self.text)
        self.label = lru_cache(maxsize=256)(self._label)

    def _label(self, text: str) -> Pixels:
        """White text on nothing, as how much of each pixel it covers: uint8 [H, W]."""
        left, _, right, _ = self._font.getbbox(text)
        picture = Image.new("L", (int(right - left) + 2, round(self.text * 1.3)), 0)
        ImageDraw.Draw(picture).text((1 - left, round(self.text * 0.05)), text, fill=255, font=self._font)
        return np.asarray(picture, dtype=np.uint8)


class Sound:
    """A video's sound on its way into another file: copied where an MP4 may hold it, else encoded as AAC."""

    def __init__(self, path: Path, out: OutputContainer) -> None:
        self._source = open_container(path)
        self._packets: Iterator[Packet[AudioStream]] = iter(())
        self._waiting: Packet[AudioStream] | None = None
        stream = next((one for one in self._source.streams.audio if one.codec_context is not None), None)
        if stream is not None:
            # A format may have several decoders: MP3's is called mp3float.
            if stream.codec_context.codec.canonical_name in COPIED:
                self._packets = self._copied(stream, out.add_stream_from_template(stream))
            else:
                self._packets = self._encoded(stream, out.add_stream("aac", rate=stream.rate))

    def _copied(self, stream: AudioStream, target: AudioStream) -> Iterator["Packet[AudioStream]"]:
        for packet in self._source.demux(stream):
            if packet.dts is not None:
                packet.stream = target
                yield packet

    def _encoded(self, stream: AudioStream, target: AudioStream) -> Iterator["Packet[AudioStream]"]:
        for frame in self._source.decode(stream):
            yield from target.encode(frame)
        yield from target.encode(None)

    def until(self, seconds: float, first_s: float) -> Iterator["Packet[AudioStream]"]:
        """The packets up to a time of the new file, whose 0 is `first_s` of the old one; earlier ones are left out."""
        while True:
            packet = self._waiting if self._waiting is not None else next(self._packets, None)
            self._waiting = None
            if packet is None:
                return
            shift = round(first_s / float(packet.time_base))
            if packet.pts is None or packet.pts < shift:
                continue
            if (packet.pts - shift) * float(packet.time_base) > seconds:
                self._waiting = packet
                return
            packet.pts -= shift
            packet.dts = packet.pts
            yield packet

    def close(self) -> None:
        """Close the file it is read from."""
        self._source.close()


def write_overlay(path: Path, video: Video, places: Places, style: Style) -> None:
    """Encode the video anew as H.264 with its faces drawn in, and its sound, in the time of the video.

    Raises InputError where the video does not decode, StageError where the file cannot be written.
    """
    base = video.time_base
    options = {"movflags": "faststart"}
    with replacing(path) as temporary, av.open(str(temporary), "w", format="mp4", options=options) as out:
        frames = decode_frames(video.path, threads=THREADS)
        sound: Sound | None = None
        stream: VideoStream | None = None
        start = 0
        try:
            for frame in progress(frames, desc=f"overlay {video.name}", unit="frames", total=video.episode["frames"]):
                picture = draw_faces(frame.rgb(), places.at(frame.index), style)
                if stream is None or sound is None:
                    start, stream = frame.pts, _video_stream(out, video, picture, base)
                    sound = Sound(video.path, out)
                made = av.VideoFrame.from_ndarray(picture, format="rgb24")
                made.pts, made.time_base = frame.pts - start, base
                out.mux(stream.encode(made))
                out.mux(list(sound.until(float((frame.pts - start) * base), float(start * base))))
            if stream is not None and sound is not None:
                out.mux(stream.encode())
                out.mux(list(sound.until(float("inf"), float(start * base))))
        finally:
            if sound is not None:
                sound.close()


def _video_stream(out: OutputContainer, video: Video, picture: Pixels, base: Fraction) -> VideoStream:
    stream = out.add_stream("libx264", rate=video.rate, options=OPTIONS)
    stream.height, stream.width = picture.shape[:2]
    stream.pix_fmt = "yuv420p"  # what browsers play
    stream.codec_context.time_base = base
    stream.codec_context.thread_count = THREADS
    return stream


def draw_faces(rgb: Pixels, faces: Iterable[Placed], style: Style) -> Pixels:
    """The frame, uint8 [H, W, 3], with its faces drawn in, cut to an even height and width as H.264 needs."""
    picture = np.ascontiguousarray(rgb[: rgb.shape[0] & ~1, : rgb.shape[1] & ~1])
    if not picture.flags.writeable:
        picture = picture.copy()
    drawn_faces = list(faces)
    for face in drawn_faces:
        _draw_box(picture, face, style)
    plates: list[Rectangle] = []
    for face in drawn_faces:  # over all boxes
        plate = _draw_label(picture, face, style, plates)
        plates.append(plate)
    return picture


def _draw_box(picture: Pixels, face: Placed, style: Style) -> None:
    x, y, w, h = face.box
    color = style.colors[face.character]
    for shade, grow, thick in (((255, 255, 255), style.line, style.line * 3), (color, style.line, style.line)):
        cv2.rectangle(picture, (x - grow, y - grow), (x + w + grow, y + h + grow), shade, thick, cv2.LINE_AA)


def _draw_label(picture: Pixels, face: Placed, style: Style, taken: Sequence[Rectangle]) -> Rectangle:
    """Who it is, the emotion and the bar, above the box, or below it where there is no room or a label is already."""
    color = style.colors[face.character]
    x, y, _, h = face.box
    emotion = UNSURE if face.unsure else style.names.get(face.emotion, face.emotion)
    text = style.label(f"{style.names.get(face.character, face.character)}: {emotion}")
    side = 0 if face.unsure else 2 * style.text
    pad = style.line * 2
    width, height = side + text.shape[1] + 3 * pad, max(side, text.shape[0]) + style.line * 3 + pad
    left = max(0, min(x - style.line, picture.shape[1] - width))
    above, below = y - height - 2 * style.line, max(0, min(y + h + 2 * style.line, picture.shape[0] - height))
    free = above >= 0 and not any(_meet((left, above, width, height), other) for other in taken)
    place = (left, above if free else below, width, height)
    plate = _part(picture, *place)
    plate[:] = (plate * 0.25 + np.array(color) * 0.4).astype(np.uint8)  # dark enough for white letters
    if side:
        _paste(plate, *drawn(face.emotion, side), pad, 0)
    _paste(plate, np.full((*text.shape, 3), 255, np.uint8), text, side + 2 * pad, max(0, (side - text.shape[0]) // 2))
    bar = round((plate.shape[1] - 2 * pad) * face.probability)
    plate[-style.line * 3 : -style.line, pad : pad + bar] = 255
    return place


def _meet(one: Rectangle, other: Rectangle) -> bool:
    """Whether two rectangles (x, y, w, h) have a pixel in common."""
    return all(one[i] < other[i] + other[i + 2] and other[i] < one[i] + one[i + 2] for i in (0, 1))


def _part(picture: Pixels, left: int, top: int, width: int, height: int) -> Pixels:
    """A view of a part of a picture, as much of it as lies inside."""
    return picture[top : top + height, left : left + width]


def _paste(picture: Pixels, patch: Pixels, cover: Pixels, left: int, top: int) -> None:
    """Lay a patch on a picture at (left, top), as far as it lies inside."""
    place = _part(picture, left, top, patch.shape[1], patch.shape[0])
    patch, cover = patch[: place.shape[0], : place.shape[1]], cover[: place.shape[0], : place.shape[1], None]
    place[:] = (patch * (cover / 255) + place * (1 - cover / 255)).astype(np.uint8)
