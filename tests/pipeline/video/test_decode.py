"""`pipeline.video.decode`: what a decode of the whole stream says, and that pixels are what the file holds."""

import os
import subprocess
import sys
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from av.stream import Disposition

from cascades import chroma_of
from pipeline.errors import InputError
from pipeline.video import decode
from pipeline.video.decode import decode_frames
from pipeline.video.headers import promised_bytes
from pipeline.video.probe import probe
from tests.support.worlds import cut, scene, write_sound, write_video


@pytest.mark.parametrize(
    ("name", "codec", "known"),
    [
        ("a.mp4", "libx264", "h264"),
        ("a.mkv", "libx264", "h264"),
        ("a.avi", "mpeg4", "mpeg4"),
        ("a.webm", "libvpx", "vp8"),
        ("a.mov", "mpeg4", "mpeg4"),
        ("a.ts", "libx264", "h264"),
    ],
)
def test_a_sound_video_is_described(tmp_path: Path, name: str, codec: str, known: str) -> None:
    info = probe(write_video(tmp_path / name, scene(1, 30), codec=codec))
    assert info.problem == ""
    assert (info.codec, info.width, info.height, info.frames) == (known, 96, 64, 30)
    assert (info.rate, info.variable_rate) == (24, False)
    assert info.duration_s == pytest.approx(30 / 24, abs=0.002)
    assert (info.last_pts - info.first_pts) * info.time_base == pytest.approx(29 / 24, abs=0.001)


@pytest.mark.parametrize("name", ["film.mp4", "film.mkv", "film.mov"])
def test_ntsc_film_rate_is_exact(tmp_path: Path, name: str) -> None:
    info = probe(write_video(tmp_path / name, scene(1, 48), rate=Fraction(24000, 1001)))
    assert info.rate == Fraction(24000, 1001)
    assert not info.variable_rate


@pytest.mark.parametrize("frames", [2, 3, 9])
def test_rates_of_short_videos_are_exact_too(tmp_path: Path, frames: int) -> None:
    for name in ("a.mkv", "a.mp4"):
        assert probe(write_video(tmp_path / name, scene(1, frames))).rate == 24


@pytest.mark.film
@pytest.mark.slow
def test_real_film(footage: Path) -> None:
    info = probe(footage / "big_buck_bunny_720p.mp4")
    assert (info.problem, info.frames, info.rate, info.variable_rate) == ("", 14315, 24, False)
    assert info.duration_s == pytest.approx(596.46, abs=0.01)


@pytest.mark.parametrize("name", ["uneven.mp4", "uneven.mkv"])
def test_variable_frame_rate_is_seen(tmp_path: Path, name: str) -> None:
    pts = [0, 40, 80, 200, 240, 280, 400, 1000]
    path = write_video(tmp_path / name, scene(1, 8), pts=pts)
    info = probe(path)
    assert info.variable_rate
    assert info.problem == ""
    assert [round(frame.pts * info.time_base * 1000) for frame in decode_frames(path)] == pts


def test_one_frame_is_no_video(tmp_path: Path) -> None:
    info = probe(write_video(tmp_path / "one.mp4", scene(1, 1)))
    assert (info.frames, info.rate, info.first_pts) == (1, 24, info.last_pts)
    assert info.problem.startswith("it holds a single picture")


@pytest.mark.parametrize(
    ("name", "codec", "share", "some_decode"),
    [
        ("a.mkv", "libx264", 0.5, True),
        ("a.webm", "libvpx", 0.5, True),
        ("a.avi", "mpeg4", 0.8, True),
        ("b.avi", "mpeg4", 0.3, False),
        ("a.mp4", "libx264", 0.5, False),
    ],
)
def test_a_video_cut_off_in_the_middle_is_a_problem(
    tmp_path: Path, name: str, codec: str, share: float, some_decode: bool
) -> None:
    whole = write_video(tmp_path / name, scene(1, 60), codec=codec, options={"g": "10"})
    info = probe(cut(whole, tmp_path / f"cut-{name}", share))
    assert info.problem.startswith("cut short: its headers promise")
    assert "get the file again" in info.problem
    assert f"({info.frames} frames decode)" in info.problem
    assert (0 < info.frames < 60) if some_decode else info.frames == 0


def test_an_mp4_cut_off_before_its_index(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", scene(1, 60))
    index = whole.read_bytes().index(b"moov") - 4
    short = tmp_path / "b.mp4"
    short.write_bytes(whole.read_bytes()[:index])
    assert "without its index (moov)" in probe(short).problem


def test_an_mp4_with_its_index_first_cut_off(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mp4", scene(1, 60), container_options={"movflags": "faststart"})
    short = cut(whole, tmp_path / "b.mp4", 0.9)
    info = probe(short)
    assert 0 < info.frames < 60
    assert info.problem.startswith("cut short: its headers promise")
    with pytest.raises(InputError, match=f"does not decode after frame {info.frames - 1}"):
        list(decode_frames(short))


def test_damage_in_the_middle(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mkv", scene(1, 60), options={"g": "10"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 500] = bytes(500)
    path.write_bytes(content)
    assert "damaged" in probe(path).problem


def test_files_that_are_no_videos(tmp_path: Path) -> None:
    contents = {
        "text.mp4": (b"dear diary, today\n" * 50, "not a video"),
        "page.mp4": (b"<!DOCTYPE html><html><body>Not found</body></html>", "web page"),
        "nothing.mp4": (b"", "empty"),
        "zeros.mkv": (bytes(5000), "not a video"),
    }
    for name, (content, expected) in contents.items():
        path = tmp_path / name
        path.write_bytes(content)
        info = probe(path)
        assert expected in info.problem
        assert info.frames == 0
        with pytest.raises(InputError, match=name):
            list(decode_frames(path))


@pytest.mark.parametrize("name", ["sound.mp4", "sound.mkv"])
def test_sound_without_pictures(tmp_path: Path, name: str) -> None:
    path = write_sound(tmp_path / name)
    assert "no video stream" in probe(path).problem
    with pytest.raises(InputError, match="no video stream"):
        list(decode_frames(path))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no file"):
        probe(tmp_path / "nowhere.mp4")
    with pytest.raises(InputError, match=r"nowhere\.mp4"):
        list(decode_frames(tmp_path / "nowhere.mp4"))


def test_start_and_stop(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 20))
    everything = {frame.index: frame.pts for frame in decode_frames(path)}
    assert list(everything) == list(range(20))
    some = {frame.index: frame.pts for frame in decode_frames(path, start=4, stop=15)}
    assert some == {index: everything[index] for index in range(4, 15)}


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {"g": "12"}),
        ("open.mp4", "libx264", {"g": "12", "x264-params": "open-gop=1:scenecut=0"}),
        ("refresh.mp4", "libx264", {"g": "12", "x264-params": "intra-refresh=1:scenecut=0"}),
        ("a.mkv", "libx264", {"g": "12"}),
        ("a.ts", "libx264", {"g": "12"}),
        ("a.avi", "mpeg4", {"g": "12"}),
        ("a.webm", "libvpx", {"g": "12"}),
        ("bare.h264", "libx264", {"g": "12"}),
    ],
)
def test_frames_from_the_middle_are_those_of_a_reading_from_the_beginning(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    pictures = [picture for seed in range(3) for picture in scene(seed, 20)]
    path = write_video(tmp_path / name, pictures, codec=codec, options=options)
    everything = [(frame.index, frame.pts, frame.gray.tobytes()) for frame in decode_frames(path)]
    assert len(everything) == 60
    for start in range(1, 60, 7):
        frames = decode_frames(
            path, start=start, stop=start + 15, start_pts=everything[start][1], threads=1 + start % 2
        )
        found = [(frame.index, frame.pts, frame.gray.tobytes()) for frame in frames]
        assert found == everything[start : start + 15]


def test_where_seeking_works_nothing_before_the_keyframe_is_decoded(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 40), options={"g": "10", "x264-params": "scenecut=0"})
    times = [frame.pts for frame in decode_frames(path)]
    whole = path.read_bytes()
    with av.open(path) as container:
        first = next(packet for packet in container.demux(video=0))
        place, size = first.pos, first.size
    path.write_bytes(whole[:place] + bytes(size) + whole[place + size :])
    assert [frame.index for frame in decode_frames(path, start=25, start_pts=times[25])] == list(range(25, 40))


def test_a_wrong_time_is_never_believed(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 30), options={"g": "10"})
    everything = [(frame.index, frame.pts) for frame in decode_frames(path)]
    for wrong in (-5, everything[12][1] + 1, everything[-1][1] + 1000):
        assert [(f.index, f.pts) for f in decode_frames(path, start=12, start_pts=wrong)] == everything[12:]


@pytest.mark.parametrize("size", [(96, 64), (321, 241), (34, 50), (17, 19)])
def test_pixels_of_every_format_are_those_of_the_picture(tmp_path: Path, size: tuple[int, int]) -> None:
    """Lossless codecs, so that gray and color can be compared with what was drawn."""
    picture = scene(3, 1, size)[0]
    drawn = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(int)
    limited = np.round(16 + drawn * 219 / 255)
    for name, codec, pix_fmt, luma in [
        ("a.mkv", "ffv1", "yuv444p", limited),
        ("b.mkv", "ffv1", "yuv420p", limited),
        ("c.mkv", "ffv1", "yuv420p10le", limited),
        ("d.mkv", "ffv1", "gray", drawn),
        ("e.mov", "png", "rgb24", drawn),
        ("f.mkv", "ffv1", "bgr0", drawn),
    ]:
        frame = next(decode_frames(write_video(tmp_path / name, [picture], codec=codec, pix_fmt=pix_fmt)))
        assert frame.gray.shape == picture.shape[:2]
        assert frame.gray.dtype == np.uint8
        # Off by one or two from rounding; edges of the square blur in subsampled chroma but not in luma.
        assert np.abs(frame.gray - luma).max() <= 2, (name, pix_fmt)
        assert frame.rgb().shape == picture.shape
        half = (-(-size[0] // 2), -(-size[1] // 2))
        assert frame.chroma.shape == (2, *half[::-1])
        if pix_fmt == "gray":
            assert (frame.chroma == 128).all()
        else:
            # Limited range has 224 levels of chroma where chroma_of has 255.
            full = chroma_of(picture).astype(float)
            expected = full if luma is drawn else 128 + (full - 128) * 224 / 255
            small = [cv2.resize(plane, half, interpolation=cv2.INTER_AREA) for plane in expected]
            assert np.median(np.abs(frame.chroma - small)) <= 2, (name, pix_fmt)
        part = frame.rgb((5, 3, size[0] - 8, size[1] - 7))
        assert part.shape == (size[1] - 7, size[0] - 8, 3)
        if pix_fmt != "gray":
            assert np.median(np.abs(frame.rgb().astype(int) - picture)) <= 3, (name, pix_fmt)
            assert np.median(np.abs(part.astype(int) - picture[3:-4, 5:-3])) <= 3, (name, pix_fmt)


def test_gray_is_the_luma_plane_without_a_copy(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 3, (322, 242)))
    with av.open(path) as container:
        expected = [picture.to_ndarray()[:242] for picture in container.decode(video=0)]
    for frame, plane in zip(decode_frames(path), expected, strict=True):
        np.testing.assert_array_equal(frame.gray, plane)
        assert not frame.gray.flags.owndata


def test_frames_stay_what_they_are_when_kept(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 40))
    kept = list(decode_frames(path))
    now = [frame.gray.copy() for frame in decode_frames(path)]
    for frame, gray in zip(kept, now, strict=True):
        np.testing.assert_array_equal(frame.gray, gray)


def test_a_turned_video_is_read_upright_as_opencv_does(tmp_path: Path) -> None:
    path = write_video(tmp_path / "a.mp4", scene(1, 3))
    content = path.read_bytes()
    upright = b"".join(v.to_bytes(4, "big") for v in (0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000))
    turned = b"".join(v.to_bytes(4, "big") for v in (0, 0x10000, 0, 0xFFFF0000, 0, 0, 64 << 16, 0, 0x40000000))
    head, _, tail = content.rpartition(upright)  # the track's matrix comes after the film's
    path.write_bytes(head + turned + tail)
    frame = next(decode_frames(path))
    info = probe(path)
    assert (info.width, info.height) == (64, 96)
    assert frame.gray.shape == (96, 64)
    capture = cv2.VideoCapture(str(path))
    _, expected = capture.read()
    capture.release()
    assert expected.shape == (96, 64, 3)
    assert np.abs(frame.rgb().astype(int) - expected[..., ::-1]).mean() < 4  # conversions differ a little, turns a lot


def test_previews_are_small_and_never_larger(tmp_path: Path) -> None:
    frame = next(decode_frames(write_video(tmp_path / "a.mp4", scene(1, 1, (320, 200)))))
    assert frame.preview(80).shape == (50, 80, 3)
    assert frame.preview(1000).shape == (200, 320, 3)


@pytest.mark.parametrize(
    ("codec", "pix_fmt"), [("ffv1", "yuv420p"), ("ffv1", "yuv444p"), ("ffv1", "yuv420p10le"), ("ffv1", "bgr0")]
)
def test_a_preview_has_the_colors_of_the_picture(tmp_path: Path, codec: str, pix_fmt: str) -> None:
    (picture,) = scene(4, 1, (322, 202))
    frame = next(decode_frames(write_video(tmp_path / "a.mkv", [picture], codec=codec, pix_fmt=pix_fmt)))
    preview = frame.preview(90)
    assert preview.shape == (51, 81, 3)
    assert np.median(np.abs(preview.astype(int) - picture[::4, ::4])) <= 3


DIGEST = """
import ctypes, hashlib, sys
from pathlib import Path
import av
if sys.argv[2] == "plain":
    (library,) = (Path(av.__file__).parents[1] / "av.libs").glob("libavutil*")
    ctypes.CDLL(str(library)).av_force_cpu_flags(0)
from pipeline.video.decode import decode_frames
digest = hashlib.sha256()
for frame in decode_frames(Path(sys.argv[1])):
    for pixels in (frame.gray, frame.chroma, frame.rgb(), frame.rgb((31, 17, 101, 80)), frame.preview(100)):
        digest.update(pixels.tobytes())
print(digest.hexdigest())
"""


@pytest.mark.skipif(
    not (Path(av.__file__).parents[1] / "av.libs").is_dir(), reason="PyAV brings no libraries of its own"
)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_bytes_are_the_same_without_any_simd(tmp_path: Path, pix_fmt: str) -> None:
    path = write_video(tmp_path / "a.mkv", scene(1, 8, (322, 242)), pix_fmt=pix_fmt)
    found = [
        subprocess.run(
            [sys.executable, "-c", DIGEST, path, how],
            env={**os.environ, "PYTHONPATH": str(Path(decode.__file__).parents[2])},
            check=True,
            capture_output=True,
        ).stdout
        for how in ("usual", "plain")
    ]
    assert len(found[0]) == 65
    assert found[0] == found[1]


def test_promised_bytes_of_whole_files(tmp_path: Path) -> None:
    for name, codec in [("a.mp4", "libx264"), ("a.mkv", "libx264"), ("a.webm", "libvpx"), ("a.avi", "mpeg4")]:
        path = write_video(tmp_path / name, scene(1, 10), codec=codec)
        assert promised_bytes(path) == path.stat().st_size, name
    assert promised_bytes(write_video(tmp_path / "a.ts", scene(1, 10))) is None
    with (tmp_path / "a.mp4").open("ab") as file:
        file.write(b"trailing rubbish, harmless")
    assert probe(tmp_path / "a.mp4").problem == ""


def test_a_picture_that_changes_size_is_a_problem(tmp_path: Path) -> None:
    first = write_video(tmp_path / "a.ts", scene(1, 20))
    second = write_video(tmp_path / "b.ts", scene(2, 20, (128, 96)))
    both = tmp_path / "both.ts"
    both.write_bytes(first.read_bytes() + second.read_bytes())
    assert "changes size from (96, 64) to (128, 96) at frame 20" in probe(both).problem


@pytest.mark.parametrize("name", ["joined.ts", "bare.h264"])
def test_times_always_grow(tmp_path: Path, name: str) -> None:
    """Two recordings in one file start over in time; a bare stream has no times at all."""
    path = tmp_path / name
    part = write_video(tmp_path / f"a{path.suffix}", scene(1, 20))
    path.write_bytes(part.read_bytes() * 2)
    times = [frame.pts for frame in decode_frames(path)]
    assert len(times) == 40
    assert all(before < after for before, after in pairwise(times))
    info = probe(path)
    assert (info.frames, info.first_pts, info.last_pts) == (40, times[0], times[-1])


def test_a_cover_picture_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "song.mp3"
    with av.open(path, "w") as container:
        sound = container.add_stream("libmp3lame", rate=44100, layout="mono")
        cover = container.add_stream("mjpeg", rate=1)
        cover.width, cover.height, cover.pix_fmt = 64, 64, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        picture = av.VideoFrame.from_ndarray(np.zeros((64, 64, 3), np.uint8), format="rgb24")
        container.mux(cover.encode(picture))
        container.mux(cover.encode())
        for index in range(20):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1152), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 44100, index * 1152, Fraction(1, 44100)
            container.mux(sound.encode(frame))
        container.mux(sound.encode())
    with av.open(path) as container:
        assert len(container.streams.video) == 1
    assert "no video stream" in probe(path).problem
